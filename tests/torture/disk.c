/* SPDX-License-Identifier: MIT */
/* Simulates a loss of power: loses data since the last fsync of their file, and names since that of
 * their folder. */
#undef _FILE_OFFSET_BITS
#define _GNU_SOURCE
#include "torture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST_FILES = 2048, MOST_CHANGES = 4096, PATH_SIZE = 512, MADE_FILE = 100 };

/* An open file or folder, by descriptor. */
typedef struct opened {
    char path[PATH_SIZE]; /* "" if it no longer exists */
    int fd;               /* or -1 */
    bool folder, dirty;
    off_t synced; /* bytes that would survive a loss */
} opened;

typedef struct name_change {
    int what; /* a torture_change, or MADE_FILE */
    char from[PATH_SIZE], to[PATH_SIZE];
    char kept[PATH_SIZE]; /* path of the replaced or removed file; "": none */
    dev_t device;         /* of the folder whose sync makes it durable */
    ino_t folder;
    bool synced;
} name_change;

static opened files[MOST_FILES];
static size_t file_count;
static name_change changes[MOST_CHANGES];
static size_t change_count;
static pthread_mutex_t lock =
    PTHREAD_MUTEX_INITIALIZER; /* of these: another thread writes a checkpoint */

static void make_path(char out[PATH_SIZE], int dirfd, const char *path) {
    char link[64], folder[PATH_SIZE];
    ssize_t length = -1;
    if (dirfd != AT_FDCWD && *path != '/') {
        snprintf(link, sizeof link, "/proc/self/fd/%d", dirfd);
        length = readlink(link, folder, sizeof folder);
    }
    if (length > 0)
        snprintf(out, PATH_SIZE, "%.*s/%s", (int)length, folder, path);
    else
        snprintf(out, PATH_SIZE, "%s", path);
}

static opened *find(int fd) {
    for (size_t i = file_count; i > 0; i--)
        if (files[i - 1].fd == fd)
            return &files[i - 1];
    return NULL;
}

/* The next row of a change, with the folder of `path`. */
static name_change *new_change(int what, const char *path) {
    char folder[PATH_SIZE];
    struct stat info = {0};
    if (change_count == MOST_CHANGES)
        abort();
    name_change *c = &changes[change_count++];
    *c = (name_change){.what = what};
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[1] = '\0';
    if (stat(slash ? folder : ".", &info) == 0) {
        c->device = info.st_dev;
        c->folder = info.st_ino;
    }
    return c;
}

void torture_disk_opened(int fd, int dirfd, const char *path, bool created) {
    struct stat info;
    const int before = errno;
    pthread_mutex_lock(&lock);
    if (fstat(fd, &info) == 0 && (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode))) {
        if (file_count == MOST_FILES)
            abort();
        opened *file = &files[file_count++];
        *file = (opened){.fd = fd, .folder = S_ISDIR(info.st_mode), .synced = info.st_size};
        make_path(file->path, dirfd, path);
        if (created) {
            name_change *c = new_change(MADE_FILE, file->path);
            snprintf(c->to, sizeof c->to, "%s", file->path);
        }
    }
    pthread_mutex_unlock(&lock);
    errno = before;
}

bool torture_disk_is_file(int fd) {
    pthread_mutex_lock(&lock);
    const opened *file = find(fd);
    const bool is_file = file && !file->folder;
    pthread_mutex_unlock(&lock);
    return is_file;
}

void torture_disk_written(int fd) {
    pthread_mutex_lock(&lock);
    opened *file = find(fd);
    if (file)
        file->dirty = true;
    pthread_mutex_unlock(&lock);
}

void torture_disk_synced(int fd) {
    struct stat info;
    const int before = errno;
    pthread_mutex_lock(&lock);
    opened *file = find(fd);
    if (file && fstat(fd, &info) == 0) {
        file->dirty = false;
        file->synced = info.st_size;
        for (size_t i = 0; file->folder && i < change_count; i++)
            if (changes[i].device == info.st_dev && changes[i].folder == info.st_ino)
                changes[i].synced = true;
    }
    pthread_mutex_unlock(&lock);
    errno = before;
}

