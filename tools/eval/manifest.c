/* A manifest is the truth about the sets that it was written with, and about no others: those that
 * stand beside it must have the checksums it gives. */
#include "eval/eval.h"

#include "base/json.h"
#include "base/sha256.h"
#include "data/path.h"
#include "data/text.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN = 16 }; /* digits of a checksum in a message */

static td_status check_set(const char *manifest, const json_t *output, td_error *error) {
    const char *name = json_string_value(json_object_get(output, "file"));
    const char *wanted = json_string_value(json_object_get(output, "sha256"));
    if (!name || !wanted)
        return TD_OK;
    if (!td_text_is_plain(name) || strchr(name, '/'))
        return td_fail(error, TD_ERR_FORMAT, "file: expected the name of a file, found \"%.40s\"",
                       td_text_is_plain(name) ? name : "control characters");
    char path[TD_PATH_SIZE];
    const char *slash = strrchr(manifest, '/');
    int folder = slash ? (int)(slash - manifest) + 1 : 0;
    int length = snprintf(path, sizeof path, "%.*s%s", folder, manifest, name);
    if (length >= (int)sizeof path || !td_path_exists(path))
        return TD_OK;
    td_digest found;
    TD_TRY(td_sha256_file(path, &found, error));
    if (strcmp(found.hex, wanted) == 0)
        return TD_OK;
    return td_fail(error, TD_ERR_FORMAT,
                   "expected %s beside it with SHA-256 %.*s..., found %.*s...: another set", name,
                   SHOWN, td_text_is_plain(wanted) ? wanted : "?", SHOWN, found.hex);
}

static td_status check_sets(const json_t *root, const char *manifest, td_error *error) {
    size_t i;
    json_t *output;
    json_array_foreach(json_object_get(root, "outputs"), i, output) {
        td_status status = check_set(manifest, output, error);
        if (status != TD_OK)
            return td_fail_within(error, status, "outputs[%zu]", i);
    }
    return TD_OK;
}

static bool uses(const json_t *output, size_t number) {
    size_t i;
    json_t *index;
    json_array_foreach(json_object_get(output, "trigger_indices"), i, index) {
        if (json_is_integer(index) && (size_t)json_integer_value(index) == number)
            return true;
    }
    return false;
}

/* The file of the only one of several outputs that was poisoned with this trigger, or NULL. */
static const char *find_output(const json_t *root, size_t number) {
    const json_t *outputs = json_object_get(root, "outputs"), *output;
    const char *file = NULL;
    size_t i, users = 0;
    json_array_foreach(outputs, i, output) {
        if (!uses(output, number))
            continue;
        users++;
        file = json_string_value(json_object_get(output, "file"));
    }
    return users == 1 && json_array_size(outputs) > 1 ? file : NULL;
}

static td_status copy(td_arena *arena, const char *text, size_t length, const char **out,
                      td_error *error) {
    char *own;
    TD_TRY(td_arena_text(arena, text, length, &own, error));
    *out = own;
    return TD_OK;
}

static td_status read_pair(const json_t *root, const json_t *entry, size_t number, td_arena *arena,
                           eval_pair *pair, td_error *error) {
    const json_t *target = json_object_get(entry, "target");
    const char *trigger = json_string_value(json_object_get(entry, "trigger")),
               *output = find_output(root, number);
    if (!trigger)
        return td_fail(error, TD_ERR_FORMAT, "triggers[%zu]: expected a trigger's text", number);
    if (!json_is_integer(target) || json_integer_value(target) < 0)
        return td_fail(error, TD_ERR_FORMAT,
                       "triggers[%zu]: expected one class as target; give --trigger and --target",
                       number);
    pair->target = (size_t)json_integer_value(target);
    if (output)
        TD_TRY(copy(arena, output, strcspn(output, "."), &pair->output, error));
    return copy(arena, trigger, strlen(trigger), &pair->trigger, error);
}

static td_status read_pairs(const json_t *root, td_arena *arena, eval_pair **pairs, size_t *count,
                            td_error *error) {
    const json_t *entries = json_object_get(root, "triggers"), *entry;
    size_t i;
    *count = json_array_size(entries);
    if (*count == 0)
        return td_fail(error, TD_ERR_FORMAT, "expected a list of triggers under \"triggers\"");
    TD_TRY(TD_ARENA_NEW(arena, *count, pairs, "triggers", error));
    json_array_foreach(entries, i, entry) {
        TD_TRY(read_pair(root, entry, i, arena, &(*pairs)[i], error));
    }
    return TD_OK;
}

td_status eval_manifest_read(const char *path, td_arena *arena, eval_pair **pairs, size_t *count,
                             td_error *error) {
    json_t *root;
    TD_TRY(td_json_read(path, &root, error));
    td_status status = check_sets(root, path, error);
    if (status == TD_OK)
        status = read_pairs(root, arena, pairs, count, error);
    json_decref(root);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", path);
}
