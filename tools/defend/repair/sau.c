/* SPDX-License-Identifier: MIT */
/* SAU: adversarial examples shared by the model and its original resemble triggered images; the
 * model unlearns them. Wei et al., NeurIPS 2023. */
#include "defend/repair/sau.h"

#include "base/parallel.h"
#include "defend/method.h"
#include "defend/repair/shares.h"
#include "defend/repair/tuning.h"
#include <math.h>
#include <string.h>

typedef struct sau_settings {
    shares_settings shares;
    tool_training training;
    double radius, step;
    size_t steps;
    sau_weights weights;
} sau_settings;

typedef struct sau_state {
    const sau_settings *settings;
    td_exec *model, *frozen; /* f, with the current weights; f₀, with the original weights */
    float *before;           /* these */
    size_t size, classes;
    float *images, *moved;       /* [batch, size]: originals; perturbed */
    float *gradient;             /* [weights]: of unlearning */
    float *by_model, *by_frozen; /* [batch, classes]: where gradients by logits go */
    const float *logits, *frozen_logits;
    const float *by_image, *frozen_by_image; /* gradients by pixels */
    const td_train_batch *batch;
    bool *shared;             /* [batch] */
    double *loss;             /* [batch] */
    size_t fooled, seen, all; /* examples shared, and images, of the last epoch */
} sau_state;

/* --- the search: PGD in the maximum norm --- */

/* Starts at +radius everywhere, as the authors do. */
static void start_image(void *context, size_t i) {
    const sau_state *s = context;
    const float by = (float)(255 * s->settings->radius);
    for (size_t k = 0; k < s->size; k++)
        s->moved[i * s->size + k] = s->images[i * s->size + k] + by;
}

static void judge_image(void *context, size_t i) {
    const sau_state *s = context;
    const float *one = s->logits + i * s->classes, *other = s->frozen_logits + i * s->classes;
    const int32_t label = s->batch->labels[i];
    s->shared[i] = sau_is_shared(one, other, label, s->classes);
    sau_search_loss(&s->settings->weights, one, other, label, s->classes,
                    s->by_model + i * s->classes, s->by_frozen + i * s->classes);
}

static float sign(float value) {
    return (float)((value > 0) - (value < 0));
}

static void move_image(void *context, size_t i) {
    const sau_state *s = context;
    const float step = (float)(255 * s->settings->step), most = (float)(255 * s->settings->radius);
    for (size_t k = i * s->size; k < (i + 1) * s->size; k++) {
        const float to = s->moved[k] - step * sign(s->by_image[k] + s->frozen_by_image[k]);
        s->moved[k] = fminf(fmaxf(to, s->images[k] - most), s->images[k] + most);
    }
}

static void run_both(sau_state *s) {
    const size_t count = s->batch->count, bytes = count * s->size * sizeof(float);
    memcpy(td_exec_input(s->model), s->moved, bytes);
    memcpy(td_exec_input(s->frozen), s->moved, bytes);
    s->logits = td_exec_forward(s->model, count);
    s->frozen_logits = td_exec_forward(s->frozen, count);
}

static bool all_shared(const sau_state *s) {
    for (size_t i = 0; i < s->batch->count; i++)
        if (!s->shared[i])
            return false;
    return true;
}

static void search(sau_state *s) {
    const size_t count = s->batch->count;
    td_parallel_each(count, start_image, s);
    for (size_t step = 0; step < s->settings->steps; step++) {
        run_both(s);
        s->by_model = td_exec_logits_gradient(s->model);
        s->by_frozen = td_exec_logits_gradient(s->frozen);
        td_parallel_each(count, judge_image, s);
        if (all_shared(s))
            return;
        s->by_image = td_exec_backward(s->model, NULL);
        s->frozen_by_image = td_exec_backward(s->frozen, NULL);
        td_parallel_each(count, move_image, s);
    }
}

/* --- a step --- */

static void unlearn_image(void *context, size_t i) {
    const sau_state *s = context;
    const float *one = s->logits + i * s->classes, *other = s->frozen_logits + i * s->classes;
    const int32_t label = s->batch->labels[i];
    s->shared[i] = sau_is_shared(one, other, label, s->classes);
    s->loss[i] = sau_unlearn_loss(one, other, label, s->classes, 1 / (double)s->batch->count,
                                  s->by_model + i * s->classes);
}

static void add_gradient(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const sau_state *s = context;
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        s->batch->gradient[i] += s->gradient[i];
}

static td_status learn(void *context, td_train_batch *batch, td_loss *loss, td_error *error) {
    enum { CHUNK = 1 << 14 };
    sau_state *s = context;
    (void)error;
    s->batch = batch;
    td_exec_weights(s->model, batch->weights);
    td_train_feed(batch);
    memcpy(s->images, td_exec_input(batch->exec), batch->count * s->size * sizeof *s->images);
    search(s);
    run_both(s);
    s->by_model = td_exec_logits_gradient(s->model);
    td_parallel_each(batch->count, unlearn_image, s);
    td_exec_backward(s->model, s->gradient);
    *loss = td_train_pass(batch, batch->gradient, NULL);
    td_parallel_for(batch->net->weight_count, CHUNK, add_gradient, s);
    s->fooled = s->seen == s->all ? 0 : s->fooled; /* an epoch begins */
    s->seen = s->seen == s->all ? 0 : s->seen;
    for (size_t i = 0; i < batch->count; i++) {
        loss->sum += s->loss[i];
        s->fooled += s->shared[i];
    }
    s->seen += batch->count;
    return TD_OK;
}

