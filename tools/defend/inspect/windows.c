/* SPDX-License-Identifier: MIT */
/* Windows: pastes a small square with one of a few fills at every position of some clean images,
 * and measures its effect on each class's images: the only quick search that detects triggers that
 * work on the images of one class. The fills are a table; other triggers are missed. */
#include "base/parallel.h"
#include "base/size.h"
#include "defend/inspect/sample.h"
#include "defend/method.h"
#include <string.h>

#define AT(field) offsetof(windows_options, field)

typedef struct windows_options {
    size_t images, size, stride;
} windows_options;

enum { MOST_BATCH = 512 };

static const uint8_t BLACK = 0, GREY = 128, WHITE = 255;

/* The inputs of a fill. */
typedef struct fill_context {
    const uint8_t *noise; /* [size, size, channels] uniform bytes */
    uint8_t mean[4];      /* of the image, a channel each */
} fill_context;

/* --- the fills: the value at pixel k of the window, in channel c; `place` is k * channels + c ---
 */

static uint8_t fill_white(const fill_context *f, size_t place, size_t c) {
    (void)f, (void)place, (void)c;
    return WHITE;
}

static uint8_t fill_black(const fill_context *f, size_t place, size_t c) {
    (void)f, (void)place, (void)c;
    return BLACK;
}

static uint8_t fill_grey(const fill_context *f, size_t place, size_t c) {
    (void)f, (void)place, (void)c;
    return GREY;
}

/* Random black and white, equal in all channels. */
static uint8_t fill_checks(const fill_context *f, size_t place, size_t c) {
    return f->noise[place - c] < GREY ? BLACK : WHITE;
}

static uint8_t fill_noise(const fill_context *f, size_t place, size_t c) {
    (void)c;
    return f->noise[place];
}

static uint8_t fill_mean(const fill_context *f, size_t place, size_t c) {
    (void)place;
    return f->mean[c];
}

static const struct {
    const char *name;
    uint8_t (*value)(const fill_context *f, size_t place, size_t c);
} fills[] = {{"white", fill_white},   {"black", fill_black}, {"grey", fill_grey},
             {"checks", fill_checks}, {"noise", fill_noise}, {"mean", fill_mean}};

enum { FILLS = sizeof fills / sizeof *fills };

/* --- the scan --- */

typedef struct scan {
    const inspect_sample *sample;
    td_images images; /* a few per class */
    td_shape shape;
    size_t size;
    size_t rows, columns; /* places of the window */
    size_t stride;
    size_t trials, a_batch; /* fills × rows × columns, and how many of them go in a batch */
    uint8_t *noise;
    fill_context *of_image; /* [images.count] */
    td_exec *exec;
    size_t first; /* trial of the batch */
    double
        *margins;   /* [classes, classes] of a trial: class of the images, class they are sent to */
    size_t *counts; /* [classes] images */
    double *best;   /* [classes, classes] */
    size_t *trial;  /* [classes, classes] of the best */
} scan;

typedef struct place {
    size_t fill, x, y;
} place;

/* Positions at multiples of a stride, and at the far edge. */
static size_t places_along(size_t length, size_t size, size_t stride) {
    return 1 + (length - size + stride - 1) / stride;
}

static place place_of(const scan *s, size_t trial) {
    const size_t row = trial / s->columns % s->rows, column = trial % s->columns;
    return (place){trial / (s->rows * s->columns),
                   td_size_min(column * s->stride, s->shape.width - s->size),
                   td_size_min(row * s->stride, s->shape.height - s->size)};
}

static void lay(void *context, size_t item) {
    const scan *s = context;
    const size_t number = item % s->images.count, channels = s->shape.channels;
    const place at = place_of(s, s->first + item / s->images.count);
    const uint8_t *image = td_image(&s->images, number);
    float *out = td_exec_input(s->exec) + item * s->sample->values;
    for (size_t k = 0; k < s->sample->values; k++)
        out[k] = image[k];
    for (size_t i = 0; i < s->size * s->size; i++) {
        const size_t y = at.y + i / s->size, x = at.x + i % s->size;
        for (size_t c = 0; c < channels; c++)
            out[(y * s->shape.width + x) * channels + c] =
                fills[at.fill].value(&s->of_image[number], i * channels + c, c);
    }
}

