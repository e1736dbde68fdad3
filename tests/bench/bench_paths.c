/* SPDX-License-Identifier: MIT */
/* Times each path of computing a convolution, on the shapes of the zoo's nets and on smaller ones:
 * microseconds of one thread's processor time per batch, forward, and backward to the weights and
 * to the input. The paths alternate, and the fastest of several turns counts, because others may
 * use the machine. A path that is far slower is dropped. A star marks the operator's choice.
 *
 * Arguments: names of nets, 1x1, 3x3 (default all). The kernel and OpenBLAS's core should match:
 * OPENBLAS_CORETYPE=Haswell with avx2, Nehalem with sse2. */
#include "base/arena.h"
#include "base/parallel.h"
#include "base/size.h"
#include "nn/conv.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { BATCH = 64, CLASSES = 10, PATHS = 6, MOST_SHAPES = 256 };
enum { LEAST_TURNS = 7, FAR_BEHIND = 3, MOST_PLACES = 7 * 7 /* of a kernel */, TEXT = 256 };
static const double least_seconds = 0.4; /* of all ways' turns together */

enum { FORWARD, WEIGHTS, INPUT, PASSES };

static const struct {
    const char *net;
    size_t side, channels;
} nets[] = {{"cnn", 28, 1},
            {"cnn-bn", 28, 1},
            {"lenet5", 32, 3},
            {"vgg16", 32, 3},
            {"resnet18", 32, 3},
            {"resnet34", 32, 3},
            {"resnet34-small", 32, 3},
            {"preact-resnet18", 32, 3}};

/* Square convolutions whose output has the size of their input. */
typedef struct square {
    size_t side, in, out;
} square;

/* 3×3, around the boundaries between the paths. */
static const square three[] = {
    {32, 1, 8},  {32, 1, 64}, {32, 3, 8},   {32, 3, 16}, {32, 3, 32},  {32, 4, 32},  {32, 8, 8},
    {32, 8, 16}, {32, 8, 32}, {32, 12, 12}, {32, 16, 4}, {32, 16, 16}, {32, 16, 32}, {32, 24, 8},
    {32, 32, 4}, {32, 64, 2}, {32, 64, 4},  {16, 8, 16}, {16, 16, 16}, {16, 16, 64}, {8, 3, 32},
    {8, 8, 16},  {8, 16, 16}, {8, 16, 64},  {4, 3, 32},  {4, 8, 16},   {4, 16, 32},  {4, 64, 64},
    {3, 8, 16},  {3, 16, 32}, {3, 64, 64},  {2, 8, 8},   {2, 16, 32},  {2, 64, 64}};

/* 1×1, as in mobilenet-v2 and resnet50. */
static const square pointwise[] = {{32, 16, 96},  {32, 96, 24},    {28, 144, 32}, {28, 32, 192},
                                   {14, 384, 64}, {14, 64, 384},   {14, 576, 96}, {7, 960, 160},
                                   {7, 160, 960}, {7, 320, 1280},  {32, 64, 64},  {32, 64, 256},
                                   {28, 256, 64}, {14, 1024, 256}, {7, 512, 2048}};

/* The buffers of a path. */
typedef struct arrays {
    float *x, *y, *dx, *dy, *weights, *dweights, *bias, *dbias, *prepared, *scratch;
} arrays;

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static td_status fill(td_arena *arena, size_t count, float **out, td_error *error) {
    TD_TRY(TD_ARENA_NEW(arena, count, out, "arrays", error));
    for (size_t i = 0; i < count; i++)
        (*out)[i] = (float)(i * 7919 % 1009) / 1009 - 0.5f;
    return TD_OK;
}

