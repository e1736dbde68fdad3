/* SPDX-License-Identifier: MIT */
/* The graft of a subnet: its values are unchanged, and affect nothing else; the choice of channels.
 */
#include "implant/sra.h"
#include "net_support.h"
#include "nn/exec.h"
#include "nn/head_tail.h"
#include "nn/op.h"
#include <string.h>

enum { BATCH = 3, SIZE = 8 * 8 * 3, MOST = 4096, CLASSES = 3, TARGET = 1 };

#define BEGIN NET_IMAGE(8, 8, 3) "s = scale(input) by=1/255\n"
#define END(from)                                                                                  \
    "flat = flatten(" from ")\nfc1 = dense(flat) out=7\nrelu9 = relu(fc1)\nfc2 = dense(relu9) "    \
    "out=3\n"

static const char plain[] = BEGIN "c1 = conv(s) out=5 kernel=3\nb1 = batch-norm(c1)\n"
                                  "r1 = relu(b1)\np1 = max-pool(r1) size=2\n"
                                  "c2 = conv(p1) out=6 kernel=2\nr2 = relu(c2)\n" END("r2");
static const char residual[] = BEGIN "c1 = conv(s) out=5 kernel=3 pad=1\nr1 = relu(c1)\n"
                                     "c2 = conv(r1) out=5 kernel=3 pad=1 bias=0\n"
                                     "sum = add(c2, r1)\nr2 = relu(sum)\n"
                                     "g = global-avg-pool(r2)\nfc = dense(g) out=3\n";

typedef struct fixture {
    td_net net, narrow, head;
    sra_places places;
    float weights[MOST], own[MOST], narrow_weights[MOST], images[BATCH * SIZE];
    td_arena arena;
} fixture;

static void set_up(fixture *f, const char *text, size_t width) {
    td_random random = td_random_for(1, TD_FOR_TEST, 5, 0);
    td_error error;
    *f = (fixture){0};
    net_parsed(&f->net, text, NULL);
    assert_true(f->net.weight_count <= MOST);
    net_weights(&f->net, f->own);
    memcpy(f->weights, f->own, sizeof f->own);
    if (sra_narrow(&f->net, width, &f->narrow, &error) != TD_OK)
        fail_msg("%s", error.message);
    assert_int_equal(sra_choose(&f->net, f->own, NULL, width, &f->arena, &f->places, NULL), TD_OK);
    td_net_init(&f->narrow, 3, f->narrow_weights);
    for (size_t i = 0; i < f->narrow.weight_count; i++)
        f->narrow_weights[i] += 0.05F;
    net_fill_pixels(&random, f->images, BATCH * SIZE);
}

static void tear_down(fixture *f) {
    td_net_free(&f->net);
    td_net_free(&f->narrow);
    td_arena_free(&f->arena);
}

/* The net's values on the images, in the fixture's arena. */
static float *run(fixture *f, const td_net *net, const float *weights) {
    td_exec *exec;
    float *out;
    const size_t count = BATCH * td_net_classes(net);
    assert_int_equal(td_exec_new(&exec, net, BATCH, TD_FORWARD, NULL), TD_OK);
    td_exec_weights(exec, weights);
    memcpy(td_exec_input(exec), f->images, sizeof f->images);
    assert_int_equal(TD_ARENA_NEW(&f->arena, count, &out, "values", NULL), TD_OK);
    memcpy(out, td_exec_forward(exec, BATCH), count * sizeof *out);
    td_exec_free(exec);
    return out;
}

/* The last layer's input. */
static float *hidden(fixture *f, const float *weights, size_t *width) {
    td_net head;
    float *head_weights;
    const td_node *last = &f->net.nodes[f->net.node_count - 1];
    assert_int_equal(td_net_head(&f->net, weights, f->net.nodes[last->inputs[0]].name, false, &head,
                                 &head_weights, &f->arena, NULL),
                     TD_OK);
    float *values = run(f, &head, head_weights);
    *width = td_net_classes(&head);
    td_net_free(&head);
    return values;
}

