/* SPDX-License-Identifier: MIT */
/* The parts of neural attention distillation. Li et al., "Neural attention distillation: erasing
 * backdoor triggers from deep neural networks", ICLR 2021. */
#ifndef TOOLS_DEFEND_REPAIR_NAD_H
#define TOOLS_DEFEND_REPAIR_NAD_H

#include "nn/net.h"

enum { NAD_STAGES = 3 };

/* Of one image: the attention of maps F [channels, positions] is A = S / (‖S‖₂ + 1e-6) with
 * S = Σ_c F_c² (the paper's A²_sum, equation 2 and its normalisation). Returns the mean over
 * positions of (A_student − A_teacher)² and writes `share` times its gradient with respect to the
 * student's maps to `gradient`. For maps with one position the result is exactly 0, whatever the
 * values. `scratch` has 3 · positions values. */
double nad_attention(const float *student, const float *teacher, size_t channels, size_t positions,
                     double share, float *gradient, double *scratch);

/* Whether node i is the output of a layer or block; `before` is the previous such node, or 0. Nodes
 * after a layer belong to it, except a pooling, and the norm of a block that begins with one. */
bool nad_ends_layer(const td_net *net, size_t i, size_t before);

/* Whether it is a convolution or a sum, which begins another layer. */
bool nad_begins_layer(const td_net *net, size_t i);

/* The default nodes for the attention loss: in each of the last NAD_STAGES resolutions above 1×1,
 * the last node of a layer at which the net splits. *count <= NAD_STAGES. TD_ERR_USAGE for a net
 * without one. */
td_status nad_stages(const td_net *net, size_t nodes[NAD_STAGES], size_t *count,
                     td_error *error) TD_MUST_USE;

#endif
