/* SPDX-License-Identifier: MIT */
/* Measures a model as channels are masked one by one. */
#include "defend/repair/fineprune.h"

#include "base/size.h"
#include "nn/channels.h"
#include "nn/exec.h"
#include "nn/feed.h"
#include "nn/head_tail.h"
#include "nn/loss.h"
#include "nn/predict.h"
#include <string.h>

enum { BATCH = 128, SLICE = 8 * BATCH };

/* The head of the net up to the mask's input, run once per image, and the tail, run once per step.
 * If the net does not split there, the tail is the whole net, and its input is pixels. */
typedef struct walker {
    const prune_subject *subject;
    const repair_evaluator *evaluator;
    const td_images *images;
    size_t number; /* of the first image */
    bool splits;
    td_net head, rest;
    float *head_weights, *weights, *mask; /* mask: within weights, those of the rest */
    td_exec *exec;                        /* of the rest */
    td_shape shape;                       /* of what the rest takes */
    float *values;                        /* [SLICE, shape] */
    size_t *hits;                         /* of a set, [steps + 1] */
    size_t trials;
    size_t steps;
    size_t done; /* images */
    td_arena arena;
} walker;

static td_status open_nets(walker *w, td_error *error) {
    const prune_subject *s = w->subject;
    const size_t before = s->net->nodes[s->mask].inputs[0];
    w->splits = td_net_splits(s->net, before);
    TD_TRY(td_net_tail(s->net, s->weights, w->splits ? before : 0, &w->rest, &w->weights, &w->arena,
                       error));
    w->shape = td_net_input(&w->rest);
    w->mask = td_channels_mask(&w->rest, w->weights, w->splits ? s->mask - before : s->mask);
    TD_TRY(td_exec_new(&w->exec, &w->rest, BATCH, TD_FORWARD, error));
    return w->splits ? td_net_head(s->net, s->weights, s->net->nodes[before].name, false, &w->head,
                                   &w->head_weights, &w->arena, error)
                     : TD_OK;
}

static td_status open(walker *w, td_error *error) {
    size_t floats;
    TD_TRY(open_nets(w, error));
    w->steps = w->subject->net->nodes[w->subject->mask].shape.channels;
    if (!td_size_mul(SLICE, td_shape_size(w->shape), &floats))
        return td_fail_memory(error, "activations");
    TD_TRY(TD_ARENA_NEW(&w->arena, floats, &w->values, "activations", error));
    return TD_ARENA_NEW(&w->arena, w->steps + 1, &w->hits, "counts", error);
}

/* In a flattened vector the positions of a channel are contiguous; in an image, the channels of a
 * position. */
static void unflatten(const walker *w, const float *flat, float *out) {
    const size_t positions = w->shape.height * w->shape.width, channels = w->shape.channels;
    for (size_t p = 0; p < positions; p++)
        for (size_t c = 0; c < channels; c++)
            out[p * channels + c] = flat[c * positions + p];
}

/* The tail's input for these images. */
static td_status fill_values(walker *w, const td_images *images, td_error *error) {
    const size_t size = td_shape_size(w->shape);
    td_arena arena = {0};
    float *flat;
    if (!w->splits) {
        td_feed(images, NULL, 0, images->count, w->values);
        return TD_OK;
    }
    td_status status =
        td_predict(&w->head, w->head_weights, images, (td_predict_watch){0}, &arena, &flat, error);
    for (size_t i = 0; status == TD_OK && i < images->count; i++)
        unflatten(w, flat + i * size, w->values + i * size);
    td_arena_free(&arena);
    return status;
}

/* How many images the tail classifies as wanted: as their label, or, for images of other classes,
 * as a backdoor's target. */
