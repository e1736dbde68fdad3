/* SPDX-License-Identifier: MIT */
/* What numbers of a model mean beside the same numbers of clean models: how far each stands out,
 * and how many clean models stand out as far.
 *
 * A screen is one way of looking, with a value for each unit (a class, a pair of classes, a map);
 * large ones are suspicious. With n clean models, the controls, and the audited one:
 *   1. of each model, a screen's values less their own median over the units, where there are
 *      several: another recipe of training moves all of them alike;
 *   2. of each unit, z = (x − mean of the other models) / sd of the other models, where sd² is half
 *      the unit's own variance and half the mean of all units', as few models tell little of one;
 *   3. the screen's score of a model is its largest z, standardised over the models in the same
 *      way, in [−8, 8]; the joint score is the largest of the screens';
 *   4. p = (1 + controls whose joint score is at least the audited one's) / (n + 1).
 * All of it treats the audited model as it does each control. So if it is clean, and trained as the
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
    double z;       /* that z */
} calibration_screen;

typedef struct calibration {
    calibration_screen *screens;
    size_t screen_count, controls; /* models: controls + 1 */
    double *joint;                 /* [models]; set by calibrate */
    size_t carried;                /* the screen of the audited model's joint score */
    size_t as_high;                /* controls whose joint score is at least the audited one's */
    double p;
} calibration;

/* Fewest controls: with fewer, a standard deviation says nothing. */
enum { CALIBRATION_LEAST = 3 };

/* Judges; the caller gives all arrays. All screens are scored, the first `joint` of them make the
 * joint score. TD_ERR_MEMORY. */
td_status calibrate(calibration *c, size_t joint, td_error *error) TD_MUST_USE;

#endif
