/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "data/ground.h"
#include <string.h>

static const td_ground black = {{0, 0, 0}}, white = {{255, 255, 255}}, red = {{255, 0, 0}};

/* A picture one pixel high. */
static td_bitmap make(size_t width, size_t channels, const uint8_t *values) {
    td_bitmap bitmap;
    assert_int_equal(td_bitmap_make(&bitmap, width, 1, channels, NULL), TD_OK);
    memcpy(bitmap.pixels, values, width * channels);
    return bitmap;
}

static td_alpha lay(size_t width, size_t channels, const uint8_t *values, td_ground ground,
                    size_t expected_channels, const uint8_t *expected) {
    td_bitmap bitmap = make(width, channels, values);
    td_alpha found;
    assert_int_equal(td_ground_lay(&bitmap, ground, &found, NULL), TD_OK);
    assert_int_equal(bitmap.width, width);
    assert_int_equal(bitmap.channels, expected_channels);
    assert_memory_equal(bitmap.pixels, expected, width * expected_channels);
    td_bitmap_free(&bitmap);
    return found;
}

/* 100 of 255 of 200 and 155 of the ground: 78.43 on black, 233.43 on white. */
static void test_mixes_by_alpha(void **state) {
    (void)state;
    const uint8_t grey[] = {200, 100, 200, 255, 200, 0};
    const uint8_t on_black[] = {78, 200, 0}, on_white[] = {233, 200, 255};
    td_alpha found = lay(3, 2, grey, black, 1, on_black);
    assert_true(found.had && found.transparent && !found.lost);
    lay(3, 2, grey, white, 1, on_white);
    const uint8_t colour[] = {200, 10, 0, 100, 1, 2, 3, 255};
    const uint8_t colour_on_red[] = {233, 4, 0, 1, 2, 3};
    lay(2, 4, colour, red, 3, colour_on_red);
    const uint8_t grey_on_red[] = {233, 78, 78, 200, 200, 200, 255, 0, 0};
    lay(3, 2, grey, red, 3, grey_on_red);
}

static void test_opaque_pictures_stay(void **state) {
    (void)state;
    const uint8_t grey[] = {7, 255, 9, 255}, rgb[] = {1, 2, 3, 4, 5, 6};
    td_alpha found = lay(2, 2, grey, red, 1, (const uint8_t[]){7, 9});
    assert_true(found.had && !found.transparent && !found.lost);
    found = lay(2, 3, rgb, red, 3, rgb);
    assert_true(!found.had && !found.transparent && !found.lost);
    lay(2, 1, rgb, red, 1, rgb);
}

/* Black ink on nothing: its form is there on white and not on black. */
static void test_tells_a_form_that_is_lost(void **state) {
    (void)state;
    const uint8_t ink[] = {0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 99}, none[9] = {0};
    const uint8_t seen[] = {0, 0, 0, 255, 255, 255, 156, 156, 156};
    assert_true(lay(3, 4, ink, black, 3, none).lost);
    assert_false(lay(3, 4, ink, white, 3, seen).lost);
    const uint8_t chalk[] = {255, 255, 255, 0}, blank[] = {255, 255};
    assert_true(lay(2, 2, chalk, white, 1, blank).lost);
    /* A picture of nothing has no form to lose. */
    const uint8_t empty[] = {5, 0, 5, 0};
    assert_false(lay(2, 2, empty, white, 1, blank).lost);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mixes_by_alpha),
        cmocka_unit_test(test_opaque_pictures_stay),
        cmocka_unit_test(test_tells_a_form_that_is_lost),
    };
    return cmocka_run_group_tests_name("ground", tests, NULL, NULL);
}
