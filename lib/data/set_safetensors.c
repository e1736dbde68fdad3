/* SPDX-License-Identifier: MIT */
/* A data set in one safetensors file: the tensors `images` and `labels`, with their meaning in the
 * metadata. */
#include "base/file.h"
#include "base/size.h"
#include "data/format.h"
#include "data/path.h"
#include "data/safetensors.h"
#include "data/text.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES_RANK = 4, CLASSES_OF_A_BYTE = 256 };

static td_status recognise(bool *out, const char *path, td_error *error) {
    static const char ending[] = ".safetensors";
    *out = false;
    if (!td_path_is_file(path))
        return TD_OK;
    size_t length = strlen(path), tail = sizeof ending - 1;
    *out = length >= tail && strcmp(path + length - tail, ending) == 0;
    if (*out)
        return TD_OK;
    td_map map;
    TD_TRY(td_map_open(&map, path, error));
    *out = map.size > 8 && map.data[8] == '{';
    td_map_close(&map);
    return TD_OK;
}

static td_status read_images(td_dataset *set, const td_safetensors *file, td_error *error) {
    const td_tensor *tensor = td_safetensors_find(file, "images");
    if (!tensor)
        return td_fail(error, TD_ERR_FORMAT, "expected a tensor \"images\", found none");
    const size_t *dims = tensor->dims;
    if (tensor->dtype != TD_U8 || tensor->rank != IMAGES_RANK)
        return td_fail(
            error, TD_ERR_FORMAT,
            "tensor \"images\": expected U8 with 4 dimensions [N,H,W,C], found %s with %zu",
            td_dtype_name(tensor->dtype), tensor->rank);
    if (dims[3] != 1 && dims[3] != 3)
        return td_fail(error, TD_ERR_FORMAT,
                       "tensor \"images\": expected 1 or 3 channels in [N,H,W,C], found %zu",
                       dims[3]);
    if (tensor->count == 0)
        return td_fail(error, TD_ERR_FORMAT,
                       "tensor \"images\": expected at least one pixel of one image, found "
                       "%zux%zux%zux%zu",
                       dims[0], dims[1], dims[2], dims[3]);
    set->images = (td_images){.count = dims[0],
                              .height = dims[1],
                              .width = dims[2],
                              .channels = dims[3],
                              .pixels = tensor->data};
    return TD_OK;
}

static td_status read_classes(td_dataset *set, const td_safetensors *file, td_error *error) {
    const char *text = td_safetensors_metadata(file, "classes");
    if (!text)
        return TD_OK;
    size_t digits = strspn(text, "0123456789");
    unsigned long long value = digits > 0 && !text[digits] ? strtoull(text, NULL, 10) : 0;
    if (value < 1 || value > TD_MOST_CLASSES)
        return td_fail(error, TD_ERR_FORMAT,
                       "__metadata__: classes: expected a number from 1 to %d, found \"%.40s\"",
                       TD_MOST_CLASSES, td_text_is_plain(text) ? text : "control characters");
    set->images.classes = (size_t)value;
    return TD_OK;
}

static td_status read_class_names(td_dataset *set, const td_safetensors *file, td_error *error) {
    const char *text = td_safetensors_metadata(file, "class_names");
    if (!text)
        return TD_OK;
    td_status status = td_class_names_read(text, set->images.classes, TD_MOST_CLASSES, &set->arena,
                                           &set->class_names, &set->images.classes, error);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "__metadata__: class_names");
}

static int64_t label_at(const td_tensor *tensor, size_t index) {
    if (tensor->dtype == TD_U8)
        return ((const uint8_t *)tensor->data)[index];
    int64_t label;
    memcpy(&label, (const uint8_t *)tensor->data + index * sizeof label, sizeof label);
    return label;
}

static td_status read_labels(td_dataset *set, const td_safetensors *file, td_error *error) {
    const td_tensor *tensor = td_safetensors_find(file, "labels");
    if (!tensor)
        return td_fail(error, TD_ERR_FORMAT, "expected a tensor \"labels\", found none");
    if ((tensor->dtype != TD_U8 && tensor->dtype != TD_I64) || tensor->rank != 1)
        return td_fail(
            error, TD_ERR_FORMAT,
            "tensor \"labels\": expected U8 or I64 with 1 dimension [N], found %s with %zu",
            td_dtype_name(tensor->dtype), tensor->rank);
    if (tensor->count != set->images.count)
        return td_fail(error, TD_ERR_FORMAT,
                       "tensor \"labels\": expected a label for each of %zu images, found %zu",
                       set->images.count, tensor->count);
    int32_t *labels;
    TD_TRY(TD_ARENA_NEW(&set->arena, tensor->count, &labels, "labels", error));
    int64_t end = set->images.classes ? (int64_t)set->images.classes : TD_MOST_CLASSES;
    for (size_t i = 0; i < tensor->count; i++) {
        int64_t label = label_at(tensor, i);
        if (label < 0 || label >= end)
            return td_fail(error, TD_ERR_FORMAT,
                           "tensor \"labels\": label of image %zu: expected 0 to %" PRId64
                           ", found %" PRId64,
                           i, end - 1, label);
        labels[i] = (int32_t)label;
    }
    set->images.labels = labels;
    return TD_OK;
}

