/* Files: read by mapping, written beside their place and renamed into it, so that a reader never
 * sees half a file and a failed run leaves what was there before. */
#ifndef TD_BASE_FILE_H
#define TD_BASE_FILE_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A regular file mapped for reading. An empty file has size 0 and a non-NULL pointer. */
typedef struct td_map {
    const uint8_t *data;
    size_t size;
} td_map;

td_status td_map_open(td_map *map, const char *path, td_error *error) TD_MUST_USE;
void td_map_close(td_map *map); /* takes a zeroed map as well */

/* One file being written. */
typedef struct td_output {
    FILE *stream;    /* write here with stdio; NULL when closed */
    char *path;      /* where it will stand: the file behind a symbolic link */
    char *temporary; /* where it is until published; NULL when written in place (a device) */
    bool force;      /* may replace a file */
} td_output;

/* Opens `path` for writing. Without `force` an existing file is TD_ERR_USAGE. A symbolic link
 * stays: the file that it leads to is written, be it there or not. A device or pipe is written in
 * place. On failure *output is zeroed. */
td_status td_output_open(td_output *output, const char *path, bool force,
                         td_error *error) TD_MUST_USE;

/* Flushes and closes, reporting any write that failed (a full disk shows here). The file does not
 * stand under its name yet: a tool that writes several finishes all, then publishes all. */
td_status td_output_finish(td_output *output, td_error *error) TD_MUST_USE;

/* Renames a finished output into place and releases it. */
td_status td_output_publish(td_output *output, td_error *error) TD_MUST_USE;

/* Finish and publish. */
td_status td_output_commit(td_output *output, td_error *error) TD_MUST_USE;

/* Removes what is not published; takes a zeroed or published output as well. */
void td_output_discard(td_output *output);

/* TD_ERR_USAGE with the words for it if `path` exists and `force` is not set: for tools that want
 * to refuse before they work for an hour. */
td_status td_output_check(const char *path, bool force, td_error *error) TD_MUST_USE;

#endif
