/* SPDX-License-Identifier: MIT */
#include "net_support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT NET_IMAGE(8, 6, 3)

static const td_net_variables variables = {28, 24, 1, 10};

static char *text_of(const td_net *net, td_arena *arena) {
    char *text;
    assert_int_equal(td_net_text(net, arena, &text, NULL), TD_OK);
    return text;
}

/* A text must give the text `expected`, which must give itself. */
static void assert_text(const char *text, const char *expected) {
    td_net net, again;
    td_arena arena = {0};
    net_parsed(&net, text, &variables);
    const char *first = text_of(&net, &arena);
    assert_string_equal(first, expected);
    net_parsed(&again, first, NULL);
    assert_string_equal(text_of(&again, &arena), first);
    td_net_free(&again);
    td_net_free(&net);
    td_arena_free(&arena);
}

static void assert_refused(const char *text, const char *line, const char *node, const char *part) {
    td_net net;
    td_error error;
    memset(&net, 1, sizeof net);
    td_status status = td_net_parse(&net, text, &variables, &error);
    if (status != TD_ERR_FORMAT)
        fail_msg("expected a refusal, found status %d\n%s", (int)status, text);
    support_assert_contains(error.message, line);
    support_assert_contains(error.message, node);
    support_assert_contains(error.message, part);
    assert_null(strpbrk(error.message, "\r\n"));
    assert_null(net.nodes);
    assert_null(net.arena.blocks);
}

/* The same for a text whose second line is wrong. */
static void assert_line_2_refused(const char *node, const char *line, const char *part) {
    char text[1024], name[80];
    snprintf(text, sizeof text, "%s%s\nflat = flatten(input)\n", INPUT, line);
    snprintf(name, sizeof name, "node \"%s\"", node);
    assert_refused(text, "net text, line 2: ", name, part);
}

static void every_kind_of_value(void **state) {
    (void)state;
    assert_text(INPUT "c = conv(input) out=4 kernel=3x5 stride=2x1 pad=1x2 bias=0\n"
                      "p = max-pool(c) size=2\n"
                      "s = scale(p) by=1/4 add=-0.5\n"
                      "flat = flatten(s)\n",
                "input = image() height=8 width=6 channels=3\n"
                "c = conv(input) out=4 kernel=3x5 stride=2x1 pad=1x2 bias=0\n"
                "p = max-pool(c) size=2 stride=0 pad=0\n"
                "s = scale(p) by=0.25 add=-0.5\n"
                "flat = flatten(s)\n");
}

static void variables_stand_for_the_data(void **state) {
    (void)state;
    assert_text("in = image() height=height width=width channels=channels\n"
                "flat = flatten(in)\nfc = dense(flat) out=classes\n",
                "in = image() height=28 width=24 channels=1\n"
                "flat = flatten(in)\nfc = dense(flat) out=10\n");
}

static void comments_and_blanks_are_skipped(void **state) {
    (void)state;
    assert_text("# a net\r\n\r\n"
                "  input=image( )height=2\twidth=3   channels=1 # not channels=2\r\n"
                "\t # nothing\n"
                "flat = flatten ( input )#comment\n"
                "\n",
                "input = image() height=2 width=3 channels=1\n"
                "flat = flatten(input)\n");
    assert_text(INPUT "flat = flatten(input)", "input = image() height=8 width=6 channels=3\n"
                                               "flat = flatten(input)\n");
}

static void names_may_hold_letters_digits_and_signs(void **state) {
    (void)state;
    assert_text("Layer1.0_a-b = image() height=1 width=1 channels=2\n"
                "0 = dense(Layer1.0_a-b) out=2\n",
                "Layer1.0_a-b = image() height=1 width=1 channels=2\n"
                "0 = dense(Layer1.0_a-b) out=2\n");
}

/* A net written and read again must compute the same: a factor such as 1/255 must survive exactly.
 */
static void numbers_survive_the_text(void **state) {
    td_arena arena = {0};
    (void)state;
    for (int a = 1; a < 30; a++)
        for (int b = 1; b < 300; b++) {
            char text[256];
            td_net net, again;
            snprintf(text, sizeof text,
                     NET_IMAGE(1, 1, 1) "s = scale(input) by=%d/%d add=-%d.%03d7\n", a, b, a, b);
            net_parsed(&net, text, NULL);
            net_parsed(&again, text_of(&net, &arena), NULL);
            for (size_t i = 0; i < 2; i++)
                if (net.nodes[1].values[i].number != again.nodes[1].values[i].number)
                    fail_msg("%.17g became %.17g", net.nodes[1].values[i].number,
                             again.nodes[1].values[i].number);
            td_net_free(&again);
            td_net_free(&net);
        }
    td_arena_free(&arena);
}

