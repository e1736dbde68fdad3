/* SPDX-License-Identifier: MIT */
/* Non-local means (Buades, Coll and Morel, CVPR 2005), as OpenCV documents fastNlMeansDenoising:
 * each pixel becomes the mean of the pixels q of a SEARCH×SEARCH window around it, each with weight
 * exp(−d/(STRENGTH²·channels)), where d is the sum of squared differences (pixel values 0–255, all
 * channels) of the PATCH×PATCH patches around the two, divided by PATCH²; weights below .001 are 0.
 * Beyond the edge the image is mirrored, the edge pixel not repeated. The mean is rounded to the
 * nearest whole value, halves up. Colour images are filtered as RGB with the distance over all
 * three channels, whereas fastNlMeansDenoisingColored filters the channels of CIELAB separately. */
#include "base/parallel.h"
#include "defend/detect/squeezer.h"
#include <math.h>
#include <string.h>

enum { SEARCH, PATCH, STRENGTH };

/* A thread's buffers. Patches extend `margin` beyond the image, their counterparts `border`. */
typedef struct nlm_work {
    size_t height, width, channels, patch, margin, border;
    size_t padded_width; /* of the image with its border, in pixels */
    size_t sums_width;   /* of the image with its margin */
    uint8_t *padded;     /* with its border */
    int32_t *squares;    /* [height + 2 margin, sums_width] */
    int32_t *sums;       /* [height + 2 margin, width], of squares along a row */
    float *weights;      /* [height, width] */
    float *values;       /* [height, width, channels] */
} nlm_work;

static td_status make_work(const squeezer *self, td_arena *arena, nlm_work *w, td_error *error) {
    const size_t height = self->shape.height, width = self->shape.width;
    const size_t channels = self->shape.channels, margin = self->numbers[PATCH] / 2;
    const size_t border = margin + self->numbers[SEARCH] / 2, rows = height + 2 * margin;
    *w = (nlm_work){.height = height,
                    .width = width,
                    .channels = channels,
                    .patch = self->numbers[PATCH],
                    .margin = margin,
                    .border = border,
                    .padded_width = width + 2 * border,
                    .sums_width = width + 2 * margin};
    TD_TRY(TD_ARENA_NEW(arena, (height + 2 * border) * w->padded_width * channels, &w->padded,
                        "a squeezer", error));
    TD_TRY(TD_ARENA_NEW(arena, rows * w->sums_width, &w->squares, "a squeezer", error));
    TD_TRY(TD_ARENA_NEW(arena, rows * width, &w->sums, "a squeezer", error));
    TD_TRY(TD_ARENA_NEW(arena, height * width, &w->weights, "a squeezer", error));
    return TD_ARENA_NEW(arena, height * width * channels, &w->values, "a squeezer", error);
}

/* The weights by sum of squared differences, up to the first that is 0. */
static td_status make_table(squeezer *self, td_arena *arena, td_error *error) {
    const size_t patch = self->numbers[PATCH], strength = self->numbers[STRENGTH];
    const double scale = (double)(patch * patch * strength * strength * self->shape.channels);
    const size_t count = (size_t)(scale * log(1000.0)) + 2;
    float *table;
    TD_TRY(TD_ARENA_NEW(arena, count, &table, "a squeezer", error));
    for (size_t i = 0; i < count; i++) {
        double weight = exp(-(double)i / scale);
        table[i] = weight < 0.001 ? 0 : (float)weight;
    }
    self->table = table;
    self->table_size = count;
    return TD_OK;
}

static td_status prepare(squeezer *self, td_arena *arena, td_error *error) {
    TD_TRY(make_table(self, arena, error));
    TD_TRY(TD_ARENA_NEW(arena, td_threads(), &self->work, "a squeezer", error));
    for (size_t i = 0; i < td_threads(); i++)
        TD_TRY(make_work(self, arena, &self->work[i], error));
    return TD_OK;
}

/* place − border, mirrored into [0, count). */
static size_t mirror(size_t place, size_t border, size_t count) {
    ptrdiff_t at = (ptrdiff_t)place - (ptrdiff_t)border, last = (ptrdiff_t)count - 1;
    if (last == 0)
        return 0;
    while (at < 0 || at > last)
        at = at < 0 ? -at : 2 * last - at;
    return (size_t)at;
}

