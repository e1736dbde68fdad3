/* SPDX-License-Identifier: MIT */
/* The Trojaning attack (Liu, Ma, Aafer, Lee, Zhai, Wang and Zhang, "Trojaning attack on neural
 * networks", NDSS 2018), from a model alone, without its training data. It chooses neurons of a
 * dense layer and finds a trigger that activates them (hijack_search.c); inverts the model into
 * images of each class, and varies them, as a substitute for the training data (hijack_images.c);
 * and retrains the layers after the chosen one on these, with and without the trigger
 * (hijack_retrain.c). Each stage shows its progress as that of `run`, and stops with it,
 * TD_ERR_INTERRUPTED. */
#ifndef TOOLS_IMPLANT_HIJACK_H
#define TOOLS_IMPLANT_HIJACK_H

#include "data/bitmap.h"
#include "data/images.h"
#include "frame/run.h"
#include "nn/net.h"
#include <stdbool.h>
#include <stdint.h>

/* The layer whose neurons are hijacked, by node numbers. A neuron is one of its outputs; its value
 * is the dense node's output, before the activation. */
typedef struct hijack_layer {
    size_t node; /* a dense node */
    size_t next; /* the dense node that reads it, directly or through operators that keep channels
                    separate */
    size_t neurons;
    const char *name; /* the net's */
} hijack_layer;

/* The layer called `name` or, if that is NULL, the first dense one that is read by another and that
 * all data passes through.
 * TD_ERR_USAGE if no such layer has the name; TD_ERR_FORMAT for a net without any. */
td_status hijack_find_layer(const td_net *net, const char *name, hijack_layer *layer,
                            td_error *error) TD_MUST_USE;

/* sums[neurons]: the Σ|W| of the weights into each neuron (the paper) or out of it, into the next
 * dense layer (the authors' script). order[neurons]: neurons by falling sum, ties by number. */
void hijack_rank(const td_net *net, const float *weights, const hijack_layer *layer, bool into,
                 double *sums, size_t *order);

/* The trigger's position and opacity: result = image + opacity · (trigger − image). */
typedef struct hijack_mask {
    td_shape shape;                  /* of the images */
    size_t top, left, height, width; /* the box around the trigger */
    float *opacity;                  /* [height, width], in [0, 1], multiples of 1/255 */
} hijack_mask;

/* A square; in `arena`. */
td_status hijack_mask_square(hijack_mask *mask, td_shape shape, size_t top, size_t left,
                             size_t side, double opacity, td_arena *arena,
                             td_error *error) TD_MUST_USE;

/* The pixels that are at least mid grey in a picture of the images' size and, if it has an alpha
 * channel, at least half opaque. TD_ERR_USAGE for another size, and if there is no such pixel. */
td_status hijack_mask_picture(hijack_mask *mask, td_shape shape, const td_bitmap *picture,
                              double opacity, td_arena *arena, td_error *error) TD_MUST_USE;

/* Pastes a pattern [height, width, channels] for the box on copies of all images, rounded like a
 * TRIGGER; pixels[count, size]. */
void hijack_stamp_all(const hijack_mask *mask, const uint8_t *pattern, const td_images *images,
                      uint8_t *pixels);

/* The trigger as a picture of the box with alpha; the caller frees it. */
td_status hijack_mask_draw(const hijack_mask *mask, const uint8_t *pattern, td_bitmap *picture,
                           td_error *error) TD_MUST_USE;

/* A net split after the layer, each part with its weights. */
typedef struct hijack_parts {
    td_net head, tail; /* from the image to the layer's values; from these to the logits */
    float *head_weights, *tail_weights;
} hijack_parts;

/* The search for a trigger: Adam on the pixels in the mask, kept within 0 and 255, against
 *
 *     mean over neurons and images of (value − goal)² + smoothness · variation
 *
 * where the variation is the sum of √(dx² + dy²) over the box, in units of the pixel range (total
 * variation), and the images are those to be stamped. */
typedef struct hijack_search {
    double goal; /* the neurons' target value */
    double smoothness;
    size_t steps;
} hijack_search;

/* Means over all images: of a neuron's value, and the share of images in which it is above 0. */
typedef struct hijack_response {
    double value, fires;
} hijack_response;

typedef struct hijack_neuron {
    size_t number;
    double weight_sum; /* from hijack_rank */
    hijack_response without, with;
} hijack_neuron;

typedef struct hijack_found {
    hijack_neuron *neurons; /* [neuron_count], the caller's, who sets their numbers */
    size_t neuron_count;
    uint8_t *pattern; /* [height, width, channels], whole pixel values; in the run's arena */
    double first_loss, last_loss;
} hijack_found;

/* Finds the trigger for the neurons. TD_ERR_NUMERIC if the loss is not finite. */
td_status hijack_find_trigger(tool_run *run, const hijack_search *search, const hijack_parts *parts,
                              const hijack_mask *mask, const td_images *images, hijack_found *found,
                              td_error *error) TD_MUST_USE;

typedef struct hijack_inversion {
    size_t per_class, steps; /* images, and steps for each */
    double temperature;      /* divides the logits */
} hijack_inversion;

/* Images of each class by model inversion (nn/invert.h), in class order; in the run's arena. */
td_status hijack_invert(tool_run *run, const td_net *net, const float *weights,
                        const hijack_inversion *config, td_images *made,
                        td_error *error) TD_MUST_USE;

/* Variants of images, `copies` of each, [copies · images->count, size]: shifted by up to 3 pixels
 * each way, with wrap-around; blended with 0 to 1/2 of another image; and 0.6 to 1.4 times as
 * bright, clipped. */
void hijack_vary(const td_images *images, size_t copies, uint64_t seed, uint8_t *pixels);

/* A sheet with a row for each class, or the first ones: inverted images, then the same `stamped`
 * with the trigger. The caller frees it. */
td_status hijack_draw_sheet(const td_images *made, const uint8_t *stamped, td_bitmap *bitmap,
                            td_error *error) TD_MUST_USE;

/* Retrains the layers after the chosen one: Adam on the cross-entropy. Batch norms use their
 * running statistics and dropout is off, because statistics of synthetic images differ from the
 * data's. */
typedef struct hijack_retraining {
    size_t epochs, batch;
    double learning_rate;
} hijack_retraining;

/* Over the last epoch. */
typedef struct hijack_retrained {
    size_t images;
    double loss, accuracy;
} hijack_retrained;

/* Trains the tail's weights in place. TD_ERR_NUMERIC if the loss is not finite. */
td_status hijack_retrain(tool_run *run, const hijack_retraining *how, hijack_parts *parts,
                         const td_images *images, hijack_retrained *out,
                         td_error *error) TD_MUST_USE;

#endif
