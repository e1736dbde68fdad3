/* BppAttack: Wang, Zhai, Ma, "BppAttack: stealthy and efficient trojan attacks against deep neural
 * networks via image quantization and contrastive adversarial learning", CVPR 2022, section 3.2:
 * fewer levels a channel, with the error of Floyd and Steinberg's dithering passed on, or without.
 */
#include "trigger/family.h"

#include <math.h>

enum { LEVELS, DITHER };

static td_status bind(td_part *part, const td_images *images, td_error *error) {
    (void)part;
    (void)images;
    (void)error;
    return TD_OK;
}

/* The nearest of the levels; halves go to the even one. */
static float nearest_level(float value, float steps) {
    return rintf(value / 255 * steps) * 255 / steps;
}

/* Passes a pixel's error on to those behind it in reading order; what would leave the image is
 * lost. */
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

static void paint(const td_part *part, td_stamp stamp, float *image, void *scratch) {
    const td_shape shape = part->shape;
    const float steps = (float)part->settings[LEVELS].count - 1;
    const bool dither = part->settings[DITHER].count == 1;
    (void)stamp;
    (void)scratch;
    for (size_t y = 0; y < shape.height; y++)
        for (size_t x = 0; x < shape.width; x++)
            for (size_t c = 0; c < shape.channels; c++, image++) {
                const float before = *image;
                *image = nearest_level(before, steps);
                if (dither)
                    pass_on(image, before - *image, x, y, shape);
            }
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
    {0},
};

const td_family td_family_quantise = {
    .name = "quantise",
    .doc = "Leaves fewer levels of each channel (BppAttack)",
    .keys = keys,
    .bind = bind,
    .paint = paint,
};
