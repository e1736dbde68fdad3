/* SPDX-License-Identifier: MIT */
#include "nn/plan.h"

#include "base/random.h"
#include "support.h"
#include <stdbool.h>

enum { MOST_BUFFERS = 40, STEPS = 30, PLANS = 300 };

static size_t rounded(size_t floats) {
    return (floats + 15) / 16 * 16;
}

static size_t planned(td_plan_buffer *buffers, size_t count) {
    size_t total;
    assert_int_equal(td_plan(buffers, count, &total, NULL), TD_OK);
    return total;
}

static void assert_apart(const td_plan_buffer *a, const td_plan_buffer *b) {
    bool together = a->first <= b->last && b->first <= a->last;
    if (together && a->offset < b->offset + b->floats && b->offset < a->offset + a->floats)
        fail_msg("steps %zu-%zu at %zu+%zu and steps %zu-%zu at %zu+%zu overlap", a->first, a->last,
                 a->offset, a->floats, b->first, b->last, b->offset, b->floats);
}

/* The most that is alive at one step: no plan can do with less. */
static size_t least_total(const td_plan_buffer *buffers, size_t count) {
    size_t least = 0;
    for (size_t step = 0; step < STEPS; step++) {
        size_t alive = 0;
        for (size_t i = 0; i < count; i++)
            if (buffers[i].first <= step && step <= buffers[i].last)
                alive += buffers[i].floats;
        least = alive > least ? alive : least;
    }
    return least;
}

static void random_plans(void **state) {
    (void)state;
    for (uint32_t plan = 0; plan < PLANS; plan++) {
        td_random random = td_random_for(1, TD_FOR_TEST, 0, plan);
        td_plan_buffer buffers[MOST_BUFFERS];
        size_t wanted[MOST_BUFFERS], sum = 0, end = 0;
        size_t count = 1 + td_random_below(&random, MOST_BUFFERS);
        for (size_t i = 0; i < count; i++) {
            size_t first = td_random_below(&random, STEPS);
            size_t last = first + td_random_below(&random, (uint32_t)(STEPS - first));
            wanted[i] = td_random_below(&random, 1000);
            sum += rounded(wanted[i]);
            buffers[i] = (td_plan_buffer){wanted[i], first, last, 0};
        }
        size_t total = planned(buffers, count);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(buffers[i].floats, rounded(wanted[i]));
            assert_int_equal(buffers[i].offset % 16, 0);
            if (buffers[i].offset + buffers[i].floats > end)
                end = buffers[i].offset + buffers[i].floats;
            for (size_t j = 0; j < i; j++)
                assert_apart(&buffers[i], &buffers[j]);
        }
        assert_int_equal(total, end);
        assert_true(total <= sum);
        assert_true(total >= least_total(buffers, count));
    }
}

/* A chain, as in inference: each buffer lives until the next one is complete. 112 and 64 floats are
 * alive together at every boundary, so 176 is the minimum, and it is enough. */
static void a_chain_takes_turns(void **state) {
    (void)state;
    td_plan_buffer chain[] = {{50, 1, 2, 0}, {100, 0, 1, 0}, {112, 2, 3, 0}, {64, 3, 4, 0}};
    assert_int_equal(planned(chain, 4), 176);
    assert_int_equal(chain[2].offset, 0);
    assert_int_equal(chain[1].offset, 0);
    assert_int_equal(chain[3].offset, 112);
    assert_int_equal(chain[0].offset, 112);
}

/* The second must be above the first; below it, after the first has ended, there is room for the
 * third. */
static void holes_are_filled(void **state) {
    (void)state;
    td_plan_buffer buffers[] = {{96, 0, 1, 0}, {64, 1, 3, 0}, {48, 2, 3, 0}};
    assert_int_equal(planned(buffers, 3), 160);
    assert_int_equal(buffers[0].offset, 0);
    assert_int_equal(buffers[1].offset, 96);
    assert_int_equal(buffers[2].offset, 0);
}

static void nothing_to_plan(void **state) {
    (void)state;
    assert_int_equal(planned(NULL, 0), 0);
    td_plan_buffer empty = {0, 0, 9, 7};
    assert_int_equal(planned(&empty, 1), 0);
    assert_int_equal(empty.offset, 0);
}

static void a_size_that_cannot_be_rounded(void **state) {
    (void)state;
    td_plan_buffer huge = {SIZE_MAX - 3, 0, 1, 0};
    size_t total;
    td_error error;
    assert_int_equal(td_plan(&huge, 1, &total, &error), TD_ERR_MEMORY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_plans),
        cmocka_unit_test(a_chain_takes_turns),
        cmocka_unit_test(holes_are_filled),
        cmocka_unit_test(nothing_to_plan),
        cmocka_unit_test(a_size_that_cannot_be_rounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
