/* SPDX-License-Identifier: MIT */
/* Compares the layers of the zoo's nets with the least time that the machine allows for a training
 * step. Arguments: names of nets (default all).
 *
 * The limit of a pass is the larger of two times. Arithmetic: its multiply-adds at the peak of a
 * core, a quarter of the direct ones where Winograd F(4×4, 3×3) or Toeplitz products compute them,
 * elsewhere without taps that meet padding. Memory ("m" after the limit): all bytes that must be
 * read or written, once, at the rate of a stream of as many bytes, cached or not. The rates are
 * measured first, from the fastest of several runs.
 *
 * A layer is timed as a separate net, with a fused ReLU and, in the forward pass, the preparation
 * of its weights. Where OpenBLAS multiplies (im2col, dense), its core may be faster than the
 * kernel. To reduce the influence of other programs, the time on one thread is the median of
 * processor times, and that on all threads the minimum of elapsed times. */
#include "base/arena.h"
#include "base/parallel.h"
#include "base/size.h"
#include "frame/clock.h"
#include "frame/options.h"
#include "nn/exec.h"
#include "nn/kernel/vector.h"
#include "nn/window.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ONE, ALL, WAYS }; /* threads */
enum { FORWARD, BACKWARD, PASSES };
enum { BATCH = 64, CLASSES = 10, TEXT = 1024, WORST = 3 };
enum { LEAST_RUNS = 5, LEAST_MILLISECONDS = 200, MOST_RUNS = 1000, RATE_RUNS = 20 };
enum { CHAINS = 12, LINKS = 1 << 15 };                   /* multiply-adds of a run */
enum { STREAMS = 14, LEAST_STREAM = 14, RUN = 1 << 24 }; /* streams of 2^14 to 2^27 bytes */
static const size_t threads[WAYS] = {1, 0};              /* as td_set_threads takes them */

typedef struct machine {
    size_t threads[WAYS];
    double multiplies;            /* multiply-adds a second, of one core */
    double stream[WAYS][STREAMS]; /* bytes a second of streams of 2^(LEAST_STREAM + i) bytes */
} machine;

typedef struct figure {
    double limit, measured; /* seconds; 0 where there is nothing to do */
    bool memory;            /* memory sets the limit */
} figure;

/* Equal layers of a net. */
typedef struct layer {
    const char *name, *path, *text; /* of the first; the latter as a net */
    size_t count;
    td_exec_kind kind;
    figure figures[WAYS][PASSES];
} layer;

