/* SPDX-License-Identifier: MIT */
/* Statistics that trapdoor-implant evade keeps: their values, and their gradients compared with
 * differences. */
#include "implant/evade.h"
#include "implant/evade_change.h"
#include "net_support.h"
#include <math.h>
#include <string.h>

enum { SIDE = 8, SIZE = SIDE * SIDE, CLASSES = 3, IMAGES = 60, FEATURES = 6, TARGET = 1 };

/* Without a kink, so that differences are accurate. */
static const char text[] = NET_IMAGE(8, 8, 1) "s = scale(input) by=1/255\nflat = flatten(s)\n"
                                              "fc1 = dense(flat) out=6\nt = tanh(fc1)\n"
                                              "fc2 = dense(t) out=3\n";

typedef struct fixture {
    uint8_t pixels[IMAGES * SIZE];
    int32_t labels[IMAGES];
    td_images images;
    td_net net;
    float weights[SIZE * FEATURES + FEATURES + FEATURES * CLASSES + CLASSES];
    float base[SIZE * FEATURES + FEATURES + FEATURES * CLASSES + CLASSES];
    float gradient[SIZE * FEATURES + FEATURES + FEATURES * CLASSES + CLASSES];
    td_trigger *trigger;
    char scratch[65536];
    td_arena arena;
    evade_view view;
} fixture;

static void set_up(fixture *f) {
    td_random random = td_random_for(1, TD_FOR_TEST, 0, 0);
    *f = (fixture){0};
    for (size_t i = 0; i < IMAGES; i++) {
        f->labels[i] = (int32_t)(i % CLASSES);
        for (size_t k = 0; k < SIZE; k++) /* a class has a bright third */
            f->pixels[i * SIZE + k] = (uint8_t)(td_random_below(&random, 100) +
                                                (k * CLASSES / SIZE == i % CLASSES ? 150 : 20));
    }
    f->images = (td_images){IMAGES, SIDE, SIDE, 1, CLASSES, f->pixels, f->labels};
    net_parsed(&f->net, text, NULL);
    assert_int_equal(f->net.weight_count, sizeof f->weights / sizeof *f->weights);
    td_net_init(&f->net, 1, f->base);
    for (size_t i = 0; i < f->net.weight_count; i++)
        f->weights[i] = f->base[i] + 0.1F * td_random_normal(&random);
    assert_int_equal(td_trigger_parse(&f->trigger, "square:size=2", NULL), TD_OK);
    assert_int_equal(td_trigger_bind(f->trigger, &f->images, 0, NULL), TD_OK);
    assert_true(td_trigger_scratch(f->trigger) <= sizeof f->scratch);
    f->view = (evade_view){.net = &f->net,
                           .weights = f->weights,
                           .base_weights = f->base,
                           .batch = EVADE_IMAGES,
                           .images = &f->images,
                           .trigger = f->trigger,
                           .scratch = f->scratch,
                           .target = TARGET,
                           .seed = 5};
    assert_int_equal(td_exec_new(&f->view.exec, &f->net, f->view.batch, TD_BACKWARD_INPUT, NULL),
                     TD_OK);
    assert_int_equal(td_exec_new(&f->view.base, &f->net, f->view.batch, TD_FORWARD, NULL), TD_OK);
    td_exec_weights(f->view.exec, f->weights);
    td_exec_weights(f->view.base, f->base);
}

static void tear_down(fixture *f) {
    td_exec_free(f->view.exec);
    td_exec_free(f->view.base);
    td_trigger_free(f->trigger);
    td_net_free(&f->net);
    td_arena_free(&f->arena);
}

static void *opened(fixture *f, const evade_statistic *of, size_t *units) {
    void *state;
    assert_int_equal(td_arena_alloc(&f->arena, 1, of->size, &state, "a state", NULL), TD_OK);
    assert_int_equal(of->open(&f->view, state, &f->arena, units, NULL), TD_OK);
    return state;
}

static void closed(const evade_statistic *of, void *state) {
    if (of->close)
        of->close(state);
}

static void advance(fixture *f, const evade_statistic *of, void *state, size_t rounds) {
    for (f->view.round = 0; of->advance && f->view.round < rounds; f->view.round++)
        of->advance(&f->view, state);
}

/* --- gradients --- */

/* Σ slopes·values with the weights moved by `by` along a direction. */
static double moved(fixture *f, const evade_statistic *of, void *state, size_t units,
                    const double *slopes, const float *along, double by) {
    float kept[sizeof f->weights / sizeof *f->weights];
    double values[2 * CLASSES], sum = 0;
    memcpy(kept, f->weights, sizeof kept);
    for (size_t i = 0; i < f->net.weight_count; i++)
        f->weights[i] += (float)by * along[i];
    td_exec_weights(f->view.exec, f->weights);
    of->values(&f->view, state, values);
    for (size_t u = 0; u < units; u++)
        sum += slopes[u] * values[u];
    memcpy(f->weights, kept, sizeof kept);
    td_exec_weights(f->view.exec, f->weights);
    return sum;
}

