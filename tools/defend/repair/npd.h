/* SPDX-License-Identifier: MIT */
/* Neural polarizer defence: the plug-in, and the loss of a perturbed image. Zhu et al., "Neural
 * polarizer: a lightweight and effective backdoor defense via purifying poisoned features", NeurIPS
 * 2023. */
#ifndef TOOLS_DEFEND_REPAIR_NPD_H
#define TOOLS_DEFEND_REPAIR_NPD_H

#include "data/images.h"
#include "nn/net.h"

/* The convolution before which to insert the plug-in: `name` or, if that is NULL, the last but one
 * with a kernel above 1×1 (of two, the last). TD_ERR_USAGE if the node is not a convolution, and
 * for a net with fewer than two. */
td_status npd_find(const td_net *net, const char *name, size_t *node, td_error *error) TD_MUST_USE;

/* A copy of the net with nodes NODE_plug, a 1×1 convolution, and NODE_plug_norm, a batch norm,
 * between the convolution `node` and its input, and its weights. The convolution is the identity;
 * the norm's running statistics are the mean and variance of its input over `images`, and its scale
 * and shift undo them, so that the logits do not change. Only the plug-in's parameters are
 * trainable. The caller frees *out; *out_weights are in `arena`. On failure *out is zeroed. */
td_status npd_insert(const td_net *net, const float *weights, size_t node, const td_images *images,
                     td_arena *arena, td_net *out, float **out_weights,
                     td_error *error) TD_MUST_USE;

typedef struct npd_weights {
    double keep, others, target; /* lambda 1, 2, 3 */
} npd_weights;

/* The class with the largest logit except `label`; classes >= 2. */
int32_t npd_rival(const float *logits, int32_t label, size_t classes);

/* The loss of an image perturbed towards `target`: keep · CE(own) − others · ln(1.0001 − p_rival) −
 * target · ln(1.0001 − p_target), with `own` the net's answer for the unperturbed image. Writes
 * `share` times its gradient. */
double npd_loss(const npd_weights *weights, const float *logits, int32_t label, int32_t own,
                int32_t target, size_t classes, double share, float *gradient);

#endif
