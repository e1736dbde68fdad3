/* SPDX-License-Identifier: MIT */
/* The rules of an audit's verdict, what it reads from records, and summary statistics. */
#include "defend/audit/distribution.h"
#include "defend/audit/verdict.h"
#include "defend/detect/detect.h"
#include "defend/filter/filter.h"
#include "support.h"
#include <math.h>

/* --- the verdict --- */

static const double chance = 0.1;
static const size_t seven[] = {7}, three[] = {3}, both[] = {3, 7};

static verdict_finding inspector(const size_t *classes, size_t count) {
    return (verdict_finding){SOURCE_MODEL, WEIGHT_SIGN, true, classes, count, false};
}

static verdict_finding from_inputs(verdict_weight of, bool inputs) {
    return (verdict_finding){SOURCE_INPUTS, of, true, NULL, 0, inputs};
}

static conclusion conclude(const verdict_finding *found, size_t count) {
    const td_rate accuracy = td_rate_of(950, 1000);
    return verdict_on(&accuracy, chance, found, count);
}

static void two_methods_that_agree_make_it_likely(void **state) {
    (void)state;
    const verdict_finding seen[] = {inspector(both, 2), inspector(seven, 1)};
    const conclusion c = conclude(seen, 2);
    assert_int_equal(c.verdict, VERDICT_LIKELY);
    assert_true(c.has_class);
    assert_int_equal(c.class, 7);
    assert_int_equal(c.agreeing, 2);
    assert_int_equal(c.pointing, 2);
}

static void a_class_and_inputs_agree(void **state) {
    (void)state;
    const verdict_finding seen[] = {inspector(three, 1), inspector(NULL, 0),
                                    from_inputs(WEIGHT_SIGN, true)};
    const conclusion c = conclude(seen, 3);
    assert_int_equal(c.verdict, VERDICT_LIKELY);
    assert_int_equal(c.class, 3);
    assert_int_equal(c.agreeing, 2);
    assert_int_equal(c.looked, 3);
}

static void two_methods_that_differ_are_a_suspicion(void **state) {
    (void)state;
    const verdict_finding seen[] = {inspector(three, 1), inspector(seven, 1)};
    const conclusion c = conclude(seen, 2);
    assert_int_equal(c.verdict, VERDICT_SUSPECTED);
    assert_int_equal(c.pointing, 2);
    assert_false(c.weak);
}

static void one_sign_is_a_suspicion(void **state) {
    (void)state;
    const verdict_finding seen[] = {inspector(NULL, 0), inspector(seven, 1),
                                    from_inputs(WEIGHT_SIGN, false)};
    conclusion c = conclude(seen, 3);
    assert_int_equal(c.verdict, VERDICT_SUSPECTED);
    assert_int_equal(c.class, 7);
    assert_int_equal(c.pointing, 1);
    const verdict_finding inputs[] = {inspector(NULL, 0), from_inputs(WEIGHT_SIGN, true)};
    c = conclude(inputs, 2);
    assert_int_equal(c.verdict, VERDICT_SUSPECTED);
    assert_false(c.has_class || c.weak);
}

static void a_class_and_a_model_as_a_whole_agree(void **state) {
    (void)state;
    const verdict_finding whole = {SOURCE_MODEL, WEIGHT_SIGN, true, NULL, 0, true};
    const verdict_finding alone[] = {whole}, both_ways[] = {whole, inspector(seven, 1)};
    assert_int_equal(conclude(alone, 1).verdict, VERDICT_SUSPECTED);
    assert_false(conclude(alone, 1).has_class);
    const conclusion c = conclude(both_ways, 2);
    assert_int_equal(c.verdict, VERDICT_LIKELY);
    assert_true(c.class == 7 && c.agreeing == 2);
}

static void weak_signs_do_not_agree_with_others(void **state) {
    (void)state;
    const verdict_finding seen[] = {inspector(seven, 1), from_inputs(WEIGHT_WEAK, true)};
    conclusion c = conclude(seen, 2);
    assert_int_equal(c.verdict, VERDICT_SUSPECTED);
    assert_false(c.weak);
    c = conclude(seen + 1, 1);
    assert_int_equal(c.verdict, VERDICT_SUSPECTED);
    assert_true(c.weak);
}

