/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "base/json_build.h"
#include <math.h>
#include <stdlib.h>

static void assert_json(td_json *json, json_t *value, const char *text) {
    char *printed = td_json_print(json, value, JSON_COMPACT | JSON_REAL_PRECISION(10));
    assert_int_equal(td_json_end(json, NULL, "it", NULL), TD_OK);
    assert_string_equal(printed, text);
    free(printed);
    json_decref(value);
}

static void test_every_format(void **state) {
    (void)state;
    td_json json = {0};
    json_t *shared = td_json_text(&json, "x");
    json_t *value =
        td_json_pack(&json, "{ss si sI sz sf sb sb so sO s[] s{} s[i[s]{ss}]}", "text", "a", "int",
                     -1, "long", (json_int_t)-5000000000, "size", (size_t)5000000000, "real", 0.5,
                     "yes", 1, "no", 0, "taken", td_json_count(&json, 3), "shared", shared, "array",
                     "object", "nested", 1, "b", "c", "d");
    assert_json(&json, value,
                "{\"text\":\"a\",\"int\":-1,\"long\":-5000000000,\"size\":5000000000,"
                "\"real\":0.5,\"yes\":true,\"no\":false,\"taken\":3,\"shared\":\"x\","
                "\"array\":[],\"object\":{},\"nested\":[1,[\"b\"],{\"c\":\"d\"}]}");
    assert_string_equal(json_string_value(shared), "x");
    json_decref(shared);
}

static void test_what_is_optional(void **state) {
    (void)state;
    td_json json = {0};
    json_t *value = td_json_pack(&json, "{ss* so* sO* ss* s[s*s*]}", "a", NULL, "b", NULL, "c",
                                 NULL, "d", "here", "e", NULL, "f");
    assert_json(&json, value, "{\"d\":\"here\",\"e\":[\"f\"]}");
}

static void test_what_json_cannot_hold(void **state) {
    (void)state;
    td_json json = {0};
    json_t *value = td_json_pack(&json, "[fffss]", (double)NAN, (double)INFINITY, 1.0,
                                 "caf\xe9.png", "caf\xc3\xa9.png");
    assert_json(&json, value, "[null,null,1.0,\"caf?.png\",\"caf\xc3\xa9.png\"]");
}

static void test_objects_and_arrays(void **state) {
    (void)state;
    td_json json = {0};
    json_t *object = td_json_object(&json);
    json_t *list = td_json_set(&json, object, "list", td_json_array(&json));
    td_json_append(&json, list, td_json_format(&json, "%d of %s", 3, "five"));
    td_json_extend(&json, list, list);
    json_t *copy = td_json_copy(&json, object);
    td_json_set(&json, copy, "list", td_json_integer(&json, -1));
    td_json_set(&json, copy, "more", td_json_real(&json, 0.25));
    assert_json(&json, copy, "{\"list\":-1,\"more\":0.25}");
    td_json_update(&json, object, object);
    assert_json(&json, object, "{\"list\":[\"3 of five\",\"3 of five\"]}");
}

static void assert_failed(const td_json *json, json_t *value, td_status status,
                          const char *message) {
    td_error error;
    assert_int_equal(td_json_end(json, &value, "the record", &error), status);
    assert_null(value);
    assert_string_equal(error.message, message);
}

static void test_the_first_failure_stays(void **state) {
    (void)state;
    td_json json = {0};
    json_t *object = td_json_object(&json);
    assert_null(td_json_set(&json, object, "a", NULL));
    assert_non_null(td_json_set(&json, object, "b", td_json_count(&json, 1)));
    assert_null(td_json_set(&json, object, "\xff", td_json_count(&json, 1)));
    assert_failed(&json, object, TD_ERR_MEMORY, "out of memory for the record");
}

static void test_nothing_can_be_set_in_what_failed(void **state) {
    (void)state;
    td_json json = {0};
    assert_null(td_json_set(&json, NULL, "a", td_json_count(&json, 1)));
    assert_null(td_json_append(&json, NULL, td_json_count(&json, 1)));
    assert_null(td_json_print(&json, NULL, 0));
    assert_failed(&json, NULL, TD_ERR_MEMORY, "out of memory for the record");
}

static void test_an_argument_that_lacks(void **state) {
    (void)state;
    td_json json = {0};
    json_t *value = td_json_pack(&json, "{ss so}", "a", NULL, "b", td_json_count(&json, 1));
    assert_failed(&json, value, TD_ERR_MEMORY, "out of memory for the record");
}

static void assert_misspelt(const char *format) {
    td_json json = {0};
    json_t *value = td_json_pack(&json, format, "a", 1, 2);
    assert_failed(&json, value, TD_ERR_FORMAT, "the record: expected what JSON can hold");
}

static void test_keys_and_formats(void **state) {
    (void)state;
    td_json json = {0};
    json_t *object = td_json_object(&json);
    assert_null(td_json_set(&json, object, "caf\xe9", td_json_count(&json, 1)));
    assert_failed(&json, object, TD_ERR_FORMAT, "the record: expected what JSON can hold");
    assert_misspelt("{si");
    assert_misspelt("[s");
    assert_misspelt("{s?}");
    assert_misspelt("");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_format),
        cmocka_unit_test(test_what_is_optional),
        cmocka_unit_test(test_what_json_cannot_hold),
        cmocka_unit_test(test_objects_and_arrays),
        cmocka_unit_test(test_the_first_failure_stays),
        cmocka_unit_test(test_nothing_can_be_set_in_what_failed),
        cmocka_unit_test(test_an_argument_that_lacks),
        cmocka_unit_test(test_keys_and_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
