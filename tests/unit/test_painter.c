/* SPDX-License-Identifier: MIT */
/* The nets that generate triggers, and the diversity of their output. */
#include "implant/input_aware.h"
#include "implant/painter.h"
#include "net_support.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 8, COUNT = 3 };

static void fill(float *values, size_t count, uint32_t index) {
    td_random random = td_random_for(1, TD_FOR_TEST, 9, index);
    net_fill_pixels(&random, values, count);
}

static void open_text(painter *p, td_arena *arena, const char *text, td_shape shape) {
    td_error error;
    if (painter_open(p, text, shape, COUNT, 1, arena, &error) != TD_OK)
        fail_msg("%s\n%s", error.message, text);
}

static void assert_nodes(const painter *p, const char *operator, size_t wanted) {
    char text[65536], *at = text;
    td_arena arena = {0};
    char *all;
    size_t found = 0;
    assert_int_equal(td_net_text(&p->net, &arena, &all, NULL), TD_OK);
    snprintf(text, sizeof text, "= %s(", operator);
    for (at = all; (at = strstr(at, text)); at++)
        found++;
    assert_int_equal(found, wanted);
    td_arena_free(&arena);
}

static void test_texts(void **state) {
    (void)state;
    static const td_shape images[] = {{28, 28, 1}, {32, 32, 3}, {24, 8, 3}};
    for (size_t i = 0; i < sizeof images / sizeof *images; i++) {
        td_arena arena = {0};
        const char *text;
        const size_t levels = painter_levels(images[i], 3);
        painter p;
        assert_int_equal(levels, i == 0 ? 2 : 3);
        assert_int_equal(painter_unet(images[i], levels, 4, 1, &arena, &text, NULL), TD_OK);
        open_text(&p, &arena, text, (td_shape){images[i].height, images[i].width, 1});
        assert_int_equal(td_net_classes(&p.net), images[i].height * images[i].width);
        assert_nodes(&p, "conv", 3 * levels + 1);
        assert_nodes(&p, "max-pool", levels);
        assert_nodes(&p, "conv-transpose", levels);
        painter_close(&p);
        assert_int_equal(painter_autoencoder(images[i], levels, 4, &arena, &text, NULL), TD_OK);
        open_text(&p, &arena, text, images[i]);
        assert_int_equal(td_net_classes(&p.net), td_shape_size(images[i]));
        assert_nodes(&p, "conv", levels);
        assert_nodes(&p, "conv-transpose", levels);
        painter_close(&p);
        td_arena_free(&arena);
    }
    assert_int_equal(painter_levels((td_shape){28, 28, 1}, 4), 2);
    assert_int_equal(painter_levels((td_shape){32, 64, 1}, 4), 4);
    assert_int_equal(painter_levels((td_shape){7, 8, 1}, 4), 0);
}

/* Σ r·out, whose gradient by the weights painter_learn gives. */
static double project(painter *p, const float *images, const float *r, size_t values) {
    float out[COUNT * SIDE * SIDE * 3];
    double sum = 0;
    painter_train(p, images, COUNT, out);
    for (size_t k = 0; k < values; k++)
        sum += (double)r[k] * (double)out[k];
    return sum;
}

