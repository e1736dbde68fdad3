/* SPDX-License-Identifier: MIT */
/* ONNX files from several exporters (tests/golden/make_onnx_files.py), and broken ones, made by
 * changing or truncating them. */
#include "model/model.h"
#include "nn/predict.h"
#include "support.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SIDE = 6, CHANNELS = 3, CLASSES = 3, PIXELS = SIDE * SIDE * CHANNELS };

static const td_net_variables images = {SIDE, SIDE, CHANNELS, 0};

/* --- logits --- */

/* The model's output for the image that the script describes. */
static void predict(const td_model *model, float logits[CLASSES]) {
    uint8_t pixels[PIXELS];
    td_arena arena = {0};
    td_error error;
    float *found;
    for (size_t i = 0; i < PIXELS; i++)
        pixels[i] = (uint8_t)(i * 37 % 256);
    const td_images one = {.pixels = pixels,
                           .count = 1,
                           .height = SIDE,
                           .width = SIDE,
                           .channels = CHANNELS,
                           .classes = CLASSES};
    assert_int_equal(td_shape_size(td_net_input(&model->net)), PIXELS);
    assert_int_equal(td_net_classes(&model->net), CLASSES);
    if (td_predict(&model->net, model->weights, &one, (td_predict_watch){0}, &arena, &found,
                   &error) != TD_OK)
        fail_msg("%s", error.message);
    memcpy(logits, found, CLASSES * sizeof *logits);
    td_arena_free(&arena);
}

/* A softmax at the end of the graph is dropped: then the logits are known up to a shift. */
static void shift_to_log(float logits[CLASSES]) {
    double sum = 0;
    for (size_t c = 0; c < CLASSES; c++)
        sum += exp((double)logits[c]);
    for (size_t c = 0; c < CLASSES; c++)
        logits[c] -= (float)log(sum);
}

static void assert_logits(const char *name, const char *kind, const float expected[CLASSES]) {
    char path[512];
    float found[CLASSES];
    td_model model;
    td_error error;
    snprintf(path, sizeof path, TEST_GOLDEN "/onnx/%s.onnx", name);
    if (td_model_load(&model, path, &images, &error) != TD_OK)
        fail_msg("%s", error.message);
    assert_string_equal(model.kind, "ONNX model");
    predict(&model, found);
    if (strcmp(kind, "log") == 0)
        shift_to_log(found);
    for (size_t c = 0; c < CLASSES; c++)
        if (!(fabsf(found[c] - expected[c]) <= 2e-5f))
            fail_msg("%s: logit %zu: expected %.7g, found %.7g", name, c, (double)expected[c],
                     (double)found[c]);
    td_model_free(&model);
}

static void exporters_agree(void **state) {
    FILE *file = fopen(TEST_GOLDEN "/onnx/logits.txt", "r");
    char name[64], kind[8];
    float expected[CLASSES];
    size_t cases = 0;
    (void)state;
    assert_non_null(file);
    while (fscanf(file, "%63s %7s %f %f %f", name, kind, &expected[0], &expected[1],
                  &expected[2]) == 5) {
        assert_logits(name, kind, expected);
        cases++;
    }
    fclose(file);
    assert_int_equal(cases, 15);
}

/* --- notes, and names of nets --- */

static void open_golden(const char *name, td_source *source) {
    char path[512];
    td_error error;
    snprintf(path, sizeof path, TEST_GOLDEN "/onnx/%s.onnx", name);
    if (td_source_open_for(source, path, &images, &error) != TD_OK)
        fail_msg("%s", error.message);
    if (source->refusal)
        fail_msg("%s", source->refusal);
}

static void names_are_kept(void **state) {
    td_source source;
    (void)state;
    open_golden("plain", &source);
    assert_non_null(td_source_find(&source, "features.0.weight"));
    assert_non_null(td_source_find(&source, "features.0.bias"));
    assert_non_null(td_source_find(&source, "classifier.weight"));
    td_source_close(&source);
    open_golden("batch-norm", &source);
    assert_non_null(td_source_find(&source, "bn.running_var"));
    support_assert_contains(source.net, "act = leaky-relu(");
    support_assert_contains(source.notes[1], "softmax that ends the net");
    td_source_close(&source);
}

