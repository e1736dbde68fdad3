/* SPDX-License-Identifier: MIT */
/* Runs an inspector over models that are known to be clean or backdoored, to measure its error
 * rates. The parts: the models and their ground truth (rates_models.c), the runs (rates.c), the
 * tables (rates_report.c). The ground truth only evaluates the findings; the inspector never sees
 * it. */
#ifndef TOOLS_DEFEND_AUDIT_RATES_H
#define TOOLS_DEFEND_AUDIT_RATES_H

#include "defend/audit/step.h"
#include "defend/inspect/findings.h"

enum { RATES_MOST_MODELS = 10000 };

typedef struct rates_settings {
    const char *models; /* the folder */
} rates_settings;

typedef struct rated_model {
    const char *name, *path; /* "clean/first"; the file */
    bool backdoored;
    const char *manifest; /* or NULL */
    double *infected; /* target labels of its triggers, ascending; none if unknown; NULL for a clean
                         model */
    size_t infected_count;
    step step;
} rated_model;

typedef struct rates_job {
    tool_run *run;
    const rates_settings *settings;
    const tool_settings *inspector; /* its method and options */
    rated_model *models;            /* the clean ones first, by name */
    size_t count;
    steps all;
    size_t done;                /* number of models run, including failed ones */
    td_crash_entry unwanted[2]; /* folders created here */
} rates_job;

/* Lists the models and reads the manifests; records both. TD_ERR_USAGE if there is no model. The
 * caller closes the steps, on failure too. */
td_status rates_models(rates_job *job, td_error *error) TD_MUST_USE;

/* Whether a label is the target of a trigger. */
bool rated_is_infected(const rated_model *model, size_t label);

/* The findings for a model; NULL if it failed. */
const findings *rated_found(const rated_model *model);

/* Fills the tables. */
td_status rates_report(rates_job *job, td_error *error) TD_MUST_USE;

#endif
