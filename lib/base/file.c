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

td_status td_file_open(int *file, size_t *size, const char *path, td_error *error) {
    struct stat info;
    *file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*file < 0)
        return fail_errno(error, path);
    td_status status = TD_OK;
    if (fstat(*file, &info) != 0)
        status = fail_errno(error, path);
    else if (!S_ISREG(info.st_mode))
        status = td_fail(error, TD_ERR_IO, "%s: expected a regular file, found %s", path,
                         S_ISDIR(info.st_mode) ? "a folder" : "something else");
    if (status != TD_OK)
        close(*file);
    else
        *size = (size_t)info.st_size;
    return status;
}

td_status td_map_open(td_map *map, const char *path, td_error *error) {
    int file;
    size_t size;
    *map = (td_map){0};
    TD_TRY(td_file_open(&file, &size, path, error));
    void *data = size > 0 ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0) : NULL;
    const td_status status = data == MAP_FAILED ? fail_errno(error, path) : TD_OK;
    close(file);
    if (status == TD_OK && size > 0)
        *map = (td_map){data, size, td_crash_mapped(data, size, path)};
    else if (status == TD_OK)
        map->data = (const uint8_t *)"";
    return status;
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
