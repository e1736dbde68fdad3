/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "base/json.h"
#include "base/parallel.h"
#include "base/sha256.h"
#include "frame/run.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int list_size; /* of a list in the record, for one that is large */

static td_status read_and_write(tool_run *run, td_error *error) {
    const td_rate rate = {3, 4, 0.75, {0.25, 0.5}};
    json_t *list = tool_run_set(run, "list", "[]");
    for (int i = 0; i < list_size; i++)
        json_array_append_new(list, json_integer(i));
    TD_TRY(tool_record_input(&run->record, "input", error));
    TD_TRY(tool_record_input(&run->record, "input", error));
    const td_digest empty = td_sha256("", 0);
    tool_record_output(&run->record, "model", &empty);
    tool_json_rate(&run->record.json, run->record.root, "asr", &rate);
    return TD_OK;
}

/* A whole run of a tool that reads `input` and writes `output`. */
static td_status make_record(const tool_common *common, td_error *error) {
    static const tool_family family = {.name = "test", .word = "method", .run = read_and_write};
    static const tool_method method = {.family = &family};
    tool_settings settings;
    tool_run run = {.deadline = INFINITY};
    TD_TRY(tool_settings_open(&settings, "trapdoor-test", &method, error));
    settings.common = *common;
    td_status status = tool_run_execute(&run, &settings, error);
    tool_run_close(&run);
    tool_settings_close(&settings);
    return status;
}

static void make(const tool_common *common) {
    assert_int_equal(make_record(common, NULL), TD_OK);
}

static json_t *read_record(const char *path) {
    json_t *record;
    assert_int_equal(td_json_read(path, &record, NULL), TD_OK);
    return record;
}

static const char *text_at(const json_t *files, size_t index, const char *key) {
    return json_string_value(json_object_get(json_array_get(files, index), key));
}

static int enter(void **state) {
    int status = support_enter_folder(state);
    support_write_text("input", "abc");
    support_write_text("output", "");
    return status;
}

static void test_fields_and_their_order(void **state) {
    (void)state;
    const char *const keys[] = {"tool",         "version",   "kernel",  "blas_core", "seed",
                                "options",      "inputs",    "outputs", "list",      "asr",
                                "asr_interval", "asr_count", "timing"};
    make(&(tool_common){.json = "run.json", .seed = 5});
    json_t *record = read_record("run.json"), *value;
    const char *key;
    size_t place = 0;
    json_object_foreach(record, key, value) {
        assert_true(place < sizeof keys / sizeof *keys);
        assert_string_equal(key, keys[place++]);
    }
    assert_int_equal(place, sizeof keys / sizeof *keys);
    json_decref(record);
}

static void test_values(void **state) {
    (void)state;
    make(&(tool_common){.json = "run.json", .seed = 5});
    json_t *record = read_record("run.json");
    assert_string_equal(json_string_value(json_object_get(record, "tool")), "trapdoor-test");
    assert_string_equal(json_string_value(json_object_get(record, "blas_core")), td_blas_core());
    assert_int_equal(json_integer_value(json_object_get(record, "seed")), 5);
    const json_t *inputs = json_object_get(record, "inputs");
    assert_int_equal(json_array_size(inputs), 1);
    assert_string_equal(text_at(inputs, 0, "path"), "input");
    assert_string_equal(text_at(inputs, 0, "sha256"), td_sha256("abc", 3).hex);
    const json_t *outputs = json_object_get(record, "outputs");
    assert_int_equal(json_array_size(outputs), 1);
    assert_string_equal(text_at(outputs, 0, "file"), "model");
    assert_string_equal(text_at(outputs, 0, "sha256"), td_sha256("", 0).hex);
    const json_t *count = json_object_get(record, "asr_count");
    assert_int_equal(json_integer_value(json_array_get(count, 0)), 3);
    assert_int_equal(json_integer_value(json_array_get(count, 1)), 4);
    json_decref(record);
}

