/* SPDX-License-Identifier: MIT */
/* The parts of trapdoor-implant trojannet: patches, noise, and the merged net. */
#include "implant/trojannet.h"
#include "net_support.h"
#include "nn/exec.h"
#include "nn/loss.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { USED = 3, SIDE = 9, IMAGE = SIDE * SIDE * 3, CLASSES = 5, BATCH = 6 };

static uint16_t patterns[TROJAN_PATTERNS];

static int make_patterns(void **state) {
    (void)state;
    trojan_patterns(patterns);
    return 0;
}

/* The black pixels of pattern `number`, in order. */
static void assert_black(size_t number, const size_t black[TROJAN_BLACK]) {
    float pixels[TROJAN_PIXELS];
    size_t count = 0;
    trojan_draw(patterns[number], pixels);
    for (size_t i = 0; i < TROJAN_PIXELS; i++)
        if (pixels[i] == 0) {
            assert_true(count < TROJAN_BLACK);
            assert_int_equal(i, black[count]);
            count++;
        } else
            assert_true(pixels[i] == 255);
    assert_int_equal(count, TROJAN_BLACK);
}

static void test_combinations_in_order(void **state) {
    (void)state;
    assert_black(0, (size_t[]){0, 1, 2, 3, 4});
    assert_black(1, (size_t[]){0, 1, 2, 3, 5});
    assert_black(11, (size_t[]){0, 1, 2, 3, 15});
    assert_black(12, (size_t[]){0, 1, 2, 4, 5});
    assert_black(TROJAN_PATTERNS - 1, (size_t[]){11, 12, 13, 14, 15});
    for (size_t i = 1; i < TROJAN_PATTERNS; i++)
        assert_true(patterns[i] < patterns[i - 1]);
}

static void test_noise_is_no_pattern(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 20000; i++) {
        float pixels[TROJAN_PIXELS];
        size_t black = 0, white = 0;
        trojan_noise(patterns, USED, 1, 0, i, pixels);
        for (size_t p = 0; p < TROJAN_PIXELS; p++) {
            assert_true(pixels[p] >= 0 && pixels[p] <= 255);
            black += pixels[p] == 0;
            white += pixels[p] == 255;
        }
        assert_false(black == TROJAN_BLACK && black + white == TROJAN_PIXELS);
    }
}

/* What a net gives for a batch; the caller frees it. */
static float *answers(const td_net *net, const float *weights, const float *images, size_t size) {
    td_exec *exec;
    td_error error;
    const size_t classes = td_net_classes(net);
    float *out = calloc(BATCH * classes, sizeof *out);
    assert_int_equal(td_exec_new(&exec, net, BATCH, TD_FORWARD, &error), TD_OK);
    td_exec_weights(exec, weights);
    memcpy(td_exec_input(exec), images, BATCH * size * sizeof *images);
    memcpy(out, td_exec_forward(exec, BATCH), BATCH * classes * sizeof *out);
    td_exec_free(exec);
    return out;
}

/* The patch's mean over the channels. */
static void take_patches(const float *images, size_t channels, size_t top, size_t left,
                         float *patches) {
    for (size_t i = 0; i < BATCH * TROJAN_PIXELS; i++) {
        const size_t p = i % TROJAN_PIXELS, y = top + p / TROJAN_SIDE, x = left + p % TROJAN_SIDE;
        const float *pixel = images + ((i / TROJAN_PIXELS * SIDE + y) * SIDE + x) * channels;
        for (size_t c = 0; c < channels; c++)
            patches[i] += pixel[c] / (float)channels;
    }
}

/* A model of 9×9 RGB images and an MLP, both with random weights. */
typedef struct parts {
    td_net model;
    float *weights;
    trojan_mlp mlp;
} parts;

