/* SPDX-License-Identifier: MIT */
/* Repairs of models: the pruning curve, the choice from it, and the rating. */
#include "defend/repair/fineprune.h"
#include "measure/ratings.h"
#include "net_support.h"
#include "nn/channels.h"
#include "nn/loss.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES = 150, SIDE = 6, CLASSES = 3, CHANNELS = 5 };

/* By hand, from the definition. */
static void test_der(void **state) {
    (void)state;
    net_assert_near(td_der(0.9, 0.9, 1, 0), 1, 1e-12);
    net_assert_near(td_der(0.9, 0.9, 1, 1), 0.5, 1e-12);
    net_assert_near(td_der(0.9, 0.8, 0.95, 0.15), (0.8 - 0.1 + 1) / 2, 1e-12);
    net_assert_near(td_der(0.8, 0.9, 0.5, 0.7), 0.5, 1e-12);
    net_assert_near(td_der(1, 0, 0, 0), 0, 1e-12);
    /* An accuracy that falls lowers the rating: with the other sign this would be 0.99. */
    net_assert_near(td_der(0.93, 0.90, 1, 0.05), 0.96, 1e-12);
}

static void test_rir(void **state) {
    (void)state;
    net_assert_near(td_rir(0.93, 0.90, 0.05, 0.85), (0.8 - 0.03 + 1) / 2, 1e-12);
    net_assert_near(td_rir(0.9, 0.95, 0, 1), 1, 1e-12); /* a gain of accuracy adds nothing */
    net_assert_near(td_rir(0.9, 0.9, 0.4, 0.4), 0.5, 1e-12);
    net_assert_near(td_rir(0.9, 0.9, 0.4, 0.1), 0.5, 1e-12);
    net_assert_near(td_rir(1, 0, 0, 0), 0, 1e-12);
}

static size_t chosen(const size_t *hits, size_t steps, double tolerance) {
    prune_point points[8];
    for (size_t k = 0; k <= steps; k++)
        points[k].accuracy = td_rate_of(hits[k], 100);
    return prune_choose(points, steps, tolerance);
}

static void test_choose(void **state) {
    (void)state;
    const size_t hits[] = {90, 91, 88, 86, 85, 90, 20};
    assert_int_equal(chosen(hits, 6, 0.04), 3); /* exactly 4 % is within */
    assert_int_equal(chosen(hits, 6, 0.039), 2);
    assert_int_equal(chosen(hits, 6, 0.05), 5); /* a fall that comes back is none */
    assert_int_equal(chosen(hits, 6, 0), 1);
    assert_int_equal(chosen(hits, 6, 1), 5); /* one channel is left */
    assert_int_equal(chosen((const size_t[]){90, 80, 90}, 2, 0.04), 0);
}

typedef struct fixture {
    td_net net, with;
    float *weights, *with_weights;
    size_t mask;
    uint8_t pixels[IMAGES * SIDE * SIDE];
    int32_t labels[IMAGES];
    td_images images;
    td_trigger *trigger;
    td_arena arena;
} fixture;

static void set_up(fixture *f, const char *text) {
    size_t node;
    td_random random = td_random_for(1, TD_FOR_TEST, 0, 0);
    net_parsed(&f->net, text, NULL);
    assert_int_equal(TD_ARENA_NEW(&f->arena, f->net.weight_count, &f->weights, "a test", NULL),
                     TD_OK);
    net_weights(&f->net, f->weights);
    for (size_t i = 0; i < IMAGES * SIDE * SIDE; i++)
        f->pixels[i] = (uint8_t)td_random_below(&random, 256);
    for (size_t i = 0; i < IMAGES; i++)
        f->labels[i] = (int32_t)td_random_below(&random, CLASSES);
    f->images = (td_images){IMAGES, SIDE, SIDE, 1, CLASSES, f->pixels, f->labels};
    assert_int_equal(td_channels_find(&f->net, "conv", &node, NULL), TD_OK);
    assert_int_equal(td_channels_insert(&f->net, f->weights, node, &f->arena, &f->with,
                                        &f->with_weights, &f->mask, NULL),
                     TD_OK);
    assert_int_equal(td_trigger_parse(&f->trigger, "square:size=3", NULL), TD_OK);
    assert_int_equal(td_trigger_bind(f->trigger, &f->images, 0, NULL), TD_OK);
}

