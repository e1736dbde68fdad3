/* SPDX-License-Identifier: MIT */
/* Triggers from other programs, as NumPy arrays: one perturbation for all images, or a stamped copy
 * of each image, as sample-specific attacks need (Li et al., "Invisible backdoor attack with
 * sample-specific triggers", ICCV 2021). */
#include "trigger/family.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_KEY, SCALE };

static td_status prepare(td_part *part, td_error *error) {
    return td_npy_open(&part->array, part->settings[FILE_KEY].text, error);
}

/* Whether the array's dimensions from `from` on are those of one image; a grey one may lack the
 * channel. */
static bool is_image(const td_npy *array, size_t from, td_shape shape) {
    const size_t rank = array->rank;
    if (rank < from + 2 || array->dims[from] != shape.height ||
        array->dims[from + 1] != shape.width)
        return false;
    return rank == from + 2 ? shape.channels == 1
                            : rank == from + 3 && array->dims[from + 2] == shape.channels;
}

static td_status fail_shape(const td_part *part, const char *expected, td_error *error) {
    char found[TD_NPY_TEXT];
    const td_shape shape = part->shape;
    return td_fail(error, TD_ERR_USAGE, "%s: expected %s%zu, %zu, %zu), found %s of %s",
                   part->settings[FILE_KEY].text, expected, shape.height, shape.width,
                   shape.channels, td_npy_shape(&part->array, found), part->array.descr);
}

/* --- add --- */

/* A bound perturbation. */
typedef struct perturbation {
    float *values; /* [height, width, channels] */
} perturbation;

static bool take_value(const td_npy *array, size_t i, float *out) {
    double wide;
    if (array->kind == TD_NPY_UNSIGNED && array->size == 1)
        *out = array->data[i];
    else if (array->kind == TD_NPY_SIGNED && array->size == 1)
        *out = (float)(int8_t)array->data[i];
    else if (array->kind == TD_NPY_FLOAT && array->size == sizeof *out)
        memcpy(out, array->data + i * sizeof *out, sizeof *out);
    else if (array->kind == TD_NPY_FLOAT && array->size == sizeof wide) {
        memcpy(&wide, array->data + i * sizeof wide, sizeof wide);
        *out = (float)wide;
    } else
        return false;
    return true;
}

static td_status bind_add(td_part *part, const td_images *images, td_error *error) {
    const size_t size = td_shape_size(part->shape);
    const td_npy *array = &part->array;
    perturbation *bound;
    (void)images;
    if (!is_image(array, 0, part->shape) &&
        !(array->rank > 0 && array->dims[0] == 1 && is_image(array, 1, part->shape)))
        return fail_shape(part, "an array (", error);
    TD_TRY(TD_ARENA_NEW(&part->bound_arena, 1, &bound, "a pattern", error));
    TD_TRY(TD_ARENA_NEW(&part->bound_arena, size, &bound->values, "a pattern", error));
    for (size_t i = 0; i < size; i++) {
        if (!take_value(array, i, &bound->values[i]))
            return fail_shape(part, "|u1, |i1, <f4 or <f8 (", error);
        if (!isfinite(bound->values[i]))
            return td_fail(error, TD_ERR_FORMAT, "%s: value %zu: expected a finite number",
                           part->settings[FILE_KEY].text, i);
        bound->values[i] *= (float)part->settings[SCALE].number;
    }
    part->bound = bound;
    return TD_OK;
}

static void paint_add(const td_part *part, td_stamp stamp, float *image, void *scratch) {
    const perturbation *bound = part->bound;
    (void)stamp;
    (void)scratch;
    for (size_t i = 0; i < td_shape_size(part->shape); i++)
        image[i] += bound->values[i];
}

/* --- table --- */

/* The mean distance between image i and row i + shift of the table, over up to 256 images. */
static double mean_distance(const td_part *part, const td_images *images, size_t shift) {
    const size_t size = td_image_size(images), step = images->count / 256 + 1;
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < images->count; i += step, count += size) {
        const uint8_t *row = part->array.data + (part->first + (i + shift) % images->count) * size;
        const uint8_t *image = td_image(images, i);
        for (size_t j = 0; j < size; j++)
            sum += abs(row[j] - image[j]);
    }
    return sum / (double)count;
}

/* A table of other images, or in another order, is as far from these as they are from each other.
 */
static td_status check_order(td_part *part, const td_images *images, td_error *error) {
    if (images->count < 2)
        return TD_OK;
    const double own = mean_distance(part, images, 0);
    const double other = mean_distance(part, images, images->count / 2);
    if (own == 0)
        return td_part_set_note(part, error, "%s has these images unchanged",
                                part->settings[FILE_KEY].text);
    if (own < other / 2)
        return TD_OK;
    return td_fail(
        error, TD_ERR_USAGE,
        "%s: expected a changed copy of each image, in their order; found a mean distance "
        "of %.1f from its own image and of %.1f from another one",
        part->settings[FILE_KEY].text, own, other);
}

static td_status bind_table(td_part *part, const td_images *images, td_error *error) {
    const td_npy *array = &part->array;
    if (array->kind != TD_NPY_UNSIGNED || array->size != 1 || !is_image(array, 1, part->shape))
        return fail_shape(part, "|u1 (N, ", error);
    if (images->count > 0 &&
        (part->first >= array->dims[0] || images->count > array->dims[0] - part->first))
        return td_fail(
            error, TD_ERR_USAGE, "%s: expected a row for each image up to number %zu, found %zu",
            part->settings[FILE_KEY].text, part->first + images->count - 1, array->dims[0]);
    part->images = array->dims[0];
    return check_order(part, images, error);
}

static void paint_table(const td_part *part, td_stamp stamp, float *image, void *scratch) {
    const size_t size = td_shape_size(part->shape);
    const uint8_t *row = part->array.data + stamp.index * size;
    (void)scratch;
    if (stamp.index >= part->images)
        return; /* td_trigger_stamp has refused it */
    for (size_t i = 0; i < size; i++)
        image[i] = row[i];
}

#define ARRAY_KEY                                                                                  \
    .name = "file", .kind = TD_KEY_TEXT, .value = "FILE", .required = true,                        \
    .expected = "the name of a .npy file"

static const td_key add_keys[] = {
    [FILE_KEY] = {ARRAY_KEY, .help = "The perturbation (.npy), in pixel values: one image's shape"},
    [SCALE] = {.name = "scale",
               .kind = TD_KEY_REAL,
               .standard = "1",
               .least = -1e6,
               .most = 1e6,
               .help = "What it is multiplied by"},
    {0},
};

static const td_key table_keys[] = {
    [FILE_KEY] = {ARRAY_KEY,
                  .help =
                      "The changed images (.npy, |u1): row i stands in for image i of the split"},
    {0},
};

const td_family td_family_add = {
    .name = "add",
    .doc = "Adds a perturbation from a file",
    .keys = add_keys,
    .strength = "scale",
    .prepare = prepare,
    .bind = bind_add,
    .paint = paint_add,
};

const td_family td_family_table = {
    .name = "table",
    .doc = "Replaces each image by its row in an array of ready-made ones",
    .keys = table_keys,
    .prepare = prepare,
    .bind = bind_table,
    .paint = paint_table,
};
