/* SPDX-License-Identifier: MIT */
#include "net_support.h"

#include "base/arena.h"
#include "base/parallel.h"
#include "net_twin.h"
#include "nn/exec.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 1, STEP = 5, MOST_THREADS = 4, DIRECTIONS = 2 };

/* The random arrays of a case, separated by the index of their draws. */
enum { FOR_IMAGES, FOR_WEIGHTS, FOR_LOGITS, FOR_OTHER_IMAGES, FOR_DIRECTIONS };

static const double most_residual = 1e-5, most_gradient_error = 1e-3;

/* The twin runs in double, so that a step this small is accurate enough, and hardly ever
 * crosses a kink. */
static const double step = 1e-7;

/* The state of a case: its net, numbers, and results. */
typedef struct bench {
    const net_case *of;
    bool training;
    td_net net;
    td_arena arena;
    size_t image_count, logit_count; /* floats of a batch */
    float *images, *other_images, *weights, *logits_gradient;
    float *logits, *images_gradient, *weights_gradient;
} bench;

static float *floats(bench *b, size_t count) {
    float *values;
    assert_int_equal(TD_ARENA_NEW(&b->arena, count, &values, "a test", NULL), TD_OK);
    return values;
}

static td_random random_for(uint32_t index) {
    return td_random_for(SEED, TD_FOR_TEST, 0, index);
}

void net_normal(float *values, size_t count, uint32_t index) {
    td_random random = random_for(index);
    for (size_t i = 0; i < count; i++)
        values[i] = td_random_normal(&random);
}

void net_fill_away_from_zero(td_random *random, float *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        float size = 0.1f + td_random_unit(random);
        values[i] = td_random_below(random, 2) ? size : -size;
    }
}