static double seconds(void) {
    struct timespec now;
    clock_gettime(td_threads() == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static td_status make_array(td_arena *arena, size_t count, float **out, td_error *error) {
    TD_TRY(TD_ARENA_NEW(arena, count, out, "arrays", error));
    for (size_t i = 0; i < count; i++)
        (*out)[i] = (float)(i % 7) / 7 - 0.4f;
    return TD_OK;
}

typedef struct stream {
    float *values;
    size_t floats, repeats; /* of each thread's sums and terms */
} stream;

static void stream_slice(void *context, size_t item) {
    const stream *s = context;
    float *sums = s->values + 2 * item * s->floats;
    for (size_t run = 0; run < s->repeats; run++)
        td_kernel_used()->add(sums, sums + s->floats, s->floats);
}

/* Independent chains of x = x·a + a, whose products cannot be moved out of the loop. */
static void multiply(void *context, size_t item) {
    const stream *s = context;
    const td_vec a = td_vec_set(1 / (float)(2 + item));
    td_vec sums[CHAINS];
    for (size_t i = 0; i < CHAINS; i++)
        sums[i] = td_vec_set((float)i);
    for (size_t i = 0; i < LINKS; i++) {
        TD_UNROLL
        for (size_t j = 0; j < CHAINS; j++)
            sums[j] = td_vec_fma(sums[j], a, a);
    }
    for (size_t j = 0; j < CHAINS; j++)
        td_vec_store(s->values + j * TD_LANES, sums[j]);
}

/* Seconds of the fastest run, with an item for each thread. */
static double fastest(td_each_fn run, stream *s) {
    double best = INFINITY;
    for (int i = 0; i < RATE_RUNS; i++) {
        const double before = seconds();
        td_parallel_each(td_threads(), run, s);
        best = fmin(best, seconds() - before);
    }
    return best;
}

static void print_machine(const machine *m) {
    printf("kernel %s, OpenBLAS core %s, %zu threads, batch %d; microseconds\n"
           "peak of a core: %.1f GFLOP/s; streams, GB/s on 1 thread and on all of n KiB:\n",
           td_kernel_used()->name, td_blas_core(), m->threads[ALL], BATCH, 2e-9 * m->multiplies);
    for (size_t i = 0; i < STREAMS; i++)
        printf(" %zu: %.0f, %.0f%s", ((size_t)1 << (LEAST_STREAM + i)) / 1024,
               1e-9 * m->stream[ONE][i], 1e-9 * m->stream[ALL][i], i + 1 < STREAMS ? ";" : "\n");
}

/* Measures and prints the rates. */
static td_status measure_machine(machine *m, td_arena *arena, td_error *error) {
    stream s;
    const size_t most = ((size_t)1 << (LEAST_STREAM + STREAMS - 1)) / sizeof(float);
    TD_TRY(make_array(arena, most, &s.values, error));
    for (size_t way = 0; way < WAYS; way++) {
        td_set_threads(threads[way]);
        m->threads[way] = td_threads();
        for (size_t i = 0; i < STREAMS; i++) {
            const size_t bytes = (size_t)1 << (LEAST_STREAM + i);
            s.floats = bytes / sizeof(float) / (2 * td_threads());
            s.repeats = td_size_max(1, RUN / bytes);
            const double moved = (double)(3 * sizeof(float) * s.floats * s.repeats * td_threads());
            m->stream[way][i] = moved / fastest(stream_slice, &s);
        }
        if (way == ONE)
            m->multiplies = (double)LINKS * CHAINS * TD_LANES / fastest(multiply, &s);
    }
    print_machine(m);
    return TD_OK;
}

static const td_setting *value_of(const td_node *node, const char *key) {
    return &node->values[td_key_find(node->op->keys, key) - node->op->keys];
}

/* Pairs of an output and a tap of its window along one axis that meet the image. */
static size_t pairs(size_t in, size_t out, size_t kernel, size_t stride, size_t pad) {
    size_t count = 0;
    for (size_t o = 0; o < out; o++)
        for (size_t k = 0; k < kernel; k++)
            count += o * stride + k >= pad && o * stride + k < in + pad;
    return count;
}

/* Multiply-adds for an image. */
static double multiplies_of(const td_net *net, const td_node *node, const char *path) {
    const td_shape in = td_net_input(net), out = node->shape;
    const double channels = (double)(in.channels * out.channels);
    if (strcmp(node->op->name, "dense") == 0)
        return channels;
    if (strcmp(node->op->name, "conv") != 0)
        return 0;
    if (strcmp(path, "winograd") == 0 || strcmp(path, "toeplitz") == 0)
        return channels * (double)(out.height * out.width) * 9 / 4;
    const td_window w =
        td_window_padded(value_of(node, "kernel"), value_of(node, "stride"), value_of(node, "pad"));
    return channels / (double)td_size_max(1, value_of(node, "groups")->count) *
           (double)pairs(in.height, out.height, w.kernel_h, w.stride_h, w.pad_h) *
           (double)pairs(in.width, out.width, w.kernel_w, w.stride_w, w.pad_w);
}

/* Sets the limit of a pass with that much work. */
static void set_limit(const machine *m, size_t way, double multiplies, size_t floats, figure *f) {
    const double arithmetic = multiplies / m->multiplies / (double)m->threads[way];
    size_t i = 0;
    while (i + 1 < STREAMS && floats * sizeof(float) >= (size_t)1 << (LEAST_STREAM + i + 1))
        i++;
    const double memory = (double)(floats * sizeof(float)) / m->stream[way][i];
    f->memory = memory > arithmetic;
    f->limit = fmax(memory, arithmetic);
}

/* The limits of a net of one layer. Forward reads the input and the weights and writes the output;
 * backward reads the output's gradient and its inputs, and writes the wanted gradients. */
static void set_limits(const machine *m, size_t way, const td_net *net, layer *l) {
    const td_node *node = &net->nodes[1];
    const bool kept = net->node_count > 2 || node->op->needs_out; /* the output, for a ReLU or so */
    const bool passes = l->kind == TD_BACKWARD_INPUT;
    const size_t gradients = passes + (node->param_count > 0); /* of the input, of the weights */
    const size_t in = BATCH * td_shape_size(td_net_input(net)), weights = net->weight_count;
    const size_t out = BATCH * td_shape_size(node->shape);
    const double multiplies = BATCH * multiplies_of(net, node, l->path);
    set_limit(m, way, multiplies, in + weights + out, &l->figures[way][FORWARD]);
    if (gradients > 0)
        set_limit(m, way, multiplies * (double)gradients,
                  out * (1 + kept) + in * (node->op->needs_in + passes) + weights * gradients,
                  &l->figures[way][BACKWARD]);
}

static int compare_reals(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct pass_arrays {
    float *weights, *dweights, *input, *gradient; /* the latter of the net's end */
    size_t inputs, gradients;                     /* floats */
    double times[PASSES][MOST_RUNS];
} pass_arrays;

static void run_passes(td_exec *exec, pass_arrays *a, size_t run) {
    memcpy(td_exec_input(exec), a->input, a->inputs * sizeof(float));
    const double start = seconds();
    td_exec_weights(exec, a->weights);
    td_exec_forward(exec, BATCH);
    a->times[FORWARD][run] = seconds() - start;
    memcpy(td_exec_logits_gradient(exec), a->gradient, a->gradients * sizeof(float));
    const double later = seconds();
    td_exec_backward(exec, a->dweights);
    a->times[BACKWARD][run] = seconds() - later;
}

/* Sets the measured times of the passes that have a limit. */
static td_status measure(const td_net *net, size_t way, td_exec_kind kind, figure figures[PASSES],
                         td_arena *arena, td_error *error) {
    pass_arrays *a;
    td_exec *exec;
    size_t runs = 0;
    td_set_threads(threads[way]);
    TD_TRY(TD_ARENA_NEW(arena, 1, &a, "times", error));
    a->inputs = BATCH * td_shape_size(td_net_input(net));
    a->gradients = BATCH * td_shape_size(net->nodes[net->node_count - 1].shape);
    TD_TRY(make_array(arena, net->weight_count + 1, &a->weights, error));
    TD_TRY(make_array(arena, net->weight_count + 1, &a->dweights, error));
    TD_TRY(make_array(arena, a->inputs, &a->input, error));
    TD_TRY(make_array(arena, a->gradients, &a->gradient, error));
    td_net_init(net, 1, a->weights);
    TD_TRY(td_exec_new(&exec, net, BATCH, kind, error));
    td_exec_training(exec, 1, 0);
    run_passes(exec, a, 0); /* to warm up */
    const double start = tool_monotonic_seconds();
    while (runs < LEAST_RUNS ||
           (runs < MOST_RUNS && 1000 * (tool_monotonic_seconds() - start) < LEAST_MILLISECONDS))
        run_passes(exec, a, runs++);
    td_exec_free(exec);
    for (size_t pass = 0; pass < PASSES; pass++)
        if (figures[pass].limit > 0) {
            qsort(a->times[pass], runs, sizeof(double), compare_reals);
            figures[pass].measured = a->times[pass][way == ONE ? runs / 2 : 0];
        }
    return TD_OK;
}

static td_status measure_layer(const machine *m, size_t way, layer *l, td_error *error) {
    td_arena arena = {0};
    td_net net;
    TD_TRY(td_net_parse(&net, l->text, NULL, error));
    const td_op *op = net.nodes[1].op;
    l->path = op->path ? op->path(&net.nodes[1], &net.nodes[0].shape) : op->name;
    net.node_count--; /* a text must end with a vector, and so with a flatten */
    set_limits(m, way, &net, l);
    td_status status = measure(&net, way, l->kind, l->figures[way], &arena, error);
    td_arena_free(&arena);
    td_net_free(&net);
    return status;
}

/* Whether an activation is fused to the node: in the zoo's nets that is its only reader, and the
 * next node. */
static bool fuses(const td_net *net, size_t node) {
    return net->nodes[node].op->clips && node + 1 < net->node_count &&
           net->nodes[node + 1].op->bounds && net->nodes[node + 1].inputs[0] == node;
}

/* A net with only node i, whose inputs are all the image; `line` is the node's own. */
static td_status layer_text(const td_net *net, size_t i, const char *line, td_arena *arena,
                            char **out, td_error *error) {
    const td_node *node = &net->nodes[i];
    const td_shape in = net->nodes[node->inputs[0]].shape;
    const char *keys = strchr(line, ')') + 1;
    char text[TEXT];
    const int length = snprintf(
        text, sizeof text, "x = image() height=%zu width=%zu channels=%zu\ny = %s(x%s)%.*s\n%s\n",
        in.height, in.width, in.channels, node->op->name, node->input_count > 1 ? ", x" : "",
        (int)strcspn(keys, "\n"), keys,
        fuses(net, i) ? "r = relu(y)\nflat = flatten(r)" : "flat = flatten(y)");
    return td_arena_text(arena, text, (size_t)length, out, error);
}

/* Lists the layers of a net, equal ones once. The image's gradient is not wanted. */
static td_status list_layers(const td_net *net, td_arena *arena, layer *layers, size_t *count,
                             td_error *error) {
    char *line, *text;
    td_exec_kind kind = TD_BACKWARD;
    TD_TRY(td_net_text(net, arena, &line, error));
    for (size_t i = 1, j = 0; i < net->node_count; i++, j = 0) {
        line = strchr(line, '\n') + 1;
        if (fuses(net, i - 1))
            continue;
        TD_TRY(layer_text(net, i, line, arena, &text, error));
        while (j < *count && (layers[j].kind != kind || strcmp(layers[j].text, text) != 0))
            j++;
        if (j == *count)
            layers[(*count)++] = (layer){.name = net->nodes[i].name, .text = text, .kind = kind};
        layers[j].count++;
        if (net->nodes[i].param_count > 0)
            kind = TD_BACKWARD_INPUT;
    }
    return TD_OK;
}

static void print_row(const layer *l) {
    printf("%-21s %3zu %-15s", l->name, l->count, l->path);
    for (size_t way = 0; way < WAYS; way++)
        for (size_t pass = 0; pass < PASSES; pass++) {
            const figure *f = &l->figures[way][pass];
            if (f->limit > 0)
                printf(" %8.0f%c %8.0f %3.0f%%", 1e6 * f->limit, f->memory ? 'm' : ' ',
                       1e6 * f->measured, 100 * f->limit / f->measured);
            else
                printf(" %22s", "-");
        }
    putchar('\n');
}

/* Seconds above the limit on one thread, summed over equal layers. */
static double excess(const layer *l) {
    const figure *f = l->figures[ONE];
    return (double)l->count *
           (f[FORWARD].measured - f[FORWARD].limit + f[BACKWARD].measured - f[BACKWARD].limit);
}

static int compare_excess(const void *a, const void *b) {
    return (excess(a) < excess(b)) - (excess(a) > excess(b));
}

static void add_figures(layer *sum, const layer *l) {
    for (size_t way = 0; way < WAYS; way++)
        for (size_t pass = 0; pass < PASSES; pass++) {
            sum->figures[way][pass].limit += (double)l->count * l->figures[way][pass].limit;
            sum->figures[way][pass].measured += (double)l->count * l->figures[way][pass].measured;
        }
}

static void print_worst(layer *layers, size_t count, double all) {
    qsort(layers, count, sizeof *layers, compare_excess);
    printf("most above the limit on one thread:");
    for (size_t i = 0; i < WORST; i++)
        printf(" %s (%zu) %.0f,", layers[i].name, layers[i].count, 1e6 * excess(&layers[i]));
    printf(" of %.0f\n", 1e6 * all);
}

/* The table of a net: its layers, their sum, and the whole net. */
static td_status bench_layers(const machine *m, const td_net *net, td_arena *arena,
                              td_error *error) {
    layer sum = {.name = "sum", .path = "", .count = 1}, *layers;
    size_t count = 0;
    TD_TRY(TD_ARENA_NEW(arena, net->node_count, &layers, "layers", error));
    TD_TRY(list_layers(net, arena, layers, &count, error));
    for (size_t i = 0; i < count; i++) {
        for (size_t way = 0; way < WAYS; way++)
            TD_TRY(measure_layer(m, way, &layers[i], error));
        print_row(&layers[i]);
        add_figures(&sum, &layers[i]);
    }
    print_row(&sum);
    sum.name = "net";
    for (size_t way = 0; way < WAYS; way++)
        TD_TRY(measure(net, way, TD_BACKWARD, sum.figures[way], arena, error));
    print_row(&sum);
    print_worst(layers, count, excess(&sum));
    return TD_OK;
}

static td_status bench_net(const machine *m, const char *name, td_error *error) {
    const td_net_variables grey = {28, 28, 1, CLASSES}, colour = {32, 32, 3, CLASSES};
    const td_net_variables *images = strncmp(name, "cnn", 3) == 0 ? &grey : &colour;
    const char *passes = "  forward  measured      backward  measured     ";
    td_arena arena = {0};
    td_net net;
    if (!td_zoo_text(name))
        return td_fail(error, TD_ERR_USAGE, "expected a net of the zoo, found %s", name);
    TD_TRY(td_net_parse(&net, td_zoo_text(name), images, error));
    printf("\n%-42s 1 thread%38s %zu threads\n%-21s %3s %-15s%s%s\n", name, "", m->threads[ALL],
           "layer", "n", "path", passes, passes);
    td_status status = bench_layers(m, &net, &arena, error);
    td_arena_free(&arena);
    td_net_free(&net);
    return status;
}

int main(int argc, char **argv) {
    const char *const *names = argc > 1 ? (const char *const *)argv + 1 : td_zoo_names;
    machine m = {{0}};
    td_arena arena = {0};
    td_error error;
    setenv("TRAPDOOR_KERNEL", KERNEL, 1);
    td_status status = td_kernel_check(&error);
    if (status == TD_OK)
        status = measure_machine(&m, &arena, &error);
    td_arena_free(&arena);
    for (; status == TD_OK && *names; names++)
        status = bench_net(&m, *names, &error);
    return tool_exit(status, &error);
}
