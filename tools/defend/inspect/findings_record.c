/* Findings as a record has them. */
#include "data/dataset.h"
#include "defend/inspect/findings.h"
#include <string.h>

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static td_status copy(td_arena *arena, const char *text, const char **out, td_error *error) {
    char *made;
    TD_TRY(td_arena_text(arena, text, strlen(text), &made, error));
    *out = made;
    return TD_OK;
}

/* --- the statistic --- */

static const char *const abouts[] = {[FINDING_CLASS] = "class",
                                     [FINDING_PAIR] = "pair",
                                     [FINDING_MAP] = "map",
                                     [FINDING_MODEL] = "model"};

const char *findings_field(finding_about about) {
    return about == FINDING_CLASS ? "classes" : "findings";
}

json_t *findings_statistic_json(const findings *f) {
    return json_pack("{ss ss* ss ss sb}", "name", f->statistic.name, "unit", f->statistic.unit,
                     "suspicious", f->statistic.large ? "large" : "small", "of", abouts[f->about],
                     "asr", (int)f->rated);
}

static bool is_about(const char *text, finding_about *about) {
    for (size_t i = 0; i < sizeof abouts / sizeof *abouts; i++)
        if (strcmp(text, abouts[i]) == 0) {
            *about = (finding_about)i;
            return true;
        }
    return false;
}

static td_status read_statistic(const json_t *record, td_arena *arena, findings *f,
                                td_error *error) {
    const json_t *statistic = json_object_get(record, "statistic");
    const json_t *rated = json_object_get(statistic, "asr");
    const char *name = text_of(statistic, "name"), *unit = text_of(statistic, "unit"),
               *side = text_of(statistic, "suspicious");
    f->statistic.large = strcmp(side, "large") == 0;
    f->rated = json_is_true(rated);
    if (*name == '\0' || !json_is_boolean(rated) ||
        !is_about(text_of(statistic, "of"), &f->about) ||
        (!f->statistic.large && strcmp(side, "small") != 0))
        return td_fail(error, TD_ERR_FORMAT,
                       "\"statistic\": expected what an inspector says of it, found %s",
                       statistic ? "another object" : "none");
    TD_TRY(copy(arena, name, &f->statistic.name, error));
    return *unit ? copy(arena, unit, &f->statistic.unit, error) : TD_OK;
}

/* --- a finding --- */

/* Where an entry is, for messages. */
typedef struct place {
    const findings *findings;
    size_t number;
} place;

