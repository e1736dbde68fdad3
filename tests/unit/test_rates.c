/* SPDX-License-Identifier: MIT */
/* Every expected value here is worked by hand, in the comment beside it. */
#include "measure/rates.h"

#include "support.h"

#include <math.h>

static void assert_near(double found, double expected, double tolerance) {
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("expected %.10g, found %.10g", expected, found);
}

static void assert_interval(td_interval found, double low, double high, double tolerance) {
    assert_near(found.low, low, tolerance);
    assert_near(found.high, high, tolerance);
}

/* Published values of the score interval: 5 of 10, .2366–.7634; Newcombe 1998, Table I: 81 of 263,
 * .2553–.3662; 15 of 148, .0624–.1605; 0 of 20, 0–.1611; 1 of 29, .0061–.1718. */
static void wilson_gives_published_values(void **state) {
    (void)state;
    assert_interval(td_wilson(0.5, 10), 0.2366, 0.7634, 5e-5);
    assert_interval(td_wilson(81.0 / 263, 263), 0.2553, 0.3662, 5e-5);
    assert_interval(td_wilson(15.0 / 148, 148), 0.0624, 0.1605, 5e-5);
    assert_interval(td_wilson(0, 20), 0, 0.1611, 5e-5);
    assert_interval(td_wilson(1.0 / 29, 29), 0.0061, 0.1718, 5e-5);
}

/* With n = 1, p = 0: centre = (z²/2)/(1+z²) = half width, so low = 0 and high = z²/(1+z²) with
 * z² = 3.841459: 3.841459/4.841459 = .793450. p = 1 is its mirror. */
static void wilson_holds_at_the_ends(void **state) {
    (void)state;
    assert_interval(td_wilson(0, 0), 0, 1, 0);
    assert_interval(td_wilson(0.7, 0), 0, 1, 0);
    assert_interval(td_wilson(0, 1), 0, 0.793450, 1e-6);
    assert_interval(td_wilson(1, 1), 1 - 0.793450, 1, 1e-6);
    td_interval all = td_wilson(1, 10000);
    assert_true(all.high <= 1 && all.low < 1);
    assert_near(all.low, 0.999616, 1e-6); /* 1/(1 + z²/n) = 1/1.0003841459 */
}

static void rate_of_no_trials(void **state) {
    (void)state;
    td_rate rate = td_rate_of(0, 0);
    assert_near(rate.value, 0, 0);
    assert_interval(rate.interval, 0, 1, 0);
    rate = td_rate_of(3, 4);
    assert_int_equal(rate.hits, 3);
    assert_int_equal(rate.trials, 4);
    assert_near(rate.value, 0.75, 0);
}

/* Seven images of three classes; right at places 0, 2 and 5: 3 of 7.
 * label → predicted: 0→0, 0→1, 1→1, 1→2, 2→0, 2→2, 0→1. */
static const int32_t labels[] = {0, 0, 1, 1, 2, 2, 0};
static const int32_t predicted[] = {0, 1, 1, 2, 0, 2, 1};

enum { COUNT = 7, CLASSES = 3 };

static void accuracy_counts_equal_labels(void **state) {
    (void)state;
    td_rate rate = td_accuracy(predicted, labels, COUNT);
    assert_int_equal(rate.hits, 3);
    assert_int_equal(rate.trials, 7);
    assert_near(rate.value, 3.0 / 7, 1e-15);
    assert_int_equal(td_accuracy(predicted, labels, 0).trials, 0);
}

/* Row 0: one 0 and two 1; row 1: one 1 and one 2; row 2: one 0 and one 2. */
static void confusion_has_labels_as_rows(void **state) {
    (void)state;
    static const size_t expected[] = {1, 2, 0, 0, 1, 1, 1, 0, 1};
    size_t counts[] = {9, 9, 9, 9, 9, 9, 9, 9, 9};
    td_confusion(predicted, labels, COUNT, CLASSES, counts);
    assert_memory_equal(counts, expected, sizeof expected);
}

