/* The rules of an audit's verdict, what it reads of an inspector's record, and how values are
 * spread. */
#include "defend/audit/distribution.h"
#include "defend/audit/inspected.h"
#include "defend/audit/verdict.h"
#include "support.h"
#include <math.h>

/* --- the verdict --- */

static const double chance = 0.1;
static const size_t seven[] = {7}, three[] = {3}, both[] = {3, 7};

static sighting inspector(const size_t *classes, size_t count) {
    return (sighting){SIGHT_MODEL, WORTH_SIGN, true, classes, count, false};
}

static sighting detector(worth of, bool inputs) {
    return (sighting){SIGHT_INPUTS, of, true, NULL, 0, inputs};
}

static conclusion conclude(const sighting *sightings, size_t count) {
    const td_rate accuracy = td_rate_of(950, 1000);
    return verdict_on(&accuracy, chance, sightings, count);
}

static void two_methods_that_agree_make_it_likely(void **state) {
    (void)state;
    const sighting seen[] = {inspector(both, 2), inspector(seven, 1)};
    const conclusion c = conclude(seen, 2);
    assert_int_equal(c.verdict, VERDICT_LIKELY);
    assert_true(c.has_class);
    assert_int_equal(c.class, 7);
    assert_int_equal(c.agreeing, 2);
    assert_int_equal(c.pointing, 2);
}

static void a_class_and_inputs_agree(void **state) {
    (void)state;
    const sighting seen[] = {inspector(three, 1), inspector(NULL, 0), detector(WORTH_SIGN, true)};
    const conclusion c = conclude(seen, 3);
    assert_int_equal(c.verdict, VERDICT_LIKELY);
    assert_int_equal(c.class, 3);
    assert_int_equal(c.agreeing, 2);
    assert_int_equal(c.looked, 3);
}

static void two_methods_that_differ_are_a_suspicion(void **state) {
    (void)state;
    const sighting seen[] = {inspector(three, 1), inspector(seven, 1)};
    const conclusion c = conclude(seen, 2);
    assert_int_equal(c.verdict, VERDICT_SUSPECTED);
    assert_int_equal(c.pointing, 2);
    assert_false(c.weak);
}

static void one_sign_is_a_suspicion(void **state) {
    (void)state;
    const sighting seen[] = {inspector(NULL, 0), inspector(seven, 1), detector(WORTH_SIGN, false)};
    conclusion c = conclude(seen, 3);
    assert_int_equal(c.verdict, VERDICT_SUSPECTED);
    assert_int_equal(c.class, 7);
    assert_int_equal(c.pointing, 1);
    const sighting inputs[] = {inspector(NULL, 0), detector(WORTH_SIGN, true)};
    c = conclude(inputs, 2);
    assert_int_equal(c.verdict, VERDICT_SUSPECTED);
    assert_false(c.has_class || c.weak);
}

static void weak_signs_do_not_agree_with_others(void **state) {
    (void)state;
    const sighting seen[] = {inspector(seven, 1), detector(WORTH_WEAK, true)};
    conclusion c = conclude(seen, 2);
    assert_int_equal(c.verdict, VERDICT_SUSPECTED);
    assert_false(c.weak);
    c = conclude(seen + 1, 1);
    assert_int_equal(c.verdict, VERDICT_SUSPECTED);
    assert_true(c.weak);
}

static void hints_decide_nothing(void **state) {
    (void)state;
    const sighting hint = {SIGHT_TRAINING, WORTH_HINT, true, seven, 1, false};
    const sighting alone[] = {inspector(NULL, 0), hint}, beside[] = {inspector(seven, 1), hint};
    const conclusion c = conclude(alone, 2);
    assert_int_equal(c.verdict, VERDICT_NOTHING);
    assert_int_equal(c.looked, 1);
    assert_false(c.has_class);
    assert_int_equal(conclude(beside, 2).verdict, VERDICT_SUSPECTED);
}

/* A search that was cut short may find something, but not nothing. */
static void nothing_takes_an_inspector_that_came_to_an_end(void **state) {
    (void)state;
    sighting seen[] = {inspector(NULL, 0), detector(WORTH_SIGN, false)};
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
    const sighting seen[] = {inspector(seven, 1), inspector(seven, 1)};
    const td_rate poor = td_rate_of(300, 1000), fair = td_rate_of(320, 1000);
    assert_int_equal(verdict_on(&poor, chance, seen, 2).verdict, VERDICT_NOT_JUDGED);
    assert_int_equal(verdict_on(&fair, chance, seen, 2).verdict, VERDICT_LIKELY);
    const td_rate all = td_rate_of(1000, 1000);
    assert_false(verdict_is_plausible(&all, 1)); /* images of one class only */
}

/* --- what is read of a record --- */

static td_status read_text(const char *text, td_arena *arena, inspected *out, td_error *error) {
    json_t *record = json_loads(text, 0, NULL);
    assert_non_null(record);
    td_status status = inspected_read(record, arena, out, error);
    json_decref(record);
    return status;
}

#define CLASS(number, found, size, index, flagged)                                                 \
    "{\"class\": " #number ", \"found\": " #found ", \"size\": " #size ", \"index\": " #index      \
    ", \"flagged\": " #flagged ", \"asr_count\": [9, 10]}"

