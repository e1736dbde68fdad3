#define _GNU_SOURCE
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static td_status fail_errno(td_error *error, const char *path) {
    return td_fail(error, TD_ERR_IO, "%s: %s", path, strerror(errno));
}

td_status td_map_open(td_map *map, const char *path, td_error *error) {
    *map = (td_map){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fail_errno(error, path);
    struct stat info;
    td_status status = TD_OK;
    if (fstat(fd, &info) != 0) {
        status = fail_errno(error, path);
    } else if (!S_ISREG(info.st_mode)) {
        status = td_fail(error, TD_ERR_IO, "%s: expected a regular file, found %s", path,
                         S_ISDIR(info.st_mode) ? "a folder" : "something else");
    } else if (info.st_size == 0) {
        map->data = (const uint8_t *)"";
    } else {
        void *data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
            status = fail_errno(error, path);
        else
            *map = (td_map){data, (size_t)info.st_size};
    }
    close(fd);
    return status;
}

void td_map_close(td_map *map) {
    if (map->size > 0)
        munmap((void *)map->data, map->size);
    *map = (td_map){0};
}

td_status td_output_check(const char *path, bool force, td_error *error) {
    struct stat info;
    if (*path == '\0')
        return td_fail(error, TD_ERR_USAGE, "expected the name of a file to write, found \"\"");
    if (stat(path, &info) != 0)
        return errno == ELOOP ? fail_errno(error, path) : TD_OK;
    if (S_ISDIR(info.st_mode))
        return td_fail(error, TD_ERR_USAGE, "%s: expected a file to write, found a folder", path);
    if (S_ISREG(info.st_mode) && !force)
        return td_fail(error, TD_ERR_USAGE, "%s: exists already; --force replaces it", path);
    return TD_OK;
}

/* How long the folder of a path is, with its last slash. */
static int folder_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (int)(slash - path) + 1 : 0;
}

/* The file behind a symbolic link, be it there or not: a link as output stays, and what it leads to
 * is written. The path itself for anything else. NULL, with errno set, for a circle of links. */
static char *follow_links(const char *path) {
    enum { MOST_LINKS = 40 };
    char *file = strdup(path), target[PATH_MAX];
    for (int links = 0; file; links++) {
        ssize_t length = readlink(file, target, sizeof target - 1);
        char *next;
        if (length < 0)
            return file;
        target[length] = '\0';
        if (links == MOST_LINKS) {
            free(file);
            errno = ELOOP;
            return NULL;
        }
        if (*target == '/')
            next = strdup(target);
        else if (asprintf(&next, "%.*s%s", folder_length(file), file, target) < 0)
            next = NULL;
        free(file);
        file = next;
    }
    return NULL;
}

/* A temporary name in the same folder, so that the rename stays within one file system; not longer
 * than a name may be. */
static char *temporary_name(const char *path) {
    enum { MOST_OF_NAME = NAME_MAX - 8 };
    const int folder = folder_length(path);
    char *name;
    return asprintf(&name, "%.*s.%.*s.XXXXXX", folder, path, MOST_OF_NAME, path + folder) < 0
               ? NULL
               : name;
}

static int open_temporary(char *name) {
    int fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0)
        return -1;
    /* mkostemp makes it private; a result file has the rights that the user's umask gives. */
    mode_t mask = umask(0);
    umask(mask);
    fchmod(fd, 0666 & ~mask);
    return fd;
}

td_status td_output_open(td_output *output, const char *path, bool force, td_error *error) {
    *output = (td_output){.force = force};
    TD_TRY(td_output_check(path, force, error));
    struct stat info;
    bool in_place = stat(path, &info) == 0 && !S_ISREG(info.st_mode);
    errno = 0;
    char *copy = follow_links(path);
    if (!copy && errno == ELOOP)
        return fail_errno(error, path);
    char *temporary = in_place || !copy ? NULL : temporary_name(copy);
    if (!copy || (!in_place && !temporary)) {
        free(copy);
        free(temporary);
        return td_fail_memory(error, "a file name");
    }
    int fd = in_place ? open(path, O_WRONLY | O_CLOEXEC) : open_temporary(temporary);
    FILE *stream = fd < 0 ? NULL : fdopen(fd, "wb");
    if (!stream) {
        td_status status = fail_errno(error, path);
        if (fd >= 0) {
            close(fd);
            if (temporary)
                unlink(temporary);
        }
        free(copy);
        free(temporary);
        return status;
    }
    output->stream = stream;
    output->path = copy;
    output->temporary = temporary;
    return TD_OK;
}

td_status td_output_finish(td_output *output, td_error *error) {
    errno = 0;
    /* After an earlier failure the flush fails again, and says why. */
    bool failed = fflush(output->stream) != 0 || ferror(output->stream) ||
                  (output->temporary && fsync(fileno(output->stream)) != 0);
    int reason = errno;
    failed |= fclose(output->stream) != 0;
    output->stream = NULL;
    if (!failed)
        return TD_OK;
    errno = reason ? reason : EIO;
    td_status status = fail_errno(error, output->path);
    td_output_discard(output);
    return status;
}

td_status td_output_publish(td_output *output, td_error *error) {
    td_status status = TD_OK;
    if (output->temporary) {
        unsigned flags = output->force ? 0 : RENAME_NOREPLACE;
        int done = renameat2(AT_FDCWD, output->temporary, AT_FDCWD, output->path, flags);
        if (done != 0 && errno == EINVAL) /* a file system without RENAME_NOREPLACE */
            done = rename(output->temporary, output->path);
        if (done == 0) {
            free(output->temporary);
            output->temporary = NULL;
        } else {
            status = errno == EEXIST
                         ? td_fail(error, TD_ERR_USAGE, "%s: exists already; --force replaces it",
                                   output->path)
                         : fail_errno(error, output->path);
        }
    }
    td_output_discard(output);
    return status;
}

td_status td_output_commit(td_output *output, td_error *error) {
    TD_TRY(td_output_finish(output, error));
    return td_output_publish(output, error);
}

void td_output_discard(td_output *output) {
    if (output->stream)
        fclose(output->stream);
    if (output->temporary)
        unlink(output->temporary);
    free(output->temporary);
    free(output->path);
    *output = (td_output){0};
}
