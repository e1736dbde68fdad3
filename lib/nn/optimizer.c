/* SPDX-License-Identifier: MIT */
#include "nn/optimizer.h"

#include "base/parallel.h"
#include "nn/kernel/kernel.h"
#include <string.h>

enum { CHUNK = 1 << 14 };

static void update_sgd(const td_step *step, float *w, const float *g, float *state, size_t stride,
                       size_t count) {
    (void)stride;
    td_kernel_used()->sgd(step, w, g, state, count);
}

td_step td_adam_step(double lr, uint64_t number) {
    return (td_step){.lr = lr, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .number = number};
}

void td_adam(const td_step *step, float *w, const float *gradient, float *mean, float *square,
             size_t count) {
    td_kernel_used()->adam(step, w, gradient, mean, square, count);
}

static void update_adam(const td_step *step, float *w, const float *g, float *state, size_t stride,
                        size_t count) {
    td_adam(step, w, g, state, state + stride, count);
}

const td_optimizer td_optimizers[] = {
    {"sgd", 0.01, 1, update_sgd}, {"adam", 0.001, 2, update_adam}, {0}};

const td_optimizer *td_optimizer_find(const char *name) {
    for (const td_optimizer *o = td_optimizers; o->name; o++)
        if (strcmp(o->name, name) == 0)
            return o;
    return NULL;
}

typedef struct update {
    const td_optimizer *optimizer;
    const td_step *step;
    float *weights, *state;
    const float *gradient;
    size_t stride;
} update;

static void update_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const update *u = context;
    (void)chunk, (void)thread;
    u->optimizer->update(u->step, u->weights + begin, u->gradient + begin, u->state + begin,
                         u->stride, end - begin);
}

void td_optimizer_step(const td_optimizer *optimizer, const td_step *step, const td_net *net,
                       float *weights, const float *gradient, float *state) {
    for (size_t i = 0; i < net->param_count; i++) {
        const td_param *param = &net->params[i];
        if (!td_param_learns(param))
            continue;
        size_t count =
            param->count; /* together with following neighbours: one loop for many small ones */
        while (i + 1 < net->param_count && td_param_learns(&net->params[i + 1]) &&
               net->params[i + 1].offset == param->offset + count)
            count += net->params[++i].count;
        update u = {optimizer,
                    step,
                    weights + param->offset,
                    state + param->offset,
                    gradient + param->offset,
                    net->weight_count};
        td_parallel_for(count, CHUNK, update_chunk, &u);
    }
}
