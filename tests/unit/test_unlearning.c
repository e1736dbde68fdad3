/* SPDX-License-Identifier: MIT */
/* Repairs that unlearn adversarial examples: I-BAU's, SAU's and NPD's gradients. */
#include "defend/repair/i_bau.h"
#include "defend/repair/npd.h"
#include "defend/repair/sau.h"
#include "net_support.h"
#include "nn/loss.h"
#include "nn/predict.h"
#include <math.h>
#include <string.h>

enum { SIDE = 3, PIXELS = SIDE * SIDE, CLASSES = 3, COUNT = 6, WEIGHTS = 128 };

/* Smooth, so that it has second derivatives. */
static const char smooth[] = NET_IMAGE(3, 3, 1) "s = scale(input) by=1/255\nflat = flatten(s)\n"
                                                "a = dense(flat) out=5\nt = tanh(a)\n"
                                                "fc = dense(t) out=3\n";

typedef struct fixture {
    td_net net;
    float weights[WEIGHTS];
    uint8_t pixels[COUNT * PIXELS];
    int32_t labels[COUNT];
    td_images images;
    float d[PIXELS];
    ibau_state state;
    td_arena arena;
} fixture;

static void set_up(fixture *f) {
    td_random random = td_random_for(1, TD_FOR_TEST, 3, 0);
    *f = (fixture){.state = {.unit = 255, .penalty = 0.05, .map_step = 0.1}};
    net_parsed(&f->net, smooth, NULL);
    assert_true(f->net.weight_count <= WEIGHTS);
    net_normal(f->weights, f->net.weight_count, 30);
    for (size_t i = 0; i < COUNT * PIXELS; i++)
        f->pixels[i] = (uint8_t)td_random_below(&random, 256);
    for (size_t i = 0; i < COUNT; i++)
        f->labels[i] = (int32_t)td_random_below(&random, CLASSES);
    for (size_t k = 0; k < PIXELS; k++)
        f->d[k] = 0.3F * td_random_normal(&random);
    f->images = (td_images){COUNT, SIDE, SIDE, 1, CLASSES, f->pixels, f->labels};
    assert_int_equal(ibau_open(&f->state, &f->net, COUNT, &f->arena, NULL), TD_OK);
    td_exec_weights(f->state.exec, f->weights);
}

static void tear_down(fixture *f) {
    ibau_close(&f->state);
    td_net_free(&f->net);
    td_arena_free(&f->arena);
}

/* The net in double, by plain loops. */
static double twin_loss(const fixture *f, const double *w, const ibau_batch *batch,
                        const double *d) {
    double sum = 0;
    const double *a = w, *a_bias = a + 5 * PIXELS, *c = a_bias + 5, *c_bias = c + 15;
    for (size_t i = 0; i < batch->count; i++) {
        const size_t image = batch->order ? batch->order[i] : i;
        double hidden[5], logits[CLASSES], total = 0;
        for (size_t h = 0; h < 5; h++) {
            hidden[h] = a_bias[h];
            for (size_t k = 0; k < PIXELS; k++) {
                const double moved = !batch->shifted || batch->shifted[i] ? d[k] : 0;
                hidden[h] +=
                    a[h * PIXELS + k] * (batch->images->pixels[image * PIXELS + k] / 255.0 + moved);
            }
            hidden[h] = tanh(hidden[h]);
        }
        for (size_t k = 0; k < CLASSES; k++) {
            logits[k] = c_bias[k];
            for (size_t h = 0; h < 5; h++)
                logits[k] += c[k * 5 + h] * hidden[h];
            total += exp(logits[k]);
        }
        sum += log(total) - logits[f->labels[image]];
    }
    return sum / (double)batch->count;
}

/* The inner loss's gradient by d, by central differences. */
static void twin_inner(const fixture *f, const double *w, const ibau_batch *inner, const double *d,
                       double *gradient) {
    const double step = 1e-5;
    double at[PIXELS];
    memcpy(at, d, sizeof at);
    for (size_t k = 0; k < PIXELS; k++) {
        at[k] = d[k] + step;
        const double above = twin_loss(f, w, inner, at);
        at[k] = d[k] - step;
        gradient[k] =
            -(above - twin_loss(f, w, inner, at)) / (2 * step) + 2 * f->state.penalty * d[k];
        at[k] = d[k];
    }
}

