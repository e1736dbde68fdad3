/* SPDX-License-Identifier: MIT */
/* The values of images at a hidden layer of the model. */
#ifndef TOOLS_DEFEND_FILTER_FILTER_VALUES_H
#define TOOLS_DEFEND_FILTER_FILTER_VALUES_H

#include "defend/filter/filter.h"
#include "nn/exec.h"

enum { FILTER_BATCH = 128 /* batch size of the net */ };

typedef struct filter_values {
    const filter_job *job;
    const char *layer; /* as named by the user or the net */
    size_t count;      /* values per image */
    td_net part;       /* the net up to the layer */
    float *weights;
    td_exec *exec;
} filter_values;

/* Cuts the job's model after `layer`, NULL for the last hidden one. With `average` an image's
 * values are their means over positions, one per channel; otherwise all of them, channel by
 * channel. TD_ERR_USAGE for a missing layer, and, if none is named, for a net that does not end in
 * a dense layer. The caller closes it, on failure too. */
td_status filter_values_open(filter_values *values, const filter_job *job, const char *layer,
                             bool average, td_error *error) TD_MUST_USE;
void filter_values_close(filter_values *values); /* accepts a zeroed struct */

/* The values of images order[first ... first + count) of a set, out[count, values->count].
 * TD_ERR_NUMERIC, naming the image, unless they are finite. */
td_status filter_values_take(filter_values *values, const td_dataset *data, const uint32_t *order,
                             size_t first, size_t count, float *out, td_error *error) TD_MUST_USE;

#endif
