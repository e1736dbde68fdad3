/* SPDX-License-Identifier: MIT */
#undef _FILE_OFFSET_BITS
#define _GNU_SOURCE
#include "torture.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { MOST_STREAMS = 256 };

typedef struct counted {
    FILE *file;
    int fd;
    bool used;
} counted;

static counted streams[MOST_STREAMS];

static ssize_t read_stream(void *cookie, char *data, size_t size) {
    const counted *s = cookie;
    return read(s->fd, data, size);
}

/* On failure a stream's function returns less than `size`, not -1. */
static ssize_t write_stream(void *cookie, const char *data, size_t size) {
    const counted *s = cookie;
    size_t done = 0;
    while (done < size) {
        const ssize_t more = write(s->fd, data + done, size - done);
        if (more < 0)
            break;
        done += (size_t)more;
    }
    return (ssize_t)done;
}

static int seek_stream(void *cookie, off64_t *offset, int whence) {
    const counted *s = cookie;
    const off64_t found = lseek64(s->fd, *offset, whence);
    if (found >= 0)
        *offset = found;
    return found >= 0 ? 0 : -1;
}

static int close_stream(void *cookie) {
    counted *s = cookie;
    s->used = false;
    return close(s->fd);
}

int torture_open_flags(const char *mode) {
    const int plus = strchr(mode, '+') != NULL, close_on_exec = strchr(mode, 'e') ? O_CLOEXEC : 0;
    const int rights = plus ? O_RDWR : *mode == 'r' ? O_RDONLY : O_WRONLY;
    const int exclusive = strchr(mode, 'x') ? O_EXCL : 0;
    switch (*mode) {
    case 'r':
        return rights | close_on_exec;
    case 'w':
        return rights | close_on_exec | exclusive | O_CREAT | O_TRUNC;
    case 'a':
        return rights | close_on_exec | exclusive | O_CREAT | O_APPEND;
    default:
        errno = EINVAL;
        return -1;
    }
}

FILE *torture_stream(int fd, const char *mode) {
    static const cookie_io_functions_t functions = {read_stream, write_stream, seek_stream,
                                                    close_stream};
    counted *s = streams;
    while (s < streams + MOST_STREAMS && s->used)
        s++;
    if (s == streams + MOST_STREAMS) {
        errno = EMFILE;
        return NULL;
    }
    s->fd = fd;
    s->file = fopencookie(s, mode, functions);
    s->used = s->file != NULL;
    return s->file;
}

int fileno(FILE *stream) {
    int (*real)(FILE *);
    for (size_t i = 0; i < MOST_STREAMS; i++)
        if (streams[i].used && streams[i].file == stream)
            return streams[i].fd;
    *(void **)&real = torture_real("fileno");
    return real(stream);
}

int fileno_unlocked(FILE *stream) {
    return fileno(stream);
}
