/* SPDX-License-Identifier: MIT */
/* The steps of NFT. */
#ifndef TOOLS_DEFEND_REPAIR_NFT_H
#define TOOLS_DEFEND_REPAIR_NFT_H

#include "defend/repair/masked.h"

typedef struct nft_options {
    size_t iterations;
    double scale,
        decay; /* the lower bound of masks of norm l = 1, 2, ...: scale · exp(−decay · l) */
    double penalty; /* of the masks' distance from 1, over the images of a class */
    double last_lr; /* final value of the cosine schedule */
} nft_options;

/* Sets the lower bounds of all masks. */
void nft_bound(masked *m, const nft_options *options);

/* The learning rate of step `step` of the iterations, from 0. */
double nft_rate(const masked *m, const nft_options *options, size_t step);

/* One step on the current batch, mixed with a permutation of itself by a share λ drawn from U(0,
 * 1), which is Beta(1, 1); updates the running statistics. Buffers: [batch] of partners, [batch,
 * pixels] and [batch, classes] floats, [channels] of gradient. */
typedef struct nft_state {
    uint32_t *order, *partners;
    float *pixels, *soft, *gradient;
} nft_state;

td_status nft_open(nft_state *state, masked *m, td_error *error) TD_MUST_USE;
td_status nft_step(masked *m, const nft_options *options, size_t step, nft_state *state,
                   td_loss *loss, td_error *error) TD_MUST_USE;

#endif
