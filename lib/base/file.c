/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* madvise; POSIX's own does nothing */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static td_status fail_errno(td_error *error, const char *path) {
    return td_fail(error, TD_ERR_IO, "%s: %s", path, strerror(errno));
}

static td_status open_regular(int *file, struct stat *info, const char *path, int flags,
                              td_error *error) {
    *file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);
    if (*file < 0 && errno == ELOOP && flags)
        return td_fail(error, TD_ERR_FORMAT, "%s: expected the file itself, found a link to it",
                       path);
    if (*file < 0)
        return fail_errno(error, path);
    td_status status = TD_OK;
    if (fstat(*file, info) != 0)
        status = fail_errno(error, path);
    else if (!S_ISREG(info->st_mode))
        status = td_fail(error, TD_ERR_IO, "%s: expected a regular file, found %s", path,
                         S_ISDIR(info->st_mode) ? "a folder" : "something else");
    if (status != TD_OK)
        close(*file);
    return status;
}

td_status td_file_open(int *file, size_t *size, const char *path, td_error *error) {
    struct stat info;
    TD_TRY(open_regular(file, &info, path, 0, error));
    *size = (size_t)info.st_size;
    return TD_OK;
}

/* Maps the open file and closes it. */
static td_status map_file(td_map *map, int file, size_t size, const char *path, td_error *error) {
    void *data = size > 0 ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0) : NULL;
    const td_status status = data == MAP_FAILED ? fail_errno(error, path) : TD_OK;
    close(file);
    if (status == TD_OK && size > 0)
        *map = (td_map){data, size, td_crash_mapped(data, size, path)};
    else if (status == TD_OK)
        map->data = (const uint8_t *)"";
    return status;
}

td_status td_map_open(td_map *map, const char *path, td_error *error) {
    int file;
    size_t size;
    *map = (td_map){0};
    TD_TRY(td_file_open(&file, &size, path, error));
    return map_file(map, file, size, path, error);
}

td_status td_map_open_alone(td_map *map, const char *path, td_error *error) {
    int file;
    struct stat info;
    *map = (td_map){0};
    TD_TRY(open_regular(&file, &info, path, O_NOFOLLOW, error));
    if (info.st_nlink == 1)
        return map_file(map, file, (size_t)info.st_size, path, error);
    close(file);
    return td_fail(error, TD_ERR_FORMAT,
                   "%s: expected a file of one name, found one of %ju: copy it", path,
                   (uintmax_t)info.st_nlink);
}

void td_map_release(const td_map *map, const void *data, size_t size) {
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = (uintptr_t)map->data;
    const uintptr_t from = (uintptr_t)data, end = begin + map->size;
    if (map->size == 0 || from < begin || from >= end)
        return;
    const uintptr_t first = (from + page - 1) / page * page;
    const uintptr_t last = (size < end - from ? from + size : end) / page * page;
    if (first < last)
        madvise((void *)first, last - first, MADV_DONTNEED);
}

void td_map_close(td_map *map) {
    td_crash_forget(&map->entry);
    if (map->size > 0)
        munmap((void *)map->data, map->size);
    *map = (td_map){0};
}

static td_file_stamp stamp_of(const struct stat *info) {
    return (td_file_stamp){.device = info->st_dev,
                           .inode = info->st_ino,
                           .size = info->st_size,
                           .modified = {info->st_mtim.tv_sec, info->st_mtim.tv_nsec},
                           .changed = {info->st_ctim.tv_sec, info->st_ctim.tv_nsec}};
}

td_file_stamp td_file_stamp_of(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 ? stamp_of(&info) : (td_file_stamp){0};
}

td_file_stamp td_file_stamp_of_descriptor(int file) {
    struct stat info;
    return fstat(file, &info) == 0 ? stamp_of(&info) : (td_file_stamp){0};
}

bool td_file_stamp_is_same(const td_file_stamp *a, const td_file_stamp *b) {
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified.seconds == b->modified.seconds &&
           a->modified.nanoseconds == b->modified.nanoseconds &&
           a->changed.seconds == b->changed.seconds &&
           a->changed.nanoseconds == b->changed.nanoseconds;
}

td_status td_fail_changed(td_error *error, const char *path) {
    return td_fail(error, TD_ERR_IO, "%s: changed while it was read", path);
}
