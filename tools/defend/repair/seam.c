/* SPDX-License-Identifier: MIT */
/* SEAM: makes the model forget everything with wrong labels, then relearn its task from clean
 * images, which do not restore the backdoor. Zhu et al., IEEE S&P 2023. Where what is relearned is
 * too little, it forgets by shorter steps. */
#include "defend/repair/seam.h"

#include "base/random.h"
#include "base/size.h"
#include "defend/method.h"
#include "defend/repair/strengths.h"
#include "defend/repair/tuning.h"
#include "frame/predict.h"
#include <math.h>
#include <string.h>

enum { DRAWS = 1 << 16 }; /* the first epoch of a wrong label's draws (td_purpose) */

typedef struct seam_settings {
    shares_settings shares;
    tool_training training; /* of recovering; forgetting uses its learning rate and batch */
    size_t forget_epochs;
    double forget_share, recovered;
} seam_settings;

int32_t seam_wrong(uint64_t seed, uint64_t step, uint32_t image, int32_t label, size_t classes) {
    td_random random = td_random_for(seed, TD_FOR_REPAIR, DRAWS + (uint32_t)step, image);
    const size_t by = 1 + td_random_below(&random, (uint32_t)classes - 1);
    return (int32_t)(((size_t)label + by) % classes);
}

double seam_forgotten(size_t classes) {
    return fmin(2 / (double)classes, 0.6);
}

typedef struct seam_state {
    repair_job *job;
    const seam_settings *settings;
    td_images forgotten; /* images for forgetting */
    size_t forgot;       /* epochs of it */
    int32_t *predicted;
    td_rate accuracy; /* by their true labels */
    double until;
    size_t recovered; /* epochs of recovering */
    td_status status; /* of measuring it, with this: */
    td_error error;
} seam_state;

/* --- forgetting --- */

static td_status learn_wrong(void *context, td_train_batch *batch, td_loss *loss, td_error *error) {
    (void)context, (void)error;
    td_train_feed(batch);
    for (size_t i = 0; i < batch->count; i++)
        batch->labels[i] = seam_wrong(batch->options->seed, batch->step, batch->order[i],
                                      batch->labels[i], td_net_classes(batch->net));
    *loss = td_train_pass(batch, batch->gradient, NULL);
    return TD_OK;
}

/* A failure also ends the training. */
static bool is_forgotten(void *context, const td_train_state *state) {
    seam_state *s = context;
    (void)state;
    s->status = tool_predict_classes(s->job->net, s->job->weights, &s->forgotten, NULL,
                                     s->predicted, &s->error);
    if (s->status == TD_OK)
        s->accuracy = td_accuracy(s->predicted, s->forgotten.labels, s->forgotten.count);
    return s->status != TD_OK || s->accuracy.value < s->until;
}

/* Random ones of the clean images. */
static td_status choose_images(seam_state *s, td_error *error) {
    enum { LEAST = 2 };
    const td_images *all = &s->job->learned;
    td_arena *arena = &s->job->run->arena;
    const double share = s->settings->forget_share * (double)all->count;
    const size_t count = td_size_min(all->count, td_size_max(LEAST, (size_t)(share + 0.5)));
    uint32_t *order;
    TD_TRY(TD_ARENA_NEW(arena, all->count, &order, "images", error));
    td_random random = td_random_for(s->job->run->common->seed, TD_FOR_REPAIR, 2, 0);
    td_random_permutation(&random, order, (uint32_t)all->count);
    TD_TRY(TD_ARENA_NEW(arena, count, &s->predicted, "predictions", error));
    return defend_gather(all, order, count, arena, &s->forgotten, error);
}

static td_status forget(seam_state *s, double strength, const char *table, td_error *error) {
    const repair_tuning how = {.table = table,
                               .title = "Forgetting, by wrong labels",
                               .doing = "forgetting",
                               .images = &s->forgotten};
    td_train_options options = s->settings->training.options;
    TD_TRY(choose_images(s, error));
    options.step.lr *= strength;
    options.epochs = s->settings->forget_epochs;
    options.learn = learn_wrong;
    options.enough = is_forgotten;
    options.learn_context = s;
    TD_TRY(repair_tune(s->job, &how, &options, &s->forgot, error));
    if (s->status != TD_OK)
        *error = s->error;
    return s->status;
}

/* --- recovering --- */

static bool is_recovered(void *context, const td_train_state *state) {
    const seam_state *s = context;
    return state->accuracy > s->settings->recovered;
}

static td_status recover(seam_state *s, const char *table, td_error *error) {
    const repair_tuning how = {
        .table = table, .title = "Recovering, by true labels", .doing = "recovering"};
    td_train_options options = s->settings->training.options;
    options.enough = is_recovered;
    options.learn_context = s;
    return repair_tune(s->job, &how, &options, &s->recovered, error);
}

