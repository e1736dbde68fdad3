/* SPDX-License-Identifier: MIT */
/* I-BAU: each round searches one perturbation of all images that causes errors, and then updates
 * the weights against it, with a gradient that includes how the perturbation depends on them. Zeng
 * et al., ICLR 2022. */
#include "defend/repair/i_bau.h"

#include "base/random.h"
#include "base/size.h"
#include "defend/method.h"
#include "defend/repair/shares.h"
#include "defend/repair/tuning.h"
#include "nn/feed.h"
#include <math.h>
#include <string.h>

enum { PAPER, BENCH };

typedef struct ibau_settings {
    shares_settings shares;
    tool_training training; /* its epochs: the rounds */
    int preset;
    double step, penalty, portion, unit;
    size_t iterations;
} ibau_settings;

typedef struct ibau_work {
    ibau_state state;
    const ibau_settings *settings;
    const td_images *images;
    float *d;            /* [size] */
    double *gradient;    /* [size]: of the inner loss by it */
    int32_t *answers;    /* [batch]: the model's own */
    bool *shifted;       /* [batch] */
    uint32_t *permuted;  /* [batch] */
    size_t batch, round; /* the round that d is of; 0: none yet */
} ibau_work;

/* The model's predictions for images [first, first + count). */
static void answer(ibau_work *w, size_t first, size_t count) {
    const size_t classes = td_net_classes(w->state.net);
    td_exec *exec = w->state.exec;
    td_feed(w->images, NULL, first, count, td_exec_input(exec));
    const float *logits = td_exec_forward(exec, count);
    for (size_t i = 0; i < count; i++)
        w->answers[i] = td_argmax(logits + i * classes, classes);
}

/* One pass over all images, each batch a step: d −= step · ∂/∂d [−CE(f(x + d), argmax f(x)) +
 * penalty · ‖d‖²]. */
static void search(ibau_work *w) {
    const double step = w->settings->step, penalty = w->settings->penalty;
    memset(w->d, 0, w->state.size * sizeof *w->d);
    for (size_t first = 0; first < w->images->count; first += w->batch) {
        const size_t count = td_size_min(w->batch, w->images->count - first);
        const td_images slice = td_images_slice(w->images, first, first + count);
        const ibau_batch batch = {.images = &slice, .count = count, .labels = w->answers};
        answer(w, first, count);
        ibau_loss(&w->state, &batch, w->d, w->gradient, NULL);
        for (size_t k = 0; k < w->state.size; k++)
            w->d[k] -= (float)(step * (-w->gradient[k] + 2 * penalty * (double)w->d[k]));
    }
}

size_t ibau_shifted(double portion, size_t batch) {
    return td_size_min(batch, (size_t)ceil(portion * (double)batch));
}

/* The perturbed images of a batch, drawn at random. */
static void choose(ibau_work *w, const td_train_batch *batch) {
    const size_t count = ibau_shifted(w->settings->portion, batch->count);
    td_random random = td_random_for(batch->options->seed, TD_FOR_REPAIR, 3, (uint32_t)batch->step);
    td_random_permutation(&random, w->permuted, (uint32_t)batch->count);
    memset(w->shifted, 0, batch->count * sizeof *w->shifted);
    for (size_t i = 0; i < count; i++)
        w->shifted[w->permuted[i]] = true;
}

static td_status learn(void *context, td_train_batch *batch, td_loss *loss, td_error *error) {
    ibau_work *w = context;
    const ibau_batch inner = {.images = w->images,
                              .count = td_size_min(w->batch, w->images->count)};
    const ibau_batch outer = {.images = batch->images,
                              .order = batch->order,
                              .count = batch->count,
                              .shifted = w->shifted};
    (void)error;
    td_exec_weights(w->state.exec, batch->weights);
    if (w->round != batch->epoch)
        search(w);
    w->round = batch->epoch;
    choose(w, batch);
    *loss = ibau_hypergradient(&w->state, &inner, &outer, w->d, batch->gradient);
    return TD_OK;
}

/* --- the repair --- */

static td_status open(repair_job *job, ibau_work *w, td_error *error) {
    td_arena *arena = &job->run->arena;
    const ibau_settings *s = w->settings;
    w->images = &job->learned;
    w->batch = td_size_min(s->training.options.batch, job->learned.count);
    w->state.unit = 255 * s->unit;
    w->state.penalty = s->penalty;
    w->state.map_step = 0.1;
    w->state.iterations = s->iterations;
    TD_TRY(ibau_open(&w->state, job->net, w->batch + 1, arena, error));
    TD_TRY(TD_ARENA_NEW(arena, w->state.size, &w->d, "perturbations", error));
    TD_TRY(TD_ARENA_NEW(arena, w->state.size, &w->gradient, "perturbations", error));
    TD_TRY(TD_ARENA_NEW(arena, w->batch + 1, &w->answers, "labels", error));
    TD_TRY(TD_ARENA_NEW(arena, w->batch + 1, &w->shifted, "a batch", error));
    return TD_ARENA_NEW(arena, w->batch + 1, &w->permuted, "a batch", error);
}