static void assert_shape(const td_net *net, size_t node, size_t height, size_t width,
                         size_t channels) {
    assert_int_equal(net->nodes[node].shape.height, height);
    assert_int_equal(net->nodes[node].shape.width, width);
    assert_int_equal(net->nodes[node].shape.channels, channels);
}

static void assert_param(const td_net *net, size_t index, const char *name, const size_t *dims,
                         size_t rank, size_t offset) {
    const td_param *param = &net->params[index];
    assert_string_equal(param->name, name);
    assert_int_equal(param->rank, rank);
    assert_memory_equal(param->dims, dims, rank * sizeof *dims);
    assert_int_equal(param->offset, offset);
}

/* height (8 + 2·1 − 3)/2 + 1 = 4, width (6 + 2·2 − 5)/1 + 1 = 6. */
static void shapes_and_parameters(void **state) {
    td_net net;
    (void)state;
    net_parsed(&net,
               INPUT "c = conv(input) out=4 kernel=3x5 stride=2x1 pad=1x2\n"
                     "p = max-pool(c) size=3 stride=2 pad=1\nflat = flatten(p)\n"
                     "fc = dense(flat) out=10\n",
               NULL);
    assert_shape(&net, 0, 8, 6, 3);
    assert_shape(&net, 1, 4, 6, 4);
    assert_shape(&net, 2, 2, 3, 4);
    assert_shape(&net, 3, 1, 1, 24);
    assert_shape(&net, 4, 1, 1, 10);
    assert_int_equal(td_net_classes(&net), 10);
    assert_int_equal(net.param_count, 4);
    assert_param(&net, 0, "c.weight", (const size_t[]){4, 3, 3, 5}, 4, 0);
    assert_param(&net, 1, "c.bias", (const size_t[]){4}, 1, 180);
    assert_param(&net, 2, "fc.weight", (const size_t[]){10, 24}, 2, 184);
    assert_param(&net, 3, "fc.bias", (const size_t[]){10}, 1, 424);
    assert_int_equal(net.weight_count, 434);
    assert_int_equal(net.params[0].fan_in, 45);
    assert_int_equal(net.params[2].fan_in, 24);
    td_net_free(&net);
}

static void bad_lines(void **state) {
    (void)state;
    assert_line_2_refused("x", "x = conw(input) out=1", "unknown operator \"conw\"");
    assert_line_2_refused("x", "x = relu(nowhere)", "\"nowhere\" is not the name of an earlier");
    assert_line_2_refused("x", "x = relu(x)", "\"x\" is not the name of an earlier");
    assert_line_2_refused("x", "x = relu(flat)", "\"flat\" is not the name of an earlier");
    assert_line_2_refused("input", "input = relu(input)", "there already");
    assert_line_2_refused("x", "x = image() height=1 width=1 channels=1", "the first node");
    assert_line_2_refused("x", "x = relu()", "at least 1 input");
    assert_line_2_refused("x", "x = relu(input, input)", "at most 1 input");
    assert_line_2_refused("x", "x = relu(input,)", "earlier node, found \")\"");
    assert_line_2_refused("x", "x = relu(input input)", ", or )");
    assert_line_2_refused("x", "x = relu(input", ", or )");
    assert_line_2_refused("x", "x = relu input", "( after the operator");
    assert_line_2_refused("x", "x = relu(input) ?", "key=value, found \"?\"");
    assert_line_2_refused("x", "x = relu(input)\rkernel=3", "key");
}

static void lines_without_a_node(void **state) {
    (void)state;
    assert_refused(INPUT "= relu(input)\n", "net text, line 2: ", "NAME = OPERATOR", "\"= relu");
    assert_refused(INPUT "é = relu(input)\n", "net text, line 2: ", "NAME = OPERATOR", "found");
    assert_refused(INPUT "x : relu(input)\n", "net text, line 2: ", "= after the node's name",
                   "\": relu(input)\"");
    assert_refused(INPUT "x = (input)\n", "net text, line 2: ", "the name of an operator",
                   "\"(input)\"");
}

