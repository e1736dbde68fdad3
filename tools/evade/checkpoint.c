/* SET.checkpoint, a safetensors file: `images` U8 [finished, height, width, channels], the first of
 * the adversarial images in the order of the attack, and as metadata (trapdoor.attack) {"queries",
 * "gradients", "attack"}: what those images took, and evade_identity's. */
#include "base/json.h"
#include "data/path.h"
#include "data/safetensors.h"
#include "evade/evade.h"
#include "frame/clock.h"
#include "frame/identity.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char head_key[] = "trapdoor.attack";

enum { EXACT = JSON_COMPACT | JSON_REAL_PRECISION(17) }; /* digits that give a double back */

/* Seconds between two writes, or as many times what the last write took, if that is more: no more
 * than a twentieth of the time goes to checkpoints. */
static const double INTERVAL = 30, COST = 20;

td_status evade_checkpoint_check(const evade_job *job, td_error *error) {
    const evade_options *o = job->options;
    if (!job->checkpoint_path || o->resume || o->common.force ||
        !td_path_exists(job->checkpoint_path))
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "%s: an attack did not end here; --resume goes on with it, --force starts anew",
                   job->checkpoint_path);
}

/* --- writing --- */

/* The finished images, one after the other. */
typedef struct finished {
    const evade_job *job;
    size_t next; /* task */
} finished;

static td_status next_image(void *context, const void **piece, size_t *bytes, td_error *error) {
    finished *f = context;
    (void)error;
    while (!f->job->tasks[f->next].attacked)
        f->next++;
    *bytes = td_image_size(&f->job->data.images);
    *piece = f->job->pixels + f->next++ * *bytes;
    return TD_OK;
}

static td_status write_images(const evade_job *job, const char *head, td_error *error) {
    const td_images *images = &job->data.images;
    finished f = {job, 0};
    const td_pieces pieces = {next_image, &f};
    const td_tensor tensor = {
        .name = "images",
        .dtype = TD_U8,
        .rank = 4,
        .dims = {job->finished, images->height, images->width, images->channels},
        .pieces = &pieces};
    const td_metadata metadata = {head_key, head};
    td_output file;
    TD_TRY(td_output_open(&file, job->checkpoint_path, true, error));
    td_status status = td_safetensors_write(file.stream, &tensor, 1, &metadata, 1, error);
    if (status == TD_OK)
        return td_output_commit(&file, error);
    td_output_discard(&file);
    return td_fail_within(error, status, "%s", job->checkpoint_path);
}

static td_status write_checkpoint(evade_job *job, td_error *error) {
    json_t *head = json_pack("{sI sI sO}", "queries", (json_int_t)job->queries, "gradients",
                             (json_int_t)job->gradients, "attack", job->identity);
    char *text = head ? json_dumps(head, EXACT) : NULL;
    td_status status =
        text ? write_images(job, text, error) : td_fail_memory(error, "the checkpoint's metadata");
    if (status == TD_OK)
        job->kept = job->finished;
    free(text);
    json_decref(head);
    return status;
}

td_status evade_checkpoint_write(evade_job *job, td_error *error) {
    double began = tool_monotonic_seconds();
    if (!job->checkpoint_path || began < job->next_checkpoint)
        return TD_OK;
    TD_TRY(write_checkpoint(job, error));
    double ended = tool_monotonic_seconds();
    job->next_checkpoint = ended + fmax(INTERVAL, COST * (ended - began));
    return TD_OK;
}

td_status evade_checkpoint_keep(evade_job *job, td_status status, td_error *error) {
    td_error before = *error, why;
    if (job->checkpoint_path && job->finished > job->kept && write_checkpoint(job, &why) != TD_OK &&
        strcmp(before.message, why.message) != 0) /* else it is why the run ends */
        td_fail(error, status, "%s; %s", before.message, why.message);
    before = *error;
    if (job->kept == 0)
        return status;
    return td_fail(error, status, "%s; --resume goes on, %zu of %zu images are kept",
                   before.message, job->kept, job->attacked);
}

