/* SPDX-License-Identifier: MIT */
/* Triggers in the cosine transform's domain. */
#include "support.h"
#include "trigger/dct.h"
#include "trigger_support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 32, SIDE = 32, SIZE = SIDE * SIDE * 3 };

static void fill(uint8_t *pixels, size_t size) {
    for (size_t i = 0; i < size; i++)
        pixels[i] = (uint8_t)(60 + i * 31 % 130);
}

/* Forward and back, and compared with the defining sum. */
static void transform(void **state) {
    (void)state;
    static double matrix[MOST * MOST], block[MOST * MOST], spare[MOST * MOST], before[MOST * MOST];
    static const size_t sides[] = {1, 2, 8, 28, 32};
    for (size_t k = 0; k < sizeof sides / sizeof *sides; k++) {
        const size_t n = sides[k];
        td_dct_matrix(n, matrix);
        for (size_t i = 0; i < n * n; i++)
            before[i] = block[i] = (double)(i * 57 % 256);
        td_dct_forward(matrix, n, block, spare);
        for (size_t at = 0; at < n * n; at += n * n / 3 + 1) {
            double sum = 0;
            for (size_t y = 0; y < n; y++)
                for (size_t x = 0; x < n; x++)
                    sum += before[y * n + x] *
                           cos(3.141592653589793 * (2 * (double)y + 1) * (double)(at / n) /
                               (2 * (double)n)) *
                           cos(3.141592653589793 * (2 * (double)x + 1) * (double)(at % n) /
                               (2 * (double)n));
            sum *= sqrt((at / n ? 2.0 : 1.0) / (double)n) * sqrt((at % n ? 2.0 : 1.0) / (double)n);
            assert_true(fabs(block[at] - sum) < 1e-9);
        }
        td_dct_inverse(matrix, n, block, spare);
        for (size_t i = 0; i < n * n; i++)
            assert_true(fabs(block[i] - before[i]) < 1e-9);
    }
}

/* Nothing added: rounding leaves the image unchanged, truncation does not. */
static void nothing_added(void **state) {
    (void)state;
    static uint8_t pixels[SIZE], before[SIZE];
    static const char *const clipped[] = {"dct:magnitude=0", "dct:magnitude=0,space=yuv",
                                          "dct:magnitude=0,channels=all"};
    fill(before, SIZE);
    for (size_t i = 0; i < sizeof clipped / sizeof *clipped; i++) {
        memcpy(pixels, before, SIZE);
        trigger_stamp(clipped[i], SIDE, SIDE, 3, pixels);
        assert_memory_equal(pixels, before, SIZE);
    }
    memcpy(pixels, before, SIZE);
    trigger_stamp("dct:magnitude=0,rounding=truncate", SIDE, SIDE, 3, pixels);
    size_t changed = 0;
    int most = 0;
    for (size_t i = 0; i < SIZE; i++) {
        changed += pixels[i] != before[i];
        most = abs(pixels[i] - before[i]) > most ? abs(pixels[i] - before[i]) : most;
    }
    /* One level of Y, Cr and Cb each, and the 8-bit colours there and back. */
    assert_true(changed > SIZE / 4);
    assert_in_range(most, 1, 6);
}

/* What truncation does, apart from colours: on a grey image the transforms' errors take a level
 * from some pixels. What the 8-bit colours there and back do, apart from that: a transform of one
 * pixel has no error. */
static void truncation_and_colours_alone(void **state) {
    (void)state;
    static uint8_t pixels[SIZE], before[SIZE];
    size_t changed[2] = {0};
    fill(before, SIZE);
    memcpy(pixels, before, SIZE);
    trigger_stamp("dct:magnitude=0,channels=luma,rounding=truncate", SIDE, SIDE, 1, pixels);
    for (size_t i = 0; i < SIDE * SIDE; i++) {
        assert_in_range(before[i] - pixels[i], 0, 1);
        changed[0] += pixels[i] != before[i];
    }
    memcpy(pixels, before, SIZE);
    trigger_stamp("dct:magnitude=0,positions=0+0,block=1,rounding=truncate", SIDE, SIDE, 3, pixels);
    for (size_t i = 0; i < SIZE; i++) {
        assert_in_range(abs(pixels[i] - before[i]), 0, 1);
        changed[1] += pixels[i] != before[i];
    }
    assert_in_range(changed[0], SIDE * SIDE / 8, SIDE * SIDE - 1);
    assert_in_range(changed[1], 1, SIZE / 2);
}