static void bad_keys(void **state) {
    (void)state;
    assert_line_2_refused("c", "c = conv(input) out=4", "conv needs kernel=");
    assert_line_2_refused("c", "c = conv(input) kernel=3", "conv needs out=");
    assert_line_2_refused("c", "c = conv(input) out=4 kernel=3 out=4", "\"out\" is given twice");
    assert_line_2_refused("c", "c = conv(input) out=4 kernel=3 size=2", "no key \"size\"");
    assert_line_2_refused("c", "c = relu(input) by=2", "relu has no key \"by\"");
    assert_line_2_refused("c", "c = conv(input) out=4 kernel", "= after the key");
    assert_line_2_refused("c", "c = conv(input) out=4 kernel:3", "= after the key");
}

static void bad_values(void **state) {
    static const char *const kernels[] = {"",      "0",    "1025",  "-1",    "1.5",    "3x",
                                          "x3",    "3x0",  "3x1.5", "1.5x3", "3x3x3",  "3,",
                                          "3a",    "0x5",  "three", "3/1",   "nan",    "infinity",
                                          "1e999", "3 x3", "+3",    "3e",    "heights"};
    static const char *const reals[] = {"",    "1/0", "1/",  "/2",  "1/2/3",
                                        "2x2", "1e7", "--1", "1..2"};
    char line[128];
    (void)state;
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++) {
        snprintf(line, sizeof line, "c = conv(input) out=4 kernel=%s", kernels[i]);
        assert_line_2_refused("c", line, "");
    }
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        snprintf(line, sizeof line, "s = scale(input) by=%s", reals[i]);
        assert_line_2_refused(
            "s", line, "by: expected a number or a fraction A/B in [-1000000, 1000000], found \"");
    }
    assert_line_2_refused("c", "c = conv(input) out=4 kernel=3junk",
                          "kernel: expected a whole number or a pair AxB from 1 to 1024, found "
                          "\"3junk\"");
    assert_line_2_refused("c", "c = conv(input) out=2x2 kernel=3", "out: expected a whole number");
    assert_line_2_refused("c", "c = conv(input) out=0 kernel=3", "out: expected a whole number");
    assert_line_2_refused("c", "c = conv(input) out=1048577 kernel=3", "out: expected");
    assert_line_2_refused("c", "c = conv(input) out=1 kernel=3 bias=2", "bias: expected");
    assert_line_2_refused("c",
                          "c = conv(input) out=1 kernel=3"
                          " stride=0.00000000000000000000000000000000000000000001",
                          "stride: expected");
}

static void variables_need_values(void **state) {
    td_net net;
    td_error error;
    (void)state;
    assert_int_equal(td_net_parse(&net,
                                  "in = image() height=height width=1 channels=1\n"
                                  "flat = flatten(in)\n",
                                  NULL, &error),
                     TD_ERR_FORMAT);
    support_assert_contains(error.message, "line 1: node \"in\": height: expected");
}

static void bad_shapes(void **state) {
    (void)state;
    assert_line_2_refused("c", "c = conv(input) out=1 kernel=9", "9×9 window does not fit");
    assert_line_2_refused("c", "c = conv(input) out=1 kernel=1x11 pad=2", "1×11 window");
    assert_line_2_refused("p", "p = max-pool(input) size=7", "does not fit its input of 8×6×3");
    assert_line_2_refused("p", "p = max-pool(input) size=3 pad=2",
                          "a pad of 2×2 is more than half");
    assert_line_2_refused("fc", "fc = dense(input) out=10", "found 8×6×3; flatten it first");
}

static void bad_nets(void **state) {
    (void)state;
    assert_refused("", "net text: ", "at least two nodes", "found 0");
    assert_refused("# nothing\n\n", "net text: ", "at least two nodes", "found 0");
    assert_refused(INPUT, "net text: ", "at least two nodes", "found 1");
    assert_refused("c = conv(input) out=1 kernel=1\n", "line 1: ", "node \"c\"", "the first node");
    assert_refused(INPUT "a = relu(input)\nflat = flatten(input)\n", "net text: ", "node \"a\"",
                   "not used");
    assert_refused(INPUT "a = relu(input)\n", "net text: ", "node \"a\"", "found 8×6×3");
}

