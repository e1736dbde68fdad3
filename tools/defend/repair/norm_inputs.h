/* SPDX-License-Identifier: MIT */
/* What batch norms take, of images that go through the net as they do at inference. */
#ifndef TOOLS_DEFEND_REPAIR_NORM_INPUTS_H
#define TOOLS_DEFEND_REPAIR_NORM_INPUTS_H

#include "data/images.h"
#include "defend/repair/norms.h"
#include "frame/run.h"

/* The inputs of one norm for some images: value p of channel c of image i is
 * values[i · stride + c · positions + p]. */
typedef struct norm_values {
    size_t norm; /* its place among the norms */
    const float *values;
    size_t stride, positions;
    size_t first, count; /* images [first, first + count) of all */
} norm_values;

/* Takes them; those of a norm come in the order of the images. */
typedef void (*norm_watch)(void *context, const norm_values *values);

/* Runs all images, in a pass for each group of norms whose inputs are small enough to be held, with
 * a progress line. `count` images are at least 1. TD_ERR_INTERRUPTED. */
td_status norm_inputs(tool_run *run, const td_net *net, const float *weights,
                      const repair_norms *norms, const td_images *images, norm_watch watch,
                      void *context, td_error *error) TD_MUST_USE;

#endif
