/* SPDX-License-Identifier: MIT */
/* The Winograd convolution compared with its naive twin in double, and the identities that its
 * gradients must satisfy. */
#include "support.h"

#include "base/arena.h"
#include "base/parallel.h"
#include "base/random.h"
#include "nn/kernel/winograd.h"
#include <math.h>
#include <stdbool.h>
#include <string.h>

typedef struct test_case {
    size_t batch;
    td_winograd conv;
} test_case;

/* Odd sizes, all paddings, partial vectors of channels, one pixel in or out, and sizes at which
 * each pass uses blocks, groups and slabs. */
static const test_case shapes[] = {
    {1, {3, 3, 1, 1, 0}},     {3, {5, 7, 3, 5, 0}},     {3, {7, 5, 5, 17, 1}},
    {1, {1, 1, 3, 4, 1}},     {1, {1, 1, 17, 3, 2}},    {3, {1, 6, 8, 8, 1}},
    {2, {6, 3, 17, 33, 2}},   {3, {26, 26, 32, 32, 0}}, {66, {12, 12, 32, 64, 0}},
    {3, {10, 10, 64, 64, 0}}, {1, {28, 28, 64, 48, 1}}, {3, {14, 14, 64, 64, 1}},
    {1, {9, 9, 130, 100, 1}}, {9, {4, 4, 256, 272, 1}}, {98, {2, 2, 256, 256, 1}},
    {1, {1, 2, 1030, 2, 1}},  {2, {2, 1, 2, 1100, 1}},
};
enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]) };

typedef struct problem {
    td_arena arena;
    td_winograd conv;
    size_t batch, out_height, out_width;
    size_t inputs, outputs, weights; /* floats */
    float *x, *w, *bias, *dy;
    float *y, *dx, *dw, *dbias;
    float *transformed, *scratch;
    double *true_y, *true_dx, *true_dw;
} problem;

static void *allocate(problem *p, size_t count, size_t size) {
    void *array;
    assert_int_equal(td_arena_alloc(&p->arena, count, size, &array, "test", NULL), TD_OK);
    return array;
}

/* Draws in [−1, 1). */
static float *draw(problem *p, size_t count, uint32_t index) {
    float *values = allocate(p, count, sizeof(float));
    td_random random = td_random_for(1, TD_FOR_TEST, 0, index);
    for (size_t i = 0; i < count; i++)
        values[i] = 2 * td_random_unit(&random) - 1;
    return values;
}

static problem set_up(const test_case *shape) {
    problem p = {.conv = shape->conv, .batch = shape->batch};
    const td_winograd *conv = &p.conv;
    p.out_height = conv->height + 2 * conv->pad - 2;
    p.out_width = conv->width + 2 * conv->pad - 2;
    p.inputs = p.batch * conv->height * conv->width * conv->in;
    p.outputs = p.batch * p.out_height * p.out_width * conv->out;
    p.weights = 9 * conv->in * conv->out;
    p.x = draw(&p, p.inputs, 1);
    p.w = draw(&p, p.weights, 2);
    p.bias = draw(&p, conv->out, 3);
    p.dy = draw(&p, p.outputs, 4);
    p.y = draw(&p, p.outputs, 5); /* not zeros: the passes must overwrite */
    p.dx = draw(&p, p.inputs, 6);
    p.dw = draw(&p, p.weights, 7);
    p.dbias = draw(&p, conv->out, 8);
    p.transformed = draw(&p, td_winograd_filter_floats(conv), 9);
    p.scratch = draw(&p, td_winograd_scratch_floats(conv, p.batch, 4), 10);
    p.true_y = allocate(&p, p.outputs, sizeof(double));
    p.true_dx = allocate(&p, p.inputs, sizeof(double));
    p.true_dw = allocate(&p, p.weights, sizeof(double));
    return p;
}

/* The direct convolution (without bias) and both gradients, in double: one loop over all products.
 */
static void naive_pixel(problem *p, size_t image, size_t row, size_t column) {
    const td_winograd *c = &p->conv;
    size_t out = ((image * p->out_height + row) * p->out_width + column) * c->out;
    for (size_t tap = 0; tap < 9; tap++) {
        size_t y = row + tap / 3 - c->pad, x = column + tap % 3 - c->pad;
        if (y >= c->height || x >= c->width) /* also where it wrapped below 0 */
            continue;
        size_t in = ((image * c->height + y) * c->width + x) * c->in;
        for (size_t o = 0; o < c->out; o++)
            for (size_t i = 0; i < c->in; i++) {
                size_t w = (o * c->in + i) * 9 + tap;
                p->true_y[out + o] += (double)p->w[w] * p->x[in + i];
                p->true_dx[in + i] += (double)p->w[w] * p->dy[out + o];
                p->true_dw[w] += (double)p->x[in + i] * p->dy[out + o];
            }
    }
}

static void naive(problem *p) {
    memset(p->true_y, 0, p->outputs * sizeof(double));
    memset(p->true_dx, 0, p->inputs * sizeof(double));
    memset(p->true_dw, 0, p->weights * sizeof(double));
    for (size_t image = 0; image < p->batch; image++)
        for (size_t row = 0; row < p->out_height; row++)
            for (size_t column = 0; column < p->out_width; column++)
                naive_pixel(p, image, row, column);
}

static void run(problem *p, const float *bias, bool relu) {
    const td_bounds bounds = relu ? (td_bounds){0, INFINITY} : TD_UNBOUNDED;
    td_winograd_filters(&p->conv, p->w, p->transformed);
    td_winograd_forward(&p->conv, p->batch, p->x, p->transformed, bias, bounds, p->y, p->scratch);
    td_winograd_filters_backward(&p->conv, p->w, p->transformed);
    td_winograd_backward_input(&p->conv, p->batch, p->dy, p->transformed, p->dx, p->scratch);
    td_winograd_backward_weights(&p->conv, p->batch, p->x, p->dy, p->dw, bias ? p->dbias : NULL,
                                 p->scratch);
}

