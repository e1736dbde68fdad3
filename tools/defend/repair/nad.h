/* SPDX-License-Identifier: MIT */
/* The parts of neural attention distillation. Li et al., "Neural attention distillation: erasing
 * backdoor triggers from deep neural networks", ICLR 2021. */
#ifndef TOOLS_DEFEND_REPAIR_NAD_H
#define TOOLS_DEFEND_REPAIR_NAD_H

#include "nn/net.h"

enum { NAD_STAGES = 3 };

/* Of one image: the attention of maps F [channels, positions] is A = S / (‖S‖₂ + 1e-6) with
 * S = Σ_c F_c² (the paper's A²_sum, equation 2 and its normalisation). Returns the mean over
 * positions of (A_student − A_teacher)² and writes `share` times its gradient by the student's maps
 * to `gradient`. A map of one position is all attention, whatever its value: exactly 0. `scratch`
 * has 3 · positions values. */
double nad_attention(const float *student, const float *teacher, size_t channels, size_t positions,
                     double share, float *gradient, double *scratch);

/* Whether node i is the output of a layer or of a block, `before` being the last one that was, or
 * 0: what follows a layer belongs to it, but for a pooling, and for the norm of a block that begins
 * by one. */
bool nad_ends_layer(const td_net *net, size_t i, size_t before);

/* Whether it is a convolution or a sum, with which another layer begins. */
bool nad_begins_layer(const td_net *net, size_t i);

/* The nodes whose attention is compared where the user names none: of each of the last NAD_STAGES
 * resolutions above 1×1 the last node of a layer that the rest of the net sees alone. *count <=
 * NAD_STAGES. TD_ERR_USAGE for a net without one. */
td_status nad_stages(const td_net *net, size_t nodes[NAD_STAGES], size_t *count,
                     td_error *error) TD_MUST_USE;

#endif