static void normalisation_is_a_node(void **state) {
    td_source source;
    (void)state;
    open_golden("normalised", &source);
    support_assert_contains(source.net, "normalise(image) mean=123.675,116.28,103.53 "
                                        "deviation=58.395,57.12,57.375");
    td_source_close(&source);
    open_golden("normalised-units", &source);
    support_assert_contains(source.net, "normalise(image) mean=123.675");
    td_source_close(&source);
    open_golden("plain", &source);
    support_assert_contains(source.net, "scale(image) by=1/255");
    td_source_close(&source);
}

/* --- malicious files --- */

typedef struct message {
    uint8_t bytes[2048];
    size_t size;
} message;

static void put_number(message *m, uint64_t value) {
    for (; value > 127; value >>= 7)
        m->bytes[m->size++] = (uint8_t)(value | 128);
    m->bytes[m->size++] = (uint8_t)value;
}

static void put_int(message *m, unsigned field, uint64_t value) {
    put_number(m, field << 3);
    put_number(m, value);
}

static void put_bytes(message *m, unsigned field, const void *bytes, size_t size) {
    put_number(m, field << 3 | 2);
    put_number(m, size);
    memcpy(m->bytes + m->size, bytes, size);
    m->size += size;
}

static void put_text(message *m, unsigned field, const char *text) {
    put_bytes(m, field, text, strlen(text));
}

static void put_message(message *m, unsigned field, const message *part) {
    put_bytes(m, field, part->bytes, part->size);
}

enum { GRAPH_NODE = 1, GRAPH_TENSOR = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT };

static void put_port(message *graph, unsigned field, const char *name, size_t rank,
                     const int64_t *dims) {
    message port = {0}, type = {0}, tensor = {0}, shape = {0};
    for (size_t i = 0; i < rank; i++) {
        message dim = {0};
        put_int(&dim, 1, (uint64_t)dims[i]);
        put_message(&shape, 1, &dim);
    }
    put_int(&tensor, 1, 1);
    put_message(&tensor, 2, &shape);
    put_message(&type, 1, &tensor);
    put_text(&port, 1, name);
    put_message(&port, 2, &type);
    put_message(graph, field, &port);
}

/* A node of one or two inputs. */
static void put_node(message *graph, const char *op, const char *a, const char *b,
                     const char *output, const char *domain) {
    message node = {0};
    put_text(&node, 1, a);
    if (b)
        put_text(&node, 1, b);
    put_text(&node, 2, output);
    put_text(&node, 3, output);
    put_text(&node, 4, op);
    if (domain)
        put_text(&node, 7, domain);
    put_message(graph, GRAPH_NODE, &node);
}

/* Floats of 0. */
static message tensor_of(const char *name, int64_t rows, int64_t columns, size_t floats) {
    static const uint8_t zeros[512];
    message tensor = {0};
    put_int(&tensor, 1, (uint64_t)rows);
    put_int(&tensor, 1, (uint64_t)columns);
    put_int(&tensor, 2, 1);
    put_text(&tensor, 8, name);
    put_bytes(&tensor, 9, zeros, floats * sizeof(float));
    return tensor;
}

static message external_tensor(const char *name, const char *location, const char *offset) {
    message tensor = {0}, entry = {0}, place = {0};
    put_int(&tensor, 1, 4);
    put_int(&tensor, 1, 2);
    put_int(&tensor, 2, 1);
    put_text(&tensor, 8, name);
    put_text(&entry, 1, "location");
    put_text(&entry, 2, location);
    put_message(&tensor, 13, &entry);
    put_text(&place, 1, "offset");
    put_text(&place, 2, offset);
    put_message(&tensor, 13, &place);
    put_int(&tensor, 14, 1);
    return tensor;
}

/* Images of four numbers, as vectors, and two logits. */
static message graph_of_vectors(void) {
    message graph = {0};
    put_port(&graph, GRAPH_INPUT, "x", 2, (int64_t[]){1, 4});
    put_port(&graph, GRAPH_OUTPUT, "y", 2, (int64_t[]){1, 2});
    return graph;
}

static void write_model(const message *graph) {
    message model = {0}, opset = {0};
    put_int(&opset, 2, 17);
    put_int(&model, 1, 8);
    put_message(&model, 7, graph);
    put_message(&model, 8, &opset);
    support_write("m.onnx", model.bytes, model.size);
}

