/* SPDX-License-Identifier: MIT */
#include "model/model.h"

#include "data/safetensors.h"
#include "net_support.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char text[] = "input = image() height=3 width=4 channels=2\n"
                           "s = scale(input) by=0.5 add=0\n"
                           "c = conv(s) out=2 kernel=3 stride=1 pad=0 bias=1\n"
                           "flat = flatten(c)\n"
                           "fc = dense(flat) out=2\n";

enum { PARAMS = 4, TENSORS = PARAMS + 1 };

static void write_model(const char *path, const td_net *net, const float *weights,
                        const char *training) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(td_model_write(file, net, weights, NULL, training, NULL), TD_OK);
    assert_int_equal(fclose(file), 0);
}

static void loaded(td_model *model, const char *path) {
    td_error error;
    if (td_model_load(model, path, NULL, &error) != TD_OK)
        fail_msg("%s", error.message);
}

static void assert_same_files(const char *a, const char *b) {
    size_t size_a, size_b;
    char *bytes_a = support_read(a, &size_a), *bytes_b = support_read(b, &size_b);
    assert_int_equal(size_a, size_b);
    assert_memory_equal(bytes_a, bytes_b, size_a);
    free(bytes_b);
    free(bytes_a);
}

static void round_trip(const char *training) {
    float weights[64];
    td_net net;
    td_model model;
    td_arena arena = {0};
    char *again;
    net_parsed(&net, text, NULL);
    assert_int_equal(net.weight_count, 36 + 2 + 8 + 2);
    net_weights(&net, weights);
    weights[0] = -0.0f;
    weights[1] = 1e-45f;
    write_model("a.safetensors", &net, weights, training);
    loaded(&model, "a.safetensors");
    assert_memory_equal(model.weights, weights, net.weight_count * sizeof *weights);
    assert_int_equal(td_net_text(&model.net, &arena, &again, NULL), TD_OK);
    assert_string_equal(again, text);
    if (training)
        assert_string_equal(model.training, training);
    else
        assert_null(model.training);
    write_model("b.safetensors", &model.net, model.weights, model.training);
    assert_same_files("a.safetensors", "b.safetensors");
    td_arena_free(&arena);
    td_model_free(&model);
    td_net_free(&net);
}

static void a_model_survives_its_file(void **state) {
    (void)state;
    round_trip(NULL);
    round_trip("{\"epochs\": 3, \"note\": \"é\\n\"}");
}

static void write_named(const char *const *names) {
    float weights[64];
    td_net net;
    FILE *file = fopen("m.safetensors", "wb");
    assert_non_null(file);
    net_parsed(&net, text, NULL);
    net_weights(&net, weights);
    assert_int_equal(td_net_classes(&net), 2);
    assert_int_equal(td_model_write(file, &net, weights, names, NULL, NULL), TD_OK);
    assert_int_equal(fclose(file), 0);
    td_net_free(&net);
}

static void a_model_keeps_the_names_of_its_classes(void **state) {
    static const char *const names[] = {"stop", "é"};
    td_model model;
    (void)state;
    write_named(names);
    loaded(&model, "m.safetensors");
    assert_string_equal(model.class_names[0], "stop");
    assert_string_equal(model.class_names[1], "é");
    td_model_free(&model);
    write_named(NULL);
    loaded(&model, "m.safetensors");
    assert_null(model.class_names);
    td_model_free(&model);
}

/* The tensors that a reader in another program expects. */
static void tensors_are_named_as_in_a_state_dict(void **state) {
    static const struct {
        const char *name;
        size_t rank, dims[4];
    } expected[PARAMS] = {{"c.weight", 4, {2, 2, 3, 3}},
                          {"c.bias", 1, {2}},
                          {"fc.weight", 2, {2, 4}},
                          {"fc.bias", 1, {2}}};
    float weights[64];
    td_net net;
    td_safetensors file;
    (void)state;
    net_parsed(&net, text, NULL);
    net_weights(&net, weights);
    write_model("m.safetensors", &net, weights, NULL);
    assert_int_equal(td_safetensors_open(&file, "m.safetensors", NULL), TD_OK);
    assert_int_equal(file.tensor_count, PARAMS);
    for (size_t i = 0; i < PARAMS; i++) {
        const td_tensor *tensor = td_safetensors_find(&file, expected[i].name);
        assert_non_null(tensor);
        assert_int_equal(tensor->dtype, TD_F32);
        assert_int_equal(tensor->rank, expected[i].rank);
        assert_memory_equal(tensor->dims, expected[i].dims, tensor->rank * sizeof *tensor->dims);
        assert_memory_equal(tensor->data, weights + net.params[i].offset, tensor->bytes);
    }
    assert_string_equal(td_safetensors_metadata(&file, "trapdoor.net"), text);
    td_safetensors_close(&file);
    td_net_free(&net);
}

