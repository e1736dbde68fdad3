/* SPDX-License-Identifier: MIT */
/* Model inversion: recovers images that a model assigns to each of its classes, from the model
 * alone (Fredrikson, Jha and Ristenpart, CCS 2015, algorithm 1; DeepInspect, section 4.1, which
 * uses them in place of the training set).
 *
 * Each image is found by Adam on its pixels, kept within 0 and 255, against the cross-entropy to
 * its class and a prior, smoothness · Σ (difference of neighbours)² + darkness · Σ |pixel|, in
 * units of the pixel range. It starts from its own smooth noise, and shifts by up to two pixels
 * between steps, so that the result does not depend on exact positions: an image that only just
 * crosses a decision boundary would be moved across the next one by any change. */
#ifndef TD_NN_INVERT_H
#define TD_NN_INVERT_H

#include "data/images.h"
#include "nn/net.h"
#include <stdbool.h>

typedef struct td_invert_settings {
    size_t per_class, steps; /* both at least 1 */
    double learning_rate;    /* in units of the pixel range */
    double smoothness, darkness;
    double confidence; /* the probability of its class at which an image counts as reached */
    uint64_t seed;
    /* Called after each step of a batch with the number of steps × images done; returning false
     * stops with TD_ERR_INTERRUPTED. May be NULL. */
    bool (*advance)(void *context, size_t done);
    void *context;
} td_invert_settings;

extern const td_invert_settings td_invert_defaults;

typedef struct td_inverted {
    td_images images;   /* [classes · per_class], class by class; whole pixel values */
    double *confidence; /* [classes]: mean probability of the class over its images */
    size_t *reached;    /* [classes]: images with at least `settings->confidence` */
} td_inverted;

/* All results are in `arena`. TD_ERR_FORMAT for a net whose images are neither grey nor RGB;
 * TD_ERR_NUMERIC if the loss is not finite. */
td_status td_invert(const td_net *net, const float *weights, const td_invert_settings *settings,
                    td_arena *arena, td_inverted *out, td_error *error) TD_MUST_USE;

#endif
