/* SPDX-License-Identifier: MIT */
/* What the model makes of images: their values at a hidden layer. */
#ifndef TOOLS_DEFEND_FILTER_FILTER_VALUES_H
#define TOOLS_DEFEND_FILTER_FILTER_VALUES_H

#include "defend/filter/filter.h"
#include "nn/exec.h"

enum { FILTER_BATCH = 128 /* images that the net takes at once */ };

typedef struct filter_values {
    const filter_job *job;
    const char *layer; /* as the user or the net calls it */
    size_t count;      /* values of an image there */
    td_net part;       /* up to the layer */
    float *weights;
    td_exec *exec;
} filter_values;

/* Cuts the job's model behind `layer`, NULL for the last hidden one. With `average` an image's
 * values are their means over positions, a number a channel; else all of them, channel by channel.
 * TD_ERR_USAGE for a layer that is not there, and for a net that does not end in a dense layer
 * where none is named. On failure, too, the caller closes it. */
td_status filter_values_open(filter_values *values, const filter_job *job, const char *layer,
                             bool average, td_error *error) TD_MUST_USE;
void filter_values_close(filter_values *values); /* takes a zeroed one as well */

/* The values of images order[first ... first + count) of a set, out[count, values->count].
 * TD_ERR_NUMERIC, naming the image, unless they are finite. */
td_status filter_values_take(filter_values *values, const td_dataset *data, const uint32_t *order,
                             size_t first, size_t count, float *out, td_error *error) TD_MUST_USE;

#endif