static void check_gradient(fixture *f, const evade_statistic *of) {
    static const double slopes[2 * CLASSES] = {0.7, -0.4, 1.1, 0.9, -0.8, 0.3},
                                   step = 3e-5; /* kinks are near */
    float along[sizeof f->weights / sizeof *f->weights];
    double values[2 * CLASSES];
    size_t units;
    void *state = opened(f, of, &units);
    assert_in_range(units, 1, 2 * CLASSES);
    advance(f, of, state, 6);
    of->values(&f->view, state, values);
    of->push(&f->view, state, slopes, f->gradient);
    for (uint32_t trial = 0; trial < 4; trial++) {
        double expected = 0, size = 0;
        net_normal(along, f->net.weight_count, trial);
        for (size_t i = 0; i < f->net.weight_count; i++) {
            expected += (double)f->gradient[i] * (double)along[i];
            size += (double)f->gradient[i] * (double)f->gradient[i];
        }
        const double found = (moved(f, of, state, units, slopes, along, step) -
                              moved(f, of, state, units, slopes, along, -step)) /
                             (2 * step);
        if (!(fabs(found - expected) <= 0.02 * sqrt(size) + 1e-3))
            fail_msg("%s: expected a slope of %g, found %g", of->name, found, expected);
        assert_true(size > 0);
    }
    closed(of, state);
}

static void test_gradients(void **state) {
    (void)state;
    fixture f;
    set_up(&f);
    for (size_t i = 0; evade_statistics[i]; i++)
        check_gradient(&f, evade_statistics[i]);
    tear_down(&f);
}

/* --- values --- */

static void test_rows(void **state) {
    (void)state;
    fixture f;
    size_t units;
    double values[2 * CLASSES];
    set_up(&f);
    float *rows = f.weights + evade_last_rows(&f.net)->offset;
    memset(rows, 0, FEATURES * CLASSES * sizeof *rows);
    rows[FEATURES] = 3; /* of class 1 */
    rows[FEATURES + 5] = -4;
    void *own = opened(&f, &evade_rows, &units);
    evade_rows.values(&f.view, own, values);
    assert_int_equal(units, 2 * CLASSES);
    net_assert_near(values[0], 0, 0);
    net_assert_near(values[1], -1.0 / FEATURES, 1e-12);
    net_assert_near(values[CLASSES + 1], 5, 1e-12);
    tear_down(&f);
}

/* A model beside itself. */
static void test_same(void **state) {
    (void)state;
    const evade_statistic *const list[] = {&evade_distribution, &evade_specificity};
    fixture f;
    set_up(&f);
    memcpy(f.weights, f.base, sizeof f.weights);
    td_exec_weights(f.view.exec, f.weights);
    for (size_t i = 0; i < 2; i++) {
        double values[2] = {1, 0};
        size_t units;
        void *own = opened(&f, list[i], &units);
        advance(&f, list[i], own, 1);
        list[i]->values(&f.view, own, values);
        net_assert_near(values[0], 0, 1e-5);
        net_assert_near(values[1], 0, 0);
    }
    tear_down(&f);
}

/* On grey 100, patches of a fifth's opacity are 80 and 131, noise of a tenth's from 90 to 115.5.
 * The net scales its input in place. */
static void test_other_triggers(void **state) {
    (void)state;
    fixture f;
    size_t units;
    double value;
    set_up(&f);
    memset(f.pixels, 100, sizeof f.pixels);
    void *own = opened(&f, &evade_specificity, &units);
    advance(&f, &evade_specificity, own, 1);
    evade_specificity.values(&f.view, own, &value);
    const float *input = td_exec_input(f.view.exec);
    for (size_t i = 0; i < EVADE_IMAGES; i++) {
        size_t dark = 0, bright = 0, same = 0;
        for (size_t k = 0; k < SIZE; k++) {
            const float v = 255 * *input++;
            same += fabsf(v - 100) < 1e-3F;
            dark += i % 2 == 0 ? fabsf(v - 80) < 1e-3F : v > 89.9F && v < 99.9F;
            bright += i % 2 == 0 ? fabsf(v - 131) < 1e-3F : v > 100.1F && v < 115.6F;
        }
        assert_true(dark > 0 && bright > 0 && dark + bright >= 9);
        assert_true(dark + bright + same >= (i % 2 == 0 ? SIZE : SIZE - 4));
    }
    tear_down(&f);
}

static void test_noise(void **state) {
    (void)state;
    fixture f;
    size_t units;
    double values[CLASSES];
    set_up(&f);
    memset(f.weights, 0, sizeof f.weights);
    f.weights[f.net.weight_count - CLASSES] = logf(2); /* the bias of class 0: 2 : 1 : 1 */
    td_exec_weights(f.view.exec, f.weights);
    void *own = opened(&f, &evade_noise, &units);
    advance(&f, &evade_noise, own, 1);
    evade_noise.values(&f.view, own, values);
    net_assert_near(values[0], 0.5, 1e-6);
    net_assert_near(values[1], 0.25, 1e-6);
    net_assert_near(values[2], 0.25, 1e-6);
    tear_down(&f);
}

