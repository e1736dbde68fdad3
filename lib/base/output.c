/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Files without a name use a descriptor each until they are published; beyond this number,
 * temporary names are used. */
enum { MOST_NAMELESS = 128 };

enum { SELF_SIZE = 32 };

static td_status fail_errno(td_error *error, const char *path) {
    return td_fail(error, TD_ERR_IO, "%s: %s", path, strerror(errno));
}

static td_status fail_exists(td_error *error, const char *path) {
    return td_fail(error, TD_ERR_USAGE, "%s: exists already; --force replaces it", path);
}

static td_status fail_folder(td_error *error, const char *path) {
    return td_fail(error, TD_ERR_USAGE, "%s: expected a file to write, found a folder", path);
}

/* --- the final path --- */

size_t td_output_folder(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* NULL, with errno set, on failure. */
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
        else if (asprintf(&next, "%.*s%s", (int)td_output_folder(file), file, target) < 0)
            next = NULL;
        free(file);
        file = next;
    }
    errno = ENOMEM;
    return NULL;
}

td_status td_output_target(const char *path, char **out, td_error *error) {
    *out = follow_links(path);
    if (*out)
        return TD_OK;
    return errno == ELOOP ? fail_errno(error, path) : td_fail_memory(error, "a file name");
}

/* The folder part of a path, "." if there is none; NULL when out of memory. */
static char *copy_folder(const char *path) {
    const size_t length = td_output_folder(path);
    return length > 0 ? strndup(path, length) : strdup(".");
}

/* Whether a file with this name can be created in its folder; otherwise errno says why. */
static bool can_be_made(const char *target) {
    char *folder = copy_folder(target);
    if (!folder)
        return false;
    bool good = faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0;
    const long most = good ? pathconf(folder, _PC_NAME_MAX) : -1;
    if (good && most > 0 && strlen(target + td_output_folder(target)) > (size_t)most) {
        errno = ENAMETOOLONG;
        good = false;
    }
    free(folder);
    return good;
}

td_status td_output_check(const char *path, bool force, td_error *error) {
    struct stat info;
    char *target;
    if (*path == '\0')
        return td_fail(error, TD_ERR_USAGE, "expected the name of a file to write, found \"\"");
    if (stat(path, &info) == 0) {
        if (S_ISDIR(info.st_mode))
            return fail_folder(error, path);
        if (!S_ISREG(info.st_mode))
            return TD_OK;
        if (!force)
            return fail_exists(error, path);
    } else if (errno != ENOENT) {
        return fail_errno(error, path);
    }
    TD_TRY(td_output_target(path, &target, error));
    const td_status status = can_be_made(target) ? TD_OK : fail_errno(error, path);
    free(target);
    return status;
}

/* --- temporary names --- */

/* Creates a file `name`; negative, with errno set, on failure. */
typedef int make_fn(const td_output *output, const char *name);

/* ".NAME.XXXXXX" in the same folder, so that a rename stays within one file system; limited to the
 * longest allowed name. NULL, with errno set, on failure. */
static char *random_name(const char *path) {
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
    enum { MOST_OF_NAME = 64, RANDOM = 6 };
    const size_t folder = td_output_folder(path);
    unsigned char bytes[RANDOM];
    char ending[RANDOM + 1] = "", *name;
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        return NULL;
    for (int i = 0; i < RANDOM; i++)
        ending[i] = digits[bytes[i] % (sizeof digits - 1)];
    if (asprintf(&name, "%.*s.%.*s.%s", (int)folder, path, MOST_OF_NAME, path + folder, ending) < 0)
        return NULL;
    return name;
}

/* Creates a file with a new name, *name, in the output's folder, and returns the result of `make`.
 */
static int make_beside(const td_output *output, make_fn *make, char **name) {
    enum { ATTEMPTS = 100 };
    for (int i = 0; i < ATTEMPTS; i++) {
        *name = random_name(output->path);
        const int made = *name ? make(output, *name) : -1;
        const int reason = errno;
        if (made >= 0)
            return made;
        free(*name);
        *name = NULL;
        errno = reason;
        if (reason != EEXIST)
            break;
    }
    return -1;
}

static int create(const td_output *output, const char *name) {
    (void)output;
    return open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

static const char *self_path(int file, char path[SELF_SIZE]) {
    snprintf(path, SELF_SIZE, "/proc/self/fd/%d", file);
    return path;
}

static int link_nameless(const td_output *output, const char *name) {
    char self[SELF_SIZE];
    return linkat(AT_FDCWD, self_path(output->file, self), AT_FDCWD, name, AT_SYMLINK_FOLLOW);
}

static int link_old(const td_output *output, const char *name) {
    return link(output->path, name);
}

static int move_old(const td_output *output, const char *name) {
    return rename(output->path, name);
}

/* --- writing --- */

/* -1 if the file system does not support them, or too many are open. */
static int open_nameless(const char *path) {
    char self[SELF_SIZE], *folder = copy_folder(path);
    int file = folder ? open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666) : -1;
    free(folder);
    if (file < 0 || (file < MOST_NAMELESS && access(self_path(file, self), F_OK) == 0))
        return file;
    close(file);
    return -1;
}

