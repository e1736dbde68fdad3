/* SPDX-License-Identifier: MIT */
/* WaNet's trigger (warp.h): the image warped by a smooth field of small shifts. */
#include "trigger/warp.h"

#include "base/random.h"
#include "trigger/family.h"

#include <math.h>
#include <string.h>

enum { SHIFT, GRID, SEED, JITTER };

/* The source of each pixel, in WaNet's coordinates: −1 is the first pixel, 1 the last. Clipped to
 * these before the jitter is added, and again after. */
typedef struct warped {
    double *x, *y; /* [height × width] */
} warped;

void td_warp_draw(uint64_t seed, size_t grid, double *field) {
    td_random random = td_random_for(seed, TD_FOR_TRIGGER, 1, 0);
    const size_t count = 2 * grid * grid;
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        field[i] = 2 * (double)td_random_unit(&random) - 1;
        sum += fabs(field[i]);
    }
    for (size_t i = 0; i < count; i++)
        field[i] *= (double)count / sum;
}

/* The weights of the taps at −1, 0, 1 and 2 for a point t in [0, 1) after the tap at 0. */
static void cubic_weights(double t, double weights[4]) {
    const double a = -0.75;
    for (int tap = 0; tap < 4; tap++) {
        const double d = fabs(t + 1 - tap);
        weights[tap] =
            d < 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
    }
}

static size_t clamped(size_t at, int step, size_t count) {
    const long long place = (long long)at + step;
    return place < 0 ? 0 : place >= (long long)count ? count - 1 : (size_t)place;
}

void td_warp_enlarge(const double *plane, size_t grid, size_t height, size_t width, double *out) {
    for (size_t i = 0; i < height; i++) {
        const double y = height > 1 ? (double)(i * (grid - 1)) / (double)(height - 1) : 0;
        double down[4];
        cubic_weights(y - floor(y), down);
        for (size_t j = 0; j < width; j++) {
            const double x = width > 1 ? (double)(j * (grid - 1)) / (double)(width - 1) : 0;
            double across[4], sum = 0;
            cubic_weights(x - floor(x), across);
            for (int v = 0; v < 4; v++)
                for (int u = 0; u < 4; u++)
                    sum += down[v] * across[u] *
                           plane[clamped((size_t)y, v - 1, grid) * grid +
                                 clamped((size_t)x, u - 1, grid)];
            *out++ = sum;
        }
    }
}

/* The source of pixel i of a line, moved by `by` of the field. */
static double source(size_t i, size_t count, double by) {
    const double own = count > 1 ? 2 * (double)i / (double)(count - 1) - 1 : 0;
    return fmin(fmax(own + by / (double)count, -1), 1);
}

static td_status bind(td_part *part, const td_images *images, td_error *error) {
    const td_shape shape = part->shape;
    const size_t grid = part->settings[GRID].count, size = shape.height * shape.width;
    const double shift = part->settings[SHIFT].number;
    double field[2 * TD_WARP_GRID * TD_WARP_GRID];
    warped *bound;
    (void)images;
    TD_TRY(TD_ARENA_NEW(&part->bound_arena, 1, &bound, "a field", error));
    TD_TRY(TD_ARENA_NEW(&part->bound_arena, size, &bound->x, "a field", error));
    TD_TRY(TD_ARENA_NEW(&part->bound_arena, size, &bound->y, "a field", error));
    td_warp_draw(part->settings[SEED].count, grid, field);
    td_warp_enlarge(field, grid, shape.height, shape.width, bound->x);
    td_warp_enlarge(field + grid * grid, grid, shape.height, shape.width, bound->y);
    for (size_t i = 0; i < size; i++) {
        bound->x[i] = source(i % shape.width, shape.width, shift * bound->x[i]);
        bound->y[i] = source(i / shape.width, shape.height, shift * bound->y[i]);
    }
    part->bound = bound;
    part->scratch = td_shape_size(shape) * sizeof(float);
    return TD_OK;
}

/* The pixel at or left of a position (at most the last but one), and the distance from it. */
static size_t split_place(double place, size_t count, float *behind) {
    const double at = fmin(fmax((place + 1) / 2, 0), 1) * (double)(count - 1);
    const size_t before = count > 1 && (size_t)at >= count - 1 ? count - 2 : (size_t)at;
    *behind = (float)(at - (double)before);
    return before;
}

static void take_pixel(const float *from, td_shape shape, double x, double y, float *out) {
    float right, below;
    const size_t column = split_place(x, shape.width, &right);
    const size_t row = split_place(y, shape.height, &below);
    const size_t next = shape.width > 1 ? shape.channels : 0;
    const size_t line = shape.height > 1 ? shape.width * shape.channels : 0;
    const float *at = from + (row * shape.width + column) * shape.channels;
    for (size_t c = 0; c < shape.channels; c++, at++) {
        const float above = at[0] + right * (at[next] - at[0]);
        const float under = at[line] + right * (at[line + next] - at[line]);
        out[c] = above + below * (under - above);
    }
}

static void paint(const td_part *part, td_stamp stamp, float *image, void *scratch) {
    const warped *bound = part->bound;
    const td_shape shape = part->shape;
    const double jitter = part->settings[JITTER].number;
    td_random random = td_random_for(stamp.seed, TD_FOR_TRIGGER, 0, (uint32_t)stamp.index);
    memcpy(scratch, image, td_shape_size(shape) * sizeof *image);
    for (size_t i = 0; i < shape.height * shape.width; i++) {
        double x = bound->x[i], y = bound->y[i];
        if (jitter > 0) {
            x += jitter * (2 * (double)td_random_unit(&random) - 1) / (double)shape.width;
            y += jitter * (2 * (double)td_random_unit(&random) - 1) / (double)shape.height;
        }
        take_pixel(scratch, shape, x, y, image + i * shape.channels);
    }
}

static const td_key keys[] = {
    [SHIFT] = {.name = "shift",
               .kind = TD_KEY_REAL,
               .standard = "0.5",
               .most = 1000,
               .help = "WaNet's s: pixels are moved by about half as many pixels"},
    [GRID] = {.name = "grid",
              .kind = TD_KEY_COUNT,
              .standard = "4",
              .least = 2,
              .most = TD_WARP_GRID,
              .help = "WaNet's k: control points of a side of the field"},
    [SEED] = {.name = "seed",
              .kind = TD_KEY_COUNT,
              .standard = "1",
              .most = UINT32_MAX,
              .help = "Seed of the field"},
    [JITTER] = {.name = "jitter",
                .kind = TD_KEY_REAL,
                .standard = "0",
                .optional = true,
                .most = 1000,
                .help = "Move each pixel by up to half of this more, drawn for every image; 1 is "
                        "WaNet's noise mode, for cover images"},
    {0},
};

const td_family td_family_warp = {
    .name = "warp",
    .doc = "Warps the image by a smooth field of small shifts (WaNet)",
    .keys = keys,
    .strength = "shift",
    .bind = bind,
    .paint = paint,
};
