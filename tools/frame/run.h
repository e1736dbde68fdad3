/* SPDX-License-Identifier: MIT */
/* One run of a method: what its family's and its own code work with. The frame has parsed the
 * settings, checked the record's file and started the record before tool_family.run; afterwards it
 * writes tables, outputs and record together, or none of them, and prints. A method never prints,
 * never exits, and never opens an output of its own. */
#ifndef TOOLS_FRAME_RUN_H
#define TOOLS_FRAME_RUN_H

#include "frame/outputs.h"
#include "frame/progress.h"
#include "frame/record.h"
#include "frame/settings.h"
#include "frame/table.h"

typedef struct tool_run {
    const tool_settings *settings;
    const tool_method *method; /* the settings' */
    const tool_common *common;
    const void *family, *own; /* the settings of the family and of the method */
    td_classes classes;       /* frame/classes.h; count 0: not known yet */
    tool_record record;       /* a method may add fields that are no table */
    tool_tables tables;
    tool_outputs outputs;
    tool_progress progress;
    double deadline;         /* in monotonic seconds, after which a method ends with what is done;
                                INFINITY for none */
    bool flagged;            /* something was flagged: exit status 3 with --exit-code */
    bool failed;             /* a part of it failed, and the results say so: exit status 1 */
    const char *words;       /* printed in place of the summary and the tables; NULL: these are */
    const char *record_name; /* of the record in the outputs' folder, where it is written besides
                                --json, over another one; NULL: it is not */
    td_error left;           /* what a failure leaves (tool_run_leaves) */
    const char *left_at;     /* the file that `left` is about; NULL: none */
    bool as_part;            /* of another run, which prints and reports progress itself */
    void (*watch)(void *context, double share); /* of a part: progress in [0, 1]; may be NULL */
    void *watch_context;
    td_arena arena;
} tool_run;

/* --- for methods --- */

/* Starts a progress line: "searching triggers", "steps". A line that is there ends. */
void tool_run_begin(tool_run *run, const char *what, const char *unit, size_t total);

/* Shows the progress. `note` may be NULL. */
void tool_run_show(tool_run *run, size_t done, const char *note);
void tool_run_end(tool_run *run);

/* Whether progress lines and notes are unwanted: -q, or a part of another run. */
bool tool_run_is_quiet(const tool_run *run);

/* Whether a long loop is to stop: Ctrl-C, or the deadline. */
bool tool_run_stops(const tool_run *run);
bool tool_run_is_late(const tool_run *run); /* the deadline alone */

/* Shows the progress; TD_ERR_INTERRUPTED, with words for it, if the loop is to stop. */
td_status tool_run_go_on(tool_run *run, size_t done, const char *note, td_error *error) TD_MUST_USE;

/* One line on stderr on what the user may not expect: "note: ..." is not printed with -q, "warning:
 * ..." is. */
void tool_run_note(const tool_run *run, const char *format, ...) TD_PRINTF(2, 3);

/* One line on stderr on how the work goes on, such as an epoch's; not with -q. */
void tool_run_log(tool_run *run, const char *format, ...) TD_PRINTF(2, 3);

/* The result in a sentence or two: printed before the tables, `summary` in the record. */
td_status tool_run_summary(tool_run *run, td_error *error, const char *format, ...) TD_MUST_USE
    TD_PRINTF(3, 4);

/* Adds a table with `count` rows, each made of a struct of kind->row bytes, at `path` in the record
 * (see tool_table; NULL: its root). For what cannot be done at once: a table without rows, and a
 * row of it. */
td_status tool_run_rows(tool_run *run, const tool_table_kind *kind, const char *path,
                        const void *rows, size_t count, td_error *error) TD_MUST_USE;
td_status tool_run_open(tool_run *run, const tool_table_kind *kind, const char *path,
                        tool_table **out, td_error *error) TD_MUST_USE;
td_status tool_run_fill(tool_run *run, tool_table *table, const void *row,
                        td_error *error) TD_MUST_USE;

/* Sets a field of the record to a value by td_json_pack's format. Returns it, which the record
 * owns; NULL after a failure, which is the run's at its end. */
json_t *tool_run_set(tool_run *run, const char *name, const char *format, ...);

/* Says in a line each what was found in a set that its user may not expect: that its pictures were
 * turned or laid on a ground, and, as warnings, that they have lost their form or are too dark. */
void tool_run_remarks(const tool_run *run, const char *data, const td_remarks *remarks);
void tool_run_warn(const tool_run *run, const char *data, const td_remarks *remarks); /* warnings */

/* Opens DATA of the command line, `split` where it names none, records its files, says what was
 * found in it, and makes its classes those of the run (frame/classes.h). The caller closes *out,
 * also on failure. */
td_status tool_run_dataset(tool_run *run, const char *text, const char *split, td_dataset *out,
                           td_error *error) TD_MUST_USE;

/* The same for images whose labels are not looked at, and may be of any classes. */
td_status tool_run_images(tool_run *run, const char *text, const char *split, td_dataset *out,
                          td_error *error) TD_MUST_USE;

/* From now on a failure leaves the file `path`, in memory that outlives the run: behind its message
 * stands what the format says, "--resume continues from epoch 3", unless the file is gone by then.
 */
void tool_run_leaves(tool_run *run, const char *path, const char *format, ...) TD_PRINTF(3, 4);

/* A printf into the run's arena. */
td_status tool_run_text(tool_run *run, const char **out, td_error *error, const char *format,
                        ...) TD_MUST_USE TD_PRINTF(4, 5);

/* --- for the frame, and for methods that run others --- */

/* Runs the settings' method up to its results: tables in the record, outputs written and in place,
 * the record in --json. The caller prints, and calls tool_run_close, on failure, too. `run` is
 * zeroed but for deadline, as_part and watch. */
td_status tool_run_execute(tool_run *run, const tool_settings *settings,
                           td_error *error) TD_MUST_USE;

/* Prints the summary and the tables. */
void tool_run_print(const tool_run *run, FILE *stream);

void tool_run_close(tool_run *run); /* takes a zeroed one as well */

#endif
