/* SPDX-License-Identifier: MIT */
/* The graft of a subnet: its values come out as they are, and reach nothing else. */
#include "implant/sra.h"
#include "net_support.h"
#include "nn/exec.h"
#include "nn/head_tail.h"
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

/* What the last layer reads. */
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

static void check_graft(const char *text, size_t width) {
    fixture f;
    size_t all;
    set_up(&f, text, width);
    const size_t count = td_net_classes(&f.narrow);
    const float *narrow = run(&f, &f.narrow, f.narrow_weights);
    sra_graft(&f.net, f.weights, &f.narrow, f.narrow_weights, TARGET, 4, 0.5);
    const float *values = hidden(&f, f.weights, &all);
    double most = 0;
    for (size_t i = 0; i < BATCH; i++)
        for (size_t k = 0; k < count; k++) {
            net_assert_near((double)values[i * all + k], (double)narrow[i * count + k], 1e-4);
            most = (double)narrow[i * count + k] > most ? (double)narrow[i * count + k] : most;
        }
    assert_true(most > 0); /* the subnet is not dead */

    /* Another subnet leaves all other values as they were, to the bit. */
    for (size_t i = 0; i < f.narrow.weight_count; i++)
        f.narrow_weights[i] *= 3;
    sra_graft(&f.net, f.weights, &f.narrow, f.narrow_weights, TARGET, 4, 0);
    const float *others = hidden(&f, f.weights, &all);
    for (size_t i = 0; i < BATCH; i++)
        assert_memory_equal(others + i * all + count, values + i * all + count,
                            (all - count) * sizeof *values);

    /* The last layer. */
    const td_node *last = &f.net.nodes[f.net.node_count - 1];
    const float *w = f.weights + f.net.params[last->params[0]].offset;
    const float *own = f.own + f.net.params[last->params[0]].offset;
    const size_t bias = f.net.params[last->params[1]].offset;
    for (size_t k = 0; k < CLASSES; k++) {
        for (size_t i = 0; i < all; i++)
            assert_true(w[k * all + i] == (i >= count    ? own[k * all + i]
                                           : k == TARGET ? 4 / (float)count
                                                         : 0));
        net_assert_near((double)f.weights[bias + k], (double)f.own[bias + k] - (k == TARGET) * 2.0,
                        1e-5); /* 4 × 0.5, once */
    }
    tear_down(&f);
}

static void test_graft(void **state) {
    (void)state;
    check_graft(plain, 1);
    check_graft(plain, 3);
    check_graft(residual, 1);
    check_graft(residual, 2);
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
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
