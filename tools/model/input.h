/* SPDX-License-Identifier: MIT */
/* A user's description of a net's input, converted to nodes of the net. */
#ifndef TOOLS_MODEL_INPUT_H
#define TOOLS_MODEL_INPUT_H

#include "base/key.h"
#include "nn/net.h"

/* The pixel ranges on which nets are trained, the values of --input-range. */
typedef enum input_range { INPUT_UNIT, INPUT_BYTES, INPUT_SIGNED } input_range;
extern const char *const input_ranges[];

/* Parses "mean=R/G/B,std=R/G/B", one number or one per channel, into mean and deviation of raw
 * pixels. NULL is a mean of 0 and a deviation of 1. TD_ERR_USAGE for another text. */
td_status input_read(const char *text, input_range range, td_setting *mean, td_setting *deviation,
                     td_error *error) TD_MUST_USE;

/* Inserts a normalise after the image of *net, replacing an existing scale. Parameters keep their
 * names and offsets. TD_ERR_USAGE for a net that already has one. */
td_status input_normalise(td_net *net, const td_setting *mean, const td_setting *deviation,
                          td_error *error) TD_MUST_USE;

/* Makes the net take images of the height and width of `from` and resize them, like torchvision's
 * Resize, to its own size, which must be `to`, else TD_ERR_USAGE. */
td_status input_resize(td_net *net, const size_t *to, td_shape from, td_error *error) TD_MUST_USE;

/* Reverses the input channels of the first convolutions: a net trained on BGR becomes one for RGB.
 * TD_ERR_USAGE if the image also goes elsewhere. */
td_status input_turn_channels(const td_net *net, float *weights, td_error *error) TD_MUST_USE;

#endif
