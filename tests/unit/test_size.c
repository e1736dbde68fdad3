/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "base/size.h"

static void test_sums(void **state) {
    (void)state;
    size_t out = 7;
    assert_true(td_size_add(SIZE_MAX - 1, 1, &out));
    assert_true(out == SIZE_MAX);
    assert_false(td_size_add(SIZE_MAX, 1, &out));
    assert_true(out == SIZE_MAX);
}

static void test_products(void **state) {
    (void)state;
    size_t out = 7;
    assert_true(td_size_mul((size_t)1 << 32, ((size_t)1 << 32) - 1, &out));
    assert_true(out == SIZE_MAX - 0xffffffff);
    out = 7;
    assert_false(td_size_mul((size_t)1 << 32, (size_t)1 << 32, &out));
    assert_int_equal(out, 7);
    assert_true(td_size_mul(SIZE_MAX, 0, &out));
    assert_int_equal(out, 0);
}

static void test_products_of_shapes(void **state) {
    (void)state;
    const size_t images[] = {60000, 28, 28, 1};
    const size_t huge[] = {0xffffffff, 0xffffffff, 2, 2};
    size_t out = 7;
    assert_true(td_size_product(images, 4, &out));
    assert_int_equal(out, 47040000);
    assert_true(td_size_product(NULL, 0, &out));
    assert_int_equal(out, 1);
    out = 7;
    assert_false(td_size_product(huge, 4, &out));
    assert_int_equal(out, 7);
}

static void test_least_and_most(void **state) {
    (void)state;
    assert_int_equal(td_size_min(2, 3), 2);
    assert_int_equal(td_size_min(3, 2), 2);
    assert_int_equal(td_size_max(2, 3), 3);
    assert_int_equal(td_size_max(3, 2), 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_products_of_shapes),
        cmocka_unit_test(test_least_and_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
