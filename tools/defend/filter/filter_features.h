/* SPDX-License-Identifier: MIT */
/* Where the images lie along the principal directions of their class, by the model's values at a
 * hidden layer, which are taken block by block. */
#ifndef TOOLS_DEFEND_FILTER_FILTER_FEATURES_H
#define TOOLS_DEFEND_FILTER_FILTER_FEATURES_H

#include "defend/filter/filter_values.h"
#include "defend/filter/moments.h"

enum {
    FILTER_MOST_FEATURES = 4096,  /* values of an image: their covariance is held in memory */
    FILTER_KEPT_BYTES = 256 << 20 /* of a class's values; those beyond are computed twice */
};

typedef struct filter_features {
    const filter_job *job;
    filter_values values;
    size_t dimensions;   /* that the values of an image are reduced to */
    float *kept, *block; /* [kept_images, values.count], [MOMENTS_ROWS, values.count] */
    size_t kept_images;  /* room; a multiple of MOMENTS_ROWS, and as many as there are values */
    size_t kept_count;   /* images of the class whose values are there, from its first on */
    moments moments;
    double *mean, *covariance, *axes; /* [n], [n, n], [dimensions, n] of n values */
    double *positions, *variances;    /* of a class */
    size_t done;                      /* images */
} filter_features;

/* Cuts the net, and makes room. On failure, too, the caller closes it. */
td_status filter_features_open(filter_features *features, const filter_job *job,
                               td_error *error) TD_MUST_USE;
void filter_features_close(filter_features *features);

/* Sets the group's positions, variances and variance, which are valid until the next call. */
td_status filter_features_take(filter_features *features, const filter_class *of,
                               filter_group *group, td_error *error) TD_MUST_USE;

#endif