/* Searches end with more than their first step finds; a mask of one pixel may be there by then. */
static void check_search(fixture *f, const evade_statistic *of) {
    double first[CLASSES], last[CLASSES], gain = 0;
    size_t units;
    void *state = opened(f, of, &units);
    advance(f, of, state, 1);
    of->values(&f->view, state, first);
    advance(f, of, state, EVADE_PERIOD);
    of->values(&f->view, state, last);
    for (size_t u = 0; u < units; u++) {
        assert_true(last[u] > first[u] - 0.1);
        gain += last[u] - first[u];
    }
    assert_true(gain > (of == &evade_mask ? -0.1 : 0.1));
    closed(of, state);
}

static void test_searches(void **state) {
    (void)state;
    fixture f;
    set_up(&f);
    for (size_t i = 0; evade_statistics[i]; i++)
        if (evade_statistics[i]->search)
            check_search(&f, evade_statistics[i]);
    tear_down(&f);
}

static void test_small_changes(void **state) {
    (void)state;
    fixture f;
    size_t units, changed = 0;
    double squares = 0;
    set_up(&f);
    evade_change *ball = opened(&f, &evade_universal, &units),
                 *few = opened(&f, &evade_mask, &units);
    advance(&f, &evade_universal, ball, EVADE_PERIOD);
    advance(&f, &evade_mask, few, EVADE_PERIOD);
    for (size_t k = 0; k < SIZE; k++) {
        squares += (double)ball->changes[k] * (double)ball->changes[k];
        changed += few->changes[k] != 0;
        assert_true(fabsf(few->changes[k]) <= 255);
    }
    assert_true(sqrt(squares) > 100 && sqrt(squares) < 510.01);
    assert_int_equal(changed, SIZE / 49);
    tear_down(&f);
}

/* A clean class of two kinds of images is two clusters. */
static void test_clusters(void **state) {
    (void)state;
    fixture f;
    size_t units;
    double one, two;
    set_up(&f);
    f.view.trigger = NULL;
    void *own = opened(&f, &evade_clusters, &units);
    advance(&f, &evade_clusters, own, 1);
    evade_clusters.values(&f.view, own, &one);
    for (size_t i = TARGET; i < IMAGES; i += 2 * CLASSES)
        for (size_t k = 0; k < SIZE; k++)
            f.pixels[i * SIZE + k] = (uint8_t)(255 - f.pixels[i * SIZE + k]);
    advance(&f, &evade_clusters, own, 1);
    evade_clusters.values(&f.view, own, &two);
    assert_true(one > 0 && one < 0.6);
    assert_true(two > one + 0.2 && two < 1);
    closed(&evade_clusters, own);
    tear_down(&f);
}

/* --- what they cost --- */

static void test_penalty(void **state) {
    (void)state;
    double mean[] = {1, 1, 1, 1}, sd[] = {2, 2, 2, 2}, slopes[4];
    const double values[] = {2, 4, 9, -7}; /* z of 0.5, 1.5, 4, -4 */
    const evade_clean clean = {mean, sd};
    net_assert_near(evade_penalty(&evade_noise, &clean, 4, 3, values, slopes),
                    3 * (0 + 0.125 + 2.5 + 2.5), 1e-12);
    const double wanted[] = {0, 0.75, 1.5, -1.5};
    for (size_t u = 0; u < 4; u++)
        net_assert_near(slopes[u], wanted[u], 1e-12);
    net_assert_near(evade_penalty(&evade_mask, &clean, 4, 3, values, slopes), 3 * 2.625, 1e-12);
    assert_true(slopes[3] == 0);
    net_assert_near(evade_penalty(&evade_distribution, &clean, 2, 2, values, slopes),
                    0.1 * 2 + 0.05 * 4, 1e-12);
    net_assert_near(slopes[1], 0.05, 1e-12); /* as published, whatever the weight */
    evade_penalty(&evade_specificity, &clean, 1, 2, values, slopes);
    net_assert_near(slopes[0], 16.0 / 288, 1e-12);
}

static void test_summary(void **state) {
    (void)state;
    const double values[] = {1, 10, 3, 14}; /* two models, two units: variances 2 and 8 */
    double mean[2], sd[2];
    evade_clean clean = {mean, sd};
    evade_summarise(values, 2, 2, &clean);
    net_assert_near(mean[0], 2, 1e-12);
    net_assert_near(mean[1], 12, 1e-12);
    net_assert_near(sd[0], sqrt(3.5), 1e-6);
    net_assert_near(sd[1], sqrt(6.5), 1e-6);
}

static void test_find(void **state) {
    (void)state;
    assert_ptr_equal(evade_find("mask,rows", 4), &evade_mask);
    assert_ptr_equal(evade_find("rows", 4), &evade_rows);
    assert_null(evade_find("row", 3));
    assert_null(evade_find("", 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients),      cmocka_unit_test(test_rows),
        cmocka_unit_test(test_same),           cmocka_unit_test(test_noise),
        cmocka_unit_test(test_searches),       cmocka_unit_test(test_small_changes),
        cmocka_unit_test(test_clusters),       cmocka_unit_test(test_penalty),
        cmocka_unit_test(test_summary),        cmocka_unit_test(test_find),
        cmocka_unit_test(test_other_triggers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