/* Waits for a named pipe's reader. Opening it without O_NONBLOCK would wait, too, but begin again
 * after a signal; nanosleep does not. */
static int open_in_place(const char *path) {
    static const struct timespec pause = {.tv_nsec = 20000000};
    int file;
    while ((file = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK)) < 0 && errno == ENXIO)
        if (nanosleep(&pause, NULL) != 0)
            return -1;
    if (file >= 0)
        fcntl(file, F_SETFL, fcntl(file, F_GETFL) & ~O_NONBLOCK);
    return file;
}

/* The descriptor for the stream. */
static int open_file(td_output *o) {
    if (o->in_place)
        return open_in_place(o->path);
    o->file = open_nameless(o->path);
    o->nameless = o->file >= 0;
    if (o->nameless)
        return fcntl(o->file, F_DUPFD_CLOEXEC, 0);
    const int file = make_beside(o, create, &o->temporary);
    if (file >= 0)
        o->unwanted = td_crash_unwanted(o->temporary);
    return file;
}

td_status td_output_open(td_output *output, const char *path, bool force, td_error *error) {
    struct stat info;
    *output = (td_output){.force = force};
    TD_TRY(td_output_check(path, force, error));
    output->in_place = stat(path, &info) == 0 && !S_ISREG(info.st_mode);
    if (!output->in_place)
        TD_TRY(td_output_target(path, &output->path, error));
    else if (!(output->path = strdup(path))) /* the link /dev/stdout may lead to "pipe:[7]" */
        return td_fail_memory(error, "a file name");
    const int file = open_file(output);
    output->stream = file < 0 ? NULL : fdopen(file, "wb");
    if (output->stream)
        return TD_OK;
    const td_status status =
        output->in_place && errno == EINTR
            ? td_fail(error, TD_ERR_INTERRUPTED, "%s: interrupted before anything read it", path)
            : fail_errno(error, path);
    if (file >= 0)
        close(file);
    td_output_discard(output);
    return status;
}

td_status td_output_finish(td_output *output, td_error *error) {
    errno = 0;
    /* After an earlier failure the flush fails again and gives the reason. */
    bool failed = fflush(output->stream) != 0 || ferror(output->stream) ||
                  (!output->in_place && fsync(fileno(output->stream)) != 0);
    int reason = errno;
    failed |= fclose(output->stream) != 0;
    output->stream = NULL;
    if (!failed)
        return TD_OK;
    errno = reason ? reason : errno ? errno : EIO;
    td_status status = fail_errno(error, output->path);
    td_output_discard(output);
    return status;
}

td_status td_output_digest(const td_output *output, td_digest *out, td_error *error) {
    td_file_stamp stamp;
    return output->nameless ? td_sha256_descriptor(output->file, output->path, out, &stamp, error)
                            : td_sha256_file(output->temporary, out, error);
}

td_status td_output_remove(td_output *output, const char *path, td_error *error) {
    *output = (td_output){.removes = true, .path = strdup(path)};
    return output->path ? TD_OK : td_fail_memory(error, "a file name");
}

/* --- publishing --- */

static void forget_temporary(td_output *o) {
    td_crash_forget(&o->unwanted);
    free(o->temporary);
    o->temporary = NULL;
}

/* Fallback if the kernel or the file system cannot rename without replacing. */
static int put_new_otherwise(const td_output *o) {
    if (link(o->temporary, o->path) == 0)
        return unlink(o->temporary);
    if (errno == EEXIST || access(o->path, F_OK) == 0) {
        errno = EEXIST;
        return -1;
    }
    return rename(o->temporary, o->path);
}

/* -1 with EEXIST if the file exists. */
static int put_new(td_output *o) {
    int failed;
    if (o->nameless) {
        failed = link_nameless(o, o->path);
    } else {
        failed = renameat2(AT_FDCWD, o->temporary, AT_FDCWD, o->path, RENAME_NOREPLACE);
        if (failed && (errno == EINVAL || errno == ENOSYS))
            failed = put_new_otherwise(o);
    }
    if (failed)
        return -1;
    o->state = TD_OUTPUT_IS_NEW;
    forget_temporary(o);
    return 0;
}

/* Fallback if the two files cannot be exchanged atomically. */
static int replace_otherwise(td_output *o) {
    char *old;
    const bool linked = make_beside(o, link_old, &old) == 0;
    if (!linked && make_beside(o, move_old, &old) != 0)
        return -1;
    const int failed = rename(o->temporary, o->path), reason = errno;
    if (!failed) {
        forget_temporary(o);
        o->temporary = old;
        return 0;
    }
    if (rename(old, o->path) == 0) /* does nothing if both are the same file */
        unlink(old);
    free(old);
    errno = reason;
    return -1;
}

