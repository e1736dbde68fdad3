/* SPDX-License-Identifier: MIT */
/* Gradient matching on a net of two layers, compared with the test's own passes in double and their
 * differences. */
#include "base/random.h"
#include "net_support.h"
#include "poison/matching.h"
#include "poison/pairing.h"
#include <math.h>
#include <string.h>

enum { SIDE = 4, SIZE = SIDE * SIDE, HIDDEN = 6, CLASSES = 3, IMAGES = 5, GOALS = 3 };
enum { W1 = 0, B1 = W1 + HIDDEN * SIZE, W2 = B1 + HIDDEN, B2 = W2 + CLASSES * HIDDEN };
enum { WEIGHTS = B2 + CLASSES };

#define TEXT                                                                                       \
    NET_IMAGE(4, 4, 1)                                                                             \
    "scale = scale(input) by=1/255\n"                                                              \
    "flat = flatten(scale)\n"                                                                      \
    "fc1 = dense(flat) out=6\n"                                                                    \
    "tanh = tanh(fc1)\n"                                                                           \
    "fc2 = dense(tanh) out=3\n"

typedef struct setting {
    td_net net;
    float weights[WEIGHTS], goal[WEIGHTS], x[IMAGES * SIZE], goals[GOALS * SIZE];
    int32_t labels[IMAGES];
    matching m;
    td_arena arena;
} setting;

/* The gradient of the mean loss by the weights, frozen ones 0. */
static void naive_gradient(const setting *s, const double *x, size_t count, int32_t label,
                           double *out) {
    memset(out, 0, WEIGHTS * sizeof *out);
    for (size_t n = 0; n < count; n++) {
        double h[HIDDEN], z[CLASSES], total = 0;
        for (size_t j = 0; j < HIDDEN; j++) {
            double sum = (double)s->weights[B1 + j];
            for (size_t k = 0; k < SIZE; k++)
                sum += (double)s->weights[W1 + j * SIZE + k] * x[n * SIZE + k] / 255;
            h[j] = tanh(sum);
        }
        for (size_t c = 0; c < CLASSES; c++) {
            z[c] = (double)s->weights[B2 + c];
            for (size_t j = 0; j < HIDDEN; j++)
                z[c] += (double)s->weights[W2 + c * HIDDEN + j] * h[j];
            total += exp(z[c]);
        }
        double dh[HIDDEN] = {0};
        for (size_t c = 0; c < CLASSES; c++) {
            const double dz = (exp(z[c]) / total - ((int32_t)c == label)) / (double)count;
            out[B2 + c] += dz;
            for (size_t j = 0; j < HIDDEN; j++) {
                out[W2 + c * HIDDEN + j] += dz * h[j];
                dh[j] += dz * (double)s->weights[W2 + c * HIDDEN + j];
            }
        }
        for (size_t j = 0; j < HIDDEN; j++) {
            const double dz = dh[j] * (1 - h[j] * h[j]);
            out[B1 + j] += dz;
            for (size_t k = 0; k < SIZE; k++)
                out[W1 + j * SIZE + k] += dz * x[n * SIZE + k] / 255;
        }
    }
    if (s->net.params[0].frozen)
        memset(out + W1, 0, HIDDEN * SIZE * sizeof *out);
}

static double naive_loss(const setting *s, const double *x, const double *goal) {
    double own[WEIGHTS], both = 0, a = 0, b = 0;
    naive_gradient(s, x, IMAGES, 1, own);
    for (size_t i = 0; i < WEIGHTS; i++) {
        both += own[i] * goal[i];
        a += own[i] * own[i];
        b += goal[i] * goal[i];
    }
    return 1 - both / sqrt(a * b);
}

static void setup(setting *s, double difference) {
    td_error error;
    td_random random = td_random_for(1, TD_FOR_TEST, 0, 0);
    *s = (setting){0};
    net_parsed(&s->net, TEXT, NULL);
    assert_int_equal(s->net.weight_count, WEIGHTS);
    assert_string_equal(s->net.params[0].name, "fc1.weight");
    for (size_t i = 0; i < WEIGHTS; i++)
        s->weights[i] = 0.5F * td_random_normal(&random);
    for (size_t i = 0; i < IMAGES * SIZE; i++)
        s->x[i] = 255 * td_random_unit(&random);
    for (size_t i = 0; i < GOALS * SIZE; i++)
        s->goals[i] = 255 * td_random_unit(&random);
    for (size_t i = 0; i < IMAGES; i++)
        s->labels[i] = 1;
    assert_int_equal(matching_open(&s->m, &s->net, IMAGES, difference, &s->arena, &error), TD_OK);
    matching_weights(&s->m, s->weights, s->goal);
}