/* The parts of a model file, to be corrupted before it is written. The last tensor is spare. */
typedef struct parts {
    td_tensor tensors[TENSORS];
    size_t tensor_count, metadata_count;
    td_metadata metadata[2];
    float values[64];
} parts;

static void good_parts(parts *p) {
    *p = (parts){.tensors = {{.name = "c.weight", .dtype = TD_F32, .rank = 4, .dims = {2, 2, 3, 3}},
                             {.name = "c.bias", .dtype = TD_F32, .rank = 1, .dims = {2}},
                             {.name = "fc.weight", .dtype = TD_F32, .rank = 2, .dims = {2, 4}},
                             {.name = "fc.bias", .dtype = TD_F32, .rank = 1, .dims = {2}},
                             {.name = "fc.extra", .dtype = TD_F32, .rank = 1, .dims = {1}}},
                 .tensor_count = PARAMS,
                 .metadata_count = 1,
                 .metadata = {{"trapdoor.net", text}}};
    size_t offset = 0;
    for (size_t i = 0; i < TENSORS; i++) {
        size_t count = 1;
        for (size_t d = 0; d < p->tensors[i].rank; d++)
            count *= p->tensors[i].dims[d];
        p->tensors[i].data = p->values + offset;
        offset += count;
    }
}

static void write_parts(const parts *p) {
    FILE *file = fopen("m.safetensors", "wb");
    assert_non_null(file);
    assert_int_equal(td_safetensors_write(file, p->tensors, p->tensor_count, p->metadata,
                                          p->metadata_count, NULL),
                     TD_OK);
    assert_int_equal(fclose(file), 0);
}

/* One line that names the file, the place in it, and what is wrong. */
static void assert_file_refused(td_status expected, const char *place, const char *part) {
    td_model model;
    td_error error;
    memset(&model, 1, sizeof model);
    assert_int_equal(td_model_load(&model, "m.safetensors", NULL, &error), expected);
    assert_memory_equal(error.message, "m.safetensors: ", 15);
    support_assert_contains(error.message, place);
    support_assert_contains(error.message, part);
    assert_null(strchr(error.message, '\n'));
    assert_null(model.net.nodes);
    assert_null(model.weights);
    assert_null(model.arena.blocks);
}

static void assert_refused(const parts *p, const char *place, const char *part) {
    write_parts(p);
    assert_file_refused(TD_ERR_FORMAT, place, part);
}

static void names_of_classes_are_checked(void **state) {
    static const struct {
        const char *text, *part;
    } bad[] = {{"[\"a\"]", "found 1"},
               {"[\"a\",\"b\",\"c\"]", "expected a JSON array of 1 to 2 names, found 3"},
               {"[\"a\",2]", "name 1: expected a string"},
               {"[\"a\",\"\\u0007\"]", "without control characters"},
               {"[", "line 1"}};
    parts p;
    (void)state;
    good_parts(&p);
    p.metadata_count = 2;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        p.metadata[1] = (td_metadata){"trapdoor.classes", bad[i].text};
        assert_refused(&p, "metadata: trapdoor.classes", bad[i].part);
    }
}

static void the_parts_are_good(void **state) {
    parts p;
    td_model model;
    (void)state;
    good_parts(&p);
    write_parts(&p);
    loaded(&model, "m.safetensors");
    td_model_free(&model);
}