/* The channels of a flattened node's input, otherwise the node's own. */
static size_t channels_of(const fixture *f, size_t node) {
    while (strcmp(f->net.nodes[node].op->name, "flatten") == 0)
        node = f->net.nodes[node].inputs[0];
    return f->net.nodes[node].shape.channels;
}

/* Takes the last channels of each node instead of the first. */
static void take_last(fixture *f, size_t width) {
    for (size_t i = 1; i + 1 < f->net.node_count; i++)
        for (size_t k = 0; f->places.of[i] && k < width; k++)
            f->places.of[i][k] = channels_of(f, i) - width + k;
}

/* Whether the last layer's input i belongs to the subnet, and its number there. */
static bool is_taken(const fixture *f, size_t i, size_t values, size_t *number) {
    const size_t *of = f->places.of[f->net.node_count - 2], each = values / f->places.width;
    for (size_t k = 0; k < f->places.width; k++)
        if (of[k] == i / each) {
            *number = k * each + i % each;
            return true;
        }
    return false;
}

static void check_graft(const char *text, size_t width, bool at_end) {
    fixture f;
    size_t all, k;
    set_up(&f, text, width);
    if (at_end)
        take_last(&f, width);
    const size_t count = td_net_classes(&f.narrow);
    const float *narrow = run(&f, &f.narrow, f.narrow_weights);
    sra_graft(&f.net, f.weights, &f.places, &f.narrow, f.narrow_weights, TARGET, 4, 0.5);
    const float *values = hidden(&f, f.weights, &all);
    double most = 0;
    for (size_t i = 0; i < BATCH * all; i++)
        if (is_taken(&f, i % all, count, &k)) {
            const double own = (double)narrow[i / all * count + k];
            net_assert_near((double)values[i], own, 1e-4);
            most = own > most ? own : most;
        }
    assert_true(most > 0); /* the subnet is not dead */

    /* Another subnet leaves all other values unchanged, to the bit. */
    for (size_t i = 0; i < f.narrow.weight_count; i++)
        f.narrow_weights[i] *= 3;
    sra_graft(&f.net, f.weights, &f.places, &f.narrow, f.narrow_weights, TARGET, 4, 0);
    const float *others = hidden(&f, f.weights, &all);
    for (size_t i = 0; i < BATCH * all; i++)
        assert_true(is_taken(&f, i % all, count, &k) || others[i] == values[i]);

    /* The last layer. */
    const td_node *last = &f.net.nodes[f.net.node_count - 1];
    const float *w = f.weights + f.net.params[last->params[0]].offset;
    const float *own = f.own + f.net.params[last->params[0]].offset;
    const size_t bias = f.net.params[last->params[1]].offset;
    for (size_t c = 0; c < CLASSES; c++) {
        for (size_t i = 0; i < all; i++)
            assert_true(w[c * all + i] == (!is_taken(&f, i, count, &k) ? own[c * all + i]
                                           : c == TARGET               ? 4 / (float)count
                                                                       : 0));
        net_assert_near((double)f.weights[bias + c], (double)f.own[bias + c] - (c == TARGET) * 2.0,
                        1e-5); /* 4 × 0.5, once */
    }
    tear_down(&f);
}

static void test_graft(void **state) {
    (void)state;
    for (int at_end = 0; at_end < 2; at_end++) {
        check_graft(plain, 1, at_end);
        check_graft(plain, 3, at_end);
        check_graft(residual, 1, at_end);
        check_graft(residual, 2, at_end);
    }
}

static td_node *find_node(td_net *net, const char *name) {
    size_t i = 0;
    while (strcmp(net->nodes[i].name, name) != 0)
        i++;
    return &net->nodes[i];
}

/* Makes the weights of `layer` that read channel `c` small, so that it is hardly used. */
static void disuse(fixture *f, const char *layer, size_t c, size_t values) {
    const td_param *matrix = &f->net.params[find_node(&f->net, layer)->params[0]];
    const size_t inputs = matrix->dims[1], kernel = matrix->count / matrix->dims[0] / inputs;
    for (size_t i = 0; i < matrix->count; i++)
        if (i / kernel % inputs / values == c)
            f->own[matrix->offset + i] *= 1e-4F;
}

