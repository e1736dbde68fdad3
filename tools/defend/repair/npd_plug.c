/* SPDX-License-Identifier: MIT */
/* The plug-in of the neural polarizer. */
#include "defend/repair/npd.h"

#include "base/size.h"
#include "defend/repair/taps.h"
#include "nn/head_tail.h"
#include "nn/op.h"
#include "nn/predict.h"
#include <math.h>
#include <string.h>

/* A convolution with a kernel above 1×1. */
static bool is_wide(const td_net *net, const td_node *node) {
    if (td_node_channels(net, node) != TD_CHANNELS_NEW || node->op->dense || node->param_count == 0)
        return false;
    const td_param *weight = &net->params[node->params[0]];
    return weight->rank == 4 && weight->dims[2] * weight->dims[3] > 1;
}

td_status npd_find(const td_net *net, const char *name, size_t *node, td_error *error) {
    size_t found[3] = {0}; /* the last three, the last one first */
    for (size_t i = 1; i < net->node_count; i++) {
        if (name && strcmp(net->nodes[i].name, name) == 0) {
            *node = i;
            return is_wide(net, &net->nodes[i])
                       ? TD_OK
                       : td_fail(error, TD_ERR_USAGE,
                                 "expected a convolution with a kernel above 1x1, found node "
                                 "\"%s\", which is %s",
                                 name, net->nodes[i].op->name);
        }
        if (!is_wide(net, &net->nodes[i]))
            continue;
        memmove(found + 1, found, 2 * sizeof *found);
        found[0] = i;
    }
    if (name)
        return td_fail(error, TD_ERR_USAGE, "expected a node of the net, found \"%s\"", name);
    if (found[1] == 0)
        return td_fail(error, TD_ERR_USAGE,
                       "expected a net with at least two convolutions with kernels above 1x1, the "
                       "later of which takes features, found %d",
                       found[0] != 0);
    *node = found[2] != 0 ? found[1] : found[0];
    return TD_OK;
}

/* --- the net --- */

/* The net's text with two lines inserted before the convolution's, which reads the second. */
static td_status write_text(const td_net *net, size_t node, const char *plug, const char *norm,
                            td_arena *arena, const char **out, td_error *error) {
    const td_node *conv = &net->nodes[node], *input = &net->nodes[conv->inputs[0]];
    char *text;
    TD_TRY(td_net_text(net, arena, &text, error));
    const char *line = text;
    for (size_t i = 0; i < node; i++)
        line += strcspn(line, "\n") + 1;
    const char *open = strchr(line, '('), *close = strchr(line, ')');
    return td_arena_print(
        arena, out, error,
        "%.*s%s = conv(%s) out=%zu kernel=1 bias=0\n%s = batch-norm(%s)\n%.*s%s%s",
        (int)(line - text), text, plug, input->name, input->shape.channels, norm, plug,
        (int)(open + 1 - line), line, norm, close);
}

static td_status build(const td_net *net, size_t node, td_arena *arena, td_net *out, size_t *plug,
                       td_error *error) {
    const char *names[2], *text;
    TD_TRY(repair_new_name(net, node, "plug", arena, &names[0], error));
    TD_TRY(repair_new_name(net, node, "plug_norm", arena, &names[1], error));
    TD_TRY(write_text(net, node, names[0], names[1], arena, &text, error));
    TD_TRY(td_net_parse(out, text, NULL, error));
    *plug = node; /* at the convolution's former position */
    for (size_t p = 0; p < out->param_count; p++)
        out->params[p].frozen = true;
    for (size_t i = node; i < node + 2; i++)
        for (size_t p = 0; p < out->nodes[i].param_count; p++)
            out->params[out->nodes[i].params[p]].frozen = false;
    return TD_OK;
}

/* --- its weights --- */

/* Sums over images and positions by channel; their squares follow in `sums`. */
static void add_values(const float *values, size_t images, size_t channels, size_t positions,
                       const double *around, double *sums) {
    for (size_t i = 0; i < images; i++)
        for (size_t c = 0; c < channels; c++)
            for (size_t p = 0; p < positions; p++) {
                const double by = (double)*values++ - around[c];
                sums[c] += by;
                sums[channels + c] += by * by;
            }
}

/* Mean and variance of a node by channel, in slices that fit into memory; statistics[2 · channels].
 * Sums are relative to the first image's mean. */
