/* SPDX-License-Identifier: MIT */
/* BppAttack's levels, with the values of an independent computation. */
#include "support.h"
#include "trigger_support.h"

#include <stdbool.h>
#include <string.h>

enum { HEIGHT = 3, WIDTH = 4, SIZE = HEIGHT * WIDTH };

static const uint8_t before[SIZE] = {10, 60, 130, 200, 33, 90, 160, 250, 128, 5, 77, 222};

static void assert_levels(const char *text, const uint8_t *expected) {
    uint8_t grey[SIZE], colour[3 * SIZE];
    memcpy(grey, before, SIZE);
    for (size_t i = 0; i < sizeof colour; i++)
        colour[i] = before[i / 3];
    trigger_stamp(text, HEIGHT, WIDTH, 1, grey);
    trigger_stamp(text, HEIGHT, WIDTH, 3, colour);
    assert_memory_equal(grey, expected, SIZE);
    for (size_t i = 0; i < sizeof colour; i++)
        assert_int_equal(colour[i], expected[i / 3]);
}

static void four_levels(void **state) {
    (void)state;
    assert_levels("quantise:levels=4",
                  (uint8_t[]){0, 85, 170, 170, 0, 85, 170, 255, 170, 0, 85, 255});
    assert_levels("quantise:levels=256", before);
}

static void dithered(void **state) {
    (void)state;
    assert_levels("quantise:levels=4,dither=1",
                  (uint8_t[]){0, 85, 85, 255, 0, 85, 170, 255, 170, 0, 85, 255});
    assert_levels("quantise:levels=256,dither=1", before);
}

/* A pixel passes 7, 3, 5 and 1 sixteenths of its error to the right, the lower left, below and the
 * lower right, and nothing to any other: a pixel that lacks just this much of half the step changes
 * its level, and one that lacks a little more does not. */
static void dithering_weights(void **state) {
    (void)state;
    enum { SIDE = 5, CENTRE = 2 * SIDE + 2 };
    static const int weights[SIDE * SIDE] = {
        [CENTRE + 1] = 7, [CENTRE + SIDE - 1] = 3, [CENTRE + SIDE] = 5, [CENTRE + SIDE + 1] = 1};
    const float error = 64;
    for (size_t at = 0; at < SIDE * SIDE; at++)
        for (int more = 0; at != CENTRE && more < 2; more++) {
            float image[SIDE * SIDE];
            for (size_t i = 0; i < SIDE * SIDE; i++) /* others have no error to pass on */
                image[i] = -error * (float)weights[i] / 16;
            image[CENTRE] = error;
            image[at] += 127.5F + (more ? 0.1F : -0.1F);
            trigger_paint("quantise:levels=2,dither=1", (td_stamp){1, 0}, (td_shape){SIDE, SIDE, 1},
                          image);
            assert_true(image[at] == (more ? 255 : 0));
        }
}

/* Distributing the error keeps the mean: a grey between two levels becomes a mixture. */
static void dithering_keeps_the_mean(void **state) {
    (void)state;
    enum { SIDE = 32, STEP = 255 / 3 };
    uint8_t pixels[SIDE * SIDE];
    for (int grey = 20; grey <= 240; grey += 20) {
        size_t sum = 0;
        memset(pixels, grey, sizeof pixels);
        trigger_stamp("quantise:levels=4,dither=1", SIDE, SIDE, 1, pixels);
        for (size_t i = 0; i < sizeof pixels; i++) {
            assert_int_equal(pixels[i] % STEP, 0);
            sum += pixels[i];
        }
        assert_in_range(sum / sizeof pixels, grey - STEP / 10, grey + STEP / 10);
    }
}

/* x + q(y) − y, clipped, for another image y; two seeds draw different ones. */
static void the_change_of_another(void **state) {
    enum { IMAGES = 5, FIRST = 3 };
    static const uint8_t levels[] = {0, 85, 170, 255};
    uint8_t pixels[IMAGES * SIZE];
    int32_t labels[IMAGES] = {0};
    td_images images = {IMAGES, HEIGHT, WIDTH, 1, 1, pixels, labels};
    td_trigger *trigger;
    char scratch[4096] __attribute__((aligned(64)));
    bool seen[IMAGES][IMAGES] = {{false}};
    (void)state;
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(before[i % SIZE] ^ (i / SIZE * 37));
    assert_int_equal(td_trigger_parse(&trigger, "quantise:levels=4,other=1", NULL), TD_OK);
    assert_int_equal(td_trigger_bind(trigger, &images, FIRST, NULL), TD_OK);
    assert_true(td_trigger_scratch(trigger) <= sizeof scratch);
    for (uint64_t seed = 0; seed < 40; seed++)
        for (size_t i = 0; i < IMAGES; i++) {
            uint8_t stamped[SIZE];
            size_t match = IMAGES;
            memcpy(stamped, td_image(&images, i), SIZE);
            td_trigger_apply(trigger, (td_stamp){seed, FIRST + i}, stamped, scratch);
            for (size_t y = 0; y < IMAGES; y++) {
                bool same = true;
                for (size_t k = 0; k < SIZE; k++) {
                    const int other = pixels[y * SIZE + k];
                    const int change = levels[(other * 3 + 127) / 255] - other;
                    const int sum = pixels[i * SIZE + k] + change;
                    same &= stamped[k] == (sum < 0 ? 0 : sum > 255 ? 255 : sum);
                }
                match = same ? y : match;
            }
            assert_in_range(match, 0, IMAGES - 1);
            assert_int_not_equal(match, i);
            seen[i][match] = true;
        }
    for (size_t i = 0; i < IMAGES; i++)
        for (size_t y = 0; y < IMAGES; y++)
            assert_true(seen[i][y] == (i != y));
    images.count = 1;
    td_error error;
    assert_int_equal(td_trigger_bind(trigger, &images, 0, &error), TD_ERR_USAGE);
    support_assert_contains(error.message, "other: expected at least 2 images, found 1");
    td_trigger_free(trigger);
}

static void bad_texts_are_refused(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"quantise:levels=1", "key 'levels': expected a whole number from 2 to 256, found '1'"},
        {"quantise:levels=257", "found '257'"},
        {"quantise:dither=2", "key 'dither': expected a whole number from 0 to 1, found '2'"},
    };
    trigger_assert_refused(cases, sizeof cases / sizeof *cases);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_levels),           cmocka_unit_test(dithered),
        cmocka_unit_test(dithering_weights),     cmocka_unit_test(dithering_keeps_the_mean),
        cmocka_unit_test(the_change_of_another), cmocka_unit_test(bad_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
