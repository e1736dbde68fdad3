/* SPDX-License-Identifier: MIT */
/* The interposed calls. Both names of calls with 64-bit offsets are defined, so the headers must
 * not rename them. */
#undef _FILE_OFFSET_BITS
#define _GNU_SOURCE
#include "torture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SAME_AS(name) __attribute__((alias(name)))

/* --- memory --- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size) {
    return torture_fails(TORTURE_ALLOC) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    return torture_fails(TORTURE_ALLOC) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
    return torture_fails(TORTURE_ALLOC) ? NULL : __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size) {
    return torture_fails(TORTURE_ALLOC) ? NULL : __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    return torture_fails(TORTURE_ALLOC) ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size) {
    const int before = errno;
    void *memory = aligned_alloc(alignment, size);
    errno = before;
    if (memory)
        *out = memory;
    return memory ? 0 : ENOMEM;
}

/* OpenBLAS's calls are exempt: it would retry its allocation for ever. */
void *mmap(void *address, size_t size, int rights, int flags, int fd, off_t offset) {
    if (torture_is_program(__builtin_return_address(0)) && torture_fails(TORTURE_MMAP))
        return MAP_FAILED;
    return (void *)syscall(SYS_mmap, address, size, rights, flags, fd, offset);
}

void *mmap64(void *address, size_t size, int rights, int flags, int fd, off64_t offset) {
    if (torture_is_program(__builtin_return_address(0)) && torture_fails(TORTURE_MMAP))
        return MAP_FAILED;
    return (void *)syscall(SYS_mmap, address, size, rights, flags, fd, offset);
}

/* --- opening --- */

/* It did not exist before, and these flags created it. */
static bool is_made(int dirfd, const char *path, int flags) {
    struct stat info;
    const int before = errno;
    const bool made = (flags & O_CREAT) && fstatat(dirfd, path, &info, 0) != 0 && errno == ENOENT;
    errno = before;
    return made;
}

static int open_at(int dirfd, const char *path, int flags, mode_t mode) {
    const bool made = is_made(dirfd, path, flags);
    if (torture_fails(TORTURE_OPEN))
        return -1;
    if (made || (flags & O_TRUNC))
        torture_disk_change();
    const int fd = (int)syscall(SYS_openat, dirfd, path, flags, mode);
    if (fd >= 0 && (flags & O_TMPFILE) != O_TMPFILE) /* a file without a name */
        torture_disk_opened(fd, dirfd, path, made);
    return fd;
}

static mode_t mode_of(int flags, va_list arguments) {
    return (flags & (O_CREAT | O_TMPFILE)) ? va_arg(arguments, mode_t) : 0;
}

int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int dirfd, const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_at(dirfd, path, flags, mode);
}

int open64(const char *path, int flags, ...) SAME_AS("open");
int openat64(int dirfd, const char *path, int flags, ...) SAME_AS("openat");

int mkostemp(char *path, int flags) {
    int (*real)(char *, int);
    if (torture_fails(TORTURE_OPEN))
        return -1;
    torture_disk_change();
    *(void **)&real = torture_real("mkostemp");
    const int fd = real(path, flags);
    if (fd >= 0)
        torture_disk_opened(fd, AT_FDCWD, path, true);
    return fd;
}

int mkstemp(char *path) {
    return mkostemp(path, 0);
}

int mkostemp64(char *path, int flags) SAME_AS("mkostemp");
int mkstemp64(char *path) SAME_AS("mkstemp");

DIR *opendir(const char *path) {
    DIR *(*real)(const char *);
    if (torture_fails(TORTURE_OPEN))
        return NULL;
    *(void **)&real = torture_real("opendir");
    return real(path);
}

typedef int (*filter_fn)(const struct dirent *);
typedef int (*order_fn)(const struct dirent **, const struct dirent **);

int scandir(const char *path, struct dirent ***out, filter_fn filter, order_fn order) {
    int (*real)(const char *, struct dirent ***, filter_fn, order_fn);
    if (torture_fails(TORTURE_OPEN))
        return -1;
    *(void **)&real = torture_real("scandir");
    return real(path, out, filter, order);
}

typedef int (*filter64_fn)(const struct dirent64 *);
typedef int (*order64_fn)(const struct dirent64 **, const struct dirent64 **);

int scandir64(const char *path, struct dirent64 ***out, filter64_fn filter, order64_fn order) {
    int (*real)(const char *, struct dirent64 ***, filter64_fn, order64_fn);
    if (torture_fails(TORTURE_OPEN))
        return -1;
    *(void **)&real = torture_real("scandir64");
    return real(path, out, filter, order);
}

