/* SPDX-License-Identifier: MIT */
/* Every expected value here is worked by hand, in the comment beside it. */
#include "defend/detect/squeezer.h"

#include "support.h"

#include <math.h>
#include <string.h>

enum { MOST = 4 };

/* Squeezes an image by the only squeezer of the list. */
static void squeeze(const char *list, td_shape shape, const uint8_t *image, float *out) {
    td_arena arena = {0};
    squeezer squeezers[MOST];
    size_t count;
    assert_int_equal(squeezers_parse(list, shape, MOST, &arena, squeezers, &count, NULL), TD_OK);
    assert_int_equal(count, 1);
    squeezers[0].kind->apply(&squeezers[0], image, out);
    td_arena_free(&arena);
}

static void assert_values(const float *found, const float *expected, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (fabsf(found[i] - expected[i]) > 1e-4F)
            fail_msg("value %zu: expected %g, found %g", i, (double)expected[i], (double)found[i]);
}

/* 1 bit: below one half 0, else 255 (127/255 = .498). 2 bits: steps of 85; 42/85 = .494 -> 0,
 * 43/85 = .506 -> 85, 212/85 = 2.494 -> 170, 213 -> 255. */
static void bits_worked_by_hand(void **state) {
    (void)state;
    static const uint8_t image[] = {0, 127, 128, 255}, other[] = {42, 43, 212, 213};
    static const float one[] = {0, 0, 255, 255}, two[] = {0, 85, 170, 255};
    float out[4];
    squeeze("bit=1", (td_shape){2, 2, 1}, image, out);
    assert_values(out, one, 4);
    squeeze("bit=2", (td_shape){2, 2, 1}, other, out);
    assert_values(out, two, 4);
}

/* 1 2 9   The 2×2 windows reach up and left, mirrored there: at (0, 0) four times 1; (0, 1) 1 1 2
 * 4 8 3   2, the upper middle 2; (0, 2) 2 2 9 9: 9; (1, 0) 1 1 4 4: 4; (1, 1) 1 2 4 8: 4;
 * 7 5 6   (1, 2) 2 3 8 9: 8; (2, 0) 4 4 7 7: 7; (2, 1) 4 5 7 8: 7; (2, 2) 3 5 6 8: 6. */
static void median_of_2x2_worked_by_hand(void **state) {
    (void)state;
    static const uint8_t image[] = {1, 2, 9, 4, 8, 3, 7, 5, 6};
    static const float expected[] = {1, 2, 9, 4, 4, 8, 7, 7, 6};
    float out[9];
    squeeze("median=2", (td_shape){3, 3, 1}, image, out);
    assert_values(out, expected, 9);
}

/* The same image by 3×3. Centre: the median of 1 … 9, 5. (0, 0): rows 0 0 1, columns 0 0 1 give
 * 1 1 2, 1 1 2, 4 4 8: 2. (0, 1): 1 2 9, 1 2 9, 4 8 3: 1 1 2 2 3 4 8 9 9: 3. (0, 2): 2 9 9, 2 9 9,
 * 8 3 3: 2 2 3 3 8 9 9 9 9: 8. (1, 0): 1 1 2, 4 4 8, 7 7 5: 4. (1, 2): 2 9 9, 8 3 3, 5 6 6: 6.
 * (2, 0): 4 4 8, 7 7 5, 7 7 5: 7. (2, 1): 4 8 3, 7 5 6, 7 5 6: 6. (2, 2): 8 3 3, 5 6 6, 5 6 6: 6.
 */
static void median_of_3x3_worked_by_hand(void **state) {
    (void)state;
    static const uint8_t image[] = {1, 2, 9, 4, 8, 3, 7, 5, 6};
    static const float expected[] = {2, 3, 8, 4, 5, 6, 7, 6, 6};
    float out[9];
    squeeze("median=3", (td_shape){3, 3, 1}, image, out);
    assert_values(out, expected, 9);
}

/* Colours are apart: the second channel is a constant. */
static void median_takes_channels_apart(void **state) {
    (void)state;
    static const uint8_t image[] = {1, 50, 7, 2, 50, 7, 9, 50, 7};
    float out[9];
    squeeze("median=3", (td_shape){1, 3, 3}, image, out);
    static const float expected[] = {1, 50, 7, 2, 50, 7, 9, 50, 7};
    assert_values(out, expected, 9);
}

/* One row 0 3 0 with search 3, patch 1, strength 2, whose columns mirrored are 3 | 0 3 0 | 3 and
 * whose rows are all the same: each of the three columns of the window counts three times. Weights
 * are exp(−d/4): 1 for equal pixels, exp(−9/4) = .105399 for the others. First pixel: its own
 * column weighs 1, both neighbours are 3: 3·2·.105399/(1 + .210798) = .5223, rounded 1. Middle: 3
 * weighs 1, both neighbours are 0: 3/1.210798 = 2.4777, rounded 2. */
static void nlm_worked_by_hand(void **state) {
    (void)state;
    static const uint8_t image[] = {0, 3, 0};
    static const float expected[] = {1, 2, 1};
    float out[3];
    squeeze("nlm=3-1-2", (td_shape){1, 3, 1}, image, out);
    assert_values(out, expected, 3);
}

