/* SPDX-License-Identifier: MIT */
/* The parts of a step of feature shift tuning. Min et al., "Towards stable backdoor purification
 * through feature shift tuning", NeurIPS 2023, equation 2. */
#ifndef TOOLS_DEFEND_REPAIR_FST_H
#define TOOLS_DEFEND_REPAIR_FST_H

#include "nn/train.h"

typedef struct fst_state {
    const td_param *weight; /* of the classifier */
    float *original;        /* [weight->count]: its weights before the repair */
    double norm;            /* their Frobenius norm */
    double alpha;
} fst_state;

/* Finds the classifier's parameter: the weights of the dense layer that gives the logits.
 * TD_ERR_USAGE for a net that does not end in one, or whose classifier is all zero. Keeps a copy in
 * `arena`. */
td_status fst_open(fst_state *state, const td_net *net, const float *weights, double alpha,
                   td_arena *arena, td_error *error) TD_MUST_USE;

/* Reinitialises the classifier: weights and bias from U(±1/√inputs), like PyTorch's Linear. */
void fst_draw(const fst_state *state, const td_net *net, uint64_t seed, float *weights);

/* A td_train_learn: cross-entropy + alpha · ⟨W, W_original⟩; and the callback after a step: scales
 * W to the norm of W_original. The context is an fst_state. */
td_status fst_learn(void *context, td_train_batch *batch, td_loss *loss,
                    td_error *error) TD_MUST_USE;
void fst_stepped(void *context, const td_train_batch *batch);

#endif
