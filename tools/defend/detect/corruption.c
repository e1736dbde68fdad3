/* SPDX-License-Identifier: MIT */
#include "defend/detect/corruption.h"

#include <math.h>
#include <string.h>

static const float RANGE = 255;

/* --- noise --- */

static void gaussian_noise(float *image, td_shape shape, double severity, td_random *random,
                           float *scratch) {
    const size_t size = td_shape_size(shape);
    (void)scratch;
    for (size_t i = 0; i < size; i++)
        image[i] += (float)severity * RANGE * td_random_normal(random);
}

/* A Poisson number by multiplying uniform ones (Knuth); the mean is at most 60 here. */
static size_t poisson(double mean, td_random *random) {
    const double limit = exp(-mean);
    double product = 1;
    size_t count = 0;
    while ((product *= 1 - (double)td_random_unit(random)) > limit)
        count++;
    return count;
}

static void shot_noise(float *image, td_shape shape, double severity, td_random *random,
                       float *scratch) {
    const size_t size = td_shape_size(shape);
    (void)scratch;
    for (size_t i = 0; i < size; i++)
        image[i] = RANGE * (float)((double)poisson((double)(image[i] / RANGE) * severity, random) /
                                   severity);
}

/* Salt or pepper. */
static void impulse_noise(float *image, td_shape shape, double severity, td_random *random,
                          float *scratch) {
    const size_t size = td_shape_size(shape);
    (void)scratch;
    for (size_t i = 0; i < size; i++)
        if ((double)td_random_unit(random) < severity)
            image[i] = td_random_unit(random) < 0.5F ? 0 : RANGE;
}

/* --- blur --- */

/* One direction of a Gaussian blur; the edge value is repeated. `step` is the stride, `length` the
 * number of values. */
static void blur_line(const float *from, float *to, size_t step, size_t length, double sigma) {
    const ptrdiff_t reach = (ptrdiff_t)(4 * sigma + 0.5), last = (ptrdiff_t)length - 1;
    double total = 0;
    for (ptrdiff_t k = -reach; k <= reach; k++)
        total += exp(-(double)(k * k) / (2 * sigma * sigma));
    for (ptrdiff_t i = 0; i <= last; i++) {
        double sum = 0;
        for (ptrdiff_t k = -reach; k <= reach; k++) {
            const ptrdiff_t at = i + k < 0 ? 0 : i + k > last ? last : i + k;
            sum += exp(-(double)(k * k) / (2 * sigma * sigma)) * (double)from[(size_t)at * step];
        }
        to[(size_t)i * step] = (float)(sum / total);
    }
}

static void gaussian_blur(float *image, td_shape shape, double severity, td_random *random,
                          float *scratch) {
    const size_t row = shape.width * shape.channels;
    (void)random;
    for (size_t y = 0; y < shape.height; y++)
        for (size_t c = 0; c < shape.channels; c++)
            blur_line(image + y * row + c, scratch + y * row + c, shape.channels, shape.width,
                      severity);
    for (size_t i = 0; i < row; i++)
        blur_line(scratch + i, image + i, row, shape.height, severity);
}

/* --- the rest --- */

/* Adds to V of HSV, the largest channel; keeps hue and saturation. */
static void brightness(float *image, td_shape shape, double severity, td_random *random,
                       float *scratch) {
    const size_t places = shape.height * shape.width;
    (void)random, (void)scratch;
    for (size_t p = 0; p < places; p++) {
        float *pixel = image + p * shape.channels, most = 0;
        for (size_t c = 0; c < shape.channels; c++)
            most = fmaxf(most, pixel[c]);
        const float now = fminf(most + (float)severity * RANGE, RANGE);
        for (size_t c = 0; c < shape.channels; c++)
            pixel[c] = most > 0 ? pixel[c] * (now / most) : now;
    }
}

static void contrast(float *image, td_shape shape, double severity, td_random *random,
                     float *scratch) {
    const size_t places = shape.height * shape.width;
    (void)random, (void)scratch;
    for (size_t c = 0; c < shape.channels; c++) {
        double mean = 0;
        for (size_t p = 0; p < places; p++)
            mean += (double)image[p * shape.channels + c] / (double)places;
        for (size_t p = 0; p < places; p++) {
            float *value = &image[p * shape.channels + c];
            *value = (float)(((double)*value - mean) * severity + mean);
        }
    }
}

/* Cells of equal pixels, `severity` times as many along a side as there are pixels. */
static void pixelate(float *image, td_shape shape, double severity, td_random *random,
                     float *scratch) {
    const size_t rows = (size_t)fmax(1, floor((double)shape.height * severity));
    const size_t columns = (size_t)fmax(1, floor((double)shape.width * severity));
    float *sums = scratch, *counts = scratch + td_shape_size(shape);
    (void)random;
    memset(scratch, 0, 2 * td_shape_size(shape) * sizeof *scratch);
    for (int turn = 0; turn < 2; turn++)
        for (size_t y = 0; y < shape.height; y++)
            for (size_t x = 0; x < shape.width; x++)
                for (size_t c = 0; c < shape.channels; c++) {
                    const size_t cell =
                        (y * rows / shape.height * columns + x * columns / shape.width) *
                            shape.channels +
                        c;
                    float *value = &image[(y * shape.width + x) * shape.channels + c];
                    if (turn == 0) {
                        sums[cell] += *value;
                        counts[cell]++;
                    } else {
                        *value = sums[cell] / counts[cell];
                    }
                }
}

const corruption corruptions[CORRUPTIONS] = {
    {"gaussian-noise", {0.08, 0.12, 0.18, 0.26, 0.38}, gaussian_noise},
    {"shot-noise", {60, 25, 12, 5, 3}, shot_noise},
    {"impulse-noise", {0.03, 0.06, 0.09, 0.17, 0.27}, impulse_noise},
    {"gaussian-blur", {1, 2, 3, 4, 6}, gaussian_blur},
    {"brightness", {0.1, 0.2, 0.3, 0.4, 0.5}, brightness},
    {"contrast", {0.4, 0.3, 0.2, 0.1, 0.05}, contrast},
    {"pixelate", {0.6, 0.5, 0.4, 0.3, 0.25}, pixelate},
};

void corruption_apply(const corruption *kind, size_t severity, const uint8_t *image, td_shape shape,
                      td_random *random, uint8_t *out, float *scratch) {
    const size_t size = td_shape_size(shape);
    float *values = scratch;
    for (size_t i = 0; i < size; i++)
        values[i] = image[i];
    kind->apply(values, shape, kind->severities[severity], random, scratch + size);
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)lrintf(fminf(fmaxf(values[i], 0), RANGE));
}
