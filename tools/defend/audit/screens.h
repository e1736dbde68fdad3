/* SPDX-License-Identifier: MIT */
/* The quick inspectors over one model, and their numbers: what a model is compared with controls
 * by. Every inspector that ranks its findings (FINDINGS_RANKED) is a screen. */
#ifndef TOOLS_DEFEND_AUDIT_SCREENS_H
#define TOOLS_DEFEND_AUDIT_SCREENS_H

#include "defend/inspect/inspect.h"

enum { SCREENS_MOST = 16 };

typedef struct screen {
    const tool_method *method;
    tool_settings settings;
    tool_run run; /* of the inspector alone, whose arena holds what was found */
    findings found;
    double *values; /* [found.count], large ones are suspicious; in the run's arena */
} screen;

typedef struct screening {
    screen screens[SCREENS_MOST];
    size_t count;
    td_rate accuracy; /* on all the clean images */
    double scale;     /* the mean margin of those that are classified correctly; 0 where none is */
} screening;

/* Puts a model before all screens, at their defaults and by the seed of the run; `model` is
 * borrowed. `pictures`: findings get their triggers, all of them. The caller closes *out, on
 * failure, too. TD_ERR_INTERRUPTED. */
td_status screening_run(tool_run *run, const td_model *model, const td_dataset *clean,
                        bool pictures, screening *out, td_error *error) TD_MUST_USE;
void screening_close(screening *s);

#endif