static void doubles(const float *from, size_t count, double *to) {
    for (size_t i = 0; i < count; i++)
        to[i] = from[i];
}

/* Where K is 1, it is the derivative of L_o(P(d, w), w) with ∂L_o/∂d taken at d: by w of
 * L_o(d, w) + v·P(d, w), v = ∂L_o/∂d; for K = 2, v = (∂P/∂d)ᵀ·∂L_o/∂d + ∂L_o/∂d. */
static void assert_hypergradient(size_t iterations) {
    fixture f;
    const uint32_t order[] = {4, 1, 5, 0};
    const bool shifted[] = {true, false, true, true};
    double w[WEIGHTS], d[PIXELS], v[PIXELS] = {0}, outer_by_d[PIXELS], at[PIXELS];
    double inner_at[PIXELS], inner_moved[PIXELS];
    float gradient[WEIGHTS];
    const double step = 1e-4;
    set_up(&f);
    const ibau_batch inner = {.images = &f.images, .count = 5};
    const ibau_batch outer = {.images = &f.images, .order = order, .count = 4, .shifted = shifted};
    doubles(f.weights, f.net.weight_count, w);
    doubles(f.d, PIXELS, d);
    memcpy(at, d, sizeof at);
    for (size_t k = 0; k < PIXELS; k++) {
        at[k] = d[k] + step;
        const double above = twin_loss(&f, w, &outer, at);
        at[k] = d[k] - step;
        outer_by_d[k] = (above - twin_loss(&f, w, &outer, at)) / (2 * step);
        at[k] = d[k];
    }
    for (size_t i = 0; i < iterations; i++) { /* H·v along v */
        for (size_t k = 0; k < PIXELS; k++)
            at[k] = d[k] + 1e-3 * v[k];
        twin_inner(&f, w, &inner, at, inner_moved);
        for (size_t k = 0; k < PIXELS; k++)
            at[k] = d[k] - 1e-3 * v[k];
        twin_inner(&f, w, &inner, at, inner_at);
        for (size_t k = 0; k < PIXELS; k++)
            v[k] += -f.state.map_step * (inner_moved[k] - inner_at[k]) / 2e-3 + outer_by_d[k];
    }
    f.state.iterations = iterations;
    ibau_hypergradient(&f.state, &inner, &outer, f.d, gradient);
    for (size_t i = 0; i < f.net.weight_count; i++) {
        double value[2];
        for (int side = 0; side < 2; side++) {
            const double was = w[i];
            w[i] += side ? -step : step;
            value[side] = twin_loss(&f, w, &outer, d);
            twin_inner(&f, w, &inner, d, inner_at);
            for (size_t k = 0; k < PIXELS; k++)
                value[side] += v[k] * (d[k] - f.state.map_step * inner_at[k]);
            w[i] = was;
        }
        net_assert_near(gradient[i], (value[0] - value[1]) / (2 * step), 2e-4);
    }
    tear_down(&f);
}

static void hypergradient_by_differences(void **state) {
    (void)state;
    assert_hypergradient(1);
    assert_hypergradient(2);
    assert_hypergradient(4);
}

static void without_iterations_it_is_the_outer_gradient(void **state) {
    fixture f;
    float plain[WEIGHTS], found[WEIGHTS];
    (void)state;
    set_up(&f);
    const ibau_batch batch = {.images = &f.images, .count = COUNT};
    ibau_loss(&f.state, &batch, f.d, NULL, plain);
    ibau_hypergradient(&f.state, &batch, &batch, f.d, found);
    assert_memory_equal(plain, found, f.net.weight_count * sizeof *plain);
    f.state.iterations = 3;
    ibau_hypergradient(&f.state, &batch, &batch, f.d, found);
    assert_memory_not_equal(plain, found, f.net.weight_count * sizeof *plain);
    tear_down(&f);
}

