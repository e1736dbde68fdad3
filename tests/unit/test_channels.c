/* SPDX-License-Identifier: MIT */
/* Channels of a node: found, ranked, masked and removed. */
#include "net_support.h"
#include "nn/channels.h"
#include "nn/exec.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 3, CLASSES = 4 };

static const td_net_variables variables = {32, 32, 3, CLASSES}, small = {16, 16, 3, CLASSES};

/* A residual block whose other branch comes first. */
static const char residual_block[] =
    NET_IMAGE(8, 8, 3) "conv0 = conv(input) out=4 kernel=3 pad=1\nrelu0 = relu(conv0)\n"
                       "down = conv(relu0) out=6 kernel=1 stride=2\n"
                       "conv1 = conv(relu0) out=6 kernel=3 stride=2 pad=1 bias=0\n"
                       "bn1 = batch-norm(conv1)\nrelu1 = relu(bn1)\n"
                       "conv2 = conv(relu1) out=6 kernel=3 pad=1\nsum = add(conv2, down)\n"
                       "end = relu(sum)\npool = global-avg-pool(end)\nfc = dense(pool) out=4\n";

static const char separable[] =
    NET_IMAGE(6, 6, 3) "a = conv(input) out=8 kernel=1 bias=0\nna = batch-norm(a)\nra = relu(na)\n"
                       "d = conv(ra) out=8 kernel=3 pad=1 bias=0 groups=8\nnd = batch-norm(d)\n"
                       "rd = relu(nd)\np = conv(rd) out=5 kernel=1\nflat = flatten(p)\n"
                       "fc = dense(flat) out=4\n";

/* In groups of two channels. */
static const char grouped[] =
    NET_IMAGE(6, 6, 3) "a = conv(input) out=8 kernel=1\nra = relu(a)\n"
                       "g = conv(ra) out=8 kernel=3 groups=4\nflat = flatten(g)\n"
                       "fc = dense(flat) out=4\n";

/* A net with random weights; the caller frees both. */
static float *open_net(td_net *net, const char *text) {
    net_parsed(net, text, &small);
    float *weights = calloc(net->weight_count, sizeof *weights);
    assert_non_null(weights);
    net_weights(net, weights);
    for (size_t i = 0; i < net->param_count; i++) /* a variance is not below 0 */
        for (size_t k = 0; net->params[i].role == TD_RUNNING && k < net->params[i].count; k++)
            weights[net->params[i].offset + k] = fabsf(weights[net->params[i].offset + k]) + 0.5F;
    return weights;
}

/* The logits of random images, [BATCH, classes]; the caller frees them. */
static float *logits(const td_net *net, const float *weights) {
    td_exec *exec;
    float *out = calloc(BATCH * td_net_classes(net), sizeof *out);
    assert_non_null(out);
    assert_int_equal(td_exec_new(&exec, net, BATCH, TD_FORWARD, NULL), TD_OK);
    td_exec_weights(exec, weights);
    net_normal(td_exec_input(exec), BATCH * td_shape_size(td_net_input(net)), 7);
    memcpy(out, td_exec_forward(exec, BATCH), BATCH * td_net_classes(net) * sizeof *out);
    td_exec_free(exec);
    return out;
}

static double difference(const float *a, const float *b, size_t count) {
    double *expected = net_doubles(b, count), residual = net_residual(a, expected, count);
    free(expected);
    return residual;
}

static void test_find_last_convolution(void **state) {
    (void)state;
    static const char *const rows[][2] = {{"cnn", "relu4"},
                                          {"cnn-bn", "relu4"},
                                          {"lenet5", "relu2"},
                                          {"vgg16", "features.42"},
                                          {"resnet34", "layer4.2"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        td_net net;
        size_t node;
        net_parsed(&net, td_zoo_text(rows[i][0]), &variables);
        assert_int_equal(td_channels_find(&net, NULL, &node, NULL), TD_OK);
        assert_string_equal(net.nodes[node].name, rows[i][1]);
        td_net_free(&net);
    }
}

static void test_find_by_name(void **state) {
    (void)state;
    static const char *const rows[][2] = {{"layer2.0.conv1", "layer2.0.relu1"},
                                          {"layer2.0.bn1", "layer2.0.relu1"},
                                          {"layer3.1.conv2", "layer3.1"},
                                          {"conv1", "relu"},
                                          {"maxpool", "maxpool"}};
    td_net net;
    size_t node;
    net_parsed(&net, td_zoo_text("resnet34"), &variables);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(td_channels_find(&net, rows[i][0], &node, NULL), TD_OK);
        assert_string_equal(net.nodes[node].name, rows[i][1]);
    }
    td_net_free(&net);
}

