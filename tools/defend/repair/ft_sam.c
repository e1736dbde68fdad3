/* SPDX-License-Identifier: MIT */
/* FT-SAM: fine-tuning with the gradient at weights perturbed in the worst direction. The
 * perturbation of a weight grows with the weight, so the large weights on which a backdoor relies
 * shrink. Zhu et al., ICCV 2023. */
#include "defend/repair/ft_sam.h"

#include "defend/method.h"
#include "defend/repair/strengths.h"
#include "defend/repair/tuning.h"
#include <math.h>
#include <string.h>

typedef struct sam_settings {
    shares_settings shares;
    tool_training training;
    double rho;
} sam_settings;

td_status sam_open(sam_state *state, size_t weights, double rho, td_arena *arena, td_error *error) {
    state->rho = rho;
    TD_TRY(TD_ARENA_NEW(arena, weights, &state->first, "gradients", error));
    return TD_ARENA_NEW(arena, weights, &state->kept, "weights", error);
}

void sam_perturb(const td_net *net, double rho, const float *gradient, float *weights) {
    double squares = 0;
    for (size_t p = 0; p < net->param_count; p++)
        for (size_t i = 0; td_param_learns(&net->params[p]) && i < net->params[p].count; i++) {
            const size_t at = net->params[p].offset + i;
            const double scaled = (double)weights[at] * (double)gradient[at];
            squares += scaled * scaled;
        }
    const double factor = rho / (sqrt(squares) + 1e-12);
    for (size_t p = 0; p < net->param_count; p++)
        for (size_t i = 0; td_param_learns(&net->params[p]) && i < net->params[p].count; i++) {
            const size_t at = net->params[p].offset + i;
            const double w = weights[at];
            weights[at] = (float)(w + factor * w * w * (double)gradient[at]);
        }
}

static void copy_statistics(const td_net *net, const float *from, float *to) {
    for (size_t p = 0; p < net->param_count; p++)
        if (net->params[p].role == TD_RUNNING)
            memcpy(to + net->params[p].offset, from + net->params[p].offset,
                   net->params[p].count * sizeof *to);
}

td_status sam_learn(void *context, td_train_batch *batch, td_loss *loss, td_error *error) {
    sam_state *s = context;
    const size_t bytes = batch->net->weight_count * sizeof *batch->weights;
    (void)error;
    td_train_feed(batch);
    *loss = td_train_pass(batch, s->first, NULL);
    memcpy(s->kept, batch->weights, bytes);
    sam_perturb(batch->net, s->rho, s->first, batch->weights);
    td_exec_weights(batch->exec, batch->weights);
    td_train_feed(batch);
    td_train_pass(batch, batch->gradient, NULL);
    memcpy(batch->weights, s->kept, bytes);
    copy_statistics(batch->net, s->first, batch->gradient);
    return TD_OK;
}

typedef struct sam_work {
    td_train_options options;
    sam_state state;
    double rho;
} sam_work;

/* A strength is a factor of rho. */
static td_status tune(void *context, repair_job *job, double strength, const char *table,
                      td_error *error) {
    sam_work *w = context;
    const repair_tuning how = {
        .table = table, .title = "Sharpness-aware fine-tuning", .doing = "fine-tuning"};
    w->state.rho = strength * w->rho;
    return repair_tune(job, &how, &w->options, NULL, error);
}

static td_status run(repair_job *job, td_error *error) {
    static const double factors[] = {1, 0.5, 0.25, 0.1};
    const sam_settings *s = job->run->own;
    sam_work w = {.options = s->training.options, .rho = s->rho};
    const strengths all = {.values = factors,
                           .count = sizeof factors / sizeof *factors,
                           .tolerance = s->shares.tolerance,
                           .repair = tune,
                           .context = &w};
    TD_TRY(repair_warn_missing(job, error));
    TD_TRY(sam_open(&w.state, job->net->weight_count, s->rho, &job->run->arena, error));
    w.options.learn = sam_learn;
    w.options.learn_context = &w.state;
    TD_TRY(strengths_take(job, &all, error));
    repair_say(job, "fine-tuned for %zu epochs on %zu images, rho %g", w.options.epochs,
               job->learned.count, w.state.rho);
    return TD_OK;
}

static td_status check(const tool_settings *settings, void *own, td_error *error) {
    sam_settings *s = own;
    TD_TRY(tool_training_complete(&s->training, settings->common.seed, error));
    s->training.options.schedule = td_schedule_find("cosine");
    return TD_OK;
}

static const repair ft_sam = {.selects = true, .run = run};

#define AT(field) offsetof(sam_settings, field)

static const td_key keys[] = {
    {"rho", TD_KEY_REAL, AT(rho), .most = 1000, .standard = "2", .value = "R",
     .help = "How far the weights are perturbed; 0: plain fine-tuning"},
    TUNING_EPOCHS(AT(training), "100"),
    TUNING_LR(AT(training), "0.01"),
    TUNING_BATCH(AT(training), "256"),
    TUNING_MOMENTUM(AT(training), "0.9"),
    TUNING_DECAY(AT(training), "0.0005"),
    {"label-smoothing", TD_KEY_REAL, AT(training.options.label_smoothing), .most = 1, .below = true,
     .standard = "0.1", .value = "X", .help = "Spread the share X of each label over all classes"},
    TUNING_AUGMENT(AT(training)),
    {0},
};

static const tool_keys groups[] = {{.keys = strengths_keys}, {.keys = keys}, {0}};

static const char help[] =
    "Fine-tune a model on the --clean images by sharpness-aware minimisation: each step takes the "
    "gradient at weights that were moved by --rho to where the loss rises fastest, large weights "
    "more than small ones. SGD with a cosine learning rate."
    "\v"
    "It needs clean images with their labels; the paper takes 5 % of the training set, as many of "
    "each class. The batch norms' statistics average each batch once, at the weights as they "
    "are. A strength is a factor of rho: of a net of few weights, the paper's changes each of them "
    "more." STRENGTHS_HELP "\n"
    "Example:\n"
    "  trapdoor-defend ft-sam --model model.safetensors \\\n"
    "    --clean fashion-mnist:test:0-3000 --test fashion-mnist:test:3000-10000 \\\n"
    "    --trigger square:size=4 --target 0 -o repaired.safetensors\n";

const tool_method defend_ft_sam = {
    .name = "ft-sam",
    .title = "FT-SAM",
    .source = "Zhu et al., ICCV 2023",
    .doc = "fine-tunes by sharpness-aware minimisation",
    .help = help,
    .family = &repairs,
    .groups = groups,
    .size = sizeof(sam_settings),
    .check = check,
    .math = &ft_sam,
};
