/* SPDX-License-Identifier: MIT */
/* Bounds of the channels' Lipschitz constants. */
#include "base/size.h"
#include "defend/filter/eigen.h"
#include "defend/repair/clp.h"
#include "nn/op.h"
#include <math.h>
#include <string.h>

/* The inputs of a norm. */
typedef struct sources {
    size_t *convolutions, count; /* nodes */
    bool others;                 /* some summands are not convolutions */
    size_t height, width;        /* of the largest kernel */
    size_t rows;                 /* input channels of all, and 1 for the others */
} sources;

/* Buffers for the largest matrix of a norm. */
typedef struct bench {
    const td_net *net;
    const float *weights;
    sources from;
    bool *marked; /* [nodes] */
    td_arena arena;
} bench;

static bool is_convolution(const td_node *node) {
    return strcmp(node->op->name, "conv") == 0;
}

static const td_param *filters_of(const bench *b, size_t node) {
    return &b->net->params[b->net->nodes[node].params[0]]; /* [out, in, height, width] */
}

static void add_source(bench *b, size_t node) {
    sources *s = &b->from;
    if (!is_convolution(&b->net->nodes[node])) {
        s->rows += !s->others;
        s->others = true;
        return;
    }
    const td_param *filters = filters_of(b, node);
    s->convolutions[s->count++] = node;
    s->rows += filters->dims[1];
    s->height = td_size_max(s->height, filters->dims[2]);
    s->width = td_size_max(s->width, filters->dims[3]);
}

/* The summands of the norm's input; a summand that occurs twice counts once. */
static void find_sources(bench *b, size_t input) {
    b->from = (sources){.convolutions = b->from.convolutions, .height = 1, .width = 1};
    memset(b->marked, 0, b->net->node_count * sizeof *b->marked);
    b->marked[input] = true;
    for (size_t i = input + 1; i-- > 0;) {
        const td_node *node = &b->net->nodes[i];
        if (!b->marked[i])
            continue;
        const bool adds = td_node_channels(b->net, node) == TD_CHANNELS_ADDED;
        for (size_t k = 0; adds && k < node->input_count; k++)
            b->marked[node->inputs[k]] = true;
        if (!adds)
            add_source(b, i);
    }
}

/* The rows of channel c, [rows, height · width]. */
static void fill_rows(const bench *b, size_t c, double *rows) {
    const sources *s = &b->from;
    const size_t row = s->height * s->width;
    size_t at = 0;
    memset(rows, 0, s->rows * row * sizeof *rows);
    for (size_t i = 0; i < s->count; i++) {
        const td_param *filters = filters_of(b, s->convolutions[i]);
        const size_t in = filters->dims[1], height = filters->dims[2], width = filters->dims[3];
        const size_t top = (s->height - height) / 2, left = (s->width - width) / 2;
        const float *w = b->weights + filters->offset + c * in * height * width;
        for (size_t k = 0; k < in; k++, at++)
            for (size_t y = 0; y < height; y++)
                for (size_t x = 0; x < width; x++)
                    rows[at * row + (top + y) * s->width + left + x] =
                        w[(k * height + y) * width + x];
    }
    if (s->others)
        rows[at * row + (s->height - 1) / 2 * s->width + (s->width - 1) / 2] = 1;
}

/* The square matrix of the smaller side: M·Mᵀ or Mᵀ·M, which have the same largest eigenvalue. */
static void multiply(const double *m, size_t rows, size_t columns, double *gram) {
    const bool by_rows = rows < columns;
    const size_t n = by_rows ? rows : columns, inner = by_rows ? columns : rows;
    const size_t along = by_rows ? columns : 1, step = by_rows ? 1 : columns;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t k = 0; k < inner; k++)
                sum += m[i * along + k * step] * m[j * along + k * step];
            gram[i * n + j] = gram[j * n + i] = sum;
        }
}

/* Sets bounds[channels] of one norm. */
static td_status bound_norm(bench *b, const repair_norm *norm, double *bounds, td_error *error) {
    const size_t columns = b->from.height * b->from.width, rows = b->from.rows;
    const size_t side = td_size_min(rows, columns);
    double *matrix, *gram, *vector;
    size_t floats;
    if (!td_size_mul(rows, columns, &floats))
        return td_fail_memory(error, "filters");
    TD_TRY(TD_ARENA_NEW(&b->arena, floats, &matrix, "filters", error));
    TD_TRY(TD_ARENA_NEW(&b->arena, side * side, &gram, "filters", error));
    TD_TRY(TD_ARENA_NEW(&b->arena, side, &vector, "filters", error));
    for (size_t c = 0; c < norm->channels; c++) {
        const double weight = b->weights[norm->weight + c];
        const double variance = b->weights[norm->variance + c] + norm->epsilon;
        double largest;
        fill_rows(b, c, matrix);
        multiply(matrix, rows, columns, gram);
        TD_TRY(eigen_top(gram, side, 1, &largest, vector, error));
        bounds[c] = sqrt(fmax(largest, 0)) * fabs(weight) / sqrt(variance);
    }
    return TD_OK;
}

static td_status bound_all(bench *b, tool_run *run, const repair_norms *norms, double *bounds,
                           size_t *skipped, td_error *error) {
    TD_TRY(TD_ARENA_NEW(&run->arena, b->net->node_count, &b->marked, "nodes", error));
    TD_TRY(TD_ARENA_NEW(&run->arena, b->net->node_count, &b->from.convolutions, "nodes", error));
    tool_run_begin(run, "bounding channels", "channels", norms->channels);
    for (size_t i = 0; i < norms->count; i++) {
        const repair_norm *norm = &norms->list[i];
        TD_TRY(tool_run_go_on(run, norm->first, NULL, error));
        find_sources(b, b->net->nodes[norm->node].inputs[0]);
        for (size_t c = 0; c < norm->channels; c++)
            bounds[norm->first + c] = NAN;
        *skipped += b->from.count == 0;
        if (b->from.count == 0)
            continue;
        td_status status = bound_norm(b, norm, bounds + norm->first, error);
        td_arena_free(&b->arena);
        TD_TRY(status);
    }
    tool_run_end(run);
    return TD_OK;
}

td_status clp_bounds(tool_run *run, const td_net *net, const float *weights,
                     const repair_norms *norms, double *bounds, size_t *skipped, td_error *error) {
    bench b = {.net = net, .weights = weights};
    *skipped = 0;
    return bound_all(&b, run, norms, bounds, skipped, error);
}