/* The largest error relative to the largest value. At most 4e-6 was observed, at 256 channels. */
static void assert_close(const char *what, const test_case *shape, const float *found,
                         const double *expected, size_t count) {
    double error = 0, scale = 0;
    for (size_t i = 0; i < count; i++) {
        double off = fabs(found[i] - expected[i]);
        error = isnan(off) ? INFINITY : fmax(error, off);
        scale = fmax(scale, fabs(expected[i]));
    }
    if (error > 1e-5 * scale)
        fail_msg("%s of %zux%zu pad %zu, %zu to %zu channels: residual %g", what,
                 shape->conv.height, shape->conv.width, shape->conv.pad, shape->conv.in,
                 shape->conv.out, error / scale);
}

static void test_equals_direct_convolution(void **state) {
    (void)state;
    for (size_t s = 0; s < SHAPES; s++) {
        problem p = set_up(&shapes[s]);
        naive(&p);
        run(&p, NULL, false);
        assert_close("output", &shapes[s], p.y, p.true_y, p.outputs);
        assert_close("input gradient", &shapes[s], p.dx, p.true_dx, p.inputs);
        assert_close("weight gradient", &shapes[s], p.dw, p.true_dw, p.weights);
        td_arena_free(&p.arena);
    }
}

/* With a fused bias and ReLU in the forward pass; the gradient of the bias in the backward pass. */
static void test_fuses_bias_and_relu(void **state) {
    (void)state;
    for (size_t s = 0; s < SHAPES; s++) {
        problem p = set_up(&shapes[s]);
        size_t out = p.conv.out;
        run(&p, p.bias, true);
        double *true_dbias = allocate(&p, out, sizeof(double));
        for (size_t i = 0; i < p.outputs; i++)
            true_dbias[i % out] += p.dy[i];
        naive(&p);
        for (size_t i = 0; i < p.outputs; i++)
            p.true_y[i] = fmax(p.true_y[i] + p.bias[i % out], 0);
        assert_close("ReLU output", &shapes[s], p.y, p.true_y, p.outputs);
        assert_close("weight gradient", &shapes[s], p.dw, p.true_dw, p.weights);
        assert_close("bias gradient", &shapes[s], p.dbias, true_dbias, out);
        td_arena_free(&p.arena);
    }
}

static double dot(const float *a, const float *b, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

static double norm(const float *a, size_t count) {
    return sqrt(dot(a, a, count));
}

/* The convolution is linear in x and in w: <y, dy> = <x, dx> = <w, dw>. */
static void test_gradients_are_adjoint(void **state) {
    (void)state;
    for (size_t s = 0; s < SHAPES; s++) {
        problem p = set_up(&shapes[s]);
        run(&p, NULL, false);
        double forward = dot(p.y, p.dy, p.outputs);
        double tolerance = 1e-5 * norm(p.y, p.outputs) * norm(p.dy, p.outputs);
        assert_true(fabs(forward - dot(p.x, p.dx, p.inputs)) <= tolerance);
        assert_true(fabs(forward - dot(p.w, p.dw, p.weights)) <= tolerance);
        td_arena_free(&p.arena);
    }
}

static void test_same_bytes_at_any_thread_count(void **state) {
    (void)state;
    for (size_t s = 0; s < SHAPES; s++) {
        problem one = set_up(&shapes[s]), many = set_up(&shapes[s]);
        td_set_threads(1);
        run(&one, one.bias, true);
        for (size_t threads = 2; threads <= 4; threads++) {
            td_set_threads(threads);
            run(&many, many.bias, true);
            assert_memory_equal(one.y, many.y, one.outputs * sizeof(float));
            assert_memory_equal(one.dx, many.dx, one.inputs * sizeof(float));
            assert_memory_equal(one.dw, many.dw, one.weights * sizeof(float));
            assert_memory_equal(one.dbias, many.dbias, one.conv.out * sizeof(float));
        }
        td_set_threads(0);
        td_arena_free(&one.arena);
        td_arena_free(&many.arena);
    }
}

/* An image gives the same bytes alone and among others. */
static void test_output_does_not_depend_on_batch(void **state) {
    (void)state;
    for (size_t s = 0; s < SHAPES; s++) {
        problem p = set_up(&shapes[s]);
        run(&p, p.bias, true);
        size_t last = p.batch - 1, inputs = p.inputs / p.batch, outputs = p.outputs / p.batch;
        float *y = draw(&p, outputs, 11), *dx = draw(&p, inputs, 12);
        td_winograd_backward_input(&p.conv, 1, p.dy + last * outputs, p.transformed, dx, p.scratch);
        td_winograd_filters(&p.conv, p.w, p.transformed);
        td_winograd_forward(&p.conv, 1, p.x + last * inputs, p.transformed, p.bias,
                            (td_bounds){0, INFINITY}, y, p.scratch);
        assert_memory_equal(p.y + last * outputs, y, outputs * sizeof(float));
        assert_memory_equal(p.dx + last * inputs, dx, inputs * sizeof(float));
        td_arena_free(&p.arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_direct_convolution),
        cmocka_unit_test(test_fuses_bias_and_relu),
        cmocka_unit_test(test_gradients_are_adjoint),
        cmocka_unit_test(test_same_bytes_at_any_thread_count),
        cmocka_unit_test(test_output_does_not_depend_on_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
