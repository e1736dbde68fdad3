/* SPDX-License-Identifier: MIT */
#include "nn/train.h"

#include "base/parallel.h"
#include "base/random.h"
#include "base/size.h"
#include "nn/feed.h"
#include "nn/op.h"
#include <math.h>
#include <string.h>

/* The learning rate of the next step, after `done` of `total` steps. */
static double rate(const td_train_options *o, double done, double total) {
    double warmup = total * (double)o->warmup / (double)o->epochs;
    if (done < warmup)
        return o->step.lr * (done + 1) / warmup;
    return o->step.lr * o->schedule->factor((done - warmup) / (total - warmup));
}

/* The first node that has a single value per channel for a single image, and divides by its
 * deviation; NULL if there is none. */
static const td_node *find_single(const td_net *net) {
    for (size_t i = 0; i < net->node_count; i++) {
        const td_node *node = &net->nodes[i];
        if (node->op->batch_deviation && node->shape.height * node->shape.width == 1)
            return node;
    }
    return NULL;
}

bool td_train_joins(const td_net *net, size_t images, size_t batch) {
    return batch > 1 && images > batch && images % batch == 1 && find_single(net);
}

/* The state of a training. */
typedef struct trainer {
    const td_net *net;
    float *weights, *gradient, *optimizer_state;
    const td_images *images;
    const td_train_options *options;
    uint32_t *order;
    int32_t *labels;    /* of the batch */
    float *soft_labels; /* of the batch, where there are any */
    size_t steps;       /* of an epoch */
    td_exec *exec;
    td_train_state state;
    double loss_sum;
    size_t correct;
} trainer;

void td_train_feed(td_train_batch *batch) {
    const td_train_options *o = batch->options;
    const td_augment_epoch augmented = {o->augment, o->seed, (uint32_t)batch->epoch};
    td_feed_augmented(batch->images, batch->order, 0, batch->count, o->augment ? &augmented : NULL,
                      td_exec_input(batch->exec));
    for (size_t i = 0; i < batch->count; i++)
        batch->labels[i] = batch->images->labels[batch->order[i]];
}

td_loss td_train_pass(td_train_batch *batch, float *gradient, const float **pixels) {
    const float *logits = td_exec_forward(batch->exec, batch->count);
    const td_loss loss = td_cross_entropy_smoothed(
        logits, batch->labels, batch->count, td_net_classes(batch->net),
        batch->options->label_smoothing, td_exec_logits_gradient(batch->exec));
    const float *input = td_exec_backward(batch->exec, gradient);
    if (pixels)
        *pixels = input;
    return loss;
}

/* The same pass against soft labels. */
static td_loss pass_soft(trainer *t, td_train_batch *batch) {
    const size_t classes = td_net_classes(t->net);
    const float *logits = td_exec_forward(batch->exec, batch->count);
    for (size_t i = 0; i < batch->count; i++)
        memcpy(t->soft_labels + i * classes, t->options->soft_labels + batch->order[i] * classes,
               classes * sizeof *t->soft_labels);
    const td_loss loss = td_cross_entropy_soft(logits, t->soft_labels, batch->count, classes,
                                               td_exec_logits_gradient(batch->exec));
    td_exec_backward(batch->exec, batch->gradient);
    return loss;
}

/* The batch's images are order[first …). */
static td_train_batch batch_of(const trainer *t, size_t first, size_t count) {
    const td_train_options *o = t->options;
    const double steps = (double)t->steps * (double)o->epochs;
    return (td_train_batch){.net = t->net,
                            .weights = t->weights,
                            .exec = t->exec,
                            .images = t->images,
                            .order = t->order + first,
                            .count = count,
                            .first = first,
                            .epoch = t->state.epoch,
                            .step = t->state.steps,
                            .labels = t->labels,
                            .gradient = t->gradient,
                            .lr = rate(o, (double)t->state.steps, steps),
                            .options = o};
}

