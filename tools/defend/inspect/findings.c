/* SPDX-License-Identifier: MIT */
#include "defend/inspect/findings.h"

#include "base/json.h"
#include "data/dataset.h"
#include "frame/record.h"
#include "measure/mad.h"
#include <stdlib.h>
#include <string.h>

/* --- the verdict --- */

/* The sign that makes small values suspicious. */
static double sign_of(const findings *f) {
    return f->statistic.large ? -1 : 1;
}

static td_status find_spread(findings *f, findings_spread spread, td_error *error) {
    const double sign = sign_of(f);
    double *values = calloc(2 * f->count + 1, sizeof *values);
    if (!values)
        return td_fail_memory(error, "findings");
    double *scratch = values + f->count;
    size_t count = 0;
    for (size_t i = 0; i < f->count; i++)
        if (f->list[i].found)
            values[count++] = sign * f->list[i].value;
    if (count > 0) {
        const double median = td_median(values, count, scratch);
        f->mad = spread == FINDINGS_DOUBLE_MAD ? td_mad_below(values, count, median, scratch)
                                               : td_mad(values, count, median, scratch);
        f->median = sign * median;
    }
    free(values);
    return TD_OK;
}

static void judge_one(const findings *f, finding *one) {
    const double sign = sign_of(f), value = sign * one->value, median = sign * f->median;
    const bool judged = one->found && f->judged;
    const double index = judged ? td_anomaly_index(value, median, f->mad) : NAN;
    one->index = value > median ? -index : index;
    one->flagged = judged && !isnan(f->cutoff) && td_is_small_outlier(value, median, f->mad);
}

td_status findings_judge(findings *f, findings_spread spread, td_error *error) {
    f->median = f->mad = NAN;
    f->cutoff = spread == FINDINGS_MAD || spread == FINDINGS_DOUBLE_MAD ? TD_ANOMALY_CUTOFF : NAN;
    f->flagged = f->valued = 0;
    for (size_t i = 0; i < f->count; i++)
        f->valued += f->list[i].found;
    f->judged = f->valued >= (spread == FINDINGS_OWN ? 1 : FINDINGS_LEAST);
    if (spread != FINDINGS_OWN)
        TD_TRY(find_spread(f, spread, error));
    for (size_t i = 0; i < f->count; i++) {
        if (spread != FINDINGS_OWN)
            judge_one(f, &f->list[i]);
        f->flagged += f->list[i].flagged;
    }
    return TD_OK;
}

const finding *findings_first(const findings *f) {
    const double sign = sign_of(f);
    const finding *best = NULL;
    for (size_t i = 0; i < f->count; i++)
        if (f->list[i].found && (!best || sign * f->list[i].value < sign * best->value))
            best = &f->list[i];
    return best;
}

const finding *findings_largest_index(const findings *f) {
    const finding *best = NULL;
    for (size_t i = 0; i < f->count; i++)
        if (!isnan(f->list[i].index) && (!best || f->list[i].index > best->index))
            best = &f->list[i];
    return best;
}

const finding *findings_opposite(const findings *f) {
    const finding *farthest = NULL;
    for (size_t i = 0; i < f->count; i++)
        if (f->list[i].index < -TD_ANOMALY_CUTOFF &&
            (!farthest || sign_of(f) * f->list[i].value > sign_of(f) * farthest->value))
            farthest = &f->list[i];
    return farthest;
}

const finding *findings_find(const findings *f, size_t class) {
    for (size_t i = 0; i < f->count; i++)
        if (f->list[i].class == class)
            return &f->list[i];
    return NULL;
}

td_status findings_subject(const findings *f, const finding *one, td_arena *arena, const char **out,
                           td_error *error) {
    if (f->about == FINDING_MODEL)
        return td_arena_print(arena, out, error, "the model");
    if (f->about == FINDING_MAP)
        return td_arena_print(arena, out, error, "the map %s", one->map);
    if (f->about == FINDING_PAIR)
        return td_arena_print(arena, out, error, "class %zu to %zu", one->source, one->class);
    return td_arena_print(arena, out, error, "class %zu", one->class);
}

