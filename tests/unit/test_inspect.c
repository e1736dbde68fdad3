/* SPDX-License-Identifier: MIT */
/* Findings: their verdict and record, and the pictures of triggers. */
#include "data/picture.h"
#include "defend/inspect/inspect.h"
#include "support.h"
#include <math.h>
#include <string.h>

enum { MOST = 10 };

static const inspector small = {.statistic = {.name = "size", .unit = "pixels"},
                                .rated = true,
                                .spread = FINDINGS_MAD},
                       large = {.statistic = {.name = "margin", .large = true},
                                .spread = FINDINGS_MAD},
                       pairs = {.about = FINDING_PAIR,
                                .statistic = {.name = "distance"},
                                .spread = FINDINGS_OWN};

/* Classes 0, 1, ... with these values; NAN: none. */
static findings make(const inspector *of, const double *values, size_t count, finding *list) {
    for (size_t i = 0; i < count; i++) {
        list[i] = finding_new(i, values[i]);
        list[i].found = !isnan(values[i]);
        list[i].asr = td_rate_of(99, 100);
    }
    return (findings){.about = of->about,
                      .statistic = of->statistic,
                      .rated = of->rated,
                      .list = list,
                      .count = count};
}

static findings judge(const inspector *of, findings_spread spread, const double *values,
                      size_t count, finding *list) {
    findings f = make(of, values, count, list);
    td_error error;
    assert_int_equal(findings_judge(&f, spread, &error), TD_OK);
    return f;
}

/* Median of 10, 50, 52, 54, 56: 52; distances 42, 2, 0, 2, 4: MAD 2; index of 10:
 * 42/(1.4826·2) = 14.1643. Class 2 has none and changes nothing. */
static void class_without_trigger_takes_no_part(void **state) {
    (void)state;
    static const double sizes[] = {50, 10, NAN, 52, 54, 56};
    finding list[MOST];
    const findings f = judge(&small, FINDINGS_MAD, sizes, 6, list);
    assert_int_equal(f.valued, 5);
    assert_true(f.judged && f.median == 52 && f.mad == 2);
    assert_int_equal(f.flagged, 1);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(list[i].flagged, i == 1);
    assert_true(fabs(list[1].index - 14.1643) < 1e-4);
    assert_true(isnan(list[2].index) && list[4].index < 0);
    assert_ptr_equal(findings_first(&f), &list[1]);
    assert_ptr_equal(findings_largest_index(&f), &list[1]);
    assert_ptr_equal(findings_find(&f, 4), &list[4]);
    assert_null(findings_find(&f, 6));
}

/* The same numbers below 0: what was small is large. */
static void large_values_can_be_suspicious(void **state) {
    (void)state;
    static const double margins[] = {-50, -10, NAN, -52, -54, -56};
    finding list[MOST];
    const findings f = judge(&large, FINDINGS_MAD, margins, 6, list);
    assert_true(f.judged && f.median == -52 && f.mad == 2);
    assert_true(f.flagged == 1 && list[1].flagged);
    assert_true(fabs(list[1].index - 14.1643) < 1e-4 && list[4].index < 0);
    assert_ptr_equal(findings_first(&f), &list[1]);
}

/* 80 and 90 are outliers on the large side, 10 is one on the small side; the first seven have a
 * median of 51 and a MAD of 1, so that 53 has an index of 1.35. */
static void the_opposite_outlier_is_found(void **state) {
    (void)state;
    static const double sizes[] = {50, 10, NAN, 52, 53, 52, 50, 80, 53, 90};
    finding list[MOST];
    findings f = judge(&small, FINDINGS_MAD, sizes, 9, list);
    assert_ptr_equal(findings_opposite(&f), &list[7]);
    f = judge(&small, FINDINGS_MAD, sizes, 10, list);
    assert_ptr_equal(findings_opposite(&f), &list[9]);
    f = judge(&small, FINDINGS_MAD, sizes, 7, list);
    assert_null(findings_opposite(&f));
    static const double two[] = {1, 100};
    f = judge(&small, FINDINGS_MAD, two, 2, list);
    assert_null(findings_opposite(&f));
}