static void assert_not_found(const char *text, const char *name, const char *message) {
    td_net net;
    td_error error;
    size_t node;
    net_parsed(&net, text, &variables);
    assert_int_equal(td_channels_find(&net, name, &node, &error), TD_ERR_USAGE);
    support_assert_contains(error.message, message);
    td_net_free(&net);
}

static void test_find_refuses(void **state) {
    (void)state;
    const char *cnn = td_zoo_text("cnn");
    assert_not_found(cnn, "conv9", "expected a node of the net, found \"conv9\"");
    assert_not_found(cnn, "flat", "found node \"flat\", which is flatten");
    assert_not_found(cnn, "scale", "found node \"scale\", which is scale");
    assert_not_found(
        NET_IMAGE(4, 4, 2) "r = relu(input)\nflat = flatten(r)\nfc = dense(flat) out=2\n", "r",
        "found node \"r\", which is relu");
    assert_not_found(cnn, "fc3", "found node \"fc3\", which gives the logits");
    assert_not_found(NET_IMAGE(4, 4, 1) "conv = conv(input) out=1 kernel=3\nflat = flatten(conv)\n"
                                        "fc = dense(flat) out=2\n",
                     NULL, "expected a net with a convolution of more than one channel");
    assert_not_found(NET_IMAGE(4, 4, 1) "conv = conv(input) out=1 kernel=3\nflat = flatten(conv)\n"
                                        "fc = dense(flat) out=2\n",
                     "conv", "more than one channel, found node \"conv\" of one");
}

static void test_rank(void **state) {
    (void)state;
    const double mean[] = {0.5, 0, 2, 0, -1, 0.5};
    const size_t expected[] = {4, 1, 3, 0, 5, 2};
    size_t order[6];
    td_channels_rank(mean, 6, order);
    assert_memory_equal(order, expected, sizeof order);
}

/* By hand: two images of 2×1 pixels; channels are 2x, −x + 3 and 0·x, through a ReLU. */
static void test_mean(void **state) {
    (void)state;
    static const uint8_t pixels[] = {1, 2, 5, 0};
    const float weights[] = {2, -1, 0, /* bias */ 0, 3, 0, /* fc */ 0, 0, 0, 0, 0};
    const td_images images = {
        .count = 2, .height = 2, .width = 1, .channels = 1, .classes = 1, .pixels = pixels};
    td_net net;
    double mean[3];
    net_parsed(&net,
               NET_IMAGE(2, 1, 1) "conv = conv(input) out=3 kernel=1\nrelu = relu(conv)\n"
                                  "pool = global-avg-pool(relu)\nfc = dense(pool) out=1\n",
               NULL);
    assert_int_equal(td_channels_mean(&net, weights, 2, &images, (td_predict_watch){0}, mean, NULL),
                     TD_OK);
    assert_true(mean[0] == 2 * 8 / 4.0 && mean[1] == (2 + 1 + 0 + 3) / 4.0 && mean[2] == 0);
    td_net_free(&net);
}

/* A branch before the node that it does not depend on is not run. */
static void test_mean_beside_a_branch(void **state) {
    (void)state;
    td_net net;
    size_t node;
    double mean[6];
    float *weights = open_net(&net, residual_block);
    uint8_t *pixels = calloc(8 * 8 * 3, 1);
    const td_images images = {
        .count = 1, .height = 8, .width = 8, .channels = 3, .classes = 1, .pixels = pixels};
    assert_int_equal(td_channels_find(&net, "conv1", &node, NULL), TD_OK);
    assert_int_equal(
        td_channels_mean(&net, weights, node, &images, (td_predict_watch){0}, mean, NULL), TD_OK);
    free(pixels);
    free(weights);
    td_net_free(&net);
}

typedef struct masked {
    td_net net, with;
    float *weights, *with_weights;
    size_t node, mask;
    td_arena arena;
} masked;

static void mask_layer(masked *m, const char *text, const char *name) {
    *m = (masked){0};
    m->weights = open_net(&m->net, text);
    assert_int_equal(td_channels_find(&m->net, name, &m->node, NULL), TD_OK);
    assert_int_equal(td_channels_insert(&m->net, m->weights, m->node, &m->arena, &m->with,
                                        &m->with_weights, &m->mask, NULL),
                     TD_OK);
}

