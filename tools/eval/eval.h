/* One run of trapdoor-eval. */
#ifndef TOOLS_EVAL_EVAL_H
#define TOOLS_EVAL_EVAL_H

#include "common/record.h"
#include "eval/options.h"
#include "trigger/trigger.h"

/* A trigger with the class it is meant to give. */
typedef struct eval_backdoor {
    td_trigger *trigger;
    size_t target;
} eval_backdoor;

/* All that one run holds. */
typedef struct eval_job {
    const eval_options *options;
    td_dataset data;
    eval_backdoor backdoors[EVAL_MOST_TRIGGERS];
    size_t backdoor_count;
    tool_record record;
} eval_job;

/* Measures all models and writes the record. */
td_status eval_run(const eval_options *options, td_error *error) TD_MUST_USE;

/* Adds the pairs of triggers and targets of a manifest to the job. */
td_status eval_manifest(eval_job *job, const char *path, td_error *error) TD_MUST_USE;

/* Adds one pair; target must be a class of the data. */
td_status eval_add_backdoor(eval_job *job, const char *trigger, size_t target,
                            td_error *error) TD_MUST_USE;

/* Measures one model, prints its results and sets *out to its entry of models[]. */
td_status eval_model(eval_job *job, const char *path, json_t **out, td_error *error) TD_MUST_USE;

#endif
