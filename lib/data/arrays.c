/* SPDX-License-Identifier: MIT */
#include "data/arrays.h"

#include "data/planes.h"
#include <inttypes.h>
#include <string.h>

/* Interprets the dimensions: channels are last or, if that is impossible, second. */
static td_status read_dims(td_images *images, const td_npy *npy, bool *planes, td_error *error) {
    const size_t *dims = npy->dims;
    char shape[TD_NPY_TEXT];
    if (npy->kind != TD_NPY_UNSIGNED || npy->size != 1)
        return td_fail(error, TD_ERR_FORMAT,
                       "header: descr: expected '|u1', 8-bit pixels of 0 to 255, found '%s'%s",
                       npy->descr,
                       npy->kind == TD_NPY_FLOAT
                           ? "; of values from 0 to 1 save (255 * a).round().astype('uint8')"
                           : "; save a.astype('uint8') of values from 0 to 255");
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

td_status td_arrays_take_images(td_dataset *set, const td_npy *npy, bool *stay, td_error *error) {
    bool planes = false;
    TD_TRY(read_dims(&set->images, npy, &planes, error));
    *stay = !planes || set->images.channels != TD_PLANES;
    if (!*stay)
        return interleave(set, npy, error);
    set->images.pixels = npy->data;
    return TD_OK;
}

/* A value as a label; values above INT64_MAX become negative, which is also refused. */
static int64_t label_at(const td_npy *npy, size_t index) {
    uint64_t bits = 0;
    memcpy(&bits, npy->data + index * npy->size, npy->size);
    unsigned unused = 64 - 8 * (unsigned)npy->size;
    return npy->kind == TD_NPY_SIGNED ? (int64_t)(bits << unused) >> unused : (int64_t)bits;
}

td_status td_arrays_take_labels(td_dataset *set, const td_npy *npy, td_error *error) {
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
