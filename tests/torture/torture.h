/* SPDX-License-Identifier: MIT */
/* A library for LD_PRELOAD that makes the K-th call of a kind fail, from when main begins, or ends
 * the process at it. What is counted are the calls of the program and of the libraries that it is
 * linked with, those of the C library for an allocation or a stream among them.
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
 * Programs that the process starts are left alone. */
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
    TORTURE_MMAP,   /* the program's own: ENOMEM */
    TORTURE_DISK,   /* no call, but any that changes the file system */
    TORTURE_KINDS,
} torture_kind;

/* Counts a call. True, with errno set, if it is to fail. */
bool torture_fails(torture_kind kind);

/* What the C library has under a name that is interposed. */
void *torture_real(const char *name);

/* Whether code at `address` is the program's, no library's. */
bool torture_is_program(const void *address);

/* A stream on an open file whose reads and writes are calls that are counted: those of the C
 * library's own streams cannot be interposed. NULL, with errno set, if it could not be had. */
FILE *torture_stream(int fd, const char *mode);

/* The flags of open for a mode of fopen; -1 for a wrong one. */
int torture_open_flags(const char *mode);

/* --- what is not synced (disk.c) --- */

/* Before a change: it is counted, and may be the last of the process. */
void torture_disk_change(void);

/* After a file was opened; `path` is what it was opened by. */
void torture_disk_opened(int fd, int dirfd, const char *path, bool created);
void torture_disk_written(int fd);
void torture_disk_synced(int fd);
void torture_disk_closed(int fd);

/* Whether a descriptor is of a regular file that was opened by a call that is counted. */
bool torture_disk_is_file(int fd);

/* Around a change of names, which `change` makes, returning 0 or -1: `from` and `to` may be NULL.
 * Gives what `change` gave. */
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

/* Loses what is not synced, and kills the process. */
void torture_disk_lose(bool names, bool data) __attribute__((noreturn));

#endif
