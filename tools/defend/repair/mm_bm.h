/* SPDX-License-Identifier: MIT */
/* Bounds on activations. Wang et al., "MM-BD: post-training detection of backdoor attacks with
 * arbitrary backdoor pattern types using a maximum margin statistic", IEEE S&P 2024, section 5
 * (mitigation, MM-BM). */
#ifndef TOOLS_DEFEND_REPAIR_MM_BM_H
#define TOOLS_DEFEND_REPAIR_MM_BM_H

#include "nn/net.h"

enum { MMBM_LAYERS = 3 };

/* The default nodes to bound: the end of the first convolution's layer, and the ends of the first
 * stages, recognised by their resolutions; *count <= MMBM_LAYERS. TD_ERR_USAGE for a net without a
 * convolution. */
td_status mmbm_find(const td_net *net, size_t nodes[MMBM_LAYERS], size_t *count,
                    td_error *error) TD_MUST_USE;

/* A copy of the net with a node NODE_cap after each of nodes[count], read by all readers of that
 * node, and its weights, with all bounds `bound`; only the bounds are trainable. The caller frees
 * *out; *out_weights are in `arena`. On failure *out is zeroed. */
td_status mmbm_insert(const td_net *net, const float *weights, const size_t *nodes, size_t count,
                      double bound, td_arena *arena, td_net *out, float **out_weights,
                      td_error *error) TD_MUST_USE;

/* Sets the trainable bounds, those of mmbm_insert. */
void mmbm_bound(const td_net *net, float *weights, double bound);

/* c · Σ ‖z_l‖₂ over the trainable bounds; adds its gradient. */
double mmbm_penalty(const td_net *net, const float *weights, double c, float *gradient);

#endif