static void values_that_are_not_finite(void **state) {
    parts p;
    (void)state;
    good_parts(&p);
    p.values[36 + 2 + 3] = NAN;
    assert_refused(&p, "tensor \"fc.weight\": value 3", "finite");
    good_parts(&p);
    p.values[36 + 1] = INFINITY;
    assert_refused(&p, "tensor \"c.bias\": value 1", "found inf");
    p.values[36 + 1] = -INFINITY;
    assert_refused(&p, "tensor \"c.bias\": value 1", "found -inf");
}

static void tensors_missing_or_too_many(void **state) {
    parts p;
    (void)state;
    good_parts(&p);
    p.tensor_count = PARAMS - 1;
    assert_refused(&p, "tensor \"fc.bias\"", "the file has none of this name");
    good_parts(&p);
    p.tensor_count = PARAMS + 1;
    assert_refused(&p, "tensor \"fc.extra\"", "no such parameter");
}

static void tensors_of_another_shape_or_type(void **state) {
    parts p;
    (void)state;
    good_parts(&p);
    p.tensors[2].dims[0] = 4;
    p.tensors[2].dims[1] = 2;
    assert_refused(&p, "tensor \"fc.weight\"",
                   "expected 2x4, found 4x2: another program's order of dimensions");
    good_parts(&p);
    p.tensors[2].rank = 1;
    p.tensors[2].dims[0] = 8;
    assert_refused(&p, "tensor \"fc.weight\"", "expected 2x4, found 8");
    good_parts(&p);
    p.tensors[2].rank = 3;
    p.tensors[2].dims[2] = 1;
    assert_refused(&p, "tensor \"fc.weight\"", "expected 2x4, found 2x4x1");
    good_parts(&p);
    p.tensors[1].dims[0] = 1;
    assert_refused(&p, "tensor \"c.bias\"", "expected 2, found 1");
    good_parts(&p);
    p.tensors[0].dtype = TD_I32;
    assert_refused(&p, "tensor \"c.weight\"", "type");
}

static void nets_missing_or_bad(void **state) {
    parts p;
    (void)state;
    good_parts(&p);
    p.metadata_count = 0;
    write_parts(&p);
    assert_file_refused(TD_ERR_USAGE, "it does not name its net", "--net");
    good_parts(&p);
    p.metadata[0].value = "input = image() height=1 width=1 channels=1\nx = nothing(input)\n";
    assert_refused(&p, "net text, line 2: node \"x\"", "unknown operator");
    p.metadata[0].value = "input = image() height=height width=1 channels=1\nx = relu(input)\n";
    assert_refused(&p, "line 1: node \"input\"", "height: expected");
    p.metadata[0].value = "";
    assert_refused(&p, "net text", "at least two nodes");
}

/* A state_dict as PyTorch saves it: no net's text, and a counter beside each running mean. */
static const char norm_text[] = "input = image() height=1 width=1 channels=2\n"
                                "bn = batch-norm(input)\n";

enum { NORM_TENSORS = 5, COUNTER = 0 };

typedef struct state_dict {
    td_tensor tensors[NORM_TENSORS];
    int64_t counter[2];
    float values[8]; /* weight, bias, running_mean, running_var */
} state_dict;

static void good_state_dict(state_dict *d) {
    static const char *const names[] = {"bn.weight", "bn.bias", "bn.running_mean",
                                        "bn.running_var"};
    *d = (state_dict){.counter = {12345, 0}, .values = {1, 2, 3, 4, 5, 6, 7, 8}};
    d->tensors[COUNTER] =
        (td_tensor){.name = "bn.num_batches_tracked", .dtype = TD_I64, .data = d->counter};
    for (size_t i = 0; i < 4; i++)
        d->tensors[1 + i] = (td_tensor){
            .name = names[i], .dtype = TD_F32, .rank = 1, .dims = {2}, .data = d->values + 2 * i};
}

static td_status load_state_dict(const state_dict *d, td_model *model, td_error *error) {
    FILE *file = fopen("m.safetensors", "wb");
    td_net net;
    assert_non_null(file);
    assert_int_equal(td_safetensors_write(file, d->tensors, NORM_TENSORS, NULL, 0, NULL), TD_OK);
    assert_int_equal(fclose(file), 0);
    net_parsed(&net, norm_text, NULL);
    td_status status = td_model_load_for(model, &net, "m.safetensors", error);
    assert_null(net.nodes);
    return status;
}

