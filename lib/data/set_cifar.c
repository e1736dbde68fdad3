/* SPDX-License-Identifier: MIT */
/* CIFAR-10 and CIFAR-100 in their binary versions: records of label bytes and 32×32 pixels in
 * planes (https://www.cs.toronto.edu/~kriz/cifar.html). CIFAR-100's classes are its fine labels. */
#include "data/format.h"
#include "data/names.h"
#include "data/path.h"
#include "data/planes.h"
#include "data/text.h"
#include <stdio.h>
#include <string.h>

enum { SIDE = 32, CHANNELS = TD_PLANES, PIXEL_BYTES = SIDE * SIDE * CHANNELS, MOST_FILES = 5 };

enum { NAMES_SIZE = 65536 }; /* most bytes of a file with class names */

/* A folder's files. The last label byte of a record is the class. */
typedef struct layout {
    const char *subfolder;             /* the folder's name in the archive */
    const char *names_file;            /* class names, one per line; may be missing */
    const char *known_as;              /* the row of names.h with the same names; NULL for none */
    size_t label_bytes, label_ends[2]; /* upper bound of each label byte */
    const char *label_kinds[2];
    const char *train[MOST_FILES + 1], *test[2]; /* NULL-terminated */
} layout;

static const layout layouts[] = {
    {.subfolder = "cifar-10-batches-bin",
     .names_file = "batches.meta.txt",
     .known_as = "cifar10",
     .label_bytes = 1,
     .label_ends = {10},
     .label_kinds = {"label"},
     .train = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
               "data_batch_5.bin"},
     .test = {"test_batch.bin"}},
    {.subfolder = "cifar-100-binary",
     .names_file = "fine_label_names.txt",
     .label_bytes = 2,
     .label_ends = {20, 100},
     .label_kinds = {"coarse label", "fine label"},
     .train = {"train.bin"},
     .test = {"test.bin"}},
};

enum { LAYOUTS = sizeof layouts / sizeof *layouts };

static size_t classes_of(const layout *l) {
    return l->label_ends[l->label_bytes - 1];
}

static size_t record_size(const layout *l) {
    return l->label_bytes + PIXEL_BYTES;
}

static bool holds_one_of(const char *folder, const char *const *names) {
    char file[TD_PATH_SIZE];
    for (; *names; names++)
        if (td_path_join(file, folder, *names) && td_path_is_file(file))
            return true;
    return false;
}

/* The layout of the files in `path` or its subfolder, and the folder: `path` itself, or `joined`.
 * NULL if there is none. */
static const layout *find_layout(const char *path, char joined[TD_PATH_SIZE], const char **folder) {
    for (size_t i = 0; i < LAYOUTS; i++) {
        const layout *l = &layouts[i];
        bool fits = td_path_join(joined, path, l->subfolder);
        const char *const folders[] = {path, fits ? joined : path};
        for (size_t j = 0; j < 2; j++)
            if (holds_one_of(folders[j], l->train) || holds_one_of(folders[j], l->test)) {
                *folder = folders[j];
                return l;
            }
    }
    return NULL;
}

static td_status recognise(bool *out, const char *path, td_error *error) {
    char joined[TD_PATH_SIZE];
    const char *folder;
    (void)error;
    *out = find_layout(path, joined, &folder) != NULL;
    return TD_OK;
}

/* Copies the names, one per line, from the text. */
static td_status copy_names(td_dataset *set, const char *text, size_t size, td_error *error) {
    size_t count = 0;
    for (size_t begin = 0, end; begin < size; begin = end + 1) {
        const char *newline = memchr(text + begin, '\n', size - begin);
        end = newline ? (size_t)(newline - text) : size;
        size_t length = end - begin;
        if (length > 0 && text[end - 1] == '\r')
            length--;
        if (length == 0)
            continue;
        char *name;
        TD_TRY(td_arena_text(&set->arena, text + begin, length, &name, error));
        if (strlen(name) != length || !td_class_name_is_plain(name))
            return td_fail(error, TD_ERR_FORMAT,
                           "name %zu: expected UTF-8 without control characters, of at most %d "
                           "bytes, found another text",
                           count, TD_CLASS_NAME_SIZE);
        if (count < set->images.classes)
            set->class_names[count] = name;
        count++;
    }
    if (count != set->images.classes)
        return td_fail(error, TD_ERR_FORMAT, "expected %zu lines, a name for each class, found %zu",
                       set->images.classes, count);
    return TD_OK;
}

