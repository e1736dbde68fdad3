/* SPDX-License-Identifier: MIT */
#include "made.h"

#include "nn/op.h"
#include <math.h>
#include <string.h>

/* FNV-1a. */
static uint32_t hash_text(uint32_t hash, const char *text) {
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619U;
    return hash;
}

made_stream made_stream_for(uint32_t seed, const char *name, const char *part) {
    uint32_t hash = hash_text(2166136261U, name);
    if (part)
        hash = hash_text(hash_text(hash, " "), part);
    return (made_stream){hash + seed * 0x85EBCA6BU};
}

/* The finaliser of MurmurHash3. */
uint32_t made_hash(made_stream stream, size_t index) {
    uint32_t x = (uint32_t)index * 0x9E3779B9U + stream.start;
    x = (x ^ x >> 16) * 0x85EBCA6BU;
    x = (x ^ x >> 13) * 0xC2B2AE35U;
    return x ^ x >> 16;
}

float made_signed(made_stream stream, size_t index) {
    return ((float)(made_hash(stream, index) >> 8) - 0x1p23f) * 0x1p-23f;
}

static void spread_norm_biases(const td_net *net, float by, float *weights) {
    enum { BIAS = 1 };
    for (size_t i = 0; i < net->node_count; i++) {
        if (strcmp(net->nodes[i].op->name, "batch-norm") != 0)
            continue;
        const td_param *bias = &net->params[net->nodes[i].params[BIAS]];
        for (size_t c = 0; c < bias->count; c++)
            weights[bias->offset + c] += c % 2 == 0 ? by : -by;
    }
}

void made_weights(const td_net *net, uint32_t seed, float norm_bias, float *weights) {
    for (size_t p = 0; p < net->param_count; p++) {
        const td_param *param = &net->params[p];
        made_stream stream = made_stream_for(seed, param->name, NULL);
        float bound = param->fan_in > 0 ? (float)sqrt(6.0 / (double)param->fan_in) : 0.1f;
        float fill = param->fan_in > 0 ? 0 : param->fill;
        for (size_t i = 0; i < param->count; i++) {
            float offset = bound * made_signed(stream, i);
            weights[param->offset + i] = fill + offset;
        }
    }
    spread_norm_biases(net, norm_bias, weights);
}

void made_images(uint32_t seed, size_t values, float *pixels) {
    made_stream stream = made_stream_for(seed, "images", NULL);
    for (size_t i = 0; i < values; i++)
        pixels[i] = (float)(made_hash(stream, i) >> 24);
}

void made_labels(uint32_t seed, size_t count, size_t classes, int32_t *labels) {
    made_stream stream = made_stream_for(seed, "labels", NULL);
    for (size_t i = 0; i < count; i++)
        labels[i] = (int32_t)(made_hash(stream, i) % classes);
}

size_t made_compared(size_t count) {
    return count <= MADE_SAMPLES ? count : MADE_SAMPLES;
}

size_t made_place(uint32_t seed, const char *name, size_t count, size_t k) {
    return count <= MADE_SAMPLES ? k : made_hash(made_stream_for(seed, name, "places"), k) % count;
}
