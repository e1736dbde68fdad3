/* SPDX-License-Identifier: MIT */
/* Scores of batch norm channels for repairs: bounds of Lipschitz constants, divergences and
 * entropies, and the sweep over thresholds. */
#include "defend/repair/bnp.h"
#include "defend/repair/clp.h"
#include "defend/repair/ep.h"
#include "defend/repair/norm_inputs.h"
#include "defend/repair/sweep.h"
#include "net_support.h"
#include "nn/exec.h"
#include "nn/head_tail.h"
#include "nn/predict.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NET(in, out)                                                                               \
    NET_IMAGE(4, 4, in)                                                                            \
    "conv = conv(input) out=" #out " kernel=3 pad=1 bias=0\nbn = batch-norm(conv) "                \
    "epsilon=1e-12\nflat = flatten(bn)\nfc = dense(flat) out=2\n"

enum { SIDE = 4, IMAGES = 50 };

typedef struct fixture {
    td_net net;
    repair_norms norms;
    float *weights;
    double *scores;
    uint8_t *pixels;
    int32_t labels[IMAGES];
    td_images images;
    tool_run run;
} fixture;

static const tool_common common = {.quiet = true, .seed = 1};

static void set_up(fixture *f, const char *text) {
    *f = (fixture){.run = {.common = &common, .deadline = INFINITY}};
    net_parsed(&f->net, text, NULL);
    assert_int_equal(norms_find(&f->net, &f->run.arena, &f->norms, NULL), TD_OK);
    assert_int_equal(TD_ARENA_NEW(&f->run.arena, f->net.weight_count, &f->weights, "a test", NULL),
                     TD_OK);
    assert_int_equal(TD_ARENA_NEW(&f->run.arena, f->norms.channels, &f->scores, "a test", NULL),
                     TD_OK);
    net_weights(&f->net, f->weights);
    for (size_t i = 0; i < f->norms.count; i++) /* a variance is not below 0 */
        for (size_t c = 0; c < f->norms.list[i].channels; c++)
            f->weights[f->norms.list[i].variance + c] = 1 + 0.25F * (float)c;
    const td_shape shape = td_net_input(&f->net);
    td_random random = td_random_for(1, TD_FOR_TEST, 0, 0);
    assert_int_equal(
        TD_ARENA_NEW(&f->run.arena, IMAGES * td_shape_size(shape), &f->pixels, "a test", NULL),
        TD_OK);
    for (size_t i = 0; i < IMAGES * td_shape_size(shape); i++)
        f->pixels[i] = (uint8_t)td_random_below(&random, 256);
    f->images =
        (td_images){IMAGES,    shape.height, shape.width, shape.channels, td_net_classes(&f->net),
                    f->pixels, f->labels};
}

static void tear_down(fixture *f) {
    td_net_free(&f->net);
    td_arena_free(&f->run.arena);
}

static float *param(const fixture *f, const char *name) {
    for (size_t i = 0; i < f->net.param_count; i++)
        if (strcmp(f->net.params[i].name, name) == 0)
            return f->weights + f->net.params[i].offset;
    fail_msg("no parameter %s", name);
    return NULL;
}

/* --- deviations --- */

static void test_find(void **state) {
    (void)state;
    fixture f;
    td_net net;
    td_arena arena = {0};
    repair_norms none;
    td_error error;
    set_up(&f, NET(3, 16));
    assert_int_equal(f.norms.count, 1);
    assert_int_equal(f.norms.channels, 16);
    assert_ptr_equal(f.weights + f.norms.list[0].weight, param(&f, "bn.weight"));
    assert_ptr_equal(f.weights + f.norms.list[0].bias, param(&f, "bn.bias"));
    assert_ptr_equal(f.weights + f.norms.list[0].mean, param(&f, "bn.running_mean"));
    assert_ptr_equal(f.weights + f.norms.list[0].variance, param(&f, "bn.running_var"));
    net_assert_near(f.norms.list[0].epsilon, 1e-12, 1e-20);
    net_parsed(&net, NET_IMAGE(2, 2, 1) "flat = flatten(input)\nfc = dense(flat) out=2\n", NULL);
    assert_int_equal(norms_find(&net, &arena, &none, &error), TD_ERR_USAGE);
    assert_string_equal(error.message, "expected a net with batch norms, found none");
    td_net_free(&net);
    td_arena_free(&arena);
    tear_down(&f);
}

