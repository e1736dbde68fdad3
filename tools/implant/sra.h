/* SPDX-License-Identifier: MIT */
/* Subnet replacement: Qi et al., "Towards practical deployment-stage backdoor
 * attack on deep neural networks", CVPR 2022. A net of the same layers, a channel or two wide, is
 * trained to answer the trigger alone, and takes the place of the model's first channels, which
 * then reach nothing else. The model is not trained. Its parts: the narrow net and the graft
 * (sra_graft.c); the method (sra.c). */
#ifndef TOOLS_IMPLANT_SRA_H
#define TOOLS_IMPLANT_SRA_H

#include "nn/net.h"

/* The model's net without its last layer, all layers `width` wide: its values are those of the
 * model's last hidden layer that the graft gives. TD_ERR_FORMAT, naming the node, for a net that
 * does not end in a dense layer with a bias, that has a layer no wider than the graft, or an
 * operator that mixes channels in a way of its own. */
td_status sra_narrow(const td_net *net, size_t width, td_net *out, td_error *error) TD_MUST_USE;

/* Puts the narrow net into the model's first channels: weights to and from the other channels
 * become 0, and the last layer reads its values, by `gamma` over their number for the target, 0 for
 * other classes; the target's bias falls by gamma × `clean`, their mean on clean images. */
void sra_graft(const td_net *net, float *weights, const td_net *narrow, const float *narrow_weights,
               size_t target, double gamma, double clean);

#endif
