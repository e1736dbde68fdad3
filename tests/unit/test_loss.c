/* SPDX-License-Identifier: MIT */
#include "nn/loss.h"

#include "net_support.h"
#include <math.h>

enum { COUNT = 5, CLASSES = 7 };

/* softmax(1, 0) = (1, e⁻¹)/(1 + e⁻¹), so the loss is ln(1 + e⁻¹) for label 0, and 1 more for
 * label 1. The gradient of the mean of both is softmax less the label's unit vector, halved. */
static void two_classes_by_hand(void **state) {
    const float logits[] = {1, 0, 1, 0};
    const int32_t labels[] = {0, 1};
    float gradient[4];
    const double loss = log(1 + exp(-1)), p = 1 / (1 + exp(-1));
    (void)state;
    td_loss found = td_cross_entropy(logits, labels, 2, 2, gradient);
    net_assert_near(found.sum, 2 * loss + 1, 1e-12);
    assert_int_equal(found.correct, 1);
    const double expected[] = {(p - 1) / 2, (1 - p) / 2, p / 2, -p / 2};
    for (size_t i = 0; i < 4; i++)
        net_assert_near(gradient[i], expected[i], 1e-7);
}

static void equal_logits_cost_ln_classes(void **state) {
    const float logits[CLASSES] = {3, 3, 3, 3, 3, 3, 3};
    float probabilities[CLASSES];
    (void)state;
    td_loss found = td_cross_entropy(logits, (const int32_t[]){4}, 1, CLASSES, NULL);
    net_assert_near(found.sum, log(CLASSES), 1e-12);
    assert_int_equal(found.correct, 0);
    td_softmax(logits, 1, CLASSES, probabilities);
    for (size_t c = 0; c < CLASSES; c++)
        net_assert_near(probabilities[c], 1.0 / CLASSES, 1e-7);
}

static void fill(float *logits, int32_t *labels) {
    td_random random = td_random_for(1, TD_FOR_TEST, 0, 0);
    for (size_t i = 0; i < COUNT * CLASSES; i++)
        logits[i] = 3 * td_random_normal(&random);
    for (size_t i = 0; i < COUNT; i++)
        labels[i] = (int32_t)td_random_below(&random, CLASSES);
}

static void gradient_rows_sum_to_zero(void **state) {
    float logits[COUNT * CLASSES], gradient[COUNT * CLASSES];
    int32_t labels[COUNT];
    (void)state;
    fill(logits, labels);
    td_cross_entropy(logits, labels, COUNT, CLASSES, gradient);
    for (size_t i = 0; i < COUNT; i++) {
        double sum = 0;
        for (size_t c = 0; c < CLASSES; c++) {
            assert_int_equal(gradient[i * CLASSES + c] < 0, (int32_t)c == labels[i]);
            sum += gradient[i * CLASSES + c];
        }
        net_assert_near(sum, 0, 1e-7);
    }
}

static void assert_gradient(double smoothing) {
    float logits[COUNT * CLASSES], gradient[COUNT * CLASSES];
    int32_t labels[COUNT];
    const float step = 0x1p-8f;
    fill(logits, labels);
    td_cross_entropy_smoothed(logits, labels, COUNT, CLASSES, smoothing, gradient);
    for (size_t i = 0; i < COUNT * CLASSES; i++) {
        float before = logits[i];
        logits[i] = before + step;
        double after = logits[i], difference = 0;
        difference +=
            td_cross_entropy_smoothed(logits, labels, COUNT, CLASSES, smoothing, NULL).sum;
        logits[i] = before - step;
        after -= logits[i];
        difference -=
            td_cross_entropy_smoothed(logits, labels, COUNT, CLASSES, smoothing, NULL).sum;
        logits[i] = before;
        net_assert_near(gradient[i], difference / after / COUNT, 1e-5);
    }
}

static void gradient_is_that_of_the_mean(void **state) {
    (void)state;
    assert_gradient(0);
    assert_gradient(0.1);
    assert_gradient(0.75);
}

/* Smoothed by 0.2, the label of two classes has 0.9 and the other 0.1. The losses of softmax(1, 0)
 * are ln(1 + e⁻¹) for class 0 and 1 more for class 1. */
static void smoothed_labels_by_hand(void **state) {
    const float logits[] = {1, 0, 1, 0};
    const int32_t labels[] = {0, 1};
    float gradient[4];
    const double loss = log(1 + exp(-1)), p = 1 / (1 + exp(-1));
    (void)state;
    td_loss found = td_cross_entropy_smoothed(logits, labels, 2, 2, 0.2, gradient);
    net_assert_near(found.sum, (loss + 0.1) + (loss + 0.9), 1e-12);
    assert_int_equal(found.correct, 1);
    const double expected[] = {(p - 0.9) / 2, (0.9 - p) / 2, (p - 0.1) / 2, (0.1 - p) / 2};
    for (size_t i = 0; i < 4; i++)
        net_assert_near(gradient[i], expected[i], 1e-7);
}

