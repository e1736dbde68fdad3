/* SPDX-License-Identifier: MIT */
#include "model/source.h"

#include "data/text.h"
#include "model/kinds.h"
#include "nn/net.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

td_status td_source_note(td_source *source, td_error *error, const char *format, ...) {
    va_list arguments;
    if (source->note_count == TD_SOURCE_NOTES)
        return TD_OK;
    va_start(arguments, format);
    td_status status = td_arena_vprint(&source->arena, &source->notes[source->note_count], error,
                                       format, arguments);
    va_end(arguments);
    if (status == TD_OK)
        source->note_count++;
    return status;
}

const char *td_shape_text(const size_t *dims, size_t rank, char *out, size_t size) {
    size_t used = 0;
    snprintf(out, size, "a single number");
    for (size_t i = 0; i < rank && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%zu", i ? "x" : "", dims[i]);
    return out;
}

/* --- names --- */

/* Prefixes that module wrappers add to all names. */
static const char *const prefixes[] = {"module.", "_orig_mod."};

static bool all_begin(const td_source *source, const char *prefix) {
    for (size_t i = 0; i < source->tensor_count; i++)
        if (strncmp(source->tensors[i].name, prefix, strlen(prefix)) != 0)
            return false;
    return source->tensor_count > 0;
}

/* Removes the prefixes of DataParallel and torch.compile from all names, however often repeated. */
static td_status strip_prefixes(td_source *source, td_error *error) {
    bool again = true;
    while (again) {
        again = false;
        for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
            if (!all_begin(source, prefixes[i]))
                continue;
            again = true;
            for (size_t k = 0; k < source->tensor_count; k++)
                source->tensors[k].name += strlen(prefixes[i]);
            TD_TRY(td_source_note(source, error, "all names begin with \"%s\", which is left out",
                                  prefixes[i]));
        }
    }
    return TD_OK;
}

static int compare_names(const void *left, const void *right) {
    return strcmp((*(const td_tensor *const *)left)->name,
                  (*(const td_tensor *const *)right)->name);
}

static td_status sort_names(td_source *source, td_error *error) {
    const size_t count = source->tensor_count;
    TD_TRY(TD_ARENA_NEW(&source->arena, count, &source->by_name, "tensors", error));
    for (size_t i = 0; i < count; i++)
        source->by_name[i] = &source->tensors[i];
    qsort(source->by_name, count, sizeof *source->by_name, compare_names);
    for (size_t i = 1; i < count; i++)
        if (compare_names(&source->by_name[i - 1], &source->by_name[i]) == 0)
            return td_fail(error, TD_ERR_FORMAT, "tensor \"%s\": expected it once, found it twice",
                           source->by_name[i]->name);
    return TD_OK;
}

const td_tensor *td_source_find(const td_source *source, const char *name) {
    const td_tensor wanted = {.name = name}, *key = &wanted;
    const td_tensor **found =
        bsearch(&key, source->by_name, source->tensor_count, sizeof key, compare_names);
    return found ? *found : NULL;
}

void td_source_release(const td_source *source, const td_tensor *tensor) {
    td_map_release(&source->map, tensor->data, tensor->bytes);
    td_map_release(&source->beside_map, tensor->data, tensor->bytes);
}

/* --- opening --- */

td_status td_read_safetensors(td_source *source, td_error *error) {
    td_safetensors *file = &source->safetensors;
    TD_TRY(td_safetensors_parse(file, source->map.data, source->map.size, error));
    source->tensors = file->tensors;
    source->tensor_count = file->tensor_count;
    source->net = td_safetensors_metadata(file, TD_MODEL_NET_KEY);
    source->training = td_safetensors_metadata(file, TD_MODEL_TRAINING_KEY);
    source->classes = td_safetensors_metadata(file, TD_MODEL_CLASSES_KEY);
    if (source->net)
        source->kind = "model of Trapdoor";
    return TD_OK;
}

static td_status read_map(td_source *source, td_error *error) {
    const td_kind *kind = td_kind_find(source->map.data, source->map.size);
    if (!kind)
        return td_kind_refuse(source->map.data, source->map.size, error);
    if (!kind->read)
        return td_fail(error, TD_ERR_FORMAT, "expected a model, found %s: %s", kind->name,
                       kind->advice);
    source->kind = kind->name;
    TD_TRY(kind->read(source, error));
    if (!source->net)
        TD_TRY(strip_prefixes(source, error));
    return sort_names(source, error);
}

td_status td_source_open(td_source *source, const char *path, td_error *error) {
    return td_source_open_for(source, path, NULL, error);
}

td_status td_source_open_for(td_source *source, const char *path, const td_net_variables *images,
                             td_error *error) {
    *source = (td_source){.path = path, .images = images};
    TD_TRY(td_map_open(&source->map, path, error));
    td_status status = read_map(source, error);
    if (status == TD_OK)
        return TD_OK;
    td_source_close(source);
    return td_fail_within(error, status, "%s", path);
}

void td_source_close(td_source *source) {
    td_safetensors_close(&source->safetensors);
    td_map_close(&source->map);
    td_map_close(&source->beside_map);
    td_arena_free(&source->arena);
    *source = (td_source){0};
}
