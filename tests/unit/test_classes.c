/* SPDX-License-Identifier: MIT */
/* lib/data/classes.h: resolving a user's class name, and matching the classes of two sets. */
#include "data/classes.h"
#include "data/dataset.h"
#include "support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const pets[] = {"cat", "dog", "2", "owl, barn"};
static const td_classes own = {"pets", pets, 4};

static size_t found(const char *text) {
    size_t class;
    assert_int_equal(td_class_find(&class, &own, "--class", text, strlen(text), NULL), TD_OK);
    return class;
}

static void refused(const td_classes *classes, const char *text, const char *message) {
    td_error error;
    size_t class;
    assert_int_equal(td_class_find(&class, classes, "--class", text, strlen(text), &error),
                     TD_ERR_USAGE);
    support_assert_contains(error.message, message);
}

static void test_finds_names_before_indices(void **state) {
    (void)state;
    assert_int_equal(found("dog"), 1);
    assert_int_equal(found("owl, barn"), 3);
    assert_int_equal(found("0"), 0);
    assert_int_equal(found("3"), 3);
    assert_int_equal(found("03"), 3);
    assert_int_equal(found("#1"), 1);
    static const char *const swapped[] = {"1", "0", "2"};
    static const td_classes numbers = {"numbers", swapped, 3};
    size_t class;
    assert_int_equal(td_class_find(&class, &numbers, "--class", "1", 1, NULL), TD_OK);
    assert_int_equal(class, 0);
    assert_int_equal(td_class_find(&class, &numbers, "--class", "#1", 2, NULL), TD_OK);
    assert_int_equal(class, 1);
    static const td_classes unnamed = {"unnamed", NULL, 3};
    assert_int_equal(td_class_find(&class, &unnamed, "--class", "2", 1, NULL), TD_OK);
    assert_int_equal(class, 2);
}

static void test_says_what_there_is(void **state) {
    (void)state;
    static const char *const twice[] = {"a", "b", "a"};
    static const td_classes unnamed = {"unnamed", NULL, 3}, doubled = {"doubled", twice, 3};
    refused(&own, "4",
            "--class: expected a class of pets, 0 \"cat\", 1 \"dog\", 2 \"2\", 3 \"owl, barn\", "
            "found \"4\"");
    refused(&own, "Dgo", "found \"Dgo\"; did you mean \"dog\"?");
    refused(&own, "CAT", "did you mean \"cat\"?");
    refused(&own, "cap", "did you mean \"cat\"?");
    refused(&own, "", "found \"\"");
    refused(&own, "#", "found \"#\"");
    refused(&own, "#4", "found \"#4\"");
    refused(&own, "-1", "found \"-1\"");
    refused(&own, "1000000000000000000", "found \"1000000000000000000\"");
    refused(&unnamed, "3", "expected a class of unnamed, 0 to 2, found \"3\"");
    refused(&unnamed, "cat", "expected a class of unnamed, 0 to 2, found \"cat\"");
    refused(&doubled, "a", "expected a name that one class of doubled has, found \"a\", which 2");
}

/* A typo in at most a third of the letters. */
static void test_a_far_name_is_no_near_miss(void **state) {
    (void)state;
    td_error error;
    size_t class;
    assert_int_equal(td_class_find(&class, &own, "--class", "cow", 3, &error), TD_ERR_USAGE);
    assert_null(strstr(error.message, "did you mean"));
}

static void test_lists_many_in_one_line(void **state) {
    (void)state;
    char names[1000][64], list[TD_CLASS_LIST_SIZE];
    const char *pointers[1000];
    for (size_t i = 0; i < 1000; i++) {
        snprintf(names[i], sizeof names[i], "%060zu", i);
        pointers[i] = names[i];
    }
    const td_classes many = {"many", pointers, 1000};
    td_classes_print(&many, list);
    assert_true(strlen(list) < TD_CLASS_LIST_SIZE);
    support_assert_contains(list, "0 \"000");
    support_assert_contains(list, ", ... 999 \"000");
}

static void test_takes_a_list_apart(void **state) {
    (void)state;
    const char *text = "owl, barn,1,cat=#2";
    static const size_t expected[] = {3, 1, 0, 2};
    static const char ends[] = {',', ',', '=', '\0'};
    for (size_t i = 0; i < 4; i++) {
        size_t class;
        assert_int_equal(td_class_take(&class, &own, "--classes", &text, ",=", NULL), TD_OK);
        assert_int_equal(class, expected[i]);
        assert_int_equal(*text, ends[i]);
        text += *text != '\0';
    }
}

/* --- matching --- */

enum { MOST = 8 };

