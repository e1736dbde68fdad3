/* SPDX-License-Identifier: MIT */
/* Frequency: Zeng, Park, Mao and Jia, "Rethinking the backdoor attacks' triggers: a frequency
 * perspective", ICCV 2021. Most triggers leave traces in the high frequencies of an image. A small
 * net of six convolutions learns to separate the DCT spectra of clean images from those of the same
 * images with synthetic triggers (spectrum.h). The score of an input is the difference of its two
 * logits. The attacked model is not needed.
 *
 * Half of the clean images are for training, the other half calibrate. The net is the authors',
 * trained by Adam instead of Adadelta. */
#include "base/parallel.h"
#include "base/size.h"
#include "defend/detect/detect.h"
#include "defend/detect/spectrum.h"
#include "defend/method.h"
#include "nn/loss.h"
#include "nn/optimizer.h"
#include "trigger/dct.h"
#include <math.h>
#include <string.h>

enum { BATCH = 64, LEAST_SIDE = 8, LEAST_IMAGES = 2 };
enum { ORDER = 1 << 30 /* epochs of TD_FOR_DETECT: the orders from here on */ };

#define BLOCK(a, b, from, channels, number, rate)                                                  \
    "conv" a " = conv(" from ") out=" channels " kernel=3 pad=1\n"                                 \
    "elu" a " = elu(conv" a ")\n"                                                                  \
    "bn" a " = batch-norm(elu" a ")\n"                                                             \
    "conv" b " = conv(bn" a ") out=" channels " kernel=3 pad=1\n"                                  \
    "elu" b " = elu(conv" b ")\n"                                                                  \
    "bn" b " = batch-norm(elu" b ")\n"                                                             \
    "pool" number " = max-pool(bn" b ") size=2\n"                                                  \
    "drop" number " = dropout(pool" number ") rate=" rate "\n"

static const char text[] =
    "input = image() height=height width=width channels=channels\n"
    "scale = scale(input) by=1/255\n" BLOCK("1", "2", "scale", "32", "1", "0.2")
        BLOCK("3", "4", "drop1", "64", "2", "0.3")
            BLOCK("5", "6", "drop2", "128", "3", "0.4") "flat = flatten(drop3)\n"
                                                        "fc = dense(flat) out=2\n";

typedef struct frequency_settings {
    detect_own shared;
    size_t epochs;
    double lr;
} frequency_settings;

typedef struct frequency {
    td_net net;
    float *weights;
    td_exec *exec; /* forward */
    td_shape shape;
    double *rows, *columns; /* of the DCT */
    double *scratch;        /* of each thread */
    uint8_t *stamped;       /* [threads, size] */
    const td_images *clean;
    uint32_t *numbers; /* [count]: of the clean images to learn from */
    size_t count;
    /* of training: */
    td_exec *training;
    float *gradient, *state;
    uint32_t *order; /* [2·count]: example i is image i / 2, with a trigger where i is odd */
    int32_t labels[BATCH];
    double loss; /* of the last epoch, its mean */
} frequency;

/* --- examples --- */

typedef struct filling {
    const detect_job *job;
    const frequency *f;
    const td_images *images; /* to score; NULL: examples to learn from */
    size_t first, epoch;
    float *out;
} filling;

static void transform(const frequency *f, const uint8_t *image, float *out) {
    const size_t places = f->shape.height * f->shape.width;
    spectrum_of(image, f->shape, f->rows, f->columns, out, f->scratch + td_thread() * 2 * places);
}

/* An example gets another trigger in each epoch. */
static void fill(void *context, size_t i) {
    const filling *l = context;
    const frequency *f = l->f;
    const size_t size = td_shape_size(f->shape);
    float *out = l->out + i * size;
    if (l->images) {
        transform(f, td_image(l->images, l->first + i), out);
        return;
    }
    const uint32_t example = f->order[l->first + i];
    const uint8_t *image = td_image(f->clean, f->numbers[example / 2]);
    if (example % 2) {
        uint8_t *stamped = f->stamped + td_thread() * size;
        td_random random =
            td_random_for(l->job->run->common->seed, TD_FOR_DETECT, (uint32_t)l->epoch, example);
        const size_t kind = td_random_below(&random, SPECTRUM_TRIGGERS);
        const size_t other = td_random_below(&random, (uint32_t)f->count);
        spectrum_trigger(kind, image, td_image(f->clean, f->numbers[other]), f->shape, &random,
                         stamped);
        image = stamped;
    }
    transform(f, image, out);
}

