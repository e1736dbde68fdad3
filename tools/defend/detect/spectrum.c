/* SPDX-License-Identifier: MIT */
#include "defend/detect/spectrum.h"

#include "base/size.h"
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { WHITE_BLOCK, RANDOM_BLOCK, NOISE, SHADOW, MIX, LEAST_SIDE = 2, SIDES = 6 };

static const float noise_deviation = 25, shadow = 0.5F, mixed = 0.3F;

void spectrum_of(const uint8_t *image, td_shape shape, const double *rows, const double *columns,
                 float *out, double *scratch) {
    const size_t h = shape.height, w = shape.width;
    double *plane = scratch, *half = scratch + h * w;
    for (size_t c = 0; c < shape.channels; c++) {
        for (size_t p = 0; p < h * w; p++)
            plane[p] = image[p * shape.channels + c];
        for (size_t y = 0; y < h; y++)
            for (size_t k = 0; k < w; k++) {
                double sum = 0;
                for (size_t x = 0; x < w; x++)
                    sum += plane[y * w + x] * columns[k * w + x];
                half[y * w + k] = sum;
            }
        for (size_t j = 0; j < h; j++)
            for (size_t k = 0; k < w; k++) {
                double sum = 0;
                for (size_t y = 0; y < h; y++)
                    sum += rows[j * h + y] * half[y * w + k];
                out[(j * w + k) * shape.channels + c] = (float)sum;
            }
    }
}

/* A rectangle within the image. */
typedef struct area {
    size_t top, left, height, width;
} area;

static area draw_block(td_shape shape, td_random *random) {
    const size_t side = LEAST_SIDE + td_random_below(random, SIDES);
    area a = {.height = td_size_min(side, shape.height), .width = td_size_min(side, shape.width)};
    a.top = td_random_below(random, (uint32_t)(shape.height - a.height + 1));
    a.left = td_random_below(random, (uint32_t)(shape.width - a.width + 1));
    return a;
}

/* A quarter to three quarters of each side. */
static area draw_shadow(td_shape shape, td_random *random) {
    area a = {.height =
                  shape.height / 4 + td_random_below(random, (uint32_t)(shape.height / 2 + 1)),
              .width = shape.width / 4 + td_random_below(random, (uint32_t)(shape.width / 2 + 1))};
    a.top = td_random_below(random, (uint32_t)(shape.height - a.height + 1));
    a.left = td_random_below(random, (uint32_t)(shape.width - a.width + 1));
    return a;
}

static void fill(size_t kind, td_shape shape, area a, td_random *random, uint8_t *out) {
    for (size_t y = a.top; y < a.top + a.height; y++)
        for (size_t x = a.left; x < a.left + a.width; x++)
            for (size_t c = 0; c < shape.channels; c++) {
                uint8_t *value = &out[(y * shape.width + x) * shape.channels + c];
                *value = kind == WHITE_BLOCK    ? 255
                         : kind == RANDOM_BLOCK ? (uint8_t)td_random_below(random, 256)
                                                : (uint8_t)(shadow * (float)*value);
            }
}

static uint8_t rounded(float value) {
    return (uint8_t)lrintf(fminf(fmaxf(value, 0), 255));
}

void spectrum_trigger(size_t kind, const uint8_t *image, const uint8_t *other, td_shape shape,
                      td_random *random, uint8_t *out) {
    const size_t size = td_shape_size(shape);
    memcpy(out, image, size);
    if (kind == WHITE_BLOCK || kind == RANDOM_BLOCK)
        fill(kind, shape, draw_block(shape, random), random, out);
    else if (kind == SHADOW)
        fill(kind, shape, draw_shadow(shape, random), random, out);
    for (size_t i = 0; i < size && kind == NOISE; i++)
        out[i] = rounded((float)image[i] + noise_deviation * td_random_normal(random));
    for (size_t i = 0; i < size && kind == MIX; i++)
        out[i] = rounded((float)image[i] + mixed * ((float)other[i] - (float)image[i]));
}