/* Computes t->gradient. */
static td_status learn(trainer *t, td_train_batch *batch, td_loss *loss, td_error *error) {
    const td_train_options *o = t->options;
    if (!o->frozen_statistics)
        td_exec_training(t->exec, o->seed, (uint32_t)t->state.steps);
    if (o->learn)
        return o->learn(o->learn_context, batch, loss, error);
    td_train_feed(batch);
    *loss = o->soft_labels ? pass_soft(t, batch) : td_train_pass(batch, t->gradient, NULL);
    return TD_OK;
}

static void take_step(trainer *t, const td_train_batch *batch) {
    const td_train_options *o = t->options;
    td_step step = o->step;
    if (!o->frozen_statistics)
        td_net_update_running(t->net, t->gradient, t->weights);
    step.lr = t->state.lr = batch->lr;
    step.number = ++t->state.steps;
    td_optimizer_step(o->optimizer, &step, t->net, t->weights, t->gradient, t->optimizer_state);
    if (o->stepped)
        o->stepped(o->learn_context, batch);
    td_exec_weights(t->exec, t->weights);
}

static td_status train_batch(trainer *t, size_t first, size_t count, td_error *error) {
    td_train_batch batch = batch_of(t, first, count);
    td_loss loss;
    TD_TRY(learn(t, &batch, &loss, error));
    if (!isfinite(loss.sum))
        return td_fail(error, TD_ERR_NUMERIC,
                       "epoch %zu, step %llu: the loss is not finite; a smaller --lr may help",
                       t->state.epoch, (unsigned long long)t->state.steps + 1);
    take_step(t, &batch);
    t->loss_sum += loss.sum;
    t->correct += loss.correct;
    t->state.images = first + count;
    t->state.loss = t->loss_sum / (double)t->state.images;
    t->state.accuracy = (double)t->correct / (double)t->state.images;
    return TD_OK;
}

static td_status check_finite(const trainer *t, const float *values, size_t count, const char *what,
                              td_error *error) {
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return td_fail(error, TD_ERR_NUMERIC,
                           "epoch %zu, step %llu: %s not finite; a smaller --lr may help",
                           t->state.epoch, (unsigned long long)t->state.steps, what);
    return TD_OK;
}

static td_status train_epoch(trainer *t, size_t epoch, td_error *error) {
    const td_train_options *o = t->options;
    size_t count = t->images->count;
    td_random random = td_random_for(o->seed, TD_FOR_SHUFFLE, (uint32_t)epoch, 0);
    td_random_permutation(&random, t->order, (uint32_t)count);
    t->state.epoch = epoch;
    t->loss_sum = 0;
    t->correct = 0;
    for (size_t step = 0; step < t->steps; step++) {
        const size_t first = step * o->batch, left = count - first;
        TD_TRY(train_batch(t, first, step + 1 < t->steps ? o->batch : left, error));
        if (o->batch_done && !o->batch_done(o->context, &t->state))
            return td_fail(error, TD_ERR_INTERRUPTED, "interrupted in epoch %zu", epoch);
    }
    size_t weights = t->net->weight_count;
    TD_TRY(check_finite(t, t->weights, weights, "the weights are", error));
    TD_TRY(check_finite(t, t->optimizer_state, o->optimizer->states * weights,
                        "the optimiser's state is", error));
    return o->epoch_done ? o->epoch_done(o->context, &t->state, error) : TD_OK;
}

/* Whether options->enough stops after the epochs done so far, if any. */
static bool is_enough(const trainer *t) {
    const td_train_options *o = t->options;
    return o->enough && t->state.epoch > 0 && o->enough(o->learn_context, &t->state);
}