static void look(scan *s, size_t trial, const float *logits) {
    const size_t classes = s->sample->classes;
    memset(s->margins, 0, classes * classes * sizeof *s->margins);
    for (size_t i = 0; i < s->images.count; i++)
        for (size_t t = 0; t < classes; t++)
            s->margins[(size_t)s->images.labels[i] * classes + t] += inspect_bounded_margin(
                s->sample, inspect_margin(logits + i * classes, classes, t, NULL));
    for (size_t k = 0; k < classes * classes; k++) {
        const size_t count = s->counts[k / classes];
        if (count > 0 && s->margins[k] / (double)count > s->best[k]) {
            s->best[k] = s->margins[k] / (double)count;
            s->trial[k] = trial;
        }
    }
}

static td_status scan_all(inspection *in, scan *s, td_error *error) {
    const size_t classes = s->sample->classes;
    tool_run_begin(in->run, "laying windows", "windows", s->trials);
    for (s->first = 0; s->first < s->trials; s->first += s->a_batch) {
        const size_t count = td_size_min(s->a_batch, s->trials - s->first);
        TD_TRY(tool_run_go_on(in->run, s->first, NULL, error));
        td_parallel_each(count * s->images.count, lay, s);
        const float *logits = td_exec_forward(s->exec, count * s->images.count);
        for (size_t i = 0; i < count; i++)
            look(s, s->first + i, logits + i * s->images.count * classes);
    }
    return TD_OK;
}

/* --- the start --- */

static void describe_images(scan *s) {
    const size_t channels = s->shape.channels, places = s->sample->values / channels;
    for (size_t i = 0; i < s->images.count; i++) {
        const uint8_t *image = td_image(&s->images, i);
        s->of_image[i].noise = s->noise;
        for (size_t c = 0; c < channels; c++) {
            size_t sum = 0;
            for (size_t k = 0; k < places; k++)
                sum += image[k * channels + c];
            s->of_image[i].mean[c] = (uint8_t)((sum + places / 2) / places);
        }
        s->counts[s->images.labels[i]]++;
    }
}

static td_status allocate(inspection *in, scan *s, td_error *error) {
    static const char what[] = "windows";
    const size_t classes = s->sample->classes, pairs = classes * classes;
    const size_t noise = s->size * s->size * s->shape.channels;
    td_random random = td_random_for(in->run->common->seed, TD_FOR_SCREEN, 1, 0);
    TD_TRY(TD_ARENA_NEW(&in->run->arena, noise, &s->noise, what, error));
    TD_TRY(TD_ARENA_NEW(&in->run->arena, s->images.count, &s->of_image, what, error));
    TD_TRY(TD_ARENA_NEW(&in->run->arena, pairs, &s->margins, what, error));
    TD_TRY(TD_ARENA_NEW(&in->run->arena, classes, &s->counts, what, error));
    TD_TRY(TD_ARENA_NEW(&in->run->arena, pairs, &s->best, what, error));
    TD_TRY(TD_ARENA_NEW(&in->run->arena, pairs, &s->trial, what, error));
    for (size_t i = 0; i < noise; i++)
        s->noise[i] = (uint8_t)td_random_below(&random, WHITE + 1U);
    for (size_t k = 0; k < pairs; k++)
        s->best[k] = -INFINITY;
    describe_images(s);
    return TD_OK;
}

/* --- results --- */

/* The window as a trigger; in its picture the mean of images is grey. */
static td_status picture(inspection *in, const scan *s, place at, inspect_trigger *out,
                         td_error *error) {
    const size_t channels = s->shape.channels;
    const fill_context context = {s->noise, {GREY, GREY, GREY, GREY}};
    float *mask, *pattern;
    TD_TRY(TD_ARENA_NEW(&in->run->arena, s->sample->values / channels, &mask, "a mask", error));
    TD_TRY(TD_ARENA_NEW(&in->run->arena, s->sample->values, &pattern, "a pattern", error));
    for (size_t i = 0; i < s->size * s->size; i++) {
        const size_t pixel = (at.y + i / s->size) * s->shape.width + at.x + i % s->size;
        mask[pixel] = 1;
        for (size_t c = 0; c < channels; c++)
            pattern[pixel * channels + c] = fills[at.fill].value(&context, i * channels + c, c);
    }
    *out = (inspect_trigger){.mask = mask, .pattern = pattern};
    return TD_OK;
}