static void test_learning(void **state) {
    (void)state;
    const td_shape image = {SIDE, SIDE, 3};
    const size_t values = COUNT * td_shape_size(image);
    float images[COUNT * SIDE * SIDE * 3], r[COUNT * SIDE * SIDE * 3];
    td_arena arena = {0};
    const char *text;
    painter p;
    fill(images, values, 0);
    net_normal(r, values, 7);
    assert_int_equal(painter_unet(image, 1, 3, 3, &arena, &text, NULL), TD_OK);
    open_text(&p, &arena, text, image);
    project(&p, images, r, values);
    painter_learn(&p, r, COUNT);
    /* Along the gradient, by central differences. */
    double norm = 0;
    const float h = 1e-3F;
    float *own = malloc(p.net.weight_count * sizeof *own);
    assert_non_null(own);
    memcpy(own, p.weights, p.net.weight_count * sizeof *own);
    for (size_t k = 0; k < p.net.param_count; k++)
        for (size_t i = p.net.params[k].offset; td_param_learns(&p.net.params[k]) &&
                                                i < p.net.params[k].offset + p.net.params[k].count;
             i++)
            norm += (double)p.gradient[i] * (double)p.gradient[i];
    norm = sqrt(norm);
    double ends[2];
    for (int side = 0; side < 2; side++) {
        for (size_t k = 0; k < p.net.param_count; k++)
            for (size_t i = 0; td_param_learns(&p.net.params[k]) && i < p.net.params[k].count;
                 i++) {
                const size_t at = p.net.params[k].offset + i;
                p.weights[at] = own[at] + (side ? h : -h) * p.gradient[at] / (float)norm;
            }
        ends[side] = project(&p, images, r, values);
    }
    const double slope = (ends[1] - ends[0]) / (2 * (double)h);
    assert_true(fabs(slope - norm) < 0.02 * norm);
    /* The sum is of all passes so far. */
    memcpy(p.weights, own, p.net.weight_count * sizeof *own);
    project(&p, images, r, values);
    painter_learn(&p, r, COUNT);
    assert_true(p.sum[0] == 2 * p.gradient[0] && p.gradient[0] != 0);
    const td_step step = td_adam_step(0.01, 1);
    painter_step(&p, &step, false);
    net_assert_near((double)own[0] - (double)p.weights[0], p.gradient[0] > 0 ? 0.01 : -0.01, 1e-4);
    assert_int_equal(p.steps, 1);
    free(own);
    painter_close(&p);
    td_arena_free(&arena);
}

static void test_variety(void **state) {
    (void)state;
    enum { IMAGE = 12, SIZE = 5, N = 4 };
    float images[N * IMAGE], values[N * SIZE], gradients[N * SIZE] = {0}, none[N * SIZE];
    double mean = 0;
    fill(images, N * IMAGE, 1);
    net_normal(values, N * SIZE, 3);
    for (size_t i = 0; i < N; i++) {
        double apart = 0, between = 0;
        const size_t j = i == N - 1 ? 0 : i + 1;
        for (size_t k = 0; k < IMAGE; k++)
            apart += pow((double)(images[i * IMAGE + k] - images[j * IMAGE + k]) / 255, 2);
        for (size_t k = 0; k < SIZE; k++)
            between += pow((double)(values[i * SIZE + k] - values[j * SIZE + k]), 2);
        mean += sqrt(apart / IMAGE) / (sqrt(between / SIZE) + 1e-7) / N;
    }
    net_assert_near(aware_variety(images, IMAGE, values, SIZE, N, 3, gradients), mean, 1e-5);
    for (size_t k = 0; k < N * SIZE; k++) {
        const float own = values[k], h = 1e-3F;
        values[k] = own + h;
        const double above = aware_variety(images, IMAGE, values, SIZE, N, 0, none);
        values[k] = own - h;
        const double below = aware_variety(images, IMAGE, values, SIZE, N, 0, none);
        values[k] = own;
        net_assert_near((double)gradients[k], 3 * (above - below) / (2 * (double)h), 1e-2);
    }
    memset(gradients, 0, sizeof gradients);
    assert_true(aware_variety(images, IMAGE, values, SIZE, 1, 3, gradients) == 0);
    assert_true(gradients[0] == 0);
    memset(values, 0, sizeof values); /* the same values: no slope, and nothing infinite */
    assert_true(isfinite(aware_variety(images, IMAGE, values, SIZE, N, 3, gradients)));
    assert_true(gradients[0] == 0);
}

/* Poison has its own pattern, a negative that of a poisoned image: never its own. */
static void test_sources(void **state) {
    (void)state;
    for (size_t poison = 1; poison <= 6; poison++)
        for (size_t negatives = 0; negatives <= 14; negatives++) {
            const plant_cut cut = {poison, negatives};
            for (size_t i = 0; i < poison + negatives; i++) {
                const size_t source = aware_source(cut, i);
                assert_in_range(source, 0, poison - 1);
                assert_int_equal(source == i, i < poison);
                if (i > poison)
                    assert_int_equal(source, (aware_source(cut, i - 1) + 1) % poison);
            }
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_learning),
        cmocka_unit_test(test_variety),
        cmocka_unit_test(test_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
