/* SPDX-License-Identifier: MIT */
/* Operators' declared properties hold, and the reference is complete. */
#include "net_support.h"
#include "nn/exec.h"
#include "nn/kernel/kernel.h"
#include "nn/op.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 4, CHANNELS = 4, MOST = 4096 };

/* A node of the operator on an image, with small values for all required keys. */
static void open_op(td_net *net, const td_op *op) {
    char text[512];
    const size_t side = op->dense ? 1 : SIDE;
    size_t used = (size_t)snprintf(text, sizeof text,
                                   "input = image() height=%zu width=%zu channels=%d\nx = %s(",
                                   side, side, CHANNELS, op->name);
    for (size_t i = 0; i < op->least_inputs; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s", i ? ", input" : "input");
    used += (size_t)snprintf(text + used, sizeof text - used, ")");
    for (const td_key *key = op->keys; key->name; key++)
        if (key->required)
            used += (size_t)snprintf(text + used, sizeof text - used, " %s=2", key->name);
    snprintf(text + used, sizeof text - used, "\nend = flatten(x)\n");
    net_parsed(net, text, NULL);
}

/* The values of node x, channel by channel, as flatten has them. */
static void run(const td_net *net, const float *images, float *out) {
    td_exec *exec;
    float *weights = calloc(net->weight_count + 1, sizeof *weights);
    assert_non_null(weights);
    net_weights(net, weights);
    for (size_t i = 0; i < net->param_count; i++) /* a variance is not below 0 */
        for (size_t k = 0; net->params[i].role == TD_RUNNING && k < net->params[i].count; k++)
            weights[net->params[i].offset + k] = 1;
    assert_int_equal(td_exec_new(&exec, net, 1, TD_FORWARD, NULL), TD_OK);
    td_exec_weights(exec, weights);
    memcpy(td_exec_input(exec), images, td_shape_size(td_net_input(net)) * sizeof *images);
    memcpy(out, td_exec_forward(exec, 1), td_net_classes(net) * sizeof *out);
    td_exec_free(exec);
    free(weights);
}

/* Whether a change of the input's channel 0 reaches other channels of the output. */
static bool mixes(const td_net *net) {
    float in[MOST], before[MOST], after[MOST];
    const size_t pixels = td_shape_size(td_net_input(net)) / CHANNELS;
    const td_shape shape = net->nodes[1].shape;
    net_normal(in, pixels * CHANNELS, 1);
    run(net, in, before);
    for (size_t p = 0; p < pixels; p++)
        in[p * CHANNELS] += 1;
    run(net, in, after);
    const size_t first = shape.height * shape.width;
    return memcmp(before + first, after + first, (td_net_classes(net) - first) * sizeof *before) !=
           0;
}

static void channels_are_as_said(void **state) {
    (void)state;
    for (size_t i = 1; td_ops()[i]; i++) {
        td_net net;
        open_op(&net, td_ops()[i]);
        const size_t channels = net.nodes[1].shape.channels;
        switch (td_ops()[i]->channels) {
        case TD_CHANNELS_KEPT:
        case TD_CHANNELS_ADDED:
            assert_int_equal(channels, CHANNELS);
            assert_false(mixes(&net));
            break;
        case TD_CHANNELS_NEW:
        case TD_CHANNELS_GROUPED:
            assert_int_equal(channels, 2);
            assert_true(net.param_count > 0 && mixes(&net));
            break;
        case TD_CHANNELS_MIXED:
            assert_int_equal(channels, CHANNELS);
            assert_true(mixes(&net));
            break;
        case TD_CHANNELS_JOINED:
            if (td_ops()[i]->least_inputs > 1)
                assert_int_equal(channels, 2 * CHANNELS);
            else
                assert_true(channels <= CHANNELS);
            break;
        case TD_CHANNELS_SPREAD:
            assert_int_equal(channels, CHANNELS * SIDE * SIDE);
            break;
        case TD_CHANNELS_OTHER: /* promises nothing */
            break;
        case TD_CHANNELS_GIVEN:
            fail_msg("%s: only the image is given", td_ops()[i]->name);
        }
        td_net_free(&net);
    }
    assert_int_equal(td_ops()[0]->channels, TD_CHANNELS_GIVEN);
}

static void zeros_are_as_said(void **state) {
    static const float zeros[MOST];
    float out[MOST];
    (void)state;
    for (size_t i = 1; td_ops()[i]; i++) {
        td_net net;
        open_op(&net, td_ops()[i]);
        run(&net, zeros, out);
        for (size_t k = 0; td_ops()[i]->zero && k < td_net_classes(&net); k++)
            if (out[k] != 0)
                fail_msg("%s makes %g of zeros", td_ops()[i]->name, (double)out[k]);
        td_net_free(&net);
    }
}

static void functions_are_as_said(void **state) {
    float in[SIDE * SIDE * CHANNELS], out[SIDE * SIDE * CHANNELS];
    (void)state;
    net_normal(in, SIDE * SIDE * CHANNELS, 1);
    for (size_t i = 1; td_ops()[i]; i++) {
        const td_op *op = td_ops()[i];
        if (!op->bounds && !op->training_only && !op->activation)
            continue;
        td_net net;
        open_op(&net, op);
        assert_int_equal(td_shape_size(net.nodes[1].shape), SIDE * SIDE * CHANNELS);
        run(&net, in, out);
        for (size_t p = 0; p < SIDE * SIDE; p++)
            for (size_t c = 0; c < CHANNELS; c++) {
                const float x = in[p * CHANNELS + c], y = out[c * SIDE * SIDE + p];
                assert_true(!op->bounds || y == td_clip(op->bounds(&net.nodes[1]), x));
                assert_true(!op->training_only || y == x);
            }
        td_net_free(&net);
    }
}

static void assert_words(const char *name, const char *words) {
    if (!words || strlen(words) < 3 || strchr(words, '\n') || words[strlen(words) - 1] == '.')
        fail_msg("%s: \"%s\"", name, words ? words : "nothing");
}

static void every_operator_is_in_the_reference(void **state) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    (void)state;
    assert_non_null(out);
    td_ops_reference(out);
    assert_int_equal(fclose(out), 0);
    const char *at = text;
    for (size_t i = 0; td_ops()[i]; i++) {
        char head[64];
        snprintf(head, sizeof head, "\n\n%s(", td_ops()[i]->name);
        at = strstr(at, head);
        if (!at)
            fail_msg("%s is missing", td_ops()[i]->name);
        assert_words(td_ops()[i]->name, td_ops()[i]->doc);
        assert_words(td_ops()[i]->name, td_ops()[i]->shapes);
        assert_true(i == 0 || td_ops()[i]->formula);
        const char *end = strstr(at + 2, "\n\n");
        for (const td_key *key = td_ops()[i]->keys; key->name; key++) {
            snprintf(head, sizeof head, "\n    %s  ", key->name);
            const char *line = strstr(at, head);
            if (!line || (end && line > end))
                fail_msg("%s: %s is missing", td_ops()[i]->name, key->name);
            assert_words(key->name, key->help);
            support_assert_contains(line, key->help);
            td_setting setting;
            assert_true(key->required != td_key_standard(key, &setting));
        }
    }
    free(text);
}

