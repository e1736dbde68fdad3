/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "base/error.h"
#include "base/utf8.h"
#include <string.h>

static void test_fail_writes_and_returns(void **state) {
    (void)state;
    td_error error;
    assert_int_equal(td_fail(&error, TD_ERR_FORMAT, "%s: byte %d", "a.png", 7), TD_ERR_FORMAT);
    assert_string_equal(error.message, "a.png: byte 7");
}

static void test_fail_within_puts_the_place_before(void **state) {
    (void)state;
    td_error error;
    td_fail(&error, TD_ERR_FORMAT, "line %d", 3);
    assert_int_equal(td_fail_within(&error, TD_ERR_FORMAT, "%s", "a.json"), TD_ERR_FORMAT);
    assert_string_equal(error.message, "a.json: line 3");
}

static void test_words_are_optional(void **state) {
    (void)state;
    assert_int_equal(td_fail(NULL, TD_ERR_IO, "x"), TD_ERR_IO);
    assert_int_equal(td_fail_within(NULL, TD_ERR_USAGE, "x"), TD_ERR_USAGE);
    assert_int_equal(td_fail_memory(NULL, "x"), TD_ERR_MEMORY);
}

static void test_memory_names_the_thing(void **state) {
    (void)state;
    td_error error;
    assert_int_equal(td_fail_memory(&error, "weights"), TD_ERR_MEMORY);
    assert_string_equal(error.message, "out of memory for weights");
}

static void test_long_messages_are_cut(void **state) {
    (void)state;
    char text[3000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    td_error error;
    td_fail(&error, TD_ERR_IO, "%s", text);
    assert_int_equal(strlen(error.message), sizeof error.message - 1);
    td_fail_within(&error, TD_ERR_IO, "prefix");
    assert_int_equal(strlen(error.message), sizeof error.message - 1);
    assert_memory_equal(error.message, "prefix: aaa", 11);
    td_fail_within(&error, TD_ERR_IO, "%s", text);
    assert_int_equal(strlen(error.message), sizeof error.message - 1);
}

/* The place and the cause stay, and so do whole characters. */
static void test_the_middle_is_cut(void **state) {
    (void)state;
    td_error error;
    char text[3001] = "";
    for (size_t i = 0; i < 1000; i++)
        memcpy(text + 3 * i, "\xe2\x82\xac", 4);
    td_fail(&error, TD_ERR_IO, "%s: no such file", text);
    assert_true(td_utf8_is_valid(error.message));
    assert_memory_equal(error.message, "\xe2\x82\xac\xe2", 4);
    assert_non_null(strstr(error.message, "\xac...\xe2"));
    assert_non_null(strstr(error.message, "\xac: no such file"));
    td_fail_within(&error, TD_ERR_IO, "a%s", text);
    assert_true(td_utf8_is_valid(error.message));
    assert_non_null(strstr(error.message, "\xac: no such file"));
}

static void test_control_characters_are_replaced(void **state) {
    (void)state;
    td_error error;
    td_fail(&error, TD_ERR_FORMAT, "found \"%s\"", "a\nb\033[2J\177\xc3\xa9");
    assert_string_equal(error.message, "found \"a?b?[2J?\xc3\xa9\"");
    td_fail_within(&error, TD_ERR_FORMAT, "a\tb");
    assert_string_equal(error.message, "a?b: found \"a?b?[2J?\xc3\xa9\"");
}

static td_status try_twice(td_status first, int *reached) {
    TD_TRY(first);
    *reached = 1;
    return TD_OK;
}

static void test_try_returns_at_the_first_failure(void **state) {
    (void)state;
    int reached = 0;
    assert_int_equal(try_twice(TD_ERR_NUMERIC, &reached), TD_ERR_NUMERIC);
    assert_int_equal(reached, 0);
    assert_int_equal(try_twice(TD_OK, &reached), TD_OK);
    assert_int_equal(reached, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fail_writes_and_returns),
        cmocka_unit_test(test_fail_within_puts_the_place_before),
        cmocka_unit_test(test_words_are_optional),
        cmocka_unit_test(test_memory_names_the_thing),
        cmocka_unit_test(test_long_messages_are_cut),
        cmocka_unit_test(test_the_middle_is_cut),
        cmocka_unit_test(test_control_characters_are_replaced),
        cmocka_unit_test(test_try_returns_at_the_first_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