static td_status add(inspection *in, const scan *s, size_t source, size_t target, td_error *error) {
    const size_t k = source * s->sample->classes + target;
    const place at = place_of(s, s->trial[k]);
    finding one = finding_new(target, s->best[k]);
    one.source = source;
    one.own[0].count = at.x;
    one.own[1].count = at.y;
    one.own[2].text = fills[at.fill].name;
    if (in->pictures)
        TD_TRY(picture(in, s, at, &one.trigger, error));
    return inspect_add(in, &one, error);
}

static td_status add_all(inspection *in, const scan *s, td_error *error) {
    const size_t classes = s->sample->classes;
    for (size_t source = 0; source < classes; source++)
        for (size_t target = 0; target < classes; target++)
            if (source != target && s->counts[source] > 0)
                TD_TRY(add(in, s, source, target, error));
    return TD_OK;
}

static td_status run(inspection *in, td_error *error) {
    const windows_options *o = in->run->own;
    inspect_sample sample;
    scan s = {.sample = &sample, .shape = in->shape, .stride = o->stride};
    TD_TRY(inspect_sample_take(in, SAMPLE_PER_CLASS, &sample, error));
    s.images = inspect_sample_head(&sample, o->images);
    s.size = td_size_min(o->size, td_size_min(in->shape.height, in->shape.width));
    s.rows = places_along(in->shape.height, s.size, s.stride);
    s.columns = places_along(in->shape.width, s.size, s.stride);
    s.trials = FILLS * s.rows * s.columns;
    s.a_batch = 1 + MOST_BATCH / s.images.count;
    TD_TRY(allocate(in, &s, error));
    TD_TRY(inspect_open_exec(in, s.a_batch * s.images.count, TD_FORWARD, &s.exec, error));
    td_status status = scan_all(in, &s, error);
    td_exec_free(s.exec);
    in->said = "margins of one class in images of another with a window on them";
    return status == TD_OK ? add_all(in, &s, error) : status;
}

static const tool_column extra[] = {
    {"x", "x", TOOL_COUNT, offsetof(finding, own[0])},
    {"y", "y", TOOL_COUNT, offsetof(finding, own[1])},
    {"fill", "fill", TOOL_TEXT, offsetof(finding, own[2])},
    {0},
};

static const inspector math = {
    .about = FINDING_PAIR,
    .statistic = {.name = "margin", .unit = "of the model's usual one", .large = true},
    .spread = FINDINGS_RANKED,
    .steady = true,
    .clean = INSPECT_NEEDS_CLEAN,
    .extra = extra,
    .pictures = true,
    .run = run,
};

static const td_key keys[] = {
    {"images", TD_KEY_COUNT, AT(images), .least = 1, .most = 10, .standard = "2", .value = "N",
     .help = "Clean images of each class"},
    {"size", TD_KEY_COUNT, AT(size), .least = 1, .most = 64, .standard = "5", .value = "N",
     .help = "Side of the window, in pixels"},
    {"stride", TD_KEY_COUNT, AT(stride), .least = 1, .most = 64, .standard = "2", .value = "N",
     .help = "Pixels from one place to the next"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

static const char help[] =
    "Lay a small window (white, black, grey, black and white at random, noise, the image's own "
    "mean) on every place of a few clean images of each class, and report which class gains: for "
    "each pair of classes, the largest mean margin of the second in images of the first. It sees "
    "triggers that work on one class alone, which searches over all classes miss."
    "\v"
    "It sees only what resembles one of its fills. Nothing is flagged here: trapdoor-defend "
    "screen or audit, with --controls, compare the numbers with those of clean models.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend windows --model model.safetensors --clean mnist:test";

const tool_method defend_windows = {
    .name = "windows",
    .title = "Windows",
    .doc = "small squares on every place, by pairs of classes",
    .help = help,
    .family = &inspectors,
    .groups = groups,
    .size = sizeof(windows_options),
    .math = &math,
};