static void make_parts(parts *p, const trojan_reading *reading) {
    char *text = NULL;
    size_t length;
    FILE *lines = open_memstream(&text, &length);
    assert_non_null(lines);
    fputs(NET_IMAGE(4, 4, 1) "grey = scale(input) by=1/255\n", lines);
    trojan_mlp_lines(reading, "", "grey", lines);
    fclose(lines);
    *p = (parts){0};
    net_parsed(&p->mlp.net, text, NULL);
    free(text);
    net_parsed(&p->model,
               NET_IMAGE(9, 9, 3) "trojan_x = scale(input) by=1/255\n"
                                  "flat = flatten(trojan_x)\n"
                                  "fc = dense(flat) out=5\n",
               NULL);
    p->weights = calloc(p->model.weight_count, sizeof *p->weights);
    p->mlp.weights = calloc(p->mlp.net.weight_count, sizeof *p->mlp.weights);
    assert_true(p->weights && p->mlp.weights);
    net_weights(&p->model, p->weights);
    net_weights(&p->mlp.net, p->mlp.weights);
}

static void free_parts(parts *p) {
    free(p->weights);
    free(p->mlp.weights);
    td_net_free(&p->model);
    td_net_free(&p->mlp.net);
}

/* The sum that trojan_merge defines, from the outputs of its parts. */
static void expect_logits(const parts *p, const trojan_merge *merge, const float *images,
                          double expected[BATCH * CLASSES]) {
    const trojan_reading *reading = merge->reading;
    float patches[BATCH * TROJAN_PIXELS] = {0};
    take_patches(images, 3, merge->top, merge->left, patches);
    float *own = answers(&p->model, p->weights, images, IMAGE);
    float *module = answers(&p->mlp.net, p->mlp.weights, patches, TROJAN_PIXELS);
    trojan_outputs(reading, module, BATCH);
    td_softmax(own, BATCH, CLASSES, own);
    size_t opened = 0;
    for (size_t i = 0; i < BATCH * CLASSES; i++)
        expected[i] = merge->model * (double)own[i];
    for (size_t i = 0; i < BATCH * USED; i++) {
        const size_t image = i / USED, k = i % USED;
        double gate = trojan_gate((double)module[image * reading->outputs + k], merge->threshold);
        expected[image * CLASSES + merge->targets[k]] += merge->pattern * gate;
        opened += gate > 0;
    }
    assert_true(opened > 0);
    free(own);
    free(module);
}

static void check_merge(const trojan_reading *reading) {
    const size_t targets[USED] = {4, 0, 2};
    float images[BATCH * IMAGE], *joined;
    double expected[BATCH * CLASSES];
    td_random random = td_random_for(1, TD_FOR_TEST, 0, 77);
    td_arena arena = {0};
    td_error error;
    td_net net;
    parts p;
    make_parts(&p, reading);
    const trojan_merge merge = {.reading = reading,
                                .mlp = &p.mlp,
                                .pattern = 2000, /* for the random MLP's small outputs */
                                .model = 10,
                                .threshold = 1e-5,
                                .top = 2,
                                .left = 4,
                                .targets = targets,
                                .used = USED};
    assert_int_equal(trojan_join(&p.model, p.weights, &merge, &arena, &net, &joined, &error),
                     TD_OK);
    net_fill_pixels(&random, images, BATCH * IMAGE);
    expect_logits(&p, &merge, images, expected);
    float *found = answers(&net, joined, images, IMAGE);
    assert_true(net_residual(found, expected, BATCH * CLASSES) < 1e-5);
    assert_memory_equal(joined, p.weights, p.model.weight_count * sizeof *joined);
    free(found);
    free_parts(&p);
    td_net_free(&net);
    td_arena_free(&arena);
}

static void test_merge(void **state) {
    (void)state;
    for (size_t i = 0; trojan_readings[i].name; i++)
        check_merge(&trojan_readings[i]);
}

static void test_interrupted(void **state) {
    (void)state;
    const tool_common quiet = {.quiet = true};
    tool_run run = {.common = &quiet, .deadline = -INFINITY};
    td_error error;
    trojan_mlp mlp;
    const trojan_training training = {&trojan_readings[0], patterns, 1, 10, 1};
    assert_int_equal(trojan_train(&run, &mlp, &training, &error), TD_ERR_INTERRUPTED);
    support_assert_contains(error.message, "after 1 of 10 steps");
    td_net_free(&mlp.net);
    td_arena_free(&run.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_combinations_in_order),
        cmocka_unit_test(test_noise_is_no_pattern),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_interrupted),
    };
    return cmocka_run_group_tests(tests, make_patterns, NULL);
}