static repair_norms single_norm(repair_norm *norm, size_t channels) {
    *norm = (repair_norm){.channels = channels};
    return (repair_norms){norm, 1, channels};
}

/* 1, 2, 3, 6: mean 3, unbiased deviation sqrt(14/3). */
static void test_standardise(void **state) {
    (void)state;
    repair_norm norm;
    double values[] = {1, 2, 3, 6, NAN}, equal[] = {0.1, 0.1, 0.1, NAN};
    repair_norms norms = single_norm(&norm, 5);
    norms_standardise(&norms, values);
    net_assert_near(values[3], 3 / sqrt(14.0 / 3), 1e-12);
    net_assert_near(values[0], -2 / sqrt(14.0 / 3), 1e-12);
    assert_true(isnan(values[4]));
    norms = single_norm(&norm, 4);
    norms_standardise(&norms, equal);
    assert_true(equal[0] == 0 && equal[1] == 0 && equal[2] == 0 && isnan(equal[3]));
}

/* Of 64 channels 3 deviations find six equal outliers, and not seven. */
static void test_outliers_found(void **state) {
    (void)state;
    enum { CHANNELS = 64 };
    for (size_t outliers = 1; outliers <= 8; outliers++) {
        repair_norm norm;
        const repair_norms norms = single_norm(&norm, CHANNELS);
        double values[CHANNELS];
        for (size_t c = 0; c < CHANNELS; c++)
            values[c] = c < outliers ? 100 : 1;
        norms_standardise(&norms, values);
        assert_int_equal(values[0] > 3, outliers <= 6);
        assert_false(values[CHANNELS - 1] > 3);
    }
}

static void test_too_few_channels(void **state) {
    (void)state;
    const double values[11] = {0};
    repair_norm norm;
    td_error error;
    repair_norms norms = single_norm(&norm, 11);
    assert_int_equal(norms_check_deviations(&norms, values, 3, &error), TD_OK);
    norms = single_norm(&norm, 10);
    assert_int_equal(norms_check_deviations(&norms, values, 3, &error), TD_ERR_USAGE);
    assert_string_equal(error.message,
                        "3 deviations: expected a batch norm of at least 11 channels to judge, "
                        "since of n channels none lies further than (n - 1)/sqrt(n) above the "
                        "mean, found at most 10");
    assert_int_equal(norms_check_deviations(&norms, values, 2.8, &error), TD_OK);
}

/* --- CLP --- */

static size_t bound(fixture *f) {
    size_t skipped;
    assert_int_equal(clp_bounds(&f->run, &f->net, f->weights, &f->norms, f->scores, &skipped, NULL),
                     TD_OK);
    return skipped;
}

/* All filters alike, and norms, too. */
static void make_equal(fixture *f) {
    const td_param *filters = &f->net.params[f->net.nodes[1].params[0]];
    const size_t row = filters->count / filters->dims[0];
    float *w = param(f, "conv.weight");
    for (size_t c = 0; c < f->norms.channels; c++) {
        memcpy(w + c * row, w, row * sizeof *w);
        param(f, "bn.weight")[c] = c % 2 ? 0.7F : -0.7F; /* the sign does not matter */
        param(f, "bn.running_var")[c] = 2;
    }
}

static size_t count_above(const fixture *f, double threshold) {
    size_t count = 0;
    for (size_t c = 0; c < f->norms.channels; c++)
        count += f->scores[c] > threshold;
    return count;
}

static void test_equal_filters(void **state) {
    (void)state;
    fixture f;
    set_up(&f, NET(2, 16));
    make_equal(&f);
    assert_int_equal(bound(&f), 0);
    for (size_t c = 1; c < 16; c++)
        net_assert_near(f.scores[c], f.scores[0], 0);
    norms_standardise(&f.norms, f.scores);
    assert_int_equal(count_above(&f, 0), 0);
    tear_down(&f);
}

