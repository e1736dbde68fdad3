/* SPDX-License-Identifier: MIT */
/* STRIP: Gao, Xu, Wang, Chen, Ranasinghe and Nepal, "STRIP: a defence against trojan attacks on
 * deep neural networks", ACSAC 2019. Clean images are superimposed on the input, one by one, by
 * adding pixels (weights 1 and 1, not clipped, as the authors do). With a trigger the model's
 * answer stays the same, otherwise it varies. The mean entropy H of the answers, in bits, is then
 * low: an input is flagged if H <= μ + σ·Φ⁻¹(FRR), where μ and σ are fitted to clean inputs.
 *
 * The clean images are split at random: one half are overlays, the other half are the inputs for μ
 * and σ. Each input has its own overlays, drawn without repetition. */
#include "base/parallel.h"
#include "base/random.h"
#include "base/size.h"
#include "defend/detect/detect.h"
#include "defend/method.h"
#include "measure/entropy.h"
#include "measure/normal.h"
#include "nn/loss.h"

enum { DRAW_OVERLAYS = 1 }; /* epoch of TD_FOR_DEFEND */

typedef struct strip_settings {
    detect_own shared;
    size_t overlays; /* for each input */
} strip_settings;

typedef struct strip {
    size_t each;    /* overlays of an input */
    uint32_t *pool; /* clean images that are overlays */
    size_t pool_size;
    uint32_t *drawn;      /* [DETECT_SLICE, each]: which of the pool */
    float *probabilities; /* [DETECT_BATCH, classes] */
} strip;

static td_status prepare(detect_job *job, td_error *error) {
    const detect_set *own = &job->sets[0];
    const size_t each = ((const strip_settings *)job->run->own)->overlays, half = own->count / 2;
    strip *s;
    if (half < each || own->count < 4)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected at least %zu clean images, half of them to lay over each "
                       "input %zu of, found %zu",
                       job->clean.name, td_size_max(2 * each, 4), each, own->count);
    TD_TRY(TD_ARENA_NEW(&job->run->arena, 1, &s, "overlays", error));
    TD_TRY(TD_ARENA_NEW(&job->run->arena, DETECT_SLICE * each, &s->drawn, "overlays", error));
    TD_TRY(TD_ARENA_NEW(&job->run->arena, DETECT_BATCH * td_net_classes(&job->model.net),
                        &s->probabilities, "predictions", error));
    TD_TRY(detect_take_half(job, &s->pool, &s->pool_size, error));
    s->each = each;
    job->state = s;
    job->column_count = 1;
    job->columns[0] = (detect_column){.name = "strip"};
    return TD_OK;
}

static bool has(const uint32_t *values, size_t count, uint32_t value) {
    for (size_t i = 0; i < count; i++)
        if (values[i] == value)
            return true;
    return false;
}

/* Floyd's sampling: each set of `each` indices of the pool is equally likely. */
static void draw_overlays(const strip *s, uint64_t seed, uint32_t number, uint32_t *drawn) {
    td_random random = td_random_for(seed, TD_FOR_DEFEND, DRAW_OVERLAYS, number);
    for (size_t i = 0; i < s->each; i++) {
        uint32_t last = (uint32_t)(s->pool_size - s->each + i);
        uint32_t place = td_random_below(&random, last + 1);
        drawn[i] = has(drawn, i, place) ? last : place;
    }
}

/* A batch of inputs with overlays: row r is input r / each with its overlay r % each. */
typedef struct batch {
    const detect_job *job;
    const td_images *images;
    size_t first; /* row */
    float *out;
} batch;

static void fill_row(void *context, size_t i) {
    const batch *b = context;
    const strip *s = b->job->state;
    const size_t size = td_image_size(b->images), row = b->first + i;
    const uint8_t *input = td_image(b->images, row / s->each);
    const uint8_t *overlay = td_image(&b->job->clean.images, s->pool[s->drawn[row]]);
    float *out = b->out + i * size;
    for (size_t k = 0; k < size; k++)
        out[k] = (float)(input[k] + overlay[k]);
}

