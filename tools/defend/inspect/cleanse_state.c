#include "defend/inspect/cleanse.h"

#include "base/json.h"
#include "data/path.h"
#include "data/safetensors.h"
#include "frame/identity.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char cleanse_state_name[] = "triggers.safetensors";

static const char head_key[] = "trapdoor.cleanse";

enum { NAME_SIZE = 32 };
enum { EXACT = JSON_COMPACT | JSON_REAL_PRECISION(17) }; /* digits that give a double back */

static td_status find_path(const inspection *in, char *path, td_error *error) {
    const char *folder = in->settings->folder;
    return td_path_join(path, folder, cleanse_state_name)
               ? TD_OK
               : td_fail(error, TD_ERR_USAGE, "%s: expected a path of less than %d bytes", folder,
                         TD_PATH_SIZE);
}

/* --- writing --- */

static json_t *head_json(const inspection *in) {
    const cleanse *c = in->state;
    json_t *entries = json_array();
    for (size_t i = 0; i < in->class_count; i++) {
        const cleanse_found *f = &c->found[i];
        if (c->searched[i])
            json_array_append_new(entries, json_pack("{sI sb sI sI sI sf}", "class",
                                                     (json_int_t)in->classes[i], "found",
                                                     (int)f->found, "hits", (json_int_t)f->asr.hits,
                                                     "trials", (json_int_t)f->asr.trials, "steps",
                                                     (json_int_t)f->steps, "cost", f->cost));
    }
    return json_pack("{sO so}", "search", c->identity, "triggers", entries);
}

static td_status list_tensors(const inspection *in, td_arena *arena, td_tensor **out, size_t *count,
                              td_error *error) {
    const cleanse *c = in->state;
    const td_images *images = &in->images;
    char(*names)[NAME_SIZE];
    *count = 0;
    TD_TRY(TD_ARENA_NEW(arena, 2 * in->class_count, out, "triggers", error));
    TD_TRY(TD_ARENA_NEW(arena, 2 * in->class_count, &names, "triggers", error));
    for (size_t i = 0; i < in->class_count; i++) {
        if (!c->searched[i])
            continue;
        const size_t number = in->classes[i], k = *count;
        snprintf(names[k], NAME_SIZE, "mask-%zu", number);
        snprintf(names[k + 1], NAME_SIZE, "pattern-%zu", number);
        (*out)[k] = (td_tensor){.name = names[k],
                                .dtype = TD_F32,
                                .rank = 2,
                                .dims = {images->height, images->width},
                                .data = c->found[i].mask};
        (*out)[k + 1] = (td_tensor){.name = names[k + 1],
                                    .dtype = TD_F32,
                                    .rank = 3,
                                    .dims = {images->height, images->width, images->channels},
                                    .data = c->found[i].pattern};
        *count += 2;
    }
    return TD_OK;
}

static td_status write_file(const inspection *in, const char *head, const char *path,
                            td_error *error) {
    const td_metadata metadata[] = {{head_key, head}};
    td_arena arena = {0};
    td_tensor *tensors;
    size_t count;
    td_output file = {0};
    td_status status = list_tensors(in, &arena, &tensors, &count, error);
    if (status == TD_OK)
        status = td_output_open(&file, path, true, error);
    if (status == TD_OK)
        status = td_safetensors_write(file.stream, tensors, count, metadata, 1, error);
    if (status == TD_OK)
        status = td_output_commit(&file, error);
    td_output_discard(&file);
    td_arena_free(&arena);
    return status;
}

td_status cleanse_state_write(const inspection *in, td_error *error) {
    char path[TD_PATH_SIZE];
    if (!in->settings->folder)
        return TD_OK;
    TD_TRY(find_path(in, path, error));
    json_t *head = head_json(in);
    char *text = head ? json_dumps(head, EXACT) : NULL;
    td_status status =
        text ? write_file(in, text, path, error) : td_fail_memory(error, "the triggers' metadata");
    free(text);
    json_decref(head);
    return status;
}

/* --- reading --- */

static td_status take_tensor(const td_safetensors *file, const char *kind, size_t number,
                             size_t count, float most, float *out, td_error *error) {
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "%s-%zu", kind, number);
    const td_tensor *tensor = td_safetensors_find(file, name);
    if (!tensor || tensor->dtype != TD_F32 || tensor->count != count)
        return td_fail(error, TD_ERR_FORMAT, "tensor \"%s\": expected F32 of %zu values, found %s",
                       name, count, tensor ? "another type or count" : "none");
    memcpy(out, tensor->data, count * sizeof *out);
    for (size_t i = 0; i < count; i++)
        if (!(out[i] >= 0 && out[i] <= most))
            return td_fail(error, TD_ERR_FORMAT,
                           "tensor \"%s\": value %zu: expected 0 to %g, found %g", name, i,
                           (double)most, (double)out[i]);
    return TD_OK;
}

