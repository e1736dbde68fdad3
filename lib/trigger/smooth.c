/* SPDX-License-Identifier: MIT */
/* A smooth cloud of light added to the image: the form of Zeng, Park, Mao, Jia, "Rethinking the
 * backdoor attacks' triggers: a frequency perspective", ICCV 2021, section 5: uniform noise through
 * a Gaussian filter, stretched to 0 … peak. The paper's search, which adapts the cloud to a net,
 * would give an array for `add`. */
#include "trigger/family.h"

#include "base/random.h"

#include <math.h>

enum { PEAK, SIGMA, SEED };
enum { TAPS = 5 * 64 }; /* at the largest sigma */

/* A bound cloud. */
typedef struct cloud {
    float *values; /* [height, width, channels] */
} cloud;

/* The paper's filter has 5 sigma taps, an even number. */
static size_t make_filter(double sigma, double *weights) {
    const size_t half = (size_t)fmax(1, round(2.5 * sigma)), taps = 2 * half;
    double sum = 0;
    for (size_t i = 0; i < taps; i++) {
        const double d = (double)i - (double)(taps - 1) / 2;
        weights[i] = exp(-d * d / (2 * sigma * sigma));
        sum += weights[i];
    }
    for (size_t i = 0; i < taps; i++)
        weights[i] /= sum;
    return taps;
}

/* Filters `in` into `out` along one axis with stride `step`, in lines of `length`; 0 outside. Half
 * of the taps less one come before a value. */
static void filter_line(const float *in, size_t length, size_t step, const double *weights,
                        size_t taps, float *out) {
    const size_t before = taps / 2 - 1;
    for (size_t i = 0; i < length; i++) {
        double sum = 0;
        for (size_t k = 0; k < taps; k++)
            if (i + k >= before && i + k - before < length)
                sum += weights[k] * (double)in[(i + k - before) * step];
        out[i * step] = (float)sum;
    }
}

static void stretch(float *values, size_t count, double peak) {
    float least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        least = fminf(least, values[i]);
        most = fmaxf(most, values[i]);
    }
    for (size_t i = 0; i < count; i++)
        values[i] = most > least ? (float)peak * ((values[i] - least) / (most - least)) : 0;
}

static td_status bind(td_part *part, const td_images *images, td_error *error) {
    const td_shape shape = part->shape;
    const size_t size = td_shape_size(shape), row = shape.width * shape.channels;
    td_random random = td_random_for(part->settings[SEED].count, TD_FOR_TRIGGER, 1, 0);
    double weights[TAPS];
    const size_t taps = make_filter(part->settings[SIGMA].number, weights);
    float *spare;
    cloud *bound;
    (void)images;
    TD_TRY(TD_ARENA_NEW(&part->bound_arena, 1, &bound, "a pattern", error));
    TD_TRY(TD_ARENA_NEW(&part->bound_arena, size, &bound->values, "a pattern", error));
    TD_TRY(TD_ARENA_NEW(&part->bound_arena, size, &spare, "a pattern", error));
    for (size_t i = 0; i < size; i++)
        bound->values[i] = td_random_unit(&random);
    for (size_t y = 0; y < shape.height; y++)
        for (size_t c = 0; c < shape.channels; c++)
            filter_line(bound->values + y * row + c, shape.width, shape.channels, weights, taps,
                        spare + y * row + c);
    for (size_t i = 0; i < row; i++)
        filter_line(spare + i, shape.height, row, weights, taps, bound->values + i);
    stretch(bound->values, size, part->settings[PEAK].number);
    part->bound = bound;
    return TD_OK;
}

static void paint(const td_part *part, td_stamp stamp, float *image, void *scratch) {
    const cloud *bound = part->bound;
    (void)stamp;
    (void)scratch;
    for (size_t i = 0; i < td_shape_size(part->shape); i++)
        image[i] += bound->values[i];
}

static const td_key keys[] = {
    [PEAK] = {.name = "peak",
              .kind = TD_KEY_REAL,
              .standard = "51",
              .least = -255,
              .most = 255,
              .help = "The largest value added; the smallest is 0"},
    [SIGMA] = {.name = "sigma",
               .kind = TD_KEY_REAL,
               .standard = "6",
               .optional = true,
               .least = 0.1,
               .most = 64,
               .help = "Width of the Gaussian filter in pixels"},
    [SEED] = {.name = "seed",
              .kind = TD_KEY_COUNT,
              .standard = "1",
              .most = UINT32_MAX,
              .help = "Seed of the noise"},
    {0},
};

const td_family td_family_smooth = {
    .name = "smooth",
    .doc = "Adds a smooth random cloud, without high frequencies",
    .keys = keys,
    .strength = "peak",
    .bind = bind,
    .paint = paint,
};