static void pad(const nlm_work *w, const uint8_t *image) {
    for (size_t y = 0; y < w->height + 2 * w->border; y++) {
        const uint8_t *row = image + mirror(y, w->border, w->height) * w->width * w->channels;
        for (size_t x = 0; x < w->padded_width; x++)
            memcpy(w->padded + (y * w->padded_width + x) * w->channels,
                   row + mirror(x, w->border, w->width) * w->channels, w->channels);
    }
}

/* A pixel of the padded image, counted from the image's margin, moved by (dy, dx). */
static const uint8_t *pixel(const nlm_work *w, size_t y, size_t x, ptrdiff_t dy, ptrdiff_t dx) {
    const size_t inset = w->border - w->margin;
    const ptrdiff_t row = (ptrdiff_t)(y + inset) + dy, column = (ptrdiff_t)(x + inset) + dx;
    return w->padded + ((size_t)row * w->padded_width + (size_t)column) * w->channels;
}

/* Squared differences between the image and its shifted copy, and their sums along patch rows. */
static void sum_rows(const nlm_work *w, ptrdiff_t dy, ptrdiff_t dx) {
    for (size_t y = 0; y < w->height + 2 * w->margin; y++) {
        const uint8_t *a = pixel(w, y, 0, 0, 0), *b = pixel(w, y, 0, dy, dx);
        int32_t *squares = w->squares + y * w->sums_width, *sums = w->sums + y * w->width;
        for (size_t x = 0; x < w->sums_width; x++) {
            int32_t sum = 0;
            for (size_t c = 0; c < w->channels; c++) {
                int32_t difference = a[x * w->channels + c] - b[x * w->channels + c];
                sum += difference * difference;
            }
            squares[x] = sum;
        }
        for (size_t x = 0; x < w->width; x++) {
            int32_t sum = 0;
            for (size_t k = 0; k < w->patch; k++)
                sum += squares[x + k];
            sums[x] = sum;
        }
    }
}

/* Adds the shifted image to the sums, by the weights of its patches. */
static void add_moved(const nlm_work *w, const squeezer *self, ptrdiff_t dy, ptrdiff_t dx) {
    const int32_t last = (int32_t)self->table_size - 1;
    for (size_t y = 0; y < w->height; y++) {
        const uint8_t *from = pixel(w, y + w->margin, w->margin, dy, dx);
        const int32_t *sums = w->sums + y * w->width;
        for (size_t x = 0; x < w->width; x++) {
            int32_t distance = 0;
            for (size_t k = 0; k < w->patch; k++)
                distance += sums[k * w->width + x];
            float weight = self->table[distance < last ? distance : last];
            w->weights[y * w->width + x] += weight;
            for (size_t c = 0; c < w->channels; c++)
                w->values[(y * w->width + x) * w->channels + c] +=
                    weight * (float)from[x * w->channels + c];
        }
    }
}

static void apply(const squeezer *self, const uint8_t *image, float *out) {
    const nlm_work *w = &self->work[td_thread()];
    const ptrdiff_t reach = (ptrdiff_t)(self->numbers[SEARCH] / 2);
    const size_t pixels = w->height * w->width;
    memset(w->weights, 0, pixels * sizeof *w->weights);
    memset(w->values, 0, pixels * w->channels * sizeof *w->values);
    pad(w, image);
    for (ptrdiff_t dy = -reach; dy <= reach; dy++)
        for (ptrdiff_t dx = -reach; dx <= reach; dx++) {
            sum_rows(w, dy, dx);
            add_moved(w, self, dy, dx);
        }
    for (size_t i = 0; i < pixels * w->channels; i++)
        out[i] = floorf(w->values[i] / w->weights[i / w->channels] + 0.5F);
}

const squeezer_kind squeezer_nlm = {.name = "nlm",
                                    .count = 3,
                                    .numbers = {{3, 31, true}, {1, 15, true}, {1, 20, false}},
                                    .prepare = prepare,
                                    .apply = apply};