/* Target 1. Images not of class 1: places 0, 1, 4, 5, 6. Predicted as 1 among them: 1 and 6, so the
 * ASR is 2 of 5; place 2, of class 1 and predicted as 1, counts on neither side. Wrong: places 1,
 * 3, 4, 6, 4 of 7; right: 3 of 7. The successes' probabilities of class 1 are 0.5 and 0.75: the
 * mean is 0.625, over 2 trials. */
static void attack_worked_by_hand(void **state) {
    (void)state;
    static const float probabilities[] = {
        0.75F, 0.125F, 0.125F, /* 0 */
        0.25F, 0.5F,   0.25F,  /* 1 */
        0.0F,  1.0F,   0.0F,   /* 2 */
        0.0F,  0.25F,  0.75F,  /* 3 */
        0.5F,  0.25F,  0.25F,  /* 4 */
        0.0F,  0.25F,  0.75F,  /* 5 */
        0.25F, 0.75F,  0.0F,   /* 6 */
    };
    td_attack attack =
        td_attack_rates(predicted, probabilities, labels, COUNT, CLASSES, td_target_class(1));
    assert_int_equal(attack.asr.hits, 2);
    assert_int_equal(attack.asr.trials, 5);
    assert_near(attack.asr.value, 0.4, 1e-15);
    assert_int_equal(attack.non_targeted.hits, 4);
    assert_int_equal(attack.non_targeted.trials, 7);
    assert_int_equal(attack.robust_accuracy.hits, 3);
    assert_int_equal(attack.robust_accuracy.trials, 7);
    assert_near(attack.confidence, 0.625, 1e-15);
    td_interval interval = td_wilson(0.625, 2);
    assert_interval(attack.confidence_interval, interval.low, interval.high, 0);
}

/* Of the five images that the ASR counts, places 0 and 5 are still right; place 2 is, too, but has
 * nothing to gain. All-to-all, with 0 to 1, 1 to 2 and 2 to itself: of places 0, 1, 2, 3 and 6 the
 * right ones are 0 and 2. */
static void ra_counts_what_the_asr_counts(void **state) {
    (void)state;
    static const int32_t map[CLASSES] = {1, 2, 2}, ones[] = {1, 1};
    td_rate ra = td_ra(predicted, labels, COUNT, td_target_class(1));
    assert_int_equal(ra.hits, 2);
    assert_int_equal(ra.trials, 5);
    ra = td_ra(predicted, labels, COUNT, (td_target){-1, map});
    assert_int_equal(ra.hits, 2);
    assert_int_equal(ra.trials, 5);
    assert_int_equal(td_ra(ones, ones, 2, td_target_class(1)).trials, 0);
}

/* Where all labels are the target, the ASR has no trials; where none is reached, no success. */
static void attack_without_trials_or_successes(void **state) {
    (void)state;
    static const int32_t twos[] = {2, 2};
    static const int32_t ones[] = {1, 1};
    static const float probabilities[] = {0, 0, 1, 0, 0, 1};
    td_attack attack = td_attack_rates(twos, probabilities, twos, 2, CLASSES, td_target_class(2));
    assert_int_equal(attack.asr.trials, 0);
    assert_interval(attack.asr.interval, 0, 1, 0);
    assert_int_equal(attack.robust_accuracy.hits, 2);
    attack = td_attack_rates(twos, probabilities, ones, 2, CLASSES, td_target_class(0));
    assert_int_equal(attack.asr.hits, 0);
    assert_int_equal(attack.asr.trials, 2);
    assert_int_equal(attack.non_targeted.hits, 2);
    assert_near(attack.confidence, 0, 0);
    assert_interval(attack.confidence_interval, 0, 1, 0);
}

/* Target 1 again: of class 0 (places 0, 1, 6) two are predicted as 1, of class 2 (places 4, 5)
 * none.
 */
