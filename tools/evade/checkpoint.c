/* SET.checkpoint, a safetensors file: `images` U8 [finished, height, width, channels], the first of
 * the adversarial images in the order of the attack, and as metadata (trapdoor.attack) {"queries",
 * "gradients", "attack"}: what those images took, and the attack's identity. */
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

td_status evade_checkpoint_name(evade_checkpoint *c, tool_run *run, td_error *error) {
    static const char ending[] = ".checkpoint";
    const char *output = run->common->output;
    const size_t size = strlen(output) + sizeof ending;
    if (td_path_exists(output) && !td_path_is_file(output))
        return TD_OK;
    TD_TRY(TD_ARENA_NEW(&run->arena, size, &c->path, "a file name", error));
    snprintf(c->path, size, "%s%s", output, ending);
    if (((const evade_settings *)run->family)->resume || run->common->force ||
        !td_path_exists(c->path))
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "%s: an attack did not end here; --resume goes on with it, --force starts anew",
                   c->path);
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

static td_status write_images(const evade_checkpoint *c, const evade_work *work, const char *head,
                              td_error *error) {
    finished f = {c->plan->tasks, work->pixels, td_image_size(c->images)};
    const td_pieces pieces = {next_image, &f};
    const td_tensor tensor = {
        .name = "images",
        .dtype = TD_U8,
        .rank = 4,
        .dims = {work->finished, c->images->height, c->images->width, c->images->channels},
        .pieces = &pieces};
    const td_metadata metadata = {head_key, head};
    td_output file;
    TD_TRY(td_output_open(&file, c->path, true, error));
    td_status status = td_safetensors_write(file.stream, &tensor, 1, &metadata, 1, error);
    if (status == TD_OK)
        return td_output_commit(&file, error);
    td_output_discard(&file);
    return td_fail_within(error, status, "%s", c->path);
}

static td_status write_all(evade_checkpoint *c, const evade_work *work, td_error *error) {
    json_t *head = json_pack("{sI sI sO}", "queries", (json_int_t)work->queries, "gradients",
                             (json_int_t)work->gradients, "attack", c->identity);
    char *text = head ? json_dumps(head, EXACT) : NULL;
    td_status status = text ? write_images(c, work, text, error)
                            : td_fail_memory(error, "the checkpoint's metadata");
    if (status == TD_OK)
        c->kept = work->finished;
    free(text);
    json_decref(head);
    return status;
}

td_status evade_checkpoint_write(evade_checkpoint *c, const evade_work *work, td_error *error) {
    double began = tool_monotonic_seconds();
    if (!c->path || began < c->next)
        return TD_OK;
    TD_TRY(write_all(c, work, error));
    double ended = tool_monotonic_seconds();
    c->next = ended + fmax(INTERVAL, COST * (ended - began));
    return TD_OK;
}

td_status evade_checkpoint_keep(evade_checkpoint *c, const evade_work *work, td_status status,
                                td_error *error) {
    td_error before = *error, why;
    if (c->path && work->finished > c->kept && write_all(c, work, &why) != TD_OK &&
        strcmp(before.message, why.message) != 0) /* else it is why the run ends */
        td_fail(error, status, "%s; %s", before.message, why.message);
    before = *error;
    if (c->kept == 0)
        return status;
    return td_fail(error, status, "%s; --resume goes on, %zu of %zu images are kept",
                   before.message, c->kept, c->plan->attacked);
}

td_status evade_checkpoint_remove(const evade_checkpoint *c, td_error *error) {
    if (!c->path || unlink(c->path) == 0 || errno == ENOENT)
        return TD_OK;
    return td_fail(error, TD_ERR_IO, "%s: %s", c->path, strerror(errno));
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
static td_status read_head(const evade_checkpoint *c, const td_safetensors *file, evade_work *work,
                           td_error *error) {
    const char *text = td_safetensors_metadata(file, head_key);
    json_t *head;
    if (!text)
        return td_fail(error, TD_ERR_FORMAT, "metadata: expected \"%s\", found none: no checkpoint",
                       head_key);
    td_status status = td_json_parse(text, strlen(text), &head, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "metadata \"%s\"", head_key);
    status = tool_identity_check(c->identity, json_object_get(head, "attack"), "attack", error);
    if (status == TD_OK)
        status = read_count(head, "queries", &work->queries, error);
    if (status == TD_OK)
        status = read_count(head, "gradients", &work->gradients, error);
    json_decref(head);
    return status;
}

/* Images are finished in order and as many at once as the attack takes, so that their number says
 * which they are. */
static bool can_be_finished(const evade_checkpoint *c, size_t count) {
    const size_t attacked = c->plan->attacked;
    return count == attacked || (count > 0 && count < attacked && count % c->at_once == 0);
}

static td_status read_images(evade_checkpoint *c, const td_safetensors *file, evade_work *work,
                             td_error *error) {
    const td_images *images = c->images;
    const td_tensor *tensor = td_safetensors_find(file, "images");
    const size_t size = td_image_size(images);
    if (!tensor || tensor->dtype != TD_U8 || tensor->rank != 4 ||
        tensor->dims[1] != images->height || tensor->dims[2] != images->width ||
        tensor->dims[3] != images->channels)
        return td_fail(error, TD_ERR_FORMAT,
                       "tensor \"images\": expected U8 of images of %zux%zux%zu, found %s",
                       images->height, images->width, images->channels,
                       tensor ? "another type or shape" : "none");
    const size_t count = tensor->dims[0];
    if (!can_be_finished(c, count))
        return td_fail(error, TD_ERR_FORMAT,
                       "tensor \"images\": expected %zu images, or fewer in whole batches of %zu, "
                       "found %zu",
                       c->plan->attacked, c->at_once, count);
    const uint8_t *pixels = tensor->data;
    size_t taken = 0;
    for (size_t i = 0; taken < count; i++)
        if (c->plan->tasks[i].attacked)
            memcpy(work->pixels + i * size, pixels + taken++ * size, size);
    work->finished = c->kept = count;
    return TD_OK;
}

td_status evade_checkpoint_open(evade_checkpoint *c, bool resume, evade_work *work,
                                td_error *error) {
    td_safetensors file;
    c->next = tool_monotonic_seconds() + INTERVAL;
    if (!c->path || !resume || !td_path_exists(c->path))
        return TD_OK;
    TD_TRY(td_safetensors_open(&file, c->path, error));
    td_status status = read_head(c, &file, work, error);
    if (status == TD_OK)
        status = read_images(c, &file, work, error);
    td_safetensors_close(&file);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", c->path);
}
