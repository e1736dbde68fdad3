/* SPDX-License-Identifier: MIT */
#include "measure/similarity.h"

#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 32 * 32 * 3 };

static double ssim(const uint8_t *a, const uint8_t *b, size_t height, size_t width,
                   size_t channels) {
    double *scratch = malloc(td_ssim_scratch(height, width, channels) * sizeof *scratch);
    assert_non_null(scratch);
    double index = td_ssim(a, b, height, width, channels, scratch);
    free(scratch);
    return index;
}

/* Constant images have no variance: what is left is (2ab + C1) / (a² + b² + C1), C1 = 6.5025. */
static void constant_images(void **state) {
    (void)state;
    uint8_t a[LARGEST], b[LARGEST];
    memset(a, 100, sizeof a);
    memset(b, 150, sizeof b);
    double expected = (2 * 100 * 150 + 6.5025) / (100 * 100 + 150 * 150 + 6.5025);
    for (size_t side = 1; side <= 32; side++) {
        assert_true(fabs(ssim(a, b, side, 33 - side, 3) - expected) < 1e-9);
        assert_true(fabs(ssim(a, a, side, side, 1) - 1) < 1e-9);
    }
}

/* 1×1 images: the window is one pixel. */
static void one_pixel(void **state) {
    (void)state;
    static const uint8_t black = 0, white = 255;
    assert_true(fabs(ssim(&black, &white, 1, 1, 1) - 6.5025 / (65025 + 6.5025)) < 1e-12);
    assert_true(fabs(td_psnr(&black, &white, 1)) < 1e-12);
    assert_int_equal(td_linf(&black, &white, 1), 255);
}

/* Two of four values differ, by 3 and 4: a mean square of 25/4. */
static void psnr_and_linf_by_hand(void **state) {
    (void)state;
    static const uint8_t a[] = {10, 20, 30, 40}, b[] = {10, 23, 26, 40};
    assert_true(fabs(td_psnr(a, b, 4) - 10 * log10(65025 / 6.25)) < 1e-12);
    assert_int_equal(td_linf(a, b, 4), 4);
    assert_true(isinf(td_psnr(a, a, 4)));
    assert_int_equal(td_linf(a, a, 4), 0);
}

/* Computed by tests/golden/similarity.py. */
static void golden(void **state) {
    (void)state;
    static const struct {
        size_t height, width, channels;
        double ssim, psnr;
        int linf;
    } cases[] = {
        {32, 30, 3, 0.934316347670, 17.9934572562, 64},
        {28, 28, 1, 0.934342807548, 17.9736784814, 63},
        {8, 13, 1, 0.928966132268, 18.2911596981, 59},
    };
    uint8_t a[LARGEST], b[LARGEST];
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        size_t size = cases[k].height * cases[k].width * cases[k].channels;
        for (size_t i = 0; i < size; i++) {
            a[i] = (uint8_t)((i * i * 7 + i * 13) % 256);
            b[i] = (uint8_t)((a[i] * 3 + i % 50) / 4);
        }
        double index = ssim(a, b, cases[k].height, cases[k].width, cases[k].channels);
        assert_true(fabs(index - cases[k].ssim) < 1e-9);
        assert_true(fabs(td_psnr(a, b, size) - cases[k].psnr) < 1e-9);
        assert_int_equal(td_linf(a, b, size), cases[k].linf);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constant_images),
        cmocka_unit_test(one_pixel),
        cmocka_unit_test(psnr_and_linf_by_hand),
        cmocka_unit_test(golden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