/* --- learning --- */

static void take_step(detect_job *job, frequency *f, size_t first, size_t count, size_t epoch,
                      uint64_t number) {
    const frequency_settings *s = job->run->own;
    const td_optimizer *adam = td_optimizer_find("adam");
    const td_step step = td_adam_step(s->lr, number);
    filling l = {job, f, NULL, first, epoch, td_exec_input(f->training)};
    td_parallel_each(count, fill, &l);
    for (size_t i = 0; i < count; i++)
        f->labels[i] = (int32_t)(f->order[first + i] % 2);
    td_exec_weights(f->training, f->weights);
    td_exec_training(f->training, job->run->common->seed, (uint32_t)number);
    const float *logits = td_exec_forward(f->training, count);
    f->loss +=
        td_cross_entropy(logits, f->labels, count, 2, td_exec_logits_gradient(f->training)).sum /
        (double)(2 * f->count);
    td_exec_backward(f->training, f->gradient);
    td_net_update_running(&f->net, f->gradient, f->weights);
    td_optimizer_step(adam, &step, &f->net, f->weights, f->gradient, f->state);
}

static td_status learn(detect_job *job, frequency *f, td_error *error) {
    const frequency_settings *s = job->run->own;
    const size_t examples = 2 * f->count;
    uint64_t number = 0;
    tool_run_begin(job->run, "learning spectra", "examples", s->epochs * examples);
    for (size_t epoch = 0; epoch < s->epochs; epoch++) {
        td_random random =
            td_random_for(job->run->common->seed, TD_FOR_DETECT, ORDER, (uint32_t)epoch);
        td_random_permutation(&random, f->order, (uint32_t)examples);
        f->loss = 0;
        for (size_t first = 0; first + 1 < examples; first += BATCH) {
            take_step(job, f, first, td_size_min(BATCH, examples - first), epoch, ++number);
            TD_TRY(tool_run_go_on(job->run, epoch * examples + first, NULL, error));
        }
        if (!isfinite(f->loss))
            return td_fail(error, TD_ERR_NUMERIC,
                           "epoch %zu: the loss is %g; a lower --lr may help", epoch + 1, f->loss);
    }
    tool_run_end(job->run);
    return TD_OK;
}

/* --- the detector --- */

static td_status reserve(detect_job *job, frequency *f, td_error *error) {
    const size_t size = td_shape_size(f->shape), places = f->shape.height * f->shape.width;
    td_arena *arena = &job->run->arena;
    TD_TRY(TD_ARENA_NEW(arena, f->net.weight_count, &f->weights, "weights", error));
    TD_TRY(TD_ARENA_NEW(arena, f->net.weight_count, &f->gradient, "weights", error));
    TD_TRY(TD_ARENA_NEW(arena, 2 * f->net.weight_count, &f->state, "weights", error));
    TD_TRY(TD_ARENA_NEW(arena, f->shape.height * f->shape.height, &f->rows, "a DCT", error));
    TD_TRY(TD_ARENA_NEW(arena, f->shape.width * f->shape.width, &f->columns, "a DCT", error));
    TD_TRY(TD_ARENA_NEW(arena, td_threads() * 2 * places, &f->scratch, "a DCT", error));
    TD_TRY(TD_ARENA_NEW(arena, td_threads() * size, &f->stamped, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, 2 * f->count, &f->order, "examples", error));
    td_dct_matrix(f->shape.height, f->rows);
    td_dct_matrix(f->shape.width, f->columns);
    td_net_init(&f->net, job->run->common->seed, f->weights);
    return td_exec_new(&f->training, &f->net, BATCH, TD_BACKWARD, error);
}