static void test_one_large_filter(void **state) {
    (void)state;
    enum { LARGE = 5, ROW = 2 * 9 };
    fixture f;
    set_up(&f, NET(2, 16));
    make_equal(&f);
    for (size_t i = 0; i < ROW; i++)
        param(&f, "conv.weight")[LARGE * ROW + i] *= 10;
    bound(&f);
    net_assert_near(f.scores[LARGE] / f.scores[0], 10, 1e-5);
    norms_standardise(&f.norms, f.scores);
    assert_int_equal(count_above(&f, 3), 1);
    assert_true(f.scores[LARGE] > 3);
    tear_down(&f);
}

/* (s·W, s²·variance) is the same channel. */
static void test_reparametrised_filter(void **state) {
    (void)state;
    enum { ROW = 2 * 9, CHANNELS = 16 };
    fixture f;
    double before[CHANNELS];
    set_up(&f, NET(2, 16));
    bound(&f);
    memcpy(before, f.scores, sizeof before);
    for (size_t c = 0; c < CHANNELS; c++) {
        for (size_t i = 0; i < ROW; i++)
            param(&f, "conv.weight")[c * ROW + i] *= 4;
        param(&f, "bn.running_var")[c] *= 16;
    }
    bound(&f);
    for (size_t c = 0; c < CHANNELS; c++)
        net_assert_near(f.scores[c], before[c], 1e-9);
    param(&f, "bn.running_var")[0] = 0;
    bound(&f);
    assert_true(isfinite(f.scores[0]));
    tear_down(&f);
}

/* Filters of one norm: of one singular value, and of nine equal ones. */
static void test_singular_values(void **state) {
    (void)state;
    fixture f;
    set_up(&f, NET_IMAGE(4, 4, 9) "conv = conv(input) out=2 kernel=3 pad=1 bias=0\n"
                                  "bn = batch-norm(conv) epsilon=1e-12\nflat = flatten(bn)\n"
                                  "fc = dense(flat) out=2\n");
    float *w = param(&f, "conv.weight");
    for (size_t i = 0; i < 81; i++) {
        w[i] = 1.0F / 9;
        w[81 + i] = i % 10 == 0 ? 1.0F / 3 : 0;
    }
    for (size_t c = 0; c < 2; c++) {
        param(&f, "bn.weight")[c] = 3;
        param(&f, "bn.running_var")[c] = 4;
    }
    bound(&f);
    net_assert_near(f.scores[0], 1.5, 1e-6);
    net_assert_near(f.scores[1], 0.5, 1e-6);
    tear_down(&f);
}

/* sigma_max by the power method, rows[count, 9]. */
static double largest_singular_value(const double *rows, size_t count) {
    double v[9], norm = 0;
    for (size_t i = 0; i < 9; i++)
        v[i] = 1 + 0.1 * (double)i;
    for (size_t round = 0; round < 5000; round++) {
        double next[9] = {0};
        for (size_t r = 0; r < count; r++) {
            double dot = 0;
            for (size_t i = 0; i < 9; i++)
                dot += rows[r * 9 + i] * v[i];
            for (size_t i = 0; i < 9; i++)
                next[i] += dot * rows[r * 9 + i];
        }
        norm = 0;
        for (size_t i = 0; i < 9; i++)
            norm += next[i] * next[i];
        norm = sqrt(norm);
        for (size_t i = 0; i < 9; i++)
            v[i] = next[i] / norm;
    }
    return sqrt(norm);
}

/* As in pre-activation blocks: the norm's input is the sum of the second convolution, the
 * shortcut's, and what comes before, and all of them count; a norm without a convolution before it
 * is left out. */
