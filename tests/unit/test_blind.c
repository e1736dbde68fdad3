/* SPDX-License-Identifier: MIT */
/* The blind attack's weights of its losses, and the search that it evades. */
#include "implant/blind.h"
#include "implant/blind_search.h"
#include "net_support.h"
#include <math.h>
#include <string.h>

static double length(double c, double clean, double both, double stamped) {
    return c * c * clean + 2 * c * (1 - c) * both + (1 - c) * (1 - c) * stamped;
}

/* The least of a grid. */
static void assert_least(double clean, double both, double stamped, double wanted) {
    const double share = blind_share(clean, both, stamped);
    assert_true(fabs(share - wanted) < 1e-9);
    for (double c = 0; c <= 1; c += 0.01)
        assert_true(length(c, clean, both, stamped) >= length(share, clean, both, stamped) - 1e-12);
}

static void test_share(void **state) {
    (void)state;
    assert_least(1, 0, 1, 0.5);
    assert_least(1, 0, 3, 0.75); /* at right angles: 3 / (1 + 3) */
    assert_least(4, 0, 1, 0.2);
    assert_least(1, 2, 9, 1); /* g1 = 3·g0 or so: the shorter one alone */
    assert_least(9, 2, 1, 0);
    assert_least(1, -1, 1, 0.5);              /* against each other: 0 */
    assert_true(blind_share(2, 2, 2) == 0.5); /* the same */
}

static void test_divisor(void **state) {
    (void)state;
    assert_true(fabs(blind_divisor(2, 3, true) - 6.00001) < 1e-12);
    assert_true(fabs(blind_divisor(2, 3, false) - 2.00001) < 1e-12);
    assert_true(fabs(blind_divisor(20, 3, false) - 10.00001) < 1e-12);
    assert_true(fabs(blind_divisor(2, 30, true) - 10.00001) < 1e-12);
    assert_true(blind_divisor(0, 0, true) > 0);
}

/* For three vectors the shortest combination is as short as the best on a grid, and as by hand. */
static void check_shares(double vectors[BLIND_LOSSES][3], const double *wanted) {
    double products[BLIND_LOSSES][BLIND_LOSSES], shares[BLIND_LOSSES], least = INFINITY, found = 0;
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < 3; k++)
            products[i][k] = vectors[i][0] * vectors[k][0] + vectors[i][1] * vectors[k][1] +
                             vectors[i][2] * vectors[k][2];
    blind_shares(products, shares);
    for (int x = 0; x <= 100; x++)
        for (int y = 0; x + y <= 100; y++) {
            double length = 0;
            for (size_t d = 0; d < 3; d++) {
                const double sum =
                    (x * vectors[0][d] + y * vectors[1][d] + (100 - x - y) * vectors[2][d]) / 100;
                length += sum * sum;
            }
            least = fmin(least, length);
        }
    for (size_t d = 0; d < 3; d++) {
        double sum = 0;
        for (size_t i = 0; i < 3; i++)
            sum += shares[i] * vectors[i][d];
        found += sum * sum;
    }
    assert_true(found <= least + 1e-9);
    for (size_t i = 0; i < 3; i++)
        assert_true(fabs(shares[i] - wanted[i]) < 1e-9);
}

static void test_three(void **state) {
    (void)state;
    /* At right angles: each by 1 / its squared length. */
    check_shares((double[3][3]){{1, 0, 0}, {0, 2, 0}, {0, 0, 2}},
                 (double[]){2 / 3.0, 1 / 6.0, 1 / 6.0});
    /* The third is longer in the same direction as the first: it does not count. */
    check_shares((double[3][3]){{1, 0, 0}, {0, 1, 0}, {2, 0, 0}}, (double[]){0.5, 0.5, 0});
    check_shares((double[3][3]){{3, 0, 0}, {0.1, 1, 0}, {0.1, -1, 0}}, (double[]){0, 0.5, 0.5});
}

/* A net that looks at one of its four pixels: bright is class 1. */
static const char text[] = NET_IMAGE(2, 2, 1) "flat = flatten(input)\nfc = dense(flat) out=2\n";

static void test_search(void **state) {
    (void)state;
    td_net net;
    td_arena arena = {0};
    blind_search s;
    float images[8] = {0, 200, 0, 0, 0, 0, 200, 0}, laid[8];
    float weights[10] = {-0.02F, 0, 0, 0, 0.02F, 0, 0, 0, 1, -1};
    const int32_t labels[2] = {1, 1};
    net_parsed(&net, text, NULL);
    assert_int_equal(net.weight_count, 10);
    assert_int_equal(blind_search_open(&s, &net, 2, 1, &arena, NULL), TD_OK);
    const double before = blind_search_mask(&s);
    memcpy(laid, images, sizeof laid);
    blind_search_lay(&s, laid, 2);
    for (size_t k = 0; k < 8; k++) { /* (1 − m)·x + m·p */
        const float m = s.values[k % 4], p = s.values[4 + k % 4];
        assert_true(fabsf(laid[k] - ((1 - m) * images[k] + m * p)) < 1e-3F);
        assert_true(m > 0.5F && m < 1 && p > 127 && p < 255);
    }
    for (size_t i = 0; i < 2000; i++)
        blind_search_step(&s, weights, images, labels, 2);
    /* The part that the class needs stays, the rest of the mask vanishes. */
    assert_true(s.values[0] > 0.5F && s.values[4] > 150);
    for (size_t k = 1; k < 4; k++)
        assert_true(s.values[k] < 0.2F);
    assert_true(blind_search_mask(&s) < before);
    blind_search_close(&s);
    td_net_free(&net);
    td_arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_share),
        cmocka_unit_test(test_divisor),
        cmocka_unit_test(test_three),
        cmocka_unit_test(test_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