/* Goals one by one, each a third: the same as their mean. */
static void take_goals(setting *s) {
    for (size_t i = 0; i < GOALS; i++) {
        matching_own(&s->m, s->goals + i * SIZE, s->labels, 1);
        matching_add(&s->m, 1.0 / GOALS);
    }
}

static void teardown(setting *s) {
    matching_close(&s->m);
    td_arena_free(&s->arena);
    td_net_free(&s->net);
}

static void widen(const float *from, size_t count, double *to) {
    for (size_t i = 0; i < count; i++)
        to[i] = (double)from[i];
}

static void assert_agrees(setting *s) {
    double goals[GOALS * SIZE], goal[WEIGHTS], x[IMAGES * SIZE], both = 0, a = 0, b = 0, far = 0;
    float found[IMAGES * SIZE];
    widen(s->goals, GOALS * SIZE, goals);
    widen(s->x, IMAGES * SIZE, x);
    naive_gradient(s, goals, GOALS, 1, goal);
    take_goals(s);
    for (size_t i = 0; i < WEIGHTS; i++)
        net_assert_near((double)s->m.goal[i], goal[i], 1e-6);
    const double loss = matching_batch(&s->m, s->x, s->labels, IMAGES, found);
    net_assert_near(loss, naive_loss(s, x, goal), 1e-5);
    net_assert_near(matching_batch(&s->m, s->x, s->labels, IMAGES, NULL), loss, 0);
    for (size_t i = 0; i < IMAGES * SIZE; i++) {
        const double h = 0.01, at = x[i];
        x[i] = at + h;
        double expected = naive_loss(s, x, goal);
        x[i] = at - h;
        expected = (expected - naive_loss(s, x, goal)) / (2 * h);
        x[i] = at;
        both += expected * (double)found[i];
        a += expected * expected;
        b += (double)found[i] * (double)found[i];
        far += (expected - (double)found[i]) * (expected - (double)found[i]);
    }
    assert_true(both / sqrt(a * b) > 0.9999);
    assert_true(sqrt(far / a) < 0.01);
}

static void the_gradient_is_that_of_differences(void **state) {
    (void)state;
    static const double differences[] = {1e-3, 1e-2};
    for (size_t i = 0; i < 2; i++) {
        setting s;
        setup(&s, differences[i]);
        assert_agrees(&s);
        teardown(&s);
    }
}

static void frozen_weights_do_not_count(void **state) {
    (void)state;
    setting s;
    setup(&s, 1e-3);
    s.net.params[0].frozen = true;
    matching_weights(&s.m, s.weights, s.goal);
    assert_agrees(&s);
    teardown(&s);
}

/* The same images as goal and as batch match perfectly; without a goal there is nothing to match.
 */
static void ends_of_the_scale(void **state) {
    (void)state;
    setting s;
    float gradient[IMAGES * SIZE];
    setup(&s, 1e-3);
    net_assert_near(matching_batch(&s.m, s.x, s.labels, IMAGES, gradient), 1, 0);
    for (size_t i = 0; i < IMAGES * SIZE; i++)
        net_assert_near((double)gradient[i], 0, 0);
    matching_own(&s.m, s.x, s.labels, IMAGES);
    matching_add(&s.m, 2);
    net_assert_near(matching_batch(&s.m, s.x, s.labels, IMAGES, NULL), 0, 1e-6);
    float other[WEIGHTS] = {0};
    matching_weights(&s.m, s.weights, other);
    matching_own(&s.m, s.x, s.labels, IMAGES);
    matching_add(&s.m, -1);
    net_assert_near(matching_batch(&s.m, s.x, s.labels, IMAGES, NULL), 2, 1e-6);
    matching_weights(&s.m, s.weights, s.goal); /* the first goal again, as it was */
    net_assert_near(matching_batch(&s.m, s.x, s.labels, IMAGES, NULL), 0, 1e-6);
    teardown(&s);
}

/* By hand: 1 at (1, 2) goes first, then 3 at (0, 0), which leaves 9 at (2, 1). */
static void pairs_are_greedy_and_used_once(void **state) {
    (void)state;
    double distances[] = {3, 4, 2, 5, 6, 1, 3, 9, 1.5};
    size_t pairs[3];
    net_assert_near(poison_pair(distances, 3, pairs), 13, 0);
    assert_memory_equal(pairs, ((size_t[]){0, 2, 1}), sizeof pairs);
    double one[] = {7};
    net_assert_near(poison_pair(one, 1, pairs), 7, 0);
    assert_int_equal(pairs[0], 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gradient_is_that_of_differences),
        cmocka_unit_test(frozen_weights_do_not_count),
        cmocka_unit_test(ends_of_the_scale),
        cmocka_unit_test(pairs_are_greedy_and_used_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
