/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "data/fit.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../golden/resized.h"

enum { MADE_WIDTH = 9, MADE_HEIGHT = 7 };

static const td_box whole = {0};

/* The picture of make_resize.py. */
static void make_values(uint8_t *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        values[i] = (uint8_t)(i * i * 7 + i * 31);
}

static td_filter filter_of(const char *name) {
    size_t i = 0;
    while (td_filter_names[i] && strcmp(td_filter_names[i], name) != 0)
        i++;
    assert_non_null(td_filter_names[i]);
    return (td_filter)i;
}

static void test_agrees_with_pillow(void **state) {
    (void)state;
    uint8_t values[MADE_WIDTH * MADE_HEIGHT * 3], out[96];
    make_values(values, sizeof values);
    for (size_t i = 0; i < sizeof resized / sizeof *resized; i++) {
        const td_bitmap picture = {MADE_WIDTH, MADE_HEIGHT, resized[i].from, values};
        const td_box box = resized[i].cut ? (td_box){2, 1, 8, 6} : whole;
        const td_fit fit = {resized[i].height, resized[i].width, resized[i].to,
                            filter_of(resized[i].filter)};
        const size_t count = fit.height * fit.width * fit.channels;
        assert_int_equal(td_fit_picture(&picture, box, &fit, out, NULL), TD_OK);
        for (size_t j = 0; j < count; j++)
            if (abs(out[j] - resized[i].values[j]) > 1)
                fail_msg("%s, %zux%zu, value %zu: expected %d, found %d", resized[i].filter,
                         fit.width, fit.height, j, resized[i].values[j], out[j]);
    }
}

/* Fits the whole of a picture, which must succeed, and compares. */
static void assert_fits(const td_bitmap *picture, const td_fit *fit, const uint8_t *expected) {
    uint8_t out[64];
    const size_t count = fit->height * fit->width * fit->channels;
    assert_in_range(count, 1, sizeof out);
    assert_int_equal(td_fit_picture(picture, whole, fit, out, NULL), TD_OK);
    assert_memory_equal(out, expected, count);
}

static void test_right_size_stays(void **state) {
    (void)state;
    uint8_t values[5 * 4 * 3], part[3 * 2 * 3];
    make_values(values, sizeof values);
    for (td_filter filter = TD_NEAREST; filter <= TD_LANCZOS; filter++) {
        const td_bitmap rgb = {5, 4, 3, values}, grey = {15, 4, 1, values};
        assert_fits(&rgb, &(td_fit){4, 5, 3, filter}, values);
        assert_fits(&grey, &(td_fit){4, 15, 1, filter}, values);
        const td_fit fit = {2, 3, 3, filter};
        assert_int_equal(td_fit_picture(&rgb, (td_box){1, 2, 4, 4}, &fit, part, NULL), TD_OK);
        assert_memory_equal(part, values + (2 * 5 + 1) * 3, 9);
        assert_memory_equal(part + 9, values + (3 * 5 + 1) * 3, 9);
    }
}

static void test_means_by_hand(void **state) {
    (void)state;
    uint8_t square[] = {10, 20, 30, 41}; /* 101/4 = 25.25 */
    const td_bitmap grey = {2, 2, 1, square};
    assert_fits(&grey, &(td_fit){1, 1, 1, TD_BOX}, (uint8_t[]){26}); /* 15 and 36 first */
    assert_fits(&grey, &(td_fit){1, 1, 3, TD_BOX}, (uint8_t[]){26, 26, 26});
    uint8_t colours[] = {0, 100, 200, 10, 120, 230};
    const td_bitmap rgb = {2, 1, 3, colours};
    assert_fits(&rgb, &(td_fit){1, 1, 3, TD_BOX}, (uint8_t[]){5, 110, 215});
    /* Upwards: a quarter and three quarters of the way between the two centres. */
    uint8_t pair[] = {0, 100};
    const td_bitmap line = {2, 1, 1, pair}, column = {1, 2, 1, pair};
    assert_fits(&line, &(td_fit){1, 4, 1, TD_BILINEAR}, (uint8_t[]){0, 25, 75, 100});
    assert_fits(&column, &(td_fit){4, 1, 1, TD_BILINEAR}, (uint8_t[]){0, 25, 75, 100});
    assert_fits(&line, &(td_fit){1, 4, 1, TD_BOX}, (uint8_t[]){0, 0, 100, 100});
}

