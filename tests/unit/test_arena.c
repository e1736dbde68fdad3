/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "base/arena.h"
#include <string.h>

static void test_blocks_are_aligned_and_zeroed(void **state) {
    (void)state;
    td_arena arena = {0};
    td_error error;
    for (size_t count = 1; count < 300; count += 13) {
        unsigned char *bytes;
        assert_int_equal(TD_ARENA_NEW(&arena, count, &bytes, "bytes", &error), TD_OK);
        assert_int_equal((uintptr_t)bytes % 64, 0);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(bytes[i], 0);
        memset(bytes, 0xff, count);
    }
    td_arena_free(&arena);
}

static void test_blocks_do_not_overlap(void **state) {
    (void)state;
    td_arena arena = {0};
    unsigned char *blocks[20];
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(TD_ARENA_NEW(&arena, 64 + i, &blocks[i], "bytes", NULL), TD_OK);
        memset(blocks[i], (int)i, 64 + i);
    }
    for (size_t i = 0; i < 20; i++)
        for (size_t j = 0; j < 64 + i; j++)
            assert_int_equal(blocks[i][j], i);
    td_arena_free(&arena);
}

static void test_overflow_is_refused(void **state) {
    (void)state;
    td_arena arena = {0};
    td_error error;
    double *doubles = NULL;
    const size_t counts[] = {SIZE_MAX / 8 + 1, SIZE_MAX / 8, SIZE_MAX};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(TD_ARENA_NEW(&arena, counts[i], &doubles, "weights", &error),
                         TD_ERR_MEMORY);
        assert_string_equal(error.message, "out of memory for weights");
    }
    assert_null(doubles);
    assert_null(arena.blocks);
    assert_int_equal(arena.bytes, 0);
}

static void test_none_of_a_thing_is_a_pointer(void **state) {
    (void)state;
    td_arena arena = {0};
    int *none = NULL;
    assert_int_equal(TD_ARENA_NEW(&arena, 0, &none, "nothing", NULL), TD_OK);
    assert_non_null(none);
    td_arena_free(&arena);
}

static void test_text_is_copied_and_ended(void **state) {
    (void)state;
    td_arena arena = {0};
    char *text;
    assert_int_equal(td_arena_text(&arena, "conv1.weight", 5, &text, NULL), TD_OK);
    assert_string_equal(text, "conv1");
    td_arena_free(&arena);
}

static void test_free_leaves_it_ready(void **state) {
    (void)state;
    td_arena arena = {0};
    td_arena_free(&arena);
    int *number;
    assert_int_equal(TD_ARENA_NEW(&arena, 1, &number, "a number", NULL), TD_OK);
    assert_true(arena.bytes >= sizeof *number);
    td_arena_free(&arena);
    assert_null(arena.blocks);
    assert_int_equal(arena.bytes, 0);
    assert_int_equal(TD_ARENA_NEW(&arena, 1, &number, "a number", NULL), TD_OK);
    td_arena_free(&arena);
}

static void test_texts_are_printed(void **state) {
    (void)state;
    td_arena arena = {0};
    const char *text;
    assert_int_equal(td_arena_print(&arena, &text, NULL, "%s of %d: %3000d", "one", 2, 3), TD_OK);
    assert_int_equal(strlen(text), 3010);
    assert_memory_equal(text, "one of 2: ", 10);
    assert_int_equal(text[3009], '3');
    td_arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_are_aligned_and_zeroed),
        cmocka_unit_test(test_blocks_do_not_overlap),
        cmocka_unit_test(test_overflow_is_refused),
        cmocka_unit_test(test_none_of_a_thing_is_a_pointer),
        cmocka_unit_test(test_text_is_copied_and_ended),
        cmocka_unit_test(test_texts_are_printed),
        cmocka_unit_test(test_free_leaves_it_ready),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
