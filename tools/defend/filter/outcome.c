/* SPDX-License-Identifier: MIT */
/* Reads a filter's result from its record. */
#include "defend/filter/filter.h"

#include "base/json.h"
#include <math.h>

static td_status take_class(const json_t *entry, size_t place, filter_outcome *of,
                            td_error *error) {
    const json_t *flagged = json_object_get(entry, "flagged");
    const json_t *silhouette = json_object_get(entry, "silhouette");
    json_int_t number, images, suspects;
    if (!td_json_take_integer(entry, "class", &number) ||
        !td_json_take_integer(entry, "images", &images) ||
        !td_json_take_integer(entry, "suspects", &suspects) || number < 0 ||
        number >= TD_MOST_CLASSES || suspects < 0 || suspects > images)
        return td_fail(error, TD_ERR_FORMAT,
                       "\"classes\": entry %zu: expected \"class\", \"images\" and \"suspects\", "
                       "whole numbers",
                       place);
    of->classes[place] = (filter_outcome_class){
        .number = (size_t)number,
        .images = (size_t)images,
        .suspects = (size_t)suspects,
        .flagged = json_is_true(flagged),
        .silhouette = json_is_number(silhouette) ? json_number_value(silhouette) : NAN};
    of->ranks = of->ranks && !flagged;
    return TD_OK;
}

td_status filter_read(const json_t *record, td_arena *arena, const void **outcome,
                      td_error *error) {
    const json_t *classes = json_object_get(record, "classes");
    const json_t *suspects = json_object_get(record, "suspects");
    const json_t *images = json_object_get(record, "images");
    filter_outcome *made;
    json_int_t last = -1;
    json_t *entry;
    size_t i;
    if (!json_is_array(classes) || !json_is_array(suspects) || !json_is_integer(images) ||
        json_integer_value(images) < 0)
        return td_fail(
            error, TD_ERR_FORMAT,
            "expected a filter's \"classes\", \"images\" and \"suspects\", found another "
            "record");
    TD_TRY(TD_ARENA_NEW(arena, 1, &made, "a record", error));
    *made = (filter_outcome){.ranks = true,
                             .images = (size_t)json_integer_value(images),
                             .class_count = json_array_size(classes),
                             .left_out = json_array_size(json_object_get(record, "left_out")),
                             .suspect_count = json_array_size(suspects)};
    TD_TRY(TD_ARENA_NEW(arena, made->class_count, &made->classes, "a record", error));
    TD_TRY(TD_ARENA_NEW(arena, made->suspect_count, &made->suspects, "a record", error));
    json_array_foreach(classes, i, entry) TD_TRY(take_class(entry, i, made, error));
    json_array_foreach(suspects, i, entry) {
        if (!json_is_integer(entry) || json_integer_value(entry) <= last)
            return td_fail(error, TD_ERR_FORMAT,
                           "\"suspects\": entry %zu: expected the numbers of images, ascending", i);
        last = json_integer_value(entry);
        made->suspects[i] = (size_t)last;
    }
    if (made->suspect_count > made->images)
        return td_fail(error, TD_ERR_FORMAT,
                       "\"suspects\": expected at most the %zu of \"images\", found %zu",
                       made->images, made->suspect_count);
    *outcome = made;
    return TD_OK;
}
