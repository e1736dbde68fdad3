/* SPDX-License-Identifier: MIT */
/* MODEL.checkpoint, a safetensors file: `weights` F32 [weights], `optimizer` F32 [states, weights],
 * `log` U8 (the log so far, a JSON array), and as metadata the net's text (trapdoor.net) and
 * {"epoch", "training"} (trapdoor.checkpoint), where `training` is everything that determines the
 * bytes of the result. */
#include "base/json.h"
#include "data/safetensors.h"
#include "frame/clock.h"
#include "train/train.h"
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const char net_key[] = "trapdoor.net", head_key[] = "trapdoor.checkpoint";

td_status train_checkpoint_name(train_job *job, td_error *error) {
    job->checkpoint.key = head_key;
    job->checkpoint.work = "training";
    return tool_checkpoint_name(&job->checkpoint, job->run, job->settings->resume, error);
}

/* --- writing --- */

/* At the end of each epoch its state is copied, unless the previous copy is being written. A
 * separate thread writes and syncs the copy while training continues, if it is due; otherwise an
 * interruption or a failure writes it. */

static td_status write_copy(const train_copy *copy, td_error *error) {
    const train_job *job = copy->job;
    const size_t weights = job->net->weight_count;
    const td_tensor tensors[] = {
        {.name = "weights", .dtype = TD_F32, .rank = 1, .dims = {weights}, .data = copy->weights},
        {.name = "optimizer",
         .dtype = TD_F32,
         .rank = 2,
         .dims = {job->states, weights},
         .data = copy->optimizer_state},
        {.name = "log", .dtype = TD_U8, .rank = 1, .dims = {strlen(copy->log)}, .data = copy->log},
    };
    const td_metadata metadata = {net_key, copy->net};
    td_json json = {0};
    json_t *head = td_json_pack(&json, "{sz}", "epoch", copy->epoch);
    return tool_checkpoint_write(&job->checkpoint, &json, head, &metadata, tensors, 3, error);
}

static void *write_beside(void *context) {
    train_copy *copy = context;
    copy->status = write_copy(copy, &copy->error);
    atomic_store(&copy->written, true);
    return NULL;
}

/* Waits until the copy is written; afterwards it may be changed. */
static td_status end_writing(train_job *job, td_error *error) {
    train_copy *copy = &job->copy;
    if (!copy->writing)
        return TD_OK;
    pthread_join(copy->writer, NULL);
    copy->writing = false;
    if (copy->status != TD_OK)
        return td_fail(error, copy->status, "%s", copy->error.message);
    job->kept = copy->epoch;
    return TD_OK;
}

static td_status begin_writing(train_job *job, td_error *error) {
    train_copy *copy = &job->copy;
    sigset_t all, before;
    atomic_store(&copy->written, false);
    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    copy->writing = pthread_create(&copy->writer, NULL, write_beside, copy) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (copy->writing)
        return TD_OK;
    TD_TRY(write_copy(copy, error));
    job->kept = copy->epoch;
    return TD_OK;
}

static td_status allocate(train_job *job, td_error *error) {
    train_copy *copy = &job->copy;
    const size_t weights = job->net->weight_count;
    td_arena *arena = &job->run->arena;
    if (copy->weights)
        return TD_OK;
    copy->job = job;
    copy->kept = -INFINITY;
    TD_TRY(td_net_text(job->net, arena, &copy->net, error));
    TD_TRY(TD_ARENA_NEW(arena, weights * job->states, &copy->optimizer_state, "the checkpoint",
                        error));
    return TD_ARENA_NEW(arena, weights, &copy->weights, "the checkpoint", error);
}

/* Waits for the thread to have finished with the previous copy. */
static td_status take_copy(train_job *job, const td_train_state *state, td_error *error) {
    train_copy *copy = &job->copy;
    const size_t weights = job->net->weight_count;
    TD_TRY(end_writing(job, error));
    td_json json = job->run->record.json; /* the log fails if the record lacks a field */
    char *log = td_json_print(&json, job->epochs, TOOL_CHECKPOINT_JSON);
    td_status status = td_json_end(&json, NULL, "the checkpoint's log", error);
    if (status != TD_OK) { /* the previous copy may still have to be written */
        free(log);
        return status;
    }
    free(copy->log);
    copy->log = log;
    copy->epoch = state->epoch;
    memcpy(copy->weights, job->weights, weights * sizeof *copy->weights);
    memcpy(copy->optimizer_state, state->optimizer_state,
           weights * job->states * sizeof *copy->optimizer_state);
    return TD_OK;
}

td_status train_checkpoint_write(train_job *job, const td_train_state *state, td_error *error) {
    train_copy *copy = &job->copy;
    if (!job->checkpoint.path)
        return TD_OK;
    TD_TRY(allocate(job, error));
    const double now = tool_monotonic_seconds(), epoch = now - copy->ended;
    const bool due = state->epoch == job->settings->training.options.epochs ||
                     tool_checkpoint_due(now - copy->kept, epoch);
    copy->ended = now;
    if (!due && copy->writing && !atomic_load(&copy->written))
        return TD_OK;
    TD_TRY(take_copy(job, state, error));
    if (!due)
        return TD_OK;
    copy->kept = now;
    return begin_writing(job, error);
}

