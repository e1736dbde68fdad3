#include "defend/audit/inspected.h"

#include "data/dataset.h"
#include <math.h>

static td_status fail_class(size_t place, const char *key, const char *expected, td_error *error) {
    return td_fail(error, TD_ERR_FORMAT, "\"classes\": entry %zu: \"%s\": expected %s", place, key,
                   expected);
}

static bool is_finite(const json_t *value) {
    return json_is_number(value) && isfinite(json_number_value(value));
}

/* A whole number from 0 to `most`. */
static bool take_count(const json_t *value, size_t most, size_t *out) {
    const json_int_t number = json_integer_value(value);
    *out = (size_t)number;
    return json_is_integer(value) && number >= 0 && (size_t)number <= most;
}

static double sign_of(double value) {
    return (value > 0) - (value < 0);
}

/* JSON has no infinity: a record has null for it, as for no index at all. */
static double index_of(const inspected_class *class, const json_t *entry, const json_t *record) {
    const json_t *index = json_object_get(entry, "index"), *mad = json_object_get(record, "mad");
    const json_t *median = json_object_get(record, "median");
    if (!class->found || !is_finite(median))
        return NAN;
    const double side = sign_of(json_number_value(median) - class->size);
    if (is_finite(index))
        return side == 0 ? 0 : side * fabs(json_number_value(index));
    return is_finite(mad) && json_number_value(mad) == 0 && side != 0 ? side * INFINITY : NAN;
}

static td_status take_rate(const json_t *entry, size_t place, td_rate *out, td_error *error) {
    const json_t *count = json_object_get(entry, "asr_count");
    size_t hits, trials;
    if (!take_count(json_array_get(count, 1), SIZE_MAX >> 1, &trials) ||
        !take_count(json_array_get(count, 0), trials, &hits))
        return fail_class(place, "asr_count", "[hits, trials]", error);
    *out = td_rate_of(hits, trials);
    return TD_OK;
}

static td_status take_class(const json_t *record, const json_t *entry, size_t place,
                            inspected_class *out, td_error *error) {
    const json_t *found = json_object_get(entry, "found"), *size = json_object_get(entry, "size");
    const json_t *flagged = json_object_get(entry, "flagged");
    if (!take_count(json_object_get(entry, "class"), TD_MOST_CLASSES - 1, &out->number))
        return fail_class(place, "class", "the number of a class", error);
    if (!json_is_boolean(found))
        return fail_class(place, "found", "true or false", error);
    if (!json_is_boolean(flagged))
        return fail_class(place, "flagged", "true or false", error);
    out->found = json_is_true(found);
    out->flagged = json_is_true(flagged);
    if (out->found && (!is_finite(size) || json_number_value(size) < 0))
        return fail_class(place, "size", "a number of at least 0", error);
    out->size = out->found ? json_number_value(size) : 0;
    out->index = index_of(out, entry, record);
    return take_rate(entry, place, &out->asr, error);
}

td_status inspected_read(const json_t *record, td_arena *arena, inspected *out, td_error *error) {
    const json_t *classes = json_object_get(record, "classes"), *entry;
    const size_t count = json_array_size(classes);
    size_t i;
    *out = (inspected){.count = count,
                       .unsearched = json_array_size(json_object_get(record, "unsearched"))};
    if (!json_is_array(classes) || count > TD_MOST_CLASSES)
        return td_fail(error, TD_ERR_FORMAT,
                       "\"classes\": expected a list of at most %d classes, found %s",
                       TD_MOST_CLASSES, json_is_array(classes) ? "more" : "none");
    TD_TRY(TD_ARENA_NEW(arena, count, &out->classes, "classes", error));
    json_array_foreach(classes, i, entry) {
        TD_TRY(take_class(record, entry, i, &out->classes[i], error));
        out->flagged += out->classes[i].flagged;
        out->judged |= out->classes[i].flagged || !isnan(out->classes[i].index);
    }
    return TD_OK;
}

const inspected_class *inspected_smallest(const inspected *of) {
    const inspected_class *best = NULL;
    for (size_t i = 0; i < of->count; i++)
        if (of->classes[i].found && (!best || of->classes[i].size < best->size))
            best = &of->classes[i];
    return best;
}

const inspected_class *inspected_largest_index(const inspected *of) {
    const inspected_class *best = NULL;
    for (size_t i = 0; i < of->count; i++)
        if (!isnan(of->classes[i].index) && (!best || of->classes[i].index > best->index))
            best = &of->classes[i];
    return best;
}

const inspected_class *inspected_find(const inspected *of, size_t number) {
    for (size_t i = 0; i < of->count; i++)
        if (of->classes[i].number == number)
            return &of->classes[i];
    return NULL;
}
