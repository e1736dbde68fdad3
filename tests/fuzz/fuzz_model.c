/* SPDX-License-Identifier: MIT */
/* Model files, read in three ways: with their own net, for a given net, and adopted as far as they
 * match. A model that loads is written, and loads with the same weights. */
#include "fuzz.h"
#include "model/model.h"
#include <math.h>
#include <string.h>

static const char given[] = "input = image() height=2 width=2 channels=1\n"
                            "conv1 = conv(input) out=2 kernel=1\n"
                            "bn1 = batch-norm(conv1)\n"
                            "flat = flatten(bn1)\n"
                            "fc1 = dense(flat) out=2\n";

enum { MOST_WEIGHTS = 64, MOST_PARAMS = 16 };

static void check_weights(const float *weights, size_t count) {
    for (size_t i = 0; i < count; i++)
        FUZZ_ASSERT(isfinite(weights[i]));
}

static void check_writing(const td_model *model) {
    td_error error = {""};
    fuzz_output first, second;
    td_model again;
    fuzz_output_open(&first);
    fuzz_expect(td_model_write(first.stream, &model->net, model->weights, model->class_names,
                               model->training, &error),
                &error);
    fuzz_output_close(&first);
    fuzz_expect(
        td_model_load(&again, fuzz_file((const uint8_t *)first.bytes, first.size), NULL, &error),
        &error);
    fuzz_output_open(&second);
    fuzz_expect(td_model_write(second.stream, &again.net, again.weights, again.class_names,
                               again.training, &error),
                &error);
    fuzz_output_close(&second);
    FUZZ_ASSERT(fuzz_same(&first, &second));
    td_model_free(&again);
    fuzz_output_free(&first);
    fuzz_output_free(&second);
}

static void load_for_given(const char *path) {
    td_error error = {""};
    td_net net;
    td_model model;
    float weights[MOST_WEIGHTS] = {0};
    bool taken[MOST_PARAMS];
    fuzz_expect(td_net_parse(&net, given, NULL, &error), &error);
    FUZZ_ASSERT(net.weight_count <= MOST_WEIGHTS && net.param_count <= MOST_PARAMS);
    if (fuzz_succeeded(td_model_adopt(&net, weights, path, taken, &error), &error))
        check_weights(weights, net.weight_count);
    if (fuzz_succeeded(td_model_load_for(&model, &net, path, &error), &error))
        check_weights(model.weights, model.net.weight_count);
    FUZZ_ASSERT(!net.nodes);
    td_model_free(&model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    /* One size, since every net of the zoo is tried at each. */
    static const td_net_variables images = {.height = 28, .width = 28};
    td_error error = {""};
    td_model model;
    const char *path = fuzz_file(data, size);
    load_for_given(path);
    if (fuzz_succeeded(td_model_load(&model, path, &images, &error), &error)) {
        check_weights(model.weights, model.net.weight_count);
        check_writing(&model);
    }
    td_model_free(&model);
    return 0;
}
