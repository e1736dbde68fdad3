/* SPDX-License-Identifier: MIT */
/* Optimisers: one step from a gradient. A new one is a function and a row in optimizer.c. */
#ifndef TD_NN_OPTIMIZER_H
#define TD_NN_OPTIMIZER_H

#include "nn/net.h"

typedef struct td_step {
    double lr, momentum, weight_decay; /* decay: added to the gradient, weight_decay · w */
    double beta1, beta2, epsilon;      /* Adam */
    uint64_t number;                   /* 1 for the first step */
} td_step;

typedef struct td_optimizer {
    const char *name;
    double lr;     /* the default learning rate */
    size_t states; /* floats of state per weight */
    /* Updates `count` weights; state arrays are [states][stride] floats, zero at first. */
    void (*update)(const td_step *step, float *weights, const float *gradient, float *state,
                   size_t stride, size_t count);
} td_optimizer;

/* A step of Adam with the authors' usual values: beta1 0.9, beta2 0.999, epsilon 1e-8. `number`: 1
 * for the first step. */
td_step td_adam_step(double lr, uint64_t number);

/* Adam (Kingma and Ba 2015, Algorithm 1, as PyTorch's): moves w[count] one step against
 * gradient[count] and updates the moments mean[count] and square[count], zero before the first
 * step. The arrays must not overlap. */
void td_adam(const td_step *step, float *w, const float *gradient, float *mean, float *square,
             size_t count);

/* sgd: PyTorch's SGD with momentum: v = momentum·v + g; w −= lr·v.
 * adam: td_adam. */
extern const td_optimizer td_optimizers[]; /* ends with a row without a name */

/* NULL if there is none with that name. */
const td_optimizer *td_optimizer_find(const char *name);

/* One step for all parameters that learn. `state` holds states × weight_count floats. */
void td_optimizer_step(const td_optimizer *optimizer, const td_step *step, const td_net *net,
                       float *weights, const float *gradient, float *state);

#endif
