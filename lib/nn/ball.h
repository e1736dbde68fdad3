/* SPDX-License-Identifier: MIT */
/* Common parts of gradient attacks on an image (Goodfellow et al. 2015, Kurakin et al. 2017, Madry
 * et al. 2018): a direction in the logits, and steps within a ball around the clean image. Images
 * are raw pixels of `size` values, clipped to 0–255. */
#ifndef TD_NN_BALL_H
#define TD_NN_BALL_H

#include "base/random.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All changes with an L∞ or L2 norm of at most `radius`, in pixel values. */
typedef struct td_ball {
    float radius;
    bool l2;
} td_ball;

/* The direction in the logits, [classes] both, that makes class `to` likelier: the gradient of its
 * log p, divided by 1 − p. Steps do not depend on the gradient's length, and the direction survives
 * a saturated softmax. Returns log p/(1 − p), the log odds. */
double td_toward_class(const float *logits, size_t classes, size_t to, float *gradient);

/* Projects x onto the ball around `clean` and onto 0–255. */
void td_ball_project(td_ball ball, const float *clean, size_t size, float *x);

/* A step of length `step` (negative: descent) along the gradient's signs or, for L2, along the
 * gradient, followed by td_ball_project. */
void td_ball_step(td_ball ball, const float *clean, const float *gradient, float step, size_t size,
                  float *x);

/* A uniform point in the ball. For L2: a uniform direction, and a radius r drawn with density
 * proportional to r^(size − 1). */
void td_ball_draw(td_ball ball, const float *clean, td_random random, size_t size, float *x);

/* Rounds x to whole numbers without leaving the ball: for L∞ the bound is rounded down, for L2 the
 * change shrinks until the rounded one is within. */
void td_ball_round(td_ball ball, const float *clean, const float *x, size_t size, uint8_t *out);

#endif
