#include "data/resize.h"

#include "base/size.h"
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Weights are fixed point with 22 bits: 8 bits of a value and a sum of magnitudes below 2, which
 * that of every kernel here is, fit in 31. */
enum { FRACTION_BITS = 22, HALF = 1 << (FRACTION_BITS - 1), LUMPS = 3 };

typedef struct kernel {
    double (*value)(double x);
    double support; /* value is 0 beyond */
} kernel;

/* The weights along one axis: of result i, `taps` weights from source `first[i]`. Those beyond
 * `used[i]` are 0. */
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

/* Those of one result, scaled to the sum 1. */
static void weigh(const kernel *k, double centre, double stretch, size_t first, size_t used,
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
        weigh(k, centre, stretch, w->first[i], w->used[i], scratch, w->values + i * w->taps);
    }
    free(scratch);
    return TD_OK;
}

static inline uint8_t to_byte(int32_t sum) {
    int32_t value = (sum + HALF) >> FRACTION_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static inline void resize_row(const uint8_t *from, const weights *w, size_t channels,
                              uint8_t *out) {
    for (size_t i = 0; i < w->count; i++) {
        const uint8_t *pixel = from + w->first[i] * channels;
        const int32_t *weight = w->values + i * w->taps;
        int32_t sums[3] = {0};
        for (size_t t = 0; t < w->used[i]; t++)
            for (size_t c = 0; c < channels; c++)
                sums[c] += weight[t] * pixel[t * channels + c];
        for (size_t c = 0; c < channels; c++)
            *out++ = to_byte(sums[c]);
    }
}

/* [height, from.width, channels] to [height, w.count, channels]; a loop for each number of channels
 * that the compiler knows. */
static void resize_rows(const td_view *from, const weights *w, uint8_t *out) {
    for (size_t y = 0; y < from->height; y++, out += w->count * from->channels)
        if (from->channels == 1)
            resize_row(from->pixels + y * from->stride, w, 1, out);
        else
            resize_row(from->pixels + y * from->stride, w, 3, out);
}

/* [from.height, width, channels] to [w.count, width, channels], with `sums` for one row. */
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

/* The width only; the result has from's height. */
static td_status resize_width(const td_view *from, size_t width, td_filter filter, uint8_t *out,
                              td_error *error) {
    weights w;
    TD_TRY(weights_make(&w, from->width, width, filter, error));
    resize_rows(from, &w, out);
    weights_free(&w);
    return TD_OK;
}

/* The height only; the result has from's width. */
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
