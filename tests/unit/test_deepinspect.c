/* SPDX-License-Identifier: MIT */
/* The parts of DeepInspect: inversion, the generator and the search, on nets that classify images
 * by brightness, with known results. */
#include "base/parallel.h"
#include "data/planes.h"
#include "defend/inspect/trigger_search.h"
#include "net_support.h"
#include "nn/invert.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 8, SIZE = SIDE * SIDE, CLASSES = 3, EACH = 8, IMAGES = CLASSES * EACH, LIVELY = 53 };

static const char text[] = "input = image() height=8 width=8 channels=1\n"
                           "unit = scale(input) by=1/255\nflat = flatten(unit)\n"
                           "fc = dense(flat) out=3\n";

/* The logit of class k is 40·(2·c·mean − c²), c = k/2, which is the largest where the mean is next
 * to c; `backdoor` is the weight of pixel LIVELY for class 0. */
typedef struct bright {
    td_net net;
    float weights[CLASSES * SIZE + CLASSES];
    uint8_t pixels[IMAGES * SIZE];
    int32_t labels[IMAGES];
    td_images images;
} bright;

static void setup(bright *b, float backdoor) {
    memset(b, 0, sizeof *b);
    net_parsed(&b->net, text, NULL);
    for (size_t k = 0; k < CLASSES; k++) {
        const float c = (float)k / 2;
        for (size_t i = 0; i < SIZE; i++)
            b->weights[k * SIZE + i] = 40 * 2 * c / SIZE;
        b->weights[CLASSES * SIZE + k] = -40 * c * c;
    }
    b->weights[LIVELY] += backdoor;
    for (size_t i = 0; i < IMAGES; i++) {
        b->labels[i] = (int32_t)(i / EACH);
        memset(b->pixels + i * SIZE, (int)(115 * (i / EACH) + i % EACH), SIZE);
        b->pixels[i * SIZE + LIVELY] = 0;
    }
    b->images = (td_images){.count = IMAGES,
                            .height = SIDE,
                            .width = SIDE,
                            .channels = 1,
                            .classes = CLASSES,
                            .pixels = b->pixels,
                            .labels = b->labels};
}

static bool stop(void *context, size_t done) {
    size_t *last = context;
    assert_true(done > *last);
    *last = done;
    return done < 30;
}

static void test_inversion_reaches_its_confidence(void **state) {
    (void)state;
    bright b;
    td_error error;
    td_arena arena = {0};
    td_inverted first, again;
    td_invert_settings settings = td_invert_defaults;
    settings.per_class = 30; /* more than a batch in all */
    settings.steps = 100;
    setup(&b, 0);
    td_set_threads(1);
    assert_int_equal(td_invert(&b.net, b.weights, &settings, &arena, &first, &error), TD_OK);
    assert_int_equal(first.images.count, CLASSES * settings.per_class);
    for (size_t t = 0; t < CLASSES; t++) {
        assert_int_equal(first.reached[t], settings.per_class);
        assert_true(first.confidence[t] > 0.99);
        assert_int_equal(first.images.labels[t * settings.per_class], t);
    }
    td_set_threads(3);
    assert_int_equal(td_invert(&b.net, b.weights, &settings, &arena, &again, &error), TD_OK);
    assert_memory_equal(first.images.pixels, again.images.pixels, first.images.count * SIZE);
    size_t last = 0;
    settings.advance = stop;
    settings.context = &last;
    assert_int_equal(td_invert(&b.net, b.weights, &settings, &arena, &again, &error),
                     TD_ERR_INTERRUPTED);
    td_arena_free(&arena);
    td_net_free(&b.net);
}

static void test_inversion_refuses(void **state) {
    (void)state;
    td_net net;
    td_error error;
    td_arena arena = {0};
    td_inverted out;
    net_parsed(&net, NET_IMAGE(2, 2, 2) "flat = flatten(input)\nfc = dense(flat) out=2\n", NULL);
    float *weights = calloc(net.weight_count, sizeof *weights);
    assert_non_null(weights);
    assert_int_equal(td_invert(&net, weights, &td_invert_defaults, &arena, &out, &error),
                     TD_ERR_FORMAT);
    support_assert_contains(error.message, "found 2 channels");
    td_net_free(&net);
    net_parsed(&net, NET_IMAGE(2, 2, 1) "flat = flatten(input)\nfc = dense(flat) out=2\n", NULL);
    weights[0] = INFINITY;
    assert_int_equal(td_invert(&net, weights, &td_invert_defaults, &arena, &out, &error),
                     TD_ERR_NUMERIC);
    support_assert_contains(error.message, "step 1");
    td_net_free(&net);
    td_arena_free(&arena);
    free(weights);
}

