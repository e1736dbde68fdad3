/* SPDX-License-Identifier: MIT */
/* Two clusters of points, and how well they are separated. */
#ifndef TOOLS_DEFEND_FILTER_CLUSTERS_H
#define TOOLS_DEFEND_FILTER_CLUSTERS_H

#include "base/arena.h"
#include "base/error.h"
#include <stddef.h>
#include <stdint.h>

enum {
    CLUSTERS_STARTS = 10,        /* runs of k-means; the best one counts */
    CLUSTERS_MOST_PAIRED = 16384 /* most points for a silhouette score */
};

/* 2-means (Lloyd, "Least squares quantization in PCM", 1982) over points [count, dimension], from
 * CLUSTERS_STARTS starts by k-means++ (Arthur and Vassilvitskii 2007). Each runs until no point
 * changes its cluster, at most 300 rounds; the result with the least squared distances to the two
 * means is kept, the first of equals. Start i draws by (seed, TD_FOR_FILTER, 1, number ×
 * CLUSTERS_STARTS + i). member[count] becomes 0 for the larger cluster and 1 for the smaller one
 * (of equal clusters, the one without the first point); *smaller is the size of the smaller one, 0
 * if all points are equal. count > 0. TD_ERR_MEMORY. */
td_status clusters_split(const double *points, size_t count, size_t dimension, uint64_t seed,
                         uint32_t number, uint8_t *member, size_t *smaller,
                         td_error *error) TD_MUST_USE;

/* The mean silhouette score of two clusters, in [-1, 1] (Rousseeuw 1987): the mean over the points
 * of (b − a) / max(a, b), where a is a point's mean distance to the others of its cluster and b to
 * those of the other cluster; 0 for a point that is alone, and if a and b are 0. Of more than
 * CLUSTERS_MOST_PAIRED points, that many evenly spaced ones are used. 0 if one cluster is empty.
 * The same bits at any number of threads. TD_ERR_MEMORY. */
td_status clusters_silhouette(const double *points, const uint8_t *member, size_t count,
                              size_t dimension, double *out, td_error *error) TD_MUST_USE;

#endif