static void test_only_timing_knows_the_threads(void **state) {
    (void)state;
    td_set_threads(1);
    make(&(tool_common){.json = "one.json", .seed = 1, .threads = 1});
    td_set_threads(2);
    make(&(tool_common){.json = "two.json", .seed = 1, .threads = 2});
    json_t *one = read_record("one.json"), *two = read_record("two.json");
    const json_t *timing = json_object_get(two, "timing");
    assert_int_equal(json_integer_value(json_object_get(timing, "threads")), 2);
    assert_true(json_real_value(json_object_get(timing, "seconds")) >= 0);
    json_object_del(one, "timing");
    json_object_del(two, "timing");
    assert_true(json_equal(one, two));
    json_decref(one);
    json_decref(two);
}

static void test_without_json_nothing_is_written(void **state) {
    (void)state;
    make(&(tool_common){.seed = 1});
    assert_int_equal(support_count_files(), 2);
}

static void test_existing_records_need_force(void **state) {
    (void)state;
    td_error error;
    tool_common common = {.json = "run.json"};
    support_write_text("run.json", "old");
    assert_int_equal(make_record(&common, &error), TD_ERR_USAGE);
    assert_string_equal(error.message, "run.json: exists already; --force replaces it");
    support_assert_file("run.json", "old");
    common.force = true;
    make(&common);
    json_decref(read_record("run.json"));
}

static void test_check_refuses_what_cannot_be_written(void **state) {
    (void)state;
    td_error error;
    assert_int_equal(make_record(&(tool_common){.json = "none/run.json"}, &error), TD_ERR_IO);
    assert_string_equal(error.message, "none/run.json: No such file or directory");
    tool_outputs outputs = {0};
    assert_int_equal(tool_outputs_check(&outputs, "run.json", &error), TD_OK);
    tool_outputs_close(&outputs);
    assert_int_equal(support_count_files(), 2);
}

static void test_a_full_disk_is_reported(void **state) {
    (void)state;
    for (list_size = 1; list_size <= 100000; list_size += 99999) {
        td_error error;
        assert_int_equal(make_record(&(tool_common){.json = "/dev/full"}, &error), TD_ERR_IO);
        assert_string_equal(error.message, "/dev/full: No space left on device");
    }
    list_size = 0;
}

static void test_missing_input(void **state) {
    (void)state;
    td_error error;
    tool_record record;
    const tool_common common = {.seed = 1};
    assert_int_equal(tool_record_start(&record, "trapdoor-test", &common, json_object(), &error),
                     TD_OK);
    assert_int_equal(tool_record_input(&record, "none", &error), TD_ERR_IO);
    assert_string_equal(error.message, "none: No such file or directory");
    tool_record_free(&record);
}

/* --- files that change --- */

static void start(tool_record *record) {
    const tool_common common = {.seed = 1};
    td_json json = {0};
    assert_int_equal(
        tool_record_start(record, "trapdoor-test", &common, td_json_object(&json), NULL), TD_OK);
}

static void assert_changed(td_status status, const td_error *error) {
    assert_int_equal(status, TD_ERR_IO);
    assert_string_equal(error->message, "input: changed while it was read");
}

static void test_a_file_that_changes_before_it_is_read(void **state) {
    (void)state;
    td_error error;
    tool_record record;
    start(&record);
    assert_int_equal(tool_record_input(&record, "input", &error), TD_OK);
    assert_int_equal(tool_record_was_read(&record, "input", &error), TD_OK);
    support_write_text("input", "abc"); /* the same bytes */
    assert_int_equal(tool_record_was_read(&record, "input", &error), TD_OK);
    support_write_text("other", "abd");
    assert_int_equal(rename("other", "input"), 0);
    assert_changed(tool_record_was_read(&record, "input", &error), &error);
    tool_record_free(&record);
}

