/* SPDX-License-Identifier: MIT */
/* Reads a detector's result from its record. */
#include "defend/detect/detect.h"
#include <string.h>

static td_status fail(size_t place, const char *key, const char *expected, td_error *error) {
    return td_fail(error, TD_ERR_FORMAT, "\"files\": entry %zu: \"%s\": expected %s", place, key,
                   expected);
}

static td_status take_set(const json_t *entry, size_t place, td_arena *arena,
                          detect_outcome_set *out, td_error *error) {
    const char *kind = json_string_value(json_object_get(entry, "kind"));
    const char *data = json_string_value(json_object_get(entry, "data"));
    char *copy;
    if (!kind || (strcmp(kind, "suspect") != 0 && strcmp(kind, "benign") != 0))
        return fail(place, "kind", "benign or suspect", error);
    if (!data)
        return fail(place, "data", "a text", error);
    if (!tool_json_take_rate(entry, "flagged", &out->flagged))
        return fail(place, "flagged_count", "[hits, trials]", error);
    TD_TRY(td_arena_text(arena, data, strlen(data), &copy, error));
    out->data = copy;
    out->suspect = strcmp(kind, "suspect") == 0;
    out->above = json_is_true(json_object_get(entry, "above_expected"));
    return TD_OK;
}

td_status detect_read(const json_t *record, td_arena *arena, const void **outcome,
                      td_error *error) {
    const json_t *files = json_object_get(record, "files"), *entry;
    detect_outcome *made;
    size_t i;
    if (!json_is_array(files))
        return td_fail(error, TD_ERR_FORMAT, "\"files\": expected the sets judged, found none");
    TD_TRY(TD_ARENA_NEW(arena, 1, &made, "a record", error));
    made->count = json_array_size(files);
    TD_TRY(TD_ARENA_NEW(arena, made->count, &made->sets, "a record", error));
    json_array_foreach(files, i, entry) {
        TD_TRY(take_set(entry, i, arena, &made->sets[i], error));
    }
    *outcome = made;
    return TD_OK;
}
