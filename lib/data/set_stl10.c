/* SPDX-License-Identifier: MIT */
/* STL-10's binary version: train_X.bin and train_y.bin, test_X.bin and test_y.bin, directly or in
 * stl10_binary/; 96x96 pixels in planes, each stored column by column; labels from 1 on
 * (https://cs.stanford.edu/~acoates/stl10/). The unlabelled images are not read. */
#include "base/file.h"
#include "base/parallel.h"
#include "data/folder.h"
#include "data/format.h"
#include <stdio.h>
#include <string.h>

enum { SIDE = 96, CHANNELS = 3, PIXEL_BYTES = SIDE * SIDE * CHANNELS, CLASSES = 10 };

static bool holds(const char *folder, const char *split) {
    char file[TD_PATH_SIZE], name[32];
    snprintf(name, sizeof name, "%s_X.bin", split);
    return td_path_join(file, folder, name) && td_path_is_file(file);
}

/* The folder of the files, in out[0, TD_PATH_SIZE); false if there is none. */
static bool find_folder(char *out, const char *path) {
    static const char *const places[] = {".", "stl10_binary"};
    for (size_t i = 0; i < 2; i++) {
        if (i == 0)
            snprintf(out, TD_PATH_SIZE, "%s", path);
        else if (!td_path_join(out, path, places[i]))
            return false;
        if (holds(out, "train") || holds(out, "test"))
            return true;
    }
    return false;
}

static td_status recognise(bool *out, const char *path, td_error *error) {
    char folder[TD_PATH_SIZE];
    (void)error;
    *out = td_path_is_folder(path) && find_folder(folder, path);
    return TD_OK;
}

static td_status open_file(td_map *map, td_dataset *set, const char *folder, const char *split,
                           char kind, td_error *error) {
    char path[TD_PATH_SIZE], name[32];
    *map = (td_map){0};
    snprintf(name, sizeof name, "%s_%c.bin", split, kind);
    TD_TRY(td_folder_join(path, folder, name, error));
    if (!td_path_is_file(path))
        return td_fail(error, TD_ERR_USAGE, "%s: split %s: expected a file %s, found none", folder,
                       split, name);
    TD_TRY(td_dataset_add_file(set, path, error));
    return td_map_open(map, path, error);
}

typedef struct turning {
    const uint8_t *from;
    uint8_t *out;
} turning;

static void turn_one(void *context, size_t index) {
    const turning *t = context;
    const uint8_t *from = t->from + index * PIXEL_BYTES;
    uint8_t *out = t->out + index * PIXEL_BYTES;
    for (size_t y = 0; y < SIDE; y++)
        for (size_t x = 0; x < SIDE; x++)
            for (size_t c = 0; c < CHANNELS; c++)
                *out++ = from[(c * SIDE + x) * SIDE + y];
}

static td_status take_images(td_dataset *set, const td_map *map, td_error *error) {
    uint8_t *pixels;
    if (map->size == 0 || map->size % PIXEL_BYTES != 0)
        return td_fail(error, TD_ERR_FORMAT,
                       "%s: expected whole images of %d bytes, at least one, found %zu bytes",
                       set->files[0], PIXEL_BYTES, map->size);
    set->images.count = map->size / PIXEL_BYTES;
    TD_TRY(TD_ARENA_NEW(&set->arena, map->size, &pixels, "images", error));
    turning t = {map->data, pixels};
    td_parallel_each(set->images.count, turn_one, &t);
    set->images.pixels = pixels;
    return TD_OK;
}

static td_status take_labels(td_dataset *set, const td_map *map, td_error *error) {
    int32_t *labels;
    if (map->size != set->images.count)
        return td_fail(error, TD_ERR_FORMAT,
                       "%s: expected %zu labels, one for each image, found %zu", set->files[1],
                       set->images.count, map->size);
    TD_TRY(TD_ARENA_NEW(&set->arena, map->size, &labels, "labels", error));
    for (size_t i = 0; i < map->size; i++) {
        if (map->data[i] < 1 || map->data[i] > CLASSES)
            return td_fail(error, TD_ERR_FORMAT,
                           "%s: image %zu: expected a label from 1 to %d, found %d", set->files[1],
                           i, CLASSES, map->data[i]);
        labels[i] = map->data[i] - 1;
    }
    set->images.labels = labels;
    return TD_OK;
}

static td_status open_set(td_dataset *set, const td_source *source, td_error *error) {
    static const char *const names[CLASSES] = {"airplane", "bird",  "car",    "cat",  "deer",
                                               "dog",      "horse", "monkey", "ship", "truck"};
    char folder[TD_PATH_SIZE];
    td_map images, labels = {0};
    if (!find_folder(folder, source->path))
        return td_fail(error, TD_ERR_IO, "%s: expected STL-10's files, found none", source->path);
    set->split = source->split;
    set->images =
        (td_images){.height = SIDE, .width = SIDE, .channels = CHANNELS, .classes = CLASSES};
    TD_TRY(TD_ARENA_NEW(&set->arena, CLASSES, &set->class_names, "class names", error));
    memcpy(set->class_names, names, sizeof names);
    td_status status = open_file(&images, set, folder, source->split, 'X', error);
    if (status == TD_OK)
        status = open_file(&labels, set, folder, source->split, 'y', error);
    if (status == TD_OK)
        status = take_images(set, &images, error);
    if (status == TD_OK)
        status = take_labels(set, &labels, error);
    td_map_close(&images);
    td_map_close(&labels);
    return status;
}

const td_format td_format_stl10 = {
    .name = "STL-10, binary version",
    .needs = "train_X.bin and train_y.bin, test_X.bin and test_y.bin, alone or in stl10_binary/",
    .recognise = recognise,
    .open = open_set};
