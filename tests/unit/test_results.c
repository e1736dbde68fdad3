/* SPDX-License-Identifier: MIT */
/* Papers' figures beside ours: paths into records, reducing values to one number, the verdict, and
 * valid expectations. */
#include "report/results/expect.h"
#include "report/results/find.h"
#include "report/results/place.h"
#include "report/results/results.h"
#include "report/results/verdict.h"
#include "support.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char record[] =
    "{\"models\": ["
    "{\"file\": \"out/friend-model.safetensors\", \"accuracy\": 0.5, \"scores\": [1, 5, 5],"
    " \"triggers\": [{\"target\": 3, \"asr\": 0.25}, {\"target\": 4, \"asr\": null}]},"
    "{\"file\": \"out/enemy-model.safetensors\", \"accuracy\": 0.75, \"scores\": [9, -1, 5],"
    " \"triggers\": [{\"target\": 3, \"asr\": 1.0}]}],"
    " \"images\": 40, \"flagged\": [], \"share\": 0.5, \"good\": true}";

/* The number, or an error whose message contains `expected`. */
static void assert_found(const char *path, const char *how, double number, const char *expected) {
    json_t *root = json_loads(record, 0, NULL), *values = NULL;
    td_error error = {""};
    take taken;
    double found = NAN;
    assert_non_null(root);
    assert_int_equal(take_parse(&taken, how, &error), TD_OK);
    td_status status = find_values(root, path, &values, &error);
    if (status == TD_OK)
        status = take_number(&taken, values, &found, &error);
    if (expected) {
        assert_int_equal(status, strstr(expected, "null") ? TD_ERR_NUMERIC : TD_ERR_FORMAT);
        support_assert_contains(error.message, expected);
    } else {
        assert_string_equal(error.message, "");
        assert_int_equal(status, TD_OK);
        assert_true(found == number);
    }
    json_decref(values);
    json_decref(root);
}

static void test_paths_find(void **state) {
    (void)state;
    assert_found("images", "only", 40, NULL);
    assert_found("models[1].accuracy", "only", 0.75, NULL);
    assert_found("models[file~enemy].accuracy", "only", 0.75, NULL);
    assert_found("models[file=out/friend-model.safetensors].scores[1]", "only", 5, NULL);
    assert_found("models[0].triggers[target=3].asr", "only", 0.25, NULL);
    assert_found("models[*].accuracy", "mean", 0.625, NULL);
    assert_found("models[*].triggers[0].asr", "min", 0.25, NULL);
    assert_found("models[*].triggers[*].asr", "mean", 0.625, NULL); /* null is passed over */
    assert_found("models[*].triggers[*].asr", "count", 3, NULL);
    assert_found("models[*].triggers[*].asr", "max", 1, NULL);
    assert_found("models[1].scores[*]", "sum", 13, NULL);
    assert_found("models[1].scores[*]", "last", 5, NULL);
}

static void test_classes_are_asked_for(void **state) {
    (void)state;
    assert_found("models[1].scores[*]", "highest=0", 1, NULL);
    assert_found("models[1].scores[*]", "highest=2", 0, NULL);
    assert_found("models[0].scores[*]", "highest=1", 0, NULL); /* another is as high */
    assert_found("models[1].scores[*]", "highest=3", 0, "expected more than 3 values, found 3");
    assert_found("models[0].scores[*]", "has=5", 1, NULL);
    assert_found("models[0].scores[*]", "has=2", 0, NULL);
    assert_found("flagged[*]", "has=2", 0, NULL);
    assert_found("flagged[*]", "count", 0, NULL);
    assert_found("flagged[*]", "sum", 0, NULL);
}

static void test_what_is_not_there_is_said(void **state) {
    (void)state;
    assert_found("model.accuracy", "only", 0, "expected model, found nothing there");
    assert_found("models[2].accuracy", "only", 0, "expected models[2], found nothing there");
    assert_found("models[file~foe].accuracy", "only", 0,
                 "expected models[file~foe], found nothing there");
    assert_found("images[*]", "only", 0, "expected images[*], found nothing there");
    assert_found("models[*].accuracy", "only", 0, "expected one value, found 2");
    assert_found("flagged[*]", "only", 0, "expected one value, found 0");
    assert_found("flagged[*]", "mean", 0, "expected numbers, found none");
    assert_found("flagged[*]", "last", 0, "expected values, found none");
    assert_found("models[0].triggers[*].asr", "last", 0, "expected a number, found null");
    assert_found("models[0].file", "only", 0, "expected a number, found a text");
    assert_found("models[0].scores", "only", 0, "expected a number, found a list");
    assert_found("models[0].triggers[1].asr", "only", 0, "expected a number, found null");
    assert_found("good", "mean", 0, "expected a number, found true");
}

