/* One run of an inspector over models of which it is known whether they have a backdoor, and its
 * parts: the models and the truth about them (controls_models.c), one after another (controls.c),
 * the tables (controls_report.c). The truth judges what was found; nothing of it reaches the
 * inspector. */
#ifndef TOOLS_DEFEND_AUDIT_CONTROLS_H
#define TOOLS_DEFEND_AUDIT_CONTROLS_H

#include "defend/audit/step.h"
#include "defend/inspect/findings.h"

enum { CONTROLS_MOST_MODELS = 10000 };

typedef struct controls_settings {
    const char *models; /* the folder */
} controls_settings;

typedef struct control {
    const char *name, *path; /* "clean/first"; the file */
    bool backdoored;
    const char *manifest; /* or NULL */
    double *infected; /* labels that a trigger leads to, ascending; none where unknown; NULL for a
                         clean model */
    size_t infected_count;
    step step;
} control;

typedef struct controls_job {
    tool_run *run;
    const controls_settings *settings;
    const tool_settings *inspector; /* its method, and the options that are given */
    control *models;                /* the clean ones first, by name */
    size_t count;
    steps all;
    size_t done; /* models, with those that failed */
} controls_job;

/* Lists the models and reads the manifests; notes both in the record. TD_ERR_USAGE where there is
 * no model. On failure, too, the caller closes the steps. */
td_status controls_models(controls_job *job, td_error *error) TD_MUST_USE;

/* Whether a label is one that a trigger leads to. */
bool control_is_infected(const control *model, size_t label);

/* What was found; NULL for a model that failed. */
const findings *control_found(const control *model);

/* Fills the tables. */
td_status controls_report(controls_job *job, td_error *error) TD_MUST_USE;

#endif