/* The authors' code rounds down, and perturbs none of a batch of 50. */
static void a_portion_is_shifted(void **state) {
    (void)state;
    assert_int_equal(ibau_shifted(0.01, 50), 1);
    assert_int_equal(ibau_shifted(0.01, 100), 1);
    assert_int_equal(ibau_shifted(0.01, 256), 3);
    assert_int_equal(ibau_shifted(0, 256), 0);
    assert_int_equal(ibau_shifted(1, 7), 7);
}

static void others_are_not_shifted(void **state) {
    fixture f;
    bool shifted[COUNT] = {false};
    double by_d[PIXELS];
    (void)state;
    set_up(&f);
    const float none[PIXELS] = {0};
    const ibau_batch all = {.images = &f.images, .count = COUNT};
    const ibau_batch few = {.images = &f.images, .count = COUNT, .shifted = shifted};
    const double plain = ibau_loss(&f.state, &all, none, NULL, NULL).sum;
    assert_true(ibau_loss(&f.state, &few, f.d, by_d, NULL).sum == plain);
    for (size_t k = 0; k < PIXELS; k++)
        assert_true(by_d[k] == 0);
    shifted[2] = true;
    assert_true(ibau_loss(&f.state, &few, f.d, by_d, NULL).sum != plain);
    assert_true(by_d[0] != 0);
    tear_down(&f);
}

/* --- SAU --- */

static const sau_weights both = {0.01, 1}, shared_alone = {0, 1};

static double probability(const float *logits, size_t k) {
    double total = 0;
    for (size_t c = 0; c < CLASSES; c++)
        total += exp((double)logits[c]);
    return exp((double)logits[k]) / total;
}

static void divergences(void **state) {
    const float a[] = {0.2F, -1, 0.7F}, b[] = {1.2F, 0.1F, -0.4F};
    const float one[] = {1000, 0, 0}, other[] = {0, 1000, 0};
    double expected = 0;
    (void)state;
    for (size_t k = 0; k < CLASSES; k++) {
        const double p = probability(a, k), q = probability(b, k), m = (p + q) / 2;
        expected += (p * log(p / m) + q * log(q / m)) / 2;
    }
    net_assert_near(sau_divergence(a, b, CLASSES), expected, 1e-9);
    net_assert_near(sau_divergence(b, a, CLASSES), expected, 1e-9);
    net_assert_near(sau_divergence(a, a, CLASSES), 0, 1e-12);
    net_assert_near(sau_divergence(one, other, CLASSES), log(2), 1e-9);
}

/* f = f₀: the divergence and its gradient are 0, so that only the other term moves the image. */
static void equal_models_agree(void **state) {
    const float logits[] = {1.5F, 0.3F, -0.2F};
    float by_one[CLASSES], by_other[CLASSES];
    (void)state;
    net_assert_near(sau_search_loss(&shared_alone, logits, logits, 0, CLASSES, by_one, by_other), 0,
                    1e-12);
    for (size_t k = 0; k < CLASSES; k++) {
        net_assert_near(by_one[k], 0, 1e-9);
        net_assert_near(by_other[k], 0, 1e-9);
    }
    net_assert_near(sau_search_loss(&both, logits, logits, 0, CLASSES, by_one, by_other),
                    0.01 * log(probability(logits, 0)), 1e-9);
    for (size_t k = 0; k < CLASSES; k++)
        net_assert_near(by_one[k], -0.005 * (probability(logits, k) - (k == 0)), 1e-7);
}

