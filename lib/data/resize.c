/* SPDX-License-Identifier: MIT */
#include "data/resize.h"

#include "base/parallel.h"
#include "base/size.h"
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Weights are fixed point with 22 bits: 8 bits of a value times a sum of magnitudes below 2, which
 * holds for every kernel here, fits in 31 bits. */
enum { FRACTION_BITS = 22, HALF = 1 << (FRACTION_BITS - 1), LUMPS = 3 };

/* Values of a row weighted at once: 8 pixels of one channel, or 2 of three channels, padded to
 * four. */
enum { VECTOR = 8, RGB = 3, RGB_PLACES = 4 };
typedef int32_t vector __attribute__((vector_size(VECTOR * sizeof(int32_t))));
typedef int32_t pixel
    __attribute__((vector_size(RGB_PLACES * sizeof(int32_t)), aligned(4), may_alias));
typedef uint8_t byte_vector __attribute__((vector_size(16)));

#define ALWAYS_INLINE static inline __attribute__((always_inline))
/* Integer arithmetic is as fast as the vectors are wide, and gives the same results on all
 * processors. The choice at the program's start runs before ThreadSanitizer is ready, and crashes
 * with it. */
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__SANITIZE_THREAD__)
#define FOR_EVERY_CPU __attribute__((target_clones("avx2", "default")))
#else
#define FOR_EVERY_CPU
#endif

typedef struct kernel {
    double (*value)(double x);
    double support; /* the kernel is 0 beyond */
} kernel;

/* The weights along one axis: result i has `taps` weights for sources from `first[i]` on. Those
 * beyond `used[i]` are 0. */
typedef struct weights {
    size_t taps, count;
    size_t *first, *used;
    int32_t *values; /* [count, taps] */
} weights;

static double box(double x) {
    return x > -0.5 && x <= 0.5 ? 1 : 0;
}

