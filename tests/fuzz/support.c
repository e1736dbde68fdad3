/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memfd_create, nftw */
#include "fuzz.h"

#include "data/text.h"
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

_Noreturn void fuzz_fail(const char *file, int line, const char *text) {
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, text);
    abort();
}

bool fuzz_succeeded(td_status status, const td_error *error) {
    if (status == TD_OK)
        return true;
    const char *message = error->message;
    size_t length = strlen(message);
    if (length == 0 || !td_text_is_plain(message) || status == TD_ERR_MEMORY)
        fprintf(stderr, "message: \"%s\"\n", message);
    FUZZ_ASSERT(length > 0);
    FUZZ_ASSERT(td_text_is_plain(message));
    FUZZ_ASSERT(status != TD_ERR_MEMORY);
    return false;
}

void fuzz_expect(td_status status, const td_error *error) {
    if (status != TD_OK)
        fuzz_fail(__FILE__, __LINE__, error->message);
}

char *fuzz_text(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    FUZZ_ASSERT(text);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    size_t length = strlen(text);
    char *exact = realloc(text, length + 1); /* makes a read one byte too far out of bounds */
    FUZZ_ASSERT(exact);
    return exact;
}

/* Cut at the end, not at the beginning: the pages that a file has are used again. */
static void write_all(int fd, const uint8_t *data, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t count = pwrite(fd, data + done, size - done, (off_t)done);
        FUZZ_ASSERT(count > 0);
        done += (size_t)count;
    }
    FUZZ_ASSERT(ftruncate(fd, (off_t)size) == 0);
}

const char *fuzz_file(const uint8_t *data, size_t size) {
    static int fd = -1;
    static char path[32];
    if (fd < 0) {
        fd = memfd_create("input", MFD_CLOEXEC);
        FUZZ_ASSERT(fd >= 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    write_all(fd, data, size);
    return path;
}

static char folder[256];

static int remove_below(const char *path, const struct stat *info, int kind, struct FTW *where) {
    (void)info;
    (void)kind;
    return where->level == 0 ? 0 : remove(path);
}

void fuzz_folder_clear(void) {
    FUZZ_ASSERT(nftw(fuzz_folder(), remove_below, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

static void remove_folder(void) {
    fuzz_folder_clear();
    rmdir(folder);
}

const char *fuzz_folder(void) {
    if (!*folder) {
        const char *place = getenv("TMPDIR");
        snprintf(folder, sizeof folder, "%s/fuzz.XXXXXX", place && *place ? place : "/tmp");
        FUZZ_ASSERT(mkdtemp(folder));
        FUZZ_ASSERT(atexit(remove_folder) == 0);
    }
    return folder;
}

bool fuzz_folder_write(const char *name, const uint8_t *data, size_t size) {
    char path[1024];
    size_t start = (size_t)snprintf(path, sizeof path, "%s/", fuzz_folder());
    if (strlen(name) >= sizeof path - start)
        return false;
    memcpy(path + start, name, strlen(name) + 1);
    for (char *slash = strchr(path + start, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700); /* may already exist */
        *slash = '/';
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    write_all(fd, data, size);
    close(fd);
    return true;
}

void fuzz_output_open(fuzz_output *output) {
    *output = (fuzz_output){0};
    output->stream = open_memstream(&output->bytes, &output->size);
    FUZZ_ASSERT(output->stream);
}

void fuzz_output_close(fuzz_output *output) {
    FUZZ_ASSERT(fclose(output->stream) == 0);
    output->stream = NULL;
}

void fuzz_output_free(fuzz_output *output) {
    free(output->bytes);
    *output = (fuzz_output){0};
}

bool fuzz_same(const fuzz_output *a, const fuzz_output *b) {
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

void fuzz_touch(const void *bytes, size_t size) {
    static volatile unsigned char sink;
    const unsigned char *byte = bytes;
    unsigned char sum = 0;
    for (size_t i = 0; i < size; i++)
        sum = (unsigned char)(sum + byte[i]);
    sink = sum;
    (void)sink;
}