static void a_state_dict_for_a_net_that_is_given(void **state) {
    state_dict d;
    td_model model;
    td_error error;
    (void)state;
    good_state_dict(&d);
    if (load_state_dict(&d, &model, &error) != TD_OK)
        fail_msg("%s", error.message);
    assert_int_equal(model.net.weight_count, 8);
    assert_memory_equal(model.weights, d.values, sizeof d.values);
    assert_null(model.training);
    td_model_free(&model);
    assert_file_refused(TD_ERR_USAGE, "it does not name its net", "--net");
}

static void assert_state_dict_refused(const state_dict *d, const char *part) {
    td_model model;
    td_error error;
    assert_int_equal(load_state_dict(d, &model, &error), TD_ERR_FORMAT);
    assert_memory_equal(error.message, "m.safetensors: ", 15);
    support_assert_contains(error.message, part);
    assert_null(model.net.nodes);
    assert_null(model.weights);
}

/* Tensors similar to a counter that are not counters. */
static void only_counters_are_passed_over(void **state) {
    state_dict d;
    (void)state;
    good_state_dict(&d);
    d.tensors[COUNTER].name = "other.num_batches_tracked";
    assert_state_dict_refused(&d, "tensor \"other.num_batches_tracked\": the net has no such");
    d.tensors[COUNTER].name = "num_batches_tracked";
    assert_state_dict_refused(&d, "no such parameter");
    d.tensors[COUNTER].name = "bn.num_batches";
    assert_state_dict_refused(&d, "no such parameter");
    good_state_dict(&d);
    d.tensors[COUNTER].dtype = TD_F32;
    assert_state_dict_refused(&d, "no such parameter");
    good_state_dict(&d);
    d.tensors[COUNTER].rank = 1;
    d.tensors[COUNTER].dims[0] = 2;
    assert_state_dict_refused(&d, "no such parameter");
    good_state_dict(&d);
    d.tensors[1].name = "bn.gamma";
    assert_state_dict_refused(&d, "tensor \"bn.gamma\": the net has no such parameter");
}

/* A given net replaces the text in a file. */
static void a_model_for_another_net(void **state) {
    parts p;
    td_model model;
    td_net net;
    td_error error;
    (void)state;
    good_parts(&p);
    write_parts(&p);
    net_parsed(&net, text, NULL);
    assert_int_equal(td_model_load_for(&model, &net, "m.safetensors", &error), TD_OK);
    td_model_free(&model);
    net_parsed(&net, norm_text, NULL);
    assert_int_equal(td_model_load_for(&model, &net, "m.safetensors", &error), TD_ERR_FORMAT);
    support_assert_contains(error.message, "no such parameter");
    net_parsed(&net, text, NULL);
    assert_int_equal(td_model_load_for(&model, &net, "absent.safetensors", &error), TD_ERR_IO);
    assert_null(net.nodes);
    assert_null(model.net.nodes);
}

static void other_files(void **state) {
    (void)state;
    support_write_text("m.safetensors", "input = image() height=1 width=1 channels=1\n");
    assert_file_refused(TD_ERR_FORMAT, "found a net text", "--net");
    support_write_text("m.safetensors", "");
    assert_file_refused(TD_ERR_FORMAT, "found a file without bytes", "");
    assert_int_equal(remove("m.safetensors"), 0);
    assert_file_refused(TD_ERR_IO, "", "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_model_survives_its_file),
        IN_FOLDER(tensors_are_named_as_in_a_state_dict),
        IN_FOLDER(the_parts_are_good),
        IN_FOLDER(values_that_are_not_finite),
        IN_FOLDER(tensors_missing_or_too_many),
        IN_FOLDER(tensors_of_another_shape_or_type),
        IN_FOLDER(nets_missing_or_bad),
        IN_FOLDER(other_files),
        IN_FOLDER(a_state_dict_for_a_net_that_is_given),
        IN_FOLDER(a_model_keeps_the_names_of_its_classes),
        IN_FOLDER(names_of_classes_are_checked),
        IN_FOLDER(only_counters_are_passed_over),
        IN_FOLDER(a_model_for_another_net),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
