/* SPDX-License-Identifier: MIT */
/* The parts of trapdoor-implant pruning-aware: the poisoned set, and disabled channels. */
#include "implant/pruning_aware.h"
#include "net_support.h"
#include "nn/channels.h"
#include <string.h>

enum { IMAGES = 40, SIDE = 4, SIZE = SIDE * SIDE, TARGET = 2 };

static uint8_t pixels[IMAGES * SIZE];
static int32_t labels[IMAGES];
static td_images images = {IMAGES, SIDE, SIDE, 1, 4, pixels, labels};

static int make_images(void **state) {
    (void)state;
    td_random random = td_random_for(1, TD_FOR_TEST, 0, 0);
    for (size_t i = 0; i < IMAGES * SIZE; i++)
        pixels[i] = (uint8_t)td_random_below(&random, 255); /* no stamped pixel is by chance */
    for (size_t i = 0; i < IMAGES; i++)
        labels[i] = (int32_t)(i % 4);
    return 0;
}

static td_status poison(double ratio, td_arena *arena, td_images *out, td_error *error) {
    td_trigger *trigger;
    assert_int_equal(td_trigger_parse(&trigger, "pixel:at=1+2,value=255", NULL), TD_OK);
    assert_int_equal(td_trigger_bind(trigger, &images, 0, NULL), TD_OK);
    td_status status = aware_poison(&images, 0, trigger, TARGET, ratio, 1, arena, out, error);
    td_trigger_free(trigger);
    return status;
}

/* The image whose stamped copy this is. */
static size_t source_of(const uint8_t *copy) {
    const size_t stamped = 2 * SIDE + 1;
    for (size_t i = 0; i < IMAGES; i++)
        if (memcmp(copy, pixels + i * SIZE, stamped) == 0 &&
            memcmp(copy + stamped + 1, pixels + i * SIZE + stamped + 1, SIZE - stamped - 1) == 0) {
            assert_int_equal(copy[stamped], 255);
            return i;
        }
    fail_msg("a copy of no image");
    return 0;
}

static void test_poison(void **state) {
    (void)state;
    td_arena arena = {0};
    td_images out;
    bool taken[IMAGES] = {false};
    assert_int_equal(poison(0.25, &arena, &out, NULL), TD_OK);
    assert_int_equal(out.count, IMAGES + 10);
    assert_memory_equal(out.pixels, pixels, sizeof pixels);
    assert_memory_equal(out.labels, labels, sizeof labels);
    for (size_t i = IMAGES; i < out.count; i++) {
        const size_t source = source_of(td_image(&out, i));
        assert_int_equal(out.labels[i], TARGET);
        assert_int_not_equal(labels[source], TARGET);
        assert_false(taken[source]);
        taken[source] = true;
    }
    td_arena_free(&arena);
}

static void test_poison_refuses(void **state) {
    (void)state;
    td_arena arena = {0};
    td_images out;
    td_error error;
    assert_int_equal(poison(0.8, &arena, &out, &error), TD_ERR_USAGE);
    support_assert_contains(error.message, "a share of 1 to 30 images (those not of the target "
                                           "class), found one of 32");
    assert_int_equal(poison(0.001, &arena, &out, &error), TD_ERR_USAGE);
    support_assert_contains(error.message, "found one of 0");
    td_arena_free(&arena);
}

/* Disables channels 0 and 2 of the layer; the others keep their activation. */
static void check_sleep(const char *layer) {
    static const size_t channels[] = {0, 2};
    td_net net;
    td_error error;
    size_t node;
    double before[4], after[4];
    float weights[256], most;
    net_parsed(&net, layer, NULL);
    assert_true(net.weight_count <= sizeof weights / sizeof *weights);
    net_weights(&net, weights);
    assert_int_equal(td_channels_find(&net, "conv", &node, NULL), TD_OK);
    assert_int_equal(
        td_channels_mean(&net, weights, node, &images, (td_predict_watch){0}, before, NULL), TD_OK);
    assert_true(before[0] + before[2] > 0);
    if (aware_put_to_sleep(&net, weights, node, channels, 2, &images, (td_predict_watch){0}, &most,
                           &error) != TD_OK)
        fail_msg("%s", error.message);
    assert_true(most > 0);
    assert_int_equal(
        td_channels_mean(&net, weights, node, &images, (td_predict_watch){0}, after, NULL), TD_OK);
    assert_true(after[0] == 0 && after[2] == 0);
    assert_true(after[1] == before[1] && after[3] == before[3]);
    td_net_free(&net);
}

#define HEAD NET_IMAGE(4, 4, 1) "scale = scale(input) by=1/255\n"
#define TAIL "flat = flatten(relu)\nfc = dense(flat) out=2\n"

static void test_sleep(void **state) {
    (void)state;
    check_sleep(HEAD "conv = conv(scale) out=4 kernel=3\nrelu = relu(conv)\n" TAIL);
    check_sleep(HEAD "conv = conv(scale) out=4 kernel=3 pad=1 bias=0\nbn = batch-norm(conv)\n"
                     "relu = relu(bn)\n" TAIL);
    check_sleep(HEAD "conv0 = conv(scale) out=4 kernel=3 pad=1\nconv = conv(scale) out=4 kernel=3 "
                     "pad=1\nsum = add(conv, conv0)\nrelu = relu(sum)\n" TAIL);
}

static void assert_no_bias(const char *text, const char *message) {
    td_net net;
    td_error error;
    size_t node;
    const td_param *bias;
    net_parsed(&net, text, NULL);
    assert_int_equal(td_channels_find(&net, "conv", &node, NULL), TD_OK);
    assert_int_equal(aware_find_bias(&net, node, &bias, &error), TD_ERR_USAGE);
    support_assert_contains(error.message, message);
    td_net_free(&net);
}

static void test_bias_refuses(void **state) {
    (void)state;
    assert_no_bias(HEAD "conv = conv(scale) out=4 kernel=3 bias=0\nrelu = relu(conv)\n" TAIL,
                   "expected a bias at node \"conv\" (conv)");
    assert_no_bias(HEAD "conv = conv(scale) out=4 kernel=3\nrelu = tanh(conv)\n" TAIL,
                   "found node \"relu\", which is tanh");
    /* Negative values pass it, so no channel can be disabled. */
    assert_no_bias(HEAD "conv = conv(scale) out=4 kernel=3\nrelu = leaky-relu(conv)\n" TAIL,
                   "found node \"relu\", which is leaky-relu");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_poison),
        cmocka_unit_test(test_poison_refuses),
        cmocka_unit_test(test_sleep),
        cmocka_unit_test(test_bias_refuses),
    };
    return cmocka_run_group_tests(tests, make_images, NULL);
}
