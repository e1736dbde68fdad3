/* SPDX-License-Identifier: MIT */
/* Model inversion: images that a model takes for each of its classes, from the model alone
 * (Fredrikson, Jha and Ristenpart, CCS 2015, algorithm 1; DeepInspect, section 4.1, which uses them
 * in place of the training set).
 *
 * Each image is found by Adam on its pixels, kept within 0 and 255, against the cross-entropy to
 * its class and a prior, smoothness · Σ (difference of neighbours)² + darkness · Σ |pixel|, in
 * units of the pixel range. It starts from smooth noise of its own, and moves by up to two pixels
 * from step to step, so that what counts is what the model sees wherever it stands: an image that
 * only just crosses a decision boundary would be moved across the next one by anything. */
#ifndef TD_NN_INVERT_H
#define TD_NN_INVERT_H

#include "data/images.h"
#include "nn/net.h"
#include <stdbool.h>

typedef struct td_invert_settings {
    size_t per_class, steps; /* both at least 1 */
    double learning_rate;    /* in units of the pixel range */
    double smoothness, darkness;
    double confidence; /* which probability of its class counts as reached */
    uint64_t seed;
    /* Called after each step of a batch with the steps × images done so far; false stops with
     * TD_ERR_INTERRUPTED. NULL for neither. */
    bool (*advance)(void *context, size_t done);
    void *context;
} td_invert_settings;

extern const td_invert_settings td_invert_defaults;

typedef struct td_inverted {
    td_images images;   /* [classes · per_class], class by class; whole pixel values */
    double *confidence; /* [classes]: mean probability that the images have of their class */
    size_t *reached;    /* [classes]: images that have `settings->confidence` or more */
} td_inverted;

/* All in `arena`. TD_ERR_FORMAT for a net of images that are neither grey nor RGB; TD_ERR_NUMERIC
 * if the loss leaves the finite numbers. */
td_status td_invert(const td_net *net, const float *weights, const td_invert_settings *settings,
                    td_arena *arena, td_inverted *out, td_error *error) TD_MUST_USE;

#endif
