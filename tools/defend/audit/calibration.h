/* SPDX-License-Identifier: MIT */
/* Calibrates a model's numbers against those of clean models: how far each stands out, and how many
 * clean models stand out as far.
 *
 * A screen gives a value for each unit (a class, a pair of classes, a map); large values are
 * suspicious. With n clean models, the controls, and the audited one:
 *   1. from each model's values of a screen subtract their median over the units, if there are
 *      several: another training recipe shifts all of them alike;
 *   2. for each unit, z = (x − mean of the other models) / sd of the other models, where sd² is
 *      half the unit's own variance and half the mean over all units, since a few models estimate
 *      one variance poorly;
 *   3. the screen's score of a model is its largest z, standardised over the models in the same
 *      way, in [−8, 8]; the joint score is the largest over the screens;
 *   4. p = (1 + controls whose joint score is at least the audited one's) / (n + 1).
 * The audited model is treated exactly like each control. So if it is clean, and trained as the
 * controls were, its rank among them is uniform: P(p <= a) <= a, whatever the screens are
 * (conformal prediction: Vovk, Gammerman and Shafer, "Algorithmic learning in a random world",
 * 2005). */
#ifndef TOOLS_DEFEND_AUDIT_CALIBRATION_H
#define TOOLS_DEFEND_AUDIT_CALIBRATION_H

#include "base/error.h"
#include <stddef.h>

typedef struct calibration_screen {
    size_t units;
    double *values; /* [models, units], finite, the audited model last; centred by calibrate */
    double *scores; /* [models]: step 3; set by calibrate */
    size_t unit;    /* of the audited model's largest z; set by calibrate */
    double z;       /* the value of that z */
} calibration_screen;

typedef struct calibration {
    calibration_screen *screens;
    size_t screen_count, controls; /* models: controls + 1 */
    double *joint;                 /* [models]; set by calibrate */
    size_t carried;                /* the screen that gives the audited model's joint score */
    size_t as_high;                /* controls whose joint score is at least the audited one's */
    double p;
} calibration;

/* Fewest controls: fewer give no useful standard deviation. */
enum { CALIBRATION_LEAST = 3 };

/* Computes all scores; the caller provides all arrays. All screens are scored; the first `joint` of
 * them form the joint score. TD_ERR_MEMORY. */
td_status calibrate(calibration *c, size_t joint, td_error *error) TD_MUST_USE;

#endif