/* 10, 20, 30, 90, 100: median 30, MAD of 20, 10, 0, 60, 70: 20; below: of 20, 10, 0: 10. */
static void double_mad_looks_at_one_side(void **state) {
    (void)state;
    static const double sizes[] = {10, 20, 30, 90, 100}, margins[] = {-10, -20, -30, -90, -100};
    finding list[MOST];
    assert_true(judge(&small, FINDINGS_MAD, sizes, 5, list).mad == 20);
    assert_true(judge(&small, FINDINGS_DOUBLE_MAD, sizes, 5, list).mad == 10);
    assert_true(judge(&large, FINDINGS_DOUBLE_MAD, margins, 5, list).mad == 10);
}

static void two_triggers_give_no_verdict(void **state) {
    (void)state;
    static const double sizes[] = {1, 100, NAN};
    finding list[MOST];
    findings f = judge(&small, FINDINGS_MAD, sizes, 3, list);
    assert_false(f.judged);
    assert_int_equal(f.valued, 2);
    assert_int_equal(f.flagged, 0);
    assert_true(f.median == 50.5 && isnan(list[0].index));
    static const double none[] = {NAN, NAN, NAN, NAN};
    f = judge(&small, FINDINGS_MAD, none, 4, list);
    assert_true(!f.judged && f.valued == 0 && f.flagged == 0);
    f = judge(&small, FINDINGS_OWN, sizes, 3, list);
    assert_true(f.judged && isnan(f.median)); /* by a rule of its own, one value is enough */
}

/* --- the record --- */

static const inspect_settings settings = {.model = {.path = "m.safetensors"}, .folder = "out"};
static const tool_common quiet = {.seed = 1, .quiet = true};

/* An inspection with these findings. */
static void open_inspection(inspection *in, tool_run *run, const inspector *of, findings found) {
    td_error error;
    *run = (tool_run){.common = &quiet, .deadline = INFINITY, .as_part = true};
    assert_int_equal(tool_record_start(&run->record, "test", &quiet, json_object(), &error), TD_OK);
    *in = (inspection){.run = run, .settings = &settings, .inspector = of, .found = found};
}

static void fill_record(inspection *in) {
    td_error error;
    assert_int_equal(inspect_report(in, &error), TD_OK);
    tool_tables_json(&in->run->tables, &in->run->record.json, in->run->record.root);
    assert_int_equal(tool_record_check(&in->run->record, &error), TD_OK);
}

