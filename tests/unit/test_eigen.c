/* SPDX-License-Identifier: MIT */
#include "defend/filter/eigen.h"

#include "base/parallel.h"
#include "base/random.h"
#include "support.h"

#include <math.h>
#include <string.h>

static void assert_near(double found, double expected, double tolerance) {
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("expected %.17g, found %.17g", expected, found);
}

/* A vector is an eigenvector either way round. */
static void assert_vector(const double *found, const double *expected, size_t n) {
    double dot = 0;
    for (size_t i = 0; i < n; i++)
        dot += found[i] * expected[i];
    for (size_t i = 0; i < n; i++)
        assert_near(found[i], dot < 0 ? -expected[i] : expected[i], 1e-9);
}

/* 2 1   (1, 1) becomes (3, 3), (1, −1) itself.
 * 1 2 */
static void two_by_two_worked_by_hand(void **state) {
    (void)state;
    const double r = sqrt(0.5), first[] = {r, r}, second[] = {r, -r};
    double matrix[] = {2, 1, 1, 2}, values[2], vectors[4];
    assert_int_equal(eigen_top(matrix, 2, 2, values, vectors, NULL), TD_OK);
    assert_near(values[0], 3, 1e-14);
    assert_near(values[1], 1, 1e-14);
    assert_vector(vectors, first, 2);
    assert_vector(vectors + 2, second, 2);
}

/*  2 −1  0   (1, −√2, 1) becomes (2 + √2, −2 − 2√2, 2 + √2), 2 + √2 times itself; (1, 0, −1) twice
 * −1  2 −1   itself; (1, √2, 1) becomes 2 − √2 times itself. The squared lengths are 4, 2 and 4.
 *  0 −1  2 */
static void three_by_three_worked_by_hand(void **state) {
    (void)state;
    const double r = sqrt(0.5);
    const double matrix[] = {2, -1, 0, -1, 2, -1, 0, -1, 2};
    const double expected[3][3] = {{0.5, -r, 0.5}, {r, 0, -r}, {0.5, r, 0.5}};
    const double expected_values[] = {2 + sqrt(2), 2, 2 - sqrt(2)};
    for (size_t top = 1; top <= 3; top++) {
        double copy[9], values[3], vectors[9];
        memcpy(copy, matrix, sizeof copy);
        assert_int_equal(eigen_top(copy, 3, top, values, vectors, NULL), TD_OK);
        for (size_t i = 0; i < top; i++) {
            assert_near(values[i], expected_values[i], 1e-14);
            assert_vector(vectors + 3 * i, expected[i], 3);
        }
    }
}

static void one_by_one(void **state) {
    (void)state;
    double matrix = 7, value, vector;
    assert_int_equal(eigen_top(&matrix, 1, 1, &value, &vector, NULL), TD_OK);
    assert_near(value, 7, 0);
    assert_near(vector, 1, 0);
}

enum { N = 60, TOP = 10 };

/* u·uᵀ with u = (1, 2, 3, …): the one eigenvalue that is not 0 is 1² + 2² + … + 60² =
 * 60·61·121/6 = 73810, its vector u itself. The others are any that are orthonormal. */
static void a_matrix_of_rank_one(void **state) {
    (void)state;
    static double matrix[N * N], values[TOP], vectors[TOP * N], u[N];
    for (size_t i = 0; i < N; i++) {
        u[i] = (double)(i + 1) / sqrt(73810);
        for (size_t k = 0; k < N; k++)
            matrix[i * N + k] = (double)((i + 1) * (k + 1));
    }
    assert_int_equal(eigen_top(matrix, N, TOP, values, vectors, NULL), TD_OK);
    assert_near(values[0], 73810, 1e-6);
    assert_vector(vectors, u, N);
    for (size_t i = 1; i < TOP; i++)
        assert_near(values[i], 0, 1e-6);
}

/* X·Xᵀ of normal values. */
static void draw(double *matrix) {
    static double x[N * N];
    td_random random = td_random_for(1, TD_FOR_TEST, 0, 0);
    for (size_t i = 0; i < (size_t)N * N; i++)
        x[i] = (double)td_random_normal(&random);
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < N; k++) {
            matrix[i * N + k] = 0;
            for (size_t j = 0; j < N; j++)
                matrix[i * N + k] += x[i * N + j] * x[k * N + j];
        }
}

static void assert_orthonormal(const double *vectors, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k <= i; k++) {
            double dot = 0;
            for (size_t j = 0; j < N; j++)
                dot += vectors[i * N + j] * vectors[k * N + j];
            assert_near(dot, i == k, 1e-12);
        }
}

/* Matrix · vector = value · vector, by the definition. */
static void assert_eigen(const double *matrix, const double *values, const double *vectors,
                         size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t row = 0; row < N; row++) {
            double sum = 0;
            for (size_t k = 0; k < N; k++)
                sum += matrix[row * N + k] * vectors[i * N + k];
            assert_near(sum, values[i] * vectors[i * N + row], 1e-7);
        }
}

