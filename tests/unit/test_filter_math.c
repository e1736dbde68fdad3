/* SPDX-License-Identifier: MIT */
/* The mathematics of the filters of training sets, on cases computed by hand. */
#include "base/random.h"
#include "defend/filter/contamination.h"
#include "defend/filter/gradients.h"
#include "defend/filter/gram.h"
#include "defend/filter/quantum.h"
#include "defend/filter/rank.h"
#include "support.h"
#include <math.h>
#include <stdbool.h>
#include <string.h>

static bool near(double a, double b) {
    return fabs(a - b) <= 1e-9 * (1 + fabs(b));
}

/* --- quantum entropy --- */

/* The matrix exponential: 0 off the diagonal, where the elementwise exponential would be 1. */
static void weights_by_hand(void **state) {
    const double s[9] = {2, 0, 0, 0, 1, 0, 0, 0, 1}, e4 = exp(4);
    double m[9], value;
    (void)state;
    assert_int_equal(quantum_weights(s, 3, m, &value, NULL), TD_OK);
    for (size_t i = 0; i < 9; i++)
        assert_true(near(m[i], i == 0 ? e4 : i % 4 == 0 ? 1 : 0));
    assert_true(near(value, (2 * e4 + 2) / (e4 + 2)));
}

/* The same, turned by 45 degrees: eigenvalues 3 and 1. */
static void weights_of_a_turned_matrix(void **state) {
    const double s[4] = {2, 1, 1, 2}, e4 = exp(4);
    double m[4], value;
    (void)state;
    assert_int_equal(quantum_weights(s, 2, m, &value, NULL), TD_OK);
    assert_true(near(m[0], (e4 + 1) / 2) && near(m[1], (e4 - 1) / 2));
    assert_true(near(m[2], m[1]) && near(m[3], m[0]));
}

/* Nothing stands out: 0 / 0 in the formula. */
static void weights_of_equal_variances(void **state) {
    const double s[4] = {1, 0, 0, 1};
    double m[4], value;
    (void)state;
    assert_int_equal(quantum_weights(s, 2, m, &value, NULL), TD_OK);
    assert_true(m[0] == 1 && m[1] == 0 && m[2] == 0 && m[3] == 1 && value == 1);
}

/* Eighteen at ±1, two far away: without these two the mean is 0 and the variance 1. */
static void robust_covariance_by_hand(void **state) {
    double points[20], mean, variance, white[20];
    (void)state;
    for (size_t i = 0; i < 20; i++)
        points[i] = i >= 18 ? 100 + (double)i : i % 2 ? 1 : -1;
    assert_int_equal(quantum_robust(points, 20, 1, 1, 2, &mean, &variance, NULL), TD_OK);
    assert_true(near(mean, 0) && near(variance, 1));
    assert_int_equal(quantum_robust(points, 20, 1, 1, 0, &mean, &variance, NULL), TD_OK);
    assert_true(variance > 1000);
    assert_int_equal(quantum_robust(points, 20, 1, 1, 2, &mean, &variance, NULL), TD_OK);
    assert_int_equal(quantum_whiten(points, 20, 1, 1, &mean, &variance, white, NULL), TD_OK);
    assert_true(near(fabs(white[0]), 1) && near(fabs(white[18]), 118));
}

/* A direction without variance becomes 0. */
static void whitening_without_variance(void **state) {
    const double points[8] = {1, 5, -1, 5, 2, 5, -2, 5}, mean[2] = {0, 5};
    const double covariance[4] = {2.5, 0, 0, 0};
    double white[8];
    (void)state;
    assert_int_equal(quantum_whiten(points, 4, 2, 2, mean, covariance, white, NULL), TD_OK);
    for (size_t i = 0; i < 4; i++)
        assert_true(near(fabs(white[2 * i]), fabs(points[2 * i]) / sqrt(2.5)) &&
                    white[2 * i + 1] == 0);
}

static void scores_by_hand(void **state) {
    const double points[4] = {1, 2, 3, 0}, m[4] = {2, 1, 1, 4};
    double scores[2];
    (void)state;
    quantum_scores(points, 2, 2, m, scores); /* 2 + 2·2 + 16 = 22; 18; over 6 */
    assert_true(near(scores[0], 22.0 / 6) && near(scores[1], 3));
}

/* --- contamination --- */