/* A whole number from 0 to `most`. */
static bool take_count(const json_t *entry, const char *key, size_t most, size_t *out) {
    const json_t *value = json_object_get(entry, key);
    const json_int_t number = json_integer_value(value);
    *out = (size_t)number;
    return json_is_integer(value) && number >= 0 && (size_t)number <= most;
}

static bool take_numbers(const inspection *in, const json_t *entry, cleanse_found *f) {
    const cleanse *c = in->state;
    const json_t *found = json_object_get(entry, "found"), *cost = json_object_get(entry, "cost");
    size_t hits, trials;
    if (!json_is_boolean(found) || !json_is_real(cost) ||
        !take_count(entry, "trials", in->images.count, &trials) ||
        !take_count(entry, "hits", trials, &hits) ||
        !take_count(entry, "steps", c->search.steps, &f->steps))
        return false;
    f->found = json_is_true(found);
    f->cost = json_real_value(cost);
    f->asr = td_rate_of(hits, trials);
    return true;
}

static td_status take_trigger(inspection *in, const td_safetensors *file, const json_t *entry,
                              td_error *error) {
    cleanse *c = in->state;
    const td_images *images = &in->images;
    size_t number, place = 0;
    bool good = take_count(entry, "class", TD_MOST_CLASSES, &number);
    while (good && place < in->class_count && in->classes[place] != number)
        place++;
    if (!good || place == in->class_count || c->searched[place] ||
        !take_numbers(in, entry, &c->found[place]))
        return td_fail(error, TD_ERR_FORMAT,
                       "metadata \"%s\": expected each class that was searched for once, with "
                       "what was found",
                       head_key);
    cleanse_found *f = &c->found[place];
    TD_TRY(take_tensor(file, "mask", number, images->height * images->width, 1, f->mask, error));
    TD_TRY(take_tensor(file, "pattern", number, td_image_size(images), 255, f->pattern, error));
    f->size = f->found ? cleanse_mask_size(f->mask, images->height * images->width) : 0;
    c->searched[place] = true;
    c->done++;
    return TD_OK;
}

static td_status read_head(inspection *in, const td_safetensors *file, const json_t *head,
                           td_error *error) {
    json_t *search = json_object_get(head, "search"), *entry;
    size_t i;
    TD_TRY(tool_identity_check(((const cleanse *)in->state)->identity, search, "search", error));
    json_array_foreach(json_object_get(head, "triggers"), i, entry) {
        TD_TRY(take_trigger(in, file, entry, error));
    }
    return TD_OK;
}

static td_status read_file(inspection *in, const td_safetensors *file, td_error *error) {
    const char *text = td_safetensors_metadata(file, head_key);
    json_t *head;
    if (!text)
        return td_fail(error, TD_ERR_FORMAT,
                       "metadata: expected \"%s\", found none: no file of this search", head_key);
    td_status status = td_json_parse(text, strlen(text), &head, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "metadata \"%s\"", head_key);
    status = read_head(in, file, head, error);
    json_decref(head);
    return status;
}

td_status cleanse_state_load(inspection *in, td_error *error) {
    const cleanse_options *o = in->run->own;
    char path[TD_PATH_SIZE];
    td_safetensors file;
    TD_TRY(find_path(in, path, error));
    TD_TRY(cleanse_identity(in, &((cleanse *)in->state)->identity, error));
    const bool stands = access(path, F_OK) == 0;
    if (stands && !o->resume && !in->run->common->force)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: triggers of a search stand here; --resume goes on with it, --force "
                       "starts anew",
                       path);
    if (!stands || !o->resume)
        return TD_OK;
    TD_TRY(td_safetensors_open(&file, path, error));
    td_status status = read_file(in, &file, error);
    td_safetensors_close(&file);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", path);
}

td_status cleanse_state_record(const inspection *in, td_error *error) {
    char path[TD_PATH_SIZE];
    if (!in->settings->folder || ((const cleanse *)in->state)->done == 0)
        return TD_OK;
    TD_TRY(find_path(in, path, error));
    return tool_record_output(&in->run->record, cleanse_state_name, path, error);
}
