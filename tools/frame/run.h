/* SPDX-License-Identifier: MIT */
/* One run of a method: the data that its family's and its own code use. The framework has parsed
 * the settings, checked the record's file and started the record before it calls tool_family.run;
 * afterwards it writes tables, outputs and record together, or none of them, and prints. A method
 * never prints, exits, or opens an output itself. */
#ifndef TOOLS_FRAME_RUN_H
#define TOOLS_FRAME_RUN_H

#include "frame/outputs.h"
#include "frame/progress.h"
#include "frame/record.h"
#include "frame/settings.h"
#include "frame/table.h"

typedef struct tool_run {
    const tool_settings *settings;
    const tool_method *method; /* from the settings */
    const tool_common *common;
    const void *family, *own; /* the settings of the family and of the method */
    td_classes classes;       /* frame/classes.h; count 0: not known yet */
    tool_record record;       /* a method may add fields that are not tables */
    tool_tables tables;
    tool_outputs outputs;
    tool_progress progress;
    double deadline; /* in monotonic seconds: then a method ends with a partial result; INFINITY for
                        none */
    bool flagged;    /* something was flagged: exit status 3 with --exit-code */
    bool failed;     /* a part of it failed, and the results report that: exit status 1 */
    const char *words;       /* printed instead of the summary and the tables; NULL: print these */
    const char *record_name; /* name of the record in the outputs' folder, where it is also written,
                                replacing an older one; NULL: it is not */
    td_error left;           /* the file that a failure leaves behind (tool_run_leaves) */
    const char *left_at;     /* the file that `left` is about; NULL: none */
    bool as_part;            /* a part of another run, which prints and reports progress itself */
    void (*watch)(void *context, double share); /* for a part: progress in [0, 1]; may be NULL */
    void *watch_context;
    td_arena arena;
} tool_run;

/* --- for methods --- */

/* Starts a progress line: "searching triggers", "steps". Ends a previous line. */
void tool_run_begin(tool_run *run, const char *what, const char *unit, size_t total);

/* Updates the progress. `note` may be NULL. */
void tool_run_show(tool_run *run, size_t done, const char *note);
void tool_run_end(tool_run *run);

/* Whether to suppress progress lines and notes: -q, or a part of another run. */
bool tool_run_is_quiet(const tool_run *run);

/* Whether a long loop must stop: Ctrl-C, or the deadline. */
bool tool_run_stops(const tool_run *run);
bool tool_run_is_late(const tool_run *run); /* only the deadline */

/* Updates the progress; TD_ERR_INTERRUPTED, with a message, if the loop must stop. */
td_status tool_run_go_on(tool_run *run, size_t done, const char *note, td_error *error) TD_MUST_USE;

/* Prints one line on stderr about something surprising: "note: ..." is suppressed by -q, "warning:
 * ..." is not. */
void tool_run_note(const tool_run *run, const char *format, ...) TD_PRINTF(2, 3);

/* Prints one line on stderr about the progress of the work, such as an epoch; not with -q. */
void tool_run_log(tool_run *run, const char *format, ...) TD_PRINTF(2, 3);

/* The result in a sentence or two: printed before the tables, `summary` in the record. */
td_status tool_run_summary(tool_run *run, td_error *error, const char *format, ...) TD_MUST_USE
    TD_PRINTF(3, 4);

/* Adds a table with `count` rows, each made of a struct of kind->row bytes, at `path` in the record
 * (see tool_table; NULL: its root). The other two add a table without rows, and a row to it. */
td_status tool_run_rows(tool_run *run, const tool_table_kind *kind, const char *path,
                        const void *rows, size_t count, td_error *error) TD_MUST_USE;
td_status tool_run_open(tool_run *run, const tool_table_kind *kind, const char *path,
                        tool_table **out, td_error *error) TD_MUST_USE;
td_status tool_run_fill(tool_run *run, tool_table *table, const void *row,
                        td_error *error) TD_MUST_USE;

/* Sets a field of the record to a value in td_json_pack's format. Returns it, owned by the record;
 * NULL after a failure, which the run reports at its end. */
json_t *tool_run_set(tool_run *run, const char *name, const char *format, ...);

/* Prints a note for each surprising fact about a set: pictures that were turned or composited onto
 * a background and, as warnings, pictures that lost their shape or are too dark. */
void tool_run_remarks(const tool_run *run, const char *data, const td_remarks *remarks);
void tool_run_warn(const tool_run *run, const char *data, const td_remarks *remarks); /* warnings */

/* Opens DATA of the command line with the default split `split`, records its files, prints remarks,
 * and matches its classes with the run's (frame/classes.h). The caller closes *out, on failure too.
 */
td_status tool_run_dataset(tool_run *run, const char *text, const char *split, td_dataset *out,
                           td_error *error) TD_MUST_USE;

/* The same for images whose labels are ignored and may be of any classes. */
td_status tool_run_images(tool_run *run, const char *text, const char *split, td_dataset *out,
                          td_error *error) TD_MUST_USE;

/* From now on a failure leaves the file `path`, in memory that outlives the run: the error message
 * is followed by the formatted text, "--resume continues from epoch 3", if the file still exists.
 */
void tool_run_leaves(tool_run *run, const char *path, const char *format, ...) TD_PRINTF(3, 4);

/* printf into the run's arena. */
td_status tool_run_text(tool_run *run, const char **out, td_error *error, const char *format,
                        ...) TD_MUST_USE TD_PRINTF(4, 5);

/* --- for the framework, and for methods that run others --- */

/* Runs the settings' method: fills the tables in the record, publishes the outputs, and writes the
 * record to --json. The caller prints, and calls tool_run_close, on failure too. `run` is zeroed
 * except deadline, as_part and watch. */
td_status tool_run_execute(tool_run *run, const tool_settings *settings,
                           td_error *error) TD_MUST_USE;

/* Prints the summary and the tables. */
void tool_run_print(const tool_run *run, FILE *stream);

void tool_run_close(tool_run *run); /* accepts a zeroed run */

#endif