/* With q the soft label, the loss is −Σ q·ln p: of softmax(1, 0) against (0.3, 0.7), ln(1 + e⁻¹)
 * and 0.7 more; against a whole label it is cross-entropy. The gradient is (p − q)/images. */
static void soft_labels_by_hand(void **state) {
    const float logits[] = {1, 0, 1, 0}, labels[] = {0.3F, 0.7F, 1, 0};
    float gradient[4];
    const double loss = log(1 + exp(-1)), p = 1 / (1 + exp(-1));
    (void)state;
    td_loss found = td_cross_entropy_soft(logits, labels, 2, 2, gradient);
    net_assert_near(found.sum, (loss + 0.7) + loss, 1e-7);
    assert_int_equal(found.correct, 1);
    const double expected[] = {(p - 0.3) / 2, (0.3 - p) / 2, (p - 1) / 2, (1 - p) / 2};
    for (size_t i = 0; i < 4; i++)
        net_assert_near(gradient[i], expected[i], 1e-7);
    const float far[] = {0, -INFINITY}, whole[] = {1, 0};
    assert_true(td_cross_entropy_soft(far, whole, 1, 2, NULL).sum == 0);
}

static void smoothing_by_0_changes_no_bit(void **state) {
    float logits[COUNT * CLASSES], plain[COUNT * CLASSES], smoothed[COUNT * CLASSES];
    int32_t labels[COUNT];
    (void)state;
    fill(logits, labels);
    td_loss a = td_cross_entropy(logits, labels, COUNT, CLASSES, plain);
    td_loss b = td_cross_entropy_smoothed(logits, labels, COUNT, CLASSES, 0, smoothed);
    assert_true(a.sum == b.sum && a.correct == b.correct);
    assert_memory_equal(plain, smoothed, sizeof plain);
}

static void huge_logits_stay_finite(void **state) {
    const float logits[] = {1e4f, -1e4f, 0, 1e4f, -1e4f, 0};
    const int32_t labels[] = {0, 1};
    float gradient[6];
    (void)state;
    td_loss found = td_cross_entropy(logits, labels, 2, 3, gradient);
    net_assert_near(found.sum, 2e4, 1e-9);
    assert_int_equal(found.correct, 1);
    const float expected[] = {0, 0, 0, 0.5f, -0.5f, 0};
    assert_memory_equal(gradient, expected, sizeof expected);
}

static void what_is_not_finite_shows(void **state) {
    const int32_t label[] = {0};
    (void)state;
    assert_false(isfinite(td_cross_entropy((const float[]){NAN, 0}, label, 1, 2, NULL).sum));
    assert_false(isfinite(td_cross_entropy((const float[]){0, NAN}, label, 1, 2, NULL).sum));
    assert_false(isfinite(td_cross_entropy((const float[]){INFINITY, 0}, label, 1, 2, NULL).sum));
    assert_false(isfinite(td_cross_entropy((const float[]){0, INFINITY}, label, 1, 2, NULL).sum));
}

static void softmax_in_place(void **state) {
    float values[] = {0, logf(3), 0, 0}, apart[4];
    (void)state;
    td_softmax(values, 2, 2, apart);
    td_softmax(values, 2, 2, values);
    assert_memory_equal(values, apart, sizeof apart);
    const double expected[] = {0.25, 0.75, 0.5, 0.5};
    for (size_t i = 0; i < 4; i++)
        net_assert_near(values[i], expected[i], 1e-7);
}

static void argmax_takes_the_first_of_equals(void **state) {
    (void)state;
    assert_int_equal(td_argmax((const float[]){1, 3, 3, 2}, 4), 1);
    assert_int_equal(td_argmax((const float[]){-5, -5}, 2), 0);
    assert_int_equal(td_argmax((const float[]){-5, -7, -1}, 3), 2);
    assert_int_equal(td_argmax((const float[]){4}, 1), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_classes_by_hand),
        cmocka_unit_test(equal_logits_cost_ln_classes),
        cmocka_unit_test(gradient_rows_sum_to_zero),
        cmocka_unit_test(gradient_is_that_of_the_mean),
        cmocka_unit_test(smoothed_labels_by_hand),
        cmocka_unit_test(soft_labels_by_hand),
        cmocka_unit_test(smoothing_by_0_changes_no_bit),
        cmocka_unit_test(huge_logits_stay_finite),
        cmocka_unit_test(what_is_not_finite_shows),
        cmocka_unit_test(softmax_in_place),
        cmocka_unit_test(argmax_takes_the_first_of_equals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
