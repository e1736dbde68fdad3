/* SPDX-License-Identifier: MIT */
/* The gradients of I-BAU. Zeng et al., "Adversarial unlearning of backdoors via implicit
 * hypergradient", ICLR 2022. One perturbation is shared by all images of a set, neither bounded nor
 * clipped; the published step sizes are for normalised pixels, so its unit is their standard
 * deviation. */
#ifndef TOOLS_DEFEND_REPAIR_I_BAU_H
#define TOOLS_DEFEND_REPAIR_I_BAU_H

#include "data/images.h"
#include "nn/exec.h"
#include "nn/loss.h"

/* A batch of images, and which of them are perturbed. */
typedef struct ibau_batch {
    const td_images *images;
    const uint32_t *order; /* [count]; NULL: the first ones */
    size_t count;
    const int32_t *labels; /* [count]; NULL: the images' own */
    const bool *shifted;   /* [count]; NULL: all */
} ibau_batch;

typedef struct ibau_state {
    td_exec *exec; /* for TD_BACKWARD_INPUT, not training, with the weights */
    const td_net *net;
    size_t size;         /* floats of an image */
    double unit;         /* pixel value (0-255) of a perturbation of 1 */
    double penalty;      /* of ‖d‖² in the inner loss */
    double map_step;     /* step size of the map P */
    size_t iterations;   /* K */
    int32_t *labels;     /* [batch] */
    float *moved;        /* [size]: d + h·v */
    double *up, *down;   /* [size]: gradients there */
    double *v;           /* [size] */
    double *outer;       /* [size]: the gradient of the outer loss with respect to d */
    float *plus, *minus; /* [weights]: gradients there */
} ibau_state;

td_status ibau_open(ibau_state *state, const td_net *net, size_t batch, td_arena *arena,
                    td_error *error) TD_MUST_USE;
void ibau_close(ibau_state *state); /* accepts a zeroed state */

/* How many images of a batch are perturbed: the portion in [0, 1], rounded up. */
size_t ibau_shifted(double portion, size_t batch);

/* The sum of the batch's cross-entropies, and the gradients of their mean with respect to d [size]
 * and the weights, unless NULL. */
td_loss ibau_loss(ibau_state *state, const ibau_batch *batch, const float *d, double *by_d,
                  float *by_weights);

/* The inner loss is L_i(d, w) = −CE + penalty · ‖d‖² on the batch `inner`; its minimum is a fixed
 * point of P(d) = d − map_step · ∂L_i/∂d; the outer loss is the cross-entropy on `outer`. Writes to
 * `gradient` [weights] the hypergradient by a fixed-point iteration of K steps:
 *     v ← (∂P/∂d)ᵀ·v + ∂L_o/∂d from v = 0, ended early if v no longer changes,
 *     ∂L_o/∂w + (∂P/∂w)ᵀ·v,
 * products with second derivatives by central differences. K = 0: only ∂L_o/∂w. */
td_loss ibau_hypergradient(ibau_state *state, const ibau_batch *inner, const ibau_batch *outer,
                           const float *d, float *gradient);

#endif