static void nothing_but_zeros(void **state) {
    (void)state;
    static double matrix[N * N], values[TOP], vectors[TOP * N];
    assert_int_equal(eigen_top(matrix, N, TOP, values, vectors, NULL), TD_OK);
    assert_orthonormal(vectors, TOP);
    for (size_t i = 0; i < TOP; i++)
        assert_near(values[i], 0, 0);
}

/* H·D·H with the mirror H = 1 − 2·u·uᵀ, |u| = 1, whose rows are the eigenvectors: D has 5 four
 * times, 3 once and then 2, so any orthonormal basis of the first four rows is right. LAPACK may
 * find fewer of the last ones than it is asked for. */
static void repeated_eigenvalues(void **state) {
    (void)state;
    static double mirror[N * N], matrix[N * N];
    double expected[N];
    for (size_t i = 0; i < N; i++) {
        expected[i] = i < 4 ? 5 : i < 5 ? 3 : 2;
        for (size_t k = 0; k < N; k++)
            mirror[i * N + k] = (double)(i == k) - 2 * (double)((i + 1) * (k + 1)) / 73810;
    }
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < N; k++)
            for (size_t j = 0; j < N; j++)
                matrix[i * N + k] += mirror[j * N + i] * expected[j] * mirror[j * N + k];
    for (size_t top = 1; top <= TOP; top++) {
        double copy[N * N], values[TOP], vectors[TOP * N];
        memcpy(copy, matrix, sizeof copy);
        assert_int_equal(eigen_top(copy, N, top, values, vectors, NULL), TD_OK);
        assert_orthonormal(vectors, top);
        assert_eigen(matrix, values, vectors, top);
        for (size_t i = 0; i < top; i++)
            assert_near(values[i], expected[i], 1e-12);
        if (top > 4)
            assert_vector(vectors + 4 * N, mirror + 4 * N, N);
    }
}

static void few_and_all_agree_with_the_definition(void **state) {
    (void)state;
    static double matrix[N * N], copy[N * N], all[N], vectors[N * N], top[TOP], few[TOP * N];
    draw(matrix);
    memcpy(copy, matrix, sizeof copy);
    assert_int_equal(eigen_top(copy, N, N, all, vectors, NULL), TD_OK);
    assert_orthonormal(vectors, N);
    assert_eigen(matrix, all, vectors, N);
    memcpy(copy, matrix, sizeof copy);
    assert_int_equal(eigen_top(copy, N, TOP, top, few, NULL), TD_OK);
    assert_orthonormal(few, TOP);
    assert_eigen(matrix, top, few, TOP);
    for (size_t i = 0; i < TOP; i++) {
        assert_near(top[i], all[i], 1e-9);
        assert_true(i == 0 || top[i] <= top[i - 1]);
    }
}

static void the_largest_component_is_positive(void **state) {
    (void)state;
    static double matrix[N * N], values[TOP], vectors[TOP * N];
    draw(matrix);
    assert_int_equal(eigen_top(matrix, N, TOP, values, vectors, NULL), TD_OK);
    for (size_t i = 0; i < TOP; i++) {
        double largest = 0;
        for (size_t k = 0; k < N; k++)
            if (fabs(vectors[i * N + k]) > fabs(largest))
                largest = vectors[i * N + k];
        assert_true(largest > 0);
    }
}

/* Large enough for the products in it to be of a size that OpenBLAS divides among threads. */
static void same_bits_at_any_number_of_threads(void **state) {
    (void)state;
    enum { LARGE = 400 };
    static double matrix[LARGE * LARGE], values[2][TOP], vectors[2][TOP * LARGE];
    const size_t threads = td_threads();
    for (size_t t = 1; t <= 3; t++) {
        td_set_threads(t);
        for (size_t i = 0; i < LARGE; i++)
            for (size_t k = 0; k < LARGE; k++)
                matrix[i * LARGE + k] = cos((double)((i * k) % 1009)) + (i == k ? (double)i : 0);
        assert_int_equal(eigen_top(matrix, LARGE, TOP, values[t > 1], vectors[t > 1], NULL), TD_OK);
        if (t > 1) {
            assert_memory_equal(values[0], values[1], sizeof values[0]);
            assert_memory_equal(vectors[0], vectors[1], sizeof vectors[0]);
        }
    }
    td_set_threads(threads);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_by_one),
        cmocka_unit_test(two_by_two_worked_by_hand),
        cmocka_unit_test(three_by_three_worked_by_hand),
        cmocka_unit_test(a_matrix_of_rank_one),
        cmocka_unit_test(nothing_but_zeros),
        cmocka_unit_test(repeated_eigenvalues),
        cmocka_unit_test(few_and_all_agree_with_the_definition),
        cmocka_unit_test(the_largest_component_is_positive),
        cmocka_unit_test(same_bits_at_any_number_of_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