/* From the names file if it exists, otherwise the known ones. */
static td_status read_names(td_dataset *set, const layout *l, const char *folder, td_error *error) {
    char path[TD_PATH_SIZE];
    bool has_file = td_path_join(path, folder, l->names_file) && td_path_is_file(path);
    const td_known_set *known =
        l->known_as ? td_known_set_find(l->known_as, strlen(l->known_as)) : NULL;
    size_t classes = set->images.classes;
    if (!has_file && !known)
        return TD_OK;
    TD_TRY(TD_ARENA_NEW(&set->arena, classes, &set->class_names, "class names", error));
    if (!has_file) {
        for (size_t i = 0; i < classes; i++)
            set->class_names[i] = known->class_names[i];
        return TD_OK;
    }
    td_map map;
    TD_TRY(td_dataset_add_file(set, path, error));
    TD_TRY(td_map_open(&map, path, error));
    td_status status =
        map.size <= NAMES_SIZE
            ? copy_names(set, (const char *)map.data, map.size, error)
            : td_fail(error, TD_ERR_FORMAT, "expected class names in at most %d bytes, found %zu",
                      NAMES_SIZE, map.size);
    td_map_close(&map);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", path);
}

/* One file of records. */
static td_status open_batch(td_dataset *set, const layout *l, td_map *map, const char *path,
                            td_error *error) {
    TD_TRY(td_dataset_add_file(set, path, error));
    TD_TRY(td_map_open(map, path, error));
    if (map->size == 0 || map->size % record_size(l) != 0)
        return td_fail(error, TD_ERR_FORMAT,
                       "%s: expected whole records of %zu bytes, at least one, found %zu bytes",
                       path, record_size(l), map->size);
    set->images.count += map->size / record_size(l);
    return TD_OK;
}

static td_status open_batches(td_dataset *set, const layout *l, const char *folder,
                              const td_source *source, td_map *maps, td_error *error) {
    const char *const *names = strcmp(source->split, "test") == 0 ? l->test : l->train;
    for (size_t i = 0; names[i]; i++) {
        char path[TD_PATH_SIZE];
        if (!td_path_join(path, folder, names[i]) || !td_path_is_file(path))
            return td_fail(error, TD_ERR_USAGE, "%s: split %s: expected a file %s, found none",
                           folder, source->split, names[i]);
        TD_TRY(open_batch(set, l, &maps[i], path, error));
    }
    return TD_OK;
}

static td_status read_labels(const layout *l, const td_map *map, const char *path, int32_t *labels,
                             td_error *error) {
    for (size_t i = 0; i < map->size / record_size(l); i++) {
        const uint8_t *record = map->data + i * record_size(l);
        for (size_t j = 0; j < l->label_bytes; j++)
            if (record[j] >= l->label_ends[j])
                return td_fail(error, TD_ERR_FORMAT,
                               "%s: record %zu: %s: expected 0 to %zu, found %d", path, i,
                               l->label_kinds[j], l->label_ends[j] - 1, record[j]);
        labels[i] = record[l->label_bytes - 1];
    }
    return TD_OK;
}

static td_status read_batches(td_dataset *set, const layout *l, const td_map *maps,
                              td_error *error) {
    uint8_t *pixels;
    int32_t *labels;
    TD_TRY(TD_ARENA_NEW(&set->arena, set->images.count, &labels, "labels", error));
    TD_TRY(td_arena_alloc(&set->arena, set->images.count, PIXEL_BYTES, (void **)&pixels, "images",
                          error));
    set->images.labels = labels;
    set->images.pixels = pixels;
    for (size_t i = 0; i < MOST_FILES && maps[i].size > 0; i++) {
        const td_planes planes = {.first = maps[i].data + l->label_bytes,
                                  .count = maps[i].size / record_size(l),
                                  .stride = record_size(l),
                                  .plane_size = SIDE * SIDE};
        TD_TRY(read_labels(l, &maps[i], set->files[i], labels, error));
        td_planes_interleave(&planes, pixels);
        labels += planes.count;
        pixels += planes.count * PIXEL_BYTES;
    }
    return TD_OK;
}

static td_status open_set(td_dataset *set, const td_source *source, td_error *error) {
    char joined[TD_PATH_SIZE];
    const char *folder;
    const layout *l = find_layout(source->path, joined, &folder);
    if (!l)
        return td_fail(error, TD_ERR_IO, "%s: expected CIFAR's files, found none", source->path);
    td_map maps[MOST_FILES] = {0};
    set->images =
        (td_images){.height = SIDE, .width = SIDE, .channels = CHANNELS, .classes = classes_of(l)};
    set->split = source->split;
    td_status status = open_batches(set, l, folder, source, maps, error);
    if (status == TD_OK)
        status = read_batches(set, l, maps, error);
    for (size_t i = 0; i < MOST_FILES; i++)
        td_map_close(&maps[i]);
    return status == TD_OK ? read_names(set, l, folder, error) : status;
}

const td_format td_format_cifar = {
    .name = "CIFAR-10 and CIFAR-100, binary version",
    .needs =
        "data_batch_1.bin to data_batch_5.bin and test_batch.bin, or train.bin and test.bin, alone "
        "or in cifar-10-batches-bin/ or cifar-100-binary/",
    .recognise = recognise,
    .open = open_set};
