/* SPDX-License-Identifier: MIT */
#include "trigger/reflection_layers.h"

#include "base/size.h"
#include <math.h>
#include <string.h>

float td_reflection_rest(const td_reflection *reflection) {
    return reflection->type == TD_REFLECTION_FOCUS ? 1 : 1 - reflection->alpha;
}

static void ghost(const td_reflection *r, td_shape shape, const float *picture, float *layer) {
    size_t length = shape.width * shape.channels;
    float first = r->alpha * r->balance, second = r->alpha * (1 - r->balance);
    size_t edge = td_size_min(r->shift_x, shape.width - 1) * shape.channels;
    for (size_t y = 0; y < shape.height; y++) {
        const float *near = picture + y * length;
        const float *far = picture + (y > r->shift_y ? y - r->shift_y : 0) * length;
        float *to = layer + y * length;
        for (size_t i = 0; i < edge; i++)
            to[i] = first * near[i] + second * far[i % shape.channels];
        for (size_t i = edge; i < length; i++)
            to[i] = first * near[i] + second * far[i - edge];
    }
}

/* One side of a Gaussian: weights[k] for distance k, with sum 1 over both sides. */
static size_t make_weights(float sigma, float *weights) {
    size_t radius = td_size_min((size_t)ceilf(2 * sigma), TD_REFLECTION_RADIUS);
    float sum = 0;
    for (size_t k = 0; k <= radius; k++) {
        weights[k] = expf(-(float)(k * k) / (2 * sigma * sigma));
        sum += k == 0 ? weights[k] : 2 * weights[k];
    }
    for (size_t k = 0; k <= radius; k++)
        weights[k] /= sum;
    return radius;
}

/* A row with its ends continued by `radius` pixels. */
static void continue_row(const float *row, size_t length, size_t channels, size_t radius,
                         float *out) {
    size_t margin = radius * channels;
    for (size_t i = 0; i < margin; i++) {
        out[i] = row[i % channels];
        out[margin + length + i] = row[length - channels + i % channels];
    }
    memcpy(out + margin, row, length * sizeof *row);
}

/* to[i] += weight · (a[i] + b[i]) */
static void add_pair(float weight, const float *restrict a, const float *restrict b, size_t length,
                     float *restrict to) {
    for (size_t i = 0; i < length; i++)
        to[i] += weight * (a[i] + b[i]);
}

/* to[i] = weight · from[i] */
static void scale(float weight, const float *restrict from, size_t length, float *restrict to) {
    for (size_t i = 0; i < length; i++)
        to[i] = weight * from[i];
}

/* Blurs columns, then rows; beyond its border the picture repeats its edge. */
static void blur(float sigma, td_shape shape, const float *picture, float *out, float *scratch) {
    size_t length = shape.width * shape.channels;
    float *weights = scratch, *column = weights + TD_REFLECTION_RADIUS + 1;
    float *wide = column + length;
    size_t radius = make_weights(sigma, weights);
    for (size_t y = 0; y < shape.height; y++) {
        scale(weights[0], picture + y * length, length, column);
        for (size_t k = 1; k <= radius; k++) {
            const float *above = picture + (y > k ? y - k : 0) * length;
            const float *below = picture + td_size_min(y + k, shape.height - 1) * length;
            add_pair(weights[k], above, below, length, column);
        }
        continue_row(column, length, shape.channels, radius, wide);
        const float *middle = wide + radius * shape.channels;
        scale(weights[0], middle, length, out + y * length);
        for (size_t k = 1; k <= radius; k++)
            add_pair(weights[k], middle - k * shape.channels, middle + k * shape.channels, length,
                     out + y * length);
    }
}

/* The mean excess of a channel's light over 1, over the pixels that exceed it. */
static float overexposure(const float *scene, const float *picture, size_t size, size_t channels) {
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < size; i += channels) {
        float light = scene[i] + picture[i];
        sum += light > 1 ? (double)light - 1 : 0;
        count += light > 1;
    }
    return count ? (float)(sum / (double)count) : 0;
}

static float window(size_t at, size_t count) {
    float u = 6 * ((float)at + 0.5F) / (float)count - 3;
    return expf(-u * u / 4);
}

/* Not fminf and fmaxf, which are function calls because of NaN. */
static float within_1(float light) {
    return light < 0 ? 0 : light > 1 ? 1 : light;
}

static void unfocused(const td_reflection *r, td_shape shape, const float *scene,
                      const float *picture, float *layer, float *scratch) {
    const float attenuation = 1.1F;
    size_t length = shape.width * shape.channels, size = shape.height * length;
    float *across = scratch + TD_REFLECTION_RADIUS + 1, less[3];
    blur(r->sigma, shape, picture, layer, scratch);
    for (size_t c = 0; c < shape.channels; c++)
        less[c] = attenuation * overexposure(scene + c, layer + c, size - c, shape.channels);
    for (size_t i = 0; i < length; i++)
        across[i] = window(i / shape.channels, shape.width);
    for (size_t y = 0; y < shape.height; y++) {
        float weight = (1 + r->alpha) / 2 * window(y, shape.height);
        float *to = layer + y * length;
        for (size_t i = 0; i < length; i++)
            to[i] = weight * across[i] * within_1(to[i] - less[i % shape.channels]);
    }
}

size_t td_reflection_scratch(td_shape shape) {
    return TD_REFLECTION_RADIUS + 1 + 2 * (shape.width + TD_REFLECTION_RADIUS) * shape.channels;
}

void td_reflection_layer(const td_reflection *reflection, td_shape shape, const float *scene,
                         const float *picture, float *layer, float *scratch) {
    size_t size = td_shape_size(shape);
    switch (reflection->type) {
    case TD_REFLECTION_FOCUS:
        for (size_t i = 0; i < size; i++)
            layer[i] = reflection->alpha * picture[i];
        return;
    case TD_REFLECTION_GHOST:
        ghost(reflection, shape, picture, layer);
        return;
    case TD_REFLECTION_BLUR:
        unfocused(reflection, shape, scene, picture, layer, scratch);
        return;
    }
}
