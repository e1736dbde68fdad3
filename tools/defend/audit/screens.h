/* SPDX-License-Identifier: MIT */
/* Runs the quick inspectors on one model and collects the values that are compared with controls.
 * Every inspector that ranks its findings (FINDINGS_RANKED) is a screen. */
#ifndef TOOLS_DEFEND_AUDIT_SCREENS_H
#define TOOLS_DEFEND_AUDIT_SCREENS_H

#include "defend/inspect/inspect.h"

enum { SCREENS_MOST = 16 };

typedef struct screen {
    const tool_method *method;
    tool_settings settings;
    tool_run run; /* of this inspector; its arena holds the findings */
    findings found;
    double *values; /* [found.count], large ones are suspicious; in the run's arena */
} screen;

typedef struct screening {
    screen screens[SCREENS_MOST];
    size_t count;
    td_digest images; /* of the clean images (frame/identity.h) */
    td_rate accuracy; /* on all of them */
    double scale;     /* the mean margin of correctly classified images; 0 if there are none */
} screening;

/* Runs all screens on a model with their defaults and the run's seed; `model` is borrowed.
 * `pictures`: findings include their triggers. The caller closes *out, on failure too.
 * TD_ERR_INTERRUPTED. */
td_status screening_run(tool_run *run, const td_model *model, const td_dataset *clean,
                        bool pictures, screening *out, td_error *error) TD_MUST_USE;
void screening_close(screening *s);

#endif