static void tear_down(fixture *f) {
    td_trigger_free(f->trigger);
    td_net_free(&f->net);
    td_net_free(&f->with);
    td_arena_free(&f->arena);
}

/* The whole net's predictions, masked so far. */
static td_rate twin(fixture *f, const td_images *images, int32_t target) {
    float *out;
    int32_t predicted[IMAGES];
    assert_int_equal(
        td_predict(&f->with, f->with_weights, images, (td_predict_watch){0}, &f->arena, &out, NULL),
        TD_OK);
    for (size_t i = 0; i < IMAGES; i++)
        predicted[i] = td_argmax(out + i * CLASSES, CLASSES);
    return target < 0 ? td_accuracy(predicted, f->labels, IMAGES)
                      : td_asr(predicted, f->labels, IMAGES, td_target_class((size_t)target));
}

/* The curve equals the whole net's results, masked step by step. */
static void assert_curve(const char *text) {
    static const size_t order[CHANNELS] = {3, 0, 4, 2, 1};
    fixture f = {0};
    set_up(&f, text);
    const tool_common common = {.quiet = true, .seed = 1};
    tool_run run = {.common = &common, .deadline = INFINITY};
    const repair_evaluator truth = {
        .run = &run, .backdoors = {{f.trigger, tool_target_class(1)}}, .backdoor_count = 1};
    const prune_subject subject = {&f.with, f.with_weights, f.mask, order};
    td_images stamped;
    prune_point curve[CHANNELS + 1];
    size_t different = 0;
    assert_int_equal(prune_measure(&subject, &truth, &f.images, 0, curve, NULL), TD_OK);
    assert_int_equal(
        td_trigger_stamp(f.trigger, &f.images, (td_stamp){1, 0}, &f.arena, &stamped, NULL), TD_OK);
    for (size_t k = 0; k <= CHANNELS; k++) {
        if (k > 0)
            td_channels_mask(&f.with, f.with_weights, f.mask)[order[k - 1]] = 0;
        const td_rate accuracy = twin(&f, &f.images, -1), asr = twin(&f, &stamped, 1);
        assert_int_equal(curve[k].accuracy.hits, accuracy.hits);
        assert_int_equal(curve[k].accuracy.trials, IMAGES);
        assert_int_equal(curve[k].asr[0].hits, asr.hits);
        assert_int_equal(curve[k].asr[0].trials, asr.trials);
        different += accuracy.hits != curve[0].accuracy.hits;
    }
    assert_true(different > 0);
    tear_down(&f);
}

static void test_curve_of_a_chain(void **state) {
    (void)state;
    assert_curve(NET_IMAGE(6, 6, 1) "scale = scale(input) by=1/255\n"
                                    "conv = conv(scale) out=5 kernel=3\nrelu = relu(conv)\n"
                                    "pool = max-pool(relu) size=2\nflat = flatten(pool)\n"
                                    "fc = dense(flat) out=3\n");
}

/* Two branches: the net does not split at the mask. */
static void test_curve_of_branches(void **state) {
    (void)state;
    assert_curve(NET_IMAGE(6, 6, 1) "scale = scale(input) by=1/255\n"
                                    "conv = conv(scale) out=5 kernel=3\nrelu = relu(conv)\n"
                                    "flat = flatten(relu)\nfc = dense(flat) out=3\n"
                                    "all = flatten(scale)\nother = dense(all) out=3\n"
                                    "both = add(fc, other)\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_der),
        cmocka_unit_test(test_rir),
        cmocka_unit_test(test_choose),
        cmocka_unit_test(test_curve_of_a_chain),
        cmocka_unit_test(test_curve_of_branches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