static void test_norm_behind_a_sum(void **state) {
    (void)state;
    enum { CHANNELS = 3, IN = 2, FIRST = 3, ROWS = IN + FIRST + 1 };
    fixture f;
    set_up(&f, NET_IMAGE(4, 4, 2) "a = conv(input) out=3 kernel=3 pad=1\n"
                                  "bn1 = batch-norm(a)\nrelu = relu(bn1)\n"
                                  "b = conv(relu) out=3 kernel=3 pad=1 bias=0\n"
                                  "shortcut = conv(input) out=3 kernel=1 bias=0\n"
                                  "block = add(b, shortcut)\nsum = add(block, relu)\n"
                                  "bn2 = batch-norm(sum)\nrelu2 = relu(bn2)\n"
                                  "bn3 = batch-norm(relu2)\nflat = flatten(bn3)\n"
                                  "fc = dense(flat) out=2\n");
    assert_int_equal(f.norms.count, 3);
    assert_int_equal(bound(&f), 1);
    const float *b = param(&f, "b.weight"), *shortcut = param(&f, "shortcut.weight");
    for (size_t c = 0; c < CHANNELS; c++) {
        double rows[ROWS * 9] = {0};
        for (size_t k = 0; k < IN; k++)
            rows[k * 9 + 4] = shortcut[c * IN + k];
        for (size_t i = 0; i < FIRST * 9; i++)
            rows[IN * 9 + i] = b[c * FIRST * 9 + i];
        rows[(ROWS - 1) * 9 + 4] = 1;
        const double scale = fabs((double)param(&f, "bn2.weight")[c]) /
                             sqrt((double)param(&f, "bn2.running_var")[c] + 1e-5);
        net_assert_near(f.scores[CHANNELS + c], largest_singular_value(rows, ROWS) * scale, 1e-6);
        assert_false(isnan(f.scores[c]));
        assert_true(isnan(f.scores[2 * CHANNELS + c]));
    }
    tear_down(&f);
}

/* --- the sweep --- */

static const sweep deviations = {.first = 2, .step = -0.5, .count = 5};

static sweep sweep_of(const fixture *f, bool masks) {
    sweep s = deviations;
    s.norms = &f->norms;
    s.scores = f->scores;
    s.masks = masks;
    return s;
}

/* A pruned channel gives 0, or its norm's bias, whatever its input. */
static void test_pruned_channel(void **state) {
    (void)state;
    enum { CHANNELS = 4, PRUNED = 2 };
    fixture f;
    set_up(&f, NET(2, 4));
    for (size_t c = 0; c < CHANNELS; c++)
        f.scores[c] = c == PRUNED ? 3.5 : 3;
    const sweep s = sweep_of(&f, false);
    for (int zero = SWEEP_WEIGHT; zero <= SWEEP_BOTH; zero++) {
        td_net head;
        td_arena arena = {0};
        float *weights, *out;
        const size_t row = CHANNELS * SIDE * SIDE;
        const float *untouched = param(&f, "conv.weight");
        float before[4 * 2 * 9];
        memcpy(before, untouched, sizeof before);
        sweep_prune(&s, 3, zero, f.weights);
        assert_memory_equal(before, untouched, sizeof before);
        assert_int_equal(td_net_head(&f.net, f.weights, "bn", false, &head, &weights, &arena, NULL),
                         TD_OK);
        assert_int_equal(
            td_predict(&head, weights, &f.images, (td_predict_watch){0}, &arena, &out, NULL),
            TD_OK);
        const float expected = zero == SWEEP_BOTH ? 0 : param(&f, "bn.bias")[PRUNED];
        size_t other = 0;
        for (size_t i = 0; i < IMAGES; i++)
            for (size_t p = 0; p < SIDE * SIDE; p++) {
                net_assert_near(out[i * row + PRUNED * SIDE * SIDE + p], expected, 1e-7);
                other += out[i * row + p] != out[p];
            }
        assert_true(other > 0);
        td_net_free(&head);
        td_arena_free(&arena);
    }
    tear_down(&f);
}

