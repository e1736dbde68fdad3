/* SPDX-License-Identifier: MIT */
/* Runs nets from text: a net from a file determines which kernels see which shapes. Small nets
 * predict two images and train on them for one step. */
#include "base/parallel.h"
#include "fuzz.h"
#include "nn/predict.h"
#include "nn/train.h"
#include <math.h>
#include <stdlib.h>

enum { IMAGES = 2, MOST_VALUES = 1 << 14, MOST_WEIGHTS = 1 << 14, MOST_PRODUCTS = 1 << 20 };

/* Whether a run takes only milliseconds. */
static bool is_small(const td_net *net) {
    size_t values = 0, products = 0;
    for (size_t i = 0; i < net->node_count; i++) {
        const td_node *node = &net->nodes[i];
        size_t weights = 1;
        for (size_t j = 0; j < node->param_count; j++)
            weights += net->params[node->params[j]].count;
        size_t size = td_shape_size(node->shape);
        values += size;
        products += weights * size / node->shape.channels;
    }
    return values <= MOST_VALUES && products <= MOST_PRODUCTS && net->weight_count <= MOST_WEIGHTS;
}

static void predict(const td_net *net, const float *weights, const td_images *images) {
    td_error error = {""};
    td_arena arena = {0};
    float *logits;
    td_status status =
        td_predict(net, weights, images, (td_predict_watch){0}, &arena, &logits, &error);
    if (fuzz_succeeded(status, &error))
        fuzz_touch(logits, IMAGES * td_net_classes(net) * sizeof *logits);
    td_arena_free(&arena);
}

static void train(const td_net *net, float *weights, const td_images *images) {
    td_error error = {""};
    const td_train_options options = {.optimizer = td_optimizer_find("sgd"),
                                      .step = {.lr = 0.01, .momentum = 0.9},
                                      .schedule = td_schedule_find("constant"),
                                      .epochs = 1,
                                      .batch = IMAGES,
                                      .seed = 1};
    if (fuzz_succeeded(td_train(net, weights, images, &options, &error), &error))
        for (size_t i = 0; i < net->weight_count; i++)
            FUZZ_ASSERT(isfinite(weights[i]));
}

static void run(const td_net *net) {
    static const int32_t labels[IMAGES] = {0};
    td_shape shape = td_net_input(net);
    size_t size = td_shape_size(shape);
    uint8_t *pixels = malloc(IMAGES * size);
    float *weights = malloc((net->weight_count + 1) * sizeof *weights);
    FUZZ_ASSERT(pixels && weights);
    for (size_t i = 0; i < IMAGES * size; i++)
        pixels[i] = (uint8_t)(31 * i);
    const td_images images = {.count = IMAGES,
                              .height = shape.height,
                              .width = shape.width,
                              .channels = shape.channels,
                              .classes = td_net_classes(net),
                              .pixels = pixels,
                              .labels = labels};
    td_net_init(net, 1, weights);
    predict(net, weights, &images);
    train(net, weights, &images);
    free(weights);
    free(pixels);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const td_net_variables variables = {8, 8, 1, 2};
    td_error error = {""};
    td_net net;
    td_set_threads(1);
    char *text = fuzz_text(data, size);
    if (fuzz_succeeded(td_net_parse(&net, text, &variables, &error), &error) && is_small(&net))
        run(&net);
    td_net_free(&net);
    free(text);
    return 0;
}
