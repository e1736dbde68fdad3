/* SPDX-License-Identifier: MIT */
/* Gradient matching: the dissimilarity of the weights' gradient on a batch to a given gradient, and
 * its own gradient with respect to the pixels.
 *
 * With goal = g_s and g_p the gradient of the mean cross-entropy of a batch with respect to the
 * trainable weights θ, B = 1 − ⟨g_s, g_p⟩ / (‖g_s‖ ‖g_p‖). Its gradient with respect to the images
 * needs a second derivative, but only a directional one: with u = ∂B/∂g_p held constant,
 *     u = −g_s / (‖g_s‖ ‖g_p‖) + ⟨g_s, g_p⟩ g_p / (‖g_s‖ ‖g_p‖³),
 *     ∇B = ∇_x ⟨g_p, u⟩ ≈ [∇_x L(θ + hu) − ∇_x L(θ − hu)] / 2h,  h = difference · ‖θ‖ / ‖u‖: two
 *     passes for image gradients instead of a pass through a gradient. Batch norms use their
 *     running statistics, and dropout drops nothing. */
#ifndef TOOLS_POISON_MATCHING_H
#define TOOLS_POISON_MATCHING_H

#include "nn/exec.h"

typedef struct matching {
    const td_net *net;
    size_t batch, size, classes;
    td_exec *by_weights, *by_image;
    const float *weights; /* θ */
    float *goal;          /* [weight_count]: g_s */
    double difference;
    float *own, *moved;         /* [weight_count]: g_p, θ ± hu */
    float *plus;                /* [batch, size] */
    double length, goal_length; /* ‖θ‖ of the trainable weights, ‖g_s‖ */
} matching;

/* For batches of up to `batch` images. The net must outlive it. Close *m on failure too. Arrays are
 * in `arena`. */
td_status matching_open(matching *m, const td_net *net, size_t batch, double difference,
                        td_arena *arena, td_error *error) TD_MUST_USE;
void matching_close(matching *m); /* accepts a zeroed struct */

/* Sets the weights and the goal [weight_count], for example those of one of several nets with the
 * same text; the caller owns both and keeps them in place. The goal of a new net is zero. */
void matching_weights(matching *m, const float *weights, float *goal);

/* The gradient of the batch's mean loss with respect to the trainable weights, in m->own; zero for
 * others. x [count, size]: raw pixels. Returns its norm. */
double matching_own(matching *m, const float *x, const int32_t *labels, size_t count);

/* Adds `share` of m->own to the goal. */
void matching_add(matching *m, double share);

/* Returns B for a batch and, if `gradient` [count, size] is not NULL, writes its gradient with
 * respect to the pixels. If one of the two gradients is zero, B is 1 and its gradient 0. */
double matching_batch(matching *m, const float *x, const int32_t *labels, size_t count,
                      float *gradient);

#endif