static size_t count_hits(walker *w, const td_images *images, const repair_backdoor *backdoor) {
    const size_t size = td_shape_size(w->shape), classes = td_net_classes(&w->rest);
    size_t hits = 0;
    for (size_t first = 0; first < images->count; first += BATCH) {
        const size_t count = td_size_min(BATCH, images->count - first);
        memcpy(td_exec_input(w->exec), w->values + first * size, count * size * sizeof *w->values);
        const float *logits = td_exec_forward(w->exec, count);
        for (size_t i = 0; i < count; i++) {
            const int32_t label = images->labels[first + i];
            const int32_t wanted = backdoor ? td_target_of(backdoor->target.of, label) : label;
            hits += (!backdoor || label != wanted) &&
                    td_argmax(logits + i * classes, classes) == wanted;
        }
    }
    return hits;
}

static td_status walk_slice(walker *w, const td_images *images, const repair_backdoor *backdoor,
                            td_error *error) {
    TD_TRY(fill_values(w, images, error));
    td_net_copy_weights(w->subject->net, w->subject->weights, &w->rest, w->weights);
    for (size_t k = 0; k <= w->steps; k++) {
        if (k > 0)
            w->mask[w->subject->order[k - 1]] = 0;
        td_exec_weights(w->exec, w->weights);
        w->hits[k] += count_hits(w, images, backdoor);
        w->done += images->count;
        TD_TRY(tool_run_go_on(w->evaluator->run, w->done, NULL, error));
    }
    return TD_OK;
}

/* The curve of one set, stamped or not; counts in w->hits. */
static td_status walk(walker *w, const repair_backdoor *backdoor, td_error *error) {
    const uint64_t seed = w->evaluator->run->common->seed;
    memset(w->hits, 0, (w->steps + 1) * sizeof *w->hits);
    w->trials = 0;
    for (size_t i = 0; i < w->images->count; i++)
        w->trials += !backdoor || td_target_of(backdoor->target.of, w->images->labels[i]) !=
                                      w->images->labels[i];
    for (size_t first = 0; first < w->images->count; first += SLICE) {
        const size_t count = td_size_min(SLICE, w->images->count - first);
        td_images images = td_images_slice(w->images, first, first + count);
        td_arena arena = {0};
        td_status status = TD_OK;
        if (backdoor)
            status = td_trigger_stamp(backdoor->trigger, &images,
                                      (td_stamp){seed, w->number + first}, &arena, &images, error);
        if (status == TD_OK)
            status = walk_slice(w, &images, backdoor, error);
        td_arena_free(&arena);
        TD_TRY(status);
    }
    return TD_OK;
}

static td_status walk_all(walker *w, prune_point *points, td_error *error) {
    const repair_evaluator *e = w->evaluator;
    tool_run_begin(e->run, "pruning", "images",
                   (e->backdoor_count + 1) * (w->steps + 1) * w->images->count);
    TD_TRY(walk(w, NULL, error));
    for (size_t k = 0; k <= w->steps; k++)
        points[k].accuracy = td_rate_of(w->hits[k], w->trials);
    for (size_t i = 0; i < e->backdoor_count; i++) {
        TD_TRY(walk(w, &e->backdoors[i], error));
        for (size_t k = 0; k <= w->steps; k++)
            points[k].asr[i] = td_rate_of(w->hits[k], w->trials);
    }
    tool_run_end(e->run);
    return TD_OK;
}

td_status prune_measure(const prune_subject *subject, const repair_evaluator *evaluator,
                        const td_images *images, size_t first, prune_point *points,
                        td_error *error) {
    walker w = {.subject = subject, .evaluator = evaluator, .images = images, .number = first};
    td_status status = open(&w, error);
    if (status == TD_OK)
        status = walk_all(&w, points, error);
    td_exec_free(w.exec);
    td_net_free(&w.head);
    td_net_free(&w.rest);
    td_arena_free(&w.arena);
    return status;
}

size_t prune_choose(const prune_point *points, size_t channels, double tolerance) {
    /* A fall of exactly the tolerance is allowed, despite rounding. */
    const double rounding = 1e-9, least = points[0].accuracy.value - tolerance - rounding;
    size_t chosen = 0;
    while (chosen + 1 < channels && points[chosen + 1].accuracy.value >= least)
        chosen++;
    return chosen;
}
