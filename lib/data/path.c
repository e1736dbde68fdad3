/* SPDX-License-Identifier: MIT */
#include "data/path.h"

#include "data/entry.h"
#include <stdio.h>
#include <string.h>

bool td_path_join(char *out, const char *folder, const char *name) {
    size_t length = strlen(folder);
    const char *slash = length > 0 && folder[length - 1] == '/' ? "" : "/";
    int used = snprintf(out, TD_PATH_SIZE, "%s%s%s", folder, slash, name);
    if (used >= 0 && used < TD_PATH_SIZE)
        return true;
    *out = '\0';
    return false;
}

bool td_path_exists(const char *path) {
    return td_entry_look(path) != TD_ENTRY_NONE;
}

bool td_path_is_folder(const char *path) {
    return td_entry_look(path) == TD_ENTRY_FOLDER;
}

bool td_path_is_file(const char *path) {
    return td_entry_look(path) == TD_ENTRY_FILE;
}

const char *td_path_base(const char *path, size_t *length) {
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    *length = end - begin;
    return path + begin;
}
