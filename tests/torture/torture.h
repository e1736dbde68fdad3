/* SPDX-License-Identifier: MIT */
/* A library for LD_PRELOAD that makes the K-th call of a kind after the start of main fail, or ends
 * the process there. It counts calls of the program and of the libraries it is linked with,
 * including those of the C library for an allocation or a stream.
 *
 * TORTURE="KIND K once|always": the K-th call (from 1) of the kind fails, or all from it on; 0:
 * none.
 *
 * TORTURE="KIND 0 stacks": none fails, and the log has the stack of each call of the kind.
 *
 * TORTURE="disk K kill|data|names": the process is killed before its K-th change of a file system;
 * "data": and of what was written since the last fsync half is lost; "names": all of it, with all
 * names made, changed or removed in folders that were not synced since.
 *
 * TORTURE_LOG=FILE: where it says which call failed, "hit KIND K" with the frames that led to it,
 * "at MODULE OFFSET"; the stack of each call, "stack K HASH"; and in the end how many there were,
 * "count KIND N".
 *
 * TORTURE_STORE=FOLDER: where "names" keeps files that are replaced or removed; on the same file
 * system.
 *
 * Programs that the process starts are not affected. */
#ifndef TORTURE_H
#define TORTURE_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

typedef enum torture_kind {
    TORTURE_ALLOC,  /* malloc and its like: ENOMEM */
    TORTURE_OPEN,   /* open, fopen, opendir and their like: EMFILE */
    TORTURE_READ,   /* EIO */
    TORTURE_WRITE,  /* ENOSPC, but not on standard error */
    TORTURE_SYNC,   /* fsync, fdatasync: EIO */
    TORTURE_RENAME, /* EIO */
    TORTURE_LINK,   /* EIO */
    TORTURE_UNLINK, /* unlink, rmdir: EIO */
    TORTURE_MKDIR,  /* EIO */
    TORTURE_CLOSE,  /* EIO, and the file is closed, as Linux does */
    TORTURE_MMAP,   /* only the program's own: ENOMEM */
    TORTURE_DISK,   /* not a call, but any change of the file system */
    TORTURE_KINDS,
} torture_kind;

/* Counts a call. True, with errno set, if it is to fail. */
bool torture_fails(torture_kind kind);

/* The C library's function with an interposed name. */
void *torture_real(const char *name);

/* Whether code at `address` belongs to the program, not to a library. */
bool torture_is_program(const void *address);

/* A stream on an open file whose reads and writes are counted calls: those of the C library's own
 * streams cannot be interposed. NULL, with errno set, on failure. */
FILE *torture_stream(int fd, const char *mode);

/* The flags of open for a mode of fopen; -1 for an invalid one. */
int torture_open_flags(const char *mode);

/* --- unsynced changes (disk.c) --- */

/* Called before a change: counts it; it may be the last of the process. */
void torture_disk_change(void);

/* Called after a file was opened by the name `path`. */
void torture_disk_opened(int fd, int dirfd, const char *path, bool created);
void torture_disk_written(int fd);
void torture_disk_synced(int fd);
void torture_disk_closed(int fd);

/* Whether a descriptor is of a regular file opened by a counted call. */
bool torture_disk_is_file(int fd);

/* Wraps a change of names, made by `change`, which returns 0 or -1: `from` and `to` may be NULL.
 * Returns the result of `change`. */
typedef enum torture_change {
    TORTURE_RENAMES,
    TORTURE_EXCHANGES,
    TORTURE_LINKS,
    TORTURE_UNLINKS,
    TORTURE_MAKES_FOLDER,
    TORTURE_REMOVES_FOLDER,
} torture_change;
typedef struct torture_names {
    int from_dir, to_dir;
    const char *from, *to;
    unsigned flags;
} torture_names;
int torture_disk_names(torture_change what, const torture_names *names,
                       int (*change)(const torture_names *names));

/* Loses unsynced changes, and kills the process. */
void torture_disk_lose(bool names, bool data) __attribute__((noreturn));

#endif