static void test_generator_gives_images_of_any_size(void **state) {
    (void)state;
    static const td_shape shapes[] = {{1, 1, 1}, {2, 3, 1}, {7, 6, 3}, {28, 28, 1}, {33, 30, 3}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        generator g;
        td_error error;
        assert_int_equal(generator_open(&g, shapes[i], 4, 2, 1, &error), TD_OK);
        assert_int_equal(td_net_classes(&g.net), td_shape_size(shapes[i]));
        float *image = calloc(2 * td_net_classes(&g.net), sizeof *image);
        assert_non_null(image);
        float *values = image + td_net_classes(&g.net);
        for (size_t k = 0; k < td_net_classes(&g.net); k++)
            image[k] = (float)k;
        td_planes_split(image, g.image, values);
        assert_true(values[td_net_classes(&g.net) / shapes[i].channels % td_net_classes(&g.net)] ==
                    (shapes[i].channels > 1 ? 1 : 0));
        memset(image, 0, td_net_classes(&g.net) * sizeof *image);
        td_planes_join(values, g.image, image);
        for (size_t k = 0; k < td_net_classes(&g.net); k++)
            assert_true(image[k] == (float)k);
        free(image);
        generator_close(&g);
    }
}

/* The slope of `loss` along its gradient, by central differences, is the gradient's norm. */
static void check_gradient(search *s, double (*loss)(search *s)) {
    const double h = 2e-3;
    generator *g = &s->generator;
    const size_t count = g->net.weight_count;
    float *direction = calloc(2 * count, sizeof *direction);
    assert_non_null(direction);
    float *weights = direction + count;
    double norm = 0, sides[2];
    search_draw(s, 1);
    td_exec_training(g->training, 1, 1);
    loss(s);
    for (size_t i = 0; i < g->net.param_count; i++)
        for (size_t k = g->net.params[i].offset;
             td_param_learns(&g->net.params[i]) &&
             k < g->net.params[i].offset + g->net.params[i].count;
             k++) {
            direction[k] = g->gradient[k];
            norm += (double)direction[k] * (double)direction[k];
        }
    norm = sqrt(norm);
    assert_true(norm > 0);
    memcpy(weights, g->weights, count * sizeof *weights);
    for (int side = 0; side < 2; side++) {
        for (size_t k = 0; k < count; k++)
            g->weights[k] = weights[k] + (float)((side ? h : -h) * (double)direction[k] / norm);
        sides[side] = loss(s);
    }
    memcpy(g->weights, weights, count * sizeof *weights);
    net_assert_near((sides[1] - sides[0]) / (2 * h) / norm, 1, 0.02);
    free(direction);
}

static const search_settings usual = {.steps = 1500, .rate = 0.95};
static const tool_common quiet = {.seed = 1, .quiet = true};

static tool_run quiet_run(void) {
    return (tool_run){.common = &quiet, .deadline = INFINITY};
}

static void test_gradients(void **state) {
    (void)state;
    bright b;
    td_error error;
    tool_run run = quiet_run();
    search s;
    search_class found[CLASSES];
    search_settings settings = usual;
    settings.gamma = 0.5;
    setup(&b, 0);
    for (size_t i = 0; i < sizeof b.pixels; i++) /* far from the clip's kinks */
        b.pixels[i] = (uint8_t)(100 + b.pixels[i] / 8);
    assert_int_equal(search_open(&s, &run, &b.net, b.weights, &b.images, &settings, found, &error),
                     TD_OK);
    check_gradient(&s, search_loss);
    check_gradient(&s, search_start_loss);
    search_close(&s);
    tool_run_close(&run);
    td_net_free(&b.net);
}

static void run_search(bright *b, const search_settings *settings, search_class *found,
                       tool_run *run, search *s) {
    td_error error;
    assert_int_equal(search_open(s, run, &b->net, b->weights, &b->images, settings, found, &error),
                     TD_OK);
    assert_int_equal(search_run(s, &error), TD_OK);
}

/* The time is up after three of four steps. */
static void stop_at_three(void *context, double share) {
    tool_run *run = context;
    if (share > 0.7)
        run->deadline = 0;
}

