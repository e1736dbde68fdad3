/* SPDX-License-Identifier: MIT */
/* SET.checkpoint, a safetensors file: `images` U8 [finished, height, width, channels], the first of
 * the adversarial images in the order of the attack, and as metadata (trapdoor.attack) {"queries",
 * "gradients", "attack"}: the cost of those images, and the attack's identity. */
#include "base/json.h"
#include "evade/evade.h"
#include "frame/clock.h"
#include <math.h>
#include <string.h>

/* Seconds between two writes, or so many times the duration of the last write, if that is more: at
 * most a twentieth of the time goes to checkpoints. */
static const double INTERVAL = 30, COST = 20;

td_status evade_checkpoint_name(evade_job *job, td_error *error) {
    job->checkpoint.key = "trapdoor.attack";
    job->checkpoint.work = "attack";
    return tool_checkpoint_name(&job->checkpoint, job->run, job->settings->resume, error);
}

/* --- writing --- */

/* The finished images, one after the other. */
typedef struct finished {
    const evade_task *task;
    const uint8_t *pixels; /* the task's */
    size_t size;
} finished;

static td_status next_image(void *context, const void **piece, size_t *bytes, td_error *error) {
    finished *f = context;
    (void)error;
    for (; !f->task->attacked; f->task++)
        f->pixels += f->size;
    *piece = f->pixels;
    *bytes = f->size;
    f->task++;
    f->pixels += f->size;
    return TD_OK;
}

static td_status write_images(evade_job *job, td_error *error) {
    const td_images *images = &job->data.images;
    finished f = {job->tasks, job->pixels, td_image_size(images)};
    const td_pieces pieces = {next_image, &f};
    const td_tensor tensor = {
        .name = "images",
        .dtype = TD_U8,
        .rank = 4,
        .dims = {job->finished, images->height, images->width, images->channels},
        .pieces = &pieces};
    td_json json = {0};
    json_t *head = td_json_pack(&json, "{sI sI}", "queries", (json_int_t)job->queries, "gradients",
                                (json_int_t)job->gradients);
    TD_TRY(tool_checkpoint_write(&job->checkpoint, &json, head, NULL, &tensor, 1, error));
    job->kept = job->finished;
    return TD_OK;
}

td_status evade_checkpoint_write(evade_job *job, td_error *error) {
    double began = tool_monotonic_seconds();
    if (!job->checkpoint.path || began < job->next)
        return TD_OK;
    TD_TRY(write_images(job, error));
    double ended = tool_monotonic_seconds();
    job->next = ended + fmax(INTERVAL, COST * (ended - began));
    return TD_OK;
}

td_status evade_checkpoint_keep(evade_job *job, td_status status, td_error *error) {
    td_error before = *error, why;
    td_status written = TD_OK;
    if (job->checkpoint.path && job->finished > job->kept)
        written = write_images(job, &why);
    if (written != TD_OK && status == TD_OK)
        status = td_fail(error, written, "%s", why.message);
    else if (written != TD_OK && strcmp(before.message, why.message) != 0)
        td_fail(error, status, "%s; %s", before.message, why.message); /* else it is the same */
    if (job->kept > 0)
        tool_run_leaves(job->run, job->checkpoint.path,
                        "--resume continues, %zu of %zu images are kept", job->kept, job->attacked);
    return status;
}

/* --- reading --- */

static td_status read_count(const json_t *head, const char *key, uint64_t *out, td_error *error) {
    json_int_t count;
    if (!td_json_take_integer(head, key, &count) || count < 0)
        return td_fail(error, TD_ERR_FORMAT,
                       "metadata \"trapdoor.attack\": expected a whole number of %s, from 0, found "
                       "none",
                       key);
    *out = (uint64_t)count;
    return TD_OK;
}

/* Images are finished in order, in batches of the attack, so their number identifies them. */
static bool can_be_finished(const evade_job *job, size_t count) {
    return count == job->attacked ||
           (count > 0 && count < job->attacked && count % job->attack->at_once == 0);
}

static td_status take_work(void *context, const json_t *head, const td_safetensors *file,
                           td_error *error) {
    evade_job *job = context;
    const td_images *images = &job->data.images;
    const td_tensor *tensor = td_safetensors_find(file, "images");
    const size_t size = td_image_size(images);
    TD_TRY(read_count(head, "queries", &job->queries, error));
    TD_TRY(read_count(head, "gradients", &job->gradients, error));
    if (!tensor || tensor->dtype != TD_U8 || tensor->rank != 4 ||
        tensor->dims[1] != images->height || tensor->dims[2] != images->width ||
        tensor->dims[3] != images->channels)
        return td_fail(error, TD_ERR_FORMAT,
                       "tensor \"images\": expected U8 of images of %zux%zux%zu, found %s",
                       images->height, images->width, images->channels,
                       tensor ? "another type or shape" : "none");
    const size_t count = tensor->dims[0];
    if (!can_be_finished(job, count))
        return td_fail(error, TD_ERR_FORMAT,
                       "tensor \"images\": expected %zu images, or fewer in whole batches of %zu, "
                       "found %zu",
                       job->attacked, job->attack->at_once, count);
    const uint8_t *pixels = tensor->data;
    size_t taken = 0;
    for (size_t i = 0; taken < count; i++)
        if (job->tasks[i].attacked)
            memcpy(job->pixels + i * size, pixels + taken++ * size, size);
    job->finished = job->kept = count;
    return TD_OK;
}

td_status evade_checkpoint_open(evade_job *job, td_error *error) {
    job->next = tool_monotonic_seconds() + INTERVAL;
    return job->checkpoint.path && job->settings->resume
               ? tool_checkpoint_read(&job->checkpoint, take_work, job, error)
               : TD_OK;
}
