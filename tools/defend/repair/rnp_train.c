/* SPDX-License-Identifier: MIT */
/* Unlearning clean images, and recovering them by masks. */
#include "base/parallel.h"
#include "base/random.h"
#include "base/size.h"
#include "defend/repair/rnp.h"
#include "nn/feed.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ORDER = 20 }; /* of TD_FOR_REPAIR */

size_t rnp_steps(size_t images, size_t batch) {
    return td_size_max(1, td_size_min(td_chunks(images, batch), images / 2));
}

size_t rnp_begin(size_t images, size_t steps, size_t step) {
    return images / steps * step + td_size_min(step, images % steps);
}

static void draw_order(const tool_run *run, size_t epoch, uint32_t *order, size_t images) {
    td_random random = td_random_for(run->common->seed, TD_FOR_REPAIR, ORDER, (uint32_t)epoch);
    td_random_permutation(&random, order, (uint32_t)images);
}

/* --- unlearning --- */

typedef struct unlearner {
    tool_run *run;
    const td_net *net;
    float *weights, *gradient, *velocity;
    const td_images *images;
    const rnp_options *options;
    uint32_t *order;
    int32_t *labels;
    size_t steps; /* of an epoch */
    uint32_t done;
    td_exec *exec;
    td_arena arena;
} unlearner;

/* Clips the gradient to the largest norm, over all trainable parameters. */
static void clip(const unlearner *u) {
    double squares = 0;
    for (size_t p = 0; p < u->net->param_count; p++) {
        const td_param *param = &u->net->params[p];
        for (size_t i = 0; td_param_learns(param) && i < param->count; i++)
            squares += (double)u->gradient[param->offset + i] * u->gradient[param->offset + i];
    }
    const double norm = sqrt(squares);
    if (norm <= u->options->clip)
        return;
    for (size_t p = 0; p < u->net->param_count; p++) {
        const td_param *param = &u->net->params[p];
        for (size_t i = 0; td_param_learns(param) && i < param->count; i++)
            u->gradient[param->offset + i] *= (float)(u->options->clip / norm);
    }
}

static double rate_of(const unlearner *u, size_t epoch) {
    return u->options->unlearn_lr * (epoch > 20 ? 0.01 : epoch > 10 ? 0.1 : 1);
}

static td_status unlearn_batch(unlearner *u, size_t epoch, const uint32_t *order, size_t count,
                               td_loss *loss, td_error *error) {
    const size_t classes = td_net_classes(u->net);
    for (size_t i = 0; i < count; i++)
        u->labels[i] = u->images->labels[order[i]];
    td_feed(u->images, order, 0, count, td_exec_input(u->exec));
    td_exec_training(u->exec, u->run->common->seed, u->done++);
    *loss = td_cross_entropy(td_exec_forward(u->exec, count), u->labels, count, classes,
                             td_exec_logits_gradient(u->exec));
    if (!isfinite(loss->sum))
        return td_fail(error, TD_ERR_NUMERIC,
                       "unlearning, epoch %zu: the loss is not finite; a smaller --unlearn-lr may "
                       "help",
                       epoch);
    td_exec_backward(u->exec, u->gradient);
    td_net_update_running(u->net, u->gradient, u->weights);
    clip(u);
    const td_step step = {.lr = -rate_of(u, epoch), /* up */
                          .momentum = u->options->unlearn_momentum,
                          .number = u->done};
    td_optimizer_step(td_optimizer_find("sgd"), &step, u->net, u->weights, u->gradient,
                      u->velocity);
    td_exec_weights(u->exec, u->weights);
    return TD_OK;
}

static td_status unlearn_epoch(unlearner *u, rnp_epoch *epoch, td_error *error) {
    const size_t images = u->images->count;
    double loss = 0;
    size_t correct = 0;
    char note[64];
    draw_order(u->run, epoch->number, u->order, images);
    for (size_t i = 0; i < u->steps; i++) {
        const size_t begin = rnp_begin(images, u->steps, i);
        td_loss batch;
        TD_TRY(unlearn_batch(u, epoch->number, u->order + begin,
                             rnp_begin(images, u->steps, i + 1) - begin, &batch, error));
        loss += batch.sum;
        correct += batch.correct;
        snprintf(note, sizeof note, "epoch %zu  loss %.4f", epoch->number, batch.sum);
        TD_TRY(tool_run_go_on(u->run, (epoch->number - 1) * u->steps + i + 1, note, error));
    }
    epoch->loss = loss / (double)images;
    epoch->accuracy = (double)correct / (double)images;
    return TD_OK;
}

