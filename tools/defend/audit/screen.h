/* What a run of trapdoor-defend screen found, read from its record. */
#ifndef TOOLS_DEFEND_AUDIT_SCREEN_H
#define TOOLS_DEFEND_AUDIT_SCREEN_H

#include "frame/settings.h"

typedef struct screened {
    bool judged, calibrated, flagged; /* judged: there were controls */
    double p, level;
    size_t controls, as_high;
    size_t class, source; /* of what stands out; TOOL_NO_COUNT: it is about none */
    const char *why, *subject, *screen, *recipes;
} screened;

extern const tool_family screens;

#endif
