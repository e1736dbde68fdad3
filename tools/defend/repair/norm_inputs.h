/* SPDX-License-Identifier: MIT */
/* The inputs of batch norms for images that pass through the net in inference mode. */
#ifndef TOOLS_DEFEND_REPAIR_NORM_INPUTS_H
#define TOOLS_DEFEND_REPAIR_NORM_INPUTS_H

#include "data/images.h"
#include "defend/repair/norms.h"
#include "frame/run.h"

/* The inputs of one norm for some images: value p of channel c of image i is
 * values[i · stride + c · positions + p]. */
typedef struct norm_values {
    size_t norm; /* its index among the norms */
    const float *values;
    size_t stride, positions;
    size_t first, count; /* images [first, first + count) of all */
} norm_values;

/* Receives the values; those of a norm arrive in image order. */
typedef void (*norm_watch)(void *context, const norm_values *values);

/* Runs all images with a progress line, in one pass per group of norms whose inputs fit in memory.
 * `count` >= 1 images. TD_ERR_INTERRUPTED. */
td_status norm_inputs(tool_run *run, const td_net *net, const float *weights,
                      const repair_norms *norms, const td_images *images, norm_watch watch,
                      void *context, td_error *error) TD_MUST_USE;

#endif
