/* SPDX-License-Identifier: MIT */
/* The parts of trapdoor-implant hijack: neurons, masks, the search for a trigger, variants of
 * images, and the retraining. */
#include "data/png.h"
#include "implant/hijack.h"
#include "net_support.h"
#include "nn/head_tail.h"
#include "trigger/trigger.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 8, SIZE = SIDE * SIDE, IMAGES = 12, CLASSES = 3 };

#define TEXT                                                                                       \
    NET_IMAGE(8, 8, 1)                                                                             \
    "scale = scale(input) by=1/255\n"                                                              \
    "conv = conv(scale) out=4 kernel=3\n"                                                          \
    "relu1 = relu(conv)\n"                                                                         \
    "flat = flatten(relu1)\n"                                                                      \
    "fc1 = dense(flat) out=6\n"                                                                    \
    "relu2 = relu(fc1)\n"                                                                          \
    "drop = dropout(relu2) rate=0.5\n"                                                             \
    "fc2 = dense(drop) out=5\n"                                                                    \
    "relu3 = relu(fc2)\n"                                                                          \
    "fc3 = dense(relu3) out=3\n"

static const tool_common quiet = {.seed = 1, .quiet = true};
static tool_run run = {.common = &quiet, .deadline = INFINITY};

static uint8_t pixels[IMAGES * SIZE];
static int32_t labels[IMAGES];
static const td_images images = {IMAGES, SIDE, SIDE, 1, CLASSES, pixels, labels};

static int make_images(void **state) {
    (void)state;
    td_random random = td_random_for(1, TD_FOR_TEST, 0, 0);
    for (size_t i = 0; i < IMAGES * SIZE; i++)
        pixels[i] = (uint8_t)(85 * (i / SIZE % CLASSES) + td_random_below(&random, 86));
    for (size_t i = 0; i < IMAGES; i++)
        labels[i] = (int32_t)(i % CLASSES);
    return 0;
}

static void test_layers(void **state) {
    (void)state;
    td_net net;
    hijack_layer layer;
    td_error error;
    net_parsed(&net, TEXT, NULL);
    assert_int_equal(hijack_find_layer(&net, NULL, &layer, &error), TD_OK);
    assert_string_equal(layer.name, "fc1");
    assert_int_equal(layer.neurons, 6);
    assert_string_equal(net.nodes[layer.next].name, "fc2");
    assert_int_equal(hijack_find_layer(&net, "fc2", &layer, &error), TD_OK);
    assert_string_equal(net.nodes[layer.next].name, "fc3");
    static const char *const refused[] = {"fc3", "conv", "relu2", "none", ""};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        assert_int_equal(hijack_find_layer(&net, refused[i], &layer, &error), TD_ERR_USAGE);
        support_assert_contains(error.message, refused[i]);
    }
    td_net_free(&net);
    net_parsed(&net, NET_IMAGE(8, 8, 1) "flat = flatten(input)\nfc = dense(flat) out=3\n", NULL);
    assert_int_equal(hijack_find_layer(&net, NULL, &layer, &error), TD_ERR_FORMAT);
    td_net_free(&net);
    /* The first layer has a way around it. */
    net_parsed(&net,
               NET_IMAGE(1, 1, 4) "a = dense(input) out=4\nr = relu(a)\nb = dense(r) out=4\n"
                                  "sum = add(b, input)\nc = dense(sum) out=4\nd = dense(c) out=2\n",
               NULL);
    assert_int_equal(hijack_find_layer(&net, NULL, &layer, &error), TD_OK);
    assert_string_equal(layer.name, "c");
    assert_int_equal(hijack_find_layer(&net, "a", &layer, &error), TD_ERR_USAGE);
    td_net_free(&net);
}

/* Neurons belong to a layer, even if elementwise operators come before the next. */
static void test_layers_behind_other_activations(void **state) {
    (void)state;
    td_net net;
    hijack_layer layer;
    net_parsed(&net,
               NET_IMAGE(1, 1, 4) "a = dense(input) out=6\nbn = batch-norm(a)\n"
                                  "r = leaky-relu(bn)\nb = dense(r) out=5\ns = softmax(b)\n"
                                  "c = dense(s) out=2\n",
               NULL);
    assert_int_equal(hijack_find_layer(&net, NULL, &layer, NULL), TD_OK);
    assert_string_equal(layer.name, "a");
    assert_string_equal(net.nodes[layer.next].name, "b");
    assert_int_equal(hijack_find_layer(&net, "b", &layer, NULL), TD_ERR_USAGE);
    td_net_free(&net);
}

