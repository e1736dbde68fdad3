/* The files that a run writes: all of them appear together with its record, or none does. */
#ifndef TOOLS_FRAME_OUTPUTS_H
#define TOOLS_FRAME_OUTPUTS_H

#include "base/arena.h"
#include "base/file.h"
#include "frame/record.h"

typedef struct tool_outputs {
    bool force;         /* whether files may be replaced */
    const char *folder; /* where names without a path lie; NULL: no folder */
    bool made;          /* whether the folder was made here */
    bool printed;       /* one of the files is standard output */
    struct tool_file *first, *last;
    const char *superseded; /* or NULL */
    td_arena arena;
} tool_outputs;

/* Before the work: TD_ERR_USAGE or TD_ERR_IO for a file that could not be written. A device or pipe
 * is not tried: opening it now would end it for its reader. */
td_status tool_outputs_check(const tool_outputs *outputs, const char *path,
                             td_error *error) TD_MUST_USE;

/* Makes the folder unless it is there, for tool_outputs_add; once, for a run has one folder. It
 * must outlive the outputs. TD_ERR_USAGE where a file is in its place. */
td_status tool_outputs_folder(tool_outputs *outputs, const char *folder,
                              td_error *error) TD_MUST_USE;

/* TD_ERR_USAGE if FOLDER/NAME is there already, without `force`: what is in the way is found before
 * hours of work. */
td_status tool_outputs_check_name(const tool_outputs *outputs, const char *name,
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

/* Leaves out the file added last: it is to be written anew. */
void tool_outputs_drop(tool_outputs *outputs);

/* Once all files are in place, the one at `path`, such as a checkpoint, is removed, if there is
 * one. */
td_status tool_outputs_supersede(tool_outputs *outputs, const char *path,
                                 td_error *error) TD_MUST_USE;

/* Puts all finished files into place. If one cannot be, those before it go again, unless they
 * replaced others. */
td_status tool_outputs_publish(tool_outputs *outputs, td_error *error) TD_MUST_USE;

/* Removes what is not published, and then a folder made here that is empty; takes zeroed outputs as
 * well. */
void tool_outputs_close(tool_outputs *outputs);

/* Makes a folder unless it is there; *made says which. TD_ERR_USAGE where a file is in its place.
 */
td_status tool_folder_make(const char *folder, bool *made, td_error *error) TD_MUST_USE;

#endif