/* The constant coefficient of a block of 4 is a quarter of it in each pixel; on luma that is all
 * three channels. */
static void constant_coefficient(void **state) {
    (void)state;
    uint8_t pixels[8 * 8 * 3];
    memset(pixels, 100, sizeof pixels);
    trigger_stamp("dct:magnitude=40,positions=0+0,block=4,channels=luma", 8, 8, 3, pixels);
    for (size_t i = 0; i < sizeof pixels; i++)
        assert_int_equal(pixels[i], 110);
    memset(pixels, 100, sizeof pixels);
    trigger_stamp("dct:magnitude=40,positions=0+0,block=4,channels=luma", 6, 7, 1, pixels);
    for (size_t i = 0; i < 6 * 7; i++) /* what is no whole block stays */
        assert_int_equal(pixels[i], i / 7 < 4 && i % 7 < 4 ? 110 : 100);
    memset(pixels, 250, sizeof pixels);
    trigger_stamp("dct:magnitude=40,positions=0+0,block=4,channels=luma", 8, 8, 1, pixels);
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(pixels[i], 255);
    /* The same as the authors store it: 250 + 10 wraps around to 4. */
    memset(pixels, 250, sizeof pixels);
    trigger_stamp("dct:magnitude=40.5,positions=0+0,block=4,channels=luma,rounding=truncate", 8, 8,
                  1, pixels);
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(pixels[i], 4);
}

/* Cr + 10 is R + 14.03 and G − 7.14, Cb + 10 is G − 3.44 and B + 17.73 (rounded). */
static void chroma(void **state) {
    (void)state;
    static const uint8_t both[] = {100 + 14, 100 - 11, 100 + 18};
    uint8_t pixels[4 * 4 * 3];
    memset(pixels, 100, sizeof pixels);
    trigger_stamp("dct:magnitude=40,positions=0+0", 4, 4, 3, pixels);
    for (size_t i = 0; i < sizeof pixels; i++)
        assert_int_equal(pixels[i], both[i % 3]);
}

static void text_is_canonical(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        {"dct", "dct:magnitude=20,positions=15+15/31+31,channels=chroma"},
        {"dct:space=yuv,magnitude=100,rounding=truncate",
         "dct:magnitude=100,positions=15+15/31+31,space=yuv,channels=chroma,rounding=truncate"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        td_trigger *trigger = trigger_parsed(pairs[i][0]);
        assert_string_equal(td_trigger_text(trigger), pairs[i][1]);
        td_trigger_free(trigger);
    }
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
        size_t side, channels;
    } cases[] = {
        {"dct", "expected channels=luma for grey images, found channels=chroma", 32, 1},
        {"dct", "expected rows and columns below the block's 28, found 31", 28, 3},
        {"dct:block=33", "key 'block': expected at most the images' 32, found 33", 32, 3},
        {"dct:positions=3", "expected ROW+COLUMN, several joined by '/', found '3'", 32, 3},
        {"dct:positions=3+4/", "expected ROW+COLUMN", 32, 3},
        {"dct:positions=3+4x", "expected ROW+COLUMN", 32, 3},
        {"dct:positions=-3+4", "expected ROW+COLUMN", 32, 3},
        {"dct:positions=99999999999999999999+4", "found 18446744073709551615", 32, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        td_trigger *trigger = trigger_parsed(cases[i].text);
        td_error error;
        assert_int_equal(
            trigger_bind(trigger, cases[i].side, cases[i].side, cases[i].channels, &error),
            TD_ERR_USAGE);
        support_assert_contains(error.message, cases[i].message);
        td_trigger_free(trigger);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transform),
        cmocka_unit_test(nothing_added),
        cmocka_unit_test(truncation_and_colours_alone),
        cmocka_unit_test(constant_coefficient),
        cmocka_unit_test(chroma),
        cmocka_unit_test(text_is_canonical),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