static td_status fail(const place *at, const char *key, const char *expected, td_error *error) {
    return td_fail(error, TD_ERR_FORMAT, "\"%s\": entry %zu: \"%s\": expected %s",
                   findings_field(at->findings->about), at->number, key, expected);
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

/* JSON has no infinity: a record has null for it, as for no index at all, and no side. */
static double index_of(const findings *f, const finding *one, const json_t *entry) {
    const json_t *index = json_object_get(entry, "index");
    const double beyond = (f->statistic.large ? -1 : 1) * (f->median - one->value);
    if (!one->found)
        return NAN;
    if (isnan(f->median))
        return is_finite(index) ? json_number_value(index) : NAN;
    const double side = (beyond > 0) - (beyond < 0);
    if (is_finite(index))
        return side == 0 ? 0 : side * fabs(json_number_value(index));
    return f->mad == 0 && side != 0 ? side * INFINITY : NAN;
}

static td_status take_rate(const json_t *entry, const place *at, td_rate *out, td_error *error) {
    const json_t *count = json_object_get(entry, "asr_count");
    size_t hits, trials;
    if (!take_count(json_array_get(count, 1), SIZE_MAX >> 1, &trials) ||
        !take_count(json_array_get(count, 0), trials, &hits))
        return fail(at, "asr_count", "[hits, trials]", error);
    *out = td_rate_of(hits, trials);
    return TD_OK;
}

/* What the finding is about. */
static td_status take_subject(const json_t *entry, const place *at, td_arena *arena, finding *out,
                              td_error *error) {
    const finding_about about = at->findings->about;
    if (about == FINDING_MODEL)
        return TD_OK;
    if (about == FINDING_MAP)
        return *text_of(entry, "map") ? copy(arena, text_of(entry, "map"), &out->map, error)
                                      : fail(at, "map", "the label of each class", error);
    if (about == FINDING_PAIR &&
        !take_count(json_object_get(entry, "source"), TD_MOST_CLASSES - 1, &out->source))
        return fail(at, "source", "the number of a class", error);
    return take_count(json_object_get(entry, "class"), TD_MOST_CLASSES - 1, &out->class)
               ? TD_OK
               : fail(at, "class", "the number of a class", error);
}

static td_status take_value(const json_t *entry, const place *at, finding *out, td_error *error) {
    const finding_statistic *statistic = &at->findings->statistic;
    const json_t *value = json_object_get(entry, statistic->name);
    if (!out->found)
        return TD_OK;
    if (!is_finite(value) || (!statistic->large && json_number_value(value) < 0))
        return fail(at, statistic->name, statistic->large ? "a number" : "a number of at least 0",
                    error);
    out->value = json_number_value(value);
    return TD_OK;
}

static td_status take_finding(const json_t *entry, const place *at, td_arena *arena, finding *out,
                              td_error *error) {
    const json_t *found = json_object_get(entry, "found"), *p = json_object_get(entry, "p");
    const json_t *flagged = json_object_get(entry, "flagged");
    TD_TRY(take_subject(entry, at, arena, out, error));
    if (!json_is_boolean(found))
        return fail(at, "found", "true or false", error);
    if (!json_is_boolean(flagged))
        return fail(at, "flagged", "true or false", error);
    out->found = json_is_true(found);
    out->flagged = json_is_true(flagged);
    TD_TRY(take_value(entry, at, out, error));
    out->index = index_of(at->findings, out, entry);
    out->p = is_finite(p) ? json_number_value(p) : NAN;
    return at->findings->rated ? take_rate(entry, at, &out->asr, error) : TD_OK;
}

/* --- all --- */

static double number_of(const json_t *record, const char *key) {
    const json_t *value = json_object_get(record, key);
    return is_finite(value) ? json_number_value(value) : NAN;
}

/* Values that are judged by their median have a verdict where one of them has an index. */
static bool has_verdict(const findings *f, bool by_median) {
    for (size_t i = 0; i < f->count; i++)
        if (by_median ? f->list[i].flagged || !isnan(f->list[i].index) : f->list[i].found)
            return true;
    return false;
}

td_status findings_read(const json_t *record, td_arena *arena, findings *f, td_error *error) {
    size_t i;
    const json_t *entry;
    *f = (findings){.unsearched = json_array_size(json_object_get(record, "unsearched")),
                    .median = number_of(record, "median"),
                    .mad = number_of(record, "mad")};
    TD_TRY(read_statistic(record, arena, f, error));
    const char *field = findings_field(f->about);
    const json_t *list = json_object_get(record, field);
    f->count = json_array_size(list);
    if (!json_is_array(list) || f->count > FINDINGS_MOST)
        return td_fail(error, TD_ERR_FORMAT, "\"%s\": expected a list of at most %d, found %s",
                       field, (int)FINDINGS_MOST, json_is_array(list) ? "more" : "none");
    TD_TRY(TD_ARENA_NEW(arena, f->count, &f->list, "findings", error));
    json_array_foreach(list, i, entry) {
        const place at = {f, i};
        TD_TRY(take_finding(entry, &at, arena, &f->list[i], error));
        f->flagged += f->list[i].flagged;
        f->valued += f->list[i].found;
    }
    f->judged = has_verdict(f, json_object_get(record, "median") != NULL);
    return TD_OK;
}