/* For classes with one image each. */
static td_status match(const td_classes *theirs, int32_t *map, td_class_order *order,
                       td_error *error) {
    static const size_t images[MOST] = {1, 1, 1, 1, 1, 1, 1, 1};
    return td_classes_match(&own, theirs, images, map, order, error);
}

static void assert_map(const char *const *names, size_t count, td_class_order expected,
                       const int32_t *wanted) {
    const td_classes theirs = {"theirs", names, count};
    int32_t map[MOST];
    td_class_order order;
    assert_int_equal(match(&theirs, map, &order, NULL), TD_OK);
    assert_int_equal(order, expected);
    assert_memory_equal(map, wanted, count * sizeof *map);
}

static void test_matches_by_name(void **state) {
    (void)state;
    static const char *const other[] = {"owl, barn", "cat", "2", "dog"}, *const fewer[] = {"dog"},
                             *const padded[] = {"02", "cat"};
    assert_map(pets, 4, TD_CLASSES_SAME, (const int32_t[]){0, 1, 2, 3});
    assert_map(other, 4, TD_CLASSES_MAPPED, (const int32_t[]){3, 0, 2, 1});
    assert_map(fewer, 1, TD_CLASSES_MAPPED, (const int32_t[]){1});
    assert_map(pets, 3, TD_CLASSES_MAPPED, (const int32_t[]){0, 1, 2});
    assert_map(padded, 2, TD_CLASSES_MAPPED, (const int32_t[]){2, 0});
}

static void test_matches_by_index_what_has_no_names(void **state) {
    (void)state;
    static const char *const numbers[] = {"0", "1", "02"};
    static const td_classes unnamed = {"unnamed", NULL, 3}, indices = {"indices", numbers, 3};
    static const size_t images[3] = {1, 1, 1};
    static const char *const others[] = {"eel", "fox", "gnu"};
    static const td_classes named = {"named", others, 3};
    int32_t map[3];
    td_class_order order;
    assert_map(NULL, 3, TD_CLASSES_INDEX, (const int32_t[]){0, 1, 2});
    assert_int_equal(td_classes_match(&unnamed, &named, images, map, &order, NULL), TD_OK);
    assert_int_equal(order, TD_CLASSES_INDEX);
    assert_int_equal(td_classes_match(&indices, &named, images, map, &order, NULL), TD_OK);
    assert_int_equal(order, TD_CLASSES_INDEX);
    assert_memory_equal(map, ((const int32_t[]){0, 1, 2}), sizeof map);
}

static void test_leaves_out_what_is_empty_and_refuses_what_is_not(void **state) {
    (void)state;
    static const char *const more[] = {"cat", "eel", "dog"};
    static const td_classes theirs = {"theirs", more, 3};
    const size_t none[] = {4, 0, 2}, some[] = {4, 7, 2};
    int32_t map[3];
    td_class_order order;
    td_error error;
    assert_int_equal(td_classes_match(&own, &theirs, none, map, &order, NULL), TD_OK);
    assert_memory_equal(map, ((const int32_t[]){0, TD_NO_CLASS, 1}), sizeof map);
    assert_int_equal(td_classes_match(&own, &theirs, some, map, &order, &error), TD_ERR_USAGE);
    support_assert_contains(error.message, "theirs: expected classes of pets, 0 \"cat\"");
    support_assert_contains(error.message, "found 1 \"eel\" with 7 images");
    support_assert_contains(error.message, "import --classes cat,dog leaves it out");
}

static void assert_contradiction(const char *const *names, size_t count, const char *message) {
    const td_classes theirs = {"theirs", names, count};
    int32_t map[MOST];
    td_class_order order;
    td_error error;
    assert_int_equal(match(&theirs, map, &order, &error), TD_ERR_USAGE);
    support_assert_contains(error.message, message);
}

static void test_refuses_contradictions(void **state) {
    (void)state;
    static const char *const foreign[] = {"eel", "fox"}, *const twice[] = {"cat", "cat"};
    assert_contradiction(foreign, 2, "found 0 \"eel\", 1 \"fox\"; if they are the same");
    assert_contradiction(twice, 2, "theirs: expected a name for each class, found \"cat\" for two");
    static const td_classes theirs = {"theirs", pets, 1};
    static const char *const same[] = {"cat", "cat"};
    static const td_classes doubled = {"doubled", same, 2};
    static const size_t images[] = {1};
    int32_t map[1];
    td_class_order order;
    td_error error;
    assert_int_equal(td_classes_match(&doubled, &theirs, images, map, &order, &error),
                     TD_ERR_USAGE);
    support_assert_contains(error.message, "doubled: expected a name for each class");
}

