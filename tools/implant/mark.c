/* SPDX-License-Identifier: MIT */
#include "implant/mark.h"

#include "base/size.h"
#include "nn/optimizer.h"
#include <math.h>
#include <string.h>

static const float MOST = 255;

/* Keeps values off the ends, where tanh has no gradient. */
static float place_of(float value) {
    return atanhf(fminf(fmaxf(2 * value / MOST - 1, -0.999F), 0.999F));
}

td_status mark_open(mark *m, td_shape image, size_t side, size_t top, size_t left, float value,
                    td_arena *arena, td_error *error) {
    static const char what[] = "a trigger";
    *m = (mark){.image = image,
                .side = side,
                .top = top,
                .left = left,
                .count = side * side * image.channels};
    TD_TRY(TD_ARENA_NEW(arena, m->count, &m->values, what, error));
    TD_TRY(TD_ARENA_NEW(arena, m->count, &m->gradient, what, error));
    TD_TRY(TD_ARENA_NEW(arena, m->count, &m->place, what, error));
    TD_TRY(TD_ARENA_NEW(arena, 2 * m->count, &m->moments, what, error));
    for (size_t i = 0; i < m->count; i++) {
        m->values[i] = value;
        m->place[i] = place_of(value);
    }
    return TD_OK;
}

/* The first value of a row of the mark within an image. */
static size_t row_at(const mark *m, size_t row) {
    return ((m->top + row) * m->image.width + m->left) * m->image.channels;
}

static float rounded(float value) {
    return floorf(value + 0.5F);
}

void mark_paste(const mark *m, float *image) {
    const size_t width = m->side * m->image.channels;
    for (size_t y = 0; y < m->side; y++)
        for (size_t k = 0; k < width; k++)
            image[row_at(m, y) + k] = rounded(m->values[y * width + k]);
}

td_status mark_stamp(const mark *m, const td_images *images, td_arena *arena, td_images *out,
                     td_error *error) {
    const size_t size = td_image_size(images), width = m->side * m->image.channels;
    uint8_t *pixels;
    TD_TRY(td_arena_alloc(arena, images->count, size, (void **)&pixels, "stamped images", error));
    memcpy(pixels, images->pixels, images->count * size);
    for (size_t i = 0; i < images->count; i++)
        for (size_t y = 0; y < m->side; y++)
            for (size_t k = 0; k < width; k++)
                pixels[i * size + row_at(m, y) + k] = (uint8_t)rounded(m->values[y * width + k]);
    *out = *images;
    out->pixels = pixels;
    return TD_OK;
}

void mark_gather(mark *m, const float *pixels, size_t count) {
    const size_t size = td_shape_size(m->image), width = m->side * m->image.channels;
    memset(m->gradient, 0, m->count * sizeof *m->gradient);
    for (size_t i = 0; i < count; i++)
        for (size_t y = 0; y < m->side; y++)
            for (size_t k = 0; k < width; k++)
                m->gradient[y * width + k] += pixels[i * size + row_at(m, y) + k];
}

void mark_adam(mark *m, double lr) {
    const td_step step = td_adam_step(lr, ++m->steps);
    for (size_t i = 0; i < m->count; i++) { /* dvalue/du = 255·(1 − tanh²)/2 */
        const float t = tanhf(m->place[i]);
        m->gradient[i] *= MOST * (1 - t * t) / 2;
    }
    td_adam(&step, m->place, m->gradient, m->moments, m->moments + m->count, m->count);
    for (size_t i = 0; i < m->count; i++)
        m->values[i] = MOST * (tanhf(m->place[i]) + 1) / 2;
}

void mark_sign_step(mark *m, double size) {
    for (size_t i = 0; i < m->count; i++) {
        const float sign = (float)((m->gradient[i] > 0) - (m->gradient[i] < 0));
        m->values[i] = fminf(fmaxf(m->values[i] - (float)size * sign, 0), MOST);
    }
}

td_status mark_draw(const mark *m, td_bitmap *out, td_error *error) {
    TD_TRY(td_bitmap_make(out, m->side, m->side, m->image.channels, error));
    for (size_t i = 0; i < m->count; i++)
        out->pixels[i] = (uint8_t)rounded(m->values[i]);
    return TD_OK;
}
