/* SPDX-License-Identifier: MIT */
/* Learning-rate schedules: a factor on the learning rate over the course of training. A new one is
 * a function and a row in schedule.c. */
#ifndef TD_NN_SCHEDULE_H
#define TD_NN_SCHEDULE_H

#include <stddef.h>

typedef struct td_schedule {
    const char *name;
    /* The factor at `progress` in [0, 1): the share of all steps already done. */
    double (*factor)(double progress);
} td_schedule;

/* constant: 1. step: a tenth after half of the steps, a hundredth after three quarters (He et al.
 * 2016). cosine: (1 + cos(π·progress))/2 (Loshchilov and Hutter 2017). */
extern const td_schedule td_schedules[]; /* ends with a row without a name */

/* NULL if there is none with that name. */
const td_schedule *td_schedule_find(const char *name);

#endif