static size_t kernel_count(void) {
    size_t count = 0;
    while (td_kernels[count])
        count++;
    return count;
}

static bool last_runs(const td_kernel *kernel) {
    return kernel == td_kernels[kernel_count() - 1];
}

/* On a processor with the last kernel only. */
static void a_kernel_that_the_processor_lacks_is_refused(void **state) {
    const size_t last = kernel_count() - 1;
    char expected[160];
    td_error error;
    (void)state;
    assert_int_equal(td_kernel_check_name(td_kernels[last]->name, last_runs, &error), TD_OK);
    assert_int_equal(td_kernel_check_name("none", last_runs, &error), TD_ERR_USAGE);
    snprintf(expected, sizeof expected, "TRAPDOOR_KERNEL: expected %s, found none",
             td_kernels[last]->name);
    assert_string_equal(error.message, expected);
    for (size_t i = 0; i < last; i++) {
        assert_int_equal(td_kernel_check_name(td_kernels[i]->name, last_runs, &error),
                         TD_ERR_USAGE);
        snprintf(expected, sizeof expected,
                 "TRAPDOOR_KERNEL: expected %s, found %s, which this processor lacks",
                 td_kernels[last]->name, td_kernels[i]->name);
        assert_string_equal(error.message, expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(channels_are_as_said),
        cmocka_unit_test(zeros_are_as_said),
        cmocka_unit_test(functions_are_as_said),
        cmocka_unit_test(every_operator_is_in_the_reference),
        cmocka_unit_test(a_kernel_that_the_processor_lacks_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
