/* SPDX-License-Identifier: MIT */
/* The files of a run: all of them appear together with its record, or none does.
 *
 * Before the work, tool_outputs_check and tool_outputs_check_name refuse what could not be written
 * in the end, and claim it: of two runs that would write one file, the second ends at once, and
 * says so. A check makes no file.
 *
 * A file is added when there is something to write to it, finished when it is whole and on the
 * disk, and has no name in its folder until tool_outputs_publish (base/output.h). What is as large
 * as a data set is written for as long as the work takes; it has no name then either.
 *
 * tool_outputs_publish gives all of them their names, the record's included. If that fails for one
 * of them, those before it go again and the files that they replaced, with --force, come back. What
 * was withdrawn, such as the verdict on files that are replaced, goes before the first appears;
 * what is superseded, such as a checkpoint, after the last.
 *
 * Standard output and devices are written in place and are no part of this: a run whose results
 * cannot be printed fails, but its files stand. */
#ifndef TOOLS_FRAME_OUTPUTS_H
#define TOOLS_FRAME_OUTPUTS_H

#include "base/arena.h"
#include "base/output.h"
#include "frame/claim.h"
#include "frame/record.h"

typedef struct tool_outputs {
    bool force;         /* whether files may be replaced */
    const char *folder; /* where names without a path lie; NULL: no folder */
    bool made;          /* whether the folder was made here */
    bool claimed;       /* whether this run alone may write to it */
    bool printed;       /* one of the files is standard output */
    struct tool_file *first, *last;
    struct tool_file *withdrawn, *superseded;
    tool_claim *claims;
    td_crash_entry unwanted; /* the folder, if it was made here */
    td_arena arena;
} tool_outputs;

/* Before the work: TD_ERR_USAGE or TD_ERR_IO for a file that could not be written, TD_ERR_USAGE for
 * one that was checked before, and TD_ERR_IO for one that another run is writing. A device or pipe
 * is not tried: opening it now would end it for its reader. */
td_status tool_outputs_check(tool_outputs *outputs, const char *path, td_error *error) TD_MUST_USE;

/* Makes the folder unless it is there, for tool_outputs_add; once, for a run has one folder. It
 * must outlive the outputs. TD_ERR_USAGE where a file is in its place. */
td_status tool_outputs_folder(tool_outputs *outputs, const char *folder,
                              td_error *error) TD_MUST_USE;

/* TD_ERR_IO if another run writes to the folder; none may from now on. */
td_status tool_outputs_claim_folder(tool_outputs *outputs, td_error *error) TD_MUST_USE;

/* TD_ERR_USAGE if FOLDER/NAME is there already, without `force`: what is in the way is found before
 * hours of work. Claims the folder. */
td_status tool_outputs_check_name(tool_outputs *outputs, const char *name,
                                  td_error *error) TD_MUST_USE;

/* The next file, FOLDER/NAME, to be written to *stream. */
td_status tool_outputs_add(tool_outputs *outputs, const char *name, FILE **stream,
                           td_error *error) TD_MUST_USE;

/* The next file at a path of its own; the record calls it by its last part: where the user put it
 * is no part of the result. A device is written in place and not recorded, and so is "-", standard
 * output, on which nothing else is printed then. */
td_status tool_outputs_add_path(tool_outputs *outputs, const char *path, FILE **stream,
                                td_error *error) TD_MUST_USE;

/* Completes the file added last (a full disk shows here), and takes its digest into the record's
 * outputs; `record` is NULL for the record's own file. */
td_status tool_outputs_finish(tool_outputs *outputs, tool_record *record,
                              td_error *error) TD_MUST_USE;

/* Of the file finished last, which is no device. */
const td_digest *tool_outputs_digest(const tool_outputs *outputs);

/* Leaves out the file added last: it is to be written anew. */
void tool_outputs_drop(tool_outputs *outputs);

/* The file at `path`, if there is one, goes before the others appear, or once they have. */
td_status tool_outputs_withdraw(tool_outputs *outputs, const char *path,
                                td_error *error) TD_MUST_USE;
td_status tool_outputs_supersede(tool_outputs *outputs, const char *path,
                                 td_error *error) TD_MUST_USE;

/* Puts all finished files into place. */
td_status tool_outputs_publish(tool_outputs *outputs, td_error *error) TD_MUST_USE;

/* Removes what is not published, and then a folder made here that is empty; takes zeroed outputs as
 * well. */
void tool_outputs_close(tool_outputs *outputs);

/* Makes a folder unless it is there; *made says which. TD_ERR_USAGE where a file is in its place.
 */
td_status tool_folder_make(const char *folder, bool *made, td_error *error) TD_MUST_USE;

#endif