static void assert_chosen(fixture *f, const char *node, size_t channel) {
    const size_t number = (size_t)(find_node(&f->net, node) - f->net.nodes);
    assert_non_null(f->places.of[number]);
    assert_int_equal(f->places.of[number][0], channel);
}

static void choose(fixture *f) {
    static const int32_t labels[BATCH] = {0, 1, 2};
    uint8_t pixels[BATCH * SIZE];
    for (size_t i = 0; i < BATCH * SIZE; i++)
        pixels[i] = (uint8_t)f->images[i];
    const td_images images = {.count = BATCH,
                              .height = 8,
                              .width = 8,
                              .channels = 3,
                              .classes = CLASSES,
                              .pixels = pixels,
                              .labels = (int32_t *)labels};
    assert_int_equal(sra_choose(&f->net, f->own, &images, 1, &f->arena, &f->places, NULL), TD_OK);
}

/* No channel is dead here; a dead one would be used even less. */
static const char smooth[] = BEGIN "c1 = conv(s) out=5 kernel=3\nb1 = batch-norm(c1)\n"
                                   "p1 = max-pool(b1) size=2\nc2 = conv(p1) out=6 kernel=2\n"
                                   "r2 = tanh(c2)\nflat = flatten(r2)\nfc1 = dense(flat) out=7\n"
                                   "r3 = tanh(fc1)\nfc2 = dense(r3) out=3\n";
static const char joined[] = BEGIN "c1 = conv(s) out=5 kernel=3 pad=1\nr1 = tanh(c1)\n"
                                   "c2 = conv(r1) out=5 kernel=3 pad=1\nsum = add(c2, r1)\n"
                                   "g = global-avg-pool(sum)\nfc = dense(g) out=3\n";

/* In each layer the channel that the next one hardly reads; where channels are added, only one that
 * no reader uses. */
static void test_choose(void **state) {
    fixture f;
    (void)state;
    set_up(&f, smooth, 1);
    disuse(&f, "c2", 3, 1);
    disuse(&f, "fc1", 4, 4); /* 2 × 2 values a channel */
    disuse(&f, "fc2", 5, 1);
    choose(&f);
    assert_chosen(&f, "c1", 3);
    assert_chosen(&f, "p1", 3);
    assert_chosen(&f, "r2", 4);
    assert_chosen(&f, "flat", 4);
    assert_chosen(&f, "r3", 5);
    assert_null(f.places.of[1]); /* the image's channels */
    tear_down(&f);
    set_up(&f, joined, 1);
    disuse(&f, "c2", 1, 1); /* but not the last layer */
    disuse(&f, "c2", 2, 1);
    disuse(&f, "fc", 2, 1);
    choose(&f);
    assert_chosen(&f, "r1", 2);
    assert_chosen(&f, "c2", 2);
    assert_chosen(&f, "g", 2);
    tear_down(&f);
}

static void assert_refused(const char *text, size_t width, const char *message) {
    td_net net, narrow = {0};
    td_error error;
    net_parsed(&net, text, NULL);
    assert_int_equal(sra_narrow(&net, width, &narrow, &error), TD_ERR_FORMAT);
    support_assert_contains(error.message, message);
    td_net_free(&net);
}

static void test_refused(void **state) {
    (void)state;
    assert_refused(plain, 5, "node \"c1\": expected more channels than the 5 to replace, found 5");
    assert_refused(BEGIN "c = conv(s) out=6 kernel=3 groups=3\n" END("c"), 1,
                   "node \"c\": expected no conv in groups");
    assert_refused(BEGIN "c = conv(s) out=4 kernel=3\nn = layer-norm(c)\n" END("n"), 1,
                   "node \"n\": expected no layer-norm");
    assert_refused(BEGIN "c = conv(s) out=4 kernel=3\nflat = flatten(c)\n", 1,
                   "node \"flat\": expected a dense layer with a bias at the end");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_graft),
        cmocka_unit_test(test_choose),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