static void statistic_by_hand(void **state) {
    const double points[4] = {0, 0, 0, 2};
    const uint8_t member[4] = {0, 0, 0, 1}, one[4] = {0};
    double mean = 0, map = 1, spread = 1e12, scratch[3];
    contamination c = {1, 1, &mean, &map, &spread};
    (void)state;
    /* u is the mean: J is what the squares around means lose, 3·1/16·4. */
    assert_true(fabs(contamination_statistic(&c, points, member, 4, scratch) - 0.75) < 1e-9);
    /* u = n/(n + 1) of the mean: .4, 0 and 1; (3·.16 + .16 - 1 + 2·2·.6) / 4. */
    spread = 1;
    assert_true(near(contamination_statistic(&c, points, member, 4, scratch), 0.51));
    assert_true(contamination_statistic(&c, points, one, 4, scratch) == 0);
}

enum { VALUES = 6, CLASSES = 3, EACH = 60 };

/* Classes of normal values around means of their own. */
static void fill(float *values, size_t classes, size_t each, size_t dimension, uint32_t number) {
    td_random random = td_random_for(3, TD_FOR_TEST, 7, number);
    for (size_t i = 0; i < classes * each; i++)
        for (size_t d = 0; d < dimension; d++)
            values[i * dimension + d] =
                td_random_normal(&random) + (i / each == d ? 10 : 0) + 0.5F * (float)(d == 1);
}

/* J of a class, divided at `first`. */
static double judge(const contamination *c, const float *rows, size_t count, size_t first) {
    double points[EACH * VALUES], scratch[3 * VALUES];
    uint8_t member[EACH];
    contamination_place(c, rows, count, points);
    for (size_t i = 0; i < count; i++)
        member[i] = i >= first;
    return contamination_statistic(c, points, member, count, scratch);
}

static void contaminated_class_stands_out(void **state) {
    const size_t begins[] = {0, EACH, 2 * EACH, 3 * EACH};
    float clean[CLASSES * EACH * VALUES], set[CLASSES * EACH * VALUES];
    td_arena arena = {0};
    contamination c;
    (void)state;
    fill(clean, CLASSES, EACH, VALUES, 0);
    fill(set, CLASSES, EACH, VALUES, 1);
    assert_int_equal(contamination_fit(&c, clean, begins, CLASSES, VALUES, &arena, NULL), TD_OK);
    assert_int_equal(c.dimensions, VALUES);
    const double none = judge(&c, set, EACH, EACH * 9 / 10);
    for (size_t i = EACH * 9 / 10; i < EACH; i++)
        set[i * VALUES + 1] +=
            6; /* six deviations, where classes differ: at most 9·1/100·36 = 3.24 */
    const double some = judge(&c, set, EACH, EACH * 9 / 10);
    assert_true(none < 0.3 && some > 1.5 && some < 4);
    td_arena_free(&arena);
}

/* Neither the order of the images nor that of the classes matters. */
static void order_does_not_matter(void **state) {
    const size_t begins[] = {0, EACH, 2 * EACH, 3 * EACH}, row = VALUES * sizeof(float);
    float clean[CLASSES * EACH * VALUES], turned[CLASSES * EACH * VALUES];
    float set[EACH * VALUES];
    td_arena arena = {0};
    contamination a, b;
    (void)state;
    fill(clean, CLASSES, EACH, VALUES, 0);
    fill(set, 1, EACH, VALUES, 1);
    for (size_t i = 0; i < CLASSES * EACH; i++)
        memcpy(turned + (CLASSES * EACH - 1 - i) * VALUES, clean + i * VALUES, row);
    assert_int_equal(contamination_fit(&a, clean, begins, CLASSES, VALUES, &arena, NULL), TD_OK);
    assert_int_equal(contamination_fit(&b, turned, begins, CLASSES, VALUES, &arena, NULL), TD_OK);
    assert_true(fabs(judge(&a, set, EACH, 20) - judge(&b, set, EACH, 20)) < 1e-6);
    td_arena_free(&arena);
}