static void free_masked(masked *m) {
    free(m->weights);
    td_net_free(&m->net);
    td_net_free(&m->with);
    td_arena_free(&m->arena);
}

/* Every second channel. */
static void mask_half(masked *m) {
    float *values = td_channels_mask(&m->with, m->with_weights, m->mask);
    for (size_t c = 0; c < m->with.nodes[m->mask].shape.channels; c += 2)
        values[c] = 0;
}

static void test_insert(void **state) {
    (void)state;
    masked m;
    mask_layer(&m, td_zoo_text("cnn-bn"), NULL);
    assert_string_equal(m.with.nodes[m.mask].name, "relu4_mask");
    assert_string_equal(m.with.nodes[m.with.nodes[m.mask].inputs[0]].name, "relu4");
    assert_int_equal(td_channels_reader(&m.with, m.mask - 1), m.mask);
    float *before = logits(&m.net, m.weights), *same = logits(&m.with, m.with_weights);
    assert_true(difference(same, before, BATCH * CLASSES) < 1e-6);
    mask_half(&m);
    float *after = logits(&m.with, m.with_weights);
    assert_true(difference(after, before, BATCH * CLASSES) > 1e-3);
    free(before);
    free(same);
    free(after);
    free_masked(&m);
}

/* An existing mask is reused, and what it masked stays masked. */
static void test_insert_again(void **state) {
    (void)state;
    masked m;
    td_net again;
    float *weights;
    size_t node, mask;
    mask_layer(&m, td_zoo_text("lenet5"), NULL);
    mask_half(&m);
    assert_int_equal(td_channels_find(&m.with, NULL, &node, NULL), TD_OK);
    assert_int_equal(node, m.mask);
    assert_int_equal(
        td_channels_insert(&m.with, m.with_weights, node, &m.arena, &again, &weights, &mask, NULL),
        TD_OK);
    assert_int_equal(mask, m.mask);
    assert_int_equal(again.node_count, m.with.node_count);
    assert_memory_equal(weights, m.with_weights, again.weight_count * sizeof *weights);
    td_net_free(&again);
    free_masked(&m);
}

static void assert_removed_alike(const char *text, const char *name) {
    masked m;
    td_net less;
    float *weights;
    td_error error;
    mask_layer(&m, text, name);
    mask_half(&m);
    if (td_channels_remove(&m.with, m.with_weights, m.mask, &m.arena, &less, &weights, &error) !=
        TD_OK)
        fail_msg("%s", error.message);
    assert_int_equal(less.node_count, m.net.node_count);
    assert_true(less.weight_count < m.net.weight_count);
    float *expected = logits(&m.with, m.with_weights), *found = logits(&less, weights);
    assert_true(difference(found, expected, BATCH * CLASSES) < 1e-5);
    free(expected);
    free(found);
    td_net_free(&less);
    free_masked(&m);
}

static void test_remove(void **state) {
    (void)state;
    assert_removed_alike(td_zoo_text("lenet5"), NULL);
    assert_removed_alike(td_zoo_text("lenet5"), "conv1");
    assert_removed_alike(td_zoo_text("lenet5"), "fc1");
    assert_removed_alike(td_zoo_text("cnn-bn"), NULL);
    assert_removed_alike(td_zoo_text("cnn-bn"), "conv2");
    assert_removed_alike(residual_block, "conv1");
}

/* A depthwise convolution passes channels on: channels masked after it are removed from it and from
 * the layer before it. */
static void test_remove_behind_a_depthwise_convolution(void **state) {
    (void)state;
    assert_removed_alike(separable, "a");
    assert_removed_alike(separable, "d");
}

/* `text` with leaky-relu for relu. */
static char *leaky(const char *text) {
    char *out = calloc(2 * strlen(text) + 1, 1), *to = out;
    assert_non_null(out);
    while (*text) {
        const bool found = strncmp(text, "= relu(", 7) == 0;
        const char *copied = found ? "= leaky-relu(" : (const char[]){*text, '\0'};
        to = stpcpy(to, copied);
        text += found ? 7 : 1;
    }
    return out;
}

/* Another activation that keeps zeros is treated like ReLU: masks come after it, and channels are
 * removed through it. */
