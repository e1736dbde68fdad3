/* SPDX-License-Identifier: MIT */
/* Many models, each screened as a step (step.h) of one run: what scan and configure work with. */
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
    const char *clean, *controls; /* as --clean and --controls */
    bool known;
    model_screening *list;
    size_t count, done;
} model_screenings;

/* Makes room for `most` models. */
td_status model_screenings_open(model_screenings *m, size_t most, td_error *error) TD_MUST_USE;

/* Adds the model FOLDER/FILE, and looks whether it was screened; its name is KIND/STEM, or STEM
 * where `kind` is NULL. The caller closes all, on failure, too. */
td_status model_screenings_add(model_screenings *m, const char *folder, const char *file,
                               const char *kind, td_error *error) TD_MUST_USE;

/* Screens those that were not. A model that fails is no failure. TD_ERR_INTERRUPTED. */
td_status model_screenings_run(model_screenings *m, td_error *error) TD_MUST_USE;

/* What was found; NULL for a model that failed. */
const screened *model_screening_found(const model_screening *of);

/* Notes in the run whether one failed, and frees all. */
void model_screenings_close(model_screenings *m);

#endif