/* More values than images, and a dead one. */
static void fewer_images_than_values(void **state) {
    enum { MANY = 40, FEW = 5 };
    const size_t begins[] = {0, FEW, 2 * FEW, 3 * FEW};
    float clean[CLASSES * FEW * MANY], same[CLASSES * FEW * MANY];
    td_arena arena = {0};
    td_error error;
    contamination c;
    (void)state;
    fill(clean, CLASSES, FEW, MANY, 0);
    for (size_t i = 0; i < CLASSES * FEW; i++)
        clean[i * MANY + 7] = 1;
    assert_int_equal(contamination_fit(&c, clean, begins, CLASSES, MANY, &arena, NULL), TD_OK);
    assert_true(c.dimensions == CLASSES * FEW - CLASSES);
    for (size_t i = 0; i < c.dimensions; i++)
        assert_true(isfinite(c.spread[i]) && c.spread[i] >= 0);
    for (size_t i = 0; i < CLASSES * FEW * MANY; i++)
        same[i] = (float)(i % MANY);
    assert_int_equal(contamination_fit(&c, same, begins, CLASSES, MANY, &arena, &error),
                     TD_ERR_NUMERIC);
    support_assert_contains(error.message, "expected clean images that differ");
    td_arena_free(&arena);
}

/* --- Gram matrices --- */

/* Values are raised before products are taken: at p = 2 the entry is √17, not the root of that at
 * p = 1. The root keeps the sign. */
static void gram_by_hand(void **state) {
    const float map[2] = {2, -1}, two[2] = {1, -2};
    double scratch[8], out[3];
    (void)state;
    gram_of(map, 1, 2, 1, scratch, out);
    assert_true(near(out[0], 5));
    gram_of(map, 1, 2, 2, scratch, out);
    assert_true(near(out[0], sqrt(17)));
    gram_of(map, 1, 2, 3, scratch, out);
    assert_true(near(out[0], cbrt(65)));
    gram_of(two, 2, 1, 1, scratch, out);
    assert_true(near(out[0], 1) && near(out[1], -2) && near(out[2], 4));
    gram_of(two, 2, 1, 3, scratch, out);
    assert_true(near(out[0], 1) && near(out[1], -2) && near(out[2], 4));
    assert_int_equal(gram_count(2), 3);
}

/* {2, 2, 0} and {2.5, .75, .75} have one mean; the first orders rank them differently: 8 and 7.375,
 * then √32 and √39.695. */
static void orders_tell_different_things(void **state) {
    const float one[3] = {2, 2, 0}, other[3] = {2.5F, 0.75F, 0.75F};
    double scratch[4], a[2], b[2];
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        gram_of(one, 1, 3, i + 1, scratch, &a[i]);
        gram_of(other, 1, 3, i + 1, scratch, &b[i]);
    }
    assert_true(near(a[0], 8) && near(b[0], 7.375));
    assert_true(near(a[1], sqrt(32)) && near(b[1], sqrt(39.6953125)));
}

static void bounds_by_hand(void **state) {
    const double column[10] = {1, 0, 2, 0, 3, 0, 4, 0, 100, 0};
    double low, high, scratch[10];
    (void)state;
    gram_bound(column, 5, 2, 5, 5, &low, &high, scratch); /* median 3, MAD 1 */
    assert_true(near(low, -7) && near(high, 13));
    gram_bound(column, 5, 2, 4, 5, &low, &high, scratch); /* without 100: 2.5, MAD 1 */
    assert_true(near(low, -7.5) && near(high, 12.5));
}

static void deviation_by_hand(void **state) {
    double low[3] = {1, -2, 0}, high[3] = {4, 2, 0};
    const gram_bounds bounds = {low, high, 0.5};
    const double within[3] = {1, 2, 0}, beyond[3] = {0, 5, 1};
    (void)state;
    assert_true(gram_deviation(within, 3, &bounds) == 0);
    assert_true(near(gram_deviation(beyond, 3, &bounds), 1.0 / 1 + 3.0 / 2 + 1 / 0.5));
}

static void discrepancy_by_hand(void **state) {
    const float zero = 0, ten = 10, same[4] = {1, 1, 1, 1}, some[4] = {1, 2, 3, 4};
    (void)state;
    /* One pair at 100: kernels e^-2 + e^-1 between them, 2 of each with itself. */
    assert_true(near(gram_discrepancy(&zero, 1, &ten, 1, 1), 4 - 2 * (exp(-2) + exp(-1))));
    assert_true(gram_discrepancy(same, 2, same + 2, 2, 1) == 0);
    assert_true(fabs(gram_discrepancy(some, 4, some, 4, 1)) < 1e-12);
    assert_true(gram_discrepancy(some, 4, some, 0, 1) == 0);
}

/* --- gradients --- */