/* --- the record --- */

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* NAN if it is not a number. */
static double number_of(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static td_status copy(td_arena *arena, const char *text, const char **out, td_error *error) {
    char *made;
    TD_TRY(td_arena_text(arena, text, strlen(text), &made, error));
    *out = made;
    return TD_OK;
}

static const char *const abouts[] = {[FINDING_CLASS] = "class",
                                     [FINDING_PAIR] = "pair",
                                     [FINDING_MAP] = "map",
                                     [FINDING_MODEL] = "model"};

const char *findings_field(finding_about about) {
    return about == FINDING_CLASS ? "classes" : "findings";
}

json_t *findings_statistic_json(td_json *json, const findings *f) {
    return td_json_pack(json, "{ss ss* ss ss sb}", "name", f->statistic.name, "unit",
                        f->statistic.unit, "suspicious", f->statistic.large ? "large" : "small",
                        "of", abouts[f->about], "asr", f->rated);
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

static bool take_class(const json_t *entry, const char *key, size_t *out) {
    json_int_t number;
    if (!td_json_take_integer(entry, key, &number) || number < 0 || number >= TD_MOST_CLASSES)
        return false;
    *out = (size_t)number;
    return true;
}

/* JSON has no infinity: the record has null for it, as for no index, and loses the side. */
static double index_of(const findings *f, const finding *one, double index) {
    const double beyond = (f->median - one->value) * sign_of(f);
    const double side = (beyond > 0) - (beyond < 0);
    if (!one->found || isnan(f->median))
        return one->found ? index : NAN;
    if (!isnan(index))
        return side == 0 ? 0 : side * fabs(index);
    return f->mad == 0 && side != 0 ? side * INFINITY : NAN;
}

static td_status fail(const findings *f, size_t number, const char *key, const char *expected,
                      td_error *error) {
    return td_fail(error, TD_ERR_FORMAT, "\"%s\": entry %zu: \"%s\": expected %s",
                   findings_field(f->about), number, key, expected);
}

/* Reads the subject of the finding. */
static td_status take_subject(findings *f, size_t number, json_t *entry, td_arena *arena,
                              td_error *error) {
    static const char class[] = "the number of a class";
    finding *one = &f->list[number];
    const char *map = text_of(entry, "map");
    if (f->about == FINDING_MODEL)
        return TD_OK;
    if (f->about == FINDING_MAP)
        return *map ? copy(arena, map, &one->map, error)
                    : fail(f, number, "map", "the label of each class", error);
    if (f->about == FINDING_PAIR && !take_class(entry, "source", &one->source))
        return fail(f, number, "source", class, error);
    return take_class(entry, "class", &one->class) ? TD_OK : fail(f, number, "class", class, error);
}

static td_status take_finding(findings *f, size_t number, json_t *entry, td_error *error) {
    finding *one = &f->list[number];
    const bool large = f->statistic.large;
    const double value = number_of(entry, f->statistic.name);
    const json_t *found = json_object_get(entry, "found"),
                 *flagged = json_object_get(entry, "flagged");
    td_rate asr = td_rate_of(0, 0);
    if (!json_is_boolean(found))
        return fail(f, number, "found", "true or false", error);
    if (!json_is_boolean(flagged))
        return fail(f, number, "flagged", "true or false", error);
    if (json_is_true(found) && !(large ? isfinite(value) : value >= 0))
        return fail(f, number, f->statistic.name, large ? "a number" : "a number of at least 0",
                    error);
    if (f->rated && !tool_json_take_rate(entry, "asr", &asr))
        return fail(f, number, "asr_count", "[hits, trials]", error);
    one->found = json_is_true(found);
    one->flagged = json_is_true(flagged);
    one->value = one->found ? value : 0;
    one->index = index_of(f, one, number_of(entry, "index"));
    one->p = number_of(entry, "p");
    one->asr = asr;
    return TD_OK;
}

/* Values judged by their median have a verdict if one of them has an index. */
static bool has_verdict(const findings *f, bool by_median) {
    for (size_t i = 0; i < f->count; i++)
        if (by_median ? f->list[i].flagged || !isnan(f->list[i].index) : f->list[i].found)
            return true;
    return false;
}

td_status findings_read(const json_t *record, td_arena *arena, const void **out, td_error *error) {
    findings *f;
    size_t i;
    json_t *entry;
    TD_TRY(TD_ARENA_NEW(arena, 1, &f, "findings", error));
    *out = f;
    *f = (findings){.unsearched = json_array_size(json_object_get(record, "unsearched")),
                    .median = number_of(record, "median"),
                    .mad = number_of(record, "mad"),
                    .cutoff = number_of(record, "cutoff")};
    TD_TRY(read_statistic(record, arena, f, error));
    const char *field = findings_field(f->about);
    const json_t *list = json_object_get(record, field);
    f->count = json_array_size(list);
    if (!json_is_array(list) || f->count > FINDINGS_MOST)
        return td_fail(error, TD_ERR_FORMAT, "\"%s\": expected a list of at most %d, found %s",
                       field, (int)FINDINGS_MOST, json_is_array(list) ? "more" : "none");
    TD_TRY(TD_ARENA_NEW(arena, f->count, &f->list, "findings", error));
    json_array_foreach(list, i, entry) {
        TD_TRY(take_subject(f, i, entry, arena, error));
        TD_TRY(take_finding(f, i, entry, error));
        f->flagged += f->list[i].flagged;
        f->valued += f->list[i].found;
    }
    f->judged = has_verdict(f, json_object_get(record, "median") != NULL);
    return TD_OK;
}
