/* SPDX-License-Identifier: MIT */
/* Every expected value here is worked by hand, in the comment beside it. */
#include "defend/filter/moments.h"

#include "base/parallel.h"
#include "base/random.h"
#include "support.h"

#include <math.h>
#include <string.h>

static void assert_near(double found, double expected, double tolerance) {
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("expected %.17g, found %.17g", expected, found);
}

static moments new_moments(size_t dimension, td_arena *arena) {
    moments m;
    assert_int_equal(moments_new(&m, dimension, arena, NULL), TD_OK);
    return m;
}

/* (1, 2), (3, 4), (5, 0): the mean is (3, 2), the differences are (−2, 0), (0, 2), (2, −2): the
 * variances are (4 + 0 + 4)/3 and (0 + 4 + 4)/3, the covariance is (0 + 0 − 4)/3. */
static void three_points_worked_by_hand(void **state) {
    (void)state;
    static const float points[] = {1, 2, 3, 4, 5, 0};
    static const double expected[] = {8.0 / 3, -4.0 / 3, -4.0 / 3, 8.0 / 3};
    td_arena arena = {0};
    moments m = new_moments(2, &arena);
    double mean[2], covariance[4];
    for (size_t first = 1; first <= 3; first++) { /* as blocks of 1 and 2, 2 and 1, and 3 */
        moments_clear(&m);
        moments_add(&m, points, first);
        if (first < 3)
            moments_add(&m, points + 2 * first, 3 - first);
        moments_get(&m, mean, covariance);
        assert_near(mean[0], 3, 1e-15);
        assert_near(mean[1], 2, 1e-15);
        for (size_t i = 0; i < 4; i++)
            assert_near(covariance[i], expected[i], 1e-15);
    }
    td_arena_free(&arena);
}

/* 8192 ± 1/2, half of each: a variance of 1/4, which would be lost beside 8192² in single
 * precision. */
static void a_small_variance_far_from_zero(void **state) {
    (void)state;
    enum { COUNT = 400 };
    float points[COUNT];
    td_arena arena = {0};
    moments m = new_moments(1, &arena);
    double mean, variance;
    for (size_t i = 0; i < COUNT; i++)
        points[i] = i % 2 ? 8192.5F : 8191.5F;
    for (size_t i = 0; i < 10; i++)
        moments_add(&m, points, COUNT);
    moments_get(&m, &mean, &variance);
    assert_near(mean, 8192, 0);
    assert_near(variance, 0.25, 1e-15);
    td_arena_free(&arena);
}

/* The covariance itself, by its definition, in more dimensions than a strip has. */
static void agrees_with_its_definition(void **state) {
    (void)state;
    enum { COUNT = 90, DIMENSION = 70 };
    static float points[COUNT * DIMENSION];
    static double covariance[DIMENSION * DIMENSION], other[DIMENSION * DIMENSION], mean[DIMENSION];
    td_arena arena = {0};
    moments m = new_moments(DIMENSION, &arena);
    td_random random = td_random_for(1, TD_FOR_TEST, 0, 0);
    for (size_t i = 0; i < COUNT * DIMENSION; i++)
        points[i] = 3 + td_random_normal(&random);
    const size_t threads = td_threads();
    for (size_t t = 1; t <= 3; t++) {
        td_set_threads(t);
        moments_clear(&m);
        moments_add(&m, points, 50);
        moments_add(&m, points + (size_t)50 * DIMENSION, COUNT - 50);
        moments_get(&m, mean, t == 1 ? covariance : other);
        if (t > 1)
            assert_memory_equal(covariance, other, sizeof covariance);
    }
    td_set_threads(threads);
    for (size_t a = 0; a < DIMENSION; a++)
        for (size_t b = 0; b < DIMENSION; b++) {
            double sum = 0;
            for (size_t i = 0; i < COUNT; i++)
                sum += ((double)points[i * DIMENSION + a] - mean[a]) *
                       ((double)points[i * DIMENSION + b] - mean[b]);
            assert_near(covariance[a * DIMENSION + b], sum / COUNT, 1e-13);
        }
    td_arena_free(&arena);
}

/* Of fewer points than dimensions: the inner products, and that their trace is the covariance's. */
static void inner_products_of_few_points(void **state) {
    (void)state;
    enum { COUNT = 40, DIMENSION = 70 };
    static float points[COUNT * DIMENSION];
    static double mean[DIMENSION], centred[COUNT * DIMENSION];
    static double products[COUNT * COUNT], other[COUNT * COUNT], covariance[DIMENSION * DIMENSION];
    td_arena arena = {0};
    moments m = new_moments(DIMENSION, &arena);
    td_random random = td_random_for(2, TD_FOR_TEST, 0, 0);
    double trace = 0;
    for (size_t i = 0; i < COUNT * DIMENSION; i++)
        points[i] = 3 + td_random_normal(&random);
    const size_t threads = td_threads();
    for (size_t t = 1; t <= 3; t++) {
        td_set_threads(t);
        moments_inner(points, COUNT, DIMENSION, mean, centred, t == 1 ? products : other);
        if (t > 1)
            assert_memory_equal(products, other, sizeof products);
    }
    td_set_threads(threads);
    for (size_t a = 0; a < COUNT; a++) {
        for (size_t b = 0; b < COUNT; b++) {
            double sum = 0;
            for (size_t k = 0; k < DIMENSION; k++)
                sum += ((double)points[a * DIMENSION + k] - mean[k]) *
                       ((double)points[b * DIMENSION + k] - mean[k]);
            assert_near(products[a * COUNT + b], sum / COUNT, 1e-13);
        }
        trace += products[a * COUNT + a];
    }
    moments_add(&m, points, COUNT);
    moments_get(&m, mean, covariance);
    for (size_t k = 0; k < DIMENSION; k++)
        trace -= covariance[k * DIMENSION + k];
    assert_near(trace, 0, 1e-12);
    td_arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_points_worked_by_hand),
        cmocka_unit_test(a_small_variance_far_from_zero),
        cmocka_unit_test(agrees_with_its_definition),
        cmocka_unit_test(inner_products_of_few_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
