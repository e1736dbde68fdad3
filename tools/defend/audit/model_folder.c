/* SPDX-License-Identifier: MIT */
#include "defend/audit/model_folder.h"

#include "data/path.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of the formats that are read (model/source.h); the first is the program's own. */
static const char *const endings[] = {".safetensors", ".onnx", ".pt", ".pth", NULL};

static bool ends_in(const char *name, const char *ending) {
    const size_t length = strlen(name), least = strlen(ending);
    return length > least && strcmp(name + length - least, ending) == 0;
}

size_t model_folder_stem(const char *name) {
    return strlen(name) - (ends_in(name, endings[0]) ? strlen(endings[0]) : 0);
}

static int is_model(const struct dirent *entry) {
    bool found = false;
    for (size_t i = 0; endings[i]; i++)
        found |= ends_in(entry->d_name, endings[i]);
    return found && entry->d_name[0] != '.';
}

static int compare(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static td_status copy_names(struct dirent **entries, size_t count, td_arena *arena,
                            const char ***names, td_error *error) {
    TD_TRY(TD_ARENA_NEW(arena, count, names, "models", error));
    for (size_t i = 0; i < count; i++) {
        char *copy;
        TD_TRY(td_arena_text(arena, entries[i]->d_name, strlen(entries[i]->d_name), &copy, error));
        (*names)[i] = copy;
    }
    return TD_OK;
}

/* The entries for which `is_wanted` holds, sorted. */
static td_status list(const char *folder, int (*is_wanted)(const struct dirent *), td_arena *arena,
                      const char ***names, size_t *count, td_error *error) {
    struct dirent **entries;
    const int found = scandir(folder, &entries, is_wanted, compare);
    if (found < 0)
        return td_fail(error, TD_ERR_IO, "%s: %s", folder, strerror(errno));
    td_status status = copy_names(entries, (size_t)found, arena, names, error);
    for (int i = 0; i < found; i++)
        free(entries[i]);
    free(entries);
    *count = (size_t)found;
    return status;
}

td_status model_folder_list(const char *folder, td_arena *arena, const char ***names, size_t *count,
                            td_error *error) {
    *names = NULL;
    *count = 0;
    return td_path_is_folder(folder) ? list(folder, is_model, arena, names, count, error) : TD_OK;
}

static int is_seen(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

td_status model_folder_kinds(const char *folder, size_t most, td_arena *arena, const char ***names,
                             size_t *count, td_error *error) {
    char path[TD_PATH_SIZE];
    size_t entries;
    *count = 0;
    TD_TRY(list(folder, is_seen, arena, names, &entries, error));
    for (size_t i = 0; i < entries; i++)
        if (td_path_join(path, folder, (*names)[i]) && td_path_is_folder(path))
            (*names)[(*count)++] = (*names)[i];
    return *count <= most
               ? TD_OK
               : td_fail(error, TD_ERR_USAGE, "%s: expected at most %zu folders, found %zu", folder,
                         most, *count);
}
