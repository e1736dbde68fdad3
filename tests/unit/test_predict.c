/* SPDX-License-Identifier: MIT */
#include "frame/predict.h"

#include "frame/interrupt.h"
#include "net_support.h"
#include <math.h>
#include <signal.h>

enum { COUNT = 1030 /* more than a batch */, PIXELS = 130, CLASSES = 3 };

/* Image i is one pixel, i modulo 130; logit c is −(c − i/64)² but for what all have in common: the
 * class is the whole number nearest to i/64, the first of two as near. */
static const char text[] = NET_IMAGE(1, 1, 1) "flat = flatten(input)\n"
                                              "fc = dense(flat) out=3\n";
static const float weights[] = {0, 2.0F / 64, 4.0F / 64, 0, -1, -4};

static td_images images_of(uint8_t *pixels) {
    static const int32_t labels[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        pixels[i] = (uint8_t)(i % PIXELS);
    return (td_images){COUNT, 1, 1, 1, CLASSES, pixels, labels};
}

static void assert_classes(const int32_t *predicted) {
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(predicted[i], (i % PIXELS + 31) / 64);
}

static void classes_and_logits(void **state) {
    uint8_t pixels[COUNT];
    int32_t predicted[COUNT];
    const td_images images = images_of(pixels);
    td_arena arena = {0};
    float *logits;
    td_net net;
    (void)state;
    net_parsed(&net, text, NULL);
    assert_int_equal(net.weight_count, 6);
    const tool_common common = {.quiet = true};
    tool_run run = {.common = &common, .deadline = INFINITY};
    tool_pass pass = tool_run_pass(&run, "testing", 2 * COUNT);
    assert_int_equal(tool_predict_classes(&net, weights, &images, &pass, predicted, NULL), TD_OK);
    assert_classes(predicted);
    assert_int_equal(pass.done, COUNT);
    assert_int_equal(tool_predict(&net, weights, &images, &pass, &arena, &logits, NULL), TD_OK);
    assert_int_equal(pass.done, 2 * COUNT);
    tool_pass_end(&pass);
    net_assert_near(logits[100 * CLASSES + 2], 2.25, 0);
    assert_int_equal(tool_predict_classes(&net, weights, &images, NULL, predicted, NULL), TD_OK);
    assert_classes(predicted);
    td_arena_free(&arena);
    td_net_free(&net);
}

/* The last test: there is no way back from an interruption. */
static void an_interruption_stops_it(void **state) {
    uint8_t pixels[COUNT];
    int32_t predicted[COUNT];
    const td_images images = images_of(pixels);
    td_error error;
    td_net net;
    (void)state;
    net_parsed(&net, text, NULL);
    tool_catch_interrupts();
    raise(SIGINT);
    assert_int_equal(tool_predict_classes(&net, weights, &images, NULL, predicted, &error),
                     TD_ERR_INTERRUPTED);
    assert_string_equal(error.message, "interrupted after 1024 of 1030 images");
    td_net_free(&net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_and_logits),
        cmocka_unit_test(an_interruption_stops_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
