/* SPDX-License-Identifier: MIT */
#include "defend/inspect/cleanse.h"

#include "base/json.h"
#include "base/output.h"
#include "data/path.h"
#include "data/safetensors.h"
#include "frame/identity.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char cleanse_state_name[] = "triggers.safetensors";

static const char ending[] = ".checkpoint";

static const char head_key[] = "trapdoor.cleanse";

enum { NAME_SIZE = 32 };
enum { EXACT = JSON_COMPACT | JSON_REAL_PRECISION(17) }; /* enough digits to restore a double */

/* --- writing --- */

static json_t *head_json(td_json *json, const cleanse *c, const size_t *classes) {
    json_t *entries = td_json_array(json);
    for (size_t i = 0; i < c->done; i++) {
        const cleanse_found *f = &c->found[i];
        td_json_append(json, entries,
                       td_json_pack(json, "{sz sb sz sz sz sf}", "class", classes[i], "found",
                                    f->found, "hits", f->asr.hits, "trials", f->asr.trials, "steps",
                                    f->steps, "cost", f->cost));
    }
    return td_json_pack(json, "{sO so}", "search", c->identity, "triggers", entries);
}

static td_status list_tensors(const inspection *in, td_arena *arena, td_tensor **out,
                              td_error *error) {
    const cleanse *c = in->state;
    const td_images *images = &in->images;
    char(*names)[NAME_SIZE];
    TD_TRY(TD_ARENA_NEW(arena, 2 * c->done, out, "triggers", error));
    TD_TRY(TD_ARENA_NEW(arena, 2 * c->done, &names, "triggers", error));
    for (size_t i = 0; i < c->done; i++) {
        td_tensor *mask = *out + 2 * i, *pattern = mask + 1;
        *mask = (td_tensor){.name = names[2 * i],
                            .dtype = TD_F32,
                            .rank = 2,
                            .dims = {images->height, images->width},
                            .data = c->found[i].mask};
        *pattern = (td_tensor){.name = names[2 * i + 1],
                               .dtype = TD_F32,
                               .rank = 3,
                               .dims = {images->height, images->width, images->channels},
                               .data = c->found[i].pattern};
        snprintf(names[2 * i], NAME_SIZE, "mask-%zu", in->classes[i]);
        snprintf(names[2 * i + 1], NAME_SIZE, "pattern-%zu", in->classes[i]);
    }
    return TD_OK;
}

static td_status write_tensors(const inspection *in, FILE *stream, const char *head,
                               td_error *error) {
    const cleanse *c = in->state;
    const td_metadata metadata[] = {{head_key, head}};
    td_arena arena = {0};
    td_tensor *tensors;
    td_status status = list_tensors(in, &arena, &tensors, error);
    if (status == TD_OK)
        status = td_safetensors_write(stream, tensors, 2 * c->done, metadata, 1, error);
    td_arena_free(&arena);
    return status;
}

static td_status write_state(const inspection *in, FILE *stream, td_error *error) {
    td_json json = {0};
    json_t *head = head_json(&json, in->state, in->classes);
    char *text = td_json_print(&json, head, EXACT);
    td_status status = td_json_end(&json, NULL, "the triggers' metadata", error);
    if (status == TD_OK)
        status = write_tensors(in, stream, text, error);
    free(text);
    json_decref(head);
    return status;
}

td_status cleanse_state_write(const inspection *in, td_error *error) {
    const cleanse *c = in->state;
    td_output file;
    if (!in->settings->folder)
        return TD_OK;
    TD_TRY(tool_record_check_inputs(&in->run->record, error)); /* else it is not their search */
    TD_TRY(td_output_open(&file, c->checkpoint, true, error));
    td_status status = write_state(in, file.stream, error);
    if (status != TD_OK) {
        td_output_discard(&file);
        return td_fail_within(error, status, "%s", c->checkpoint);
    }
    TD_TRY(td_output_commit(&file, error));
    tool_run_leaves(in->run, c->checkpoint, "--resume continues");
    return TD_OK;
}