static double triangle(double x) {
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

/* Keys, "Cubic convolution interpolation for digital image processing", 1981, with a = -1/2. */
static double cubic(double x) {
    const double a = -0.5;
    x = fabs(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

static double sinc(double x) {
    const double pi = 3.14159265358979323846;
    return x == 0 ? 1 : sin(pi * x) / (pi * x);
}

static double lanczos(double x) {
    return fabs(x) < LUMPS ? sinc(x) * sinc(x / LUMPS) : 0;
}

static const kernel kernels[] = {
    [TD_BOX] = {box, 0.5},
    [TD_BILINEAR] = {triangle, 1},
    [TD_BICUBIC] = {cubic, 2},
    [TD_LANCZOS] = {lanczos, LUMPS},
};

const char *const td_filter_names[] = {"nearest", "box", "bilinear", "bicubic", "lanczos", NULL};

static void weights_free(weights *w) {
    free(w->first);
    free(w->used);
    free(w->values);
    *w = (weights){0};
}

static td_status weights_make_room(weights *w, size_t count, size_t taps, td_error *error) {
    size_t total;
    *w = (weights){.taps = taps, .count = count};
    if (!td_size_mul(count, taps, &total))
        return td_fail_memory(error, "the weights of a filter");
    w->first = calloc(count, sizeof *w->first);
    w->used = calloc(count, sizeof *w->used);
    w->values = calloc(total, sizeof *w->values);
    if (w->first && w->used && w->values)
        return TD_OK;
    weights_free(w);
    return td_fail_memory(error, "the weights of a filter");
}

/* The weights of one result, normalised to the sum 1. */
static void weights_of(const kernel *k, double centre, double stretch, size_t first, size_t used,
                       double *scratch, int32_t *out) {
    double sum = 0;
    for (size_t i = 0; i < used; i++) {
        scratch[i] = k->value(((double)(first + i) - centre + 0.5) / stretch);
        sum += scratch[i];
    }
    for (size_t i = 0; i < used; i++)
        out[i] = (int32_t)lround(scratch[i] / sum * (1 << FRACTION_BITS));
}

static td_status weights_make(weights *w, size_t from, size_t to, td_filter filter,
                              td_error *error) {
    const kernel *k = &kernels[filter];
    const double scale = (double)from / (double)to, stretch = fmax(scale, 1);
    const double support = k->support * stretch;
    TD_TRY(weights_make_room(w, to, (size_t)ceil(support) * 2 + 1, error));
    double *scratch = calloc(w->taps, sizeof *scratch);
    if (!scratch) {
        weights_free(w);
        return td_fail_memory(error, "the weights of a filter");
    }
    for (size_t i = 0; i < to; i++) {
        double centre = ((double)i + 0.5) * scale;
        w->first[i] = (size_t)fmax(centre - support + 0.5, 0);
        w->used[i] = td_size_min((size_t)(centre + support + 0.5), from) - w->first[i];
        weights_of(k, centre, stretch, w->first[i], w->used[i], scratch, w->values + i * w->taps);
    }
    free(scratch);
    return TD_OK;
}

static inline uint8_t to_byte(int32_t sum) {
    int32_t value = (sum + HALF) >> FRACTION_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* Repeats each weight for each of a pixel's `places`, padded with zeros to `size`, a multiple of
 * VECTOR. [w.count, size] */
static td_status spread_weights(const weights *w, size_t places, int32_t **out, size_t *size,
                                td_error *error) {
    size_t total;
    *out = NULL;
    *size = td_chunks(w->taps * places, VECTOR) * VECTOR;
    if (td_size_mul(*size, w->count, &total))
        *out = calloc(total, sizeof **out);
    if (!*out)
        return td_fail_memory(error, "the weights of a filter");
    for (size_t i = 0; i < w->count; i++)
        for (size_t at = 0; at < w->used[i] * places; at++)
            (*out)[i * *size + at] = w->values[i * w->taps + at / places];
    return TD_OK;
}

ALWAYS_INLINE void weigh(const int32_t *values, const int32_t *spread, size_t count, vector *sums) {
    *sums = (vector){0};
    for (size_t at = 0; at < count; at += VECTOR) {
        vector by, value;
        memcpy(&by, spread + at, sizeof by);
        memcpy(&value, values + at, sizeof value);
        *sums += by * value;
    }
}

/* A row of [width] with room for a vector after it; `spread` has `size` weights per result. */
ALWAYS_INLINE void weigh_grey(const int32_t *row, const weights *w, const int32_t *spread,
                              size_t size, uint8_t *out) {
    for (size_t i = 0; i < w->count; i++) {
        vector sums;
        weigh(row + w->first[i], spread + i * size, w->used[i], &sums);
        int32_t sum = 0;
        for (size_t lane = 0; lane < VECTOR; lane++)
            sum += sums[lane];
        *out++ = to_byte(sum);
    }
}

/* The same for [width, RGB_PLACES]: adds the two pixels of `sums` and converts them to bytes at
 * once. */
ALWAYS_INLINE void weigh_rgb(const int32_t *row, const weights *w, const int32_t *spread,
                             size_t size, uint8_t *out) {
    for (size_t i = 0; i < w->count; i++, out += RGB) {
        vector sums;
        weigh(row + w->first[i] * RGB_PLACES, spread + i * size, w->used[i] * RGB_PLACES, &sums);
        pixel sum = __builtin_shufflevector(sums, sums, 0, 1, 2, 3) +
                    __builtin_shufflevector(sums, sums, 4, 5, 6, 7);
        sum = (sum + HALF) >> FRACTION_BITS;
        sum &= sum > 0;
        pixel bright = sum > UINT8_MAX;
        sum = (sum & ~bright) | (bright & UINT8_MAX);
        for (size_t c = 0; c < RGB; c++)
            out[c] = (uint8_t)sum[c];
    }
}

ALWAYS_INLINE void widen_grey(const uint8_t *pixels, size_t width, int32_t *row) {
    for (size_t x = 0; x < width; x++)
        row[x] = pixels[x];
}

/* Loads the bytes at `at`, one into each 32-bit lane. */
#define LANES_AT(bytes, at)                                                                        \
    ((pixel)__builtin_shufflevector(bytes, bytes, (at), (at), (at), (at), (at) + 1, (at) + 1,      \
                                    (at) + 1, (at) + 1, (at) + 2, (at) + 2, (at) + 2, (at) + 2,    \
                                    (at) + 3, (at) + 3, (at) + 3, (at) + 3) &                      \
     UINT8_MAX)

ALWAYS_INLINE void widen_rgb(const uint8_t *pixels, size_t width, int32_t *row) {
    size_t x = 0;
    for (; (width - x) * RGB >= sizeof(byte_vector); x += 4) {
        byte_vector bytes;
        memcpy(&bytes, pixels + x * RGB, sizeof bytes);
        pixel *four = (pixel *)(row + x * RGB_PLACES);
        four[0] = LANES_AT(bytes, 0);
        four[1] = LANES_AT(bytes, 3);
        four[2] = LANES_AT(bytes, 6);
        four[3] = LANES_AT(bytes, 9);
    }
    for (; x < width; x++)
        for (size_t c = 0; c < RGB; c++)
            row[x * RGB_PLACES + c] = pixels[x * RGB + c];
}

/* Rows with one channel or three, a constant for the compiler; `row` is a buffer for one. */
FOR_EVERY_CPU
static void weigh_rows(const td_view *from, const weights *w, const int32_t *spread, size_t size,
                       int32_t *row, uint8_t *out) {
    const uint8_t *pixels = from->pixels;
    for (size_t y = 0; y < from->height; y++, pixels += from->stride) {
        if (from->channels == 1) {
            widen_grey(pixels, from->width, row);
            weigh_grey(row, w, spread, size, out);
        } else {
            widen_rgb(pixels, from->width, row);
            weigh_rgb(row, w, spread, size, out);
        }
        out += w->count * from->channels;
    }
}

/* [height, from.width, channels] to [height, w.count, channels]. */
static td_status resize_rows(const td_view *from, const weights *w, uint8_t *out, td_error *error) {
    const size_t places = from->channels == 1 ? 1 : RGB_PLACES;
    int32_t *spread;
    size_t size;
    TD_TRY(spread_weights(w, places, &spread, &size, error));
    int32_t *row = calloc(from->width * places + VECTOR, sizeof *row);
    if (row)
        weigh_rows(from, w, spread, size, row, out);
    td_status status = row ? TD_OK : td_fail_memory(error, "a row of a picture");
    free(row);
    free(spread);
    return status;
}

/* [from.height, width, channels] to [w.count, width, channels], with `sums` for one row. */
FOR_EVERY_CPU
static void resize_columns(const td_view *from, const weights *w, int32_t *sums, uint8_t *out) {
    const size_t size = from->width * from->channels;
    for (size_t i = 0; i < w->count; i++, out += size) {
        memset(sums, 0, size * sizeof *sums);
        for (size_t t = 0; t < w->used[i]; t++) {
            const uint8_t *row = from->pixels + (w->first[i] + t) * from->stride;
            const int32_t weight = w->values[i * w->taps + t];
            for (size_t x = 0; x < size; x++)
                sums[x] += weight * row[x];
        }
        for (size_t x = 0; x < size; x++)
            out[x] = to_byte(sums[x]);
    }
}

/* Resizes only the width; the result has from's height. */
static td_status resize_width(const td_view *from, size_t width, td_filter filter, uint8_t *out,
                              td_error *error) {
    weights w;
    TD_TRY(weights_make(&w, from->width, width, filter, error));
    td_status status = resize_rows(from, &w, out, error);
    weights_free(&w);
    return status;
}

/* Resizes only the height; the result has from's width. */
static td_status resize_height(const td_view *from, size_t height, td_filter filter, uint8_t *out,
                               td_error *error) {
    weights w;
    TD_TRY(weights_make(&w, from->height, height, filter, error));
    int32_t *sums = calloc(from->width * from->channels, sizeof *sums);
    if (sums)
        resize_columns(from, &w, sums, out);
    free(sums);
    weights_free(&w);
    return sums ? TD_OK : td_fail_memory(error, "a row of a picture");
}

static td_status resize_both(const td_view *from, size_t width, size_t height, td_filter filter,
                             uint8_t *out, td_error *error) {
    const size_t dims[] = {from->height, width, from->channels};
    size_t size;
    uint8_t *between = td_size_product(dims, 3, &size) ? malloc(size) : NULL;
    if (!between)
        return td_fail_memory(error, "a picture");
    const td_view view = {between, width, from->height, from->channels, width * from->channels};
    td_status status = resize_width(from, width, filter, between, error);
    if (status == TD_OK)
        status = resize_height(&view, height, filter, out, error);
    free(between);
    return status;
}

static void take_nearest(const td_view *from, size_t width, size_t height, uint8_t *out) {
    const size_t channels = from->channels;
    for (size_t y = 0; y < height; y++) {
        const uint8_t *row =
            from->pixels + (2 * y + 1) * from->height / (2 * height) * from->stride;
        for (size_t x = 0; x < width; x++, out += channels)
            memcpy(out, row + (2 * x + 1) * from->width / (2 * width) * channels, channels);
    }
}

static void copy(const td_view *from, uint8_t *out) {
    const size_t size = from->width * from->channels;
    for (size_t y = 0; y < from->height; y++)
        memcpy(out + y * size, from->pixels + y * from->stride, size);
}

td_status td_resize(const td_view *from, size_t width, size_t height, td_filter filter,
                    uint8_t *out, td_error *error) {
    if (width == from->width && height == from->height)
        copy(from, out);
    else if (filter == TD_NEAREST)
        take_nearest(from, width, height, out);
    else if (height == from->height)
        return resize_width(from, width, filter, out, error);
    else if (width == from->width)
        return resize_height(from, height, filter, out, error);
    else
        return resize_both(from, width, height, filter, out, error);
    return TD_OK;
}
