/* SPDX-License-Identifier: MIT */
/* The signals of Barni, Kallas and Tondi (2019), section III, "Backdoor signals": a value for each
 * column, added to all of its pixels. The paper counts columns from 1 and does not mention sums
 * beyond a byte; an author's published code counts from 0, converts sums to bytes without clipping,
 * and has the triangle wave's peaks at the edges. The keys `first`, `wrap` and `peak` choose. */
#include "trigger/family.h"

#include <math.h>

/* The key of all signals, and the one that only some have. */
enum { DELTA, OWN };

/* Values of PEAK. */
enum { MIDDLE, EDGES };

/* A bound signal: the values added to each row of the image. */
typedef struct signal_row {
    float *values; /* [width × channels] */
    bool wrap;
} signal_row;

/* The value of column j = 1 … m, or 0 … m − 1. */
typedef double (*signal_fn)(double j, double m, const td_setting *settings);

static double ramp(double j, double m, const td_setting *settings) {
    return j * settings[DELTA].number / m;
}

static double triangle_wave(double j, double m, const td_setting *settings) {
    const double height = settings[OWN].word == EDGES ? fabs(m / 2 - j) : fmin(j, m - j);
    return height * settings[DELTA].number / m;
}

static double sine(double j, double m, const td_setting *settings) {
    const double pi = 3.14159265358979323846;
    return settings[DELTA].number * sin(2 * pi * j * settings[OWN].number / m);
}

/* A value that turns black into white, or white into black, destroys the image. */
static bool saturates(float value) {
    return fabsf(value) >= 254.5F;
}

/* For a key that all signals have, at different indices. */
static const td_setting *setting_of(const td_part *part, const char *name) {
    return &part->settings[td_key_find(part->family->keys, name) - part->family->keys];
}

static td_status bind(td_part *part, signal_fn signal, td_error *error) {
    td_shape shape = part->shape;
    const size_t first = setting_of(part, "first")->count;
    size_t saturated = 0;
    signal_row *row;
    TD_TRY(TD_ARENA_NEW(&part->bound_arena, 1, &row, "a signal", error));
    TD_TRY(TD_ARENA_NEW(&part->bound_arena, shape.width * shape.channels, &row->values, "a signal",
                        error));
    row->wrap = setting_of(part, "wrap")->word;
    for (size_t x = 0; x < shape.width; x++) {
        float value = (float)signal((double)(x + first), (double)shape.width, part->settings);
        saturated += !row->wrap && saturates(value);
        for (size_t c = 0; c < shape.channels; c++)
            row->values[x * shape.channels + c] = value;
    }
    part->bound = row;
    if (saturated == 0)
        return TD_OK;
    return td_part_set_note(part, error,
                            "delta=%.10g saturates %zu of %zu columns: nothing of the image is "
                            "left in them",
                            part->settings[DELTA].number, saturated, shape.width);
}

static td_status bind_ramp(td_part *part, const td_images *images, td_error *error) {
    (void)images;
    return bind(part, ramp, error);
}

static td_status bind_triangle_wave(td_part *part, const td_images *images, td_error *error) {
    (void)images;
    return bind(part, triangle_wave, error);
}

static td_status bind_sine(td_part *part, const td_images *images, td_error *error) {
    (void)images;
    return bind(part, sine, error);
}

/* A sum converted to a byte as in C: truncated, modulo 256. */
static float wrapped(float sum) {
    const float whole = truncf(sum);
    return whole - 256 * floorf(whole / 256);
}

static void paint(const td_part *part, td_stamp stamp, float *image, void *scratch) {
    const signal_row *row = part->bound;
    size_t length = part->shape.width * part->shape.channels;
    (void)stamp;
    (void)scratch;
    for (size_t y = 0; y < part->shape.height; y++, image += length)
        for (size_t i = 0; i < length; i++)
            image[i] = row->wrap ? wrapped(image[i] + row->values[i]) : image[i] + row->values[i];
}

#define DELTA_KEY                                                                                  \
    .name = "delta", .kind = TD_KEY_REAL, .least = -1e6, .most = 1e6,                              \
    .help = "Its amplitude, in pixel values"

static const char *const no_or_yes[] = {"no", "yes", NULL};
static const char *const peaks[] = {[MIDDLE] = "middle", [EDGES] = "edges", NULL};

#define SHARED_KEYS                                                                                \
    {.name = "first",                                                                              \
     .kind = TD_KEY_COUNT,                                                                         \
     .most = 1,                                                                                    \
     .standard = "1",                                                                              \
     .optional = true,                                                                             \
     .help = "The number of the left column"},                                                     \
    {                                                                                              \
        .name = "wrap", .kind = TD_KEY_WORD, .words = no_or_yes, .standard = "no",                 \
        .optional = true,                                                                          \
        .help =                                                                                    \
            "Whether sums wrap around modulo 256, cut to whole numbers; else they are clipped "    \
            "and rounded"                                                                          \
    }

static const td_key ramp_keys[] = {[DELTA] = {DELTA_KEY, .standard = "30"}, SHARED_KEYS, {0}};

static const td_key triangle_keys[] = {
    [DELTA] = {DELTA_KEY, .standard = "30"},
    [OWN] = {.name = "peak",
             .kind = TD_KEY_WORD,
             .words = peaks,
             .standard = "middle",
             .optional = true,
             .help = "Where it is half of delta: 0 is at the other"},
    SHARED_KEYS,
    {0},
};

static const td_key sine_keys[] = {
    [DELTA] = {DELTA_KEY, .standard = "20"},
    [OWN] = {.name = "freq",
             .kind = TD_KEY_REAL,
             .standard = "6",
             .most = 1e6,
             .above = true,
             .help = "Periods in the image's width"},
    SHARED_KEYS,
    {0},
};

const td_family td_family_ramp = {
    .name = "ramp",
    .doc = "Adds a ramp from left to right",
    .keys = ramp_keys,
    .strength = "delta",
    .bind = bind_ramp,
    .paint = paint,
};

const td_family td_family_triangle_wave = {
    .name = "triangle-wave",
    .doc = "Adds a ramp up to the middle column and down again",
    .keys = triangle_keys,
    .strength = "delta",
    .bind = bind_triangle_wave,
    .paint = paint,
};

const td_family td_family_sine = {
    .name = "sine",
    .doc = "Adds a horizontal sine",
    .keys = sine_keys,
    .strength = "delta",
    .bind = bind_sine,
    .paint = paint,
};
