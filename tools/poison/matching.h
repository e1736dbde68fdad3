/* SPDX-License-Identifier: MIT */
/* Gradient matching: how unlike the weights' gradient on a batch is to a given one, and the
 * gradient of that by the pixels.
 *
 * With goal = g_s and g_p the gradient of the mean cross-entropy of a batch by the weights θ that
 * learn, B = 1 − ⟨g_s, g_p⟩ / (‖g_s‖ ‖g_p‖). Its gradient by the images takes a second derivative,
 * which is a directional one: with u = ∂B/∂g_p held as it is,
 *     u = −g_s / (‖g_s‖ ‖g_p‖) + ⟨g_s, g_p⟩ g_p / (‖g_s‖ ‖g_p‖³),
 *     ∇B = ∇_x ⟨g_p, u⟩ ≈ [∇_x L(θ + hu) − ∇_x L(θ − hu)] / 2h,  h = difference · ‖θ‖ / ‖u‖:
 * two passes for gradients by the images in place of a pass through a gradient. Batch norms use
 * their running statistics, and dropout drops nothing. */
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
    double length, goal_length; /* ‖θ‖ of the weights that learn, ‖g_s‖ */
} matching;

/* For batches of up to `batch` images. The net must outlive it. On failure *m is to be closed all
 * the same. Arrays are in `arena`. */
td_status matching_open(matching *m, const td_net *net, size_t batch, double difference,
                        td_arena *arena, td_error *error) TD_MUST_USE;
void matching_close(matching *m); /* takes a zeroed one as well */

/* From now on with these weights and this goal [weight_count], which stay the caller's and in
 * place: those of one of several nets of the same text. The goal of a new net is zero. */
void matching_weights(matching *m, const float *weights, float *goal);

/* The gradient of the batch's mean loss by the weights that learn, in m->own; zero for others.
 * x [count, size]: raw pixels. Returns its norm. */
double matching_own(matching *m, const float *x, const int32_t *labels, size_t count);

/* Adds `share` of m->own to the goal. */
void matching_add(matching *m, double share);

/* Returns B for a batch; with `gradient` [count, size] not NULL, also its gradient by the pixels.
 * Where one of the two gradients is zero, B is 1 and its gradient 0. */
double matching_batch(matching *m, const float *x, const int32_t *labels, size_t count,
                      float *gradient);

#endif
