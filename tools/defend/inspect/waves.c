/* SPDX-License-Identifier: MIT */
/* Waves: adds every plane wave of low frequency to some clean images, and measures the probability
 * of each class: a quick search for sinusoidal triggers of clean-label attacks (Barni, Kallas and
 * Tondi, ICIP 2019). */
#include "base/parallel.h"
#include "base/size.h"
#include "defend/inspect/sample.h"
#include "defend/method.h"
#include "nn/loss.h"
#include <string.h>

#define AT(field) offsetof(waves_options, field)

typedef struct waves_options {
    size_t images, frequency;
    double amplitude;
} waves_options;

enum { PHASES = 4, MOST_BATCH = 512, MOST_FREQUENCY = 32 };

static const double PI = 3.14159265358979323846;
static const double FLOOR = 0.01; /* lower bound of the probability in the logarithm */

typedef struct wave {
    int u, v;     /* periods along the width and the height */
    size_t phase; /* in quarters of a period */
} wave;

typedef struct scan {
    const inspect_sample *sample;
    const waves_options *options;
    td_images images;
    td_shape shape;
    wave *waves;
    size_t count, a_batch, first;
    float *added; /* [a_batch, height, width] */
    td_exec *exec;
    float *probabilities; /* [batch, classes] */
    double *best;         /* [classes] */
    size_t *chosen;       /* [classes]: the wave */
} scan;

/* One of a wave and its opposite is enough; a phase shift of half a period is the negative. */
static td_status list_waves(inspection *in, scan *s, td_error *error) {
    const int most = (int)s->options->frequency;
    const size_t side = 2 * s->options->frequency + 1;
    TD_TRY(TD_ARENA_NEW(&in->run->arena, PHASES * side * side, &s->waves, "waves", error));
    for (int v = 0; v <= most; v++)
        for (int u = -most; u <= most; u++)
            for (size_t phase = 0; phase < PHASES; phase++)
                if (u * u + v * v <= most * most && (v > 0 || u > 0))
                    s->waves[s->count++] = (wave){u, v, phase};
    return TD_OK;
}

static void draw(void *context, size_t number) {
    const scan *s = context;
    const wave w = s->waves[s->first + number];
    float *out = s->added + number * s->shape.height * s->shape.width;
    for (size_t y = 0; y < s->shape.height; y++)
        for (size_t x = 0; x < s->shape.width; x++) {
            const double turns = w.u * (double)x / (double)s->shape.width +
                                 w.v * (double)y / (double)s->shape.height +
                                 (double)w.phase / PHASES;
            *out++ = (float)(s->options->amplitude * sin(2 * PI * turns));
        }
}

static void add_wave(void *context, size_t item) {
    const scan *s = context;
    const size_t channels = s->shape.channels, places = s->sample->values / channels;
    const uint8_t *image = td_image(&s->images, item % s->images.count);
    const float *added = s->added + item / s->images.count * places;
    float *out = td_exec_input(s->exec) + item * s->sample->values;
    for (size_t k = 0; k < s->sample->values; k++)
        out[k] = fminf(fmaxf(image[k] + added[k / channels], 0), 255);
}

/* The mean probability of each class over images of others. */
static void look(scan *s, size_t number, const float *probabilities) {
    for (size_t t = 0; t < s->sample->classes; t++) {
        double sum = 0;
        size_t count = 0;
        for (size_t i = 0; i < s->images.count; i++)
            if ((size_t)s->images.labels[i] != t) {
                sum += (double)probabilities[i * s->sample->classes + t];
                count++;
            }
        if (count > 0 && sum / (double)count > s->best[t]) {
            s->best[t] = sum / (double)count;
            s->chosen[t] = number;
        }
    }
}

static td_status scan_all(inspection *in, scan *s, td_error *error) {
    const size_t images = s->images.count, classes = s->sample->classes;
    tool_run_begin(in->run, "adding waves", "waves", s->count);
    for (s->first = 0; s->first < s->count; s->first += s->a_batch) {
        const size_t count = td_size_min(s->a_batch, s->count - s->first);
        TD_TRY(tool_run_go_on(in->run, s->first, NULL, error));
        td_parallel_each(count, draw, s);
        td_parallel_each(count * images, add_wave, s);
        td_softmax(td_exec_forward(s->exec, count * images), count * images, classes,
                   s->probabilities);
        for (size_t i = 0; i < count; i++)
            look(s, s->first + i, s->probabilities + i * images * classes);
    }
    return TD_OK;
}

