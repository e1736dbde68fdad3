/* SPDX-License-Identifier: MIT */
/* Subnet replacement: Qi et al., "Towards practical deployment-stage backdoor
 * attack on deep neural networks", CVPR 2022. A net with the same layers, one or two channels wide,
 * is trained to detect the trigger and replaces channels of the model, which are disconnected from
 * the rest. The model is not trained. Its parts: choosing channels (sra_choose.c); the narrow net
 * and the graft (sra_graft.c); the method (sra.c). */
#ifndef TOOLS_IMPLANT_SRA_H
#define TOOLS_IMPLANT_SRA_H

#include "data/images.h"
#include "nn/net.h"

/* The model's net without its last layer, all layers `width` wide: its outputs replace values of
 * the model's last hidden layer. TD_ERR_FORMAT, naming the node, for a net that does not end in a
 * dense layer with a bias, or that has a layer no wider than the graft or an operator that mixes
 * channels in its own way. */
td_status sra_narrow(const td_net *net, size_t width, td_net *out, td_error *error) TD_MUST_USE;

/* The channels that the subnet replaces: of[node][width], ascending; NULL for a node whose channels
 * are the image's, all of which it reads, and for the last node. */
typedef struct sra_places {
    size_t width;
    size_t **of; /* [node_count] */
} sra_places;

/* The channels whose removal changes the loss on the images least, to first order; without images
 * (NULL), the first ones. The net is one that sra_narrow accepts. TD_ERR_FORMAT, naming the node,
 * if channels are added to the image's. In `arena`. */
td_status sra_choose(const td_net *net, const float *weights, const td_images *images, size_t width,
                     td_arena *arena, sra_places *out, td_error *error) TD_MUST_USE;

/* Inserts the narrow net into these channels of the model: weights to and from the other channels
 * become 0, and the last layer reads its values with weight `gamma` over their number for the
 * target, 0 for other classes; the target's bias is reduced by gamma × `clean`, their mean on clean
 * images. */
void sra_graft(const td_net *net, float *weights, const sra_places *places, const td_net *narrow,
               const float *narrow_weights, size_t target, double gamma, double clean);

#endif