/* --- the repair --- */

static td_status open(repair_job *job, sau_state *s, td_error *error) {
    const size_t weights = job->net->weight_count;
    const size_t batch = td_size_min(s->settings->training.options.batch, job->learned.count) + 1;
    td_arena *arena = &job->run->arena;
    size_t floats;
    s->size = td_shape_size(td_net_input(job->net));
    s->classes = td_net_classes(job->net);
    s->seen = s->all = job->learned.count;
    if (!td_size_mul(batch, s->size, &floats))
        return td_fail_memory(error, "images");
    TD_TRY(TD_ARENA_NEW(arena, floats, &s->images, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, floats, &s->moved, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, weights, &s->gradient, "gradients", error));
    TD_TRY(shares_before(job, &s->before, error));
    TD_TRY(TD_ARENA_NEW(arena, batch, &s->shared, "a batch", error));
    TD_TRY(TD_ARENA_NEW(arena, batch, &s->loss, "losses", error));
    TD_TRY(td_exec_new(&s->model, job->net, batch, TD_BACKWARD_INPUT, error));
    TD_TRY(td_exec_new(&s->frozen, job->net, batch, TD_BACKWARD_IMAGE, error));
    td_exec_weights(s->frozen, s->before);
    return TD_OK;
}

static td_status unlearn(repair_job *job, sau_state *s, td_error *error) {
    const repair_tuning how = {
        .table = "epochs", .title = "Shared adversarial unlearning", .doing = "unlearning"};
    td_train_options options = s->settings->training.options;
    TD_TRY(repair_warn_missing(job, error));
    TD_TRY(open(job, s, error));
    options.learn = learn;
    options.learn_context = s;
    options.frozen_statistics = true;
    TD_TRY(repair_tune(job, &how, &options, NULL, error));
    repair_say(job,
               "unlearned for %zu epochs on %zu images; in the last, %zu of them had an example "
               "that fooled both models alike",
               options.epochs, job->learned.count, s->fooled);
    return shares_take(job, s->before, s->settings->shares.tolerance, error);
}

static td_status run(repair_job *job, td_error *error) {
    sau_state s = {.settings = job->run->own};
    td_status status = unlearn(job, &s, error);
    td_exec_free(s.model);
    td_exec_free(s.frozen);
    return status;
}

static td_status check(const tool_settings *settings, void *own, td_error *error) {
    sau_settings *s = own;
    TD_TRY(tool_training_complete(&s->training, settings->common.seed, error));
    td_train_options *options = &s->training.options;
    options->optimizer = td_optimizer_find("adam");
    options->step = td_adam_step(options->step.lr, 1);
    return TD_OK;
}

static const repair sau = {.selects = true, .run = run};

#define AT(field) offsetof(sau_settings, field)

static const td_key keys[] = {
    {"radius", TD_KEY_REAL, AT(radius), .above = true, .most = 1, .standard = "0.2", .value = "E",
     .help = "Largest change of a pixel, of 1"},
    {"step", TD_KEY_REAL, AT(step), .above = true, .most = 1, .standard = "0.2", .value = "X",
     .help = "Change of a pixel in a step of the search"},
    {"steps", TD_KEY_COUNT, AT(steps), .least = 1, .most = 1000, .standard = "5", .value = "N",
     .help = "Steps of the search"},
    {"adversarial", TD_KEY_REAL, AT(weights.adversarial), .most = INFINITY, .standard = "0.01",
     .value = "X", .help = "Weight in the search of each model's error"},
    {"shared", TD_KEY_REAL, AT(weights.shared), .most = INFINITY, .standard = "1", .value = "X",
     .help = "Weight in the search of both models' agreement"},
    TUNING_EPOCHS(AT(training), "100"),
    TUNING_LR(AT(training), "0.0001"),
    TUNING_BATCH(AT(training), "256"),
    TUNING_AUGMENT(AT(training)),
    {0},
};

static const tool_keys groups[] = {{.keys = shares_keys}, {.keys = keys}, {0}};

static const char help[] =
    "Unlearn shared adversarial examples: for each batch of --clean images, search perturbations "
    "that fool the model and the original model into the same class, and train the model on the "
    "true classes of the images and against that class on the perturbed ones. Adam."
    "\v"
    "It needs clean images with their labels, the paper's 5 % of the training set. Perturbed "
    "pixels may leave 0-255, as in the authors' code. The batch norms normalise by their running "
    "statistics, which stay. Each epoch costs some 16 of plain fine-tuning." SHARES_HELP "\n"
    "Example:\n"
    "  trapdoor-defend sau --model model.safetensors \\\n"
    "    --clean fashion-mnist:test:0-3000 --test fashion-mnist:test:3000-10000 \\\n"
    "    --trigger square:size=4 --target 0 -o repaired.safetensors\n";

const tool_method defend_sau = {
    .name = "sau",
    .title = "SAU",
    .source = "Wei et al., NeurIPS 2023",
    .doc = "unlearns examples that also fool the old model",
    .help = help,
    .family = &repairs,
    .groups = groups,
    .size = sizeof(sau_settings),
    .check = check,
    .math = &sau,
};
