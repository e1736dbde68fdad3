/* SPDX-License-Identifier: MIT */
/* Chooses the channels that a subnet replaces: those that the model uses least, by the first-order
 * change of the loss when one is cut off (Molchanov, Tyree, Karras, Aila and Kautz, "Pruning
 * convolutional neural networks for resource efficient inference", ICLR 2017, section 2.2):
 * |a·∂L/∂a|, mean over batches. The sum of w·∂L/∂w over the weights that read a channel is the same
 * product. */
#include "implant/sra.h"

#include "base/size.h"
#include "nn/channels.h"
#include "nn/exec.h"
#include "nn/feed.h"
#include "nn/loss.h"
#include "nn/op.h"
#include <math.h>
#include <stdlib.h>

/* Images per batch: few, so that gains and losses of images do not cancel. */
enum { BATCH = 32 };

/* Nodes that share channel numbering form a space, named by the number of one of them; 0 is the
 * image's. */
typedef struct spaces {
    const td_net *net;
    size_t *of;     /* [node] */
    size_t *first;  /* [node]: index of a space's first channel in the arrays below */
    double *now;    /* by channel: w·∂L/∂w of a batch */
    double *change; /* its absolute value, summed over the batches */
    size_t count;
} spaces;

static bool is_layer(const td_net *net, const td_node *node) {
    return td_node_channels(net, node) == TD_CHANNELS_NEW;
}

static void join(spaces *s, size_t nodes, size_t one, size_t other) {
    const size_t kept = td_size_min(one, other);
    for (size_t i = 0; i < nodes; i++)
        if (s->of[i] == one || s->of[i] == other)
            s->of[i] = kept;
}

static td_status find_spaces(spaces *s, td_error *error) {
    for (size_t i = 1; i < s->net->node_count; i++) {
        const td_node *node = &s->net->nodes[i];
        const bool new = is_layer(s->net, node);
        s->of[i] = new ? i : s->of[node->inputs[0]];
        for (size_t k = 1; !new &&k < node->input_count; k++) {
            join(s, i + 1, s->of[i], s->of[node->inputs[k]]);
            if (s->of[i] == 0)
                return td_fail(error, TD_ERR_FORMAT,
                               "node \"%s\": expected no sum with the image, of which channels "
                               "cannot be cut out",
                               node->name);
        }
        s->first[i] = s->count;
        s->count += s->of[i] == i ? node->shape.channels : 0;
    }
    return TD_OK;
}

/* How many values that a layer reads belong to one channel. */
static size_t values_of(const spaces *s, size_t space, size_t inputs) {
    return inputs / s->net->nodes[space].shape.channels;
}

/* Adds Σ w·∂L/∂w over the weights with which a layer reads each channel. */
static void add_reader(spaces *s, const td_node *node, const float *weights,
                       const float *gradient) {
    const td_param *matrix = &s->net->params[node->params[0]];
    const size_t space = s->of[node->inputs[0]], inputs = matrix->dims[1],
                 kernel = matrix->count / (matrix->dims[0] * inputs);
    if (space == 0)
        return;
    const size_t values = values_of(s, space, inputs);
    for (size_t i = 0; i < matrix->count; i++)
        s->now[s->first[space] + i / kernel % inputs / values] +=
            (double)weights[matrix->offset + i] * (double)gradient[matrix->offset + i];
}

static void add_batch(spaces *s, const float *weights, const float *gradient) {
    for (size_t c = 0; c < s->count; c++)
        s->now[c] = 0;
    for (size_t i = 1; i < s->net->node_count; i++)
        if (is_layer(s->net, &s->net->nodes[i]))
            add_reader(s, &s->net->nodes[i], weights, gradient);
    for (size_t c = 0; c < s->count; c++)
        s->change[c] += fabs(s->now[c]);
}

static td_status measure(spaces *s, const float *weights, const td_images *images, td_arena *arena,
                         td_error *error) {
    td_exec *exec;
    float *gradient;
    int32_t *labels;
    TD_TRY(TD_ARENA_NEW(arena, s->net->weight_count, &gradient, "gradients", error));
    TD_TRY(TD_ARENA_NEW(arena, BATCH, &labels, "labels", error));
    TD_TRY(td_exec_new(&exec, s->net, BATCH, TD_BACKWARD, error));
    td_exec_weights(exec, weights);
    for (size_t first = 0; first < images->count; first += BATCH) {
        const size_t count = td_size_min(BATCH, images->count - first);
        td_feed(images, NULL, first, count, td_exec_input(exec));
        td_cross_entropy(td_exec_forward(exec, count), images->labels + first, count,
                         td_net_classes(s->net), td_exec_logits_gradient(exec));
        td_exec_backward(exec, gradient);
        add_batch(s, weights, gradient);
    }
    td_exec_free(exec);
    return TD_OK;
}

static int by_number(const void *one, const void *other) {
    const size_t a = *(const size_t *)one, b = *(const size_t *)other;
    return (a > b) - (a < b);
}

/* The `width` channels of a space with the least change, ascending. */
static td_status pick(const spaces *s, size_t space, size_t width, td_arena *arena, size_t **out,
                      td_error *error) {
    const size_t channels = s->net->nodes[space].shape.channels;
    TD_TRY(TD_ARENA_NEW(arena, channels, out, "channels", error));
    td_channels_rank(s->change + s->first[space], channels, *out);
    qsort(*out, width, sizeof **out, by_number);
    return TD_OK;
}

static td_status choose(spaces *s, const float *weights, const td_images *images, size_t width,
                        td_arena *memory, td_arena *arena, sra_places *out, td_error *error) {
    const size_t nodes = s->net->node_count;
    TD_TRY(TD_ARENA_NEW(memory, nodes, &s->of, "nodes", error));
    TD_TRY(TD_ARENA_NEW(memory, nodes, &s->first, "nodes", error));
    TD_TRY(find_spaces(s, error));
    TD_TRY(TD_ARENA_NEW(memory, s->count, &s->now, "channels", error));
    TD_TRY(TD_ARENA_NEW(memory, s->count, &s->change, "channels", error));
    if (images)
        TD_TRY(measure(s, weights, images, memory, error));
    *out = (sra_places){.width = width};
    TD_TRY(TD_ARENA_NEW(arena, nodes, &out->of, "channels", error));
    for (size_t i = 1; i + 1 < nodes; i++)
        if (s->of[i] == i)
            TD_TRY(pick(s, i, width, arena, &out->of[i], error));
        else
            out->of[i] = out->of[s->of[i]];
    return TD_OK;
}

td_status sra_choose(const td_net *net, const float *weights, const td_images *images, size_t width,
                     td_arena *arena, sra_places *out, td_error *error) {
    spaces s = {.net = net};
    td_arena memory = {0};
    td_status status = choose(&s, weights, images, width, &memory, arena, out, error);
    td_arena_free(&memory);
    return status;
}