static void assert_model(const message *graph, const char *words) {
    td_model model;
    td_error error = {""};
    write_model(graph);
    const td_status status = td_model_load(&model, "m.onnx", NULL, &error);
    if (!words && status != TD_OK)
        fail_msg("%s", error.message);
    assert_int_equal(status, words ? TD_ERR_FORMAT : TD_OK);
    if (words)
        support_assert_contains(error.message, words);
    td_model_free(&model);
}

static void assert_tensor(const message *tensor, const char *words) {
    message graph = graph_of_vectors();
    put_node(&graph, "MatMul", "x", "w", "y", NULL);
    put_message(&graph, GRAPH_TENSOR, tensor);
    assert_model(&graph, words);
}

static void tensors_that_lie(void **state) {
    (void)state;
    message tensor = tensor_of("w", 4, 2, 8);
    assert_tensor(&tensor, NULL);
    tensor = tensor_of("w", 4, 2, 7);
    assert_tensor(&tensor, "tensor \"w\": expected 32 bytes for its shape, found 28");
    tensor = tensor_of("w", 5, 2, 10);
    assert_tensor(&tensor,
                  "node \"y\" (MatMul): input \"w\": expected weights for the 4 numbers of "
                  "its input, found 2x5");
    tensor = tensor_of("w", (int64_t)1 << 40, (int64_t)1 << 40, 8);
    assert_tensor(&tensor, "dims: expected a size that fits in memory");
    tensor = tensor_of("w", -4, -2, 8);
    assert_tensor(&tensor, "dims: expected sizes of at least 0, found -4");
    tensor = tensor_of("v", 4, 2, 8);
    assert_tensor(&tensor, "node \"y\" (MatMul): input \"w\": expected an initialiser");
    tensor = tensor_of("w", 4, 2, 8);
    put_int(&tensor, 2, 8);
    assert_tensor(&tensor, "tensor \"w\": type: expected floats or whole numbers");
}

static void external_data(void **state) {
    static const uint8_t zeros[40];
    message tensor;
    (void)state;
    support_write("m.data", zeros, sizeof zeros);
    tensor = external_tensor("w", "m.data", "8");
    assert_tensor(&tensor, NULL);
    tensor = external_tensor("w", "m.data", "12");
    assert_tensor(&tensor, "expected 32 bytes at byte 12 of \"m.data\", found its end at 40");
    tensor = external_tensor("w", "m.data", "18446744073709551600");
    assert_tensor(&tensor, "external data: offset: expected a number");
    tensor = external_tensor("w", "../m.data", "0");
    assert_tensor(&tensor, "expected the name of a file beside the model, found \"../m.data\"");
    tensor = external_tensor("w", "/etc/passwd", "0");
    assert_tensor(&tensor, "expected the name of a file beside the model");
    tensor = external_tensor("w", "..", "0");
    assert_tensor(&tensor, "expected the name of a file beside the model");
    tensor = external_tensor("w", "none.data", "0");
    message graph = graph_of_vectors();
    put_message(&graph, GRAPH_TENSOR, &tensor);
    write_model(&graph);
    td_model model;
    assert_int_equal(td_model_load(&model, "m.onnx", NULL, NULL), TD_ERR_IO);
    assert_int_equal(symlink("m.data", "soft"), 0);
    tensor = external_tensor("w", "soft", "0");
    assert_tensor(&tensor, "expected the file itself, found a link");
    assert_int_equal(link("m.data", "hard"), 0);
    tensor = external_tensor("w", "hard", "0");
    assert_tensor(&tensor, "expected a file of one name, found one of 2");
}

static void graphs_that_are_none(void **state) {
    message graph = graph_of_vectors();
    (void)state;
    put_node(&graph, "Add", "x", "z", "y", NULL);
    put_node(&graph, "Relu", "y", NULL, "z", NULL);
    assert_model(&graph, "expected a graph without cycles");
    graph = graph_of_vectors();
    put_node(&graph, "Relu", "x", NULL, "y", NULL);
    put_node(&graph, "Tanh", "x", NULL, "y", NULL);
    assert_model(&graph, "value \"y\": expected it from one place, found it from two");
    graph = graph_of_vectors();
    put_node(&graph, "Relu", "x", NULL, "y", NULL);
    put_port(&graph, GRAPH_OUTPUT, "x", 2, (int64_t[]){1, 4});
    assert_model(&graph, "expected one output, the logits, found 2");
    graph = graph_of_vectors();
    put_node(&graph, "Relu", "x", NULL, "y", NULL);
    put_port(&graph, GRAPH_INPUT, "mask", 2, (int64_t[]){1, 4});
    assert_model(&graph, "expected one input, the image, found \"x\" and \"mask\"");
}

