/* SPDX-License-Identifier: MIT */
/* Reading files by mapping them. */
#ifndef TD_BASE_FILE_H
#define TD_BASE_FILE_H

#include "base/crash.h"
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Opens a regular file for reading; *size is its bytes. The caller closes *file. */
td_status td_file_open(int *file, size_t *size, const char *path, td_error *error) TD_MUST_USE;

/* A regular file mapped for reading. An empty file has size 0 and a non-NULL pointer. If the file
 * shrinks, reading a missing page raises SIGBUS; the handler finds the file's name with crash.h. */
typedef struct td_map {
    const uint8_t *data;
    size_t size;
    td_crash_entry entry;
} td_map;

td_status td_map_open(td_map *map, const char *path, td_error *error) TD_MUST_USE;
/* The same for a file that another file names. TD_ERR_FORMAT if the path is a symbolic link or the
 * file has other hard links: they could make the program read a file it was not meant to. */
td_status td_map_open_alone(td_map *map, const char *path, td_error *error) TD_MUST_USE;

/* Releases the memory of a part of the map; a later access reads it from the file again. Does
 * nothing if the part is outside the map. */
void td_map_release(const td_map *map, const void *data, size_t size);

void td_map_close(td_map *map); /* accepts a zeroed map */

/* Identifies a file and its last modification. Equal stamps mean the same file with the same bytes.
 * All zero if there is no file. */
typedef struct td_file_stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct {
        int64_t seconds, nanoseconds;
    } modified, changed;
} td_file_stamp;

/* Of the file at `path`, or of an open one. */
td_file_stamp td_file_stamp_of(const char *path);
td_file_stamp td_file_stamp_of_descriptor(int file);

bool td_file_stamp_is_same(const td_file_stamp *a, const td_file_stamp *b);

/* The message for a file that changed while it was in use. */
td_status td_fail_changed(td_error *error, const char *path);

#endif
