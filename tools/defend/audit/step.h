/* SPDX-License-Identifier: MIT */
/* One run of a method of this tool within a run of audit or controls, with its record in a folder
 * of its own. A record that is there already, of the same request on the same files, is not made
 * anew. What a step found is always read from its record, so that a run that goes on where another
 * ended comes to the same result. */
#ifndef TOOLS_DEFEND_AUDIT_STEP_H
#define TOOLS_DEFEND_AUDIT_STEP_H

#include "frame/run.h"

typedef struct step {
    tool_settings settings; /* of its method; the caller sets keys before step_look */
    const char *name;       /* of its folder in that of the whole: "clean/first" */
    const char *folder;     /* FOLDER/record.json is the record */
    const char *record;
    json_t *identity;    /* what a record of it says: version, kernel, blas_core, seed, options */
    bool done;           /* the record is there, and whole */
    const char *failed;  /* why the last run of it made no record; NULL: it did not fail */
    const void *outcome; /* where done: as its family reads it */
} step;

/* What steps have in common. */
typedef struct steps {
    tool_run *run;   /* of the whole, whose -o is the folder; what steps allocate is in its arena */
    json_t *digests; /* SHA-256 of inputs by path, so that each is read once */
    const char *const *own; /* files of the whole in -o; they go when the first step that runs is
                               done, as they tell of the steps before; ends with NULL */
} steps;

/* A step of `method`, with the seed and data folder of the whole, and the values of `values`, which
 * must outlive it (NULL: all keys at their defaults). On failure, too, the caller calls step_close.
 */
td_status step_open(step *s, const steps *all, const tool_method *method,
                    const tool_settings *values, const char *name, td_error *error) TD_MUST_USE;
void step_close(step *s); /* takes a zeroed one as well */

/* Checks the settings and looks whether the record is there: sets `done` and `outcome`. With
 * --force it never is. TD_ERR_USAGE for settings that the method refuses and for a record that
 * another request made; TD_ERR_FORMAT for a file that is none. */
td_status step_look(step *s, const steps *all, td_error *error) TD_MUST_USE;

/* Makes the record, and looks at it; `watch` hears of the progress, from 0 to 1. At the deadline,
 * in monotonic seconds, the method ends with what is done, or without a record; then what an
 * earlier run left holds. That is TD_OK, and so is a method that fails. TD_ERR_INTERRUPTED after
 * Ctrl-C; TD_ERR_MEMORY. */
td_status step_run(step *s, const steps *all, double deadline, void (*watch)(void *, double),
                   void *context, td_error *error) TD_MUST_USE;

/* Withdraws the whole's own files from -o, with outputs that replace what they tell of. */
td_status steps_forget(const steps *all, tool_outputs *outputs, td_error *error) TD_MUST_USE;

/* FOLDER/NAME in the run's arena. */
td_status step_path(tool_run *run, const char *folder, const char *name, const char **out,
                    td_error *error) TD_MUST_USE;

/* TD_ERR_USAGE where -o has a record of that name of another run, whose options differ in one of
 * `same` (NULL: in any), and --force is not given. */
td_status steps_check_folder(tool_run *run, const char *record, const char *const *same,
                             td_error *error) TD_MUST_USE;

#endif