td_status cleanse_state_add(const inspection *in, td_error *error) {
    const cleanse *c = in->state;
    tool_outputs *outputs = &in->run->outputs;
    FILE *stream;
    TD_TRY(tool_outputs_add(outputs, cleanse_state_name, &stream, error));
    td_status status = write_state(in, stream, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", c->path);
    TD_TRY(tool_outputs_finish(outputs, &in->run->record, error));
    return tool_outputs_supersede(outputs, c->checkpoint, error);
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

/* Reads the numbers of the next class to search; false if they are for another. */
static bool take_numbers(const inspection *in, const json_t *entry) {
    const cleanse *c = in->state;
    const json_t *found = json_object_get(entry, "found"), *cost = json_object_get(entry, "cost");
    json_int_t class, hits, trials, steps;
    cleanse_found *f = &c->found[c->done];
    if (c->done == in->class_count || !json_is_boolean(found) || !json_is_real(cost) ||
        !td_json_take_integer(entry, "class", &class) ||
        !td_json_take_integer(entry, "hits", &hits) ||
        !td_json_take_integer(entry, "trials", &trials) ||
        !td_json_take_integer(entry, "steps", &steps) ||
        class != (json_int_t)in->classes[c->done] || hits < 0 || hits > trials ||
        trials > (json_int_t)in->images.count || steps < 0 ||
        steps > (json_int_t)c->options->search.steps)
        return false;
    f->found = json_is_true(found);
    f->cost = json_real_value(cost);
    f->asr = td_rate_of((size_t)hits, (size_t)trials);
    f->steps = (size_t)steps;
    return true;
}

static td_status take_trigger(inspection *in, const td_safetensors *file, json_t *entry,
                              td_error *error) {
    cleanse *c = in->state;
    const size_t places = in->images.height * in->images.width, values = td_image_size(&in->images);
    if (!take_numbers(in, entry))
        return td_fail(
            error, TD_ERR_FORMAT,
            "metadata \"%s\": expected the classes that were searched for, each once and "
            "in their order, with what was found",
            head_key);
    cleanse_found *f = &c->found[c->done];
    TD_TRY(take_tensor(file, "mask", in->classes[c->done], places, 1, f->mask, error));
    TD_TRY(take_tensor(file, "pattern", in->classes[c->done], values, 255, f->pattern, error));
    f->size = f->found ? cleanse_mask_size(f->mask, places) : 0;
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

static td_status name_files(cleanse *c, const char *folder, td_error *error) {
    const int size = td_path_join(c->path, folder, cleanse_state_name)
                         ? snprintf(c->checkpoint, sizeof c->checkpoint, "%s%s", c->path, ending)
                         : TD_PATH_SIZE;
    return size < TD_PATH_SIZE
               ? TD_OK
               : td_fail(error, TD_ERR_USAGE, "%s: expected a path of less than %d bytes", folder,
                         TD_PATH_SIZE);
}

td_status cleanse_state_load(inspection *in, td_error *error) {
    cleanse *c = in->state;
    td_safetensors file;
    TD_TRY(name_files(c, in->settings->folder, error));
    TD_TRY(tool_outputs_check_replaced(&in->run->outputs, c->path, error));
    TD_TRY(tool_outputs_check_own(&in->run->outputs, c->checkpoint, error));
    TD_TRY(cleanse_identity(in, &c->identity, error));
    const char *path = td_path_exists(c->checkpoint) ? c->checkpoint : c->path;
    const bool stands = td_path_exists(path), resume = c->options->resume;
    if (stands && !resume && !in->run->common->force)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: triggers of a search stand here; --resume continues it, --force starts "
                       "over",
                       path);
    if (!stands || !resume)
        return TD_OK;
    TD_TRY(td_safetensors_open(&file, path, error));
    td_status status = read_file(in, &file, error);
    td_safetensors_close(&file);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", path);
    tool_run_leaves(in->run, path, "--resume continues");
    return TD_OK;
}
