/* The inspectors' verdict, its record and the pictures of triggers. */
#include "data/picture.h"
#include "defend/inspect/old_inspect.h"
#include "support.h"
#include <math.h>
#include <string.h>

enum { MOST = 10 };

/* Classes 0, 1, ... with these sizes; NAN: no trigger. */
static inspect_verdict judge(const double *sizes, size_t count, inspect_spread spread,
                             inspect_class *classes) {
    inspect_verdict verdict;
    td_error error;
    for (size_t i = 0; i < count; i++)
        classes[i] = (inspect_class){
            .number = i, .found = !isnan(sizes[i]), .size = sizes[i], .asr = td_rate_of(99, 100)};
    assert_int_equal(inspect_judge(classes, count, spread, &verdict, &error), TD_OK);
    return verdict;
}

/* Median of 10, 50, 52, 54, 56: 52; distances 42, 2, 0, 2, 4: MAD 2; index of 10:
 * 42/(1.4826·2) = 14.1643. Class 2 has none and changes nothing. */
static void class_without_trigger_takes_no_part(void **state) {
    (void)state;
    static const double sizes[] = {50, 10, NAN, 52, 54, 56};
    inspect_class classes[MOST];
    inspect_verdict v = judge(sizes, 6, INSPECT_MAD, classes);
    assert_int_equal(v.judged, 5);
    assert_true(v.given && v.median == 52 && v.mad == 2);
    assert_int_equal(v.flagged, 1);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(classes[i].flagged, i == 1);
    assert_true(fabs(classes[1].index - 14.1643) < 1e-4);
    assert_true(isnan(classes[2].index));
}

/* 80 and 90 are outliers on the large side, 10 is one on the small side; the first seven have a
 * median of 51 and a MAD of 1, so that 53 has an index of 1.35. */
static void the_largest_outlier_is_found(void **state) {
    (void)state;
    static const double sizes[] = {50, 10, NAN, 52, 53, 52, 50, 80, 53, 90};
    inspect_class classes[MOST];
    inspect_verdict v = judge(sizes, 9, INSPECT_MAD, classes);
    assert_ptr_equal(inspect_largest(classes, 9, &v), &classes[7]);
    v = judge(sizes, 10, INSPECT_MAD, classes);
    assert_ptr_equal(inspect_largest(classes, 10, &v), &classes[9]);
    v = judge(sizes, 7, INSPECT_MAD, classes);
    assert_null(inspect_largest(classes, 7, &v));
    static const double two[] = {1, 100};
    v = judge(two, 2, INSPECT_MAD, classes);
    assert_null(inspect_largest(classes, 2, &v));
}

/* 10, 20, 30, 90, 100: median 30, MAD of 20, 10, 0, 60, 70: 20; below: of 20, 10, 0: 10. */
static void double_mad_looks_below(void **state) {
    (void)state;
    static const double sizes[] = {10, 20, 30, 90, 100};
    inspect_class classes[MOST];
    assert_true(judge(sizes, 5, INSPECT_MAD, classes).mad == 20);
    assert_true(judge(sizes, 5, INSPECT_DOUBLE_MAD, classes).mad == 10);
}

static void two_triggers_give_no_verdict(void **state) {
    (void)state;
    static const double sizes[] = {1, 100, NAN};
    inspect_class classes[MOST];
    inspect_verdict v = judge(sizes, 3, INSPECT_MAD, classes);
    assert_false(v.given);
    assert_int_equal(v.judged, 2);
    assert_int_equal(v.flagged, 0);
    assert_true(v.median == 50.5 && isnan(classes[0].index));
    static const double none[] = {NAN, NAN, NAN, NAN};
    v = judge(none, 4, INSPECT_MAD, classes);
    assert_true(!v.given && v.judged == 0 && v.flagged == 0);
}

static double number(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

/* 7, 7, 7, 3: MAD 0, so that the index of 3 is infinite, which JSON cannot tell. */
static void record_has_null_for_what_is_no_number(void **state) {
    (void)state;
    static const double sizes[] = {7, 7, 7, 3, NAN};
    inspect_class classes[MOST];
    tool_record record = {.root = json_object()};
    td_error error;
    inspect_verdict v = judge(sizes, 5, INSPECT_MAD, classes);
    assert_int_equal(inspect_record(&record, classes, 5, &v, &error), TD_OK);
    assert_true(number(record.root, "median") == 7 && number(record.root, "mad") == 0);
    const json_t *flagged = json_object_get(record.root, "flagged");
    assert_int_equal(json_array_size(flagged), 1);
    assert_int_equal(json_integer_value(json_array_get(flagged, 0)), 3);
    const json_t *entries = json_object_get(record.root, "classes");
    assert_int_equal(json_array_size(entries), 5);
    const json_t *whole = json_array_get(entries, 0), *small = json_array_get(entries, 3),
                 *none = json_array_get(entries, 4);
    assert_true(number(whole, "index") == 0 && number(whole, "asr") == 0.99);
    assert_true(json_is_true(json_object_get(small, "flagged")));
    assert_true(json_is_null(json_object_get(small, "index")));
    assert_true(json_is_false(json_object_get(none, "found")));
    assert_true(json_is_null(json_object_get(none, "size")));
    tool_record_free(&record);
}

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
    const inspect_trigger trigger = {{1, 2, 3}, mask, pattern};
    tool_record record;
    tool_files files;
    td_error error;
    const tool_common common = {.seed = 1};
    assert_int_equal(tool_record_start(&record, "test", &common, json_object(), &error), TD_OK);
    assert_int_equal(tool_files_open(&files, "out", false, INSPECT_PICTURES, &error), TD_OK);
    assert_int_equal(inspect_write_trigger(&files, &record, 4, &trigger, &error), TD_OK);
    assert_int_equal(tool_files_publish(&files, &error), TD_OK);
    assert_picture("out/mask-4.png", 1, masks, sizeof masks);
    assert_picture("out/pattern-4.png", 3, patterns, sizeof patterns);
    assert_picture("out/trigger-4.png", 4, triggers, sizeof triggers);
    assert_int_equal(json_array_size(json_object_get(record.root, "outputs")), INSPECT_PICTURES);
    tool_files_close(&files);
    tool_record_free(&record);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(class_without_trigger_takes_no_part),
        cmocka_unit_test(the_largest_outlier_is_found),
        cmocka_unit_test(double_mad_looks_below),
        cmocka_unit_test(two_triggers_give_no_verdict),
        cmocka_unit_test(record_has_null_for_what_is_no_number),
        IN_FOLDER(trigger_is_written_as_pictures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