static double number(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

/* 7, 7, 7, 3: MAD 0, so the index of 3 is infinite, which JSON cannot represent. */
static void record_has_null_for_what_is_no_number(void **state) {
    (void)state;
    static const double sizes[] = {7, 7, 7, 3, NAN};
    finding list[MOST];
    tool_run run;
    inspection in;
    open_inspection(&in, &run, &small, make(&small, sizes, 5, list));
    fill_record(&in);
    const json_t *root = run.record.root, *flagged = json_object_get(root, "flagged");
    assert_true(number(root, "median") == 7 && number(root, "mad") == 0 && run.flagged);
    assert_int_equal(json_array_size(flagged), 1);
    assert_int_equal(json_integer_value(json_array_get(flagged, 0)), 3);
    const json_t *entries = json_object_get(root, "classes");
    assert_int_equal(json_array_size(entries), 5);
    const json_t *whole = json_array_get(entries, 0), *least = json_array_get(entries, 3),
                 *none = json_array_get(entries, 4);
    assert_true(number(whole, "index") == 0 && number(whole, "asr") == 0.99);
    assert_true(json_is_true(json_object_get(least, "flagged")));
    assert_true(json_is_null(json_object_get(least, "index")));
    assert_true(json_is_false(json_object_get(none, "found")));
    assert_true(json_is_null(json_object_get(none, "size")));
    tool_run_close(&run);
}

static findings read_back(const json_t *record, td_arena *arena) {
    const void *read;
    td_error error;
    if (findings_read(record, arena, &read, &error) != TD_OK)
        fail_msg("%s", error.message);
    return *(const findings *)read;
}

/* Written findings are read back unchanged, including infinity. */
static void a_record_is_read_back(void **state) {
    (void)state;
    static const double sizes[] = {7, 7, 7, 3, NAN}, margins[] = {1, 2, 3, 90, 2.5};
    finding list[MOST];
    tool_run run;
    inspection in;
    td_arena arena = {0};
    open_inspection(&in, &run, &small, make(&small, sizes, 5, list));
    fill_record(&in);
    findings f = read_back(run.record.root, &arena);
    assert_string_equal(f.statistic.name, "size");
    assert_string_equal(f.statistic.unit, "pixels");
    assert_true(f.rated && f.judged && f.count == 5 && f.valued == 4 && f.flagged == 1);
    assert_true(f.list[3].flagged && isinf(f.list[3].index) && f.list[3].index > 0);
    assert_true(f.list[0].index == 0 && isnan(f.list[4].index) && !f.list[4].found);
    assert_int_equal(f.list[0].asr.hits, 99);
    tool_run_close(&run);
    open_inspection(&in, &run, &large, make(&large, margins, 5, list));
    fill_record(&in);
    f = read_back(run.record.root, &arena);
    assert_true(f.statistic.large && !f.rated && !f.statistic.unit);
    for (size_t i = 0; i < 5; i++)
        assert_true(f.list[i].value == margins[i] && f.list[i].index == list[i].index);
    assert_true(f.list[3].flagged && f.list[0].index < 0);
    tool_run_close(&run);
    td_arena_free(&arena);
}

/* Pairs, each judged alone; then a map, and the model as a whole. */
static void findings_need_not_be_of_classes(void **state) {
    (void)state;
    static const double distances[] = {0.5, 2};
    finding list[MOST];
    tool_run run;
    inspection in;
    td_arena arena = {0};
    findings made = make(&pairs, distances, 2, list);
    list[0].source = 3;
    list[1].source = 1;
    list[0].flagged = true;
    list[0].p = 0.01;
    open_inspection(&in, &run, &pairs, made);
    fill_record(&in);
    assert_null(json_object_get(run.record.root, "median"));
    findings f = read_back(run.record.root, &arena);
    assert_true(f.about == FINDING_PAIR && f.judged && f.flagged == 1);
    assert_true(f.list[0].source == 3 && f.list[0].class == 0 && f.list[0].p == 0.01);
    assert_true(isnan(f.list[1].p) && isnan(f.list[0].index));
    tool_run_close(&run);
    for (finding_about about = FINDING_MAP; about <= FINDING_MODEL; about++) {
        made.about = about;
        list[0].map = list[1].map = "1,2,0";
        list[0].index = 4;
        open_inspection(&in, &run, &pairs, made);
        fill_record(&in);
        f = read_back(run.record.root, &arena);
        assert_true(f.about == about && f.list[0].index == 4 && f.list[1].value == 2);
        if (about == FINDING_MAP)
            assert_string_equal(f.list[1].map, "1,2,0");
        tool_run_close(&run);
    }
    td_arena_free(&arena);
}

#define STATISTIC                                                                                  \
    "\"statistic\": {\"name\": \"size\", \"suspicious\": \"small\", \"of\": \"class\", "           \
    "\"asr\": true}, "
#define CLASS(number, found, size, index, flagged)                                                 \
    "{\"class\": " #number ", \"found\": " #found ", \"size\": " #size ", \"index\": " #index      \
    ", \"flagged\": " #flagged ", \"asr_count\": [9, 10]}"

static td_status read_text(const char *text, td_arena *arena, findings *out, td_error *error) {
    json_t *record = json_loads(text, 0, NULL);
    const void *read;
    assert_non_null(record);
    td_status status = findings_read(record, arena, &read, error);
    if (status == TD_OK)
        *out = *(const findings *)read;
    json_decref(record);
    return status;
}

static void an_index_has_a_side(void **state) {
    (void)state;
    static const char text[] =
        "{" STATISTIC "\"median\": 50, \"mad\": 4, \"unsearched\": [5, 6], \"classes\": [" CLASS(
            0, true, 60, 1.7, false) "," CLASS(1, true, 5, 7.6,
                                               true) "," CLASS(2, false, null, null,
                                                               false) "," CLASS(3, true, 50, 0,
                                                                                false) "]}";
    td_arena arena = {0};
    td_error error;
    findings found;
    assert_int_equal(read_text(text, &arena, &found, &error), TD_OK);
    assert_int_equal(found.count, 4);
    assert_int_equal(found.unsearched, 2);
    assert_int_equal(found.flagged, 1);
    assert_true(found.judged);
    assert_true(found.list[0].index == -1.7 && found.list[1].index == 7.6);
    assert_true(isnan(found.list[2].index) && found.list[3].index == 0);
    assert_int_equal(found.list[1].asr.hits, 9);
    assert_int_equal(findings_first(&found)->class, 1);
    assert_int_equal(findings_largest_index(&found)->class, 1);
    td_arena_free(&arena);
}

/* A record has null for infinity; without a verdict there is no index at all. */
static void a_mad_of_zero_makes_it_infinite(void **state) {
    (void)state;
    td_arena arena = {0};
    td_error error;
    findings found;
    assert_int_equal(read_text("{" STATISTIC "\"median\": 7, \"mad\": 0, \"classes\": [" CLASS(
                                   0, true, 3, null, true) "," CLASS(1, true, 7, 0, false) "]}",
                               &arena, &found, &error),
                     TD_OK);
    assert_true(isinf(found.list[0].index) && found.list[0].index > 0);
    assert_int_equal(read_text("{" STATISTIC "\"median\": 7, \"mad\": 2, \"classes\": [" CLASS(
                                   0, true, 3, null, false) "]}",
                               &arena, &found, &error),
                     TD_OK);
    assert_false(found.judged);
    assert_null(findings_largest_index(&found));
    assert_int_equal(findings_first(&found)->class, 0);
    td_arena_free(&arena);
}

static void assert_refused(const char *text, const char *part) {
    td_arena arena = {0};
    td_error error;
    findings found;
    assert_int_equal(read_text(text, &arena, &found, &error), TD_ERR_FORMAT);
    support_assert_contains(error.message, part);
    td_arena_free(&arena);
}

static void other_records_are_refused(void **state) {
    (void)state;
    assert_refused("{}", "\"statistic\": expected what an inspector says of it, found none");
    assert_refused("{\"statistic\": {\"name\": \"size\"}}", "found another object");
    assert_refused("{" STATISTIC "\"flagged\": []}",
                   "\"classes\": expected a list of at most 1048576, found none");
    assert_refused("{" STATISTIC "\"classes\": [1]}",
                   "entry 0: \"class\": expected the number of a class");
    assert_refused("{" STATISTIC "\"classes\": [" CLASS(-1, true, 1, 1, false) "]}", "\"class\"");
    assert_refused("{" STATISTIC "\"classes\": [" CLASS(0, 1, 1, 1, false) "]}",
                   "\"found\": expected true");
    assert_refused("{" STATISTIC "\"classes\": [" CLASS(0, true, null, 1, false) "]}",
                   "\"size\": expected a number of at least 0");
    assert_refused("{" STATISTIC "\"classes\": [" CLASS(0, true, -1, 1, false) "]}", "\"size\"");
    assert_refused("{" STATISTIC "\"classes\": [" CLASS(0, true, 1, 1, null) "]}", "\"flagged\"");
    assert_refused("{" STATISTIC
                   "\"classes\": [{\"class\": 0, \"found\": false, \"flagged\": false}]}",
                   "\"asr_count\": expected [hits, trials]");
}

/* --- pictures --- */

static void assert_picture(const char *path, size_t channels, const uint8_t *pixels, size_t size) {
    td_bitmap bitmap;
    td_error error;
    if (td_picture_read(&bitmap, path, &error) != TD_OK)
        fail_msg("%s", error.message);
    assert_int_equal(bitmap.width, 2);
    assert_int_equal(bitmap.height, 1);
    assert_int_equal(bitmap.channels, channels);
    assert_memory_equal(bitmap.pixels, pixels, size);
    td_bitmap_free(&bitmap);
}

/* A mask of 0 and .5 (127.5, rounded up) over 10, 20, 30 and 0, 255, 99.6. */
static void trigger_is_written_as_pictures(void **state) {
    (void)state;
    static const float mask[] = {0, 0.5F}, pattern[] = {10, 20, 30, 0, 255, 99.6F};
    static const uint8_t masks[] = {0, 128}, patterns[] = {10, 20, 30, 0, 255, 100},
                         triggers[] = {10, 20, 30, 0, 0, 255, 100, 128};
    finding one = finding_new(4, 0.5);
    size_t classes[] = {4, 5};
    tool_run run;
    inspection in;
    td_error error;
    one.trigger = (inspect_trigger){mask, pattern};
    open_inspection(&in, &run, &small, (findings){0});
    in.shape = (td_shape){1, 2, 3};
    in.classes = classes;
    in.class_count = 2;
    assert_int_equal(inspect_add(&in, &one, &error), TD_OK);
    assert_int_equal(inspect_add(&in, &(finding){.class = 5}, &error), TD_OK);
    assert_int_equal(inspect_claim_folder(&in, &error), TD_OK);
    assert_int_equal(inspect_check_pictures(&in, &error), TD_OK);
    assert_int_equal(inspect_write_pictures(&in, &error), TD_OK);
    assert_int_equal(tool_outputs_publish(&run.outputs, &error), TD_OK);
    assert_picture("out/mask-4.png", 1, masks, sizeof masks);
    assert_picture("out/pattern-4.png", 3, patterns, sizeof patterns);
    assert_picture("out/trigger-4.png", 4, triggers, sizeof triggers);
    assert_int_equal(json_array_size(json_object_get(run.record.root, "outputs")), 3);
    tool_run_close(&run);
    /* Conflicting files are detected before the work. */
    open_inspection(&in, &run, &small, (findings){0});
    in.classes = classes;
    in.class_count = 2;
    assert_int_equal(inspect_claim_folder(&in, &error), TD_OK);
    assert_int_equal(inspect_check_pictures(&in, &error), TD_ERR_USAGE);
    support_assert_contains(error.message, "out/mask-4.png: exists already");
    tool_run_close(&run);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(class_without_trigger_takes_no_part),
        cmocka_unit_test(large_values_can_be_suspicious),
        cmocka_unit_test(the_opposite_outlier_is_found),
        cmocka_unit_test(double_mad_looks_at_one_side),
        cmocka_unit_test(two_triggers_give_no_verdict),
        cmocka_unit_test(record_has_null_for_what_is_no_number),
        cmocka_unit_test(a_record_is_read_back),
        cmocka_unit_test(findings_need_not_be_of_classes),
        cmocka_unit_test(an_index_has_a_side),
        cmocka_unit_test(a_mad_of_zero_makes_it_infinite),
        cmocka_unit_test(other_records_are_refused),
        IN_FOLDER(trigger_is_written_as_pictures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
