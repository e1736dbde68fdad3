/* SPDX-License-Identifier: MIT */
/* The step of sharpness-aware fine-tuning. Zhu et al., "Enhancing fine-tuning based backdoor
 * defense with sharpness-aware minimization", ICCV 2023. */
#ifndef TOOLS_DEFEND_REPAIR_FT_SAM_H
#define TOOLS_DEFEND_REPAIR_FT_SAM_H

#include "nn/train.h"

/* State besides the batch. */
typedef struct sam_state {
    double rho;
    float *first; /* [weight_count]: the gradient at the weights */
    float *kept;  /* the weights themselves */
} sam_state;

/* Allocated in `arena`. */
td_status sam_open(sam_state *state, size_t weights, double rho, td_arena *arena,
                   td_error *error) TD_MUST_USE;

/* Moves the trainable weights in the direction in which the loss rises fastest, adaptively (Kwon et
 * al. 2021; its T_w = |w|): w += rho · w² · g / ‖ |w| · g ‖₂, the norm being over all of them. */
void sam_perturb(const td_net *net, double rho, const float *gradient, float *weights);

/* A td_train_learn with a sam_state as context: the gradient at the perturbed weights; the loss and
 * the batch's statistics at the original weights. */
td_status sam_learn(void *context, td_train_batch *batch, td_loss *loss,
                    td_error *error) TD_MUST_USE;

#endif