static td_status measure(const td_net *head, const float *weights, const td_images *images,
                         td_shape shape, double *around, double *statistics, td_error *error) {
    enum { SLICE = 256 };
    const size_t channels = shape.channels, positions = shape.height * shape.width;
    for (size_t first = 0; first < images->count; first += SLICE) {
        const size_t count = td_size_min(SLICE, images->count - first);
        const td_images slice = td_images_slice(images, first, first + count);
        td_arena arena = {0};
        float *values;
        td_status status =
            td_predict(head, weights, &slice, (td_predict_watch){0}, &arena, &values, error);
        for (size_t c = 0; status == TD_OK && first == 0 && c < channels; c++)
            for (size_t p = 0; p < positions; p++)
                around[c] += (double)values[c * positions + p] / (double)positions;
        if (status == TD_OK)
            add_values(values, count, channels, positions, around, statistics);
        td_arena_free(&arena);
        TD_TRY(status);
    }
    const double all = (double)(images->count * positions);
    for (size_t c = 0; c < channels; c++) {
        const double mean = statistics[c] / all;
        statistics[channels + c] = fmax(0, statistics[channels + c] / all - mean * mean);
        statistics[c] = around[c] + mean;
    }
    return TD_OK;
}

static float *values_of(const td_net *net, float *weights, size_t node, size_t param) {
    return weights + net->params[net->nodes[node].params[param]].offset;
}

static void set_identity(const td_net *net, size_t plug, const double *statistics, float *weights) {
    enum { SCALE, SHIFT, MEAN, VARIANCE };
    const size_t channels = net->nodes[plug].shape.channels;
    const double epsilon = net->nodes[plug + 1].values[0].number;
    float *conv = values_of(net, weights, plug, 0);
    memset(conv, 0, channels * channels * sizeof *conv);
    for (size_t c = 0; c < channels; c++) {
        const float mean = (float)statistics[c], variance = (float)statistics[channels + c];
        conv[c * channels + c] = 1;
        values_of(net, weights, plug + 1, SCALE)[c] = (float)sqrt((double)variance + epsilon);
        values_of(net, weights, plug + 1, SHIFT)[c] = mean;
        values_of(net, weights, plug + 1, MEAN)[c] = mean;
        values_of(net, weights, plug + 1, VARIANCE)[c] = variance;
    }
}

static td_status fill(const td_net *net, const float *weights, size_t input,
                      const td_images *images, td_arena *arena, const td_net *out, size_t plug,
                      float **out_weights, td_error *error) {
    const td_shape shape = net->nodes[input].shape;
    td_net head;
    float *head_weights;
    double *around, *statistics;
    TD_TRY(TD_ARENA_NEW(arena, out->weight_count, out_weights, "weights", error));
    TD_TRY(TD_ARENA_NEW(arena, shape.channels, &around, "statistics", error));
    TD_TRY(TD_ARENA_NEW(arena, 2 * shape.channels, &statistics, "statistics", error));
    TD_TRY(td_net_head(net, weights, net->nodes[input].name, false, &head, &head_weights, arena,
                       error));
    td_status status = measure(&head, head_weights, images, shape, around, statistics, error);
    td_net_free(&head);
    TD_TRY(status);
    td_net_copy_weights(net, weights, out, *out_weights);
    set_identity(out, plug, statistics, *out_weights);
    return TD_OK;
}

td_status npd_insert(const td_net *net, const float *weights, size_t node, const td_images *images,
                     td_arena *arena, td_net *out, float **out_weights, td_error *error) {
    size_t plug;
    *out = (td_net){0};
    TD_TRY(build(net, node, arena, out, &plug, error));
    td_status status = fill(net, weights, net->nodes[node].inputs[0], images, arena, out, plug,
                            out_weights, error);
    if (status != TD_OK)
        td_net_free(out);
    return status;
}

/* --- the loss --- */

int32_t npd_rival(const float *logits, int32_t label, size_t classes) {
    int32_t best = label == 0;
    for (int32_t k = 0; (size_t)k < classes; k++)
        if (k != label && logits[k] > logits[best])
            best = k;
    return best;
}

static double probability(const float *logits, size_t classes, size_t k) {
    double total = 0;
    for (size_t c = 0; c < classes; c++)
        total += exp((double)logits[c] - (double)logits[k]);
    return 1 / total;
}

/* −weight · ln(1.0001 − p_k), and adds its gradient. */
static double push_from(double weight, const float *logits, size_t k, size_t classes, double share,
                        float *gradient) {
    const double p = probability(logits, classes, k), rest = 1.0001 - p;
    for (size_t c = 0; c < classes; c++)
        gradient[c] +=
            (float)(share * weight * p / rest * ((c == k) - probability(logits, classes, c)));
    return -weight * log(rest);
}

double npd_loss(const npd_weights *w, const float *logits, int32_t label, int32_t own,
                int32_t target, size_t classes, double share, float *gradient) {
    for (size_t c = 0; c < classes; c++)
        gradient[c] =
            (float)(share * w->keep * (probability(logits, classes, c) - (c == (size_t)own)));
    const double kept = -log(fmax(probability(logits, classes, (size_t)own), 1e-300));
    return w->keep * kept +
           push_from(w->others, logits, (size_t)npd_rival(logits, label, classes), classes, share,
                     gradient) +
           push_from(w->target, logits, (size_t)target, classes, share, gradient);
}
