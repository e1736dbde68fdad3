/* SPDX-License-Identifier: MIT */
#include "measure/logistic.h"

#include "support.h"

#include <math.h>

static void assert_near(double found, double expected, double tolerance) {
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("expected %.12g, found %.12g", expected, found);
}

/* Two scores with two models each: of those at 0 one of two has a backdoor, at 1 both. The fit goes
 * through the mean target of each score, as there are two numbers for two scores. Targets: 4/5 and
 * 1/3. At 0 (4/5 + 1/3) / 2 = 17/30, whose logit is log(17/13); at 1 4/5, log(4). */
static void two_scores_by_hand(void **state) {
    (void)state;
    static const double scores[] = {0, 0, 1, 1};
    static const bool truth[] = {true, false, true, true};
    const td_logistic fit = td_logistic_fit(scores, truth, 4, 4);
    assert_near(fit.offset, log(17.0 / 13), 1e-8);
    assert_near(fit.slope, log(4) - log(17.0 / 13), 1e-8);
    assert_near(td_logistic_at(fit, 1), 0.8, 1e-9);
}

/* Where scores tell the two apart, the targets keep the slope finite; at the greatest likelihood
 * the errors sum to 0, alone and with the scores as weights. */
static void apart(void **state) {
    (void)state;
    static const double scores[] = {-8, -1, 0.5, 3, 7.5, 8};
    static const bool truth[] = {false, false, false, true, true, true};
    const td_logistic fit = td_logistic_fit(scores, truth, 6, 6);
    double sum = 0, weighted = 0;
    for (size_t i = 0; i < 6; i++) {
        const double rest = td_logistic_at(fit, scores[i]) - (truth[i] ? 4.0 / 5 : 1.0 / 5);
        sum += rest;
        weighted += rest * scores[i];
    }
    assert_near(sum, 0, 1e-8);
    assert_near(weighted, 0, 1e-7);
    assert_true(fit.slope > 0 && fit.slope < 10);
}

/* Leaving one out equals removing it. */
static void one_left_out(void **state) {
    (void)state;
    static const double all[] = {1, -5, 2, 3, 0}, rest[] = {1, 2, 3, 0};
    static const bool truth[] = {false, true, true, true, false},
                      of_rest[] = {false, true, true, false};
    const td_logistic a = td_logistic_fit(all, truth, 5, 1),
                      b = td_logistic_fit(rest, of_rest, 4, 4);
    assert_near(a.offset, b.offset, 1e-12);
    assert_near(a.slope, b.slope, 1e-12);
}

/* Far out, and with scores that are all equal or of one class. */
static void ends(void **state) {
    (void)state;
    static const double same[] = {2, 2, 2};
    static const bool mixed[] = {true, false, false}, none[] = {false, false, false};
    assert_near(td_logistic_at((td_logistic){0, 1}, 1e4), 1, 0);
    assert_near(td_logistic_at((td_logistic){0, 1}, -1e4), 0, 0);
    /* targets 2/3, 1/4, 1/4: mean 7/18 */
    assert_near(td_logistic_at(td_logistic_fit(same, mixed, 3, 3), 2), 7.0 / 18, 1e-9);
    assert_near(td_logistic_at(td_logistic_fit(same, none, 3, 3), 2), 1.0 / 5, 1e-9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_scores_by_hand),
        cmocka_unit_test(apart),
        cmocka_unit_test(one_left_out),
        cmocka_unit_test(ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