static void test_points(void **state) {
    (void)state;
    fixture f;
    sweep_point points[SWEEP_MOST_POINTS];
    set_up(&f, NET(2, 4));
    memcpy(f.scores, (double[]){2.2, 1, NAN, 0.1}, 4 * sizeof *f.scores);
    sweep s = sweep_of(&f, false);
    assert_int_equal(sweep_points(&s, 1.5, points), 6);
    static const size_t pruned[] = {0, 1, 1,
                                    1, 2, 3}; /* above 2, 1.5, 1, 0.5, 0: 1 is not above 1 */
    assert_true(isnan(points[0].threshold));
    for (size_t i = 0; i < 6; i++) {
        if (i > 0)
            net_assert_near(points[i].threshold, 2.5 - 0.5 * (double)i, 1e-12);
        assert_int_equal(points[i].pruned, pruned[i]);
        assert_int_equal(points[i].chosen, -1);
    }
    assert_int_equal(sweep_points(&s, 1.7, points), 7);
    net_assert_near(points[2].threshold, 1.7, 0);
    assert_int_equal(sweep_points(&s, 7, points), 7);
    net_assert_near(points[1].threshold, 7, 0);
    s = (sweep){&f.norms, f.scores, true, 0, 0.05, 20};
    memcpy(f.scores, (double[]){0, 0.2, 1, 0.5}, 4 * sizeof *f.scores);
    assert_int_equal(sweep_points(&s, 0.97, points), 22);
    net_assert_near(points[21].threshold, 0.97, 0);
    assert_int_equal(points[1].pruned, 1); /* a mask of 0, at 0 */
    assert_int_equal(points[5].pruned, 2); /* up to 0.2 */
    assert_int_equal(points[21].pruned, 3);
    float *before = f.weights;
    const float weight = before[f.norms.list[0].weight];
    sweep_prune(&s, -0.1, SWEEP_BOTH, f.weights); /* no mask is below 0 */
    net_assert_near(f.weights[f.norms.list[0].weight], weight, 0);
    tear_down(&f);
}

/* Accuracies of 90, 89, 86, 90, 40 %, the first without pruning, at thresholds 4 to 1. */
static void test_choose(void **state) {
    (void)state;
    static const size_t hits[] = {90, 89, 86, 90, 40};
    sweep_point points[5];
    for (size_t i = 0; i < 5; i++)
        points[i] = (sweep_point){.threshold = i == 0 ? (double)NAN : 5 - (double)i,
                                  .accuracy = td_rate_of(hits[i], 100)};
    assert_int_equal(sweep_choose(points, 5, 3, 0.04), 2); /* as asked for: 4 % is within it */
    assert_int_equal(sweep_choose(points, 5, 3, 0.02), 1);
    assert_int_equal(sweep_choose(points, 5, 3, 0), 0);
    assert_int_equal(sweep_choose(points, 5, 2, 0.02), 1); /* a fall in between ends it */
    assert_int_equal(sweep_choose(points, 5, 1, 0.04), 3);
    assert_int_equal(sweep_choose(points, 5, 1, 1), 4);
    for (size_t i = 0; i < 5; i++)
        points[i].accuracy.trials = 0;
    assert_int_equal(sweep_choose(points, 5, 1, 0), 4); /* nothing was measured */
}

/* --- BNP --- */

static void test_divergence(void **state) {
    (void)state;
    td_random random = td_random_for(2, TD_FOR_TEST, 0, 0);
    net_assert_near(bnp_divergence((bnp_moments){3, 4}, (bnp_moments){3, 4}), 0, 1e-15);
    net_assert_near(bnp_divergence((bnp_moments){3 + 5 * 2, 4}, (bnp_moments){3, 4}), 12.5, 1e-12);
    net_assert_near(bnp_divergence((bnp_moments){0, 1}, (bnp_moments){0, 4}),
                    log(2) + 1.0 / 8 - 0.5, 1e-12);
    for (size_t i = 0; i < 1000; i++) {
        const bnp_moments of = {td_random_normal(&random), 1e-3 + td_random_unit(&random)};
        const bnp_moments from = {td_random_normal(&random), 1e-3 + td_random_unit(&random)};
        assert_true(bnp_divergence(of, from) >= 0);
    }
}