/* A set of three classes, one of them empty, meets one that has two of them in another order. */
static void test_a_set_takes_the_other_order(void **state) {
    (void)state;
    static const char *names[] = {"dog", "eel", "cat"};
    static const uint8_t pixels[3] = {10, 20, 30};
    static const int32_t labels[3] = {2, 0, 2};
    td_dataset set = {
        .images = {3, 1, 1, 1, 3, pixels, labels}, .name = "set", .class_names = names};
    td_class_order order;
    size_t lacking;
    assert_int_equal(td_dataset_match(&set, &own, &order, &lacking, NULL), TD_OK);
    assert_int_equal(order, TD_CLASSES_MAPPED);
    assert_int_equal(lacking, 2);
    assert_int_equal(set.images.classes, 4);
    assert_memory_equal(set.images.labels, ((const int32_t[]){0, 1, 0}), sizeof labels);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(set.class_names[i], pets[i]);
    td_dataset_close(&set);
}

static void test_a_set_without_names_takes_them(void **state) {
    (void)state;
    static const uint8_t pixels[2] = {10, 20};
    static const int32_t labels[2] = {1, 0};
    td_dataset set = {.images = {2, 1, 1, 1, 2, pixels, labels}, .name = "set"};
    td_class_order order;
    size_t lacking;
    assert_int_equal(td_dataset_match(&set, &own, &order, &lacking, NULL), TD_OK);
    assert_int_equal(order, TD_CLASSES_INDEX);
    assert_int_equal(set.images.classes, 2);
    assert_ptr_equal(set.images.labels, labels);
    assert_string_equal(set.class_names[1], "dog");
    td_dataset_close(&set);
}

/* --- names in files --- */

static void names_refused(const char *text, size_t expected, const char *message) {
    td_arena arena = {0};
    td_error error;
    const char **names;
    size_t count;
    assert_int_equal(td_class_names_read(text, expected, 4, &arena, &names, &count, &error),
                     TD_ERR_FORMAT);
    support_assert_contains(error.message, message);
    td_arena_free(&arena);
}

static void test_reads_names_strictly(void **state) {
    (void)state;
    char long_name[TD_CLASS_NAME_SIZE + 8] = "[\"";
    memset(long_name + 2, 'x', TD_CLASS_NAME_SIZE + 1);
    memcpy(long_name + 2 + TD_CLASS_NAME_SIZE + 1, "\"]", 3);
    names_refused("{", 0, "line 1");
    names_refused("{}", 0, "expected a JSON array of 1 to 4 names, found 0");
    names_refused("[\"a\",\"b\",\"c\",\"d\",\"e\"]", 0, "found 5");
    names_refused("[\"a\"]", 2, "expected a name for each of 2 classes, found 1");
    names_refused("[\"a\",3]", 0, "name 1: expected a string");
    names_refused("[\"\\u001b[2J\"]", 0, "found one with them");
    names_refused(long_name, 0, "found a longer one");
}

static void test_names_are_what_was_written(void **state) {
    (void)state;
    static const char *const good[] = {"é \"quoted\"", ""}, *const bad[] = {"a\xff"};
    td_arena arena = {0};
    const char **names;
    size_t count;
    char *text;
    assert_int_equal(td_class_names_write(good, 2, &text, NULL), TD_OK);
    assert_int_equal(td_class_names_read(text, 2, 2, &arena, &names, &count, NULL), TD_OK);
    assert_string_equal(names[0], good[0]);
    assert_string_equal(names[1], good[1]);
    free(text);
    td_arena_free(&arena);
    assert_int_equal(td_class_names_write(NULL, 2, &text, NULL), TD_OK);
    assert_null(text);
    assert_int_equal(td_class_names_write(bad, 1, &text, NULL), TD_ERR_USAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_names_before_indices),
        cmocka_unit_test(test_says_what_there_is),
        cmocka_unit_test(test_a_far_name_is_no_near_miss),
        cmocka_unit_test(test_lists_many_in_one_line),
        cmocka_unit_test(test_takes_a_list_apart),
        cmocka_unit_test(test_matches_by_name),
        cmocka_unit_test(test_matches_by_index_what_has_no_names),
        cmocka_unit_test(test_leaves_out_what_is_empty_and_refuses_what_is_not),
        cmocka_unit_test(test_refuses_contradictions),
        cmocka_unit_test(test_a_set_takes_the_other_order),
        cmocka_unit_test(test_a_set_without_names_takes_them),
        cmocka_unit_test(test_reads_names_strictly),
        cmocka_unit_test(test_names_are_what_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