/* Cases: right and right, wrong and right, wrong in two ways, wrong alike. */
static void search_has_its_gradients(void **state) {
    const float cases[][2][CLASSES] = {{{1.5F, 0.3F, -0.2F}, {2, 0.5F, 0.1F}},
                                       {{0.5F, 1.3F, -0.2F}, {2, 0.5F, 0.1F}},
                                       {{0.5F, 1.3F, -0.2F}, {0, 0.5F, 0.8F}},
                                       {{0.5F, 1.3F, -0.2F}, {0, 0.9F, 0.8F}}};
    const sau_weights weights = {0.3, 1.5};
    const float step = 1e-3F;
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        float z[2][CLASSES], by[2][CLASSES], unused[2][CLASSES];
        memcpy(z, cases[i], sizeof z);
        const double loss = sau_search_loss(&weights, z[0], z[1], 0, CLASSES, by[0], by[1]);
        assert_true((loss == 0) == (i == 3));
        for (size_t m = 0; m < 2; m++)
            for (size_t k = 0; k < CLASSES; k++) {
                const float at = z[m][k];
                z[m][k] = at + step;
                const double above =
                    sau_search_loss(&weights, z[0], z[1], 0, CLASSES, unused[0], unused[1]);
                z[m][k] = at - step;
                const double below =
                    sau_search_loss(&weights, z[0], z[1], 0, CLASSES, unused[0], unused[1]);
                z[m][k] = at;
                net_assert_near(by[m][k], (above - below) / (2 * (double)step), 2e-4);
            }
    }
    assert_true(sau_is_shared(cases[3][0], cases[3][1], 0, CLASSES));
    assert_false(sau_is_shared(cases[2][0], cases[2][1], 0, CLASSES));
    assert_false(sau_is_shared(cases[3][0], cases[3][1], 1, CLASSES));
}

static void unlearning_has_its_gradient(void **state) {
    float z[] = {0.4F, 1.1F, -0.3F}, gradient[CLASSES], unused[CLASSES];
    const float frozen[] = {0, 3, 1}, far[] = {0, -1000, 0}, sure[] = {0, 1000, 0};
    const float step = 1e-3F;
    (void)state;
    net_assert_near(sau_unlearn_loss(z, frozen, 0, CLASSES, 0.5, gradient),
                    -log(1e-6 + 1 - probability(z, 1)), 1e-9);
    for (size_t k = 0; k < CLASSES; k++) {
        const float at = z[k];
        z[k] = at + step;
        const double above = sau_unlearn_loss(z, frozen, 0, CLASSES, 1, unused), high = z[k];
        z[k] = at - step;
        const double below = sau_unlearn_loss(z, frozen, 0, CLASSES, 1, unused), low = z[k];
        z[k] = at;
        net_assert_near(gradient[k], 0.5 * (above - below) / (high - low), 1e-5);
    }
    /* f₀ is not fooled: nothing, and no NaN. */
    assert_true(sau_unlearn_loss(z, frozen, 1, CLASSES, 1, gradient) == 0);
    for (size_t k = 0; k < CLASSES; k++)
        assert_true(gradient[k] == 0);
    /* Bounded at both ends. */
    net_assert_near(sau_unlearn_loss(sure, frozen, 0, CLASSES, 1, gradient), -log(1e-6), 1e-6);
    assert_true(isfinite(gradient[0]) && isfinite(gradient[1]));
    net_assert_near(sau_unlearn_loss(far, frozen, 0, CLASSES, 1, gradient), -log(0.999 + 1e-6),
                    1e-9);
    assert_true(gradient[1] == 0);
}

/* --- NPD --- */

static const char two_convolutions[] =
    NET_IMAGE(6, 6, 1) "s = scale(input) by=1/255\nc1 = conv(s) out=4 kernel=3\n"
                       "b1 = batch-norm(c1)\nr1 = relu(b1)\nc2 = conv(r1) out=5 kernel=3\n"
                       "r2 = relu(c2)\nflat = flatten(r2)\nfc = dense(flat) out=3\n";

