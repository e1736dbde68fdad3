/* SPDX-License-Identifier: MIT */
/* The images' coordinates along the principal directions of their class, from the model's values at
 * a hidden layer, which are computed block by block. */
#ifndef TOOLS_DEFEND_FILTER_FILTER_FEATURES_H
#define TOOLS_DEFEND_FILTER_FILTER_FEATURES_H

#include "defend/filter/filter_values.h"
#include "defend/filter/moments.h"

enum {
    FILTER_MOST_FEATURES = 4096,  /* most values per image: their covariance is held in memory */
    FILTER_KEPT_BYTES = 256 << 20 /* memory for a class's values; those beyond are computed twice */
};

typedef struct filter_features {
    const filter_job *job;
    filter_values values;
    size_t dimensions;   /* number of reduced values per image */
    float *kept, *block; /* [kept_images, values.count], [MOMENTS_ROWS, values.count] */
    size_t kept_images;  /* capacity; a multiple of MOMENTS_ROWS, at least the number of values */
    size_t kept_count;   /* images of the class in `kept`, from its first on */
    moments moments;
    double *mean, *covariance, *axes; /* [n], [n, n], [dimensions, n] of n values */
    double *positions, *variances;    /* of a class */
    size_t done;                      /* images */
} filter_features;

/* Cuts the net and allocates memory. The caller closes it, on failure too. */
td_status filter_features_open(filter_features *features, const filter_job *job,
                               td_error *error) TD_MUST_USE;
void filter_features_close(filter_features *features);

/* Sets the group's positions, variances and variance, which are valid until the next call. */
td_status filter_features_take(filter_features *features, const filter_class *of,
                               filter_group *group, td_error *error) TD_MUST_USE;

#endif
