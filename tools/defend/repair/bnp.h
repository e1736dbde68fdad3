/* SPDX-License-Identifier: MIT */
/* BNP's score of a channel. */
#ifndef TOOLS_DEFEND_REPAIR_BNP_H
#define TOOLS_DEFEND_REPAIR_BNP_H

#include "defend/repair/norms.h"
#include "defend/repair/repair.h"

typedef struct bnp_moments {
    double mean, variance; /* variance: above 0 */
} bnp_moments;

/* The Kullback–Leibler divergence of a normal distribution from another, in nats (Zheng et al. 2022
 * b, section 4): ln(sqrt(v'/v)) + (v + (m − m')²) / (2 v') − 1/2, at least 0. */
double bnp_divergence(bnp_moments of, bnp_moments from);

/* divergences[norms->channels]: between the statistics of each norm's input on the images and its
 * running statistics, with its epsilon added to both variances. TD_ERR_INTERRUPTED. */
td_status bnp_divergences(tool_run *run, const td_net *net, const float *weights,
                          const repair_norms *norms, const td_images *images, double *divergences,
                          td_error *error) TD_MUST_USE;

#endif
