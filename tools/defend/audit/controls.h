/* One run of an inspector over models of which it is known whether they have a backdoor, and its
 * parts: the command line (controls_options.c), the models and the truth about them
 * (controls_models.c), one after another (controls.c), what is told (controls_report.c). The truth
 * judges what was found; nothing of it reaches the inspector. */
#ifndef TOOLS_DEFEND_AUDIT_CONTROLS_H
#define TOOLS_DEFEND_AUDIT_CONTROLS_H

#include "frame/progress.h"
#include "frame/record.h"
#include "defend/audit/inspected.h"
#include "defend/audit/run_folder.h"
#include "defend/audit/step.h"

enum { CONTROLS_MOST_MODELS = 10000 };

extern const char controls_name[]; /* of the record in -o: "controls.json" */

typedef struct controls_options {
    tool_common common;
    const tool_method *inspector;
    const char *models;                    /* the folder */
    const char *arguments[STEP_ARGUMENTS]; /* the inspector's */
    size_t argument_count;
} controls_options;

/* Parses the command line; exits with 2 on a wrong one. */
void controls_options_parse(controls_options *options, int argc, char **argv);

/* What was asked, for the record; NULL when out of memory. */
json_t *controls_options_json(const controls_options *options);

typedef struct control {
    const char *name, *path; /* "clean/first"; the file */
    bool backdoored;
    const char *manifest; /* or NULL */
    size_t *infected;     /* labels that a trigger leads to, ascending; none where unknown */
    size_t infected_count;
    step step;
    inspected found;
    const char *failed; /* why there is no record, or NULL */
} control;

typedef struct controls_job {
    const controls_options *options;
    control *models; /* the clean ones first, by name */
    size_t count;
    step_run run;
    run_folder folder;
    size_t done; /* models, with those that failed */
    tool_record record;
    tool_progress progress;
    td_arena arena;
} controls_job;

/* Lists the models and reads the manifests; notes both in the record. TD_ERR_USAGE where there is
 * no model. On failure, too, the caller frees the steps. */
td_status controls_models(controls_job *job, td_error *error) TD_MUST_USE;

/* Whether a label is one that a trigger leads to. */
bool control_is_infected(const control *model, size_t label);

/* How many of the flagged labels are not infected. */
size_t control_count_wrong(const control *model);

/* Prints the head of the table, and a model's line. */
void controls_print_head(const controls_job *job);
void controls_print_model(const controls_job *job, const control *model);

/* Puts all into the record, and prints what comes below the table unless the record goes to stdout.
 */
td_status controls_tell(controls_job *job, td_error *error) TD_MUST_USE;

/* Whether results go to stdout: not where the record does. */
bool controls_prints(const controls_job *job);

#endif