static td_status unlearn(repair_job *job, ibau_work *w, td_error *error) {
    const repair_tuning how = {
        .table = "epochs", .title = "Rounds of unlearning", .doing = "unlearning"};
    td_train_options options = w->settings->training.options;
    float *before;
    TD_TRY(shares_before(job, &before, error));
    TD_TRY(repair_warn_missing(job, error));
    TD_TRY(open(job, w, error));
    options.learn = learn;
    options.learn_context = w;
    options.frozen_statistics = true;
    TD_TRY(repair_tune(job, &how, &options, NULL, error));
    double squares = 0;
    for (size_t k = 0; k < w->state.size; k++)
        squares += (double)w->d[k] * (double)w->d[k];
    repair_say(job,
               "unlearned in %zu rounds on %zu images; the last perturbation has L2 norm %.3g of "
               "pixels 0-1",
               options.epochs, job->learned.count, w->settings->unit * sqrt(squares));
    return shares_take(job, before, w->settings->shares.tolerance, error);
}

static td_status run(repair_job *job, td_error *error) {
    ibau_work w = {.settings = job->run->own};
    td_status status = unlearn(job, &w, error);
    ibau_close(&w.state);
    return status;
}

/* BackdoorBench's, config/defense/i-bau. */
static const tool_preset bench[] = {{"lr", "0.0001"}, {"batch", "256"}, {0}};

static td_status check(const tool_settings *settings, void *own, td_error *error) {
    ibau_settings *s = own;
    if (s->preset == BENCH)
        TD_TRY(tool_settings_preset(settings, bench, error));
    TD_TRY(tool_training_complete(&s->training, settings->common.seed, error));
    td_train_options *options = &s->training.options;
    options->optimizer = td_optimizer_find("adam");
    options->step = td_adam_step(options->step.lr, 1);
    return TD_OK;
}

static const repair i_bau = {.selects = true, .run = run};

#define AT(field) offsetof(ibau_settings, field)

static const char *const presets[] = {[PAPER] = "paper", [BENCH] = "backdoorbench", NULL};

static const td_key keys[] = {
    {"preset", TD_KEY_WORD, AT(preset), .words = presets, .standard = "paper", .value = "NAME",
     .help = "Defaults of the paper (the authors' code), or of backdoorbench (lr 0.0001, batch "
             "256)"},
    {"rounds", TD_KEY_COUNT, AT(training.options.epochs), .least = 1, .most = 1000000,
     .standard = "5", .value = "N",
     .help = "Rounds: a search for the perturbation, then all images once"},
    {"iterations", TD_KEY_COUNT, AT(iterations), .most = 1000, .standard = "5", .value = "K",
     .help = "Steps of the fixed-point iteration; 0: the gradient of the outer loss alone"},
    {"step", TD_KEY_REAL, AT(step), .above = true, .most = INFINITY, .standard = "10", .value = "X",
     .help = "Step of the search"},
    {"unit", TD_KEY_REAL, AT(unit), .above = true, .most = 1, .standard = "0.25", .value = "S",
     .help = "What a perturbation of 1 is, for pixels 0 to 1: the standard deviation by which the "
             "published steps take images to be normalised, CIFAR-10's"},
    {"penalty", TD_KEY_REAL, AT(penalty), .most = INFINITY, .standard = "0.001", .value = "X",
     .help = "Weight of the perturbation's squared norm in the search"},
    {"portion", TD_KEY_REAL, AT(portion), .most = 1, .standard = "0.01", .value = "SHARE",
     .help = "Share of a batch's images that are perturbed, at least one unless it is 0"},
    TUNING_LR(AT(training), "0.001"),
    TUNING_BATCH(AT(training), "100"),
    {0},
};

static const tool_keys groups[] = {{.keys = shares_keys}, {.keys = keys}, {0}};

static const char help[] =
    "Unlearn adversarially: each of --rounds searches one perturbation of all --clean images that "
    "changes the model's answers, and then takes steps against it, on images of which a --portion "
    "is perturbed, by the implicit hypergradient. Adam."
    "\v"
    "It needs clean images with their labels, the paper's 5,000. The batch norms normalise by "
    "their running statistics, which stay. Products with second derivatives are central "
    "differences. The authors' code perturbs no image of a batch below 100; here at least one is, "
    "unless --portion is 0." SHARES_HELP "\n"
    "Example:\n"
    "  trapdoor-defend i-bau --model model.safetensors \\\n"
    "    --clean fashion-mnist:test:0-3000 --test fashion-mnist:test:3000-10000 \\\n"
    "    --trigger square:size=4 --target 0 -o repaired.safetensors\n";

const tool_method defend_i_bau = {
    .name = "i-bau",
    .title = "I-BAU",
    .source = "Zeng et al., ICLR 2022",
    .doc = "unlearns a perturbation by implicit gradients",
    .help = help,
    .family = &repairs,
    .groups = groups,
    .size = sizeof(ibau_settings),
    .check = check,
    .math = &i_bau,
};