/* The moments of a norm's input, by the head of the net before it. */
static bnp_moments twin(fixture *f, const char *node, size_t channels, size_t channel) {
    td_net head;
    td_arena arena = {0};
    float *weights, *out;
    double mean = 0, squares = 0;
    assert_int_equal(td_net_head(&f->net, f->weights, node, false, &head, &weights, &arena, NULL),
                     TD_OK);
    assert_int_equal(
        td_predict(&head, weights, &f->images, (td_predict_watch){0}, &arena, &out, NULL), TD_OK);
    const size_t row = td_net_classes(&head), positions = row / channels;
    for (size_t i = 0; i < IMAGES * positions; i++)
        mean += out[i / positions * row + channel * positions + i % positions];
    mean /= (double)(IMAGES * positions);
    for (size_t i = 0; i < IMAGES * positions; i++) {
        const double off = out[i / positions * row + channel * positions + i % positions] - mean;
        squares += off * off;
    }
    td_net_free(&head);
    td_arena_free(&arena);
    return (bnp_moments){mean, squares / (double)(IMAGES * positions - 1)};
}

static const char two_norms[] =
    NET_IMAGE(4, 4, 2) "a = conv(input) out=12 kernel=3 pad=1\nbn1 = batch-norm(a)\n"
                       "relu = relu(bn1)\nb = conv(relu) out=12 kernel=3\nbn2 = batch-norm(b)\n"
                       "relu2 = relu(bn2)\nflat = flatten(relu2)\nfc = dense(flat) out=2\n";

/* Running statistics equal the clean ones, except for one channel shifted by five of its
 * deviations: only that one is found. */
static void test_divergences(void **state) {
    (void)state;
    enum { CHANNELS = 12, SHIFTED = 7 };
    fixture f;
    set_up(&f, two_norms);
    for (size_t i = 0; i < 2; i++) /* the second norm's depend on the first's */
        for (size_t c = 0; c < CHANNELS; c++) {
            const bnp_moments m = twin(&f, i == 0 ? "a" : "b", CHANNELS, c);
            const double off = i == 1 && c == SHIFTED ? 5 * sqrt(m.variance) : 0;
            f.weights[f.norms.list[i].mean + c] = (float)(m.mean + off);
            f.weights[f.norms.list[i].variance + c] = (float)m.variance;
        }
    assert_int_equal(
        bnp_divergences(&f.run, &f.net, f.weights, &f.norms, &f.images, f.scores, NULL), TD_OK);
    for (size_t c = 0; c < 2 * CHANNELS; c++)
        net_assert_near(f.scores[c], c == CHANNELS + SHIFTED ? 12.5 : 0, 1e-3);
    norms_standardise(&f.norms, f.scores);
    assert_true(f.scores[CHANNELS + SHIFTED] > 3);
    assert_int_equal(count_above(&f, 3), 1);
    tear_down(&f);
}

/* --- EP --- */

static void test_entropy(void **state) {
    (void)state;
    enum { BINS = 10, COUNT = 100 };
    double values[COUNT];
    for (size_t i = 0; i < COUNT; i++) /* the edges of bins are in them */
        values[i] = 0.25 * (double)(i % BINS);
    net_assert_near(ep_entropy(values, COUNT, 0, 0.25), log(BINS), 1e-12);
    for (size_t i = 0; i < COUNT; i++)
        values[i] = 1;
    net_assert_near(ep_entropy(values, COUNT, 0, 0.3), 0, 0);
    for (size_t i = 0; i < COUNT; i++)
        values[i] = i < 25 ? 0 : 9.99; /* the last bin is not whole */
    net_assert_near(ep_entropy(values, COUNT, 0, 4), -(0.25 * log(0.25) + 0.75 * log(0.75)), 1e-12);
}

