/* SPDX-License-Identifier: MIT */
/* Files being written. One gets its name when it is whole and on the disk, so that a reader never
 * sees half a file; several get theirs together or not at all, and what they replace comes back if
 * one of them cannot.
 *
 * Until then a file has no name (O_TMPFILE): whatever ends the process, SIGKILL and a power cut
 * too, nothing is left of it. Where a file system knows no such files (NFS, FAT), or a run has very
 * many of them open, the file is called .NAME.XXXXXX in the folder of its place; that is removed on
 * failure and by the signals that a process can see, and stays after others. The same is true of
 * the old files for the moment of td_outputs_publish. */
#ifndef TD_BASE_OUTPUT_H
#define TD_BASE_OUTPUT_H

#include "base/crash.h"
#include "base/error.h"
#include "base/sha256.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* How far a file's publication is. */
typedef enum td_output_state {
    TD_OUTPUT_WAITS, /* to be published */
    TD_OUTPUT_IS_NEW,
    TD_OUTPUT_REPLACED, /* the old one stands at `temporary` */
} td_output_state;

typedef struct td_output {
    FILE *stream;    /* write here with stdio; NULL when closed */
    char *path;      /* where it will stand: the file behind a symbolic link */
    char *temporary; /* a name beside it, or NULL: of the new file, then of the old one */
    bool nameless;   /* the new file is `file`, and has no name */
    int file;
    bool in_place; /* a device or pipe, which is written as it is */
    bool force;    /* may replace a file */
    bool removes;  /* no file is written: the one at `path` goes */
    td_output_state state;
    td_crash_entry unwanted;
} td_output;

/* Opens `path` for writing. Without `force` an existing file is TD_ERR_USAGE. A symbolic link
 * stays: the file that it leads to is written, be it there or not. A device or pipe is written in
 * place. On failure *output is zeroed. */
td_status td_output_open(td_output *output, const char *path, bool force,
                         td_error *error) TD_MUST_USE;

/* Flushes, syncs and closes, reporting any write that failed (a full disk shows here); then the
 * file waits for its name. On failure nothing is left of it. */
td_status td_output_finish(td_output *output, td_error *error) TD_MUST_USE;

/* Of a finished output that is not published yet. */
td_status td_output_digest(const td_output *output, td_digest *out, td_error *error) TD_MUST_USE;

/* An output that takes the file at `path` away, if there is one, when the others are published. */
td_status td_output_remove(td_output *output, const char *path, td_error *error) TD_MUST_USE;

/* Puts finished outputs into place in their order, syncs their folders, and releases them. If one
 * cannot be, or a folder not synced, all is as it was before. Where all stand but an old file
 * cannot be removed, that is a failure as well, which says where it is. */
td_status td_outputs_publish(td_output *const *outputs, size_t count, td_error *error) TD_MUST_USE;

/* Finish and publish. */
td_status td_output_commit(td_output *output, td_error *error) TD_MUST_USE;

/* Removes what is not published; takes a zeroed or published output as well. */
void td_output_discard(td_output *output);

/* For tools that want to refuse before they work for an hour; makes nothing. TD_ERR_USAGE for an
 * empty name, a folder, and a file that exists, if `force` is not set; TD_ERR_IO for a folder that
 * is not there or in which nothing can be written. */
td_status td_output_check(const char *path, bool force, td_error *error) TD_MUST_USE;

/* The file behind a symbolic link, be it there or not: what is written where the path is an output.
 * The path itself for anything else. The caller frees it. TD_ERR_IO for a circle of links. */
td_status td_output_target(const char *path, char **out, td_error *error) TD_MUST_USE;

/* Syncs the folder that `path` is in: a name is on the disk when its folder is. */
td_status td_output_sync_folder(const char *path, td_error *error) TD_MUST_USE;

/* How long the folder of a path is, with its last slash. */
size_t td_output_folder(const char *path);

#endif
