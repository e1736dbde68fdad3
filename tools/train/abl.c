/* SPDX-License-Identifier: MIT */
/* Training on poisoned data (--defence abl): isolates images that the net learns suspiciously fast,
 * trains on the others, and then unlearns the isolated ones. */
#include "base/random.h"
#include "frame/predict.h"
#include "frame/truth.h"
#include "nn/feed.h"
#include "train/abl_parts.h"
#include "train/train.h"
#include <math.h>
#include <string.h>

/* --- isolation --- */

static td_status learn_slowly(void *context, td_train_batch *batch, td_loss *loss,
                              td_error *error) {
    const abl_settings *s = context;
    const size_t classes = td_net_classes(batch->net);
    (void)error;
    td_train_feed(batch);
    *loss = abl_loss(td_exec_forward(batch->exec, batch->count), batch->labels, batch->count,
                     classes, s->gamma, s->hold == ABL_BATCH, td_exec_logits_gradient(batch->exec));
    td_exec_backward(batch->exec, batch->gradient);
    return TD_OK;
}

/* Without augmentation, which would slow the learning of a trigger. */
static td_status train_first(train_job *job, td_error *error) {
    td_train_options options = job->settings->training.options;
    options.epochs = job->settings->abl.isolate_epochs;
    options.warmup = 0;
    options.augment = NULL;
    options.label_smoothing = 0;
    options.learn = learn_slowly;
    options.learn_context = (void *)&job->settings->abl;
    return tool_run_train(job->run, job->net, job->weights, &job->data.images, &options,
                          "isolating", error);
}

static td_status measure_losses(train_job *job, double *losses, td_error *error) {
    const td_images *images = &job->data.images;
    const size_t classes = td_net_classes(job->net);
    td_arena arena = {0};
    float *logits;
    tool_pass pass = tool_run_pass(job->run, "measuring losses", images->count);
    td_status status = tool_predict(job->net, job->weights, images, &pass, &arena, &logits, error);
    tool_pass_end(&pass);
    for (size_t i = 0; status == TD_OK && i < images->count; i++)
        losses[i] =
            td_cross_entropy(logits + i * classes, &images->labels[i], 1, classes, NULL).sum;
    td_arena_free(&arena);
    return status;
}

/* Copies the isolated images, or the others. */
static td_status gather(train_job *job, bool isolated, size_t count, td_images *out,
                        td_error *error) {
    const td_images *all = &job->data.images;
    const size_t size = td_image_size(all);
    td_arena *arena = &job->run->arena;
    uint8_t *pixels;
    int32_t *labels;
    size_t at = 0;
    TD_TRY(td_arena_alloc(arena, count, size, (void **)&pixels, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, count, &labels, "labels", error));
    for (size_t i = 0; i < all->count; i++)
        if (job->isolated[i] == isolated) {
            memcpy(pixels + at * size, td_image(all, i), size);
            labels[at++] = all->labels[i];
        }
    *out = *all;
    out->count = count;
    out->pixels = pixels;
    out->labels = labels;
    return TD_OK;
}

typedef struct isolation {
    size_t count;
    double most; /* loss of an isolated image */
    tool_list suspects;
} isolation;

static const tool_column isolation_columns[] = {
    {"suspect_count", "isolated images", TOOL_COUNT, offsetof(isolation, count)},
    {"most_loss", "largest loss of one", TOOL_REAL, offsetof(isolation, most)},
    {"suspects", NULL, TOOL_LIST, offsetof(isolation, suspects)},
    {0},
};

static const tool_table_kind isolation_table = {.title = "Isolated by loss",
                                                .columns = isolation_columns,
                                                .row = sizeof(isolation),
                                                .single = true};

/* `poisoned`: NULL without a manifest. */
static td_status report(train_job *job, const double *losses, size_t count, const bool *poisoned,
                        td_error *error) {
    tool_run *run = job->run;
    const size_t images = job->data.images.count;
    isolation row = {.count = count};
    double *suspects;
    size_t at = 0;
    TD_TRY(TD_ARENA_NEW(&run->arena, count, &suspects, "suspects", error));
    for (size_t i = 0; i < images; i++)
        if (job->isolated[i]) {
            suspects[at++] = (double)(job->data.first + i);
            row.most = fmax(row.most, losses[i]);
        }
    row.suspects = (tool_list){suspects, count};
    TD_TRY(tool_run_rows(run, &isolation_table, NULL, &row, 1, error));
    return poisoned ? tool_add_truth(run, job->isolated, poisoned, images, error) : TD_OK;
}

/* The share of `images`, rounded down, tolerating rounding errors: 0.29 · 100 is 29. */
static size_t count_isolated(const abl_settings *s, size_t images) {
    return (size_t)(s->share * (double)images + 1e-9);
}

