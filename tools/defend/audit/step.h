/* One run of a method of this tool, as a child process, with its record in a folder of its own. A
 * record that is there already, of the same request on the same files, is not made anew. */
#ifndef TOOLS_DEFEND_AUDIT_STEP_H
#define TOOLS_DEFEND_AUDIT_STEP_H

#include "base/arena.h"
#include "frame/method.h"
#include "frame/options.h"

enum { STEP_ARGUMENTS = 256 };

typedef struct step {
    const tool_method *method;
    const char *folder; /* FOLDER/record.json is the record */
    const char *name;   /* FOLDER as messages and records call it: "clean/first" */
    const char *record;
    const char *argv[STEP_ARGUMENTS + 1]; /* ends with NULL */
    size_t argc;
    json_t *identity; /* what a record of it says: version, blas_core, seed, options */
    bool done;        /* the record is there, and whole */
    bool cut;         /* ... but its time was up before it had looked at all classes */
} step;

/* What steps have in common. */
typedef struct step_run {
    const tool_common *common; /* passed on: --seed, --threads, --data-dir, --force */
    json_t *digests;           /* SHA-256 of inputs by path, so that each is read once */
} step_run;

/* A step of `method` in `folder`, which ends with `name`, with these arguments; the program's
 * common options come before them, and what a step needs after them. Exits with 2 if the method
 * does not take the arguments. Strings are copied to `arena`. TD_ERR_USAGE for too many. On
 * failure, too, the caller calls step_free. */
td_status step_make(step *s, const step_run *run, const tool_method *method, const char *folder,
                    const char *name, const char *const *arguments, size_t count, td_arena *arena,
                    td_error *error) TD_MUST_USE;
void step_free(step *s); /* takes a zeroed one as well */

/* Adds an option that is no part of what the record says was asked. */
td_status step_argue(step *s, const char *option, const char *text, td_arena *arena,
                     td_error *error) TD_MUST_USE;

/* Looks whether the record is there: sets `done` and `cut`. With `force` it never is. TD_ERR_USAGE
 * for one that another request made, and for a file that is none. */
td_status step_look(step *s, const step_run *run, td_error *error) TD_MUST_USE;

/* What happens while a step is under way. */
typedef struct step_watch {
    double seconds; /* after which the child is asked to end; INFINITY: never */
    void (*tick)(void *context, double seconds); /* called again and again; NULL for nothing */
    void *context;
} step_watch;

/* Makes the folder and the record, and looks at it as step_look does. A step whose time is up is
 * not done, or cut, and TD_OK. TD_ERR_INTERRUPTED if this program is to stop; any other status
 * tells in the child's own words why there is no record. */
td_status step_start(step *s, const step_run *run, const step_watch *watch,
                     td_error *error) TD_MUST_USE;

/* The record of a step that is done. */
td_status step_record(const step *s, json_t **out, td_error *error) TD_MUST_USE;

#endif