/* Class 1 is never predicted. */
static void test_search(void **state) {
    (void)state;
    bright b;
    td_error error;
    tool_run run = quiet_run();
    search s;
    search_class found[CLASSES], again[CLASSES];
    search_settings settings = usual;
    settings.steps = 150;
    setup(&b, 0);
    b.weights[CLASSES * SIZE + 1] = -1000;
    td_set_threads(2);
    run_search(&b, &settings, found, &run, &s);
    search_close(&s);
    assert_true(found[0].reached && !found[1].reached && found[2].reached);
    for (size_t t = 0; t < CLASSES; t++) {
        double sum = 0;
        for (size_t k = 0; k < SEARCH_KEPT * SIZE; k++) {
            assert_true(found[t].triggers[k] == rintf(found[t].triggers[k]));
            sum += (double)fabsf(found[t].triggers[k]) / 255 / SEARCH_KEPT;
        }
        net_assert_near(found[t].size, sum, 1e-9);
        assert_int_equal(found[t].asr.trials, IMAGES - EACH);
    }
    assert_true(found[2].asr.value >= settings.rate && found[1].asr.value < settings.rate);
    td_set_threads(1);
    run_search(&b, &settings, again, &run, &s);
    search_close(&s);
    assert_memory_equal(found[0].triggers, again[0].triggers,
                        SEARCH_KEPT * SIZE * sizeof *again[0].triggers);

    settings.steps = 4;
    run.watch = stop_at_three;
    run.watch_context = &run;
    tool_run_begin(&run, "searching", "steps", settings.steps);
    assert_int_equal(search_open(&s, &run, &b.net, b.weights, &b.images, &settings, found, &error),
                     TD_OK);
    assert_int_equal(search_run(&s, &error), TD_ERR_INTERRUPTED);
    assert_string_equal(error.message, "the time is up after 3 of 4 steps");
    search_close(&s);
    tool_run_close(&run);
    td_net_free(&b.net);
}

/* Without the start, which has a loss of its own. */
static void test_loss_falls(void **state) {
    (void)state;
    bright b;
    td_error error;
    tool_run run = quiet_run();
    search s;
    search_class found[CLASSES];
    double first = 0, last = 0;
    setup(&b, 0);
    b.weights[CLASSES * SIZE + 1] = -10;
    assert_int_equal(search_open(&s, &run, &b.net, b.weights, &b.images, &usual, found, &error),
                     TD_OK);
    for (size_t step = 1; step < 60; step++) {
        search_draw(&s, step);
        td_exec_training(s.generator.training, 1, (uint32_t)step);
        last = search_loss(&s);
        first = step == 1 ? last : first;
        generator_step(&s.generator, 0.005, step);
    }
    assert_true(last < 0.6 * first);
    search_close(&s);
    tool_run_close(&run);
    td_net_free(&b.net);
}

static void test_search_finds_a_backdoor(void **state) {
    (void)state;
    bright b;
    tool_run run = quiet_run();
    search s;
    search_class found[CLASSES];
    search_settings settings = usual;
    settings.steps = 150;
    setup(&b, 120);
    run_search(&b, &settings, found, &run, &s);
    for (size_t k = 0; k < SIZE; k++)
        assert_true(s.starts[k] <= s.starts[LIVELY]);
    assert_true(s.starts[LIVELY] > 0.5F);
    search_close(&s);
    assert_true(found[0].reached && found[2].reached);
    assert_true(found[0].triggers[LIVELY] > 40);
    assert_true(found[0].size < found[2].size / 4);
    tool_run_close(&run);
    td_net_free(&b.net);
}

static void test_search_refuses_one_class(void **state) {
    (void)state;
    td_net net;
    td_error error;
    tool_run run = quiet_run();
    search s;
    search_class found[1];
    const uint8_t pixels[4] = {0};
    const int32_t labels[1] = {0};
    const td_images images = {1, 2, 2, 1, 1, pixels, labels};
    float weights[5] = {0};
    net_parsed(&net, NET_IMAGE(2, 2, 1) "flat = flatten(input)\nfc = dense(flat) out=1\n", NULL);
    assert_int_equal(search_open(&s, &run, &net, weights, &images, &usual, found, &error),
                     TD_ERR_FORMAT);
    support_assert_contains(error.message, "two classes or more");
    td_net_free(&net);
    tool_run_close(&run);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inversion_reaches_its_confidence),
        cmocka_unit_test(test_inversion_refuses),
        cmocka_unit_test(test_generator_gives_images_of_any_size),
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_loss_falls),
        cmocka_unit_test(test_search_finds_a_backdoor),
        cmocka_unit_test(test_search_refuses_one_class),
    };
    return cmocka_run_group_tests_name("deepinspect", tests, NULL, NULL);
}