static void test_only_paths_are_paths(void **state) {
    (void)state;
    static const char *const bad[] = {"",      "a.",    ".a",    "a..b",        "[0]",
                                      "a[",    "a[]",   "a[-1]", "a[b]",        "a[=1]",
                                      "a[b=]", "a[0]b", "a b",   "a[99999999]", "a]"};
    td_error error;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(find_check(bad[i], &error), TD_ERR_FORMAT);
        support_assert_contains(error.message, "expected a path such as ");
    }
    char longest[400];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(find_check(longest, &error), TD_ERR_FORMAT);
    assert_int_equal(find_check("a.b[0][*][c=d e.f][g~h]", &error), TD_OK);
    take taken;
    assert_int_equal(take_parse(&taken, "median", &error), TD_ERR_FORMAT);
    assert_int_equal(take_parse(&taken, "highest=", &error), TD_ERR_FORMAT);
    assert_int_equal(take_parse(&taken, "has=-1", &error), TD_ERR_FORMAT);
    assert_int_equal(take_parse(&taken, "last1", &error), TD_ERR_FORMAT);
    assert_int_equal(take_parse(&taken, "only1", &error), TD_ERR_FORMAT);
}

static void test_figures_are_read_as_printed(void **state) {
    (void)state;
    verdict_figure figure;
    assert_true(verdict_figure_parse(&figure, "97.90"));
    assert_true(figure.value == 97.90 && figure.digits == 2 && !figure.bound);
    assert_true(verdict_figure_parse(&figure, "100"));
    assert_int_equal(figure.digits, 0);
    assert_true(verdict_figure_parse(&figure, "> 97"));
    assert_int_equal(figure.bound, '>');
    assert_true(verdict_figure_parse(&figure, "<0.5"));
    assert_true(verdict_figure_parse(&figure, "-3.5"));
    assert_true(figure.value == -3.5);
    static const char *const bad[] = {"",    "x",  "1.",    ".5",          "1e3",         "nan",
                                      "1 %", "> ", "1.2.3", "12345678901", "0.1234567890"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(verdict_figure_parse(&figure, bad[i]));
}

static verdict judge(const char *printed, verdict_sense sense, double within, double mean) {
    verdict_figure figure;
    assert_true(verdict_figure_parse(&figure, printed));
    return verdict_of(&figure, sense, within, mean);
}

static void test_a_figure_is_reached_as_it_is_printed(void **state) {
    (void)state;
    assert_int_equal(judge("99.31", SENSE_LARGER, 1, 99.31), VERDICT_REACHED);
    assert_int_equal(judge("99.31", SENSE_LARGER, 1, 99.305), VERDICT_REACHED); /* rounds to it */
    assert_int_equal(judge("99.31", SENSE_LARGER, 1, 99.304), VERDICT_WITHIN);
    assert_int_equal(judge("100", SENSE_LARGER, 1, 99.6), VERDICT_REACHED);
    assert_int_equal(judge("100", SENSE_LARGER, 1, 99.4), VERDICT_WITHIN);
    assert_int_equal(judge("99.31", SENSE_LARGER, 1, 98.31), VERDICT_WITHIN);
    assert_int_equal(judge("99.31", SENSE_LARGER, 1, 98.30), VERDICT_MISSED);
    assert_int_equal(judge("99.31", SENSE_LARGER, 1, 100), VERDICT_REACHED);
    assert_int_equal(judge("28.8", SENSE_SMALLER, 1, 3), VERDICT_REACHED);
    assert_int_equal(judge("28.8", SENSE_SMALLER, 1, 28.85), VERDICT_REACHED);
    assert_int_equal(judge("28.8", SENSE_SMALLER, 1, 29.8), VERDICT_WITHIN);
    assert_int_equal(judge("28.8", SENSE_SMALLER, 1, 29.9), VERDICT_MISSED);
    assert_int_equal(judge("77", SENSE_NEAR, 5, 77.4), VERDICT_REACHED);
    assert_int_equal(judge("77", SENSE_NEAR, 5, 82), VERDICT_WITHIN);
    assert_int_equal(judge("77", SENSE_NEAR, 5, 71.9), VERDICT_MISSED);
    assert_int_equal(judge("77", SENSE_NEAR, 0, 77.6), VERDICT_MISSED);
    assert_int_equal(judge("99.31", SENSE_LARGER, 1, NAN), VERDICT_MISSED);
}

static void test_a_bound_is_not_rounded(void **state) {
    (void)state;
    assert_int_equal(judge("> 97", SENSE_SMALLER, 1, 97.01), VERDICT_REACHED);
    assert_int_equal(judge("> 97", SENSE_LARGER, 1, 97), VERDICT_WITHIN);
    assert_int_equal(judge("> 97", SENSE_LARGER, 1, 95.9), VERDICT_MISSED);
    assert_int_equal(judge("< 2", SENSE_LARGER, 0, 1.99), VERDICT_REACHED);
    assert_int_equal(judge("< 2", SENSE_LARGER, 0, 2.1), VERDICT_MISSED);
}

static void test_the_deviation_is_of_a_sample(void **state) {
    (void)state;
    const double values[] = {2, 4, 9};
    double mean, deviation;
    verdict_mean(values, 3, &mean, &deviation);
    assert_true(mean == 5);
    assert_true(fabs(deviation - sqrt((9 + 1 + 16) / 2.0)) < 1e-12);
    verdict_mean(values, 1, &mean, &deviation);
    assert_true(mean == 2 && deviation == 0);
}

/* By hand: 10, 20 and 60 have the mean 30 and the deviation √((400 + 100 + 900)/2) = 26.46; 40, 42
 * and 44 the mean 42 and the deviation 2. */
static void test_spreads(void **state) {
    (void)state;
    const place_spread wide = place_spread_of((const double[]){10, 20, 60}, 3),
                       narrow = place_spread_of((const double[]){44, 40, 42}, 3);
    assert_true(wide.count == 3 && wide.mean == 30 && wide.least == 10 && wide.most == 60);
    assert_true(fabs(wide.deviation - sqrt(700)) < 1e-12 && place_swings(&wide));
    assert_true(fabs(narrow.deviation - 2) < 1e-12 && !place_swings(&narrow));
    const size_t epochs[] = {0, 1, 2, 3, 5, 19, 20, 100}, last[] = {0, 1, 1, 2, 3, 10, 10, 10};
    for (size_t i = 0; i < sizeof epochs / sizeof *epochs; i++)
        assert_int_equal(place_epochs(epochs[i]), last[i]);
}

static void assert_placed(const char *printed, const double *values, size_t count, place_side side,
                          double spreads) {
    verdict_figure figure;
    const place_spread ours = place_spread_of(values, count);
    assert_true(verdict_figure_parse(&figure, printed));
    const place_found found = place_of(&figure, &ours);
    assert_string_equal(place_name(found.side), place_name(side));
    assert_true(fabs(found.spreads - spreads) < 1e-9);
}

static void test_figures_have_a_place(void **state) {
    (void)state;
    const double values[] = {44, 40, 42}, equal[] = {99.98, 99.98}, rounded[] = {99.2, 99.3};
    assert_placed("42", values, 3, PLACE_INSIDE, 0);
    assert_placed("46", values, 3, PLACE_INSIDE, 2);
    assert_placed("46.1", values, 3, PLACE_ABOVE, 2.05);
    assert_placed("35", values, 3, PLACE_BELOW, 3.5);
    assert_placed("35", values, 1, PLACE_NONE, 0);
    /* A spread is at least as wide as the paper's digits. */
    assert_placed("100", equal, 2, PLACE_INSIDE, 0.04);
    assert_placed("100.00", equal, 2, PLACE_ABOVE, 4);
    assert_placed("99", rounded, 2, PLACE_INSIDE, 0.5);
    /* Bounds are one-sided. */
    assert_placed("> 30", values, 3, PLACE_INSIDE, 6);
    assert_placed("> 45", values, 3, PLACE_INSIDE, 1.5);
    assert_placed("> 47", values, 3, PLACE_ABOVE, 2.5);
    assert_placed("< 60", values, 3, PLACE_INSIDE, 9);
    assert_placed("< 37", values, 3, PLACE_BELOW, 2.5);
}

static void assert_words(const char *row, const char *ours, const char *difference,
                         const char *judged) {
    json_t *value = json_loads(row, 0, NULL);
    char text[128];
    assert_non_null(value);
    results_ours(text, sizeof text, value);
    assert_string_equal(text, ours);
    results_difference(text, sizeof text, value);
    assert_string_equal(text, difference);
    results_verdict(text, sizeof text, value);
    assert_string_equal(text, judged);
    json_decref(value);
}

static void test_rows_in_words(void **state) {
    (void)state;
    assert_words("{\"unit\": \"%\", \"paper\": \"100\", \"mean\": 99.984, \"deviation\": 0.012,"
                 " \"difference\": -0.016, \"verdict\": \"reached\"}",
                 "99.98 ± 0.01", "−0.02", "reached");
    assert_words("{\"unit\": \"%\", \"paper\": \"77\", \"mean\": 79.5, \"deviation\": null,"
                 " \"difference\": 2.5, \"verdict\": \"within\", \"within\": 5}",
                 "79.50", "+2.50", "within 5 points");
    assert_words("{\"unit\": \"%\", \"mean\": 79.5, \"difference\": -0.5, \"within\": 1,"
                 " \"verdict\": \"within\"}",
                 "79.50", "−0.50", "within 1 point");
    assert_words("{\"unit\": \"L1\", \"paper\": \"0.00005\", \"mean\": 0.0012, \"difference\": "
                 "0.00115, \"better\": \"near\", \"verdict\": \"not reached\"}",
                 "0.00120", "+0.00115", "not reached (above)");
    assert_words("{\"unit\": \"%\", \"mean\": 1, \"difference\": -0.001, \"verdict\": \"reached\"}",
                 "1.00", "0.00", "reached");
    assert_words("{\"unit\": \"%\", \"verdict\": \"not run\"}", "not run", "", "not run");
    assert_words("{\"unit\": \"m\", \"verdict\": \"no value\", \"problems\": [{\"none\": true}]}",
                 "none", "", "no value");
    assert_words(
        "{\"unit\": \"m\", \"verdict\": \"no value\", \"problems\": [{\"none\": true}, {}]}",
        "no value", "", "no value");
    assert_words(
        "{\"unit\": \"classes\", \"mean\": 0.5, \"values\": [{\"value\": 1}, {\"value\": 0}],"
        " \"verdict\": \"no figure\"}",
        "0.50", "", "");
    assert_words("{\"unit\": \"%\", \"mean\": 5, \"verdict\": \"no figure\"}", "5.00", "", "");
}

static void test_patterns_give_the_seed(void **state) {
    (void)state;
    char seed[EXPECT_TEXT];
    assert_true(expect_matches("mnist/25/*/eval.json", "mnist/25/10/eval.json", seed));
    assert_string_equal(seed, "10");
    assert_true(expect_matches("a-*.json", "a-1.json", seed));
    assert_true(expect_matches("a.json", "a.json", seed));
    assert_string_equal(seed, "");
    assert_false(expect_matches("mnist/*/eval.json", "mnist/25/1/eval.json", seed));
    assert_false(expect_matches("mnist/*/eval.json", "mnist//eval.json", seed));
    assert_false(expect_matches("a*a", "a", seed));
    assert_false(expect_matches("a.json", "b/a.json", seed));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths_find),
        cmocka_unit_test(test_classes_are_asked_for),
        cmocka_unit_test(test_what_is_not_there_is_said),
        cmocka_unit_test(test_only_paths_are_paths),
        cmocka_unit_test(test_figures_are_read_as_printed),
        cmocka_unit_test(test_a_figure_is_reached_as_it_is_printed),
        cmocka_unit_test(test_a_bound_is_not_rounded),
        cmocka_unit_test(test_the_deviation_is_of_a_sample),
        cmocka_unit_test(test_spreads),
        cmocka_unit_test(test_figures_have_a_place),
        cmocka_unit_test(test_rows_in_words),
        cmocka_unit_test(test_patterns_give_the_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