static td_status prepare(detect_job *job, td_error *error) {
    const td_images *clean = &job->clean.images;
    const td_net_variables variables = {clean->height, clean->width, clean->channels, 2};
    frequency *f;
    if (clean->height < LEAST_SIDE || clean->width < LEAST_SIDE)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected images of at least %d×%d pixels, found %zu×%zu",
                       job->clean.name, LEAST_SIDE, LEAST_SIDE, clean->height, clean->width);
    TD_TRY(TD_ARENA_NEW(&job->run->arena, 1, &f, "spectra", error));
    job->state = f;
    f->shape = (td_shape){clean->height, clean->width, clean->channels};
    f->clean = clean;
    TD_TRY(detect_take_half(job, &f->numbers, &f->count, error));
    TD_TRY(detect_check_count(job, error));
    if (f->count < LEAST_IMAGES)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected at least %d clean images to learn from, "
                       "half of them, found %zu",
                       job->clean.name, LEAST_IMAGES, f->count);
    TD_TRY(td_net_parse(&f->net, text, &variables, error));
    TD_TRY(reserve(job, f, error));
    TD_TRY(learn(job, f, error));
    TD_TRY(td_exec_new(&f->exec, &f->net, DETECT_BATCH, TD_FORWARD, error));
    td_exec_weights(f->exec, f->weights);
    job->column_count = 1;
    job->columns[0] = (detect_column){.name = "frequency"};
    return TD_OK;
}

static void close_detector(detect_job *job) {
    frequency *f = job->state;
    if (!f)
        return;
    td_exec_free(f->training);
    td_exec_free(f->exec);
    td_net_free(&f->net);
}

static td_status score(detect_job *job, const td_images *images, const uint32_t *numbers,
                       size_t stride, double *scores, td_error *error) {
    const frequency *f = job->state;
    (void)numbers, (void)stride;
    for (size_t first = 0; first < images->count; first += DETECT_BATCH) {
        const size_t count = td_size_min(DETECT_BATCH, images->count - first);
        filling l = {job, f, images, first, 0, td_exec_input(f->exec)};
        td_parallel_each(count, fill, &l);
        const float *logits = td_exec_forward(f->exec, count);
        for (size_t i = 0; i < count; i++)
            scores[first + i] = (double)logits[2 * i + 1] - (double)logits[2 * i];
        TD_TRY(detect_advance(job, count, error));
    }
    return TD_OK;
}

static void describe(const detect_job *job, json_t *calibration) {
    const frequency *f = job->state;
    td_json *json = &job->run->record.json;
    td_json_set(json, calibration, "learned_from", td_json_count(json, f->count));
    td_json_set(json, calibration, "loss", td_json_real(json, f->loss));
}

static const detector frequency_detector = {.score_name = "log-odds of a trigger",
                                            .sign = 1,
                                            .rates = {0.01, 0.05, 0.1, 0.2},
                                            .prepare = prepare,
                                            .close = close_detector,
                                            .score = score,
                                            .calibrate = detect_calibrate_above,
                                            .describe = describe};

#define AT(field) offsetof(frequency_settings, field)

static const td_key keys[] = {
    DETECT_FPR("0.05"),
    {"epochs", TD_KEY_COUNT, AT(epochs), .least = 1, .most = 100000, .standard = "10", .value = "N",
     .help = "Epochs over the clean images of the training half"},
    {"lr", TD_KEY_REAL, AT(lr), .above = true, .most = INFINITY, .standard = "0.001", .value = "X",
     .help = "Learning rate of Adam"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

static const char help[] =
    "learns to separate the frequencies of clean images from those of the same images with "
    "made-up triggers (blocks, noise, shadows, mixtures). It flags inputs that it finds more "
    "likely to have one than clean ones. It needs no model, and trains on half of --clean."
    "\v"
    "More clean images help: the authors take 50,000, and 50 epochs. It misses triggers without "
    "high frequencies, such as smooth ones.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend frequency --clean fashion-mnist:test:0-4000 \\\n"
    "    --benign fashion-mnist:test:4000-5000 \\\n"
    "    --trigger square:size=3,at=bottom-right,value=255";

const tool_method defend_frequency = {
    .name = "frequency",
    .title = "Frequency",
    .source = "Zeng et al., ICCV 2021",
    .doc = "inputs with the frequencies of a trigger",
    .help = help,
    .family = &image_detectors,
    .groups = groups,
    .size = sizeof(frequency_settings),
    .math = &frequency_detector,
};