/* Before training, the plug-in is the identity; only its parameters learn. */
static void the_plug_in_changes_nothing(void **state) {
    td_net net, with;
    td_arena arena = {0};
    float *weights, *plugged, *before, *after;
    uint8_t pixels[20 * 36];
    int32_t labels[20] = {0};
    const td_images images = {20, 6, 6, 1, 3, pixels, labels};
    size_t node, learning = 0;
    (void)state;
    net_parsed(&net, two_convolutions, NULL);
    assert_int_equal(TD_ARENA_NEW(&arena, net.weight_count, &weights, "a test", NULL), TD_OK);
    net_weights(&net, weights);
    td_random random = td_random_for(1, TD_FOR_TEST, 4, 0);
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)td_random_below(&random, 256);
    assert_int_equal(npd_find(&net, NULL, &node, NULL), TD_OK);
    assert_string_equal(net.nodes[node].name, "c2");
    assert_int_equal(npd_insert(&net, weights, node, &images, &arena, &with, &plugged, NULL),
                     TD_OK);
    assert_int_equal(with.node_count, net.node_count + 2);
    assert_string_equal(with.nodes[node].name, "c2_plug");
    const td_predict_watch watch = {0};
    assert_int_equal(td_predict(&net, weights, &images, watch, &arena, &before, NULL), TD_OK);
    assert_int_equal(td_predict(&with, plugged, &images, watch, &arena, &after, NULL), TD_OK);
    for (size_t i = 0; i < 60; i++)
        net_assert_near(after[i], before[i], 1e-4);
    for (size_t p = 0; p < with.param_count; p++) {
        const bool plug = strncmp(with.params[p].name, "c2_plug", 7) == 0;
        assert_int_equal(td_param_learns(&with.params[p]),
                         plug && with.params[p].role == TD_TRAINED);
        learning += td_param_learns(&with.params[p]);
    }
    assert_int_equal(learning, 3);
    td_net_free(&net);
    td_net_free(&with);
    td_arena_free(&arena);
}

/* Before layer4.1.conv1, as published. */
static void the_plug_in_has_its_place(void **state) {
    const td_net_variables sizes = {32, 32, 3, 10};
    td_net net;
    size_t node;
    (void)state;
    net_parsed(&net, td_zoo_text("preact-resnet18"), &sizes);
    assert_int_equal(npd_find(&net, NULL, &node, NULL), TD_OK);
    assert_string_equal(net.nodes[node].name, "layer4.1.conv1");
    assert_int_equal(npd_find(&net, "layer3.0.conv2", &node, NULL), TD_OK);
    assert_string_equal(net.nodes[node].name, "layer3.0.conv2");
    assert_int_equal(npd_find(&net, "layer3.0.shortcut.0", &node, NULL), TD_ERR_USAGE);
    td_net_free(&net);
}

static void polarizing_has_its_gradient(void **state) {
    const npd_weights weights = {0.4, 0.3, 0.2};
    float z[] = {0.4F, 1.1F, -0.3F}, gradient[CLASSES], unused[CLASSES];
    const float step = 1e-3F;
    (void)state;
    assert_int_equal(npd_rival(z, 1, CLASSES), 0);
    assert_int_equal(npd_rival(z, 0, CLASSES), 1);
    net_assert_near(npd_loss(&weights, z, 1, 1, 2, CLASSES, 0.5, gradient),
                    -0.4 * log(probability(z, 1)) - 0.3 * log(1.0001 - probability(z, 0)) -
                        0.2 * log(1.0001 - probability(z, 2)),
                    1e-9);
    for (size_t k = 0; k < CLASSES; k++) {
        const float at = z[k];
        z[k] = at + step;
        const double above = npd_loss(&weights, z, 1, 1, 2, CLASSES, 1, unused), high = z[k];
        z[k] = at - step;
        const double below = npd_loss(&weights, z, 1, 1, 2, CLASSES, 1, unused), low = z[k];
        z[k] = at;
        net_assert_near(gradient[k], 0.5 * (above - below) / (high - low), 1e-5);
    }
    z[0] = 1000; /* sure of what it must not be: large, but finite */
    assert_true(isfinite(npd_loss(&weights, z, 1, 1, 0, CLASSES, 1, gradient)));
    assert_true(isfinite(gradient[0]) && isfinite(gradient[1]));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hypergradient_by_differences),
        cmocka_unit_test(without_iterations_it_is_the_outer_gradient),
        cmocka_unit_test(a_portion_is_shifted),
        cmocka_unit_test(others_are_not_shifted),
        cmocka_unit_test(divergences),
        cmocka_unit_test(equal_models_agree),
        cmocka_unit_test(search_has_its_gradients),
        cmocka_unit_test(unlearning_has_its_gradient),
        cmocka_unit_test(the_plug_in_changes_nothing),
        cmocka_unit_test(the_plug_in_has_its_place),
        cmocka_unit_test(polarizing_has_its_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