static void test_bimodal_channel(void **state) {
    (void)state;
    enum { CHANNELS = 12, COUNT = 1000, BIMODAL = 4 };
    double entropies[CHANNELS];
    size_t lowest = 0;
    for (size_t c = 0; c < CHANNELS; c++) {
        td_random random = td_random_for(3, TD_FOR_TEST, 0, (uint32_t)c);
        double values[COUNT];
        for (size_t i = 0; i < COUNT; i++)
            values[i] = c == BIMODAL ? 50.0 * (i % 20 == 0) + 0.01 * td_random_normal(&random)
                                     : td_random_normal(&random);
        assert_true(ep_standardise(values, COUNT));
        double low = values[0];
        for (size_t i = 1; i < COUNT; i++)
            low = fmin(low, values[i]);
        entropies[c] = ep_entropy(values, COUNT, low, 0.1);
        if (entropies[c] < entropies[lowest])
            lowest = c;
    }
    assert_int_equal(lowest, BIMODAL);
}

static void test_constant_values(void **state) {
    (void)state;
    double same[] = {0.1, 0.1, 0.1}, one[] = {2}, zeros[] = {0, 0}, two[] = {1, 3};
    assert_false(ep_standardise(same, 3));
    assert_false(ep_standardise(one, 1));
    assert_false(ep_standardise(zeros, 2));
    assert_true(ep_standardise(two, 2));
    net_assert_near(two[1], sqrt(0.5), 1e-12);
}

/* For a net: the maxima of the head's values, standardised on one grid; a channel that is equal for
 * all images has no entropy. */
static void test_entropies(void **state) {
    (void)state;
    enum { CHANNELS = 12, CONSTANT = 3, ROW = 2 * 9, POSITIONS = SIDE * SIDE };
    const double width = 0.2;
    fixture f;
    td_net head;
    td_arena arena = {0};
    float *weights, *out;
    double low = INFINITY, maxima[CHANNELS][IMAGES];
    set_up(&f, two_norms);
    memset(param(&f, "a.weight") + CONSTANT * ROW, 0, ROW * sizeof(float));
    assert_int_equal(td_net_head(&f.net, f.weights, "a", false, &head, &weights, &arena, NULL),
                     TD_OK);
    assert_int_equal(
        td_predict(&head, weights, &f.images, (td_predict_watch){0}, &arena, &out, NULL), TD_OK);
    for (size_t c = 0; c < CHANNELS; c++) {
        for (size_t i = 0; i < IMAGES; i++) {
            maxima[c][i] = -INFINITY;
            for (size_t p = 0; p < POSITIONS; p++)
                maxima[c][i] =
                    fmax(maxima[c][i], out[i * CHANNELS * POSITIONS + c * POSITIONS + p]);
        }
        if (ep_standardise(maxima[c], IMAGES))
            for (size_t i = 0; i < IMAGES; i++)
                low = fmin(low, maxima[c][i]);
    }
    assert_int_equal(
        ep_entropies(&f.run, &f.net, f.weights, &f.norms, &f.images, width, f.scores, NULL), TD_OK);
    for (size_t c = 0; c < CHANNELS; c++)
        if (c == CONSTANT)
            assert_true(isnan(f.scores[c]));
        else
            net_assert_near(f.scores[c], ep_entropy(maxima[c], IMAGES, low, width), 0.1);
    for (size_t c = 0; c < CHANNELS; c++)
        assert_false(isnan(f.scores[CHANNELS + c]));
    td_net_free(&head);
    td_arena_free(&arena);
    tear_down(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_standardise),
        cmocka_unit_test(test_outliers_found),
        cmocka_unit_test(test_too_few_channels),
        cmocka_unit_test(test_equal_filters),
        cmocka_unit_test(test_one_large_filter),
        cmocka_unit_test(test_reparametrised_filter),
        cmocka_unit_test(test_singular_values),
        cmocka_unit_test(test_norm_behind_a_sum),
        cmocka_unit_test(test_pruned_channel),
        cmocka_unit_test(test_points),
        cmocka_unit_test(test_choose),
        cmocka_unit_test(test_divergence),
        cmocka_unit_test(test_divergences),
        cmocka_unit_test(test_entropy),
        cmocka_unit_test(test_bimodal_channel),
        cmocka_unit_test(test_constant_values),
        cmocka_unit_test(test_entropies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
