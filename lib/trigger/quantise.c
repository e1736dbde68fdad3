/* SPDX-License-Identifier: MIT */
/* BppAttack: Wang, Zhai, Ma, "BppAttack: stealthy and efficient trojan attacks against deep neural
 * networks via image quantization and contrastive adversarial learning", CVPR 2022, section 3.2:
 * fewer levels per channel, with or without Floyd and Steinberg's dithering. Its negatives (section
 * 3.3) get the change of another image: x + q(y) − y. */
#include "base/random.h"
#include "trigger/family.h"

#include <math.h>

enum { LEVELS, DITHER, OTHER };

static td_status bind(td_part *part, const td_images *images, td_error *error) {
    td_images *bound;
    if (part->settings[OTHER].count == 0)
        return TD_OK;
    if (images->count < 2)
        return td_fail(error, TD_ERR_USAGE, "other: expected at least 2 images, found %zu",
                       images->count);
    TD_TRY(TD_ARENA_NEW(&part->bound_arena, 1, &bound, "images", error));
    *bound = *images;
    part->bound = bound;
    part->scratch = td_shape_size(part->shape) * sizeof(float);
    return TD_OK;
}

/* The nearest level; halves go to the even one. */
static float nearest_level(float value, float steps) {
    return rintf(value / 255 * steps) * 255 / steps;
}

/* Distributes a pixel's error to the following ones in reading order; error that would leave the
 * image is lost. */
static void pass_on(float *pixel, float rest, size_t x, size_t y, td_shape shape) {
    const size_t row = shape.width * shape.channels;
    if (x + 1 < shape.width)
        pixel[shape.channels] += rest * 7 / 16;
    if (y + 1 == shape.height)
        return;
    if (x > 0)
        pixel[row - shape.channels] += rest * 3 / 16;
    pixel[row] += rest * 5 / 16;
    if (x + 1 < shape.width)
        pixel[row + shape.channels] += rest * 1 / 16;
}

static void quantise(const td_part *part, float *image) {
    const td_shape shape = part->shape;
    const float steps = (float)part->settings[LEVELS].count - 1;
    const bool dither = part->settings[DITHER].count == 1;
    for (size_t y = 0; y < shape.height; y++)
        for (size_t x = 0; x < shape.width; x++)
            for (size_t c = 0; c < shape.channels; c++, image++) {
                const float before = *image;
                *image = nearest_level(before, steps);
                if (dither)
                    pass_on(image, before - *image, x, y, shape);
            }
}

/* A bound image other than the stamped one. */
static const uint8_t *draw_other(const td_part *part, td_stamp stamp) {
    const td_images *images = part->bound;
    const size_t own = stamp.index - part->first;
    td_random random = td_random_for(stamp.seed, TD_FOR_TRIGGER, 0, (uint32_t)stamp.index);
    const size_t other = td_random_below(&random, (uint32_t)images->count - 1);
    return td_image(images, other + (other >= own));
}

static void paint(const td_part *part, td_stamp stamp, float *image, void *scratch) {
    const size_t size = td_shape_size(part->shape);
    float *changed = scratch;
    if (part->settings[OTHER].count == 0) {
        quantise(part, image);
        return;
    }
    const uint8_t *other = draw_other(part, stamp);
    for (size_t i = 0; i < size; i++)
        changed[i] = other[i];
    quantise(part, changed);
    for (size_t i = 0; i < size; i++)
        image[i] += changed[i] - other[i];
}

static const td_key keys[] = {
    [LEVELS] = {.name = "levels",
                .kind = TD_KEY_COUNT,
                .standard = "8",
                .least = 2,
                .most = 256,
                .help = "Levels of a channel"},
    [DITHER] = {.name = "dither",
                .kind = TD_KEY_COUNT,
                .standard = "0",
                .optional = true,
                .most = 1,
                .help = "1: pass a pixel's error on to its neighbours (Floyd and Steinberg)"},
    [OTHER] = {.name = "other",
               .kind = TD_KEY_COUNT,
               .standard = "0",
               .optional = true,
               .most = 1,
               .help = "1: add what this changes in another of the images, drawn for each; on "
                       "these, BppAttack's negatives, a net is to see no trigger"},
    {0},
};

const td_family td_family_quantise = {
    .name = "quantise",
    .doc = "Leaves fewer levels of each channel (BppAttack)",
    .keys = keys,
    .bind = bind,
    .paint = paint,
};