static void test_nearest_takes_the_centre(void **state) {
    (void)state;
    uint8_t values[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    const td_bitmap line = {10, 1, 1, values}, column = {1, 10, 1, values},
                    pair = {2, 1, 1, values};
    assert_fits(&line, &(td_fit){1, 3, 1, TD_NEAREST}, (uint8_t[]){1, 5, 8});
    assert_fits(&column, &(td_fit){3, 1, 1, TD_NEAREST}, (uint8_t[]){1, 5, 8});
    assert_fits(&pair, &(td_fit){1, 5, 1, TD_NEAREST}, (uint8_t[]){0, 0, 1, 1, 1});
    const td_bitmap rgb = {3, 1, 3, values};
    assert_fits(&rgb, &(td_fit){1, 1, 3, TD_NEAREST}, (uint8_t[]){3, 4, 5});
}

static void test_colours_and_alpha(void **state) {
    (void)state;
    /* 0.299 R + 0.587 G + 0.114 B: 76.245, 149.685, 29.07, 255; and 18.15. */
    uint8_t rgb[] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 10, 20, 30};
    const td_bitmap colours = {5, 1, 3, rgb};
    assert_fits(&colours, &(td_fit){1, 5, 1, TD_BOX}, (uint8_t[]){76, 150, 29, 255, 18});
    uint8_t rgba[] = {1, 2, 3, 0, 255, 0, 0, 9};
    const td_bitmap clear = {2, 1, 4, rgba};
    assert_fits(&clear, &(td_fit){1, 2, 3, TD_BOX}, (uint8_t[]){1, 2, 3, 255, 0, 0});
    assert_fits(&clear, &(td_fit){1, 2, 1, TD_BOX}, (uint8_t[]){2, 76});
    assert_fits(&clear, &(td_fit){1, 1, 3, TD_BOX}, (uint8_t[]){128, 1, 2});
    uint8_t grey_alpha[] = {7, 0, 11, 255};
    const td_bitmap pair = {2, 1, 2, grey_alpha};
    assert_fits(&pair, &(td_fit){1, 2, 1, TD_BOX}, (uint8_t[]){7, 11});
    assert_fits(&pair, &(td_fit){1, 2, 3, TD_BOX}, (uint8_t[]){7, 7, 7, 11, 11, 11});
    assert_fits(&pair, &(td_fit){2, 1, 3, TD_BOX}, (uint8_t[]){9, 9, 9, 9, 9, 9});
}

/* The weights of every result are normalised to the sum 1, so that a uniform picture stays uniform,
 * white does not overflow, and overshoot is clipped. */
static void test_even_pictures_stay_even(void **state) {
    (void)state;
    enum { SIDE = 61, MOST = 130 };
    static uint8_t values[SIDE * SIDE], out[MOST * MOST];
    const td_bitmap picture = {SIDE, SIDE, 1, values};
    for (td_filter filter = TD_NEAREST; filter <= TD_LANCZOS; filter++)
        for (size_t side = 1; side <= MOST; side += 3) {
            const td_fit fit = {side, MOST + 1 - side, 1, filter};
            memset(values, 255, sizeof values);
            assert_int_equal(td_fit_picture(&picture, whole, &fit, out, NULL), TD_OK);
            for (size_t i = 0; i < fit.height * fit.width; i++)
                assert_int_equal(out[i], 255);
        }
    for (size_t i = 0; i < sizeof values; i++)
        values[i] = (i % SIDE) / 20 % 2 ? 255 : 0;
    assert_int_equal(
        td_fit_picture(&picture, whole, &(td_fit){SIDE, MOST, 1, TD_LANCZOS}, out, NULL), TD_OK);
    assert_int_equal(out[0], 0);
    assert_int_equal(out[30 * MOST / SIDE], 255);
}

static void assert_refused(td_box box, td_fit fit, const char *message) {
    uint8_t values[4 * 3] = {0}, out[16];
    const td_bitmap picture = {4, 3, 1, values};
    td_error error = {""};
    assert_int_equal(td_fit_picture(&picture, box, &fit, out, &error), TD_ERR_USAGE);
    support_assert_contains(error.message, message);
}

static void test_refuses_boxes_and_shapes(void **state) {
    (void)state;
    const td_fit good = {2, 2, 1, TD_BOX};
    const td_box wrong[] = {{2, 0, 2, 3}, {3, 0, 2, 3}, {0, 3, 4, 3},
                            {0, 0, 5, 3}, {0, 0, 4, 4}, {0, 0, SIZE_MAX, 3}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_refused(wrong[i], good, "box: expected a part of the picture's 4x3 pixels, found");
    assert_refused(wrong[0], good, "found columns 2 to 2 and rows 0 to 3");
    assert_refused(whole, (td_fit){0, 1, 1, TD_BOX}, "size: expected at least 1x1 pixels");
    assert_refused(whole, (td_fit){1, 0, 1, TD_BOX}, "size: expected at least 1x1 pixels");
    assert_refused(whole, (td_fit){1, 1, 2, TD_BOX}, "with 1 or 3 channels, found 1x1 with 2");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_with_pillow),
        cmocka_unit_test(test_right_size_stays),
        cmocka_unit_test(test_means_by_hand),
        cmocka_unit_test(test_nearest_takes_the_centre),
        cmocka_unit_test(test_colours_and_alpha),
        cmocka_unit_test(test_even_pictures_stay_even),
        cmocka_unit_test(test_refuses_boxes_and_shapes),
    };
    return cmocka_run_group_tests_name("fit", tests, NULL, NULL);
}