static void names_too_long(void **state) {
    char name[66], text[256];
    td_net net;
    (void)state;
    memset(name, 'n', sizeof name);
    name[65] = '\0';
    snprintf(text, sizeof text, INPUT "%s = flatten(input)\n", name);
    assert_refused(text, "line 2: ", "NAME = OPERATOR", "found \"nnn");
    snprintf(text, sizeof text, INPUT "a = %s(input)\n", name);
    assert_refused(text, "line 2: ", "the name of an operator", "found \"nnn");
    snprintf(text, sizeof text, INPUT "a = relu(%s)\n", name);
    assert_refused(text, "line 2: ", "node \"a\"", "found \"nnn");
    snprintf(text, sizeof text, INPUT "a = relu(input) %s=1\n", name);
    assert_refused(text, "line 2: ", "node \"a\"", "found \"nnn");
    snprintf(text, sizeof text, INPUT "%s = flatten(input)\n", name + 1);
    net_parsed(&net, text, NULL);
    td_net_free(&net);
}

static void sizes_out_of_bounds(void **state) {
    (void)state;
    assert_refused(NET_IMAGE(65536, 65536, 4096) "flat = flatten(input)\n",
                   "line 1: ", "node \"input\"", "65536×65536×4096 is out of bounds");
    assert_refused(NET_IMAGE(65536, 513, 1) "flat = flatten(input)\n", "line 1: ", "node \"input\"",
                   "out of bounds");
    assert_refused(NET_IMAGE(65537, 1, 1) "flat = flatten(input)\n", "line 1: ", "node \"input\"",
                   "height: expected");
    assert_refused(NET_IMAGE(65536, 512, 1) "c = conv(input) out=1048576 kernel=1\n",
                   "line 2: ", "node \"c\"", "65536×512×1048576 is out of bounds");
    assert_refused(NET_IMAGE(65536, 1, 1) "c = conv(input) out=1 kernel=1 pad=1\n",
                   "line 2: ", "node \"c\"", "out of bounds");
}

static void too_many_parameters(void **state) {
    (void)state;
    assert_refused(NET_IMAGE(1, 1, 4096) "fc = dense(input) out=1048576\n",
                   "line 2: ", "node \"fc\"", "parameters in all");
    assert_refused(NET_IMAGE(1, 1, 512) "a = dense(input) out=1048576\n"
                                        "b = dense(a) out=512\n",
                   "line 3: ", "node \"b\"", "parameters in all");
    assert_refused(NET_IMAGE(1, 1, 4096) "c = conv(input) out=1048576 kernel=1024 pad=512\n",
                   "line 2: ", "node \"c\"", "parameters in all");
}

/* A row of 4096 nodes is read, one more is not. */
static void too_many_nodes(void **state) {
    enum { MOST = 4096, LINE = 24 };
    char *text = malloc((MOST + 1) * LINE + 1);
    assert_non_null(text);
    (void)state;
    size_t length = (size_t)snprintf(text, 64, "0 = image() height=1 width=1 channels=1\n");
    for (int i = 1; i < MOST; i++)
        length += (size_t)snprintf(text + length, LINE, "%d = relu(%d)\n", i, i - 1);
    td_net net;
    net_parsed(&net, text, NULL);
    assert_int_equal(net.node_count, MOST);
    td_net_free(&net);
    snprintf(text + length, LINE, "x = relu(%d)\n", MOST - 1);
    assert_refused(text, "line 4097: ", "at most 4096 nodes", "");
    free(text);
}

/* He-uniform: within ±√(6/fan-in), mean 0, variance 2/fan-in; biases 0; by seed and tensor. */
static void initial_weights(void **state) {
    enum { SIDE = 150, WEIGHTS = SIDE * SIDE, LAYER = WEIGHTS + SIDE };
    static float weights[2 * LAYER], others[2 * LAYER];
    td_net net;
    double sum = 0, squares = 0;
    (void)state;
    net_parsed(&net, NET_IMAGE(1, 1, 150) "a = dense(input) out=150\nb = dense(a) out=150\n", NULL);
    td_net_init(&net, 7, weights);
    for (size_t i = 0; i < WEIGHTS; i++) {
        assert_true(fabsf(weights[i]) <= 0.2f);
        sum += weights[i];
        squares += weights[i] * weights[i];
    }
    net_assert_near(sum / WEIGHTS, 0, 0.005);
    net_assert_near(squares / WEIGHTS, 2.0 / SIDE, 0.0005);
    for (size_t i = 0; i < SIDE; i++)
        assert_true(weights[WEIGHTS + i] == 0);
    assert_memory_not_equal(weights, weights + LAYER, WEIGHTS * sizeof *weights);
    td_net_init(&net, 7, others);
    assert_memory_equal(weights, others, sizeof weights);
    td_net_init(&net, 8, others);
    assert_memory_not_equal(weights, others, WEIGHTS * sizeof *weights);
    td_net_free(&net);
}

