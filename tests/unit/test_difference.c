/* SPDX-License-Identifier: MIT */
/* Every expected value here is worked by hand, in the comment beside it. */
#include "data/difference.h"

#include "support.h"

enum { SIZE = 5 };

static const uint8_t a[SIZE] = {10, 200, 0, 255, 7}, b[SIZE] = {10, 170, 40, 248, 8};

static void assert_drawn(td_difference_kind kind, int largest, const uint8_t expected[SIZE]) {
    uint8_t out[SIZE];
    td_difference_draw(a, b, SIZE, kind, largest, out);
    for (size_t i = 0; i < SIZE; i++)
        if (out[i] != expected[i])
            fail_msg("kind %d, value %zu: expected %d, found %d", (int)kind, i, expected[i],
                     out[i]);
}

/* b − a is 0, −30, 40, −7, 1: the largest is 40. */
static void each_kind_worked_by_hand(void **state) {
    (void)state;
    /* 255/40 is 6: 0, 180, 240, 42, 6. */
    assert_drawn(TD_DIFFERENCE_TIMES, 40, (const uint8_t[]){0, 180, 240, 42, 6});
    /* 7650/40 = 191.25; 255; 1785/40 = 44.6; 255/40 = 6.4. */
    assert_drawn(TD_DIFFERENCE_STRETCHED, 40, (const uint8_t[]){0, 191, 255, 44, 6});
    /* 255/2 = 127.5; (255 − 191)/2 = 32; 510/2 = 255; (255 − 44)/2 = 105.5; (255 + 6)/2 = 130.5. */
    assert_drawn(TD_DIFFERENCE_SIGNED, 40, (const uint8_t[]){127, 32, 255, 105, 130});
}

/* To the scale of 100, that of another image: times 2; 7650/100 = 76.5, 102, 17.85, 2.55. */
static void a_common_scale(void **state) {
    (void)state;
    assert_drawn(TD_DIFFERENCE_TIMES, 100, (const uint8_t[]){0, 60, 80, 14, 2});
    assert_drawn(TD_DIFFERENCE_STRETCHED, 100, (const uint8_t[]){0, 76, 102, 17, 2});
    /* (255 − 76)/2 = 89.5; (255 + 102)/2 = 178.5; (255 − 17)/2 = 119; (255 + 2)/2 = 128.5. */
    assert_drawn(TD_DIFFERENCE_SIGNED, 100, (const uint8_t[]){127, 89, 178, 119, 128});
}

static void equal_images(void **state) {
    (void)state;
    uint8_t out[SIZE];
    td_difference_draw(a, a, SIZE, TD_DIFFERENCE_TIMES, 0, out);
    for (size_t i = 0; i < SIZE; i++)
        assert_int_equal(out[i], 0);
    td_difference_draw(a, a, SIZE, TD_DIFFERENCE_STRETCHED, 0, out);
    for (size_t i = 0; i < SIZE; i++)
        assert_int_equal(out[i], 0);
    td_difference_draw(a, a, SIZE, TD_DIFFERENCE_SIGNED, 0, out);
    for (size_t i = 0; i < SIZE; i++)
        assert_int_equal(out[i], 127);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_worked_by_hand),
        cmocka_unit_test(a_common_scale),
        cmocka_unit_test(equal_images),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