td_status train_checkpoint_end(train_job *job, td_error *error) {
    td_status status = end_writing(job, error);
    if (job->copy.epoch > job->kept) { /* not written yet, or in vain */
        status = write_copy(&job->copy, error);
        if (status == TD_OK)
            job->kept = job->copy.epoch;
    }
    return status;
}

/* --- reading --- */

static td_status copy_floats(const td_safetensors *file, const char *name, size_t count, float *out,
                             td_error *error) {
    const td_tensor *tensor = td_safetensors_find(file, name);
    if (!tensor || tensor->dtype != TD_F32 || tensor->count != count)
        return td_fail(error, TD_ERR_FORMAT, "tensor \"%s\": expected F32 of %zu values, found %s",
                       name, count, tensor ? "another type or count" : "none");
    memcpy(out, tensor->data, count * sizeof *out);
    for (size_t i = 0; i < count; i++)
        if (!isfinite(out[i]))
            return td_fail(error, TD_ERR_FORMAT,
                           "tensor \"%s\": value %zu: expected a finite number, found %g", name, i,
                           (double)out[i]);
    return TD_OK;
}

static bool is_line(const json_t *line, size_t epoch, bool validated, size_t watched) {
    return json_object_size(line) == 4 + (validated ? 3u : 0u) + (watched ? 1u : 0u) &&
           json_integer_value(json_object_get(line, "epoch")) == (json_int_t)epoch &&
           json_is_real(json_object_get(line, "loss")) &&
           json_is_real(json_object_get(line, "accuracy")) &&
           json_is_real(json_object_get(line, "lr")) &&
           (!validated || json_is_real(json_object_get(line, "validation_accuracy"))) &&
           json_array_size(json_object_get(line, "triggers")) == watched;
}

static td_status read_log(train_job *job, const td_safetensors *file, size_t epoch,
                          td_error *error) {
    const td_tensor *tensor = td_safetensors_find(file, "log");
    json_t *log;
    if (!tensor || tensor->dtype != TD_U8)
        return td_fail(error, TD_ERR_FORMAT, "tensor \"log\": expected one of U8");
    td_status status = td_json_parse(tensor->data, tensor->bytes, &log, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "tensor \"log\"");
    bool good = json_array_size(log) == epoch;
    for (size_t i = 0; good && i < epoch; i++)
        good = is_line(json_array_get(log, i), i + 1, job->settings->validate != NULL,
                       job->watched_count);
    if (!good)
        status = td_fail(error, TD_ERR_FORMAT,
                         "tensor \"log\": expected a line for each of %zu epochs", epoch);
    else
        td_json_extend(&job->run->record.json, job->epochs, log);
    json_decref(log);
    return status;
}

static td_status read_checkpoint(void *context, const json_t *head, const td_safetensors *file,
                                 td_error *error) {
    train_job *job = context;
    const size_t weights = job->net->weight_count, states = job->states * weights;
    const json_int_t epoch = json_integer_value(json_object_get(head, "epoch"));
    if (epoch < 1 || (size_t)epoch > job->settings->training.options.epochs)
        return td_fail(error, TD_ERR_FORMAT,
                       "metadata: expected an epoch from 1 to %zu, found %lld",
                       job->settings->training.options.epochs, (long long)epoch);
    TD_TRY(TD_ARENA_NEW(&job->run->arena, states, &job->optimizer_state, "the optimiser", error));
    TD_TRY(copy_floats(file, "weights", weights, job->weights, error));
    TD_TRY(copy_floats(file, "optimizer", states, job->optimizer_state, error));
    TD_TRY(read_log(job, file, (size_t)epoch, error));
    job->resumed = job->kept = (size_t)epoch;
    return TD_OK;
}

td_status train_checkpoint_load(train_job *job, td_error *error) {
    if (!job->checkpoint.path)
        return TD_OK;
    TD_TRY(train_identity(job, &job->checkpoint.identity, error));
    return job->settings->resume
               ? tool_checkpoint_read(&job->checkpoint, read_checkpoint, job, error)
               : TD_OK;
}

static td_status read_start(train_job *job, const td_safetensors *file, td_error *error) {
    const char *net = td_safetensors_metadata(file, net_key);
    const td_tensor *tensor = td_safetensors_find(file, "weights");
    TD_TRY(td_net_parse(&job->own_net, net ? net : "", NULL, error));
    size_t weights = job->own_net.weight_count;
    /* A net text may claim more than the file holds, so the tensor is checked before the
     * allocation. */
    if (!tensor || tensor->count != weights)
        return td_fail(error, TD_ERR_FORMAT, "tensor \"weights\": expected %zu values, found %zu",
                       weights, tensor ? tensor->count : 0);
    TD_TRY(TD_ARENA_NEW(&job->run->arena, weights, &job->weights, "weights", error));
    return copy_floats(file, "weights", weights, job->weights, error);
}

td_status train_checkpoint_start(train_job *job, const char *path, bool *found, td_error *error) {
    td_source file;
    TD_TRY(td_source_open(&file, path, error));
    td_status status = TD_OK;
    *found = td_safetensors_metadata(&file.safetensors, head_key) != NULL;
    if (*found && (status = read_start(job, &file.safetensors, error)) != TD_OK)
        td_fail_within(error, status, "%s", path);
    td_source_close(&file);
    return status;
}
