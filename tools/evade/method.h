/* A method of making adversarial examples: one file that defines one evade_method, and one row of
 * the table in methods.c. Images are raw pixels, 0–255, as the net takes them; distances that a
 * user gives or is told are in units of the pixel range, 0–1. */
#ifndef TOOLS_EVADE_METHOD_H
#define TOOLS_EVADE_METHOD_H

#include "base/error.h"
#include "evade/batch.h"
#include <stdbool.h>
#include <stddef.h>

/* The default of a setting; NAN where `complete` chooses it. */
typedef struct evade_default {
    bool taken; /* whether the method has the setting at all */
    double value;
} evade_default;

/* What an image may be sent to. */
enum {
    EVADE_ANYWHERE = 1,      /* none: any class but its own */
    EVADE_TO_CLASS = 2,      /* one class */
    EVADE_TO_NEXT = 4,       /* the class after its own, the first after the last */
    EVADE_TO_LEAST = 8,      /* the class that the model finds least likely */
    EVADE_TO_ALL = 16,       /* every other class in turn */
    EVADE_TO_ANY_GIVEN = 30, /* all of these but none */
};

typedef struct evade_method {
    const char *name, *doc;
    evade_default settings[EVADE_SETTINGS];
    void (*complete)(double *settings); /* may be NULL */
    unsigned targets;                   /* kinds that it takes, EVADE_ANYWHERE and so on */
    unsigned target;                    /* the one by default */
    bool gradients;                     /* whether it asks for any */
    size_t at_once; /* images in a batch, up to EVADE_BATCH; 1 where one fills the net alone */
    /* Changes batch->out, which holds the clean images at first, to the best that it finds. */
    td_status (*attack)(evade_batch *batch, td_error *error);
} evade_method;

extern const evade_method evade_fgsm, evade_bim, evade_pgd, evade_deepfool, evade_cw_l2,
    evade_cw_l0, evade_cw_linf, evade_jsma, evade_one_pixel;

extern const evade_method *const evade_methods[]; /* ends with NULL */

#endif
