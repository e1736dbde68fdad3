/* SPDX-License-Identifier: MIT */
/* Feature shift tuning: the classifier is reinitialised and kept away from its original weights, so
 * that the features must also move away from those of the backdoor. Min et al., NeurIPS 2023. */
#include "defend/repair/fst.h"

#include "base/random.h"
#include "defend/method.h"
#include "defend/repair/strengths.h"
#include "defend/repair/tuning.h"
#include "nn/op.h"
#include <math.h>
#include <string.h>

typedef struct fst_settings {
    shares_settings shares;
    tool_training training;
    double alpha;
} fst_settings;

static double product(const float *a, const float *b, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

td_status fst_open(fst_state *state, const td_net *net, const float *weights, double alpha,
                   td_arena *arena, td_error *error) {
    const td_node *last = &net->nodes[net->node_count - 1];
    if (strcmp(last->op->name, "dense") != 0)
        return td_fail(error, TD_ERR_USAGE,
                       "expected a net whose logits are those of a dense layer, found node \"%s\", "
                       "which is %s",
                       last->name, last->op->name);
    const td_param *weight = &net->params[last->params[0]];
    *state = (fst_state){.weight = weight, .alpha = alpha};
    TD_TRY(TD_ARENA_NEW(arena, weight->count, &state->original, "weights", error));
    memcpy(state->original, weights + weight->offset, weight->count * sizeof *weights);
    state->norm = sqrt(product(state->original, state->original, weight->count));
    return state->norm > 0
               ? TD_OK
               : td_fail(error, TD_ERR_USAGE,
                         "expected weights other than 0 in the dense layer \"%s\", found none",
                         last->name);
}

static void rescale(const fst_state *s, float *weights) {
    float *w = weights + s->weight->offset;
    const double norm = sqrt(product(w, w, s->weight->count));
    for (size_t i = 0; norm > 0 && i < s->weight->count; i++)
        w[i] = (float)((double)w[i] * s->norm / norm);
}

void fst_draw(const fst_state *s, const td_net *net, uint64_t seed, float *weights) {
    const td_node *last = &net->nodes[net->node_count - 1];
    const double most = 1 / sqrt((double)s->weight->dims[1]);
    for (uint32_t p = 0; p < last->param_count; p++) {
        const td_param *param = &net->params[last->params[p]];
        td_random random = td_random_for(seed, TD_FOR_REPAIR, 1, p);
        for (size_t i = 0; i < param->count; i++)
            weights[param->offset + i] = (float)(most * (2 * (double)td_random_unit(&random) - 1));
    }
    rescale(s, weights);
}

td_status fst_learn(void *context, td_train_batch *batch, td_loss *loss, td_error *error) {
    const fst_state *s = context;
    const size_t at = s->weight->offset, count = s->weight->count;
    (void)error;
    td_train_feed(batch);
    *loss = td_train_pass(batch, batch->gradient, NULL);
    for (size_t i = 0; i < count; i++)
        batch->gradient[at + i] += (float)(s->alpha * (double)s->original[i]);
    loss->sum += (double)batch->count * s->alpha * product(batch->weights + at, s->original, count);
    return TD_OK;
}

void fst_stepped(void *context, const td_train_batch *batch) {
    rescale(context, batch->weights);
}

/* In a net without batch norms to bound the steps, options left at their defaults change to shorter
 * steps, and more of them. */
static void adapt(const repair_job *job, td_train_options *options) {
    const tool_settings *given = job->run->settings;
    if (repair_has_norm(job->net))
        return;
    options->step.lr = tool_settings_given(given, "lr") ? options->step.lr : 0.003;
    options->batch = tool_settings_given(given, "batch") ? options->batch : 32;
    options->epochs = tool_settings_given(given, "epochs") ? options->epochs : 40;
}

typedef struct fst_work {
    const fst_settings *settings;
    td_train_options options;
    fst_state state;
} fst_work;

/* A strength is a factor of alpha. */
static td_status tune(void *context, repair_job *job, double strength, const char *table,
                      td_error *error) {
    fst_work *w = context;
    const repair_tuning how = {
        .table = table, .title = "Feature shift tuning", .doing = "fine-tuning"};
    w->state.alpha = strength * w->settings->alpha;
    fst_draw(&w->state, job->net, job->run->common->seed, job->weights);
    return repair_tune(job, &how, &w->options, NULL, error);
}

static void say(repair_job *job, const fst_work *w) {
    const fst_state *s = &w->state;
    const float *now = job->weights + s->weight->offset;
    repair_say(job,
               "classifier drawn anew and tuned for %zu epochs on %zu images, alpha %g; its cosine "
               "with what it was is %.3f",
               w->options.epochs, job->learned.count, s->alpha,
               product(now, s->original, s->weight->count) / (s->norm * s->norm));
}

static td_status run(repair_job *job, td_error *error) {
    static const double factors[] = {1, 0.5, 0.25, 0.1, 0};
    const fst_settings *s = job->run->own;
    fst_work w = {.settings = s, .options = s->training.options};
    const strengths all = {.values = factors,
                           .count = sizeof factors / sizeof *factors,
                           .tolerance = s->shares.tolerance,
                           .repair = tune,
                           .context = &w};
    td_status status =
        fst_open(&w.state, job->net, job->weights, s->alpha, &job->run->arena, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", job->settings->model.path);
    TD_TRY(repair_warn_missing(job, error));
    adapt(job, &w.options);
    tool_run_set(job->run, "tuning", "{sf sI sI}", "lr", w.options.step.lr, "batch",
                 (json_int_t)w.options.batch, "epochs", (json_int_t)w.options.epochs);
    w.options.learn = fst_learn;
    w.options.stepped = fst_stepped;
    w.options.learn_context = &w.state;
    TD_TRY(strengths_take(job, &all, error));
    say(job, &w);
    return TD_OK;
}

static td_status check(const tool_settings *settings, void *own, td_error *error) {
    fst_settings *s = own;
    TD_TRY(tool_training_complete(&s->training, settings->common.seed, error));
    s->training.options.schedule = td_schedule_find("cosine");
    return TD_OK;
}

static const repair fst = {.selects = true, .run = run};

#define AT(field) offsetof(fst_settings, field)

static const td_key keys[] = {
    {"alpha", TD_KEY_REAL, AT(alpha), .most = 1000, .standard = "0.1", .value = "A",
     .help = "Strength of the push away from the old classifier; 0 (the authors' advice for many "
             "classes) only redraws it"},
    TUNING_EPOCHS(AT(training), "10"),
    TUNING_LR(AT(training), "0.01"),
    TUNING_BATCH(AT(training), "128"),
    TUNING_MOMENTUM(AT(training), "0.9"),
    TUNING_DECAY(AT(training), "0"),
    TUNING_AUGMENT(AT(training)),
    {0},
};

static const tool_keys groups[] = {{.keys = strengths_keys}, {.keys = keys}, {0}};

static const char help[] =
    "Redraw the dense layer of the logits and fine-tune the whole model on the --clean images; "
    "--alpha pushes that layer away from its old weights, and its norm stays. SGD with a cosine "
    "learning rate."
    "\v"
    "It needs clean images with their labels, the paper's 2 % of the training set, and a net that "
    "ends in a dense layer. Batch norms average the statistics of each batch. In a net without "
    "any, "
    "--lr, --batch and --epochs that are not given are 0.003, 32 and 40; the record has them as "
    "tuning. The larger --alpha, the surer the backdoor goes, and the more accuracy with it. A "
    "strength is a factor of it." STRENGTHS_HELP "\n"
    "Example:\n"
    "  trapdoor-defend fst --model model.safetensors \\\n"
    "    --clean fashion-mnist:test:0-1200 --test fashion-mnist:test:1200-10000 \\\n"
    "    --trigger square:size=4 --target 0 -o repaired.safetensors\n";

const tool_method defend_fst = {
    .name = "fst",
    .title = "FST",
    .source = "Min et al., NeurIPS 2023",
    .doc = "redraws the classifier and tunes all layers",
    .help = help,
    .family = &repairs,
    .groups = groups,
    .size = sizeof(fst_settings),
    .check = check,
    .math = &fst,
};