static void cosines_by_hand(void **state) {
    const float a[2] = {3, 4}, b[2] = {4, 3}, none[2] = {0, 0};
    (void)state;
    assert_true(near(gradients_cosine(a, b, 2), 24.0 / 25));
    assert_true(near(gradients_cosine(a, a, 2), 1) && gradients_cosine(a, none, 2) == 0);
}

/* c points right. Three images do, too: cos(g, c) 1, and 0 with p; one is at 45 degrees. p is the
 * one that points up; one more does: 0 and 1. */
static void spread_by_hand(void **state) {
    const float g[12] = {1, 0, 0, 1, 2, 0, 3, 0, 0, 5, 1, 1}, c[2] = {7, 0};
    size_t seed;
    (void)state;
    assert_true(near(gradients_spread(g, c, 6, 2, &seed), sqrt(4.0 / 5)));
    assert_int_equal(seed, 1);
    assert_true(gradients_spread(g, c, 1, 2, &seed) == 0 && seed == 0);
}

static void divergence_by_hand(void **state) {
    const size_t a[2] = {4, 0}, b[2] = {0, 9}, half[2] = {3, 3}, none[2] = {0, 0};
    (void)state;
    assert_true(near(gradients_divergence(a, b, 2), 1) && gradients_divergence(a, a, 2) == 0);
    /* m = (3/4, 1/4): (log2(4/3) + log2(2/3) / 2 + 1 / 2) / 2. */
    assert_true(
        near(gradients_divergence(a, half, 2), (log2(4.0 / 3) + log2(2.0 / 3) / 2 + 0.5) / 2));
    assert_true(gradients_divergence(a, none, 2) == 0);
}

/* A third of the images point up, the others right, both with some noise: the suspects that grow
 * from one that points up all do. */
static void suspects_grow(void **state) {
    enum { IMAGES = 300 };
    const float c[2] = {1, 0};
    float g[2 * IMAGES];
    bool marked[IMAGES];
    size_t found = 0;
    td_random random = td_random_for(1, TD_FOR_TEST, 3, 0);
    (void)state;
    for (size_t i = 0; i < IMAGES; i++) {
        g[2 * i] = (i % 3 ? 1 : 0) + 0.1F * td_random_normal(&random);
        g[2 * i + 1] = (i % 3 ? 0 : 1) + 0.1F * td_random_normal(&random);
    }
    assert_int_equal(gradients_grow(g, c, IMAGES, 2, 0, 0.01, marked, NULL), TD_OK);
    for (size_t i = 0; i < IMAGES; i++) {
        assert_true(!marked[i] || i % 3 == 0);
        found += marked[i];
    }
    assert_true(found > 3);
    /* One image, and fewer than ten rounds. */
    assert_int_equal(gradients_grow(g, c, 1, 2, 0, 0.01, marked, NULL), TD_OK);
    assert_true(marked[0]);
    assert_int_equal(gradients_grow(g, c, 3, 2, 0, 1, marked, NULL), TD_OK);
    assert_true(marked[0]);
}

/* --- ranks --- */

static void top_of_equals(void **state) {
    const double scores[5] = {1, 3, 2, 3, 3};
    bool marked[5] = {false};
    double lowest;
    (void)state;
    assert_int_equal(rank_top(scores, 5, 2, marked, &lowest, NULL), TD_OK);
    assert_true(!marked[0] && marked[1] && !marked[2] && marked[3] && !marked[4] && lowest == 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_by_hand),
        cmocka_unit_test(weights_of_a_turned_matrix),
        cmocka_unit_test(weights_of_equal_variances),
        cmocka_unit_test(robust_covariance_by_hand),
        cmocka_unit_test(whitening_without_variance),
        cmocka_unit_test(scores_by_hand),
        cmocka_unit_test(statistic_by_hand),
        cmocka_unit_test(contaminated_class_stands_out),
        cmocka_unit_test(order_does_not_matter),
        cmocka_unit_test(fewer_images_than_values),
        cmocka_unit_test(gram_by_hand),
        cmocka_unit_test(orders_tell_different_things),
        cmocka_unit_test(bounds_by_hand),
        cmocka_unit_test(deviation_by_hand),
        cmocka_unit_test(discrepancy_by_hand),
        cmocka_unit_test(cosines_by_hand),
        cmocka_unit_test(spread_by_hand),
        cmocka_unit_test(divergence_by_hand),
        cmocka_unit_test(suspects_grow),
        cmocka_unit_test(top_of_equals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