void net_fill_distinct(td_random *random, float *values, size_t count) {
    uint32_t *order = malloc(count * sizeof *order);
    assert_non_null(order);
    td_random_permutation(random, order, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        values[i] = 4.0f * (float)order[i] / (float)count - 2.0f;
    free(order);
}

void net_fill_far_from_zero(td_random *random, float *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        values[i] = 10000 + td_random_normal(random);
}

void net_fill_pixels(td_random *random, float *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        values[i] = (float)td_random_below(random, 256);
}

static void fill_normal(td_random *random, float *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        values[i] = td_random_normal(random);
}

void net_weights(const td_net *net, float *weights) {
    td_random random = random_for(FOR_WEIGHTS);
    for (size_t i = 0; i < net->param_count; i++) {
        const td_param *param = &net->params[i];
        float *w = weights + param->offset;
        for (size_t j = 0; j < param->count; j++)
            w[j] = param->fan_in ? td_random_normal(&random) / sqrtf((float)param->fan_in)
                                 : param->fill + td_random_unit(&random) - 0.5f;
    }
}

void net_parsed(td_net *net, const char *text, const td_net_variables *variables) {
    td_error error;
    if (td_net_parse(net, text, variables, &error) != TD_OK)
        fail_msg("%s\n%s", error.message, text);
}

double net_residual(const float *a, const double *b, size_t count) {
    double difference = 0, size = 0;
    for (size_t i = 0; i < count; i++) {
        if (isnan(a[i]) || isnan(b[i]))
            return NAN;
        difference = fmax(difference, fabs(a[i] - b[i]));
        size = fmax(size, fabs(b[i]));
    }
    return size > 0 ? difference / size : difference;
}

void net_assert_near(double found, double expected, double tolerance) {
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("expected %.9g, found %.9g", expected, found);
}

double *net_doubles(const float *values, size_t count) {
    double *copy = malloc((count + 1) * sizeof *copy);
    assert_non_null(copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = values[i];
    return copy;
}

static double dot(const float *a, const float *b, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

static void bench_open(bench *b, const net_case *of, bool training) {
    void (*fill)(td_random *, float *, size_t) = of->fill ? of->fill : fill_normal;
    *b = (bench){.of = of, .training = training};
    net_parsed(&b->net, of->text, NULL);
    b->image_count = of->batch * td_shape_size(td_net_input(&b->net));
    b->logit_count = of->batch * td_net_classes(&b->net);
    b->images = floats(b, b->image_count);
    b->other_images = floats(b, b->image_count);
    b->images_gradient = floats(b, b->image_count);
    b->weights = floats(b, b->net.weight_count);
    b->weights_gradient = floats(b, b->net.weight_count);
    b->logits = floats(b, b->logit_count);
    b->logits_gradient = floats(b, b->logit_count);
    td_random random = random_for(FOR_IMAGES), other = random_for(FOR_OTHER_IMAGES);
    fill(&random, b->images, b->image_count);
    fill(&other, b->other_images, b->image_count);
    net_weights(&b->net, b->weights);
    net_normal(b->logits_gradient, b->logit_count, FOR_LOGITS);
}

static void bench_close(bench *b) {
    td_net_free(&b->net);
    td_arena_free(&b->arena);
}

static void run_once(bench *b, td_exec *exec, const float *images) {
    memcpy(td_exec_input(exec), images, b->image_count * sizeof *images);
    memcpy(b->logits, td_exec_forward(exec, b->of->batch), b->logit_count * sizeof *b->logits);
    memcpy(td_exec_logits_gradient(exec), b->logits_gradient,
           b->logit_count * sizeof *b->logits_gradient);
    for (size_t i = 0; i < b->net.weight_count; i++)
        b->weights_gradient[i] = NAN; /* shows values that are not overwritten */
    memcpy(b->images_gradient, td_exec_backward(exec, b->weights_gradient),
           b->image_count * sizeof *b->images_gradient);
}

/* Forward and backward, in memory used before by a pass over other images. */
static void bench_run(bench *b, size_t threads) {
    td_exec *exec;
    td_error error;
    td_set_threads(threads);
    if (td_exec_new(&exec, &b->net, b->of->batch, TD_BACKWARD_INPUT, &error) != TD_OK)
        fail_msg("%s\n%s", error.message, b->of->text);
    td_exec_weights(exec, b->weights);
    if (b->training)
        td_exec_training(exec, SEED, STEP);
    run_once(b, exec, b->other_images);
    run_once(b, exec, b->images);
    td_exec_free(exec);
}

static double *twin_of(const bench *b, const double *images, const double *weights) {
    const net_training training = {SEED, STEP};
    return net_twin(&b->net, weights, images, b->of->batch, b->training ? &training : NULL);
}

static void check_twin(const bench *b) {
    double *images = net_doubles(b->images, b->image_count);
    double *weights = net_doubles(b->weights, b->net.weight_count);
    double *twin = twin_of(b, images, weights);
    double residual = net_residual(b->logits, twin, b->logit_count);
    if (!(residual <= most_residual))
        fail_msg("differs from its twin by %g\n%s", residual, b->of->text);
    free(twin);
    free(weights);
    free(images);
}

/* <logits, logits_gradient>, by the twin: the function whose gradients are checked. */
static double objective(const bench *b, const double *images, const double *weights) {
    double sum = 0;
    double *logits = twin_of(b, images, weights);
    for (size_t i = 0; i < b->logit_count; i++)
        sum += logits[i] * b->logits_gradient[i];
    free(logits);
    return sum;
}

/* Compares derivatives along random directions of some of the numbers, point[0 … count), which are
 * part of `images` or `weights`, with their gradient. */
static void check_directions(const bench *b, const double *images, const double *weights,
                             double *point, const float *gradient, size_t count, const char *name) {
    double *start = malloc(count * sizeof *start);
    float *direction = malloc(count * sizeof *direction);
    assert_non_null(start);
    assert_non_null(direction);
    memcpy(start, point, count * sizeof *start);
    for (uint32_t k = 0; k < DIRECTIONS; k++) {
        net_normal(direction, count, FOR_DIRECTIONS + k);
        for (size_t i = 0; i < count; i++)
            point[i] = start[i] + step * direction[i];
        double difference = objective(b, images, weights);
        for (size_t i = 0; i < count; i++)
            point[i] = start[i] - step * direction[i];
        difference -= objective(b, images, weights);
        double expected = difference / (2 * step), found = dot(gradient, direction, count);
        double size = sqrt(dot(gradient, gradient, count));
        if (!(fabs(found - expected) <= most_gradient_error * size))
            fail_msg("%s: gradient along a direction: expected %g, found %g\n%s", name, expected,
                     found, b->of->text);
    }
    memcpy(point, start, count * sizeof *start);
    free(direction);
    free(start);
}

static void check_gradients(const bench *b) {
    double *images = net_doubles(b->images, b->image_count);
    double *weights = net_doubles(b->weights, b->net.weight_count);
    check_directions(b, images, weights, images, b->images_gradient, b->image_count, "images");
    for (size_t i = 0; i < b->net.param_count; i++) {
        const td_param *param = &b->net.params[i];
        if (td_param_learns(param))
            check_directions(b, images, weights, weights + param->offset,
                             b->weights_gradient + param->offset, param->count, param->name);
    }
    free(weights);
    free(images);
}

static void assert_adjoint(const bench *b, double left, double right, double size,
                           const char *name) {
    if (!(fabs(left - right) <= most_residual * size))
        fail_msg("adjoint in %s: expected %g, found %g\n%s", name, left, right, b->of->text);
}

/* For logits L·x + c: <L·x, y> = <x, Lᵀ·y>; for logits linear in the parameters w: <logits, y> =
 * <w, gradient of w>. */
static void check_adjoint(bench *b) {
    float *y = b->logits_gradient, *logits = floats(b, b->logit_count);
    float *images = b->images;
    double of_images = dot(images, b->images_gradient, b->image_count);
    double of_weights = dot(b->weights, b->weights_gradient, b->net.weight_count);
    memcpy(logits, b->logits, b->logit_count * sizeof *logits);
    double size = sqrt(dot(logits, logits, b->logit_count) * dot(y, y, b->logit_count));
    if (b->net.param_count > 0)
        assert_adjoint(b, dot(logits, y, b->logit_count), of_weights, size, "parameters");
    b->images = floats(b, b->image_count);
    bench_run(b, 1);
    b->images = images;
    for (size_t i = 0; i < b->logit_count; i++)
        logits[i] -= b->logits[i];
    assert_adjoint(b, dot(logits, y, b->logit_count), of_images, size, "images");
}

static void assert_same(const bench *b, const float *a, const float *first, size_t count,
                        size_t threads, const char *name) {
    if (memcmp(a, first, count * sizeof *a) != 0)
        fail_msg("%s: other bytes at %zu threads than at 1\n%s", name, threads, b->of->text);
}

static void check_threads(bench *b) {
    const bench first = *b;
    b->logits = floats(b, b->logit_count);
    b->images_gradient = floats(b, b->image_count);
    b->weights_gradient = floats(b, b->net.weight_count);
    for (size_t threads = 2; threads <= MOST_THREADS; threads++) {
        bench_run(b, threads);
        assert_same(b, b->logits, first.logits, b->logit_count, threads, "logits");
        assert_same(b, b->images_gradient, first.images_gradient, b->image_count, threads,
                    "gradient of the images");
        assert_same(b, b->weights_gradient, first.weights_gradient, b->net.weight_count, threads,
                    "gradient of the parameters");
    }
}

static void check(const net_case *cases, size_t count, bool training) {
    for (size_t i = 0; i < count; i++) {
        bench b;
        bench_open(&b, &cases[i], training);
        bench_run(&b, 1);
        check_twin(&b);
        check_gradients(&b);
        check_threads(&b);
        if (cases[i].linear)
            check_adjoint(&b);
        bench_close(&b);
    }
}

void net_check(const net_case *cases, size_t count) {
    check(cases, count, false);
}

void net_check_training(const net_case *cases, size_t count) {
    check(cases, count, true);
}