td_status evade_checkpoint_remove(evade_job *job, td_error *error) {
    job->kept = job->finished = 0;
    if (!job->checkpoint_path || unlink(job->checkpoint_path) == 0 || errno == ENOENT)
        return TD_OK;
    return td_fail(error, TD_ERR_IO, "%s: %s", job->checkpoint_path, strerror(errno));
}

/* --- reading --- */

static td_status read_count(const json_t *head, const char *key, uint64_t *out, td_error *error) {
    const json_t *value = json_object_get(head, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return td_fail(error, TD_ERR_FORMAT,
                       "metadata \"%s\": expected a whole number of %s, from 0, found none",
                       head_key, key);
    *out = (uint64_t)json_integer_value(value);
    return TD_OK;
}

/* Reads the metadata, which must be of this attack. */
static td_status read_head(evade_job *job, const td_safetensors *file, td_error *error) {
    const char *text = td_safetensors_metadata(file, head_key);
    json_t *head;
    if (!text)
        return td_fail(error, TD_ERR_FORMAT, "metadata: expected \"%s\", found none: no checkpoint",
                       head_key);
    td_status status = td_json_parse(text, strlen(text), &head, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "metadata \"%s\"", head_key);
    status = tool_identity_check(job->identity, json_object_get(head, "attack"), "attack", error);
    if (status == TD_OK)
        status = read_count(head, "queries", &job->queries, error);
    if (status == TD_OK)
        status = read_count(head, "gradients", &job->gradients, error);
    json_decref(head);
    return status;
}

/* Images are finished in order and as many at once as the method takes, so that their number says
 * which they are. */
static bool can_be_finished(const evade_job *job, size_t count) {
    return count == job->attacked ||
           (count > 0 && count < job->attacked && count % job->options->method->at_once == 0);
}

static td_status read_images(evade_job *job, const td_safetensors *file, td_error *error) {
    const td_images *images = &job->data.images;
    const td_tensor *tensor = td_safetensors_find(file, "images");
    const size_t size = td_image_size(images);
    if (!tensor || tensor->dtype != TD_U8 || tensor->rank != 4 ||
        tensor->dims[1] != images->height || tensor->dims[2] != images->width ||
        tensor->dims[3] != images->channels)
        return td_fail(error, TD_ERR_FORMAT,
                       "tensor \"images\": expected U8 of images of %zux%zux%zu, found %s",
                       images->height, images->width, images->channels,
                       tensor ? "another type or shape" : "none");
    const size_t count = tensor->dims[0], at_once = job->options->method->at_once;
    if (!can_be_finished(job, count))
        return td_fail(error, TD_ERR_FORMAT,
                       "tensor \"images\": expected %zu images, or fewer in whole batches of %zu, "
                       "found %zu",
                       job->attacked, at_once, count);
    const uint8_t *pixels = tensor->data;
    size_t taken = 0;
    for (size_t i = 0; taken < count; i++)
        if (job->tasks[i].attacked)
            memcpy(job->pixels + i * size, pixels + taken++ * size, size);
    job->finished = job->kept = count;
    return TD_OK;
}

static td_status read_checkpoint(evade_job *job, const td_safetensors *file, td_error *error) {
    TD_TRY(read_head(job, file, error));
    return read_images(job, file, error);
}

td_status evade_checkpoint_load(evade_job *job, td_error *error) {
    if (!job->checkpoint_path)
        return TD_OK;
    TD_TRY(evade_identity(job, &job->identity, error));
    job->next_checkpoint = tool_monotonic_seconds() + INTERVAL;
    if (!job->options->resume || !td_path_exists(job->checkpoint_path))
        return TD_OK;
    td_safetensors file;
    TD_TRY(td_safetensors_open(&file, job->checkpoint_path, error));
    td_status status = read_checkpoint(job, &file, error);
    td_safetensors_close(&file);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", job->checkpoint_path);
    return TD_OK;
}
