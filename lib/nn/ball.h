/* SPDX-License-Identifier: MIT */
/* What attacks by gradient descent on an image have in common (Goodfellow et al. 2015, Kurakin et
 * al. 2017, Madry et al. 2018): a direction from logits, and steps within a ball around the clean
 * image. Images are raw pixels, 0–255, of `size` values; what leaves that range is brought back. */
#ifndef TD_NN_BALL_H
#define TD_NN_BALL_H

#include "base/random.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All changes whose L∞ norm, or L2 norm, is at most `radius`, in pixel values. */
typedef struct td_ball {
    float radius;
    bool l2;
} td_ball;

/* The direction in the logits, [classes] both, that makes class `to` likelier: the gradient of log
 * p of it, divided by 1 − p. So no step depends on the gradient's length, and where the softmax is
 * saturated it keeps its direction. Returns log p/(1 − p), the log of the odds. */
double td_toward_class(const float *logits, size_t classes, size_t to, float *gradient);

/* Brings x back into the ball around `clean`, and to 0–255. */
void td_ball_project(td_ball ball, const float *clean, size_t size, float *x);

/* A step of length `step` (negative: down) along the gradient's signs or, for L2, along the
 * gradient; then as td_ball_project. */
void td_ball_step(td_ball ball, const float *clean, const float *gradient, float step, size_t size,
                  float *x);

/* A uniform place in the ball: for L2 a uniform direction, and a radius that has the share r^size
 * of all places below it. */
void td_ball_draw(td_ball ball, const float *clean, td_random random, size_t size, float *x);

/* x in whole numbers. Rounding does not leave the ball: for L∞ its bound is rounded down, for L2
 * the change shrinks until the rounded one is within. */
void td_ball_round(td_ball ball, const float *clean, const float *x, size_t size, uint8_t *out);

#endif
