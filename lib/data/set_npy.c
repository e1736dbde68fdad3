/* A folder with images and labels as NumPy arrays. */
#include "data/format.h"
#include "data/npy.h"
#include "data/path.h"
#include "data/planes.h"
#include <inttypes.h>
#include <string.h>

/* The names that are known. Of those for the split, the first found is taken. */
static const struct names {
    const char *split, *images, *labels; /* split "": the files do not say */
} known_names[] = {
    {"train", "train_images.npy", "train_labels.npy"},
    {"test", "test_images.npy", "test_labels.npy"},
    {"train", "x_train.npy", "y_train.npy"},
    {"test", "x_test.npy", "y_test.npy"},
    {"", "images.npy", "labels.npy"},
};

enum { NAMES = sizeof known_names / sizeof *known_names };

static bool has_file(const char *folder, const char *name) {
    char path[TD_PATH_SIZE];
    return td_path_join(path, folder, name) && td_path_is_file(path);
}

static bool recognise(const char *path) {
    for (size_t i = 0; i < NAMES; i++)
        if (has_file(path, known_names[i].images))
            return true;
    return false;
}

static const struct names *find_names(const td_source *source) {
    for (size_t i = 0; i < NAMES; i++) {
        const struct names *names = &known_names[i];
        if ((!*names->split || strcmp(names->split, source->split) == 0) &&
            has_file(source->path, names->images))
            return names;
    }
    return NULL;
}

static td_status open_array(td_npy *npy, td_dataset *set, const td_source *source, const char *name,
                            td_error *error) {
    char path[TD_PATH_SIZE];
    *npy = (td_npy){0};
    if (!td_path_join(path, source->path, name) || !td_path_is_file(path))
        return td_fail(error, TD_ERR_USAGE, "%s: expected a file %s, found none", source->path,
                       name);
    TD_TRY(td_dataset_add_file(set, path, error));
    return td_npy_open(npy, path, error);
}

/* What the dimensions mean: the channels are last, or where they cannot be, second. */
static td_status read_dims(td_images *images, const td_npy *npy, bool *planes, td_error *error) {
    const size_t *dims = npy->dims;
    char shape[TD_NPY_TEXT];
    if (npy->kind != TD_NPY_UNSIGNED || npy->size != 1)
        return td_fail(error, TD_ERR_FORMAT,
                       "header: descr: expected '|u1', 8-bit pixels of 0 to 255, found '%s'",
                       npy->descr);
    bool grey = npy->rank == 3, last = npy->rank == 4 && (dims[3] == 1 || dims[3] == 3);
    *planes = npy->rank == 4 && !last && (dims[1] == 1 || dims[1] == 3);
    if ((!grey && !last && !*planes) || npy->count == 0)
        return td_fail(error, TD_ERR_FORMAT,
                       "header: shape: expected (N, H, W), (N, H, W, C) or (N, C, H, W), none of "
                       "them 0 and C 1 or 3, found %s",
                       td_npy_shape(npy, shape));
    *images = (td_images){.count = dims[0],
                          .height = dims[*planes ? 2 : 1],
                          .width = dims[*planes ? 3 : 2],
                          .channels = grey ? 1 : dims[*planes ? 1 : 3]};
    return TD_OK;
}

static td_status interleave(td_dataset *set, const td_npy *npy, td_error *error) {
    const td_images *images = &set->images;
    const td_planes planes = {.first = npy->data,
                              .count = images->count,
                              .stride = td_image_size(images),
                              .plane_size = images->height * images->width};
    uint8_t *pixels;
    TD_TRY(TD_ARENA_NEW(&set->arena, npy->count, &pixels, "images", error));
    td_planes_interleave(&planes, pixels);
    set->images.pixels = pixels;
    return TD_OK;
}

/* Images stay in the file, unless they are in several planes. */
static td_status read_images(td_dataset *set, const td_source *source, const char *name,
                             td_error *error) {
    td_npy npy;
    bool planes = false;
    TD_TRY(open_array(&npy, set, source, name, error));
    td_status status = read_dims(&set->images, &npy, &planes, error);
    if (status != TD_OK) {
        status = td_fail_within(error, status, "%s", set->files[0]);
    } else if (planes && set->images.channels == TD_PLANES) {
        status = interleave(set, &npy, error);
    } else {
        set->images.pixels = npy.data;
        set->map = npy.map;
        npy.map = (td_map){0};
    }
    td_npy_close(&npy);
    return status;
}

/* A value as a label; one above INT64_MAX is negative, and as little allowed. */
static int64_t label_at(const td_npy *npy, size_t index) {
    uint64_t bits = 0;
    memcpy(&bits, npy->data + index * npy->size, npy->size);
    unsigned unused = 64 - 8 * (unsigned)npy->size;
    return npy->kind == TD_NPY_SIGNED ? (int64_t)(bits << unused) >> unused : (int64_t)bits;
}

static td_status copy_labels(td_dataset *set, const td_npy *npy, td_error *error) {
    char shape[TD_NPY_TEXT];
    if (npy->kind == TD_NPY_FLOAT)
        return td_fail(error, TD_ERR_FORMAT,
                       "header: descr: expected whole numbers ('|u1', '<i8', ...), found '%s'",
                       npy->descr);
    bool column = npy->rank == 2 && npy->dims[1] == 1;
    if ((npy->rank != 1 && !column) || npy->count != set->images.count)
        return td_fail(error, TD_ERR_FORMAT,
                       "header: shape: expected (%zu,) or (%zu, 1), a label for each image, found "
                       "%s",
                       set->images.count, set->images.count, td_npy_shape(npy, shape));
    int32_t *labels;
    TD_TRY(TD_ARENA_NEW(&set->arena, npy->count, &labels, "labels", error));
    for (size_t i = 0; i < npy->count; i++) {
        int64_t label = label_at(npy, i);
        if (label < 0 || label >= TD_MOST_CLASSES)
            return td_fail(error, TD_ERR_FORMAT,
                           "label of image %zu: expected 0 to %d, found %" PRId64, i,
                           TD_MOST_CLASSES - 1, label);
        labels[i] = (int32_t)label;
    }
    set->images.labels = labels;
    return TD_OK;
}

static td_status open_set(td_dataset *set, const td_source *source, td_error *error) {
    const struct names *names = find_names(source);
    if (!names)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: split %s: expected a file %s_images.npy, x_%s.npy or images.npy, found "
                       "none",
                       source->path, source->split, source->split, source->split);
    set->split = *names->split || source->split_given ? source->split : "";
    TD_TRY(read_images(set, source, names->images, error));
    td_npy labels;
    TD_TRY(open_array(&labels, set, source, names->labels, error));
    td_status status = copy_labels(set, &labels, error);
    td_npy_close(&labels);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", set->files[1]);
}

const td_format td_format_npy = {.name = "a folder of NumPy arrays (images.npy and labels.npy)",
                                 .recognise = recognise,
                                 .open = open_set};
