/* SPDX-License-Identifier: MIT */
/* Files that are read: whole, by mapping them. */
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

/* A regular file mapped for reading. An empty file has size 0 and a non-NULL pointer. A page that
 * is no longer in the file when it is read is a SIGBUS, whose handler finds the file in crash.h. */
typedef struct td_map {
    const uint8_t *data;
    size_t size;
    td_crash_entry entry;
} td_map;

td_status td_map_open(td_map *map, const char *path, td_error *error) TD_MUST_USE;
/* The same for a file that another file names: TD_ERR_FORMAT where the path is a symbolic link, or
 * one of several names of the file, which may be meant to be read in place of it. */
td_status td_map_open_alone(td_map *map, const char *path, td_error *error) TD_MUST_USE;

/* Gives back the memory of a part of the map, which is read from the file again when it is needed;
 * a part that is not in the map is left alone. */
void td_map_release(const td_map *map, const void *data, size_t size);

void td_map_close(td_map *map); /* takes a zeroed map as well */

/* Which file it is, and when it was written last: where two are equal, the file is the same and its
 * bytes are, too. All zero where there is no file. */
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

/* The message for a file whose content is not what it was. */
td_status td_fail_changed(td_error *error, const char *path);

#endif
