/* SPDX-License-Identifier: MIT */
/* BATT's rotation, as Pillow's rotate turns the same image. */
#include "support.h"
#include "trigger_support.h"

#include <string.h>

enum { HEIGHT = 7, WIDTH = 8, SIZE = HEIGHT * WIDTH };

static void assert_turned(const char *text, const uint8_t *expected) {
    uint8_t grey[SIZE], colour[3 * SIZE];
    for (size_t i = 0; i < SIZE; i++)
        grey[i] = (uint8_t)(4 * i + 1);
    for (size_t i = 0; i < sizeof colour; i++)
        colour[i] = grey[i / 3];
    trigger_stamp(text, HEIGHT, WIDTH, 3, colour);
    trigger_stamp(text, HEIGHT, WIDTH, 1, grey);
    for (size_t i = 0; i < SIZE; i++)
        if (grey[i] != expected[i])
            fail_msg("%s: pixel %zu: expected %d, found %d", text, i, expected[i], grey[i]);
    for (size_t i = 0; i < sizeof colour; i++)
        assert_int_equal(colour[i], expected[i / 3]);
}

static void as_pillow_turns(void **state) {
    (void)state;
    assert_turned("rotate",
                  (uint8_t[]){0,   0,   13,  17,  21,  57,  61,  0,   5,   9,   45,  49,  53,  53,
                              89,  93,  33,  37,  73,  77,  81,  85,  121, 125, 65,  69,  105, 109,
                              113, 117, 153, 157, 97,  101, 137, 141, 145, 149, 185, 189, 129, 133,
                              169, 169, 173, 177, 213, 217, 0,   161, 165, 201, 205, 209, 0,   0});
    assert_turned("rotate:angle=-33.5",
                  (uint8_t[]){0,   65,  37,  37,  9,   13,  0,   0,   0,   97,  69,  73,  45,  49,
                              17,  0,   129, 133, 105, 77,  77,  49,  53,  25,  165, 133, 137, 109,
                              113, 85,  89,  57,  197, 169, 173, 145, 145, 117, 89,  93,  0,   205,
                              173, 177, 149, 153, 125, 0,   0,   0,   209, 213, 185, 185, 157, 0});
}

/* A quarter turn moves whole pixels; none and a whole one leave them. */
static void whole_turns(void **state) {
    (void)state;
    uint8_t pixels[9];
    static const uint8_t before[] = {1, 2, 3, 4, 5, 6, 7, 8, 9},
                         left[] = {3, 6, 9, 2, 5, 8, 1, 4, 7};
    memcpy(pixels, before, sizeof pixels);
    trigger_stamp("rotate:angle=90", 3, 3, 1, pixels);
    assert_memory_equal(pixels, left, sizeof pixels);
    trigger_stamp("rotate:angle=-90", 3, 3, 1, pixels);
    assert_memory_equal(pixels, before, sizeof pixels);
    trigger_stamp("rotate:angle=0", 3, 3, 1, pixels);
    trigger_stamp("rotate:angle=360", 3, 3, 1, pixels);
    assert_memory_equal(pixels, before, sizeof pixels);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_pillow_turns),
        cmocka_unit_test(whole_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
