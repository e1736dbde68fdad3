/* SPDX-License-Identifier: MIT */
/* Inference over many images. */
#ifndef TD_NN_PREDICT_H
#define TD_NN_PREDICT_H

#include "data/images.h"
#include "nn/net.h"

typedef struct td_predict_watch {
    /* Called after each batch, of 128 to 1,024 images, with the number of images done; returning
     * false stops with TD_ERR_INTERRUPTED. May be NULL. */
    bool (*batch_done)(void *context, size_t images);
    void *context;
} td_predict_watch;

/* The logits of all images, [count, classes], in `arena`. They are computed in chunks (exec.h);
 * another grouping (another range of the data) may differ in the last bits. */
td_status td_predict(const td_net *net, const float *weights, const td_images *images,
                     td_predict_watch watch, td_arena *arena, float **logits,
                     td_error *error) TD_MUST_USE;

#endif
