/* SPDX-License-Identifier: MIT */
/* Filters alone: which images of a class are suspects, given their coordinates. */
#include "defend/filter/filter.h"
#include "defend/method.h"
#include "support.h"
#include <string.h>

enum { IMAGES = 20 };

typedef struct settings {
    tool_settings values;
    const filter *filter;
} settings;

static settings set_up(const tool_method *method, const char *key, const char *value) {
    settings s = {.filter = method->math};
    assert_int_equal(tool_settings_open(&s.values, "trapdoor-defend", method, NULL), TD_OK);
    assert_int_equal(tool_settings_set(&s.values, key, value, NULL), TD_OK);
    return s;
}

static filter_findings judge(const settings *s, const filter_group *group) {
    static bool suspects[IMAGES];
    static double scores[IMAGES];
    filter_findings found = {.suspects = suspects, .scores = scores};
    memset(suspects, 0, sizeof suspects);
    memset(scores, 0, sizeof scores);
    assert_int_equal(s->filter->judge(s->values.own, group, &found, NULL), TD_OK);
    return found;
}

/* 1.5 * 0.1 of 20 are 3: the one far below, and of three alike the first two. */
static void spectral_takes_the_highest_scores(void **state) {
    const double positions[IMAGES] = {0, 1, -1, 0.5, 2, -9, 0, 0, 2, -2, 1}, variance = 6;
    settings s = set_up(&defend_spectral, "epsilon", "0.1");
    (void)state;
    assert_true(s.filter->ranks);
    assert_int_equal(s.filter->dimensions(s.values.own), 1);
    assert_int_equal(s.filter->least_images(s.values.own, 1), 7);
    const filter_findings found = judge(&s, &(filter_group){.count = IMAGES,
                                                            .dimensions = 1,
                                                            .positions = positions,
                                                            .variances = &variance,
                                                            .variance = 8});
    for (size_t i = 0; i < IMAGES; i++)
        assert_int_equal(found.suspects[i], i == 4 || i == 5 || i == 8);
    assert_true(found.scores[5] == 81 && !found.flagged);
    assert_true(found.figures[0] == 0.75 && found.figures[1] == 0 && found.figures[2] == 4);
    tool_settings_close(&s.values);
}

/* Four of twenty, two apart: 0.2 of the class. */
static void clustering_flags_a_small_cluster(void **state) {
    double positions[IMAGES][2] = {{0}};
    const double variances[] = {1, 0};
    const filter_group group = {.seed = 1,
                                .number = 3,
                                .count = IMAGES,
                                .dimensions = 2,
                                .positions = positions[0],
                                .variances = variances,
                                .variance = 1};
    (void)state;
    for (size_t i = 0; i < IMAGES; i++)
        positions[i][0] = (i % 5 == 2 ? 2 : 0) + 0.01 * (double)i;
    settings s = set_up(&defend_activation_clustering, "size", "0.21");
    assert_int_equal(s.filter->least_images(s.values.own, 2), 3);
    filter_findings found = judge(&s, &group);
    assert_true(found.flagged && found.figures[0] == 0.2 && found.figures[1] > 0.8);
    for (size_t i = 0; i < IMAGES; i++)
        assert_int_equal(found.suspects[i], i % 5 == 2);
    tool_settings_close(&s.values);
    s = set_up(&defend_activation_clustering, "size", "0.2");
    found = judge(&s, &group);
    assert_false(found.flagged);
    for (size_t i = 0; i < IMAGES; i++)
        assert_false(found.suspects[i]);
    tool_settings_close(&s.values);
}

/* Three of twenty lie apart in the second of two directions: 1.5 * 0.1 of twenty. */
static void spectre_takes_outliers(void **state) {
    double positions[IMAGES][2];
    const double variances[] = {4, 2}, none[] = {0, 0};
    settings s = set_up(&defend_spectre, "epsilon", "0.1");
    (void)state;
    assert_int_equal(s.filter->least_images(s.values.own, 2), 8);
    for (size_t i = 0; i < IMAGES; i++) {
        positions[i][0] = (i % 4 < 2 ? 2 : -2) + 0.01 * (double)i;
        positions[i][1] = i % 7 == 3 ? 9 : i % 2 ? 1 : -1;
    }
    const filter_group group = {.count = IMAGES,
                                .dimensions = 2,
                                .positions = positions[0],
                                .variances = variances,
                                .variance = 6};
    filter_findings found = judge(&s, &group);
    for (size_t i = 0; i < IMAGES; i++)
        assert_int_equal(found.suspects[i], i % 7 == 3);
    assert_true(found.figures[0] > 5 && found.figures[2] == 2);
    /* Images that are all alike. */
    memset(positions, 0, sizeof positions);
    filter_group alike = group;
    alike.variances = none;
    found = judge(&s, &alike);
    assert_true(found.figures[0] == 0 && found.figures[3] == 0);
    tool_settings_close(&s.values);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spectral_takes_the_highest_scores),
        cmocka_unit_test(clustering_flags_a_small_cluster),
        cmocka_unit_test(spectre_takes_outliers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
