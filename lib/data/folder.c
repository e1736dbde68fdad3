/* SPDX-License-Identifier: MIT */
#include "data/folder.h"

#include "base/utf8.h"
#include "data/text.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static td_status fail_errno(td_error *error, const char *path) {
    if (errno == ENOMEM)
        return td_fail(error, TD_ERR_MEMORY, "%s: out of memory", path);
    return td_fail(error, TD_ERR_IO, "%s: %s", path, strerror(errno));
}

static int compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Adds a name to folder->names, which grow by doubling. */
static td_status add(td_folder *folder, const char *name, td_arena *arena, td_error *error) {
    size_t count = folder->count;
    if ((count & (count - 1)) == 0) {
        char **names;
        TD_TRY(TD_ARENA_NEW(arena, count ? 2 * count : 1, &names, "file names", error));
        if (count > 0)
            memcpy(names, folder->names, count * sizeof *names);
        folder->names = names;
    }
    TD_TRY(td_arena_text(arena, name, strlen(name), &folder->names[count], error));
    folder->count++;
    return TD_OK;
}

static bool is_passed_over(const char *name) {
    static const char *const names[] = {"Thumbs.db", "ehthumbs.db", "desktop.ini",
                                        "__MACOSX",  "@eaDir",      "$RECYCLE.BIN"};
    if (name[0] == '.')
        return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

td_status td_folder_read(td_folder *out, const char *path, td_arena *arena, td_error *error) {
    *out = (td_folder){0};
    DIR *stream = opendir(path);
    if (!stream)
        return fail_errno(error, path);
    td_status status = TD_OK;
    while (status == TD_OK) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (!entry) {
            if (errno)
                status = fail_errno(error, path);
            break;
        }
        if (!is_passed_over(entry->d_name))
            status = add(out, entry->d_name, arena, error);
    }
    closedir(stream);
    if (status == TD_OK && out->count > 0)
        qsort(out->names, out->count, sizeof *out->names, compare);
    return status;
}

td_status td_folder_read_folders(td_folder *out, const char *path, td_arena *arena,
                                 td_error *error) {
    TD_TRY(td_folder_read(out, path, arena, error));
    size_t count = 0;
    for (size_t i = 0; i < out->count; i++) {
        char entry[TD_PATH_SIZE];
        td_entry kind;
        TD_TRY(td_folder_join(entry, path, out->names[i], error));
        TD_TRY(td_folder_look(&kind, entry, error));
        if (kind == TD_ENTRY_FOLDER)
            out->names[count++] = out->names[i];
    }
    out->count = count;
    return TD_OK;
}

td_status td_folder_join(char *out, const char *folder, const char *name, td_error *error) {
    if (td_path_join(out, folder, name))
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE, "%s: expected paths of less than %d bytes below it", folder,
                   TD_PATH_SIZE);
}

td_status td_folder_look(td_entry *out, const char *path, td_error *error) {
    struct stat info;
    if (stat(path, &info) != 0)
        return fail_errno(error, path);
    *out = S_ISREG(info.st_mode)   ? TD_ENTRY_FILE
           : S_ISDIR(info.st_mode) ? TD_ENTRY_FOLDER
                                   : TD_ENTRY_OTHER;
    return TD_OK;
}

td_status td_folder_check_name(const char *folder, const char *name, td_error *error) {
    if (td_text_is_plain(name) && td_utf8_is_valid(name))
        return TD_OK;
    char shown[256];
    size_t used = 0;
    for (; *name && used + 5 < sizeof shown; name++) {
        unsigned char byte = (unsigned char)*name;
        bool plain = byte >= ' ' && byte < 0x7f;
        used += (size_t)snprintf(shown + used, sizeof shown - used, plain ? "%c" : "\\x%02x", byte);
    }
    return td_fail(error, TD_ERR_FORMAT,
                   "%s: expected names in UTF-8 without control characters, found \"%s\"", folder,
                   shown);
}