/* The file is one split. If it does not say which, the user may. */
static td_status settle_split(td_dataset *set, const td_safetensors *file, const td_source *source,
                              td_error *error) {
    const char *split = td_safetensors_metadata(file, "split");
    if (!split || !*split) {
        set->split = source->split_given ? source->split : "";
        return TD_OK;
    }
    bool test = strcmp(split, "test") == 0;
    if (!test && strcmp(split, "train") != 0)
        return td_fail(error, TD_ERR_FORMAT,
                       "__metadata__: split: expected train or test, found \"%.40s\"",
                       td_text_is_plain(split) ? split : "control characters");
    if (source->split_given && strcmp(split, source->split) != 0)
        return td_fail(error, TD_ERR_USAGE,
                       "expected :%s, the split that the file holds, found :%s", split,
                       source->split);
    set->split = test ? "test" : "train";
    return TD_OK;
}

static td_status refuse_other_tensors(const td_safetensors *file, td_error *error) {
    for (size_t i = 0; i < file->tensor_count; i++)
        if (strcmp(file->tensors[i].name, "images") != 0 &&
            strcmp(file->tensors[i].name, "labels") != 0)
            return td_fail(error, TD_ERR_FORMAT,
                           "tensor \"%s\": expected a data set, of images and labels only",
                           file->tensors[i].name);
    return TD_OK;
}

static td_status read_content(td_dataset *set, const td_safetensors *file, const td_source *source,
                              td_error *error) {
    TD_TRY(refuse_other_tensors(file, error));
    TD_TRY(read_images(set, file, error));
    TD_TRY(read_classes(set, file, error));
    TD_TRY(read_class_names(set, file, error));
    TD_TRY(read_labels(set, file, error));
    return settle_split(set, file, source, error);
}

static td_status open_set(td_dataset *set, const td_source *source, td_error *error) {
    TD_TRY(td_dataset_add_file(set, source->path, error));
    td_safetensors file;
    TD_TRY(td_safetensors_open(&file, source->path, error));
    td_status status = read_content(set, &file, source, error);
    if (status != TD_OK) {
        td_safetensors_close(&file);
        return td_fail_within(error, status, "%s", source->path);
    }
    set->map = file.map; /* the pixels stay in place */
    file.map = (td_map){0};
    td_safetensors_close(&file);
    return TD_OK;
}

const td_format td_format_safetensors = {
    .name = "safetensors",
    .needs = "a file with `images` U8 [N,H,W,C] and `labels` [N], as `trapdoor-data import` writes",
    .recognise = recognise,
    .open = open_set};

/* The labels as bytes or, above 256 classes, as 64-bit numbers. */
static td_status pack_labels(td_tensor *tensor, const td_images *images, td_arena *arena,
                             td_error *error) {
    uint8_t *bytes;
    int64_t *words;
    if (images->classes <= CLASSES_OF_A_BYTE) {
        TD_TRY(TD_ARENA_NEW(arena, images->count, &bytes, "labels", error));
        for (size_t i = 0; i < images->count; i++)
            bytes[i] = (uint8_t)images->labels[i];
        *tensor = (td_tensor){.dtype = TD_U8, .data = bytes};
    } else {
        TD_TRY(TD_ARENA_NEW(arena, images->count, &words, "labels", error));
        for (size_t i = 0; i < images->count; i++)
            words[i] = images->labels[i];
        *tensor = (td_tensor){.dtype = TD_I64, .data = words};
    }
    tensor->name = "labels";
    tensor->rank = 1;
    tensor->dims[0] = images->count;
    return TD_OK;
}

static td_status write_set(FILE *stream, const td_images *images, const td_pieces *pixels,
                           const char *class_names, const char *source, const char *split,
                           td_arena *arena, td_error *error) {
    char classes[24];
    snprintf(classes, sizeof classes, "%zu", images->classes);
    td_metadata metadata[4] = {{"classes", classes}};
    size_t count = 1;
    if (class_names)
        metadata[count++] = (td_metadata){"class_names", class_names};
    if (source && *source)
        metadata[count++] = (td_metadata){"source", source};
    if (split && *split)
        metadata[count++] = (td_metadata){"split", split};
    td_tensor tensors[2] = {
        {.name = "images",
         .dtype = TD_U8,
         .rank = IMAGES_RANK,
         .dims = {images->count, images->height, images->width, images->channels},
         .data = images->pixels,
         .pieces = pixels}};
    TD_TRY(pack_labels(&tensors[1], images, arena, error));
    return td_safetensors_write(stream, tensors, 2, metadata, count, error);
}

td_status td_dataset_write_pieces(FILE *stream, const td_images *images, const td_pieces *pixels,
                                  const char *const *class_names, const char *source,
                                  const char *split, td_error *error) {
    char *names;
    TD_TRY(td_class_names_write(class_names, images->classes, &names, error));
    td_arena arena = {0};
    td_status status = write_set(stream, images, pixels, names, source, split, &arena, error);
    td_arena_free(&arena);
    free(names);
    return status;
}

td_status td_dataset_write(FILE *stream, const td_images *images, const char *const *class_names,
                           const char *source, const char *split, td_error *error) {
    return td_dataset_write_pieces(stream, images, NULL, class_names, source, split, error);
}
