/* SPDX-License-Identifier: MIT */
/* Speed of 3×3 convolutions, in GFLOP/s per thread counted as direct convolution, compared with
 * sgemm on as many operations. Arguments: numbers of threads (default 1 and 2). */
#include "base/arena.h"
#include "base/parallel.h"
#include "base/random.h"
#include "nn/kernel/winograd.h"
#include <cblas.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SGEMM_ROWS = 128, LEAST_RUNS = 5 };
static const double least_seconds = 0.3;

typedef struct layer {
    size_t batch;
    td_winograd conv;
} layer;

static const layer shapes[] = {
    {128, {26, 26, 32, 32, 0}},  {128, {12, 12, 32, 64, 0}}, {128, {10, 10, 64, 64, 0}},
    {64, {28, 28, 32, 32, 1}},   {64, {32, 32, 64, 64, 1}},  {64, {14, 14, 64, 64, 1}},
    {64, {16, 16, 128, 128, 1}}, {64, {8, 8, 256, 256, 1}},  {64, {4, 4, 512, 512, 1}},
    {64, {2, 2, 512, 512, 1}},
};

typedef struct arrays {
    const layer *shape;
    size_t pixels; /* of the output, over the batch */
    float *x, *y, *dx, *dy, *weights, *dweights, *bias, *forward, *backward, *scratch;
    float *columns; /* sgemm's left matrix, one chunk per thread */
} arrays;

static void forward(const arrays *a) {
    td_winograd_filters(&a->shape->conv, a->weights, a->forward);
    td_winograd_forward(&a->shape->conv, a->shape->batch, a->x, a->forward, a->bias,
                        (td_bounds){0, INFINITY}, a->y, a->scratch);
}

static void backward_input(const arrays *a) {
    td_winograd_filters_backward(&a->shape->conv, a->weights, a->backward);
    td_winograd_backward_input(&a->shape->conv, a->shape->batch, a->dy, a->backward, a->dx,
                               a->scratch);
}

static void backward_weights(const arrays *a) {
    td_winograd_backward_weights(&a->shape->conv, a->shape->batch, a->x, a->dy, a->dweights,
                                 a->bias, a->scratch);
}

static void sgemm_rows(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const arrays *a = context;
    int in = (int)(9 * a->shape->conv.in), out = (int)a->shape->conv.out;
    (void)chunk;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)(end - begin), out, in, 1,
                a->columns + thread * SGEMM_ROWS * (size_t)in, in, a->weights, out, 0,
                a->y + begin * (size_t)out, out);
}

static void sgemm(const arrays *a) {
    arrays copy = *a;
    td_parallel_for(a->pixels, SGEMM_ROWS, sgemm_rows, &copy);
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The best run of several, because others may use the machine. */
static double rate(const arrays *a, void (*work)(const arrays *)) {
    const td_winograd *conv = &a->shape->conv;
    double best = 1e30, start = seconds();
    for (int run = 0; run < LEAST_RUNS || seconds() - start < least_seconds; run++) {
        double before = seconds();
        work(a);
        double taken = seconds() - before;
        best = taken < best ? taken : best;
    }
    return 18e-9 * (double)(a->pixels * conv->in * conv->out) / best / (double)td_threads();
}

static td_status fill(td_arena *arena, size_t count, float **out, const char *what,
                      td_error *error) {
    td_random random = td_random_for(1, TD_FOR_TEST, 0, 0);
    td_status status = TD_ARENA_NEW(arena, count, out, what, error);
    for (size_t i = 0; status == TD_OK && i < count; i++)
        (*out)[i] = td_random_unit(&random);
    return status;
}

static td_status bench(const layer *shape, size_t threads, td_arena *arena, td_error *error) {
    const td_winograd *conv = &shape->conv;
    size_t rows = conv->height + 2 * conv->pad - 2, columns = conv->width + 2 * conv->pad - 2;
    arrays a = {.shape = shape, .pixels = shape->batch * rows * columns};
    size_t inputs = shape->batch * conv->height * conv->width * conv->in;
    size_t outputs = a.pixels * conv->out, weights = 9 * conv->in * conv->out;
    size_t transformed = td_winograd_filter_floats(conv);
    const struct {
        float **array;
        size_t count;
        const char *name;
    } all[] = {
        {&a.x, inputs, "x"},
        {&a.dx, inputs, "dx"},
        {&a.y, outputs, "y"},
        {&a.dy, outputs, "dy"},
        {&a.weights, weights, "weights"},
        {&a.dweights, weights, "weight gradients"},
        {&a.bias, conv->out, "bias"},
        {&a.forward, transformed, "transformed weights"},
        {&a.backward, transformed, "transformed weights"},
        {&a.scratch, td_winograd_scratch_floats(conv, shape->batch, threads), "scratch"},
        {&a.columns, threads * SGEMM_ROWS * 9 * conv->in, "columns"},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        td_status status = fill(arena, all[i].count, all[i].array, all[i].name, error);
        if (status != TD_OK)
            return status;
    }
    printf("%2zux%-2zu pad %zu %3zu->%-3zu batch %-3zu %2zu %8.0f %8.0f %8.0f %8.0f\n",
           conv->height, conv->width, conv->pad, conv->in, conv->out, shape->batch, threads,
           rate(&a, forward), rate(&a, backward_input), rate(&a, backward_weights),
           rate(&a, sgemm));
    return TD_OK;
}

static int bench_all(size_t threads) {
    td_set_threads(threads);
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        td_arena arena = {0};
        td_error error = {0};
        td_status status = bench(&shapes[i], threads, &arena, &error);
        td_arena_free(&arena);
        if (status != TD_OK) {
            fprintf(stderr, "bench_conv: %s\n", error.message);
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv) {
    printf("BLAS core %s; GFLOP/s a thread\n", td_blas_core());
    printf("input      channels   batch threads forward   input  weights    sgemm\n");
    if (argc < 2)
        return bench_all(1) || bench_all(2);
    for (int i = 1; i < argc; i++) {
        char *end;
        errno = 0;
        unsigned long threads = strtoul(argv[i], &end, 10);
        if (errno || *end || threads < 1 || threads > 1024) {
            fprintf(stderr, "bench_conv: expected a number of threads, found %s\n", argv[i]);
            return 2;
        }
        if (bench_all(threads) != 0)
            return 1;
    }
    return 0;
}