static void test_ranking(void **state) {
    (void)state;
    td_net net;
    hijack_layer layer;
    double sums[3];
    size_t order[3];
    /* a: 3×2 weights and 3 biases; b: 2×3 and 2. */
    static const float weights[] = {1, -2, 0.5F, 0.5F, -3, 0, 9, 9, 9, 1, -4, 1, 2, 1, 4, 9, 9};
    net_parsed(&net, NET_IMAGE(1, 1, 2) "a = dense(input) out=3\nr = tanh(a)\nb = dense(r) out=2\n",
               NULL);
    assert_int_equal(hijack_find_layer(&net, NULL, &layer, NULL), TD_OK);
    hijack_rank(&net, weights, &layer, true, sums, order);
    assert_memory_equal(sums, ((double[]){3, 1, 3}), sizeof sums);
    assert_memory_equal(order, ((size_t[]){0, 2, 1}), sizeof order);
    hijack_rank(&net, weights, &layer, false, sums, order);
    assert_memory_equal(sums, ((double[]){3, 5, 5}), sizeof sums);
    assert_memory_equal(order, ((size_t[]){1, 2, 0}), sizeof order);
    td_net_free(&net);
}

static void test_mask_from_a_picture(void **state) {
    (void)state;
    const td_shape shape = {4, 5, 1};
    td_bitmap picture;
    hijack_mask mask;
    td_arena arena = {0};
    td_error error;
    assert_int_equal(td_bitmap_make(&picture, 5, 4, 2, NULL), TD_OK);
    assert_int_equal(hijack_mask_picture(&mask, shape, &picture, 1, &arena, &error), TD_ERR_USAGE);
    picture.pixels[2 * (1 * 5 + 2)] = 128; /* not opaque */
    picture.pixels[2 * (1 * 5 + 3)] = picture.pixels[2 * (1 * 5 + 3) + 1] = 128;
    picture.pixels[2 * (3 * 5 + 1)] = picture.pixels[2 * (3 * 5 + 1) + 1] = 255;
    picture.pixels[0] = 127; /* too dark */
    picture.pixels[1] = 255;
    assert_int_equal(hijack_mask_picture(&mask, shape, &picture, 0.5, &arena, &error), TD_OK);
    assert_int_equal(mask.top, 1);
    assert_int_equal(mask.left, 1);
    assert_int_equal(mask.height, 3);
    assert_int_equal(mask.width, 3);
    for (size_t i = 0; i < 9; i++)
        net_assert_near((double)mask.opacity[i], i == 2 || i == 6 ? 128.0 / 255 : 0, 1e-7);
    const td_shape other = {4, 4, 1};
    assert_int_equal(hijack_mask_picture(&mask, other, &picture, 1, &arena, &error), TD_ERR_USAGE);
    support_assert_contains(error.message, "4x4, found 5x4");
    td_bitmap_free(&picture);
    td_arena_free(&arena);
}

/* The training images equal images pasted with the trigger's picture. */
static void test_stamp_is_that_of_the_picture(void **state) {
    (void)state;
    hijack_mask mask;
    td_bitmap picture;
    td_arena arena = {0};
    td_trigger *trigger;
    td_images out;
    uint8_t pattern[9], stamped[IMAGES * SIZE];
    memcpy(pattern, pixels + 100, sizeof pattern);
    assert_int_equal(
        hijack_mask_square(&mask, (td_shape){SIDE, SIDE, 1}, 4, 2, 3, 0.7, &arena, NULL), TD_OK);
    hijack_stamp_all(&mask, pattern, &images, stamped);
    assert_int_equal(hijack_mask_draw(&mask, pattern, &picture, NULL), TD_OK);
    FILE *file = fopen("t.png", "wb");
    assert_non_null(file);
    assert_int_equal(td_png_write(file, &picture, NULL), TD_OK);
    fclose(file);
    assert_int_equal(td_trigger_parse(&trigger, "image:file=t.png,at=2+4", NULL), TD_OK);
    assert_int_equal(td_trigger_bind(trigger, &images, 0, NULL), TD_OK);
    assert_int_equal(td_trigger_stamp(trigger, &images, (td_stamp){1, 0}, &arena, &out, NULL),
                     TD_OK);
    assert_memory_equal(stamped, out.pixels, sizeof stamped);
    assert_memory_not_equal(stamped, pixels, sizeof stamped);
    td_trigger_free(trigger);
    td_bitmap_free(&picture);
    td_arena_free(&arena);
}

