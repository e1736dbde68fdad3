/* SPDX-License-Identifier: MIT */
/* What a net is fed with, as people say it, as nodes of the net. */
#ifndef TOOLS_MODEL_INPUT_H
#define TOOLS_MODEL_INPUT_H

#include "base/key.h"
#include "nn/net.h"

/* The ranges of pixels that nets are trained on, the words of --input-range. */
typedef enum input_range { INPUT_UNIT, INPUT_BYTES, INPUT_SIGNED } input_range;
extern const char *const input_ranges[];

/* Reads "mean=R/G/B,std=R/G/B", one number or one a channel each, into mean and deviation of raw
 * pixels. NULL is a mean of 0 and a deviation of 1. TD_ERR_USAGE for another text. */
td_status input_read(const char *text, input_range range, td_setting *mean, td_setting *deviation,
                     td_error *error) TD_MUST_USE;

/* Puts a normalise behind the image of *net, in place of a scale that is there. Parameters keep
 * their names and places. TD_ERR_USAGE for a net that has one. */
td_status input_normalise(td_net *net, const td_setting *mean, const td_setting *deviation,
                          td_error *error) TD_MUST_USE;

/* The net takes images of the height and width of `from`, and resizes them first, as torchvision's
 * Resize does, to its own size, which `to` is. TD_ERR_USAGE where it is not. */
td_status input_resize(td_net *net, const size_t *to, td_shape from, td_error *error) TD_MUST_USE;

/* Turns round the channels that the first convolutions expect: of a net that was trained on BGR
 * comes one for RGB. TD_ERR_USAGE where the image goes elsewhere than to convolutions. */
td_status input_turn_channels(const td_net *net, float *weights, td_error *error) TD_MUST_USE;

#endif
