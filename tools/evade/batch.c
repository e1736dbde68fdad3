/* SPDX-License-Identifier: MIT */
#include "base/parallel.h"
#include "evade/attack.h"
#include "nn/loss.h"
#include <math.h>
#include <string.h>

/* --- the net --- */

td_status evade_net_open(evade_net *net, const td_net *shape, const float *weights, bool gradients,
                         td_error *error) {
    *net =
        (evade_net){.size = td_shape_size(td_net_input(shape)), .classes = td_net_classes(shape)};
    td_status status = td_exec_new(&net->forward, shape, EVADE_BATCH, TD_FORWARD, error);
    if (status == TD_OK && gradients)
        status = td_exec_new(&net->gradient, shape, EVADE_BATCH, TD_BACKWARD_IMAGE, error);
    if (status != TD_OK) {
        evade_net_close(net);
        return status;
    }
    td_exec_weights(net->forward, weights);
    if (gradients)
        td_exec_weights(net->gradient, weights);
    return TD_OK;
}

void evade_net_close(evade_net *net) {
    td_exec_free(net->forward);
    td_exec_free(net->gradient);
    *net = (evade_net){0};
}

float *evade_net_input(evade_net *net) {
    return td_exec_input(net->forward);
}

const float *evade_net_ask(evade_net *net, size_t count) {
    net->queries += count;
    return td_exec_forward(net->forward, count);
}

/* --- the batch --- */

void evade_batch_restart(evade_batch *batch) {
    batch->live_count = batch->count;
    for (size_t i = 0; i < batch->count; i++) {
        batch->live[i] = i;
        batch->done[i] = false;
    }
}

void evade_batch_compact(evade_batch *batch) {
    size_t kept = 0;
    for (size_t k = 0; k < batch->live_count; k++)
        if (!batch->done[batch->live[k]])
            batch->live[kept++] = batch->live[k];
    batch->live_count = kept;
}

td_status evade_batch_poll(const evade_batch *batch, td_error *error) {
    const size_t finished = batch->before + batch->count - batch->live_count;
    return batch->run ? tool_run_go_on(batch->run, finished, NULL, error) : TD_OK;
}

typedef struct feed {
    const evade_batch *batch;
    const float *x;
    float *input;
} feed;

static void feed_one(void *context, size_t k) {
    const feed *f = context;
    const size_t size = f->batch->net->size;
    memcpy(f->input + k * size, f->x + f->batch->live[k] * size, size * sizeof *f->input);
}

/* Copies the live images to the net's input. */
static void feed_live(const evade_batch *batch, const float *x, float *input) {
    feed f = {batch, x, input};
    td_parallel_each(batch->live_count, feed_one, &f);
}

const float *evade_batch_ask(evade_batch *batch, const float *x) {
    feed_live(batch, x, evade_net_input(batch->net));
    return evade_net_ask(batch->net, batch->live_count);
}

const float *evade_batch_gradient(evade_batch *batch, const float *x, evade_follow_fn follow,
                                  void *context) {
    evade_net *net = batch->net;
    feed_live(batch, x, td_exec_input(net->gradient));
    const float *logits = td_exec_forward(net->gradient, batch->live_count);
    float *gradient = td_exec_logits_gradient(net->gradient);
    net->gradients += batch->live_count;
    for (size_t k = 0; k < batch->live_count; k++)
        follow(context, batch->live[k], logits + k * net->classes, gradient + k * net->classes);
    return td_exec_backward(net->gradient, NULL);
}

void evade_batch_drop_reached(evade_batch *batch, const float *logits) {
    for (size_t k = 0; k < batch->live_count; k++) {
        const size_t image = batch->live[k], classes = batch->net->classes;
        const int32_t predicted = td_argmax(logits + k * classes, classes),
                      target = batch->targets[image];
        if (target == EVADE_NO_TARGET ? predicted != batch->labels[image] : predicted == target)
            batch->done[image] = true;
    }
    evade_batch_compact(batch);
}

void evade_round(const float *x, size_t size, uint8_t *out) {
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)evade_clip(rintf(x[i]), 0, EVADE_RANGE);
}