void torture_disk_closed(int fd) {
    pthread_mutex_lock(&lock);
    opened *file = find(fd);
    if (file)
        file->fd = -1;
    pthread_mutex_unlock(&lock);
}

/* Keeps a second name for the file at `path`, if it exists. */
static void keep(name_change *c, const char *path) {
    static unsigned long number;
    const char *store = getenv("TORTURE_STORE");
    struct stat info;
    if (!store || lstat(path, &info) != 0 || S_ISDIR(info.st_mode))
        return;
    snprintf(c->kept, sizeof c->kept, "%s/%lu", store, number++);
    if (syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, c->kept, 0) != 0)
        *c->kept = '\0';
}

/* The tracked data of a file move to its new name. */
static void rename_files(const char *from, const char *to) {
    for (size_t i = 0; i < file_count; i++)
        if (strcmp(files[i].path, to) == 0)
            *files[i].path = '\0';
        else if (from && strcmp(files[i].path, from) == 0)
            snprintf(files[i].path, sizeof files[i].path, "%s", to);
}

int torture_disk_names(torture_change what, const torture_names *names,
                       int (*change)(const torture_names *names)) {
    char from[PATH_SIZE] = "", to[PATH_SIZE] = "";
    const int before = errno;
    torture_disk_change();
    if (names->from)
        make_path(from, names->from_dir, names->from);
    if (names->to)
        make_path(to, names->to_dir, names->to);
    pthread_mutex_lock(&lock);
    name_change *c = new_change((int)what, *to ? to : from);
    if (what == TORTURE_RENAMES && !(names->flags & RENAME_NOREPLACE))
        keep(c, to);
    if (what == TORTURE_UNLINKS)
        keep(c, from);
    memcpy(c->from, from, sizeof from);
    memcpy(c->to, to, sizeof to);
    errno = before;
    const int done = change(names);
    if (done != 0)
        change_count--;
    else if (what == TORTURE_RENAMES)
        rename_files(from, to);
    else if (what == TORTURE_UNLINKS)
        rename_files(NULL, from);
    const int reason = errno;
    pthread_mutex_unlock(&lock);
    errno = reason;
    return done;
}

/* --- the loss --- */

static void lose_data(bool names) {
    for (size_t i = 0; i < file_count; i++) {
        struct stat info;
        const opened *file = &files[i];
        if (!file->dirty || !*file->path || stat(file->path, &info) != 0)
            continue;
        const off_t left = names ? file->synced : file->synced + (info.st_size - file->synced) / 2;
        if (left < info.st_size && truncate(file->path, left) != 0)
            abort();
    }
}

static void move(const char *from, const char *to, unsigned flags) {
    syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

static void undo(const name_change *c) {
    switch (c->what) {
    case MADE_FILE:
    case TORTURE_LINKS:
        syscall(SYS_unlinkat, AT_FDCWD, c->to, 0);
        break;
    case TORTURE_RENAMES:
        move(c->to, c->from, 0);
        break;
    case TORTURE_EXCHANGES:
        move(c->from, c->to, RENAME_EXCHANGE);
        break;
    case TORTURE_MAKES_FOLDER:
        syscall(SYS_unlinkat, AT_FDCWD, c->to, AT_REMOVEDIR);
        break;
    case TORTURE_REMOVES_FOLDER:
        syscall(SYS_mkdirat, AT_FDCWD, c->from, 0777);
        break;
    default:
        break;
    }
    if (*c->kept)
        move(c->kept, *c->to ? c->to : c->from, 0);
}

void torture_disk_lose(bool names, bool data) {
    if (data)
        lose_data(names);
    for (size_t i = names ? change_count : 0; i > 0; i--)
        if (!changes[i - 1].synced)
            undo(&changes[i - 1]);
    raise(SIGKILL);
    abort();
}
