/* SPDX-License-Identifier: MIT */
/* Screens many models, each as a step (step.h) of one run; for scan and configure. */
#ifndef TOOLS_DEFEND_AUDIT_MODEL_SCREENINGS_H
#define TOOLS_DEFEND_AUDIT_MODEL_SCREENINGS_H

#include "defend/audit/screen.h"
#include "defend/audit/step.h"

enum { MODEL_SCREENINGS_MOST = 100000 };

typedef struct model_screening {
    const char *name; /* of its folder in -o: "clean/first" */
    step step;
} model_screening;

typedef struct model_screenings {
    steps all;
    const char *clean, *controls; /* as --clean and --controls, or NULL */
    bool known;
    model_screening *list;
    size_t count, done;
} model_screenings;

/* Allocates room for `most` models. */
td_status model_screenings_open(model_screenings *m, size_t most, td_error *error) TD_MUST_USE;

/* Adds the model FOLDER/FILE, and checks whether it is already screened; its name is KIND/STEM, or
 * STEM if `kind` is NULL. The caller closes all, on failure too. */
td_status model_screenings_add(model_screenings *m, const char *folder, const char *file,
                               const char *kind, td_error *error) TD_MUST_USE;

/* Screens the models that are not done. The failure of a model is not a failure of the run.
 * TD_ERR_INTERRUPTED. */
td_status model_screenings_run(model_screenings *m, td_error *error) TD_MUST_USE;

/* The result of a model; NULL if it failed. */
const screened *model_screening_found(const model_screening *of);

/* Records in the run whether a model failed, and frees all. */
void model_screenings_close(model_screenings *m);

#endif