static void test_leaky_relu_is_as_relu(void **state) {
    (void)state;
    static const char *const names[] = {"lenet5", "cnn-bn", "resnet34-small"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        td_net net, other;
        size_t node, same;
        char *text = leaky(td_zoo_text(names[i]));
        assert_non_null(strstr(text, "leaky-relu("));
        net_parsed(&net, td_zoo_text(names[i]), &variables);
        net_parsed(&other, text, &variables);
        assert_int_equal(td_channels_find(&net, NULL, &node, NULL), TD_OK);
        assert_int_equal(td_channels_find(&other, NULL, &same, NULL), TD_OK);
        assert_int_equal(node, same);
        td_net_free(&net);
        td_net_free(&other);
        if (i < 2)
            assert_removed_alike(text, NULL);
        free(text);
    }
    char *text = leaky(residual_block);
    assert_removed_alike(text, "conv1");
    free(text);
}

/* Nodes that scale each channel alike may be on the way back to the layer; their numbers are
 * removed with the channels. */
static void test_remove_behind_constants(void **state) {
    (void)state;
    assert_removed_alike(NET_IMAGE(4, 4, 1) "a = conv(input) out=4 kernel=3\n"
                                            "n = normalise(a) mean=1,2,3,4 deviation=2\n"
                                            "s = scale(n) by=1/2\nr = relu(s)\n"
                                            "c = crop(r) height=2 width=1\nflat = flatten(c)\n"
                                            "fc = dense(flat) out=4\n",
                         "a");
}

static void assert_not_removed(const char *text, const char *name, float value,
                               const char *message) {
    masked m;
    td_net less;
    float *weights;
    td_error error;
    mask_layer(&m, text, name);
    float *values = td_channels_mask(&m.with, m.with_weights, m.mask);
    for (size_t c = 0; c < m.with.nodes[m.mask].shape.channels; c++)
        values[c] = c == 0 || value == 0 ? value : 1;
    assert_int_equal(
        td_channels_remove(&m.with, m.with_weights, m.mask, &m.arena, &less, &weights, &error),
        TD_ERR_USAGE);
    support_assert_contains(error.message, message);
    assert_null(less.nodes);
    free_masked(&m);
}

static void test_remove_refuses(void **state) {
    (void)state;
    const char *cnn = td_zoo_text("lenet5");
    assert_not_removed(cnn, NULL, 0, "every channel is masked");
    assert_not_removed(cnn, NULL, 0.5F, "other values than 0 and 1");
    static const char branches[] = NET_IMAGE(
        4, 4,
        1) "a = conv(input) out=2 kernel=3\nb = conv(input) out=2 kernel=3\nboth = concat(a, b)\n"
           "flat = flatten(both)\nfc = dense(flat) out=2\n";
    masked m;
    td_net less;
    float *weights;
    td_error error;
    mask_layer(&m, branches, "a");
    mask_half(&m);
    assert_int_equal(
        td_channels_remove(&m.with, m.with_weights, m.mask, &m.arena, &less, &weights, &error),
        TD_ERR_USAGE);
    support_assert_contains(error.message, "node \"both\" (concat): the masked channels are joined "
                                           "with others, so that none can be taken out");
    free_masked(&m);
    mask_layer(&m, grouped, "a");
    mask_half(&m);
    assert_int_equal(
        td_channels_remove(&m.with, m.with_weights, m.mask, &m.arena, &less, &weights, &error),
        TD_ERR_USAGE);
    support_assert_contains(error.message, "node \"g\" (conv): the masked channels are in groups");
    free_masked(&m);
    mask_layer(&m, residual_block, NULL);
    mask_half(&m);
    assert_int_equal(
        td_channels_remove(&m.with, m.with_weights, m.mask, &m.arena, &less, &weights, &error),
        TD_ERR_USAGE);
    support_assert_contains(error.message, "node \"sum\" (add)");
    free_masked(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find_last_convolution),
        cmocka_unit_test(test_find_by_name),
        cmocka_unit_test(test_find_refuses),
        cmocka_unit_test(test_rank),
        cmocka_unit_test(test_mean),
        cmocka_unit_test(test_mean_beside_a_branch),
        cmocka_unit_test(test_insert),
        cmocka_unit_test(test_insert_again),
        cmocka_unit_test(test_remove),
        cmocka_unit_test(test_remove_behind_a_depthwise_convolution),
        cmocka_unit_test(test_leaky_relu_is_as_relu),
        cmocka_unit_test(test_remove_behind_constants),
        cmocka_unit_test(test_remove_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
