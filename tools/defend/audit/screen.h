/* SPDX-License-Identifier: MIT */
/* What a run of trapdoor-defend screen found, read from its record. */
#ifndef TOOLS_DEFEND_AUDIT_SCREEN_H
#define TOOLS_DEFEND_AUDIT_SCREEN_H

#include "frame/settings.h"

enum { SCREENED_MOST = 16 }; /* screens */

typedef struct screened {
    bool judged, calibrated, flagged; /* judged: there were controls */
    double p, level;
    size_t controls, as_high;
    size_t class, source; /* of what stands out; TOOL_NO_COUNT: it is about none */
    const char *why, *subject, *screen, *recipes, *of; /* of: "lenet5 on mnist" */
    bool shipped;                                      /* the controls come with the program */
    double joint, seconds;
    size_t count; /* screens, in the order of the methods */
    struct screened_by {
        const char *method;
        double score, p; /* by it alone */
        bool joint;      /* whether it is part of the joint score */
    } by[SCREENED_MOST];
} screened;

extern const tool_family screens;

#endif