static void test_a_file_that_changes_after_it_was_opened(void **state) {
    (void)state;
    td_error error;
    tool_record record;
    td_file_stamp before = td_file_stamp_of("input");
    start(&record);
    support_write_text("other", "abd");
    assert_int_equal(rename("other", "input"), 0);
    assert_changed(tool_record_opened(&record, "input", &before, &error), &error);
    tool_record_free(&record);
    before = td_file_stamp_of("input");
    start(&record);
    assert_int_equal(tool_record_opened(&record, "input", &before, &error), TD_OK);
    const td_digest digest = td_sha256("abd", 3);
    assert_string_equal(tool_record_digest(&record, "input")->hex, digest.hex);
    assert_null(tool_record_digest(&record, "output"));
    tool_record_free(&record);
}

/* Its pixels are read until the end of the work. */
static void test_a_set_that_changes_in_its_place(void **state) {
    (void)state;
    td_error error;
    tool_record record;
    const char *files[] = {"input"};
    td_file_stamp stamps[] = {td_file_stamp_of("input")};
    td_dataset set = {.files = files, .stamps = stamps, .file_count = 1, .map.size = 3};
    start(&record);
    assert_int_equal(tool_record_dataset(&record, &set, &error), TD_OK);
    support_write_text("input", "abc");
    assert_int_equal(tool_record_check_inputs(&record, &error), TD_OK);
    support_write_text("input", "abcd");
    assert_changed(tool_record_check_inputs(&record, &error), &error);
    support_write_text("other", "abd"); /* another file: what is mapped stays */
    assert_int_equal(rename("other", "input"), 0);
    assert_int_equal(tool_record_check_inputs(&record, &error), TD_OK);
    tool_record_free(&record);
}

static void test_a_folder_is_one_input(void **state) {
    (void)state;
    td_error error;
    tool_record record;
    const tool_common common = {.seed = 1};
    td_dataset train = {.folder = "pets", .folder_files = 3}, test = train;
    train.folder_digest = td_sha256("train", 5);
    test.folder_digest = td_sha256("test", 4);
    assert_int_equal(tool_record_start(&record, "trapdoor-test", &common, json_object(), &error),
                     TD_OK);
    assert_int_equal(tool_record_dataset(&record, &train, &error), TD_OK);
    assert_int_equal(tool_record_dataset(&record, &test, &error), TD_OK);
    assert_int_equal(tool_record_dataset(&record, &train, &error), TD_OK);
    const json_t *inputs = json_object_get(record.root, "inputs");
    assert_int_equal(json_array_size(inputs), 2);
    assert_string_equal(text_at(inputs, 0, "path"), "pets");
    assert_string_equal(text_at(inputs, 0, "sha256"), train.folder_digest.hex);
    assert_string_equal(text_at(inputs, 1, "sha256"), test.folder_digest.hex);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(inputs, 0), "files")), 3);
    tool_record_free(&record);
}

static void test_options_that_could_not_be_made(void **state) {
    (void)state;
    tool_record record;
    const tool_common common = {.seed = 1};
    assert_int_equal(tool_record_start(&record, "trapdoor-test", &common, NULL, NULL),
                     TD_ERR_MEMORY);
    assert_null(record.root);
    tool_record_free(&record);
}

#define WITH_FILES(test) cmocka_unit_test_setup_teardown((test), enter, support_leave_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FILES(test_fields_and_their_order),
        WITH_FILES(test_values),
        WITH_FILES(test_only_timing_knows_the_threads),
        WITH_FILES(test_without_json_nothing_is_written),
        WITH_FILES(test_existing_records_need_force),
        WITH_FILES(test_check_refuses_what_cannot_be_written),
        WITH_FILES(test_a_full_disk_is_reported),
        IN_FOLDER(test_missing_input),
        WITH_FILES(test_a_file_that_changes_before_it_is_read),
        WITH_FILES(test_a_file_that_changes_after_it_was_opened),
        WITH_FILES(test_a_set_that_changes_in_its_place),
        cmocka_unit_test(test_a_folder_is_one_input),
        cmocka_unit_test(test_options_that_could_not_be_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
