/* SPDX-License-Identifier: MIT */
/* Cognitive distillation: Huang, Ma, Erfani and Bailey, "Distilling cognitive backdoor patterns
 * within an image", ICLR 2023. For each input it searches for the smallest part that preserves the
 * model's answer: a mask m = (tanh(q) + 1) / 2 [height, width], by 100 steps of Adam on
 *     mean |f(x·m + (1 - m)·r) - f(x)| + γ·Σ m + β·TV(m),
 * f being the logits, r one colour, new for each step, and TV the sum of the squared differences of
 * neighbours over height·width. A trigger needs only a small part: inputs with a small Σ m are
 * flagged. An image's search does not depend on the others in its batch. */
#include "base/parallel.h"
#include "base/random.h"
#include "base/size.h"
#include "defend/detect/detect.h"
#include "defend/method.h"
#include "nn/feed.h"
#include "nn/optimizer.h"
#include <math.h>
#include <string.h>

static const float FIRST = 1, RANGE = 255;
static const double BETA = 0.1; /* of both of Adam's averages */

typedef struct distillation_settings {
    detect_own shared;
    size_t steps;
    double lr, l1, tv;
} distillation_settings;

typedef struct distillation {
    td_exec *exec; /* gradient of the image only */
    size_t places, channels;
    float *q, *slope, *mean, *square, *mask; /* [DETECT_BATCH, places] */
    float *colours;                          /* [DETECT_BATCH, channels] */
    float *logits;                           /* [DETECT_BATCH, classes]: of the unmasked inputs */
} distillation;

static td_status prepare(detect_job *job, td_error *error) {
    const td_shape shape = td_net_input(&job->model.net);
    td_arena *arena = &job->run->arena;
    distillation *d;
    TD_TRY(detect_check_count(job, error));
    TD_TRY(TD_ARENA_NEW(arena, 1, &d, "masks", error));
    job->state = d;
    d->places = shape.height * shape.width;
    d->channels = shape.channels;
    float **const arrays[] = {&d->q, &d->slope, &d->mean, &d->square, &d->mask};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        TD_TRY(TD_ARENA_NEW(arena, DETECT_BATCH * d->places, arrays[i], "masks", error));
    TD_TRY(TD_ARENA_NEW(arena, DETECT_BATCH * d->channels, &d->colours, "colours", error));
    TD_TRY(TD_ARENA_NEW(arena, DETECT_BATCH * td_net_classes(&job->model.net), &d->logits,
                        "predictions", error));
    TD_TRY(td_exec_new(&d->exec, &job->model.net, DETECT_BATCH, TD_BACKWARD_IMAGE, error));
    td_exec_weights(d->exec, job->model.weights);
    job->column_count = 1;
    job->columns[0] = (detect_column){.name = "cognitive-distillation"};
    return TD_OK;
}

static void close_detector(detect_job *job) {
    distillation *d = job->state;
    if (d)
        td_exec_free(d->exec);
}

/* One step of a batch: images first, first + 1, ... of those that are scored. */
typedef struct step {
    const detect_job *job;
    const distillation_settings *settings;
    const distillation *d;
    const td_images *images;
    const uint32_t *numbers;
    size_t first, number; /* number: 1 for the first */
    const float *pixel_slope;
} step;

static void mix(void *context, size_t i) {
    const step *s = context;
    const distillation *d = s->d;
    const uint8_t *image = td_image(s->images, s->first + i);
    float *out = td_exec_input(d->exec) + i * d->places * d->channels;
    float *colour = d->colours + i * d->channels, *mask = d->mask + i * d->places;
    const float *q = d->q + i * d->places;
    td_random random = td_random_for(s->job->run->common->seed, TD_FOR_DETECT, (uint32_t)s->number,
                                     s->numbers[s->first + i]);
    for (size_t c = 0; c < d->channels; c++)
        colour[c] = RANGE * td_random_unit(&random);
    for (size_t p = 0; p < d->places; p++) {
        mask[p] = (tanhf(q[p]) + 1) / 2;
        for (size_t c = 0; c < d->channels; c++) {
            const size_t k = p * d->channels + c;
            out[k] = colour[c] + mask[p] * ((float)image[k] - colour[c]);
        }
    }
}

/* Adds to slope[] the gradient of by·Σ (differences of neighbours)². */
static void add_variation(const float *mask, size_t height, size_t width, float by, float *slope) {
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++) {
            const size_t p = y * width + x;
            if (x + 1 < width) {
                const float by_twice = 2 * by * (mask[p + 1] - mask[p]);
                slope[p + 1] += by_twice;
                slope[p] -= by_twice;
            }
            if (y + 1 < height) {
                const float by_twice = 2 * by * (mask[p + width] - mask[p]);
                slope[p + width] += by_twice;
                slope[p] -= by_twice;
            }
        }
}