td_status train_abl_isolate(train_job *job, td_error *error) {
    const size_t images = job->data.images.count;
    const size_t count = count_isolated(&job->settings->abl, images);
    td_arena *arena = &job->run->arena;
    const char *manifest = job->settings->abl.manifest;
    bool *poisoned = NULL;
    double *losses;
    uint32_t *order;
    if (count == 0)
        return td_fail(error, TD_ERR_USAGE,
                       "--isolate: expected a share that is at least one of the %zu images, found "
                       "%g",
                       images, job->settings->abl.share);
    TD_TRY(TD_ARENA_NEW(arena, images, &losses, "losses", error));
    TD_TRY(TD_ARENA_NEW(arena, images, &order, "losses", error));
    TD_TRY(TD_ARENA_NEW(arena, images, &job->isolated, "suspects", error));
    if (manifest) {
        TD_TRY(TD_ARENA_NEW(arena, images, &poisoned, "the truth", error));
        TD_TRY(tool_read_truth(job->run, &job->data, manifest, poisoned, error));
    }
    TD_TRY(train_first(job, error));
    TD_TRY(measure_losses(job, losses, error));
    abl_isolate(losses, images, count, order, job->isolated);
    TD_TRY(gather(job, false, images - count, &job->learned, error));
    TD_TRY(gather(job, true, count, &job->unlearned, error));
    return report(job, losses, count, poisoned, error);
}

/* --- unlearning --- */

/* The loss of a random guess: beyond it there is nothing left to unlearn. */
static double most_loss(const td_net *net) {
    return log((double)td_net_classes(net));
}

typedef struct unlearning {
    const train_job *job;
    float *gradient; /* [weights]: gradient of the isolated images */
    uint32_t *order; /* [isolated + 1]: other images learned in a step */
} unlearning;

/* Draws as many of the other images, with replacement. */
static void feed_others(const unlearning *u, td_train_batch *batch) {
    const td_images *others = &u->job->learned;
    const uint32_t draws = 1 << 16; /* the first epoch of these draws, beyond those of the orders */
    td_random random =
        td_random_for(batch->options->seed, TD_FOR_SHUFFLE, draws + (uint32_t)batch->step, 0);
    for (size_t i = 0; i < batch->count; i++) {
        u->order[i] = td_random_below(&random, (uint32_t)others->count);
        batch->labels[i] = others->labels[u->order[i]];
    }
    td_feed(others, u->order, 0, batch->count, td_exec_input(batch->exec));
}

/* Not of the running statistics, which are no gradient. */
static void add_learnt(const td_param *param, const float *from, float *to) {
    for (size_t i = 0; td_param_learns(param) && i < param->count; i++)
        to[param->offset + i] += from[param->offset + i];
}

/* The loss of the isolated images rises, that of others falls (equation 4): without these the net
 * would unlearn the target class. Each is normalised by its own batch, as in the authors' code,
 * which takes from the isolated images what they all have, and so much less of the target class;
 * the running statistics are those of the others. */
static td_status unlearn_batch(void *context, td_train_batch *batch, td_loss *loss,
                               td_error *error) {
    const unlearning *u = context;
    (void)error;
    td_train_feed(batch);
    *loss = abl_ascent(td_exec_forward(batch->exec, batch->count), batch->labels, batch->count,
                       td_net_classes(batch->net), most_loss(batch->net),
                       td_exec_logits_gradient(batch->exec));
    td_exec_backward(batch->exec, u->gradient);
    feed_others(u, batch);
    td_train_pass(batch, batch->gradient, NULL);
    for (size_t p = 0; p < batch->net->param_count; p++)
        add_learnt(&batch->net->params[p], u->gradient, batch->gradient);
    return TD_OK;
}

static td_status log_epoch(void *context, const td_train_state *state, td_error *error) {
    train_job *job = context;
    td_train_state behind = *state;
    behind.epoch += job->settings->training.options.epochs;
    return train_log_epoch(job, &behind, error);
}

td_status train_abl_unlearn(train_job *job, td_error *error) {
    const train_settings *s = job->settings;
    td_train_options options = s->training.options;
    unlearning u = {.job = job};
    td_arena *arena = &job->run->arena;
    TD_TRY(TD_ARENA_NEW(arena, job->net->weight_count, &u.gradient, "gradients", error));
    TD_TRY(TD_ARENA_NEW(arena, job->unlearned.count + 1, &u.order, "images", error));
    /* Plain steps, as in the paper: Adam's steps are as long for the smallest gradient as for the
     * largest, and destroy a small net. */
    options.optimizer = td_optimizer_find("sgd");
    options.step.lr = s->abl.unlearn_lr;
    options.step.weight_decay = 0; /* weight decay would not ascend */
    options.schedule = td_schedule_find("constant");
    options.warmup = 0;
    options.epochs = s->abl.unlearn_epochs;
    options.augment = NULL;
    options.label_smoothing = 0;
    options.learn = unlearn_batch;
    options.learn_context = &u;
    options.epoch_done = log_epoch;
    options.context = job;
    return tool_run_train(job->run, job->net, job->weights, &job->unlearned, &options, "unlearning",
                          error);
}
