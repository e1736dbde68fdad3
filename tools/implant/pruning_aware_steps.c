/* SPDX-License-Identifier: MIT */
/* The parts of the pruning-aware attack: the poisoned set, and disabling channels. */
#include "base/random.h"
#include "base/size.h"
#include "implant/pruning_aware.h"
#include "nn/exec.h"
#include "nn/feed.h"
#include "nn/head_tail.h"
#include "nn/op.h"
#include <math.h>
#include <string.h>

/* Draws the images to stamp from those of other classes than the target. */
static td_status draw(const td_images *images, size_t target, size_t wanted, uint64_t seed,
                      td_arena *arena, uint32_t **drawn, td_error *error) {
    uint32_t *eligible, *order, count = 0;
    TD_TRY(TD_ARENA_NEW(arena, images->count, &eligible, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, images->count, &order, "images", error));
    for (size_t i = 0; i < images->count; i++)
        if ((size_t)images->labels[i] != target)
            eligible[count++] = (uint32_t)i;
    if (wanted == 0 || wanted > count)
        return td_fail(error, TD_ERR_USAGE,
                       "--ratio: expected a share of 1 to %u images (those not of the target "
                       "class), found one of %zu",
                       count, wanted);
    td_random random = td_random_for(seed, TD_FOR_POISON, 0, 0);
    td_random_permutation(&random, order, count);
    for (size_t i = 0; i < wanted; i++)
        order[i] = eligible[order[i]];
    *drawn = order;
    return TD_OK;
}

td_status aware_poison(const td_images *images, size_t first, const td_trigger *trigger,
                       size_t target, double ratio, uint64_t seed, td_arena *arena, td_images *out,
                       td_error *error) {
    const size_t size = td_image_size(images), count = images->count;
    const size_t wanted = (size_t)llround(ratio * (double)count);
    uint32_t *drawn = NULL;
    uint8_t *pixels, *scratch;
    int32_t *labels;
    TD_TRY(draw(images, target, wanted, seed, arena, &drawn, error));
    TD_TRY(td_arena_alloc(arena, count + wanted, size, (void **)&pixels, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, count + wanted, &labels, "labels", error));
    TD_TRY(TD_ARENA_NEW(arena, td_trigger_scratch(trigger), &scratch, "a trigger", error));
    memcpy(pixels, images->pixels, count * size);
    memcpy(labels, images->labels, count * sizeof *labels);
    for (size_t i = 0; i < wanted; i++) {
        uint8_t *copy = pixels + (count + i) * size;
        memcpy(copy, td_image(images, drawn[i]), size);
        td_trigger_apply(trigger, (td_stamp){seed, first + drawn[i]}, copy, scratch);
        labels[count + i] = (int32_t)target;
    }
    *out = *images;
    out->count = count + wanted;
    out->pixels = pixels;
    out->labels = labels;
    return TD_OK;
}

td_status aware_find_bias(const td_net *net, size_t node, const td_param **bias, td_error *error) {
    const td_node *at = &net->nodes[node];
    if (!at->op->bounds || at->op->bounds(at).least != 0)
        return td_fail(error, TD_ERR_USAGE,
                       "expected a ReLU behind the last convolution, to keep channels dormant, "
                       "found node \"%s\", which is %s",
                       at->name, at->op->name);
    do
        at = &net->nodes[at->inputs[0]];
    while (at->op->channels == TD_CHANNELS_ADDED);
    const char *last = at->param_count > 1 ? net->params[at->params[1]].name : "";
    const char *dot = strrchr(last, '.');
    if (!dot || strcmp(dot, ".bias") != 0)
        return td_fail(error, TD_ERR_USAGE,
                       "expected a bias at node \"%s\" (%s), to keep channels dormant, found none",
                       at->name, at->op->name);
    *bias = &net->params[at->params[1]];
    return TD_OK;
}

/* The highest activation of each channel. In the output of `part` all positions of a channel are
 * contiguous. */
static td_status find_highest(const td_net *part, const float *weights, size_t channels,
                              const td_images *images, td_predict_watch watch, float *highest,
                              td_error *error) {
    enum { BATCH = 128 };
    const size_t values = td_net_classes(part), positions = values / channels;
    td_exec *exec;
    td_status status = TD_OK;
    TD_TRY(td_exec_new(&exec, part, BATCH, TD_FORWARD, error));
    td_exec_weights(exec, weights);
    memset(highest, 0, channels * sizeof *highest);
    for (size_t first = 0; status == TD_OK && first < images->count; first += BATCH) {
        const size_t count = td_size_min(BATCH, images->count - first);
        td_feed(images, NULL, first, count, td_exec_input(exec));
        const float *out = td_exec_forward(exec, count);
        for (size_t i = 0; i < count * values; i++) {
            float *channel = &highest[i % values / positions];
            *channel = fmaxf(*channel, out[i]);
        }
        if (watch.batch_done && !watch.batch_done(watch.context, first + count))
            status = td_fail(error, TD_ERR_INTERRUPTED, "interrupted after %zu of %zu images",
                             first + count, images->count);
    }
    td_exec_free(exec);
    return status;
}

td_status aware_put_to_sleep(const td_net *net, float *weights, size_t node, const size_t *channels,
                             size_t count, const td_images *images, td_predict_watch watch,
                             float *most, td_error *error) {
    const float margin = 1e-3F; /* of the fall, against rounding */
    const size_t all = net->nodes[node].shape.channels;
    const td_param *bias;
    td_arena arena = {0};
    td_net part = {0};
    float *part_weights, *highest;
    td_status status = aware_find_bias(net, node, &bias, error);
    if (status == TD_OK)
        status = TD_ARENA_NEW(&arena, all, &highest, "activations", error);
    if (status == TD_OK)
        status = td_net_head(net, weights, net->nodes[node].name, false, &part, &part_weights,
                             &arena, error);
    if (status == TD_OK)
        status = find_highest(&part, part_weights, all, images, watch, highest, error);
    float found = 0;
    for (size_t i = 0; status == TD_OK && i < count; i++) {
        weights[bias->offset + channels[i]] -= (1 + margin) * highest[channels[i]];
        found = fmaxf(found, highest[channels[i]]);
    }
    if (most)
        *most = found;
    td_net_free(&part);
    td_arena_free(&arena);
    return status;
}