/* In colour the distance is over all channels and the strength squared is times three: a step of 3
 * in each gives 27/(4·3), the same weight as in grey. */
static void nlm_of_colours_takes_them_together(void **state) {
    (void)state;
    static const uint8_t image[] = {0, 100, 200, 3, 103, 203, 0, 100, 200};
    static const float expected[] = {1, 101, 201, 2, 102, 202, 1, 101, 201};
    float out[9];
    squeeze("nlm=3-1-2", (td_shape){1, 3, 3}, image, out);
    assert_values(out, expected, 9);
}

/* Pixel by pixel, patch by patch, straight from the definition. */
static float naive_nlm(const uint8_t *image, size_t side, size_t channels, size_t y, size_t x,
                       size_t c, const int *numbers) {
    const int n = (int)side, half = numbers[0] / 2, patch = numbers[1] / 2;
    double weights = 0, values = 0;
    for (int i = -half; i <= half; i++)
        for (int k = -half; k <= half; k++) {
            double distance = 0;
            for (int a = -patch; a <= patch; a++)
                for (int b = -patch; b <= patch; b++)
                    for (size_t z = 0; z < channels; z++) {
                        int p[] = {(int)y + a, (int)x + b, (int)y + i + a, (int)x + k + b};
                        for (size_t q = 0; q < 4; q++)
                            while (p[q] < 0 || p[q] >= n)
                                p[q] = p[q] < 0 ? -p[q] : 2 * (n - 1) - p[q];
                        double d = image[(size_t)(p[0] * n + p[1]) * channels + z] -
                                   (double)image[(size_t)(p[2] * n + p[3]) * channels + z];
                        distance += d * d;
                    }
            distance /= numbers[1] * numbers[1];
            double weight = exp(-distance / (numbers[2] * numbers[2] * (double)channels));
            int q[] = {(int)y + i, (int)x + k};
            for (size_t z = 0; z < 2; z++)
                while (q[z] < 0 || q[z] >= n)
                    q[z] = q[z] < 0 ? -q[z] : 2 * (n - 1) - q[z];
            weight = weight < 0.001 ? 0 : weight;
            weights += weight;
            values += weight * image[(size_t)(q[0] * n + q[1]) * channels + c];
        }
    return (float)(values / weights);
}

/* The squeezed value is the twin's, rounded; where that is near a half either neighbour will do. */
static void nlm_agrees_with_its_naive_twin(void **state) {
    (void)state;
    enum { SIDE = 4 };
    static const int numbers[] = {11, 3, 4};
    for (size_t channels = 1; channels <= 3; channels += 2) {
        uint8_t image[SIDE * SIDE * 3];
        float out[SIDE * SIDE * 3];
        for (size_t i = 0; i < SIDE * SIDE * channels; i++)
            image[i] = (uint8_t)(100 + i * 37 % 11);
        squeeze("nlm=11-3-4", (td_shape){SIDE, SIDE, channels}, image, out);
        for (size_t i = 0; i < SIDE * SIDE * channels; i++) {
            size_t pixel = i / channels;
            float twin =
                naive_nlm(image, SIDE, channels, pixel / SIDE, pixel % SIDE, i % channels, numbers);
            assert_true(fabsf(out[i] - twin) <= 0.5001F);
        }
    }
}

static void lists_are_read(void **state) {
    (void)state;
    td_arena arena = {0};
    squeezer squeezers[MOST];
    size_t count;
    assert_int_equal(squeezers_parse("bit=7,median=3,nlm=13-3-2", (td_shape){9, 9, 1}, MOST, &arena,
                                     squeezers, &count, NULL),
                     TD_OK);
    assert_int_equal(count, 3);
    assert_string_equal(squeezers[1].name, "median=3");
    assert_string_equal(squeezers[2].name, "nlm=13-3-2");
    td_arena_free(&arena);
}

static void bad_lists_are_refused(void **state) {
    (void)state;
    static const char *const lists[] = {
        "",           "bit",        "bit=",        "bit=0",
        "bit=8",      "bit=1,",     ",bit=1",      "bit=+1",
        "median=1",   "median=8",   "nlm=13-3",    "nlm=12-3-2",
        "nlm=13-2-2", "nlm=13-3-0", "nlm=13-3-21", "nlm=13-3-2-1",
        "bit=0001",   "bit=1 ",     "blur=3",      "bit=1,bit=1,bit=1,bit=1,bit=1"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        td_arena arena = {0};
        squeezer squeezers[MOST];
        size_t count;
        td_error error;
        assert_int_equal(
            squeezers_parse(lists[i], (td_shape){9, 9, 1}, MOST, &arena, squeezers, &count, &error),
            TD_ERR_USAGE);
        assert_true(strncmp(error.message, "--squeezers: expected ", 22) == 0);
        td_arena_free(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_worked_by_hand),
        cmocka_unit_test(median_of_2x2_worked_by_hand),
        cmocka_unit_test(median_of_3x3_worked_by_hand),
        cmocka_unit_test(median_takes_channels_apart),
        cmocka_unit_test(nlm_worked_by_hand),
        cmocka_unit_test(nlm_of_colours_takes_them_together),
        cmocka_unit_test(nlm_agrees_with_its_naive_twin),
        cmocka_unit_test(lists_are_read),
        cmocka_unit_test(bad_lists_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
