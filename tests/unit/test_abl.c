/* SPDX-License-Identifier: MIT */
/* Anti-backdoor learning: its loss, and the choice of isolated images. */
#include "net_support.h"
#include "train/abl_parts.h"
#include <math.h>
#include <string.h>

enum { COUNT = 3, CLASSES = 3 };

/* Losses by hand: ln 3, ln(1 + 2e^-4) and ln(1 + 2e^2). */
static const float logits[] = {0, 0, 0, 4, 0, 0, 0, 2, 2};
static const int32_t labels[] = {1, 0, 0};

static void a_low_loss_rises(void **state) {
    float plain[COUNT * CLASSES], held[COUNT * CLASSES];
    (void)state;
    const td_loss all = td_cross_entropy(logits, labels, COUNT, CLASSES, plain);
    net_assert_near(all.sum, log(3) + log(1 + 2 * exp(-4)) + log(1 + 2 * exp(2)), 1e-6);
    assert_true(abl_loss(logits, labels, COUNT, CLASSES, 0.5, false, held).sum == all.sum);
    for (size_t i = 0; i < COUNT * CLASSES; i++)
        net_assert_near(held[i], i / CLASSES == 1 ? -(double)plain[i] : (double)plain[i], 1e-9);
    /* Between the first and the third loss: only the first gradient is reversed. */
    abl_loss(logits, labels, COUNT, CLASSES, 1.2, false, held);
    for (size_t i = 0; i < COUNT * CLASSES; i++)
        net_assert_near(held[i], i / CLASSES < 2 ? -(double)plain[i] : (double)plain[i], 1e-9);
}

/* The mean is 1.298. */
static void a_batch_rises_whole(void **state) {
    float plain[COUNT * CLASSES], held[COUNT * CLASSES];
    (void)state;
    td_cross_entropy(logits, labels, COUNT, CLASSES, plain);
    abl_loss(logits, labels, COUNT, CLASSES, 1.1, true, held);
    assert_memory_equal(plain, held, sizeof plain);
    abl_loss(logits, labels, COUNT, CLASSES, 1.4, true, held);
    for (size_t i = 0; i < COUNT * CLASSES; i++)
        net_assert_near(held[i], -(double)plain[i], 1e-9);
}

/* The third, ln(1 + 2e^2) = 2.76, is above 2.7. The second is below 1. */
static void a_high_loss_rises_no_more(void **state) {
    float plain[COUNT * CLASSES], risen[COUNT * CLASSES];
    (void)state;
    const td_loss all = td_cross_entropy(logits, labels, COUNT, CLASSES, plain);
    assert_true(abl_ascent(logits, labels, COUNT, CLASSES, 2.7, risen).sum == all.sum);
    for (size_t i = 0; i < COUNT * CLASSES; i++) {
        const double by = i / CLASSES == 0 ? 1 : i / CLASSES == 1 ? 1 / log1p(2 * exp(-4)) : 0;
        net_assert_near(risen[i], -by * (double)plain[i], 1e-6);
    }
    abl_ascent(logits, labels, COUNT, CLASSES, 2.8, risen);
    for (size_t i = 2 * CLASSES; i < COUNT * CLASSES; i++)
        net_assert_near(risen[i], -(double)plain[i], 1e-6);
}

/* 1 − p is 2e^-40, which is 0 beside 1 even in double; the gradient of ln L is (-1, 1/2, 1/2). */
static void a_sure_answer_still_rises(void **state) {
    static const float sure[] = {40, 0, 0};
    static const int32_t label = 0;
    float risen[CLASSES];
    (void)state;
    abl_ascent(sure, &label, 1, CLASSES, 5, risen);
    net_assert_near(risen[0], 1, 1e-6);
    net_assert_near(risen[1], -0.5, 1e-6);
    net_assert_near(risen[2], -0.5, 1e-6);
}

static void above_gamma_it_is_cross_entropy(void **state) {
    float plain[COUNT * CLASSES], held[COUNT * CLASSES];
    (void)state;
    td_cross_entropy(logits, labels, COUNT, CLASSES, plain);
    abl_loss(logits, labels, COUNT, CLASSES, 0.01, false, held);
    assert_memory_equal(plain, held, sizeof plain);
}

static void the_lowest_are_isolated(void **state) {
    const double losses[] = {0.5, 0.1, 0.3, 0.1, 0.9, 0.3, 0.3};
    const char *const expected[] = {"       ", " x     ", " x x   ", " xxx   ",
                                    " xxx x ", " xxx xx", "xxxx xx", "xxxxxxx"};
    uint32_t order[7];
    bool isolated[7];
    (void)state;
    for (size_t k = 0; k <= 7; k++) {
        abl_isolate(losses, 7, k, order, isolated);
        for (size_t i = 0; i < 7; i++)
            assert_int_equal(isolated[i], expected[k][i] == 'x');
    }
}

/* Compared with counting, for each image, those that rank before it. */
static void many_are_isolated(void **state) {
    enum { MANY = 300 };
    double losses[MANY];
    uint32_t order[MANY];
    bool isolated[MANY];
    td_random random = td_random_for(1, TD_FOR_TEST, 5, 0);
    (void)state;
    for (size_t i = 0; i < MANY; i++)
        losses[i] = (double)td_random_below(&random, 100);
    for (size_t k = 1; k < MANY; k += 37) {
        abl_isolate(losses, MANY, k, order, isolated);
        for (size_t i = 0; i < MANY; i++) {
            size_t before = 0;
            for (size_t j = 0; j < MANY; j++)
                before += losses[j] < losses[i] || (j < i && !(losses[i] < losses[j]));
            assert_int_equal(isolated[i], before < k);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_low_loss_rises),
        cmocka_unit_test(a_batch_rises_whole),
        cmocka_unit_test(a_high_loss_rises_no_more),
        cmocka_unit_test(a_sure_answer_still_rises),
        cmocka_unit_test(above_gamma_it_is_cross_entropy),
        cmocka_unit_test(the_lowest_are_isolated),
        cmocka_unit_test(many_are_isolated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
