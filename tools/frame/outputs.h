/* SPDX-License-Identifier: MIT */
/* The output files of a run: all of them appear together with its record, or none does.
 *
 * Before the work, tool_outputs_check and tool_outputs_check_name refuse files that could not be
 * written at the end, and claim them: if two runs would write the same file, the second ends at
 * once with a message. A check creates no file.
 *
 * A file is added when there is something to write to it, finished when it is complete and synced,
 * and gets its name in tool_outputs_publish (base/output.h). A file as large as a data set is
 * written throughout the work; it has no name until then either.
 *
 * tool_outputs_publish names all of them, including the record. If that fails for one, those
 * already named are removed and the files that they replaced with --force are restored. Withdrawn
 * files, such as the verdict on files that are replaced, are deleted before the first appears;
 * superseded ones, such as a checkpoint, after the last.
 *
 * Standard output and devices are written in place and are exempt: a run whose results cannot be
 * printed fails, but its files stay. */
#ifndef TOOLS_FRAME_OUTPUTS_H
#define TOOLS_FRAME_OUTPUTS_H

#include "base/arena.h"
#include "base/output.h"
#include "frame/claim.h"
#include "frame/record.h"

typedef struct tool_outputs {
    bool force;         /* files may be replaced */
    bool shared;        /* other runs may write other files to the folder at the same time */
    const char *folder; /* the folder for names without a path; NULL: none */
    bool made;          /* the folder was created here */
    bool claimed;       /* no other run may write to it */
    bool printed;       /* one of the files is standard output */
    struct tool_file *first, *last;
    struct tool_file *withdrawn, *superseded;
    tool_claim *claims;
    size_t claim_count;
    td_crash_entry unwanted; /* the folder, if it was created here */
    td_arena arena;
} tool_outputs;

/* Before the work: TD_ERR_USAGE or TD_ERR_IO for a file that cannot be written, TD_ERR_USAGE for
 * one checked before, and TD_ERR_IO for one that another run is writing. Does not try a device or
 * pipe: opening and closing it would give its reader an end of file. */
td_status tool_outputs_check(tool_outputs *outputs, const char *path, td_error *error) TD_MUST_USE;

/* The same for a file that the run may replace, whatever `force` says. */
td_status tool_outputs_check_replaced(tool_outputs *outputs, const char *path,
                                      td_error *error) TD_MUST_USE;

/* The same for a checkpoint, which the run also removes at its end. TD_ERR_USAGE for a symbolic
 * link: what it leads to is not the run's to remove. */
td_status tool_outputs_check_own(tool_outputs *outputs, const char *path,
                                 td_error *error) TD_MUST_USE;

/* Creates the folder, unless it exists, for tool_outputs_add, and claims it unless it is shared;
 * once, since a run has one folder. The path must outlive the outputs. TD_ERR_USAGE if a file is in
 * its place; TD_ERR_IO if another run writes to it. */
td_status tool_outputs_folder(tool_outputs *outputs, const char *folder,
                              td_error *error) TD_MUST_USE;

/* tool_outputs_check of FOLDER/NAME, so that conflicts show before hours of work. */
td_status tool_outputs_check_name(tool_outputs *outputs, const char *name,
                                  td_error *error) TD_MUST_USE;

/* The next file, FOLDER/NAME, to be written to *stream. */
td_status tool_outputs_add(tool_outputs *outputs, const char *name, FILE **stream,
                           td_error *error) TD_MUST_USE;

/* The next file at its own path; the record stores only the last component, because the user's
 * location is not part of the result. A device is written in place and not recorded, and so is "-",
 * standard output, which then carries nothing else. */
td_status tool_outputs_add_path(tool_outputs *outputs, const char *path, FILE **stream,
                                td_error *error) TD_MUST_USE;

/* Completes the file added last (a full disk shows here), and adds its digest to the record's
 * outputs; `record` is NULL for the record's own file. */
td_status tool_outputs_finish(tool_outputs *outputs, tool_record *record,
                              td_error *error) TD_MUST_USE;

/* The digest of the file finished last, which must not be a device. */
const td_digest *tool_outputs_digest(const tool_outputs *outputs);

/* Drops the file added last, to be written again. */
void tool_outputs_drop(tool_outputs *outputs);

/* Delete the file at `path`, if it exists: withdraw before the others appear, supersede afterwards.
 */
td_status tool_outputs_withdraw(tool_outputs *outputs, const char *path,
                                td_error *error) TD_MUST_USE;
td_status tool_outputs_supersede(tool_outputs *outputs, const char *path,
                                 td_error *error) TD_MUST_USE;

/* Gives all finished files their names. */
td_status tool_outputs_publish(tool_outputs *outputs, td_error *error) TD_MUST_USE;

/* Removes what is not published, and then a folder created here if it is empty; accepts zeroed
 * outputs. */
void tool_outputs_close(tool_outputs *outputs);

/* Creates a folder unless it exists; *made reports which. TD_ERR_USAGE if a file is in its place.
 */
td_status tool_folder_make(const char *folder, bool *made, td_error *error) TD_MUST_USE;

#endif