static td_status allocate(td_arena *arena, const td_conv *c, arrays *a, td_error *error) {
    const size_t inputs = BATCH * td_shape_size(c->in), outputs = BATCH * td_shape_size(c->out);
    const size_t weights = MOST_PLACES * c->in.channels * c->out.channels;
    size_t prepared = 0, scratch = 0;
    for (size_t i = 0; td_conv_paths[i]; i++)
        if (td_conv_paths[i]->computes(c)) {
            prepared = td_size_max(prepared, td_conv_paths[i]->prepared(c));
            scratch = td_size_max(scratch, td_conv_paths[i]->scratch(c, BATCH, true));
        }
    const struct {
        float **array;
        size_t count;
    } all[] = {{&a->x, inputs},
               {&a->y, outputs},
               {&a->dx, inputs},
               {&a->dy, outputs},
               {&a->weights, weights},
               {&a->dweights, weights},
               {&a->bias, c->out.channels},
               {&a->dbias, c->out.channels},
               {&a->prepared, prepared},
               {&a->scratch, scratch}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        TD_TRY(fill(arena, all[i].count, all[i].array, error));
    return TD_OK;
}

/* One turn of a path: its passes, each timed. */
static void take_turn(const td_conv_path *path, const td_conv *c, const arrays *a, double *best) {
    td_run run = {.batch = BATCH,
                  .in = {a->x},
                  .out = a->y,
                  .params = {a->weights, a->bias},
                  .bounds = TD_UNBOUNDED,
                  .prepared = a->prepared,
                  .scratch = a->scratch,
                  .dout = a->dy};
    path->prepare(c, &run);
    for (size_t pass = 0; pass < PASSES; pass++) {
        run.dparams[0] = pass == WEIGHTS ? a->dweights : NULL;
        run.dparams[1] = pass == WEIGHTS ? a->dbias : NULL;
        run.din[0] = pass == INPUT ? a->dx : NULL;
        const double before = seconds();
        if (pass == FORWARD)
            path->forward(c, &run);
        else
            path->backward(c, &run);
        best[pass] = fmin(best[pass], seconds() - before);
    }
}

static double sum(const double best[PASSES]) {
    return best[FORWARD] + best[WEIGHTS] + best[INPUT];
}

/* All paths once, except dropped ones. */
static void take_turns(const td_conv *c, const arrays *a, double best[PATHS][PASSES]) {
    double least = INFINITY;
    for (size_t i = 0; td_conv_paths[i]; i++)
        least = fmin(least, sum(best[i]));
    for (size_t i = 0; td_conv_paths[i]; i++)
        if (td_conv_paths[i]->computes(c) &&
            (sum(best[i]) == INFINITY || sum(best[i]) < FAR_BEHIND * least))
            take_turn(td_conv_paths[i], c, a, best[i]);
}

static void print_row(const td_conv *c, const char *net, double best[PATHS][PASSES]) {
    const td_window *w = &c->window;
    size_t taken = 0;
    while (!td_conv_paths[taken]->computes(c) || !td_conv_paths[taken]->pays(c))
        taken++;
    printf("%zux%zu/%zu+%zu %zux%zu %zu->%zu %s\n", w->kernel_h, w->kernel_w, w->stride_h, w->pad_h,
           c->in.height, c->in.width, c->in.channels, c->out.channels, net);
    for (size_t i = 0; td_conv_paths[i]; i++)
        if (td_conv_paths[i]->computes(c))
            printf("  %c %-9s %8.0f %8.0f %8.0f  %9.0f\n", i == taken ? '*' : ' ',
                   td_conv_paths[i]->name, 1e6 * best[i][FORWARD], 1e6 * best[i][WEIGHTS],
                   1e6 * best[i][INPUT], 1e6 * sum(best[i]));
    fflush(stdout);
}

static td_status bench_shape(const td_conv *c, const char *net, td_error *error) {
    td_arena arena = {0};
    arrays a;
    double best[PATHS][PASSES], start;
    for (size_t i = 0; i < PATHS; i++)
        for (size_t pass = 0; pass < PASSES; pass++)
            best[i][pass] = INFINITY;
    td_status status = allocate(&arena, c, &a, error);
    start = seconds();
    for (int turn = 0; status == TD_OK && (turn < LEAST_TURNS || seconds() - start < least_seconds);
         turn++)
        take_turns(c, &a, best);
    if (status == TD_OK)
        print_row(c, net, best);
    td_arena_free(&arena);
    return status;
}

/* Shapes already measured. */
typedef struct seen {
    td_conv shapes[MOST_SHAPES];
    size_t count;
} seen;

static bool is_new(seen *s, const td_conv *c) {
    for (size_t i = 0; i < s->count; i++)
        if (memcmp(&s->shapes[i], c, sizeof *c) == 0)
            return false;
    if (s->count < MOST_SHAPES)
        s->shapes[s->count++] = *c;
    return true;
}

static td_status bench_net(seen *s, const char *name, const char *text,
                           const td_net_variables *variables, td_error *error) {
    td_net net;
    td_status status = TD_OK;
    TD_TRY(td_net_parse(&net, text, variables, error));
    for (size_t i = 1; status == TD_OK && i < net.node_count; i++) {
        const td_node *node = &net.nodes[i];
        if (strcmp(node->op->name, "conv") != 0)
            continue;
        const td_conv c = td_conv_of(node, net.nodes[node->inputs[0]].shape);
        if (is_new(s, &c))
            status = bench_shape(&c, name, error);
    }
    td_net_free(&net);
    return status;
}

static td_status bench_squares(seen *s, const square *squares, size_t count, size_t kernel,
                               td_error *error) {
    for (size_t i = 0; i < count; i++) {
        char text[TEXT];
        snprintf(text, sizeof text,
                 "input = image() height=%zu width=%zu channels=%zu\n"
                 "c = conv(input) out=%zu kernel=%zu pad=%zu\nflat = flatten(c)\n",
                 squares[i].side, squares[i].side, squares[i].in, squares[i].out, kernel,
                 kernel / 2);
        TD_TRY(bench_net(s, "", text, NULL, error));
    }
    return TD_OK;
}

/* Whether all are wanted, or this one. */
static bool is_wanted(int count, char **names, const char *name) {
    bool wanted = count == 0;
    for (int i = 0; i < count; i++)
        wanted |= strcmp(names[i], name) == 0;
    return wanted;
}

static td_status bench(seen *s, int count, char **names, td_error *error) {
    if (is_wanted(count, names, "1x1"))
        TD_TRY(bench_squares(s, pointwise, sizeof pointwise / sizeof *pointwise, 1, error));
    if (is_wanted(count, names, "3x3"))
        TD_TRY(bench_squares(s, three, sizeof three / sizeof *three, 3, error));
    for (size_t row = 0; row < sizeof nets / sizeof *nets; row++) {
        const td_net_variables variables = {nets[row].side, nets[row].side, nets[row].channels,
                                            CLASSES};
        if (is_wanted(count, names, nets[row].net))
            TD_TRY(bench_net(s, nets[row].net, td_zoo_text(nets[row].net), &variables, error));
    }
    return TD_OK;
}

int main(int argc, char **argv) {
    static seen s;
    td_error error = {0};
    td_set_threads(1);
    printf("kernel %s, OpenBLAS core %s, batch %d; microseconds\n"
           "kernel/stride+pad, input, channels\n"
           "    way        forward  weights    input   together\n",
           KERNEL, td_blas_core(), BATCH);
    td_status status = bench(&s, argc - 1, argv + 1, &error);
    if (status != TD_OK)
        fprintf(stderr, "bench_paths: %s\n", error.message);
    return status != TD_OK;
}
