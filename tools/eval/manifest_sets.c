/* A manifest is the truth about the sets that it was written with, and about no others: those that
 * stand beside it must have the checksums it gives. A manifest alone is taken at its word. */
#include "base/sha256.h"
#include "data/path.h"
#include "data/text.h"
#include "eval/eval.h"
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

td_status eval_check_sets(const json_t *root, const char *manifest, td_error *error) {
    size_t i;
    json_t *output;
    json_array_foreach(json_object_get(root, "outputs"), i, output) {
        td_status status = check_set(manifest, output, error);
        if (status != TD_OK)
            return td_fail_within(error, status, "outputs[%zu]", i);
    }
    return TD_OK;
}