static void hints_decide_nothing(void **state) {
    (void)state;
    const verdict_finding hint = {SOURCE_TRAINING, WEIGHT_HINT, true, seven, 1, false};
    const verdict_finding alone[] = {inspector(NULL, 0), hint},
                          beside[] = {inspector(seven, 1), hint};
    const conclusion c = conclude(alone, 2);
    assert_int_equal(c.verdict, VERDICT_NOTHING);
    assert_int_equal(c.looked, 1);
    assert_false(c.has_class);
    assert_int_equal(conclude(beside, 2).verdict, VERDICT_SUSPECTED);
}

/* A search that was cut short may find something, but cannot conclude that there is nothing. */
static void nothing_takes_an_inspector_that_came_to_an_end(void **state) {
    (void)state;
    verdict_finding seen[] = {inspector(NULL, 0), from_inputs(WEIGHT_SIGN, false)};
    assert_int_equal(conclude(seen, 2).verdict, VERDICT_NOTHING);
    seen[0].whole = false;
    assert_int_equal(conclude(seen, 2).verdict, VERDICT_INCONCLUSIVE);
    seen[0].classes = seven;
    seen[0].class_count = 1;
    const conclusion c = conclude(seen, 2);
    assert_int_equal(c.verdict, VERDICT_SUSPECTED);
    assert_int_equal(c.looked, 2);
    assert_int_equal(conclude(NULL, 0).verdict, VERDICT_INCONCLUSIVE);
}

/* 0.1 + 0.2·0.9 = 0.28: the low end of 300 of 1000 is 0.272, that of 320 is 0.292. */
static void a_model_at_chance_is_not_judged(void **state) {
    (void)state;
    const verdict_finding seen[] = {inspector(seven, 1), inspector(seven, 1)};
    const td_rate poor = td_rate_of(300, 1000), fair = td_rate_of(320, 1000);
    assert_int_equal(verdict_on(&poor, chance, seen, 2).verdict, VERDICT_NOT_JUDGED);
    assert_int_equal(verdict_on(&fair, chance, seen, 2).verdict, VERDICT_LIKELY);
    const td_rate all = td_rate_of(1000, 1000);
    assert_false(verdict_is_plausible(&all, 1)); /* images of one class only */
}

/* --- reading records --- */

typedef td_status (*reader)(const json_t *record, td_arena *arena, const void **outcome,
                            td_error *error);

static td_status read_text(reader read, const char *text, td_arena *arena, const void **outcome,
                           td_error *error) {
    json_t *record = json_loads(text, 0, NULL);
    assert_non_null(record);
    td_status status = read(record, arena, outcome, error);
    json_decref(record);
    return status;
}

static void a_detector_s_sets_are_read(void **state) {
    (void)state;
    td_arena arena = {0};
    td_error error;
    const void *outcome;
    assert_int_equal(
        read_text(
            detect_read,
            "{\"files\": [{\"kind\": \"benign\", \"data\": \"a\", \"flagged_count\": [1, 100]},"
            "{\"kind\": \"suspect\", \"data\": \"b\", \"flagged_count\": [70, 100], "
            "\"above_expected\": true}]}",
            &arena, &outcome, &error),
        TD_OK);
    const detect_outcome *found = outcome;
    assert_int_equal(found->count, 2);
    assert_false(found->sets[0].suspect || found->sets[0].above);
    assert_true(found->sets[1].suspect && found->sets[1].above);
    assert_string_equal(found->sets[1].data, "b");
    assert_true(found->sets[1].flagged.hits == 70 && found->sets[1].flagged.value == 0.7);
    td_arena_free(&arena);
}

