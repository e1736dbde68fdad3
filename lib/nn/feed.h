/* SPDX-License-Identifier: MIT */
/* Feeding images to an executor. */
#ifndef TD_NN_FEED_H
#define TD_NN_FEED_H

#include "data/augment.h"
#include "data/images.h"
#include "nn/net.h"

/* Copies `count` images as floats (raw, 0–255) to `out`: those in `order`, or if that is NULL,
 * images first, first + 1, ... Parallel. */
void td_feed(const td_images *images, const uint32_t *order, size_t first, size_t count,
             float *out);

/* The same with each image augmented for the epoch (NULL: none). An image's augmentation depends
 * only on its number in `images`, not on its place in the batch. */
void td_feed_augmented(const td_images *images, const uint32_t *order, size_t first, size_t count,
                       const td_augment_epoch *epoch, float *out);

/* TD_ERR_USAGE unless the net takes images of this size. */
td_status td_feed_check(const td_net *net, const td_images *images, td_error *error) TD_MUST_USE;

#endif
