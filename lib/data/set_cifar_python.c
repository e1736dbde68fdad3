/* SPDX-License-Identifier: MIT */
/* CIFAR-10 and CIFAR-100 in their Python versions: pickled dictionaries with "data", a NumPy array
 * U8 [N, 3072] in planes, and a list of labels (https://www.cs.toronto.edu/~kriz/cifar.html). They
 * are read as data: nothing in them is called. CIFAR-100's classes are its fine labels. */
#include "data/format.h"
#include "data/names.h"
#include "data/path.h"
#include "data/pickle.h"
#include "data/planes.h"
#include <stdio.h>
#include <string.h>

enum { SIDE = 32, CHANNELS = TD_PLANES, PIXEL_BYTES = SIDE * SIDE * CHANNELS, MOST_FILES = 5 };

static const td_pickle_function functions[] = {
    {"numpy.core.multiarray _reconstruct", TD_PICKLE_STATED},
    {"numpy._core.multiarray _reconstruct", TD_PICKLE_STATED},
    {"numpy.core.numeric _frombuffer", TD_PICKLE_KEPT},
    {"numpy._core.numeric _frombuffer", TD_PICKLE_KEPT},
    {"numpy dtype", TD_PICKLE_STATED},
    {"collections OrderedDict", TD_PICKLE_MAP},
    {0},
};

static const td_pickle_user user = {"CIFAR set", functions};

typedef struct layout {
    const char *subfolder; /* the folder's name in the archive */
    const char *meta;      /* the file with class names; may be missing */
    const char *names, *labels;
    const char *known_as; /* the row of names.h with the same names; NULL for none */
    size_t classes;
    const char *train[MOST_FILES + 1], *test[2]; /* NULL-terminated */
} layout;