/* A strength is a factor of the learning rate of forgetting. `table` begins with "epochs". */
static td_status forget_and_recover(void *context, repair_job *job, double strength,
                                    const char *table, td_error *error) {
    seam_state *s = context;
    const char *forgetting;
    TD_TRY(td_arena_print(&job->run->arena, &forgetting, error, "forgetting%s",
                          table + strlen("epochs")));
    TD_TRY(forget(s, strength, forgetting, error));
    return recover(s, table, error);
}

static void say(const seam_state *s) {
    repair_say(s->job, "forgot to %.2f %% on %zu images in %zu epochs", 100 * s->accuracy.value,
               s->forgotten.count, s->forgot);
    repair_say(s->job, "recovered for %zu epochs on %zu images", s->recovered,
               s->job->learned.count);
    if (s->accuracy.value >= s->until)
        tool_run_note(s->job->run,
                      "warning: expected an accuracy below %.2f after forgetting, found %.2f; more "
                      "--forget-epochs may help",
                      s->until, s->accuracy.value);
}

static td_status run(repair_job *job, td_error *error) {
    const size_t classes = td_net_classes(job->net);
    static const double factors[] = {1, 0.3, 0.1, 0.03};
    seam_state s = {.job = job, .settings = job->run->own, .until = seam_forgotten(classes)};
    const strengths all = {.values = factors,
                           .count = sizeof factors / sizeof *factors,
                           .tolerance = s.settings->shares.tolerance,
                           .repair = forget_and_recover,
                           .context = &s};
    if (classes < 2)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected a net of at least 2 classes, so that a label can be wrong, "
                       "found %zu",
                       job->settings->model.path, classes);
    TD_TRY(repair_warn_missing(job, error));
    TD_TRY(strengths_take(job, &all, error));
    say(&s);
    return TD_OK;
}

static td_status check(const tool_settings *settings, void *own, td_error *error) {
    seam_settings *s = own;
    TD_TRY(tool_training_complete(&s->training, settings->common.seed, error));
    td_train_options *options = &s->training.options;
    options->optimizer = td_optimizer_find("adam");
    options->step = td_adam_step(options->step.lr, 1);
    return TD_OK;
}

static const repair seam = {.selects = true, .run = run};

#define AT(field) offsetof(seam_settings, field)

static const td_key keys[] = {
    {"forget-share", TD_KEY_REAL, AT(forget_share), .above = true, .most = 1, .standard = "0.1",
     .value = "SHARE", .help = "Share of the clean images, drawn at random, to forget with"},
    {"forget-epochs", TD_KEY_COUNT, AT(forget_epochs), .least = 1, .most = 1000000,
     .standard = "10", .value = "N", .help = "Most epochs of forgetting"},
    {"recovered", TD_KEY_REAL, AT(recovered), .most = 1, .standard = "0.97", .value = "A",
     .help = "Training accuracy above which recovering ends"},
    {"epochs", TD_KEY_COUNT, AT(training.options.epochs), .least = 1, .most = 1000000,
     .standard = "100", .value = "N", .help = "Most epochs of recovering"},
    TUNING_LR(AT(training), "0.001"),
    TUNING_BATCH(AT(training), "32"),
    TUNING_AUGMENT(AT(training)),
    {0},
};

static const tool_keys groups[] = {{.keys = strengths_keys}, {.keys = keys}, {0}};

static const char help[] =
    "Make a model forget its task by training it on some of the --clean images with wrong labels, "
    "drawn anew in each step, until its accuracy by the true ones is below min(2 / classes, 0.6); "
    "then train it on all of them until the training accuracy is above --recovered. Adam."
    "\v"
    "It needs clean images with their labels, of at least two classes; the paper recovers with 10 "
    "% of the training set and forgets by 1 %. Batch norms average the statistics of each batch, "
    "in both phases. A strength is a factor of the learning rate of forgetting: 1, 0.3, 0.1, "
    "0.03." STRENGTHS_HELP "\n"
    "Example:\n"
    "  trapdoor-defend seam --model model.safetensors \\\n"
    "    --clean fashion-mnist:test:0-6000 --test fashion-mnist:test:6000-10000 \\\n"
    "    --trigger square:size=4 --target 0 -o repaired.safetensors\n";

const tool_method defend_seam = {
    .name = "seam",
    .title = "SEAM",
    .source = "Zhu et al., IEEE S&P 2023",
    .doc = "forgets by wrong labels, then relearns",
    .help = help,
    .family = &repairs,
    .groups = groups,
    .size = sizeof(seam_settings),
    .check = check,
    .math = &seam,
};
