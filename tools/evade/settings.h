/* The numbers that methods are set by: one table for the command line, --help and the record. */
#ifndef TOOLS_EVADE_SETTINGS_H
#define TOOLS_EVADE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum evade_setting {
    EVADE_NORM, /* 0: L∞; 1: L2 */
    EVADE_EPSILON,
    EVADE_STEPS,
    EVADE_STEP_SIZE,
    EVADE_CONFIDENCE,
    EVADE_ITERATIONS,
    EVADE_LEARNING_RATE,
    EVADE_CONSTANT,
    EVADE_BINARY_SEARCH,
    EVADE_OVERSHOOT,
    EVADE_THETA,
    EVADE_GAMMA,
    EVADE_PIXELS,
    EVADE_POPULATION,
    EVADE_GENERATIONS,
    EVADE_SETTINGS /* how many */
} evade_setting;

typedef struct evade_setting_row {
    const char *name, *argument, *doc;
    bool whole;         /* a whole number */
    double least, most; /* allowed; INFINITY: no upper limit */
    bool above;         /* `least` itself is not allowed */
} evade_setting_row;

extern const evade_setting_row evade_setting_rows[EVADE_SETTINGS];

/* The values of --norm, NULL-terminated. */
extern const char *const evade_norm_names[];

#endif
