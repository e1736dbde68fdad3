/* MODEL.checkpoint, a safetensors file: `weights` F32 [weights], `optimizer` F32 [states, weights],
 * `log` U8 (the log so far, a JSON array), and as metadata the net's text (trapdoor.net) and
 * {"epoch", "training"} (trapdoor.checkpoint), where `training` is all that decides about the bytes
 * of the result. */
#include "base/json.h"
#include "data/safetensors.h"
#include "frame/identity.h"
#include "train/train.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char net_key[] = "trapdoor.net", head_key[] = "trapdoor.checkpoint";

enum { EXACT = JSON_COMPACT | JSON_REAL_PRECISION(17) }; /* digits that give a double back */

static bool stands(const char *path) {
    return access(path, F_OK) == 0;
}

td_status train_checkpoint_check(const train_job *job, td_error *error) {
    if (!job->checkpoint_path || job->settings->resume || job->run->common->force ||
        !stands(job->checkpoint_path))
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "%s: a training did not end here; --resume goes on with it, --force starts anew",
                   job->checkpoint_path);
}

/* --- writing --- */

static td_status write_tensors(const train_job *job, const td_train_state *state, const char *net,
                               const char *head, const char *log, td_error *error) {
    size_t weights = job->net->weight_count;
    const td_tensor tensors[] = {
        {.name = "weights", .dtype = TD_F32, .rank = 1, .dims = {weights}, .data = job->weights},
        {.name = "optimizer",
         .dtype = TD_F32,
         .rank = 2,
         .dims = {job->states, weights},
         .data = state->optimizer_state},
        {.name = "log", .dtype = TD_U8, .rank = 1, .dims = {strlen(log)}, .data = log},
    };
    const td_metadata metadata[] = {{net_key, net}, {head_key, head}};
    td_output file;
    TD_TRY(td_output_open(&file, job->checkpoint_path, true, error));
    td_status status = td_safetensors_write(file.stream, tensors, 3, metadata, 2, error);
    if (status == TD_OK)
        return td_output_commit(&file, error);
    td_output_discard(&file);
    return td_fail_within(error, status, "%s", job->checkpoint_path);
}

td_status train_checkpoint_write(train_job *job, const td_train_state *state, td_error *error) {
    if (!job->checkpoint_path)
        return TD_OK;
    td_arena arena = {0};
    char *net;
    TD_TRY(td_net_text(job->net, &arena, &net, error));
    json_t *head =
        json_pack("{sI sO}", "epoch", (json_int_t)state->epoch, "training", job->identity);
    char *head_text = head ? json_dumps(head, EXACT) : NULL;
    char *log = json_dumps(job->epochs, EXACT);
    td_status status = head_text && log ? write_tensors(job, state, net, head_text, log, error)
                                        : td_fail_memory(error, "the checkpoint's metadata");
    if (status == TD_OK)
        job->kept = state->epoch;
    free(log);
    free(head_text);
    json_decref(head);
    td_arena_free(&arena);
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

/* Reads the metadata, which must be of this training, and gives the epoch. */
static td_status read_head(const train_job *job, const td_safetensors *file, size_t *epoch,
                           td_error *error) {
    const char *text = td_safetensors_metadata(file, head_key);
    json_t *head;
    if (!text)
        return td_fail(error, TD_ERR_FORMAT, "metadata: expected \"%s\", found none: no checkpoint",
                       head_key);
    td_status status = td_json_parse(text, strlen(text), &head, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "metadata \"%s\"", head_key);
    json_int_t number = json_integer_value(json_object_get(head, "epoch"));
    status =
        tool_identity_check(job->identity, json_object_get(head, "training"), "training", error);
    if (status == TD_OK && (number < 1 || (size_t)number > job->settings->options.epochs))
        status =
            td_fail(error, TD_ERR_FORMAT, "metadata: expected an epoch from 1 to %zu, found %lld",
                    job->settings->options.epochs, (long long)number);
    *epoch = (size_t)number;
    json_decref(head);
    return status;
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
    else if (json_array_extend(job->epochs, log) != 0)
        status = td_fail_memory(error, "the log");
    json_decref(log);
    return status;
}

static td_status read_checkpoint(train_job *job, const td_safetensors *file, td_error *error) {
    size_t weights = job->net->weight_count, epoch = 0;
    size_t states = job->states * weights;
    TD_TRY(read_head(job, file, &epoch, error));
    TD_TRY(TD_ARENA_NEW(&job->run->arena, states, &job->optimizer_state, "the optimiser", error));
    TD_TRY(copy_floats(file, "weights", weights, job->weights, error));
    TD_TRY(copy_floats(file, "optimizer", states, job->optimizer_state, error));
    TD_TRY(read_log(job, file, epoch, error));
    job->resumed = job->kept = epoch;
    return TD_OK;
}

td_status train_checkpoint_load(train_job *job, td_error *error) {
    if (!job->checkpoint_path)
        return TD_OK;
    TD_TRY(train_identity(job, &job->identity, error));
    if (!job->settings->resume || !stands(job->checkpoint_path))
        return TD_OK;
    td_safetensors file;
    TD_TRY(td_safetensors_open(&file, job->checkpoint_path, error));
    td_status status = read_checkpoint(job, &file, error);
    td_safetensors_close(&file);
    if (status != TD_OK)
        td_fail_within(error, status, "%s", job->checkpoint_path);
    return status;
}

static td_status read_start(train_job *job, const td_safetensors *file, td_error *error) {
    const char *net = td_safetensors_metadata(file, net_key);
    const td_tensor *tensor = td_safetensors_find(file, "weights");
    TD_TRY(td_net_parse(&job->own_net, net ? net : "", NULL, error));
    size_t weights = job->own_net.weight_count;
    /* A net text may claim more than the file holds, so the tensor comes before the allocation. */
    if (!tensor || tensor->count != weights)
        return td_fail(error, TD_ERR_FORMAT, "tensor \"weights\": expected %zu values, found %zu",
                       weights, tensor ? tensor->count : 0);
    TD_TRY(TD_ARENA_NEW(&job->run->arena, weights, &job->weights, "weights", error));
    return copy_floats(file, "weights", weights, job->weights, error);
}

td_status train_checkpoint_start(train_job *job, const char *path, bool *found, td_error *error) {
    td_safetensors file;
    TD_TRY(td_safetensors_open(&file, path, error));
    td_status status = TD_OK;
    *found = td_safetensors_metadata(&file, head_key) != NULL;
    if (*found && (status = read_start(job, &file, error)) != TD_OK)
        td_fail_within(error, status, "%s", path);
    td_safetensors_close(&file);
    return status;
}
