/* SPDX-License-Identifier: MIT */
/* One run of a method of this tool within a run of audit or controls, with its record in its own
 * folder. An existing record of the same request on the same files is reused. A step's result is
 * always read from its record, so that a resumed run comes to the same result. */
#ifndef TOOLS_DEFEND_AUDIT_STEP_H
#define TOOLS_DEFEND_AUDIT_STEP_H

#include "frame/run.h"

typedef struct step {
    tool_settings settings; /* of its method; the caller sets keys before step_look */
    const char *name;       /* of its folder within the run's: "clean/first" */
    const char *folder;     /* FOLDER/record.json is the record */
    const char *record;
    json_t *identity;    /* the fields by which a record matches: version, kernel, blas_core, seed,
                            options */
    bool done;           /* the record exists and is complete */
    const char *failed;  /* why the last run made no record; NULL: it did not fail */
    const void *outcome; /* if done: the result as its family reads it */
} step;

/* State that the steps share. */
typedef struct steps {
    tool_run *run;          /* the whole run, whose -o is the folder; steps allocate in its arena */
    json_t *digests;        /* SHA-256 of inputs by path, so that each is read only once */
    const char *const *own; /* the run's own files in -o, which describe the steps; deleted when the
                               first step to run is done; ends with NULL */
} steps;

/* Creates a step of `method`, with the seed and data folder of the run, and the key values of
 * `values`, which must outlive it (NULL: all defaults). The caller calls step_close, on failure
 * too. */
td_status step_open(step *s, const steps *all, const tool_method *method,
                    const tool_settings *values, const char *name, td_error *error) TD_MUST_USE;
void step_close(step *s); /* accepts a zeroed step */

/* Checks the settings and looks for the record: sets `done` and `outcome`. With --force it is never
 * reused. TD_ERR_USAGE for settings that the method refuses and for a record of another request;
 * TD_ERR_FORMAT for a file that is not a record. */
td_status step_look(step *s, const steps *all, td_error *error) TD_MUST_USE;

/* Runs the method and reads its record; calls `watch` with the progress, from 0 to 1. At the
 * deadline, in monotonic seconds, the method ends with a partial result, or without a record; then
 * an earlier run's result stays valid. Both are TD_OK, and so is a method that fails.
 * TD_ERR_INTERRUPTED after Ctrl-C; TD_ERR_MEMORY. */
td_status step_run(step *s, const steps *all, double deadline, void (*watch)(void *, double),
                   void *context, td_error *error) TD_MUST_USE;

/* Deletes the run's own files from -o together with outputs that replace what they describe. */
td_status steps_forget(const steps *all, tool_outputs *outputs, td_error *error) TD_MUST_USE;

/* FOLDER/NAME in the run's arena. */
td_status step_path(tool_run *run, const char *folder, const char *name, const char **out,
                    td_error *error) TD_MUST_USE;

/* TD_ERR_USAGE if -o has a record with that name from another run, whose options differ in one of
 * `same` (NULL: in any), and --force is not given. */
td_status steps_check_folder(tool_run *run, const char *record, const char *const *same,
                             td_error *error) TD_MUST_USE;

#endif