/* -1 with ENOENT if the file no longer exists. */
static int replace(td_output *o) {
    if (o->nameless) {
        char *name;
        if (make_beside(o, link_nameless, &name) != 0)
            return -1;
        o->temporary = name;
        o->nameless = false;
        close(o->file);
    }
    int failed = renameat2(AT_FDCWD, o->temporary, AT_FDCWD, o->path, RENAME_EXCHANGE);
    if (failed && (errno == EINVAL || errno == ENOSYS))
        failed = replace_otherwise(o);
    if (failed)
        return -1;
    o->state = TD_OUTPUT_REPLACED;
    return 0;
}

static td_status take_away(td_output *o, td_error *error) {
    if (make_beside(o, move_old, &o->temporary) == 0)
        o->state = TD_OUTPUT_REPLACED;
    else if (errno != ENOENT)
        return fail_errno(error, o->path);
    return TD_OK;
}

static td_status put(td_output *o, td_error *error) {
    enum { ATTEMPTS = 10 };
    struct stat info;
    if (o->removes)
        return take_away(o, error);
    for (int i = 0; i < ATTEMPTS;
         i++) { /* other processes may create and remove the file meanwhile */
        if (put_new(o) == 0)
            return TD_OK;
        if (errno != EEXIST)
            break;
        if (!o->force)
            return fail_exists(error, o->path);
        if (lstat(o->path, &info) == 0 && S_ISDIR(info.st_mode))
            return fail_folder(error, o->path);
        if (replace(o) == 0)
            return TD_OK;
        if (errno != ENOENT)
            break;
    }
    return fail_errno(error, o->path);
}

/* Restores the previous state; reports files that cannot be restored. */
static void take_back(td_output *o, td_error *error) {
    if (o->state == TD_OUTPUT_IS_NEW)
        unlink(o->path);
    if (o->state == TD_OUTPUT_REPLACED) {
        const td_error before = error ? *error : (td_error){""};
        if (rename(o->temporary, o->path) != 0)
            td_fail(error, TD_ERR_IO, "%s; what stood at %s is at %s now", before.message, o->path,
                    o->temporary);
        forget_temporary(o);
    }
    o->state = TD_OUTPUT_WAITS;
}

td_status td_output_sync_folder(const char *path, td_error *error) {
    char *folder = copy_folder(path);
    if (!folder)
        return td_fail_memory(error, "a file name");
    td_status status = TD_OK;
    const int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* Some file systems cannot sync a folder, and a folder that is writable need not be readable.
     */
    if (file < 0 ? errno != EACCES
                 : fsync(file) != 0 && errno != EINVAL && errno != EROFS && errno != ENOTSUP)
        status = fail_errno(error, folder);
    if (file >= 0)
        close(file);
    free(folder);
    return status;
}

static bool same_folder(const td_output *a, const td_output *b) {
    const size_t length = td_output_folder(a->path);
    return length == td_output_folder(b->path) && strncmp(a->path, b->path, length) == 0;
}

static td_status put_all(td_output *const *outputs, size_t count, td_error *error) {
    const td_output *synced = NULL;
    for (size_t i = 0; i < count; i++)
        if (!outputs[i]->in_place)
            TD_TRY(put(outputs[i], error));
    for (size_t i = 0; i < count; i++)
        if (outputs[i]->state != TD_OUTPUT_WAITS && !(synced && same_folder(synced, outputs[i]))) {
            TD_TRY(td_output_sync_folder(outputs[i]->path, error));
            synced = outputs[i];
        }
    return TD_OK;
}

/* Removes replaced and withdrawn files, once all new ones are in place. */
static td_status remove_old(td_output *o, td_error *error) {
    td_status status = TD_OK;
    if (o->temporary && unlink(o->temporary) != 0 && errno != ENOENT)
        status = td_fail(error, TD_ERR_IO, "%s: %s, but what stood there is at %s now: %s", o->path,
                         o->removes ? "removed" : "written", o->temporary, strerror(errno));
    if (o->temporary)
        forget_temporary(o);
    return status;
}

td_status td_outputs_publish(td_output *const *outputs, size_t count, td_error *error) {
    td_crash_hold();
    td_status status = put_all(outputs, count, error);
    for (size_t i = count; status != TD_OK && i-- > 0;)
        take_back(outputs[i], error);
    for (size_t i = 0; i < count; i++) {
        const bool stands = outputs[i]->state == TD_OUTPUT_REPLACED;
        const td_status removed =
            stands ? remove_old(outputs[i], status == TD_OK ? error : NULL) : TD_OK;
        if (status == TD_OK)
            status = removed;
        td_output_discard(outputs[i]);
    }
    td_crash_release();
    return status;
}

td_status td_output_commit(td_output *output, td_error *error) {
    TD_TRY(td_output_finish(output, error));
    return td_outputs_publish(&output, 1, error);
}

void td_output_discard(td_output *output) {
    if (output->stream)
        fclose(output->stream);
    if (output->nameless)
        close(output->file);
    if (output->temporary)
        unlink(output->temporary);
    td_crash_forget(&output->unwanted);
    free(output->temporary);
    free(output->path);
    *output = (td_output){0};
}
