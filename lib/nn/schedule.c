/* SPDX-License-Identifier: MIT */
#include "nn/schedule.h"

#include <math.h>
#include <string.h>

static double constant(double progress) {
    (void)progress;
    return 1;
}

static double step(double progress) {
    return progress < 0.5 ? 1 : progress < 0.75 ? 0.1 : 0.01;
}

static double cosine(double progress) {
    return 0.5 * (1 + cos(3.141592653589793 * progress));
}

const td_schedule td_schedules[] = {
    {"constant", constant}, {"step", step}, {"cosine", cosine}, {0}};

const td_schedule *td_schedule_find(const char *name) {
    for (const td_schedule *s = td_schedules; s->name; s++)
        if (strcmp(s->name, name) == 0)
            return s;
    return NULL;
}
