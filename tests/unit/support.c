/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* nftw, asprintf */
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int support_enter_folder(void **state) {
    const char *parent = getenv("TMPDIR");
    char *folder;
    if (asprintf(&folder, "%s/trapdoor-test-XXXXXX", parent ? parent : "/tmp") < 0)
        return -1;
    *state = folder;
    return mkdtemp(folder) ? chdir(folder) : -1;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *place) {
    (void)info, (void)kind, (void)place;
    return remove(path);
}

int support_leave_folder(void **state) {
    int status = chdir("/");
    if (nftw(*state, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0)
        status = -1;
    free(*state);
    return status;
}

void support_write(const char *path, const void *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

void support_write_text(const char *path, const char *text) {
    support_write(path, text, strlen(text));
}

char *support_read(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    size_t length = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(length + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, length, file), length);
    bytes[length] = '\0';
    fclose(file);
    if (size)
        *size = length;
    return bytes;
}

void support_assert_file(const char *path, const char *text) {
    char *found = support_read(path, NULL);
    assert_string_equal(found, text);
    free(found);
}

void support_make_folder(const char *path) {
    char *copy = strdup(path);
    assert_non_null(copy);
    for (char *slash = strchr(copy, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        assert_true(mkdir(copy, 0777) == 0 || errno == EEXIST);
        *slash = '/';
    }
    assert_true(mkdir(copy, 0777) == 0 || errno == EEXIST);
    free(copy);
}

void support_write_picture(const char *path, size_t width, size_t height, size_t channels,
                           unsigned first) {
    const char *slash = strrchr(path, '/');
    if (slash) {
        char *folder = strndup(path, (size_t)(slash - path));
        support_make_folder(folder);
        free(folder);
    }
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fprintf(file, "P%c\n%zu %zu\n255\n", channels == 3 ? '6' : '5', width, height);
    for (size_t i = 0; i < width * height * channels; i++)
        fputc((int)((first + i) % 256), file);
    assert_int_equal(fclose(file), 0);
}

void support_assert_contains(const char *text, const char *part) {
    if (!strstr(text, part))
        fail_msg("expected \"%s\" in \"%s\"", part, text);
}

size_t support_count_files(void) {
    DIR *folder = opendir(".");
    assert_non_null(folder);
    size_t count = 0;
    for (const struct dirent *entry; (entry = readdir(folder));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            count++;
    closedir(folder);
    return count;
}