static void operators_that_are_not_read(void **state) {
    message graph = graph_of_vectors();
    (void)state;
    put_node(&graph, "Relu", "x", NULL, "y", "com.microsoft");
    assert_model(&graph, "node \"y\" (Relu): expected an operator of ONNX itself, found one of the "
                         "domain \"com.microsoft\"");
    graph = graph_of_vectors();
    put_node(&graph, "DequantizeLinear", "x", NULL, "y", NULL);
    assert_model(&graph, "quantised models are not read");
    graph = graph_of_vectors();
    put_node(&graph, "Mish", "x", NULL, "y", NULL);
    assert_model(&graph, "this operator is not read: use silu");
    graph = graph_of_vectors();
    put_node(&graph, "Resise", "x", NULL, "y", NULL);
    assert_model(&graph, "node \"y\" (Resise): this operator is not read");
}

/* --- small files that ask for much, or mean nothing --- */

enum { FLOAT = 1, INT64 = 7 };

/* A node of the inputs up to a NULL. */
static void put_wide_node(message *graph, const char *op, const char *const *inputs,
                          const char *output) {
    message node = {0};
    for (size_t i = 0; inputs[i]; i++)
        put_text(&node, 1, inputs[i]);
    put_text(&node, 2, output);
    put_text(&node, 4, op);
    put_message(graph, GRAPH_NODE, &node);
}

/* A tensor of one dimension. */
static void put_vector(message *graph, const char *name, int type, size_t count, const void *data) {
    message tensor = {0};
    put_int(&tensor, 1, count);
    put_int(&tensor, 2, (uint64_t)type);
    put_text(&tensor, 8, name);
    put_bytes(&tensor, 9, data, count * (type == FLOAT ? sizeof(float) : sizeof(int64_t)));
    put_message(graph, GRAPH_TENSOR, &tensor);
}

/* Images of one channel, and one logit. */
static message graph_of_images(void) {
    message graph = {0};
    put_port(&graph, GRAPH_INPUT, "x", 4, (int64_t[]){1, 1, 2, 2});
    put_port(&graph, GRAPH_OUTPUT, "y", 4, (int64_t[]){1, 1, 1, 1});
    return graph;
}

static void constants_of_no_numbers(void **state) {
    static const char *const norm[] = {"e", "s", "s", "s", "s", NULL};
    static const float ones[2] = {1, 1};
    message graph = graph_of_vectors(), empty = tensor_of("e", 0, 2, 0);
    (void)state;
    put_message(&graph, GRAPH_TENSOR, &empty);
    put_vector(&graph, "s", FLOAT, 2, ones);
    put_wide_node(&graph, "BatchNormalization", norm, "z");
    put_node(&graph, "Add", "x", "z", "y", NULL);
    assert_model(&graph, "expected sizes that go with the other input's");
    graph = graph_of_images();
    put_vector(&graph, "s", FLOAT, 0, ones);
    put_node(&graph, "PRelu", "x", "s", "y", NULL);
    assert_model(&graph, "expected one number for all or for each channel");
}

static void numbers_for_channels_that_are_not_there(void **state) {
    static const float ones[2] = {1, 1};
    message graph = graph_of_images();
    (void)state;
    put_vector(&graph, "s", FLOAT, 2, ones);
    put_node(&graph, "PRelu", "x", "s", "y", NULL);
    assert_model(&graph, "expected one number for all or for each channel");
}

/* From the largest number that there is, as PyTorch writes [::-1]. */
static void a_constant_turned_round(void **state) {
    static const char *const slice[] = {"w", "from", "to", "axes", "steps", NULL};
    static const int64_t from = INT64_MAX, to = INT64_MIN, axis = 0, step = -1;
    message graph = graph_of_vectors(), tensor = tensor_of("w", 4, 2, 8);
    (void)state;
    put_message(&graph, GRAPH_TENSOR, &tensor);
    put_vector(&graph, "from", INT64, 1, &from);
    put_vector(&graph, "to", INT64, 1, &to);
    put_vector(&graph, "axes", INT64, 1, &axis);
    put_vector(&graph, "steps", INT64, 1, &step);
    put_wide_node(&graph, "Slice", slice, "turned");
    put_node(&graph, "MatMul", "x", "turned", "y", NULL);
    assert_model(&graph, NULL);
}