static td_status allocate(inspection *in, scan *s, td_error *error) {
    static const char what[] = "waves";
    const size_t classes = s->sample->classes, places = s->shape.height * s->shape.width;
    TD_TRY(list_waves(in, s, error));
    TD_TRY(TD_ARENA_NEW(&in->run->arena, s->a_batch * places, &s->added, what, error));
    TD_TRY(TD_ARENA_NEW(&in->run->arena, s->a_batch * s->images.count * classes, &s->probabilities,
                        what, error));
    TD_TRY(TD_ARENA_NEW(&in->run->arena, classes, &s->best, what, error));
    return TD_ARENA_NEW(&in->run->arena, classes, &s->chosen, what, error);
}

/* The wave of a class, as a change. */
static td_status picture(inspection *in, const scan *s, size_t number, inspect_trigger *out,
                         td_error *error) {
    scan one = *s;
    float *change;
    const size_t channels = s->shape.channels, values = s->sample->values;
    TD_TRY(TD_ARENA_NEW(&in->run->arena, values / channels, &one.added, "a wave", error));
    TD_TRY(TD_ARENA_NEW(&in->run->arena, values, &change, "a wave", error));
    one.first = number;
    draw(&one, 0);
    for (size_t k = 0; k < values; k++)
        change[k] = one.added[k / channels];
    out->change = change;
    return TD_OK;
}

static td_status add(inspection *in, const scan *s, size_t t, td_error *error) {
    const wave w = s->waves[s->chosen[t]];
    finding one = finding_new(t, log(FLOOR + s->best[t]));
    one.own[0].real = w.u;
    one.own[1].real = w.v;
    one.own[2].count = w.phase * 360 / PHASES;
    if (in->pictures)
        TD_TRY(picture(in, s, s->chosen[t], &one.trigger, error));
    return inspect_add(in, &one, error);
}

static td_status run(inspection *in, td_error *error) {
    inspect_sample sample;
    scan s = {.sample = &sample, .options = in->run->own, .shape = in->shape};
    TD_TRY(inspect_sample_take(in, SAMPLE_PER_CLASS, &sample, error));
    s.images = inspect_sample_head(&sample, s.options->images);
    s.a_batch = 1 + MOST_BATCH / s.images.count;
    TD_TRY(allocate(in, &s, error));
    TD_TRY(inspect_open_exec(in, s.a_batch * s.images.count, TD_FORWARD, &s.exec, error));
    td_status status = scan_all(in, &s, error);
    td_exec_free(s.exec);
    for (size_t t = 0; t < sample.classes && status == TD_OK; t++)
        status = add(in, &s, t, error);
    in->said = "the probability of each class in images of others with a wave on them";
    return status;
}

static const tool_column extra[] = {
    {"u", "u", TOOL_REAL, offsetof(finding, own[0])},
    {"v", "v", TOOL_REAL, offsetof(finding, own[1])},
    {"phase", "phase", TOOL_COUNT, offsetof(finding, own[2]), .unit = "degrees"},
    {0},
};

static const inspector math = {
    .statistic = {.name = "log_probability", .large = true},
    .spread = FINDINGS_RANKED,
    .steady = true,
    .clean = INSPECT_NEEDS_CLEAN,
    .extra = extra,
    .pictures = true,
    .run = run,
};

static const td_key keys[] = {
    {"images", TD_KEY_COUNT, AT(images), .least = 1, .most = 10, .standard = "1", .value = "N",
     .help = "Clean images of each class"},
    {"frequency", TD_KEY_COUNT, AT(frequency), .least = 1, .most = MOST_FREQUENCY, .standard = "8",
     .value = "N", .help = "The most periods in an image"},
    {"amplitude", TD_KEY_REAL, AT(amplitude), .above = true, .most = 255, .standard = "60",
     .value = "A", .help = "Of the waves, in grey levels"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

static const char help[] =
    "Add every plane wave of a low frequency, in four phases, to a few clean images, and report "
    "which class gains: the logarithm of the largest mean probability of a class in images of "
    "others."
    "\v"
    "It sees triggers that are waves, such as those of clean-label attacks, up to its frequency. "
    "Nothing is flagged here: trapdoor-defend screen or audit, with --controls, compare the "
    "numbers with those of clean models.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend waves --model model.safetensors --clean mnist:test";

const tool_method defend_waves = {
    .name = "waves",
    .title = "Waves",
    .doc = "plane waves of low frequency, by class",
    .help = help,
    .family = &inspectors,
    .groups = groups,
    .size = sizeof(waves_options),
    .math = &math,
};