static void asr_of_each_class(void **state) {
    (void)state;
    td_rate rates[CLASSES];
    td_asr_by_class(predicted, labels, COUNT, CLASSES, td_target_class(1), rates);
    static const size_t hits[CLASSES] = {2, 0, 0}, trials[CLASSES] = {3, 0, 2};
    for (size_t c = 0; c < CLASSES; c++) {
        assert_int_equal(rates[c].hits, hits[c]);
        assert_int_equal(rates[c].trials, trials[c]);
    }
    assert_near(rates[0].value, 2.0 / 3, 1e-15);
}

/* All-to-all, with 0 to 1, 1 to 2 and 2 to itself, of the same predictions. Images of class 2
 * (places 4, 5) are left out. Of class 0 (places 0, 1, 6) two are predicted as 1, of class 1
 * (places 2, 3) one is predicted as 2: 3 of 5. Their targets' probabilities there are 0.5, 0.75 and
 * 0.75: the mean is 2/3. Right are 3 of 7, as before. */
static void all_to_all_worked_by_hand(void **state) {
    (void)state;
    static const float probabilities[] = {
        0.75F, 0.125F, 0.125F, /* 0 */
        0.25F, 0.5F,   0.25F,  /* 1 */
        0.0F,  1.0F,   0.0F,   /* 2 */
        0.0F,  0.25F,  0.75F,  /* 3 */
        0.5F,  0.25F,  0.25F,  /* 4 */
        0.0F,  0.25F,  0.75F,  /* 5 */
        0.25F, 0.75F,  0.0F,   /* 6 */
    };
    static const int32_t map[CLASSES] = {1, 2, 2};
    const td_target target = {-1, map};
    const td_attack attack =
        td_attack_rates(predicted, probabilities, labels, COUNT, CLASSES, target);
    assert_int_equal(attack.asr.hits, 3);
    assert_int_equal(attack.asr.trials, 5);
    assert_int_equal(attack.robust_accuracy.hits, 3);
    assert_int_equal(attack.robust_accuracy.trials, 7);
    assert_near(attack.confidence, 2.0 / 3, 1e-7);
    td_rate rates[CLASSES];
    td_asr_by_class(predicted, labels, COUNT, CLASSES, target, rates);
    static const size_t hits[CLASSES] = {2, 1, 0}, trials[CLASSES] = {3, 2, 0};
    for (size_t c = 0; c < CLASSES; c++) {
        assert_int_equal(rates[c].hits, hits[c]);
        assert_int_equal(rates[c].trials, trials[c]);
    }
}

/* Rates 1/2, none, 3/4, 1/2, 0/4, 4/4: the best are classes 5, 2, 0, 3, 4. */
static void best_classes_come_in_order(void **state) {
    (void)state;
    td_rate rates[] = {td_rate_of(1, 2), td_rate_of(0, 0), td_rate_of(3, 4),
                       td_rate_of(2, 4), td_rate_of(0, 4), td_rate_of(4, 4)};
    static const size_t order[] = {5, 2, 0, 3, 4};
    for (size_t best = 1; best <= 6; best++) {
        size_t chosen[6];
        size_t count = td_best_classes(rates, 6, best, chosen);
        assert_int_equal(count, best < 5 ? best : 5);
        assert_memory_equal(chosen, order, count * sizeof *chosen);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wilson_gives_published_values),
        cmocka_unit_test(wilson_holds_at_the_ends),
        cmocka_unit_test(rate_of_no_trials),
        cmocka_unit_test(accuracy_counts_equal_labels),
        cmocka_unit_test(confusion_has_labels_as_rows),
        cmocka_unit_test(attack_worked_by_hand),
        cmocka_unit_test(ra_counts_what_the_asr_counts),
        cmocka_unit_test(attack_without_trials_or_successes),
        cmocka_unit_test(asr_of_each_class),
        cmocka_unit_test(all_to_all_worked_by_hand),
        cmocka_unit_test(best_classes_come_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