FILE *fopen(const char *path, const char *mode) {
    const int flags = torture_open_flags(mode);
    const int fd = flags < 0 ? -1 : open_at(AT_FDCWD, path, flags, 0666);
    if (fd < 0)
        return NULL;
    FILE *stream = torture_stream(fd, mode);
    if (!stream)
        syscall(SYS_close, fd);
    return stream;
}

FILE *fdopen(int fd, const char *mode) {
    return torture_stream(fd, mode);
}

FILE *tmpfile(void) {
    const char *folder = "/tmp";
    const int fd = open_at(AT_FDCWD, folder, O_RDWR | O_TMPFILE, 0600);
    FILE *stream = fd < 0 ? NULL : torture_stream(fd, "w+");
    if (fd >= 0 && !stream)
        syscall(SYS_close, fd);
    return stream;
}

FILE *fopen64(const char *path, const char *mode) SAME_AS("fopen");
FILE *tmpfile64(void) SAME_AS("tmpfile");

/* --- reading, writing, closing --- */

ssize_t read(int fd, void *data, size_t size) {
    return torture_fails(TORTURE_READ) ? -1 : syscall(SYS_read, fd, data, size);
}

ssize_t write(int fd, const void *data, size_t size) {
    if (fd != STDERR_FILENO && torture_fails(TORTURE_WRITE))
        return -1;
    if (torture_disk_is_file(fd))
        torture_disk_change();
    const ssize_t done = syscall(SYS_write, fd, data, size);
    torture_disk_written(fd);
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
    if (torture_fails(TORTURE_WRITE))
        return -1;
    torture_disk_change();
    const ssize_t done = syscall(SYS_pwrite64, fd, data, size, offset);
    torture_disk_written(fd);
    return done;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) SAME_AS("pwrite");

static int sync_file(int fd, long number) {
    if (torture_fails(TORTURE_SYNC))
        return -1;
    torture_disk_change();
    const int done = (int)syscall(number, fd);
    if (done == 0)
        torture_disk_synced(fd);
    return done;
}

int fsync(int fd) {
    return sync_file(fd, SYS_fsync);
}

int fdatasync(int fd) {
    return sync_file(fd, SYS_fdatasync);
}

int close(int fd) {
    torture_disk_closed(fd);
    const int done = (int)syscall(SYS_close, fd);
    return torture_fails(TORTURE_CLOSE) ? -1 : done;
}

/* --- names --- */

static int do_rename(const torture_names *n) {
    return (int)syscall(SYS_renameat2, n->from_dir, n->from, n->to_dir, n->to, n->flags);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
    const torture_names names = {from_dir, to_dir, from, to, flags};
    const bool exchanges = (flags & RENAME_EXCHANGE) != 0;
    if (torture_fails(TORTURE_RENAME))
        return -1;
    return torture_disk_names(exchanges ? TORTURE_EXCHANGES : TORTURE_RENAMES, &names, do_rename);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to) {
    return renameat2(from_dir, from, to_dir, to, 0);
}

int rename(const char *from, const char *to) {
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

static int do_link(const torture_names *n) {
    return (int)syscall(SYS_linkat, n->from_dir, n->from, n->to_dir, n->to, n->flags);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags) {
    const torture_names names = {from_dir, to_dir, from, to, (unsigned)flags};
    return torture_fails(TORTURE_LINK) ? -1 : torture_disk_names(TORTURE_LINKS, &names, do_link);
}

int link(const char *from, const char *to) {
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

static int do_unlink(const torture_names *n) {
    return (int)syscall(SYS_unlinkat, n->from_dir, n->from, n->flags);
}

int unlinkat(int dirfd, const char *path, int flags) {
    const torture_names names = {.from_dir = dirfd, .from = path, .flags = (unsigned)flags};
    if (torture_fails(TORTURE_UNLINK))
        return -1;
    return torture_disk_names(flags & AT_REMOVEDIR ? TORTURE_REMOVES_FOLDER : TORTURE_UNLINKS,
                              &names, do_unlink);
}

int unlink(const char *path) {
    return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path) {
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

static int do_mkdir(const torture_names *n) {
    return (int)syscall(SYS_mkdirat, n->to_dir, n->to, n->flags);
}

int mkdirat(int dirfd, const char *path, mode_t mode) {
    const torture_names names = {.to_dir = dirfd, .to = path, .flags = mode};
    return torture_fails(TORTURE_MKDIR)
               ? -1
               : torture_disk_names(TORTURE_MAKES_FOLDER, &names, do_mkdir);
}

int mkdir(const char *path, mode_t mode) {
    return mkdirat(AT_FDCWD, path, mode);
}

char *mkdtemp(char *path) {
    char *(*real)(char *);
    if (torture_fails(TORTURE_MKDIR))
        return NULL;
    *(void **)&real = torture_real("mkdtemp");
    return real(path);
}
