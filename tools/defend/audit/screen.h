/* SPDX-License-Identifier: MIT */
/* The result of a run of trapdoor-defend screen, read from its record. */
#ifndef TOOLS_DEFEND_AUDIT_SCREEN_H
#define TOOLS_DEFEND_AUDIT_SCREEN_H

#include "frame/settings.h"

enum { SCREENED_MOST = 16 }; /* screens */

typedef struct screened {
    bool judged, calibrated, flagged; /* judged: controls were available */
    double p, level;
    size_t controls, as_high;
    size_t class, source; /* of the most conspicuous subject; TOOL_NO_COUNT: no particular class */
    const char *why, *subject, *screen, *recipes, *of; /* of: "lenet5 on mnist" */
    bool shipped;                                      /* the controls ship with the program */
    double joint, seconds;
    size_t count; /* number of screens, in the order of the methods */
    struct screened_by {
        const char *method;
        double score, p; /* by this screen alone */
        bool joint;      /* it is part of the joint score */
    } by[SCREENED_MOST];
} screened;

extern const tool_family screens;

#endif
