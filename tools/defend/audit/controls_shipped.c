/* SPDX-License-Identifier: MIT */
/* Controls that ship with the program: records of trapdoor-defend controls in $TRAPDOOR_CONTROLS,
 * beside the installed program, or in the build folder. */
#include "base/json.h"
#include "data/path.h"
#include "defend/audit/controls.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Relative to the program's folder. */
static const char *const beside[] = {"../share/trapdoor/controls", "../../share/controls", NULL};

/* FOLDER-OF-THE-PROGRAM/PLACE. */
static bool place_beside(const char *place, char path[TD_PATH_SIZE]) {
    char program[TD_PATH_SIZE];
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0)
        return false;
    program[length] = '\0';
    char *name = strrchr(program, '/');
    if (!name)
        return false;
    *name = '\0';
    return td_path_join(path, program, place);
}

static bool find_folder(char path[TD_PATH_SIZE]) {
    const char *given = getenv("TRAPDOOR_CONTROLS");
    if (given) {
        const size_t length = strlen(given);
        if (length < TD_PATH_SIZE)
            memcpy(path, given, length + 1);
        return length < TD_PATH_SIZE && td_path_is_folder(path);
    }
    for (size_t i = 0; beside[i]; i++)
        if (place_beside(beside[i], path) && td_path_is_folder(path))
            return true;
    return false;
}

/* --- matching a record --- */

static bool is_text(const json_t *record, const char *key, const char *text) {
    const char *found = json_string_value(json_object_get(record, key));
    return found && strcmp(found, text) == 0;
}

static bool has_names(const json_t *record, const td_classes *classes) {
    const json_t *names = json_object_get(record, "class_names");
    if (!classes->names || json_array_size(names) != classes->count)
        return false;
    for (size_t i = 0; i < classes->count; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (!name || strcmp(name, classes->names[i]) != 0)
            return false;
    }
    return true;
}

/* Whether both read a file with the same content: parts of the same set. */
static bool shares_input(const json_t *a, const json_t *b) {
    size_t i, k;
    const json_t *x, *y;
    json_array_foreach(json_object_get(a, "inputs"), i, x) {
        const char *digest = json_string_value(json_object_get(x, "sha256"));
        json_array_foreach(json_object_get(b, "inputs"), k, y) {
            if (digest && is_text(y, "sha256", digest))
                return true;
        }
    }
    return false;
}

static bool is_of_net(const json_t *record, const td_net *net) {
    const char *text = json_string_value(json_object_get(record, "net_text"));
    td_net theirs;
    td_error error;
    if (!text || td_net_parse(&theirs, text, NULL, &error) != TD_OK)
        return false;
    const bool same = td_net_is_same(net, &theirs);
    td_net_free(&theirs);
    return same;
}

static bool fits(const json_t *record, const td_net *net, const tool_run *run) {
    return is_text(record, "method", "controls") && is_text(record, "version", TD_VERSION) &&
           is_of_net(record, net) &&
           (has_names(record, &run->classes) || shares_input(record, run->record.root));
}

/* --- all --- */

static int is_record(const struct dirent *entry) {
    const char *ending = strrchr(entry->d_name, '.');
    return entry->d_name[0] != '.' && ending && strcmp(ending, ".json") == 0;
}

static int compare(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Skips a file that cannot be read. */
static bool look(const char *path, const td_net *net, const tool_run *run) {
    td_error error;
    json_t *record;
    if (td_json_read(path, &record, &error) != TD_OK)
        return false;
    const bool found = fits(record, net, run);
    json_decref(record);
    return found;
}

td_status controls_find_shipped(tool_run *run, const td_net *net, const char **path,
                                td_error *error) {
    char folder[TD_PATH_SIZE], file[TD_PATH_SIZE];
    struct dirent **entries;
    *path = NULL;
    const int count = find_folder(folder) ? scandir(folder, &entries, is_record, compare) : -1;
    if (count < 0)
        return TD_OK;
    td_status status = TD_OK;
    for (int i = 0; i < count; i++) {
        if (!*path && status == TD_OK && td_path_join(file, folder, entries[i]->d_name) &&
            look(file, net, run))
            status = tool_run_text(run, path, error, "%s", file);
        free(entries[i]);
    }
    free(entries);
    return status;
}