static const layout layouts[] = {
    {.subfolder = "cifar-10-batches-py",
     .meta = "batches.meta",
     .names = "label_names",
     .labels = "labels",
     .known_as = "cifar10",
     .classes = 10,
     .train = {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"},
     .test = {"test_batch"}},
    {.subfolder = "cifar-100-python",
     .meta = "meta",
     .names = "fine_label_names",
     .labels = "fine_labels",
     .classes = 100,
     .train = {"train"},
     .test = {"test"}},
};

enum { LAYOUTS = sizeof layouts / sizeof *layouts };

static td_status is_pickle(bool *out, const char *path, td_error *error) {
    td_map map;
    *out = false;
    if (!td_path_is_file(path))
        return TD_OK;
    TD_TRY(td_map_open(&map, path, error));
    *out = td_pickle_is(map.data, map.size);
    td_map_close(&map);
    return TD_OK;
}

static td_status holds_one_of(bool *out, const char *folder, const char *const *names,
                              td_error *error) {
    char file[TD_PATH_SIZE];
    for (; *names && !*out; names++)
        if (td_path_join(file, folder, *names))
            TD_TRY(is_pickle(out, file, error));
    return TD_OK;
}

/* The layout of the files in `path` or its subfolder, and that folder in folder[0, TD_PATH_SIZE).
 * NULL if there is none. */
static td_status find_layout(const layout **out, const char *path, char *folder, td_error *error) {
    *out = NULL;
    for (size_t i = 0; i < LAYOUTS; i++) {
        const layout *l = &layouts[i];
        for (int within = 0; within < 2; within++) {
            bool found = false;
            if (within ? !td_path_join(folder, path, l->subfolder)
                       : snprintf(folder, TD_PATH_SIZE, "%s", path) >= TD_PATH_SIZE)
                continue;
            TD_TRY(holds_one_of(&found, folder, l->train, error));
            TD_TRY(holds_one_of(&found, folder, l->test, error));
            if (found) {
                *out = l;
                return TD_OK;
            }
        }
    }
    return TD_OK;
}

static td_status recognise(bool *out, const char *path, td_error *error) {
    char folder[TD_PATH_SIZE];
    const layout *found = NULL;
    td_status status = td_path_is_folder(path) ? find_layout(&found, path, folder, error) : TD_OK;
    *out = found != NULL;
    return status;
}

/* --- one file --- */

/* A pickled dictionary; its values refer to bytes of the map. */
typedef struct batch {
    const char *path; /* in the set's files */
    td_map map;
    td_arena arena;
    td_pickle pickle;
    const td_pickle_value *dict;
    const uint8_t *pixels; /* [count, PIXEL_BYTES] */
    size_t count;
} batch;

static void batch_close(batch *b) {
    td_map_close(&b->map);
    td_arena_free(&b->arena);
    *b = (batch){0};
}

static td_status batch_open(batch *b, td_dataset *set, const char *path, td_error *error) {
    TD_TRY(td_dataset_add_file(set, path, error));
    b->path = set->files[set->file_count - 1];
    TD_TRY(td_map_open(&b->map, path, error));
    td_status status =
        td_pickle_read(&b->pickle, b->map.data, b->map.size, &user, &b->arena, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", path);
    b->dict = &b->pickle.values[b->pickle.root];
    return b->dict->kind == TD_PICKLE_DICT
               ? TD_OK
               : td_fail(error, TD_ERR_FORMAT, "%s: expected a dictionary, found another object",
                         path);
}

static const td_pickle_value *value_at(const td_pickle *p, uint32_t place) {
    return &p->values[place];
}

/* The i-th item of a tuple; None if there is none. */
static const td_pickle_value *item_of(const td_pickle *p, const td_pickle_value *tuple, size_t i) {
    return tuple->kind == TD_PICKLE_TUPLE && i < tuple->list.count ? td_pickle_item(p, tuple, i)
                                                                   : value_at(p, 0);
}

/* The parts of an array, wherever its pickle stores them: as the state of a new one, (version,
 * shape, type, by columns, bytes), or as the arguments of a call, (bytes, type, shape, order). */
static bool find_array(const td_pickle *p, const td_pickle_value *array,
                       const td_pickle_value **shape, const td_pickle_value **type,
                       const td_pickle_value **bytes) {
    if (!array || array->kind != TD_PICKLE_CALL ||
        td_pickle_is_global(value_at(p, array->what), "numpy dtype"))
        return false;
    const bool stated = array->state != 0;
    const td_pickle_value *parts = value_at(p, stated ? array->state : array->inner);
    const td_pickle_value *order = item_of(p, parts, 3);
    *shape = item_of(p, parts, stated ? 1 : 2);
    *type = item_of(p, parts, stated ? 2 : 1);
    *bytes = item_of(p, parts, stated ? 4 : 0);
    const bool by_rows = stated ? order->kind == TD_PICKLE_BOOL && order->integer == 0
                                : td_pickle_is_text(order, "C");
    return by_rows && (*bytes)->kind == TD_PICKLE_TEXT;
}

static bool is_byte_type(const td_pickle *p, const td_pickle_value *type) {
    return type->kind == TD_PICKLE_CALL &&
           td_pickle_is_global(value_at(p, type->what), "numpy dtype") &&
           td_pickle_is_text(item_of(p, value_at(p, type->inner), 0), "u1");
}

static td_status take_pixels(batch *b, td_error *error) {
    const td_pickle *p = &b->pickle;
    const td_pickle_value *shape, *type, *bytes;
    if (!find_array(p, td_pickle_get(p, b->dict, "data"), &shape, &type, &bytes) ||
        !is_byte_type(p, type))
        return td_fail(error, TD_ERR_FORMAT,
                       "%s: \"data\": expected an array of bytes (uint8), found none", b->path);
    const td_pickle_value *rows = item_of(p, shape, 0), *row = item_of(p, shape, 1);
    const size_t size = bytes->text.length;
    if (shape->list.count != 2 || rows->kind != TD_PICKLE_INT || row->kind != TD_PICKLE_INT ||
        row->integer != PIXEL_BYTES || rows->integer < 1 ||
        (uint64_t)rows->integer != size / PIXEL_BYTES || size % PIXEL_BYTES != 0)
        return td_fail(error, TD_ERR_FORMAT,
                       "%s: \"data\": expected rows of %d bytes, at least one, and as many as its "
                       "shape says, found %zu bytes in another shape",
                       b->path, PIXEL_BYTES, size);
    b->pixels = (const uint8_t *)bytes->text.bytes;
    b->count = size / PIXEL_BYTES;
    return TD_OK;
}

static td_status take_labels(const batch *b, const layout *l, int32_t *labels, td_error *error) {
    const td_pickle_value *list = td_pickle_get(&b->pickle, b->dict, l->labels);
    if (!list || list->kind != TD_PICKLE_LIST || list->list.count != b->count)
        return td_fail(error, TD_ERR_FORMAT,
                       "%s: \"%s\": expected a list of %zu labels, one for each image, found %s",
                       b->path, l->labels, b->count, list ? "another" : "none");
    for (size_t i = 0; i < b->count; i++) {
        const td_pickle_value *label = td_pickle_item(&b->pickle, list, i);
        if (label->kind != TD_PICKLE_INT || label->integer < 0 ||
            label->integer >= (int64_t)l->classes)
            return td_fail(error, TD_ERR_FORMAT,
                           "%s: \"%s\": image %zu: expected a label of 0 to %zu, found another",
                           b->path, l->labels, i, l->classes - 1);
        labels[i] = (int32_t)label->integer;
    }
    return TD_OK;
}

/* --- all files --- */

static td_status open_batches(td_dataset *set, const layout *l, const char *folder,
                              const char *split, batch *batches, td_error *error) {
    const char *const *names = strcmp(split, "test") == 0 ? l->test : l->train;
    for (size_t i = 0; names[i]; i++) {
        char path[TD_PATH_SIZE];
        if (!td_path_join(path, folder, names[i]) || !td_path_is_file(path))
            return td_fail(error, TD_ERR_USAGE, "%s: split %s: expected a file %s, found none",
                           folder, split, names[i]);
        TD_TRY(batch_open(&batches[i], set, path, error));
        TD_TRY(take_pixels(&batches[i], error));
        set->images.count += batches[i].count;
    }
    return TD_OK;
}

static td_status copy_batches(td_dataset *set, const layout *l, const batch *batches,
                              td_error *error) {
    uint8_t *pixels;
    int32_t *labels;
    TD_TRY(TD_ARENA_NEW(&set->arena, set->images.count, &labels, "labels", error));
    TD_TRY(td_arena_alloc(&set->arena, set->images.count, PIXEL_BYTES, (void **)&pixels, "images",
                          error));
    set->images.labels = labels;
    set->images.pixels = pixels;
    for (size_t i = 0; i < MOST_FILES && batches[i].count > 0; i++) {
        const batch *b = &batches[i];
        TD_TRY(take_labels(b, l, labels, error));
        td_planes_interleave(&(td_planes){b->pixels, b->count, PIXEL_BYTES, SIDE * SIDE}, pixels);
        labels += b->count;
        pixels += b->count * PIXEL_BYTES;
    }
    return TD_OK;
}

static td_status copy_names(td_dataset *set, const layout *l, const batch *b, td_error *error) {
    const td_pickle_value *list = td_pickle_get(&b->pickle, b->dict, l->names);
    if (!list || list->kind != TD_PICKLE_LIST || list->list.count != l->classes)
        return td_fail(error, TD_ERR_FORMAT, "%s: \"%s\": expected a list of %zu names, found %s",
                       b->path, l->names, l->classes, list ? "another" : "none");
    for (size_t i = 0; i < l->classes; i++) {
        const td_pickle_value *text = td_pickle_item(&b->pickle, list, i);
        const bool is_text = text->kind == TD_PICKLE_TEXT;
        char *name;
        TD_TRY(td_arena_text(&set->arena, is_text ? text->text.bytes : "",
                             is_text ? text->text.length : 0, &name, error));
        if (!is_text || strlen(name) != text->text.length || !td_class_name_is_plain(name))
            return td_fail(error, TD_ERR_FORMAT,
                           "%s: \"%s\": name %zu: expected UTF-8 without control characters, of at "
                           "most %d bytes, found another",
                           b->path, l->names, i, TD_CLASS_NAME_SIZE);
        set->class_names[i] = name;
    }
    return TD_OK;
}

/* From the names file if it exists, otherwise the known ones. */
static td_status read_names(td_dataset *set, const layout *l, const char *folder, td_error *error) {
    char path[TD_PATH_SIZE];
    const bool has_file = td_path_join(path, folder, l->meta) && td_path_is_file(path);
    const td_known_set *known =
        l->known_as ? td_known_set_find(l->known_as, strlen(l->known_as)) : NULL;
    if (!has_file && !known)
        return TD_OK;
    TD_TRY(TD_ARENA_NEW(&set->arena, l->classes, &set->class_names, "class names", error));
    for (size_t i = 0; i < l->classes && known; i++)
        set->class_names[i] = known->class_names[i];
    batch meta = {0};
    td_status status = has_file ? batch_open(&meta, set, path, error) : TD_OK;
    if (status == TD_OK && has_file)
        status = copy_names(set, l, &meta, error);
    batch_close(&meta);
    return status;
}

static td_status open_set(td_dataset *set, const td_source *source, td_error *error) {
    char folder[TD_PATH_SIZE];
    const layout *l;
    batch batches[MOST_FILES] = {{0}};
    TD_TRY(find_layout(&l, source->path, folder, error));
    if (!l)
        return td_fail(error, TD_ERR_IO, "%s: expected CIFAR's files, found none", source->path);
    set->images =
        (td_images){.height = SIDE, .width = SIDE, .channels = CHANNELS, .classes = l->classes};
    set->split = source->split;
    td_status status = open_batches(set, l, folder, source->split, batches, error);
    if (status == TD_OK)
        status = copy_batches(set, l, batches, error);
    for (size_t i = 0; i < MOST_FILES; i++)
        batch_close(&batches[i]);
    return status == TD_OK ? read_names(set, l, folder, error) : status;
}

const td_format td_format_cifar_python = {
    .name = "CIFAR-10 and CIFAR-100, version for Python",
    .needs = "data_batch_1 to data_batch_5 and test_batch, or train and test, pickles, alone or in "
             "cifar-10-batches-py/ or cifar-100-python/; read as data, nothing is called",
    .recognise = recognise,
    .open = open_set};
