/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "base/json.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void assert_refused(const char *text, const char *message) {
    td_error error;
    json_t *value = NULL;
    assert_int_equal(td_json_parse(text, strlen(text), &value, &error), TD_ERR_FORMAT);
    assert_string_equal(error.message, message);
}

static void test_objects_are_parsed(void **state) {
    (void)state;
    const char *text = "{\"a\": [1, 2.5, \"x\"]} and what is beyond the size";
    json_t *value;
    assert_int_equal(td_json_parse(text, 20, &value, NULL), TD_OK);
    assert_int_equal(json_array_size(json_object_get(value, "a")), 3);
    json_decref(value);
}

static void test_duplicates_are_refused_with_their_place(void **state) {
    (void)state;
    assert_refused("{\"a\": 1,\n \"a\": 2}",
                   "line 2 column 4: expected JSON, found: duplicate object key near '\"a\"'");
}

static void test_broken_text_is_refused(void **state) {
    (void)state;
    assert_refused("{\"a\": }", "line 1 column 7: expected JSON, found: unexpected token near '}'");
    assert_refused("{} {}", "line 1 column 4: expected JSON, found: end of file expected near '{'");
    td_error error;
    json_t *value;
    assert_int_equal(td_json_parse("", 0, &value, &error), TD_ERR_FORMAT);
    assert_int_equal(td_json_parse("[\"\xff\"]", 5, &value, &error), TD_ERR_FORMAT);
    assert_int_equal(td_json_parse("[\"a\\u0000b\"]", 12, &value, &error), TD_ERR_FORMAT);
}

static void test_deep_nesting_is_refused(void **state) {
    (void)state;
    enum { DEPTH = 1 << 20 };
    char *text = malloc(DEPTH);
    assert_non_null(text);
    memset(text, '[', DEPTH);
    json_t *value;
    assert_int_equal(td_json_parse(text, DEPTH, &value, NULL), TD_ERR_FORMAT);
    free(text);
}

static void test_files_are_named_in_errors(void **state) {
    (void)state;
    td_error error;
    json_t *value;
    support_write_text("good.json", "{\"a\": true}\n");
    support_write_text("bad.json", "{\"a\": 1, \"a\": 2}\n");
    assert_int_equal(td_json_read("good.json", &value, &error), TD_OK);
    assert_true(json_is_true(json_object_get(value, "a")));
    json_decref(value);
    assert_int_equal(td_json_read("bad.json", &value, &error), TD_ERR_FORMAT);
    assert_string_equal(error.message,
                        "bad.json: line 1 column 12: expected JSON, found: duplicate "
                        "object key near '\"a\"'");
    assert_int_equal(td_json_read("none.json", &value, &error), TD_ERR_IO);
    assert_string_equal(error.message, "none.json: No such file or directory");
}

static void test_large_files_are_refused(void **state) {
    (void)state;
    td_error error;
    json_t *value;
    support_write_text("large.json", "");
    assert_int_equal(truncate("large.json", (64 << 20) + 1), 0);
    assert_int_equal(td_json_read("large.json", &value, &error), TD_ERR_FORMAT);
    assert_string_equal(error.message,
                        "large.json: expected at most 64 MiB of JSON, found 67108865 bytes");
}

static void test_written_form(void **state) {
    (void)state;
    json_t *value = json_pack("{s:f, s:i, s:[i]}", "z", 0.1, "a", 2, "list", 3);
    FILE *file = fopen("out.json", "wb");
    assert_non_null(file);
    assert_int_equal(td_json_write(file, value, NULL), TD_OK);
    fclose(file);
    json_decref(value);
    support_assert_file("out.json",
                        "{\n  \"z\": 0.1,\n  \"a\": 2,\n  \"list\": [\n    3\n  ]\n}\n");
}

static void test_a_line(void **state) {
    (void)state;
    json_t *value = json_pack("{s:f, s:[i]}", "z", 0.1, "list", 3);
    FILE *file = fopen("out.jsonl", "wb");
    assert_non_null(file);
    assert_int_equal(td_json_write_line(file, value, NULL), TD_OK);
    fclose(file);
    json_decref(value);
    support_assert_file("out.jsonl", "{\"z\":0.1,\"list\":[3]}\n");
}

static void test_integers(void **state) {
    (void)state;
    json_int_t number = 5;
    json_t *value = json_pack("{s:i, s:f}", "a", -2, "b", 2.0);
    assert_false(td_json_take_integer(value, "b", &number));
    assert_false(td_json_take_integer(value, "c", &number));
    assert_false(td_json_take_integer(NULL, "a", &number));
    assert_int_equal(number, 5);
    assert_true(td_json_take_integer(value, "a", &number));
    assert_int_equal(number, -2);
    json_decref(value);
}

static void test_writing_to_a_full_disk(void **state) {
    (void)state;
    td_error error;
    json_t *value = json_array();
    FILE *file = fopen("/dev/full", "wb");
    assert_non_null(file);
    setvbuf(file, NULL, _IONBF, 0);
    assert_int_equal(td_json_write(file, value, &error), TD_ERR_IO);
    assert_string_equal(error.message, "No space left on device");
    assert_int_equal(td_json_write_line(file, value, &error), TD_ERR_IO);
    fclose(file);
    json_decref(value);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_objects_are_parsed),
        cmocka_unit_test(test_duplicates_are_refused_with_their_place),
        cmocka_unit_test(test_broken_text_is_refused),
        cmocka_unit_test(test_deep_nesting_is_refused),
        IN_FOLDER(test_files_are_named_in_errors),
        IN_FOLDER(test_large_files_are_refused),
        IN_FOLDER(test_written_form),
        IN_FOLDER(test_a_line),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_writing_to_a_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