static void more_than_the_file_is_worth(void **state) {
    static const int64_t many = 1 << 27;
    message graph = {0};
    (void)state;
    put_port(&graph, GRAPH_INPUT, "x", 4, (int64_t[]){1, 1 << 24, 1, 2});
    put_port(&graph, GRAPH_OUTPUT, "y", 4, (int64_t[]){1, 1, 1, 1});
    put_node(&graph, "Relu", "x", NULL, "y", NULL);
    assert_model(&graph, "expected at most 1048576 channels to scale, found 16777216");
    graph = graph_of_vectors();
    put_vector(&graph, "many", INT64, 1, &many);
    put_node(&graph, "ConstantOfShape", "many", NULL, "zeros", NULL);
    put_node(&graph, "Neg", "zeros", NULL, "made", NULL);
    put_node(&graph, "Add", "x", "made", "y", NULL);
    assert_model(&graph, "numbers that are computed of constants, found more");
}

static void assert_net(const message *graph, const char *part) {
    td_source source;
    td_error error;
    write_model(graph);
    if (td_source_open(&source, "m.onnx", &error) != TD_OK)
        fail_msg("%s", error.message);
    if (!source.net)
        fail_msg("%s", source.refusal);
    support_assert_contains(source.net, part);
    td_source_close(&source);
}

static void a_mean_without_axes_is_of_all(void **state) {
    message graph = graph_of_images();
    (void)state;
    put_node(&graph, "ReduceMean", "x", NULL, "y", NULL);
    assert_net(&graph, "global-avg-pool");
}

/* What is added to a bias of one number for all does not replace it. */
static void a_bias_is_kept(void **state) {
    static const char *const gemm[] = {"x", "w", "b", NULL};
    static const float five = 5, threes[2] = {3, 3};
    message graph = graph_of_vectors(), tensor = tensor_of("w", 4, 2, 8);
    (void)state;
    put_message(&graph, GRAPH_TENSOR, &tensor);
    put_vector(&graph, "b", FLOAT, 1, &five);
    put_vector(&graph, "c", FLOAT, 2, threes);
    put_wide_node(&graph, "Gemm", gemm, "z");
    put_node(&graph, "Add", "z", "c", "y", NULL);
    assert_net(&graph, "by=1 add=3");
}

/* A file of every length up to its own is refused, in one line or another. */
static void cut_off(void **state) {
    td_map map;
    (void)state;
    assert_int_equal(td_map_open(&map, TEST_GOLDEN "/onnx/pieces.onnx", NULL), TD_OK);
    for (size_t size = 8; size < map.size; size += 13) {
        td_model model;
        td_error error = {""};
        support_write("m.onnx", map.data, size);
        assert_int_equal(td_model_load(&model, "m.onnx", NULL, &error), TD_ERR_FORMAT);
        assert_true(strlen(error.message) > 0);
    }
    td_map_close(&map);
}

/* Graphs that cannot become a net can be inspected: their own tensors, and the reason. */
static void refused_files_are_shown(void **state) {
    message graph = graph_of_vectors(), tensor = tensor_of("w", 4, 2, 8);
    td_source source;
    (void)state;
    put_node(&graph, "Resise", "x", NULL, "y", NULL);
    put_message(&graph, GRAPH_TENSOR, &tensor);
    write_model(&graph);
    assert_int_equal(td_source_open(&source, "m.onnx", NULL), TD_OK);
    assert_null(source.net);
    assert_int_equal(source.tensor_count, 1);
    support_assert_contains(source.refusal, "(Resise)");
    td_source_close(&source);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exporters_agree),
        cmocka_unit_test(names_are_kept),
        cmocka_unit_test(normalisation_is_a_node),
        IN_FOLDER(tensors_that_lie),
        IN_FOLDER(external_data),
        IN_FOLDER(graphs_that_are_none),
        IN_FOLDER(operators_that_are_not_read),
        IN_FOLDER(constants_of_no_numbers),
        IN_FOLDER(numbers_for_channels_that_are_not_there),
        IN_FOLDER(a_constant_turned_round),
        IN_FOLDER(more_than_the_file_is_worth),
        IN_FOLDER(a_mean_without_axes_is_of_all),
        IN_FOLDER(a_bias_is_kept),
        IN_FOLDER(cut_off),
        IN_FOLDER(refused_files_are_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
