/* SPDX-License-Identifier: MIT */
/* Writing files. A file gets its name once it is complete and synced, so a reader never sees half a
 * file. Several files are published together or not at all; if one cannot be, the files they
 * replace are restored.
 *
 * Until then a file has no name (O_TMPFILE), so nothing is left after SIGKILL or a power cut. Where
 * the file system does not support that (NFS, FAT), or a run has very many such files open, the
 * file is called .NAME.XXXXXX in the target's folder. It is removed on failure and by signals that
 * a process can catch, but stays after others. The same holds for the old files during
 * td_outputs_publish. */
#ifndef TD_BASE_OUTPUT_H
#define TD_BASE_OUTPUT_H

#include "base/crash.h"
#include "base/error.h"
#include "base/sha256.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* The state of a file's publication. */
typedef enum td_output_state {
    TD_OUTPUT_WAITS, /* to be published */
    TD_OUTPUT_IS_NEW,
    TD_OUTPUT_REPLACED, /* the old file is at `temporary` */
} td_output_state;

typedef struct td_output {
    FILE *stream;    /* write here with stdio; NULL when closed */
    char *path;      /* the final path: the target of a symbolic link */
    char *temporary; /* a temporary name in the same folder, or NULL: of the new file, then of the
                        old one */
    bool nameless;   /* the new file is `file`, and has no name */
    int file;
    bool in_place; /* a device or pipe, written directly */
    bool force;    /* may replace a file */
    bool removes;  /* writes no file: deletes the one at `path` */
    td_output_state state;
    td_crash_entry unwanted;
} td_output;

/* Opens `path` for writing. Without `force` an existing file is TD_ERR_USAGE. A symbolic link stays
 * and its target is written, whether or not it exists. A device or pipe is written in place; a
 * named pipe is waited for until something reads it, TD_ERR_INTERRUPTED if a signal comes first. On
 * failure *output is zeroed. */
td_status td_output_open(td_output *output, const char *path, bool force,
                         td_error *error) TD_MUST_USE;

/* Flushes, syncs and closes, and reports any failed write (a full disk shows here). The file then
 * waits for its name. On failure nothing is left of it. */
td_status td_output_finish(td_output *output, td_error *error) TD_MUST_USE;

/* The digest of a finished output that is not published yet. */
td_status td_output_digest(const td_output *output, td_digest *out, td_error *error) TD_MUST_USE;

/* An output that deletes the file at `path`, if it exists, when the others are published. */
td_status td_output_remove(td_output *output, const char *path, td_error *error) TD_MUST_USE;

/* Moves finished outputs into place in order, syncs their folders, and releases them. If a move or
 * sync fails, everything is restored. If all are in place but an old file cannot be removed, that
 * is a failure too, and the message says where that file is. */
td_status td_outputs_publish(td_output *const *outputs, size_t count, td_error *error) TD_MUST_USE;

/* Finish and publish. */
td_status td_output_commit(td_output *output, td_error *error) TD_MUST_USE;

/* Removes what is not published; accepts a zeroed or published output. */
void td_output_discard(td_output *output);

/* Lets a tool fail before it works for an hour; creates nothing. TD_ERR_USAGE for an empty name, a
 * folder, and an existing file without `force`; TD_ERR_IO for a folder that is missing or not
 * writable. */
td_status td_output_check(const char *path, bool force, td_error *error) TD_MUST_USE;

/* The path that is written for an output: the target of a symbolic link, whether or not it exists;
 * otherwise the path itself. The caller frees it. TD_ERR_IO for a loop of links. */
td_status td_output_target(const char *path, char **out, td_error *error) TD_MUST_USE;

/* Syncs the folder of `path`: a name is on the disk once its folder is. */
td_status td_output_sync_folder(const char *path, td_error *error) TD_MUST_USE;

/* Length of the folder part of a path, including its last slash. */
size_t td_output_folder(const char *path);

#endif
