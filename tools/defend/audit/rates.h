/* SPDX-License-Identifier: MIT */
/* One run of an inspector over models of which it is known whether they have a backdoor, and its
 * parts: the models and the truth about them (rates_models.c), one after another (rates.c),
 * the tables (rates_report.c). The truth judges what was found; nothing of it reaches the
 * inspector. */
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
    double *infected; /* labels that a trigger leads to, ascending; none where unknown; NULL for a
                         clean model */
    size_t infected_count;
    step step;
} rated_model;

typedef struct rates_job {
    tool_run *run;
    const rates_settings *settings;
    const tool_settings *inspector; /* its method, and the options that are given */
    rated_model *models;            /* the clean ones first, by name */
    size_t count;
    steps all;
    size_t done;                /* models, with those that failed */
    td_crash_entry unwanted[2]; /* folders that were made here */
} rates_job;

/* Lists the models and reads the manifests; notes both in the record. TD_ERR_USAGE where there is
 * no model. On failure, too, the caller closes the steps. */
td_status rates_models(rates_job *job, td_error *error) TD_MUST_USE;

/* Whether a label is one that a trigger leads to. */
bool rated_is_infected(const rated_model *model, size_t label);

/* What was found; NULL for a model that failed. */
const findings *rated_found(const rated_model *model);

/* Fills the tables. */
td_status rates_report(rates_job *job, td_error *error) TD_MUST_USE;

#endif
