/* One run of DeepInspect and its parts: the images inverted from the model (invert.h), the search
 * for triggers with a generator (trigger_search.h), what is told (deepinspect.c), and the patch
 * (deepinspect_patch.c). */
#ifndef TOOLS_DEFEND_INSPECT_DEEPINSPECT_H
#define TOOLS_DEFEND_INSPECT_DEEPINSPECT_H

#include "frame/progress.h"
#include "defend/inspect/old_inspect.h"
#include "defend/inspect/trigger_search.h"
#include "defend/repair/repair.h"
#include "defend/repair/tune.h"
#include "nn/invert.h"
#include "nn/model.h"

typedef struct deepinspect_options {
    repair_options repair; /* its common.output: a folder, or NULL */
    td_invert_settings invert;
    search_settings search;
    bool exit_code, patch;
    const char *patched; /* the model that is written, or NULL */
    double share;        /* of the images that the patch learns from, stamped, in (0, 1] */
    tune_options tune;
} deepinspect_options;

/* Parses the command line; exits with 2 on a wrong one. */
void deepinspect_options_parse(deepinspect_options *options, int argc, char **argv);

/* What was asked, for the record; NULL when out of memory. */
json_t *deepinspect_options_json(const deepinspect_options *options);

typedef struct deepinspect_job {
    const deepinspect_options *options;
    td_dataset clean; /* zeroed without --clean */
    td_model model;
    repair_judge judge;
    td_inverted inverted;
    search_class *found;    /* [classes of the model] */
    inspect_class *classes; /* the same classes */
    size_t count;
    inspect_verdict verdict;
    tool_files files; /* zeroed without -o */
    tool_record record;
    tool_progress progress;
    td_arena arena;
} deepinspect_job;

/* Trains the model on with the inverted images, or those of --clean, a share of which carry
 * triggers of the flagged classes and their right labels; adds "patch" to the record. *weights are
 * in the job's arena. */
td_status deepinspect_patch(deepinspect_job *job, float **weights, td_error *error) TD_MUST_USE;

#endif