static td_status open_unlearner(unlearner *u, size_t batch, td_error *error) {
    static const char what[] = "unlearning";
    const size_t weights = u->net->weight_count;
    const size_t largest = td_chunks(u->images->count, u->steps);
    TD_TRY(TD_ARENA_NEW(&u->arena, weights, &u->gradient, what, error));
    TD_TRY(TD_ARENA_NEW(&u->arena, weights, &u->velocity, what, error));
    TD_TRY(TD_ARENA_NEW(&u->arena, u->images->count, &u->order, what, error));
    TD_TRY(TD_ARENA_NEW(&u->arena, largest, &u->labels, what, error));
    TD_TRY(td_exec_new(&u->exec, u->net, td_size_max(largest, td_size_min(batch, largest)),
                       TD_BACKWARD, error));
    td_exec_weights(u->exec, u->weights);
    return TD_OK;
}

static td_status unlearn(unlearner *u, rnp_epoch *epochs, size_t *count, td_error *error) {
    tool_run_begin(u->run, "unlearning", "steps", u->options->unlearn_epochs * u->steps);
    for (*count = 0; *count < u->options->unlearn_epochs;) {
        rnp_epoch *epoch = &epochs[*count];
        epoch->number = ++*count;
        TD_TRY(unlearn_epoch(u, epoch, error));
        if (epoch->accuracy <= u->options->stop)
            break;
    }
    tool_run_end(u->run);
    return TD_OK;
}

td_status rnp_unlearn(tool_run *run, const td_net *net, float *weights, const td_images *images,
                      size_t batch, const rnp_options *options, rnp_epoch *epochs, size_t *count,
                      td_error *error) {
    unlearner u = {.run = run,
                   .net = net,
                   .weights = weights,
                   .images = images,
                   .options = options,
                   .steps = rnp_steps(images->count, batch)};
    td_status status = open_unlearner(&u, batch, error);
    if (status == TD_OK)
        status = unlearn(&u, epochs, count, error);
    td_exec_free(u.exec);
    td_arena_free(&u.arena);
    return status;
}

/* --- recovering --- */

static td_status recover_batch(masked *m, const rnp_options *o, float *gradient, td_loss *loss,
                               td_error *error) {
    TD_TRY(masked_pass(m, NULL, NULL, NULL, gradient, NULL, loss, error));
    for (size_t c = 0; c < m->norms.channels; c++)
        gradient[c] *= (float)o->share;
    masked_step(m, m->options.lr, gradient);
    return TD_OK;
}

td_status rnp_recover(masked *m, const rnp_options *o, td_error *error) {
    const size_t images = m->images->count, steps = rnp_steps(images, m->options.batch);
    const size_t all = steps * o->recover_epochs;
    masked_log log;
    uint32_t *order;
    float *gradient;
    TD_TRY(TD_ARENA_NEW(&m->arena, images, &order, "images", error));
    TD_TRY(TD_ARENA_NEW(&m->arena, m->norms.channels, &gradient, "masks", error));
    TD_TRY(masked_log_open(&log, m->run, error));
    tool_run_begin(m->run, "learning masks", "steps", all);
    for (size_t i = 0; i < all; i++) {
        const size_t epoch = i / steps, begin = rnp_begin(images, steps, i % steps);
        td_loss loss;
        if (i % steps == 0)
            draw_order(m->run, o->unlearn_epochs + 1 + epoch, order, images);
        masked_feed(m, order + begin, rnp_begin(images, steps, i % steps + 1) - begin,
                    (uint32_t)epoch);
        TD_TRY(recover_batch(m, o, gradient, &loss, error));
        TD_TRY(masked_log_step(&log, m, loss, i, all, error));
    }
    tool_run_end(m->run);
    return TD_OK;
}