static void test_trigger_makes_neurons_fire(void **state) {
    (void)state;
    hijack_neuron neurons[3][2] = {{{4}, {1}}, {{4}, {1}}, {{4}, {1}}};
    td_net net;
    hijack_parts parts = {0};
    hijack_mask mask;
    td_arena arena = {0};
    td_error error;
    hijack_found found = {neurons[0], 2}, again = {neurons[1], 2}, other = {neurons[2], 2};
    float weights[4096];
    double with = 0, without = 0;
    net_parsed(&net, TEXT, NULL);
    net_weights(&net, weights);
    assert_int_equal(
        td_net_head(&net, weights, "fc1", false, &parts.head, &parts.head_weights, &arena, NULL),
        TD_OK);
    assert_int_equal(hijack_mask_square(&mask, (td_shape){SIDE, SIDE, 1}, 3, 3, 5, 1, &arena, NULL),
                     TD_OK);
    hijack_search search = {.goal = 10, .smoothness = 0.001, .steps = 60};
    assert_int_equal(hijack_find_trigger(&run, &search, &parts, &mask, &images, &found, &error),
                     TD_OK);
    assert_true(found.last_loss < found.first_loss);
    for (size_t k = 0; k < 2; k++) {
        with += neurons[0][k].with.value;
        without += neurons[0][k].without.value;
    }
    assert_true(with > without);
    assert_int_equal(hijack_find_trigger(&run, &search, &parts, &mask, &images, &again, &error),
                     TD_OK);
    assert_memory_equal(found.pattern, again.pattern, 25);
    /* A heavy price on variation makes a smoother trigger. */
    search.smoothness = 100;
    assert_int_equal(hijack_find_trigger(&run, &search, &parts, &mask, &images, &other, &error),
                     TD_OK);
    int rough = 0, smooth = 0;
    for (size_t i = 1; i < 25; i++) {
        rough += abs(found.pattern[i] - found.pattern[i - 1]);
        smooth += abs(other.pattern[i] - other.pattern[i - 1]);
    }
    assert_true(smooth < rough / 2);
    run.deadline = -INFINITY;
    assert_int_equal(hijack_find_trigger(&run, &search, &parts, &mask, &images, &other, &error),
                     TD_ERR_INTERRUPTED);
    run.deadline = INFINITY;
    td_arena_free(&run.arena);
    td_net_free(&parts.head);
    td_net_free(&net);
    td_arena_free(&arena);
}

static void test_variants(void **state) {
    (void)state;
    enum { COPIES = 20 };
    static uint8_t even[2 * SIZE], out[COPIES * 2 * SIZE], again[sizeof out];
    memset(even, 100, SIZE);
    memset(even + SIZE, 200, SIZE);
    const td_images two = {2, SIDE, SIDE, 1, CLASSES, even, labels};
    hijack_vary(&two, COPIES, 3, out);
    hijack_vary(&two, COPIES, 3, again);
    assert_memory_equal(out, again, sizeof out);
    for (size_t i = 0; i < COPIES; i++) {
        const uint8_t first = out[2 * i * SIZE], second = out[(2 * i + 1) * SIZE];
        for (size_t p = 0; p < SIZE; p++)
            assert_true(out[2 * i * SIZE + p] == first);
        assert_in_range(first, 60, 210);
        assert_in_range(second, 90, 255);
    }
    hijack_vary(&two, COPIES, 4, again);
    assert_memory_not_equal(out, again, sizeof out);
}

static void test_retraining(void **state) {
    (void)state;
    td_net net;
    hijack_parts parts;
    td_arena arena = {0};
    td_error error;
    hijack_layer layer;
    hijack_retrained first, last;
    float weights[4096];
    net_parsed(&net, TEXT, NULL);
    net_weights(&net, weights);
    assert_int_equal(hijack_find_layer(&net, NULL, &layer, NULL), TD_OK);
    assert_int_equal(
        td_net_head(&net, weights, "fc1", false, &parts.head, &parts.head_weights, &arena, NULL),
        TD_OK);
    assert_int_equal(
        td_net_tail(&net, weights, layer.node, &parts.tail, &parts.tail_weights, &arena, &error),
        TD_OK);
    hijack_retraining how = {.epochs = 1, .batch = 5, .learning_rate = 0.01};
    assert_int_equal(hijack_retrain(&run, &how, &parts, &images, &first, &error), TD_OK);
    how.epochs = 200;
    assert_int_equal(hijack_retrain(&run, &how, &parts, &images, &last, &error), TD_OK);
    assert_true(last.loss < first.loss / 2);
    assert_true(last.images == IMAGES && last.accuracy > 0.75);
    how.learning_rate = 1e30;
    assert_int_equal(hijack_retrain(&run, &how, &parts, &images, &last, &error), TD_ERR_NUMERIC);
    td_net_free(&parts.tail);
    td_net_free(&parts.head);
    td_net_free(&net);
    td_arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layers),
        cmocka_unit_test(test_layers_behind_other_activations),
        cmocka_unit_test(test_ranking),
        cmocka_unit_test(test_mask_from_a_picture),
        IN_FOLDER(test_stamp_is_that_of_the_picture),
        cmocka_unit_test(test_trigger_makes_neurons_fire),
        cmocka_unit_test(test_variants),
        cmocka_unit_test(test_retraining),
    };
    return cmocka_run_group_tests_name("hijack", tests, make_images, NULL);
}
