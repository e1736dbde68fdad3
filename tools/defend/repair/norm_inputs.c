/* SPDX-License-Identifier: MIT */
#include "defend/repair/norm_inputs.h"

#include "base/size.h"
#include "nn/exec.h"
#include "nn/feed.h"
#include "nn/head_tail.h"

enum {
    IMAGE_FLOATS = 1 << 20, /* limit of a group's inputs, unless a single norm has more */
    BATCH_FLOATS = 1 << 23,
    MOST_BATCH = 128,
};

typedef struct passes {
    tool_run *run;
    const td_net *net;
    const float *weights;
    const repair_norms *norms;
    const td_images *images;
    norm_watch watch;
    void *context;
    size_t done; /* images */
} passes;

static size_t input_of(const passes *p, size_t norm) {
    return p->net->nodes[p->norms->list[norm].node].inputs[0];
}

static size_t floats_of(const passes *p, size_t norm) {
    return td_shape_size(p->net->nodes[input_of(p, norm)].shape);
}

/* The first norm after the group that begins with `begin`; *floats per image of the group. */
static size_t end_group(const passes *p, size_t begin, size_t *floats) {
    size_t end = begin;
    *floats = 0;
    while (end < p->norms->count && end - begin < TD_NODE_INPUTS &&
           (end == begin || *floats + floats_of(p, end) <= IMAGE_FLOATS))
        *floats += floats_of(p, end++);
    return end;
}

/* Passes on the outputs of the batch [first, first + count). */
static void hand_on(const passes *p, size_t begin, size_t end, const float *values, size_t stride,
                    size_t first, size_t count) {
    for (size_t i = begin; i < end; i++) {
        const size_t floats = floats_of(p, i);
        const norm_values given = {.norm = i,
                                   .values = values,
                                   .stride = stride,
                                   .positions = floats / p->norms->list[i].channels,
                                   .first = first,
                                   .count = count};
        p->watch(p->context, &given);
        values += floats;
    }
}

static td_status run_batches(passes *p, td_exec *exec, size_t batch, size_t begin, size_t end,
                             size_t stride, td_error *error) {
    for (size_t first = 0; first < p->images->count; first += batch) {
        const size_t count = td_size_min(batch, p->images->count - first);
        td_feed(p->images, NULL, first, count, td_exec_input(exec));
        hand_on(p, begin, end, td_exec_forward(exec, count), stride, first, count);
        p->done += count;
        TD_TRY(tool_run_go_on(p->run, p->done, NULL, error));
    }
    return TD_OK;
}

static td_status run_group(passes *p, size_t begin, size_t end, size_t floats, td_error *error) {
    const size_t batch = td_size_max(1, td_size_min(MOST_BATCH, BATCH_FLOATS / floats));
    size_t nodes[TD_NODE_INPUTS];
    td_arena arena = {0};
    td_net taps;
    td_exec *exec = NULL;
    float *weights;
    for (size_t i = begin; i < end; i++)
        nodes[i - begin] = input_of(p, i);
    td_status status =
        td_net_taps(p->net, p->weights, nodes, end - begin, &taps, &weights, &arena, error);
    if (status == TD_OK)
        status = td_exec_new(&exec, &taps, batch, TD_FORWARD, error);
    if (status == TD_OK) {
        td_exec_weights(exec, weights);
        status = run_batches(p, exec, batch, begin, end, floats, error);
    }
    td_exec_free(exec);
    td_net_free(&taps);
    td_arena_free(&arena);
    return status;
}

td_status norm_inputs(tool_run *run, const td_net *net, const float *weights,
                      const repair_norms *norms, const td_images *images, norm_watch watch,
                      void *context, td_error *error) {
    passes p = {run, net, weights, norms, images, watch, context, 0};
    size_t groups = 0, floats;
    for (size_t begin = 0; begin < norms->count; begin = end_group(&p, begin, &floats))
        groups++;
    tool_run_begin(run, "reading batch norms", "images", groups * images->count);
    for (size_t begin = 0, end; begin < norms->count; begin = end) {
        end = end_group(&p, begin, &floats);
        TD_TRY(run_group(&p, begin, end, floats, error));
    }
    tool_run_end(run);
    return TD_OK;
}
