/* SPDX-License-Identifier: MIT */
/* Ratings of a defence by what it changes: in [0, 1], 0.5 for no change. */
#ifndef TD_MEASURE_RATINGS_H
#define TD_MEASURE_RATINGS_H

/* Defence effectiveness rating (Zhu et al. 2023; BackdoorBench):
 * (max(0, fall of the ASR) − max(0, fall of the accuracy) + 1) / 2. */
double td_der(double accuracy_before, double accuracy_after, double asr_before, double asr_after);

/* Robustness improvement rating (the same): (max(0, rise of the RA) − max(0, fall of the accuracy)
 * + 1) / 2. */
double td_rir(double accuracy_before, double accuracy_after, double ra_before, double ra_after);

#endif