static void an_index_has_a_side(void **state) {
    (void)state;
    td_arena arena = {0};
    td_error error;
    inspected found;
    assert_int_equal(
        read_text("{\"median\": 50, \"mad\": 4, \"unsearched\": [5, 6], \"classes\": [" CLASS(
                      0, true, 60, 1.7,
                      false) "," CLASS(1, true, 5, 7.6,
                                       true) "," CLASS(2, false, null, null,
                                                       false) "," CLASS(3, true, 50, 0, false) "]}",
                  &arena, &found, &error),
        TD_OK);
    assert_int_equal(found.count, 4);
    assert_int_equal(found.unsearched, 2);
    assert_int_equal(found.flagged, 1);
    assert_true(found.judged);
    assert_true(found.classes[0].index == -1.7 && found.classes[1].index == 7.6);
    assert_true(isnan(found.classes[2].index) && found.classes[3].index == 0);
    assert_int_equal(found.classes[1].asr.hits, 9);
    assert_int_equal(inspected_smallest(&found)->number, 1);
    assert_int_equal(inspected_largest_index(&found)->number, 1);
    assert_int_equal(inspected_find(&found, 3)->number, 3);
    assert_null(inspected_find(&found, 5));
    td_arena_free(&arena);
}

/* A record has null for infinity; without a verdict there is no index at all. */
static void a_mad_of_zero_makes_it_infinite(void **state) {
    (void)state;
    td_arena arena = {0};
    td_error error;
    inspected found;
    assert_int_equal(read_text("{\"median\": 7, \"mad\": 0, \"classes\": [" CLASS(
                                   0, true, 3, null, true) "," CLASS(1, true, 7, 0, false) "]}",
                               &arena, &found, &error),
                     TD_OK);
    assert_true(isinf(found.classes[0].index) && found.classes[0].index > 0);
    assert_int_equal(
        read_text("{\"median\": 7, \"mad\": 2, \"classes\": [" CLASS(0, true, 3, null, false) "]}",
                  &arena, &found, &error),
        TD_OK);
    assert_false(found.judged);
    assert_null(inspected_largest_index(&found));
    assert_int_equal(inspected_smallest(&found)->number, 0);
    td_arena_free(&arena);
}

static void assert_refused(const char *text, const char *part) {
    td_arena arena = {0};
    td_error error;
    inspected found;
    assert_int_equal(read_text(text, &arena, &found, &error), TD_ERR_FORMAT);
    support_assert_contains(error.message, part);
    td_arena_free(&arena);
}

static void other_records_are_refused(void **state) {
    (void)state;
    assert_refused("{}", "\"classes\": expected a list of at most 65536 classes, found none");
    assert_refused("{\"classes\": [1]}", "entry 0: \"class\": expected the number of a class");
    assert_refused("{\"classes\": [" CLASS(-1, true, 1, 1, false) "]}", "\"class\"");
    assert_refused("{\"classes\": [" CLASS(0, 1, 1, 1, false) "]}", "\"found\": expected true");
    assert_refused("{\"classes\": [" CLASS(0, true, null, 1, false) "]}", "\"size\"");
    assert_refused("{\"classes\": [" CLASS(0, true, 1, 1, null) "]}", "\"flagged\"");
    assert_refused("{\"classes\": [{\"class\": 0, \"found\": false, \"flagged\": false}]}",
                   "\"asr_count\": expected [hits, trials]");
}

/* --- how values are spread --- */

/* Of 1, 2, 4, 8 the quartiles are at places 0.75, 1.5 and 2.25. */
static void quartiles_are_interpolated(void **state) {
    (void)state;
    double values[] = {8, 1, 4, 2};
    const distribution d = distribution_of(values, 4);
    assert_int_equal(d.count, 4);
    assert_true(values[0] == 1 && values[3] == 8);
    assert_true(d.least == 1 && d.lower == 1.75 && d.median == 3 && d.upper == 5 && d.most == 8);
    double one[] = {2.5};
    const distribution single = distribution_of(one, 1);
    assert_true(single.least == 2.5 && single.lower == 2.5 && single.most == 2.5);
    assert_int_equal(distribution_of(NULL, 0).count, 0);
}

static void infinite_values_stand_at_the_ends(void **state) {
    (void)state;
    double values[] = {INFINITY, 1, -INFINITY, 3};
    const distribution d = distribution_of(values, 4);
    assert_true(isinf(d.least) && d.least < 0 && isinf(d.most));
    assert_true(isinf(d.lower) && d.lower < 0 && d.median == 2 && isinf(d.upper));
    json_t *told = distribution_json(&d, values);
    const json_t *list = json_object_get(told, "values");
    assert_int_equal(json_array_size(list), 4);
    assert_true(json_is_null(json_object_get(told, "max")));
    assert_true(json_is_null(json_array_get(list, 3)));
    assert_true(json_number_value(json_array_get(list, 1)) == 1);
    json_decref(told);
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
        cmocka_unit_test(an_index_has_a_side),
        cmocka_unit_test(a_mad_of_zero_makes_it_infinite),
        cmocka_unit_test(other_records_are_refused),
        cmocka_unit_test(quartiles_are_interpolated),
        cmocka_unit_test(infinite_values_stand_at_the_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