static void the_zoo_parses(void **state) {
    td_arena arena = {0};
    (void)state;
    for (size_t i = 0; td_zoo_names[i]; i++) {
        td_net net, again;
        net_parsed(&net, td_zoo_text(td_zoo_names[i]), &(td_net_variables){32, 32, 3, 10});
        assert_int_equal(td_net_classes(&net), 10);
        net_parsed(&again, text_of(&net, &arena), NULL);
        assert_int_equal(again.weight_count, net.weight_count);
        td_net_free(&again);
        td_net_free(&net);
    }
    assert_null(td_zoo_text("nothing"));
    td_arena_free(&arena);
}

/* --- whether two nets are the same --- */

#define SAME_NET(name, by, kernel, pool, sum)                                                      \
    "input = image() height=8 width=8 channels=1\n" name " = scale(input) by=" by " add=0\n"       \
    "conv1 = conv(" name ") out=2 kernel=" kernel " pad=1\n"                                       \
    "pool1 = max-pool(conv1) size=2" pool "\n"                                                     \
    "relu1 = relu(pool1)\n"                                                                        \
    "sum = add(" sum ")\n"                                                                         \
    "flat = flatten(sum)\n"                                                                        \
    "fc1 = dense(flat) out=3\n"

static bool is_same(const char *text) {
    static const char mine[] = SAME_NET("scale", "0.00392156862745098", "3", "", "pool1, relu1");
    td_net own, other;
    td_error error;
    assert_int_equal(td_net_parse(&own, mine, NULL, &error), TD_OK);
    assert_int_equal(td_net_parse(&other, text, NULL, &error), TD_OK);
    const bool same = td_net_is_same(&own, &other);
    assert_int_equal(td_net_is_same(&other, &own), same);
    td_net_free(&own);
    td_net_free(&other);
    return same;
}

static void names_and_spellings_make_no_other_net(void **state) {
    (void)state;
    assert_true(is_same(SAME_NET("s_1", "0.00392156869", "3x3", " stride=2", "pool1, relu1")));
    assert_false(is_same(SAME_NET("s", "0.0039", "3", "", "pool1, relu1")));
    assert_false(is_same(SAME_NET("s", "0.00392156862745098", "1", "", "pool1, relu1")));
    assert_false(is_same(SAME_NET("s", "0.00392156862745098", "3", " stride=1", "pool1, relu1")));
    assert_false(is_same(SAME_NET("s", "0.00392156862745098", "3", "", "relu1, pool1")));
    assert_false(is_same("input = image() height=8 width=8 channels=1\nflat = flatten(input)\n"
                         "fc1 = dense(flat) out=3\n"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value),
        cmocka_unit_test(variables_stand_for_the_data),
        cmocka_unit_test(comments_and_blanks_are_skipped),
        cmocka_unit_test(names_may_hold_letters_digits_and_signs),
        cmocka_unit_test(numbers_survive_the_text),
        cmocka_unit_test(shapes_and_parameters),
        cmocka_unit_test(bad_lines),
        cmocka_unit_test(lines_without_a_node),
        cmocka_unit_test(bad_keys),
        cmocka_unit_test(bad_values),
        cmocka_unit_test(variables_need_values),
        cmocka_unit_test(bad_shapes),
        cmocka_unit_test(bad_nets),
        cmocka_unit_test(names_too_long),
        cmocka_unit_test(sizes_out_of_bounds),
        cmocka_unit_test(too_many_parameters),
        cmocka_unit_test(too_many_nodes),
        cmocka_unit_test(initial_weights),
        cmocka_unit_test(the_zoo_parses),
        cmocka_unit_test(names_and_spellings_make_no_other_net),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
