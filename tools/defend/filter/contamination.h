/* SPDX-License-Identifier: MIT */
/* Two kinds of images under one label (Tang, Wang, Tang and Zhang, "Demon in the variant:
 * statistical analysis of DNNs for robust backdoor contamination detection", USENIX Security 2021,
 * section 5): an image's values are x = u + e, u of its class, N(0, Su), and e its own, N(0, Se),
 * the same for all classes. Both covariances are learned from clean images; where the images of a
 * class are likelier to be of two u than of one, by their likelihood ratio, the class is
 * contaminated. */
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

/* Learns from clean values [count, values], in order of their classes, of which `begins[classes +
 * 1]` says where each begins; each that is used has two images. Directions along which no class
 * varies (below 1e-9 of the largest variance), as there are where images are fewer than values, are
 * left out: Se has no inverse there. TD_ERR_NUMERIC where no class varies at all. In `arena`. */
td_status contamination_fit(contamination *c, const float *clean, const size_t *begins,
                            size_t classes, size_t values, td_arena *arena,
                            td_error *error) TD_MUST_USE;

/* points[count, dimensions] of rows [count, values]. Parallel. */
void contamination_place(const contamination *c, const float *rows, size_t count, double *points);

/* J of points divided by member[], 0 or 1: twice the log of the likelihood ratio of two u against
 * one, divided by `count`, each u being its posterior mean Su (n Su + Se)^-1 Σ x; 0 where all are
 * of one kind. scratch[3, dimensions]. */
double contamination_statistic(const contamination *c, const double *points, const uint8_t *member,
                               size_t count, double *scratch);

#endif
