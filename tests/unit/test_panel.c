/* SPDX-License-Identifier: MIT */
/* The register product against its naive twin in double, and the vector type under it. */
#include "support.h"

#include "base/random.h"
#include "nn/kernel/panel.h"
#include <math.h>

enum { MOST_ROWS = 40, MOST_DEPTH = 70, FLOATS = 1 << 14, CASES = 300 };

static float a[FLOATS], b[FLOATS], c[FLOATS], before[FLOATS];

static void draw(float *values, uint32_t index) {
    td_random random = td_random_for(1, TD_FOR_TEST, 0, index);
    for (size_t i = 0; i < FLOATS; i++)
        values[i] = 2 * td_random_unit(&random) - 1;
}

static size_t below(td_random *random, size_t most) {
    return (size_t)(td_random_unit(random) * (float)most);
}

/* Element (row, column): its previous value plus the sum of the products; and the sum of their
 * magnitudes, which bounds the error. */
static double sum_of(const td_panel_product *p, size_t row, size_t column, double *size) {
    double sum = p->add ? (double)before[(size_t)(p->c - c) + row * p->c_row + column] : 0;
    *size = fabs(sum);
    for (size_t d = 0; d < p->depth; d++) {
        const double term =
            (double)p->a[row * p->a_row + d * p->a_depth] * (double)p->b[d * p->b_depth + column];
        sum += term;
        *size += fabs(term);
    }
    return sum;
}

static void assert_product(const td_panel_product *p, size_t lanes) {
    for (size_t row = 0; row < p->rows; row++)
        for (size_t column = 0; column < lanes; column++) {
            double size;
            const double right = sum_of(p, row, column, &size);
            const double found = (double)p->c[row * p->c_row + column];
            if (fabs(found - right) > 1e-6 * (size + 1e-3))
                fail_msg("rows %zu, columns %zu, depth %zu: (%zu, %zu) is %g, not %g", p->rows,
                         p->columns, p->depth, row, column, found, right);
        }
}

/* Nothing but the product's own elements changes. */
static void assert_untouched(const td_panel_product *p, size_t lanes) {
    const size_t first = (size_t)(p->c - c);
    for (size_t i = 0; i < FLOATS; i++) {
        const bool inside =
            i >= first && (i - first) / p->c_row < p->rows && (i - first) % p->c_row < lanes;
        if (!inside && c[i] != before[i])
            fail_msg("float %zu changed", i);
    }
}

static void products_are_right(void **state) {
    td_random random = td_random_for(1, TD_FOR_TEST, 1, 0);
    (void)state;
    draw(a, 1);
    draw(b, 2);
    draw(before, 3);
    for (size_t i = 0; i < CASES; i++) {
        const size_t rows = 1 + below(&random, MOST_ROWS), depth = below(&random, MOST_DEPTH);
        const size_t columns = 1 + below(&random, TD_PANEL);
        const size_t lanes = td_size_round_up(columns, TD_LANES);
        const bool across = below(&random, 2) == 1; /* A is stored by depth */
        const td_panel_product p = {.rows = rows,
                                    .columns = columns,
                                    .depth = depth,
                                    .a = a + below(&random, 5),
                                    .a_row = across ? 1 : depth + below(&random, 9),
                                    .a_depth = across ? rows + below(&random, 9) : 1,
                                    .b = b + below(&random, 5),
                                    .b_depth = lanes + below(&random, 9),
                                    .c = c + below(&random, 5),
                                    .c_row = lanes + below(&random, 9),
                                    .add = below(&random, 2) == 1};
        memcpy(c, before, sizeof c);
        td_panel_multiply(&p);
        assert_product(&p, lanes);
        assert_untouched(&p, lanes);
    }
}

/* The same bits whatever rows are computed together. */
static void rows_do_not_depend_on_each_other(void **state) {
    td_panel_product p = {.columns = TD_PANEL,
                          .depth = MOST_DEPTH,
                          .a = a,
                          .a_row = MOST_DEPTH,
                          .a_depth = 1,
                          .b = b,
                          .b_depth = TD_PANEL,
                          .c_row = TD_PANEL};
    (void)state;
    draw(a, 1);
    draw(b, 2);
    p.rows = MOST_ROWS;
    p.c = c;
    td_panel_multiply(&p);
    for (size_t row = 0; row < MOST_ROWS; row++) {
        p.rows = 1;
        p.a = a + row * MOST_DEPTH;
        p.c = before;
        td_panel_multiply(&p);
        assert_memory_equal(before, c + row * TD_PANEL, TD_PANEL * sizeof *c);
    }
}

static void parts_touch_nothing_else(void **state) {
    float to[TD_LANES + 2];
    (void)state;
    draw(a, 1);
    for (size_t count = 1; count <= TD_LANES; count++) {
        for (size_t i = 0; i < TD_LANES + 2; i++)
            to[i] = -7;
        const td_lane_mask lanes = td_first_lanes(count);
        float part[TD_LANES];
        td_vec_store(part, td_vec_load_lanes(a + 1, lanes));
        td_vec_store_lanes(to + 1, td_vec_load_lanes(a + 1, lanes), lanes);
        for (size_t i = 0; i < TD_LANES; i++)
            assert_true(part[i] == (i < count ? a[1 + i] : 0));
        for (size_t i = 0; i < TD_LANES + 2; i++)
            assert_true(to[i] == (i >= 1 && i <= count ? a[i] : -7));
    }
}

/* A NaN stays, and a zero that is made has no sign. */
static void lanes_are_clipped_as_values_are(void **state) {
    static const float values[] = {1, -1, 0, -0.0f, 5, 6, 7, INFINITY, -INFINITY, NAN};
    static const td_bounds bounds[] = {{0, INFINITY}, {0, 6}, {-1.5f, 0.5f}, {-INFINITY, INFINITY}};
    (void)state;
    for (size_t k = 0; k < sizeof bounds / sizeof *bounds; k++)
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
            float out[TD_LANES];
            td_vec_store(out, td_vec_clip(bounds[k], td_vec_set(values[i])));
            const float one = td_clip(bounds[k], values[i]);
            const float wanted = fminf(fmaxf(values[i], bounds[k].least), bounds[k].most);
            for (size_t lane = 0; lane < TD_LANES; lane++)
                assert_true(isnan(values[i]) ? isnan(out[lane]) : out[lane] == wanted);
            assert_true(isnan(values[i]) ? isnan(one) : one == wanted);
            assert_false(values[i] < 0 && out[0] == 0 && signbit(out[0]));
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_right),
        cmocka_unit_test(rows_do_not_depend_on_each_other),
        cmocka_unit_test(parts_touch_nothing_else),
        cmocka_unit_test(lanes_are_clipped_as_values_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