static td_status check(const td_net *net, const td_images *images, const td_train_options *o,
                       td_error *error) {
    TD_TRY(td_feed_check(net, images, error));
    if (o->augment)
        TD_TRY(td_augment_check(o->augment, images, error));
    if (!(o->label_smoothing >= 0 && o->label_smoothing < 1))
        return td_fail(error, TD_ERR_USAGE,
                       "label smoothing: expected a number in [0, 1), found %g",
                       o->label_smoothing);
    if (o->soft_labels && o->label_smoothing > 0)
        return td_fail(error, TD_ERR_USAGE,
                       "label smoothing: expected 0 with soft labels, found %g",
                       o->label_smoothing);
    if (o->soft_labels && o->learn)
        return td_fail(error, TD_ERR_USAGE, "soft labels: expected no learning of another kind");
    if (o->epochs_done > o->epochs)
        return td_fail(error, TD_ERR_USAGE, "expected at most %zu epochs done, found %zu",
                       o->epochs, o->epochs_done);
    if (images->classes > td_net_classes(net))
        return td_fail(error, TD_ERR_USAGE, "the net has %zu classes, the data has %zu",
                       td_net_classes(net), images->classes);
    if (o->batch == 0)
        return td_fail(error, TD_ERR_USAGE, "expected a batch of at least 1 image, found 0");
    if (images->count == 0 || images->count > UINT32_MAX)
        return td_fail(error, TD_ERR_USAGE, "expected 1 to 4294967295 images, found %zu",
                       images->count);
    const td_node *single = td_size_min(o->batch, images->count) == 1 ? find_single(net) : NULL;
    if (single)
        return td_fail(error, TD_ERR_USAGE,
                       "batch: node \"%s\" normalises a single value a channel of each image: "
                       "expected a batch of at least 2 images, found 1",
                       single->name);
    return TD_OK;
}

/* Starts a training, or resumes an earlier one. */
static void go_on(trainer *t) {
    const td_train_options *o = t->options;
    size_t states = o->optimizer->states * t->net->weight_count;
    if (o->epochs_done > 0 && o->optimizer_state)
        memcpy(t->optimizer_state, o->optimizer_state, states * sizeof *t->optimizer_state);
    t->state =
        (td_train_state){.steps = o->epochs_done * t->steps, .optimizer_state = t->optimizer_state};
    td_exec_weights(t->exec, t->weights);
}

td_status td_train(const td_net *net, float *weights, const td_images *images,
                   const td_train_options *options, td_error *error) {
    TD_TRY(check(net, images, options, error));
    td_arena arena = {0};
    const bool joins = td_train_joins(net, images->count, options->batch);
    const size_t batch = td_size_min(options->batch, images->count) + joins;
    trainer t = {.net = net,
                 .weights = weights,
                 .images = images,
                 .options = options,
                 .steps = td_chunks(images->count, options->batch) - joins};
    td_status status = td_exec_new(
        &t.exec, net, batch, options->pixel_gradient ? TD_BACKWARD_INPUT : TD_BACKWARD, error);
    if (status == TD_OK)
        status = TD_ARENA_NEW(&arena, net->weight_count, &t.gradient, "gradients", error);
    if (status == TD_OK)
        status = TD_ARENA_NEW(&arena, net->weight_count * options->optimizer->states,
                              &t.optimizer_state, "the optimiser", error);
    if (status == TD_OK)
        status = TD_ARENA_NEW(&arena, images->count, &t.order, "the order of images", error);
    if (status == TD_OK)
        status = TD_ARENA_NEW(&arena, batch, &t.labels, "labels", error);
    if (status == TD_OK)
        status = TD_ARENA_NEW(&arena, batch * td_net_classes(net), &t.soft_labels, "labels", error);
    if (status == TD_OK)
        go_on(&t);
    for (size_t epoch = options->epochs_done + 1;
         status == TD_OK && epoch <= options->epochs && !is_enough(&t); epoch++)
        status = train_epoch(&t, epoch, error);
    td_exec_free(t.exec);
    td_arena_free(&arena);
    return status;
}
