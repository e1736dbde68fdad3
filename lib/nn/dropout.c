/* SPDX-License-Identifier: MIT */
/* In training each element is dropped with probability `rate`, and those kept are multiplied by
 * 1/(1 − rate); otherwise nothing changes (Srivastava et al., "Dropout", JMLR 2014). The draws
 * depend only on the seed, the step, the node and the image: the backward pass repeats them. */
#include "base/random.h"
#include "nn/elementwise.h"
#include <string.h>

enum { RATE };
enum { NODE_INDICES = 1 << 16 }; /* of draws: one per image */

/* Both directions are the same map. */
typedef struct pass {
    const td_run *run;
    const float *from;
    float *to;
} pass;

static void drop_image(void *context, size_t image) {
    const pass *p = context;
    const td_run *run = p->run;
    const size_t size = td_shape_size(run->node->shape);
    const float rate = (float)run->node->values[RATE].number, by = 1.0f / (1.0f - rate);
    const size_t index = (size_t)(run->node - run->net->nodes) * NODE_INDICES + image;
    const float *restrict from = p->from + image * size;
    float *restrict to = p->to + image * size;
    td_random random = td_random_for(run->seed, TD_FOR_DROPOUT, run->step, (uint32_t)index);
    for (size_t i = 0; i < size; i++)
        to[i] = td_random_unit(&random) < rate ? 0 : by * from[i];
}

static void copy_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const pass *p = context;
    (void)chunk, (void)thread;
    memcpy(p->to + begin, p->from + begin, (end - begin) * sizeof *p->to);
}

static void drop(const td_run *run, const float *from, float *to) {
    pass p = {run, from, to};
    if (run->training)
        td_parallel_each(run->batch, drop_image, &p);
    else
        td_parallel_for(run->batch * td_shape_size(run->node->shape), TD_ELEMENT_CHUNK, copy_chunk,
                        &p);
}

static void forward(const td_run *run) {
    drop(run, run->in[0], run->out);
}

static void backward(const td_run *run) {
    if (run->din[0])
        drop(run, run->dout, run->din[0]);
}

const td_op TD_OP(dropout) = {
    .name = "dropout",
    .doc = "Drops values at random in training; else nothing",
    .formula = "in training y = 0 with probability rate, else x / (1 − rate)",
    TD_ELEMENTWISE_OP,
    .keys = {{.name = "rate",
              .kind = TD_KEY_FRACTION,
              .least = 0,
              .most = 0.99,
              .standard = "0.5",
              .help = "Probability that a value is dropped"}},
    .zero = true,
    .training_only = true,
    .forward = forward,
    .backward = backward,
};