static void a_filter_s_classes_are_read(void **state) {
    (void)state;
    td_arena arena = {0};
    td_error error;
    const void *outcome;
    assert_int_equal(
        read_text(filter_read,
                  "{\"images\": 10, \"suspects\": [3, 7], \"classes\": [{\"class\": 4, "
                  "\"images\": 6, \"suspects\": 2, \"flagged\": true, \"silhouette\": 0.5}]}",
                  &arena, &outcome, &error),
        TD_OK);
    const filter_outcome *found = outcome;
    assert_true(!found->ranks && found->images == 10 && found->class_count == 1);
    assert_true(found->classes[0].number == 4 && found->classes[0].flagged);
    assert_true(found->classes[0].suspects == 2 && found->classes[0].silhouette == 0.5);
    assert_true(found->suspect_count == 2 && found->suspects[1] == 7);
    assert_int_equal(read_text(filter_read,
                               "{\"images\": 10, \"suspects\": [], \"classes\": [{\"class\": 0, "
                               "\"images\": 6, \"suspects\": 0}]}",
                               &arena, &outcome, &error),
                     TD_OK);
    found = outcome;
    assert_true(found->ranks && isnan(found->classes[0].silhouette));
    td_arena_free(&arena);
}

static void assert_refused(reader read, const char *text, const char *part) {
    td_arena arena = {0};
    td_error error;
    const void *outcome;
    assert_int_equal(read_text(read, text, &arena, &outcome, &error), TD_ERR_FORMAT);
    support_assert_contains(error.message, part);
    td_arena_free(&arena);
}

static void other_records_are_refused(void **state) {
    (void)state;
    assert_refused(detect_read, "{}", "\"files\": expected the sets judged, found none");
    assert_refused(detect_read, "{\"files\": [{\"kind\": 1}]}", "entry 0: \"kind\": expected");
    assert_refused(detect_read, "{\"files\": [{\"kind\": \"benign\"}]}", "\"data\": expected");
    assert_refused(
        detect_read,
        "{\"files\": [{\"kind\": \"benign\", \"data\": \"a\", \"flagged_count\": [2, 1]}]}",
        "\"flagged_count\": expected [hits, trials]");
    assert_refused(filter_read, "{}", "expected a filter's \"classes\"");
    assert_refused(filter_read, "{\"images\": 1, \"suspects\": [], \"classes\": [{\"class\": -1}]}",
                   "entry 0: expected \"class\"");
    assert_refused(filter_read, "{\"images\": 1, \"suspects\": [-1], \"classes\": []}",
                   "\"suspects\": entry 0: expected");
}

/* --- summary statistics --- */

/* Of 1, 2, 4, 8 the quartiles are at places 0.75, 1.5 and 2.25. */
static void quartiles_are_interpolated(void **state) {
    (void)state;
    double values[] = {8, 1, 4, 2};
    const distribution d = distribution_of(values, 4);
    assert_true(values[0] == 1 && values[3] == 8);
    assert_true(d.least == 1 && d.lower == 1.75 && d.median == 3 && d.upper == 5 && d.most == 8);
    double one[] = {2.5};
    const distribution single = distribution_of(one, 1);
    assert_true(single.least == 2.5 && single.lower == 2.5 && single.most == 2.5);
    assert_true(isnan(distribution_of(NULL, 0).median));
}

static void infinite_values_stand_at_the_ends(void **state) {
    (void)state;
    double values[] = {INFINITY, 1, -INFINITY, 3};
    const distribution d = distribution_of(values, 4);
    assert_true(isinf(d.least) && d.least < 0 && isinf(d.most));
    assert_true(isinf(d.lower) && d.lower < 0 && d.median == 2 && isinf(d.upper));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_methods_that_agree_make_it_likely),
        cmocka_unit_test(a_class_and_inputs_agree),
        cmocka_unit_test(two_methods_that_differ_are_a_suspicion),
        cmocka_unit_test(one_sign_is_a_suspicion),
        cmocka_unit_test(weak_signs_do_not_agree_with_others),
        cmocka_unit_test(hints_decide_nothing),
        cmocka_unit_test(nothing_takes_an_inspector_that_came_to_an_end),
        cmocka_unit_test(a_model_at_chance_is_not_judged),
        cmocka_unit_test(a_class_and_a_model_as_a_whole_agree),
        cmocka_unit_test(a_detector_s_sets_are_read),
        cmocka_unit_test(a_filter_s_classes_are_read),
        cmocka_unit_test(other_records_are_refused),
        cmocka_unit_test(quartiles_are_interpolated),
        cmocka_unit_test(infinite_values_stand_at_the_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