static void move(void *context, size_t i) {
    const step *s = context;
    const distillation *d = s->d;
    const td_shape shape = td_net_input(&s->job->model.net);
    const uint8_t *image = td_image(s->images, s->first + i);
    const float *pixel = s->pixel_slope + i * d->places * d->channels;
    const float *colour = d->colours + i * d->channels, *mask = d->mask + i * d->places;
    float *q = d->q + i * d->places, *slope = d->slope + i * d->places;
    td_step adam = td_adam_step(s->settings->lr, s->number);
    adam.beta1 = adam.beta2 = BETA;
    for (size_t p = 0; p < d->places; p++) {
        slope[p] = (float)s->settings->l1;
        for (size_t c = 0; c < d->channels; c++) {
            const size_t k = p * d->channels + c;
            slope[p] += pixel[k] * ((float)image[k] - colour[c]);
        }
    }
    add_variation(mask, shape.height, shape.width, (float)(s->settings->tv / (double)d->places),
                  slope);
    for (size_t p = 0; p < d->places; p++)
        slope[p] *= 2 * mask[p] * (1 - mask[p]); /* dm/dq */
    td_adam(&adam, q, slope, d->mean + i * d->places, d->square + i * d->places, d->places);
}

/* The gradient of the mean |f - f(x)| of each image. */
static void aim(const step *s, size_t count, size_t classes, const float *logits) {
    float *slope = td_exec_logits_gradient(s->d->exec);
    for (size_t i = 0; i < count * classes; i++) {
        const float off = logits[i] - s->d->logits[i];
        slope[i] = (float)((off > 0) - (off < 0)) / (float)classes;
    }
}

static td_status search(detect_job *job, step *s, size_t count, td_error *error) {
    const distillation *d = s->d;
    const size_t classes = td_net_classes(&job->model.net), size = count * d->places;
    td_feed(s->images, NULL, s->first, count, td_exec_input(d->exec));
    memcpy(d->logits, td_exec_forward(d->exec, count), count * classes * sizeof *d->logits);
    memset(d->mean, 0, size * sizeof *d->mean);
    memset(d->square, 0, size * sizeof *d->square);
    for (size_t i = 0; i < size; i++)
        d->q[i] = FIRST;
    for (s->number = 1; s->number <= s->settings->steps; s->number++) {
        td_parallel_each(count, mix, s);
        aim(s, count, classes, td_exec_forward(d->exec, count));
        s->pixel_slope = td_exec_backward(d->exec, NULL);
        td_parallel_each(count, move, s);
        TD_TRY(detect_advance(job, 0, error));
    }
    return TD_OK;
}

static td_status score(detect_job *job, const td_images *images, const uint32_t *numbers,
                       size_t stride, double *scores, td_error *error) {
    const distillation *d = job->state;
    step s = {.job = job, .settings = job->run->own, .d = d, .images = images, .numbers = numbers};
    (void)stride;
    for (s.first = 0; s.first < images->count; s.first += DETECT_BATCH) {
        const size_t count = td_size_min(DETECT_BATCH, images->count - s.first);
        TD_TRY(search(job, &s, count, error));
        for (size_t i = 0; i < count; i++) {
            double sum = 0;
            for (size_t p = 0; p < d->places; p++)
                sum += ((double)tanhf(d->q[i * d->places + p]) + 1) / 2;
            scores[s.first + i] = -sum;
        }
        TD_TRY(detect_advance(job, count, error));
    }
    return TD_OK;
}

static void calibrate(double *scores, size_t count, double rate, detect_column *column) {
    detect_calibrate_above(scores, count, rate, column);
    column->threshold = -column->threshold;
}

static const detector distillation_detector = {.score_name = "size of the mask (pixels)",
                                               .sign = -1,
                                               .rates = {0.01, 0.05, 0.1, 0.2},
                                               .prepare = prepare,
                                               .close = close_detector,
                                               .score = score,
                                               .calibrate = calibrate};

#define AT(field) offsetof(distillation_settings, field)

static const td_key keys[] = {
    DETECT_FPR("0.05"),
    {"steps", TD_KEY_COUNT, AT(steps), .least = 1, .most = 100000, .standard = "100", .value = "N",
     .help = "Steps of an input's search"},
    {"lr", TD_KEY_REAL, AT(lr), .above = true, .most = 100, .standard = "0.1", .value = "X",
     .help = "Learning rate of the search"},
    {"l1", TD_KEY_REAL, AT(l1), .most = INFINITY, .standard = "0.01", .value = "G",
     .help = "Weight of the mask's size, γ"},
    {"tv", TD_KEY_REAL, AT(tv), .most = INFINITY, .standard = "10", .value = "B",
     .help = "Weight of its total variation, β"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

static const char help[] =
    "searches the smallest part of each input that the model needs for its answer. For a "
    "triggered input that part is the trigger: inputs with a smaller part than clean ones are "
    "flagged. A search takes 100 gradients, by itself for each input."
    "\v"
    "The ratio of γ, β and the logits matters: for a model with small or large logits other "
    "values of --l1 may separate better. It misses triggers as large as the image.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend cognitive-distillation --model model.safetensors \\\n"
    "    --clean fashion-mnist:test:0-500 --benign fashion-mnist:test:500-1000 \\\n"
    "    --trigger square:size=3,at=bottom-right,value=255";

const tool_method defend_cognitive_distillation = {
    .name = "cognitive-distillation",
    .title = "Cognitive distillation",
    .source = "Huang et al., ICLR 2023",
    .doc = "inputs with a small decisive part",
    .help = help,
    .family = &detectors,
    .groups = groups,
    .size = sizeof(distillation_settings),
    .math = &distillation_detector,
};
