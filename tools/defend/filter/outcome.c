#include "defend/filter/outcome.h"

#include "data/dataset.h"
#include <math.h>

/* A whole number of at most `most`. */
static bool take(const json_t *object, const char *key, size_t most, size_t *out) {
    const json_t *value = json_object_get(object, key);
    const json_int_t number = json_integer_value(value);
    *out = (size_t)number;
    return json_is_integer(value) && number >= 0 && (size_t)number <= most;
}

static td_status take_class(const json_t *entry, size_t place, filter_outcome *of,
                            td_error *error) {
    filter_outcome_class *out = &of->classes[place];
    const json_t *flagged = json_object_get(entry, "flagged");
    const json_t *silhouette = json_object_get(entry, "silhouette");
    if (!take(entry, "class", TD_MOST_CLASSES - 1, &out->number) ||
        !take(entry, "images", SIZE_MAX >> 1, &out->images) ||
        !take(entry, "suspects", out->images, &out->suspects))
        return td_fail(error, TD_ERR_FORMAT,
                       "\"classes\": entry %zu: expected \"class\", \"images\" and \"suspects\", "
                       "whole numbers",
                       place);
    out->flagged = json_is_true(flagged);
    out->silhouette = json_is_number(silhouette) ? json_number_value(silhouette) : NAN;
    of->ranks = of->ranks && !flagged;
    return TD_OK;
}

td_status filter_read(const json_t *record, td_arena *arena, const void **outcome,
                      td_error *error) {
    const json_t *classes = json_object_get(record, "classes"), *entry;
    const json_t *suspects = json_object_get(record, "suspects");
    filter_outcome *made;
    size_t i;
    TD_TRY(TD_ARENA_NEW(arena, 1, &made, "a record", error));
    *made = (filter_outcome){.ranks = true,
                             .class_count = json_array_size(classes),
                             .suspect_count = json_array_size(suspects)};
    if (!json_is_array(classes) || !json_is_array(suspects) ||
        !take(record, "images", SIZE_MAX >> 1, &made->images))
        return td_fail(
            error, TD_ERR_FORMAT,
            "expected a filter's \"classes\", \"images\" and \"suspects\", found another "
            "record");
    TD_TRY(TD_ARENA_NEW(arena, made->class_count, &made->classes, "a record", error));
    TD_TRY(TD_ARENA_NEW(arena, made->suspect_count, &made->suspects, "a record", error));
    json_array_foreach(classes, i, entry) {
        TD_TRY(take_class(entry, i, made, error));
    }
    json_array_foreach(suspects, i, entry) {
        if (!json_is_integer(entry) || json_integer_value(entry) < 0)
            return td_fail(error, TD_ERR_FORMAT,
                           "\"suspects\": entry %zu: expected the number of an image", i);
        made->suspects[i] = (size_t)json_integer_value(entry);
    }
    *outcome = made;
    return TD_OK;
}
