/* SPDX-License-Identifier: MIT */
/* The calibration of an audit by controls: a case computed by hand, equal treatment of all models,
 * and data without variation. */
#include "base/random.h"
#include "defend/audit/calibration.h"
#include "support.h"
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { MOST_MODELS = 12, MOST_UNITS = 5, SCREENS = 3 };

typedef struct setup {
    double values[SCREENS][MOST_MODELS * MOST_UNITS], scores[SCREENS][MOST_MODELS];
    double joint[MOST_MODELS];
    calibration_screen screens[SCREENS];
    calibration c;
} setup;

static calibration *judge(setup *s, size_t models, const size_t *units, size_t screens) {
    td_error error;
    for (size_t i = 0; i < screens; i++)
        s->screens[i] =
            (calibration_screen){.units = units[i], .values = s->values[i], .scores = s->scores[i]};
    s->c = (calibration){
        .screens = s->screens, .screen_count = screens, .controls = models - 1, .joint = s->joint};
    assert_int_equal(calibrate(&s->c, screens, &error), TD_OK);
    return &s->c;
}

/* Three controls. Of the audited model's units, the third: the others' are 1, −1, 0, of mean 0 and
 * variance 1; the units' variances are 1, 0, 1, their mean 2/3; so sd² = (1 + 2/3)/2 = 5/6, and
 * z = 5/√(5/6) = 5.4772. All medians are 0 but the last model's, which is 7 and is taken off. */
static void case_by_hand(void **state) {
    (void)state;
    static const double values[] = {-1, 0, 1, 1, 0, -1, 0, 0, 0, 7, 7, 12};
    static const size_t units[] = {3};
    setup s;
    memcpy(s.values[0], values, sizeof values);
    const calibration *c = judge(&s, 4, units, 1);
    assert_int_equal(s.screens[0].unit, 2);
    assert_true(fabs(s.screens[0].z - 5 / sqrt(5.0 / 6)) < 1e-12);
    assert_int_equal(c->as_high, 0);
    assert_true(c->p == 0.25);
    assert_true(s.scores[0][3] <= 8 && c->joint[3] == s.scores[0][3]);
}

static void draw(setup *s, size_t models, const size_t *units) {
    td_random random = td_random_for(5, TD_FOR_TEST, 0, 0);
    for (size_t i = 0; i < SCREENS; i++)
        for (size_t k = 0; k < models * units[i]; k++)
            s->values[i][k] = (double)td_random_normal(&random);
}

static void exchange(double *values, size_t units, size_t a, size_t b) {
    for (size_t u = 0; u < units; u++) {
        const double kept = values[a * units + u];
        values[a * units + u] = values[b * units + u];
        values[b * units + u] = kept;
    }
}

/* Each model in turn is the audited one: their p values are 1/n, 2/n, ..., n/n. */
static void all_models_are_treated_alike(void **state) {
    (void)state;
    static const size_t units[SCREENS] = {5, 4, 3};
    bool seen[MOST_MODELS + 1] = {false};
    for (size_t audited = 0; audited < MOST_MODELS; audited++) {
        setup s;
        draw(&s, MOST_MODELS, units);
        for (size_t i = 0; i < SCREENS; i++)
            exchange(s.values[i], units[i], audited, MOST_MODELS - 1);
        const calibration *c = judge(&s, MOST_MODELS, units, SCREENS);
        const size_t rank = c->as_high + 1;
        assert_true(fabs(c->p - (double)rank / MOST_MODELS) < 1e-12);
        assert_false(seen[rank]);
        seen[rank] = true;
    }
}

/* The screen and unit of the planted value are named, whichever they are. */
static void what_stands_out_is_named(void **state) {
    (void)state;
    static const size_t units[SCREENS] = {5, 4, 3};
    for (size_t screen = 0; screen < SCREENS; screen++)
        for (size_t unit = 0; unit < units[screen]; unit++) {
            setup s;
            draw(&s, MOST_MODELS, units);
            s.values[screen][(MOST_MODELS - 1) * units[screen] + unit] += 30;
            const calibration *c = judge(&s, MOST_MODELS, units, SCREENS);
            assert_int_equal(c->carried, screen);
            assert_int_equal(s.screens[screen].unit, unit);
            assert_int_equal(c->as_high, 0);
        }
}

/* A screen that finds nothing in any model has no effect: p is 1. One value that differs is far
 * away. */
static void equal_values_say_nothing(void **state) {
    (void)state;
    static const size_t units[] = {4};
    setup s;
    for (size_t k = 0; k < 6 * 4; k++)
        s.values[0][k] = 3;
    assert_true(judge(&s, 6, units, 1)->p == 1);
    s.values[0][5 * 4 + 1] = 4;
    const calibration *c = judge(&s, 6, units, 1);
    assert_true(c->p == 1.0 / 6 && c->joint[5] == 8);
}

/* Screens outside the joint score are scored but not used. */
static void other_screens_take_no_part(void **state) {
    (void)state;
    static const size_t units[SCREENS] = {5, 4, 3};
    td_error error;
    setup s;
    draw(&s, MOST_MODELS, units);
    s.values[2][(MOST_MODELS - 1) * 3] += 30;
    judge(&s, MOST_MODELS, units, SCREENS);
    assert_int_equal(s.c.carried, 2);
    draw(&s, MOST_MODELS, units);
    s.values[2][(MOST_MODELS - 1) * 3] += 30;
    assert_int_equal(calibrate(&s.c, 2, &error), TD_OK);
    assert_true(s.c.carried < 2 && s.scores[2][MOST_MODELS - 1] > 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_by_hand),
        cmocka_unit_test(all_models_are_treated_alike),
        cmocka_unit_test(what_stands_out_is_named),
        cmocka_unit_test(equal_values_say_nothing),
        cmocka_unit_test(other_screens_take_no_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
