/* SPDX-License-Identifier: MIT */
/* The steps of ANP. */
#ifndef TOOLS_DEFEND_REPAIR_ANP_H
#define TOOLS_DEFEND_REPAIR_ANP_H

#include "defend/repair/masked.h"

typedef struct anp_options {
    double bound;      /* of the noises: the paper's epsilon */
    double share;      /* of the plain loss: the paper's alpha */
    size_t ascents;    /* noise steps per mask step */
    size_t iterations; /* mask steps */
} anp_options;

/* The noises and the gradients of a run. */
typedef struct anp_state {
    float *noise, *shift;       /* [channels]: on weights and biases, in [−bound, bound] */
    float *by_noise, *by_shift; /* [channels] */
    float *gradient;            /* [channels], of the masks */
} anp_state;

td_status anp_open(anp_state *state, size_t channels, td_arena *arena, td_error *error) TD_MUST_USE;

/* Draws the noises of a step from U(−bound, bound). */
void anp_draw(const masked *m, const anp_options *options, uint32_t step, anp_state *state);

/* Moves the noises by bound/ascents along the signs of the loss's gradient, clipped to the bounds.
 * *loss: before the step. */
td_status anp_ascend(masked *m, const anp_options *options, anp_state *state, td_loss *loss,
                     td_error *error) TD_MUST_USE;

/* One step of the masks on the current batch (Wu and Wang 2021, algorithm 1). *loss: the plain loss
 * before the step. */
td_status anp_step(masked *m, const anp_options *options, uint32_t step, anp_state *state,
                   td_loss *loss, td_error *error) TD_MUST_USE;

#endif