/* Scores are minus the mean entropies. */
static td_status score(detect_job *job, const td_images *images, const uint32_t *numbers,
                       size_t stride, double *scores, td_error *error) {
    (void)stride;
    const strip *s = job->state;
    const size_t rows = images->count * s->each, classes = td_net_classes(&job->model.net);
    size_t shown = 0;
    for (size_t i = 0; i < images->count; i++) {
        draw_overlays(s, job->run->common->seed, numbers[i], s->drawn + i * s->each);
        scores[i] = 0;
    }
    for (size_t first = 0; first < rows; first += DETECT_BATCH) {
        const size_t count = td_size_min(DETECT_BATCH, rows - first);
        batch b = {job, images, first, td_exec_input(job->exec)};
        td_parallel_each(count, fill_row, &b);
        td_softmax(td_exec_forward(job->exec, count), count, classes, s->probabilities);
        for (size_t i = 0; i < count; i++)
            scores[(first + i) / s->each] -=
                td_entropy(s->probabilities + i * classes, classes) / (double)s->each;
        size_t finished = (first + count) / s->each;
        TD_TRY(detect_advance(job, finished - shown, error));
        shown = finished;
    }
    return TD_OK;
}

static void calibrate(double *scores, size_t count, double rate, detect_column *column) {
    td_normal fit = td_normal_fit(scores, count); /* of −H: its mean is −μ */
    column->threshold = -fit.mean + fit.sigma * td_normal_quantile(rate);
    column->boundary = -column->threshold;
}

static void describe(const detect_job *job, json_t *calibration) {
    const strip *s = job->state;
    td_normal fit = td_normal_fit(job->sets[0].scores, job->sets[0].count);
    if (job->columns[0].threshold < 0)
        tool_run_note(job->run,
                      "warning: the boundary is below 0, where no entropy is, so nothing is "
                      "flagged: the entropies of clean inputs are too near 0");
    td_json *json = &job->run->record.json;
    td_json_set(json, calibration, "overlays", td_json_count(json, s->pool_size));
    td_json_set(json, calibration, "mean", td_json_real(json, -fit.mean));
    td_json_set(json, calibration, "sigma", td_json_real(json, fit.sigma));
}

static const detector strip_detector = {.score_name = "entropy (bits)",
                                        .sign = -1,
                                        .rates = {0.005, 0.01, 0.02, 0.03},
                                        .prepare = prepare,
                                        .score = score,
                                        .calibrate = calibrate,
                                        .describe = describe};

static const td_key keys[] = {
    {"overlays", TD_KEY_COUNT, offsetof(strip_settings, overlays), .least = 1, .most = 1000,
     .standard = "100", .value = "N",
     .help = "Clean images superimposed on each input, one by one"},
    DETECT_FPR("0.01"),
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

static const char help[] =
    "lays clean images over each input and flags inputs whose answers have less entropy than "
    "those of clean ones: with a trigger, the model's class stays. --fpr is the paper's FRR. "
    "Prints each set's flagged rate with its 95% Wilson interval and, with benign and suspect "
    "sets, the AUROC (suspects are the positive class). Refuses sets that share images with "
    "--clean."
    "\v"
    "Examples:\n"
    "  trapdoor-defend strip --model model.safetensors \\\n"
    "    --clean fashion-mnist:test:0-2000 --benign fashion-mnist:test:2000-4000 \\\n"
    "    --trigger square:size=3,at=bottom-right,value=255 --json strip.json\n"
    "  trapdoor-defend strip --model model.safetensors --clean mine:test:0-500 \\\n"
    "    --suspect inbox --exit-code";

const tool_method defend_strip = {
    .name = "strip",
    .title = "STRIP",
    .source = "Gao et al., ACSAC 2019",
    .doc = "inputs that keep their class under any overlay",
    .help = help,
    .family = &detectors,
    .groups = groups,
    .size = sizeof(strip_settings),
    .math = &strip_detector,
};
