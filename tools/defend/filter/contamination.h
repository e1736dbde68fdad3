/* SPDX-License-Identifier: MIT */
/* Two kinds of images under one label (Tang, Wang, Tang and Zhang, "Demon in the variant:
 * statistical analysis of DNNs for robust backdoor contamination detection", USENIX Security 2021,
 * section 5): an image's values are x = u + e, with u of its class, N(0, Su), and e its own, N(0,
 * Se) for all classes. Both covariances are estimated from clean images. A class is contaminated
 * if, by the likelihood ratio, its images are likelier to have two u than one. */
#ifndef TOOLS_DEFEND_FILTER_CONTAMINATION_H
#define TOOLS_DEFEND_FILTER_CONTAMINATION_H

#include "base/arena.h"
#include "base/error.h"
#include <stddef.h>
#include <stdint.h>

/* Coordinates in which Se is I and Su diagonal. */
typedef struct contamination {
    size_t values, dimensions;
    double *mean;   /* [values] */
    double *map;    /* [dimensions, values] */
    double *spread; /* [dimensions]: Su */
} contamination;

/* Estimates from clean values [count, values], sorted by class; `begins[classes + 1]` are the
 * classes' offsets; each class in use has at least two images. Directions along which no class
 * varies (below 1e-9 of the largest variance), which exist if there are fewer images than values,
 * are left out, because Se has no inverse there. TD_ERR_NUMERIC if no class varies at all. In
 * `arena`. */
td_status contamination_fit(contamination *c, const float *clean, const size_t *begins,
                            size_t classes, size_t values, td_arena *arena,
                            td_error *error) TD_MUST_USE;

/* Transforms rows [count, values] to points[count, dimensions]. Parallel. */
void contamination_place(const contamination *c, const float *rows, size_t count, double *points);

/* J of points split by member[], 0 or 1: twice the log of the likelihood ratio of two u against
 * one, divided by `count`, with the posterior mean Su (n Su + Se)^-1 Σ x for each u; 0 if all are
 * of one kind. scratch[3, dimensions]. */
double contamination_statistic(const contamination *c, const double *points, const uint8_t *member,
                               size_t count, double *scratch);

#endif
