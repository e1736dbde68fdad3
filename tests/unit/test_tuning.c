/* SPDX-License-Identifier: MIT */
/* Repairs that continue training a model: their own parts of a step. */
#include "defend/repair/fst.h"
#include "defend/repair/ft_sam.h"
#include "defend/repair/mm_bm.h"
#include "defend/repair/nad.h"
#include "defend/repair/seam.h"
#include "defend/repair/super_finetune.h"
#include "defend/repair/taps.h"
#include "net_support.h"
#include "nn/predict.h"
#include "nn/train.h"
#include <math.h>
#include <string.h>

enum { SIDE = 6, PIXELS = SIDE * SIDE, CLASSES = 3, COUNT = 48, BATCH = 16, MOST_WEIGHTS = 2048 };

/* With batch norms and dropout, so that statistics and draws count. */
static const char normed[] = NET_IMAGE(6, 6, 1) "s = scale(input) by=1/255\n"
                                                "c = conv(s) out=4 kernel=3\nb = batch-norm(c)\n"
                                                "r = relu(b)\nd = dropout(r) rate=0.2\n"
                                                "p = max-pool(d) size=2\nflat = flatten(p)\n"
                                                "fc = dense(flat) out=3\n";

typedef struct fixture {
    td_net net;
    float weights[MOST_WEIGHTS];
    uint8_t pixels[COUNT * PIXELS];
    int32_t labels[COUNT];
    td_images images;
    td_train_options options;
    td_arena arena;
} fixture;

static void set_up(fixture *f) {
    td_random random = td_random_for(1, TD_FOR_TEST, 2, 0);
    *f = (fixture){0};
    net_parsed(&f->net, normed, NULL);
    assert_true(f->net.weight_count <= MOST_WEIGHTS);
    td_net_init(&f->net, 1, f->weights);
    for (size_t i = 0; i < COUNT * PIXELS; i++)
        f->pixels[i] = (uint8_t)td_random_below(&random, 256);
    for (size_t i = 0; i < COUNT; i++)
        f->labels[i] = (int32_t)td_random_below(&random, CLASSES);
    f->images = (td_images){COUNT, SIDE, SIDE, 1, CLASSES, f->pixels, f->labels};
    f->options = (td_train_options){.optimizer = td_optimizer_find("sgd"),
                                    .step = {.lr = 0.05, .momentum = 0.9, .weight_decay = 1e-3},
                                    .schedule = td_schedule_find("cosine"),
                                    .epochs = 3,
                                    .batch = BATCH,
                                    .label_smoothing = 0.1,
                                    .seed = 1};
}

static void train(fixture *f) {
    assert_int_equal(td_train(&f->net, f->weights, &f->images, &f->options, NULL), TD_OK);
}

static void tear_down(fixture *f) {
    td_net_free(&f->net);
    td_arena_free(&f->arena);
}

static const td_param *param(const td_net *net, const char *name) {
    for (size_t p = 0; p < net->param_count; p++)
        if (strcmp(net->params[p].name, name) == 0)
            return &net->params[p];
    fail_msg("no parameter %s", name);
    return NULL;
}

/* --- FT-SAM --- */

/* L = ½·c·w²: g = c·w, so that w moves by rho·w exactly. */
static void one_weight_moves_by_rho(void **state) {
    td_param one = {.name = "w", .offset = 0, .count = 1};
    const td_net net = {.params = &one, .param_count = 1, .weight_count = 1};
    (void)state;
    for (int i = 0; i < 4; i++) {
        const float at = i & 1 ? -3 : 3, c = i & 2 ? 0.25F : 7, gradient = c * at;
        float w = at;
        sam_perturb(&net, 0.5, &gradient, &w);
        net_assert_near(w, 1.5 * (double)at, 1e-6);
    }
}

/* By the formula, in one vector; frozen parameters do not change or count. */
static void the_norm_is_over_all_weights(void **state) {
    td_param two[] = {{.name = "a", .offset = 0, .count = 2},
                      {.name = "m", .offset = 2, .count = 1, .role = TD_RUNNING},
                      {.name = "b", .offset = 3, .count = 1},
                      {.name = "f", .offset = 4, .count = 1, .frozen = true}};
    const td_net net = {.params = two, .param_count = 4, .weight_count = 5};
    const float gradient[] = {1, -2, 100, 3, 100};
    const double before[] = {2, -1, 5, 0.5, 7};
    float w[] = {2, -1, 5, 0.5F, 7};
    (void)state;
    sam_perturb(&net, 2, gradient, w);
    const double norm = sqrt(2. * 2 * 1 + 1. * 1 * 4 + 0.25 * 9);
    net_assert_near(w[0], before[0] + 2 * 4 * 1 / norm, 1e-6);
    net_assert_near(w[1], before[1] - 2 * 1 * 2 / norm, 1e-6);
    net_assert_near(w[3], before[3] + 2 * 0.25 * 3 / norm, 1e-6);
    assert_true(w[2] == 5 && w[4] == 7);
    memset(w, 0, sizeof w);
    sam_perturb(&net, 2, gradient, w); /* no weight, no move, and no NaN */
    assert_true(w[0] == 0 && w[1] == 0 && w[3] == 0);
}

static void sam(fixture *f, double rho, sam_state *state) {
    set_up(f);
    assert_int_equal(sam_open(state, f->net.weight_count, rho, &f->arena, NULL), TD_OK);
    f->options.learn = sam_learn;
    f->options.learn_context = state;
}

static void without_rho_it_is_sgd(void **state) {
    fixture plain, with, far;
    sam_state own;
    (void)state;
    set_up(&plain);
    train(&plain);
    sam(&with, 0, &own);
    train(&with);
    assert_memory_equal(plain.weights, with.weights, sizeof plain.weights);
    sam(&far, 0.5, &own);
    train(&far);
    assert_memory_not_equal(plain.weights, far.weights, sizeof plain.weights);
    tear_down(&plain);
    tear_down(&with);
    tear_down(&far);
}

/* After one step, the statistics are those of one batch at the original weights. */
static void statistics_move_once_a_step(void **state) {
    fixture plain, with;
    sam_state own;
    (void)state;
    set_up(&plain);
    sam(&with, 2, &own);
    plain.options.epochs = with.options.epochs = 1;
    plain.options.batch = with.options.batch = COUNT;
    train(&plain);
    train(&with);
    const char *const names[] = {"b.running_mean", "b.running_var"};
    for (size_t i = 0; i < 2; i++) {
        const td_param *p = param(&plain.net, names[i]);
        assert_memory_equal(plain.weights + p->offset, with.weights + p->offset,
                            p->count * sizeof(float));
    }
    assert_memory_not_equal(plain.weights, with.weights, sizeof plain.weights);
    tear_down(&plain);
    tear_down(&with);
}

/* --- the loop --- */

/* Batch norms use their running statistics, which do not change; nor does the loss of a second
 * epoch in which nothing is learnt. */
static void frozen_statistics_stay(void **state) {
    fixture f;
    (void)state;
    set_up(&f);
    f.options.frozen_statistics = true;
    const td_param *mean = param(&f.net, "b.running_mean"), *bias = param(&f.net, "fc.bias");
    const float before = f.weights[bias->offset];
    train(&f);
    for (size_t i = 0; i < mean->count; i++)
        assert_true(f.weights[mean->offset + i] == 0);
    assert_true(f.weights[bias->offset] != before);
    tear_down(&f);
}

static bool after_two(void *context, const td_train_state *state) {
    *(size_t *)context = state->epoch;
    return state->epoch == 2;
}

static void training_may_end_early(void **state) {
    fixture two, ended;
    size_t last = 0;
    (void)state;
    set_up(&two);
    set_up(&ended);
    two.options.schedule = ended.options.schedule = td_schedule_find("constant");
    two.options.epochs = 2;
    ended.options.epochs = 7;
    ended.options.enough = after_two;
    ended.options.learn_context = &last;
    train(&two);
    train(&ended);
    assert_int_equal(last, 2);
    assert_memory_equal(two.weights, ended.weights, sizeof two.weights);
    tear_down(&two);
    tear_down(&ended);
}

/* --- super-fine-tuning --- */

static void rates_swing(void **state) {
    const super_rates r = {.base = 0.03, .peak = 2.5, .late = 0.05, .turn = 40, .cycle = 20};
    (void)state;
    net_assert_near(super_rate(&r, 0, 1), 0.03, 1e-12);
    net_assert_near(super_rate(&r, 5, 1), (0.03 + 2.5) / 2, 1e-12);
    net_assert_near(super_rate(&r, 10, 1), 2.5, 1e-12);
    net_assert_near(super_rate(&r, 15, 40), (0.03 + 2.5) / 2, 1e-12);
    net_assert_near(super_rate(&r, 20, 40), 0.03, 1e-12);
    net_assert_near(super_rate(&r, 30, 41), 0.05, 1e-12);
    net_assert_near(super_rate(&r, 40, 41), 0.03, 1e-12);
}

/* --- FST --- */

static double norm_of(const float *w, size_t count) {
    double squares = 0;
    for (size_t i = 0; i < count; i++)
        squares += (double)w[i] * (double)w[i];
    return sqrt(squares);
}

typedef struct watched {
    fst_state fst;
    size_t steps;
} watched;

static td_status learn(void *context, td_train_batch *batch, td_loss *loss, td_error *error) {
    return fst_learn(&((watched *)context)->fst, batch, loss, error);
}

static void check_norm(void *context, const td_train_batch *batch) {
    watched *w = context;
    const td_param *p = w->fst.weight;
    fst_stepped(&w->fst, batch);
    w->steps++;
    net_assert_near(norm_of(batch->weights + p->offset, p->count), w->fst.norm, 1e-5);
}

static void the_norm_stays(void **state) {
    fixture f;
    watched w = {0};
    (void)state;
    set_up(&f);
    assert_int_equal(fst_open(&w.fst, &f.net, f.weights, 0.2, &f.arena, NULL), TD_OK);
    assert_string_equal(w.fst.weight->name, "fc.weight");
    net_assert_near(w.fst.norm, norm_of(f.weights + w.fst.weight->offset, w.fst.weight->count),
                    1e-9);
    const float old = f.weights[w.fst.weight->offset];
    fst_draw(&w.fst, &f.net, 1, f.weights);
    assert_true(f.weights[w.fst.weight->offset] != old);
    f.options.learn = learn;
    f.options.stepped = check_norm;
    f.options.learn_context = &w;
    train(&f);
    assert_int_equal(w.steps, 9);
    tear_down(&f);
}

/* If only the product counts, the classifier ends as its own opposite. */
static void without_a_loss_it_turns_round(void **state) {
    fixture f;
    fst_state s;
    (void)state;
    set_up(&f);
    assert_int_equal(fst_open(&s, &f.net, f.weights, 0.5, &f.arena, NULL), TD_OK);
    fst_draw(&s, &f.net, 1, f.weights);
    const td_train_batch batch = {.net = &f.net, .weights = f.weights};
    float *w = f.weights + s.weight->offset;
    for (size_t step = 0; step < 400; step++) {
        for (size_t i = 0; i < s.weight->count; i++)
            w[i] -= 0.1F * (float)s.alpha * s.original[i];
        fst_stepped(&s, &batch);
    }
    for (size_t i = 0; i < s.weight->count; i++)
        net_assert_near(w[i], -(double)s.original[i], 1e-4);
    tear_down(&f);
}

/* A step of plain SGD differs from one without alpha by -rate · alpha · W_original in the
 * classifier, away from what it was, and in nothing else. */
static void alpha_pushes_away(void **state) {
    const double alphas[] = {0, 0.3}, rate = 0.05;
    fixture f[2];
    fst_state s[2];
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        set_up(&f[i]);
        assert_int_equal(fst_open(&s[i], &f[i].net, f[i].weights, alphas[i], &f[i].arena, NULL),
                         TD_OK);
        fst_draw(&s[i], &f[i].net, 1, f[i].weights);
        f[i].options.step = (td_step){.lr = rate};
        f[i].options.schedule = td_schedule_find("constant");
        f[i].options.epochs = 1;
        f[i].options.batch = COUNT;
        f[i].options.learn = fst_learn;
        f[i].options.learn_context = &s[i];
        train(&f[i]);
    }
    for (size_t k = 0; k < f[0].net.weight_count; k++) {
        const size_t at = k - s[1].weight->offset;
        const double by = k >= s[1].weight->offset && at < s[1].weight->count
                              ? -rate * 0.3 * (double)s[1].original[at]
                              : 0;
        net_assert_near((double)f[1].weights[k] - (double)f[0].weights[k], by, 1e-6);
    }
    tear_down(&f[0]);
    tear_down(&f[1]);
}

/* With alpha = 0 a step differs only in the scale. */
static void without_alpha_it_is_cross_entropy(void **state) {
    fixture plain, with;
    fst_state s;
    (void)state;
    set_up(&plain);
    set_up(&with);
    assert_int_equal(fst_open(&s, &with.net, with.weights, 0, &with.arena, NULL), TD_OK);
    with.options.learn = fst_learn;
    with.options.learn_context = &s;
    train(&plain);
    train(&with);
    assert_memory_equal(plain.weights, with.weights, sizeof plain.weights);
    tear_down(&plain);
    tear_down(&with);
}

static void a_net_without_a_dense_end_is_refused(void **state) {
    td_net net;
    td_error error;
    td_arena arena = {0};
    fst_state s;
    float weights[64] = {0};
    (void)state;
    net_parsed(&net,
               NET_IMAGE(6, 6, 1) "c = conv(input) out=3 kernel=3\npool = global-avg-pool(c)\n",
               NULL);
    assert_int_equal(fst_open(&s, &net, weights, 0.1, &arena, &error), TD_ERR_USAGE);
    assert_string_equal(error.message, "expected a net whose logits are those of a dense layer, "
                                       "found node \"pool\", which is global-avg-pool");
    td_net_free(&net);
    net_parsed(&net, NET_IMAGE(2, 2, 1) "flat = flatten(input)\nfc = dense(flat) out=3\n", NULL);
    assert_int_equal(fst_open(&s, &net, weights, 0.1, &arena, &error), TD_ERR_USAGE);
    assert_string_equal(error.message,
                        "expected weights other than 0 in the dense layer \"fc\", found none");
    td_net_free(&net);
    td_arena_free(&arena);
}

/* --- SEAM --- */

static void wrong_labels(void **state) {
    size_t counts[10] = {0};
    bool other = false;
    (void)state;
    for (uint64_t step = 0; step < 500; step++) {
        const int32_t wrong = seam_wrong(1, step, 7, 4, 10);
        assert_in_range(wrong, 0, 9);
        counts[wrong]++;
        other |= wrong != seam_wrong(1, 0, 7, 4, 10);
        assert_int_equal(wrong, seam_wrong(1, step, 7, 4, 10));
        assert_int_equal(seam_wrong(1, step, 3, 1, 2), 0);
        assert_int_equal(seam_wrong(1, step, 3, 0, 2), 1);
    }
    assert_true(other);
    for (size_t c = 0; c < 10; c++)
        assert_true(c == 4 ? counts[c] == 0 : counts[c] > 25);
}

static void when_all_is_forgotten(void **state) {
    (void)state;
    net_assert_near(seam_forgotten(10), 0.2, 1e-12);
    net_assert_near(seam_forgotten(4), 0.5, 1e-12);
    net_assert_near(seam_forgotten(3), 0.6, 1e-12);
    net_assert_near(seam_forgotten(2), 0.6, 1e-12);
}

/* --- NAD --- */

/* The outputs after the logits are the maps; logits and weights are the net's. */
static void taps_give_maps(void **state) {
    fixture f;
    td_net tapped;
    td_exec *whole, *with;
    const size_t nodes[] = {2, 4}; /* c, 4×4×4, and r */
    (void)state;
    set_up(&f);
    assert_int_equal(repair_taps(&f.net, nodes, 2, &tapped, NULL), TD_OK);
    assert_int_equal(tapped.weight_count, f.net.weight_count);
    assert_int_equal(td_net_classes(&tapped), CLASSES + 2 * 64);
    assert_int_equal(td_exec_new(&whole, &f.net, 1, TD_BACKWARD, NULL), TD_OK);
    assert_int_equal(td_exec_new(&with, &tapped, 1, TD_BACKWARD, NULL), TD_OK);
    td_exec_weights(whole, f.weights);
    td_exec_weights(with, f.weights);
    for (size_t i = 0; i < PIXELS; i++)
        td_exec_input(whole)[i] = td_exec_input(with)[i] = f.pixels[i];
    const float *logits = td_exec_forward(whole, 1), *out = td_exec_forward(with, 1);
    for (size_t k = 0; k < CLASSES; k++)
        net_assert_near(out[k], logits[k], 1e-5);
    const float *c = out + CLASSES, *r = c + 64; /* the norm is at its initial values */
    for (size_t i = 0; i < 64; i++)
        net_assert_near(r[i], c[i] > 0 ? (double)c[i] / sqrt(1 + 1e-5) : 0, 1e-5);
    td_exec_free(whole);
    td_exec_free(with);
    td_net_free(&tapped);
    tear_down(&f);
}

static void assert_stages(const char *text, size_t classes, const char *const *names,
                          size_t expected) {
    const td_net_variables sizes = {32, 32, 3, classes};
    td_net net;
    size_t nodes[NAD_STAGES], count;
    net_parsed(&net, text, &sizes);
    assert_int_equal(nad_stages(&net, nodes, &count, NULL), TD_OK);
    assert_int_equal(count, expected);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(net.nodes[nodes[i]].name, names[i]);
    td_net_free(&net);
}

static void stages_end_blocks(void **state) {
    td_net net;
    td_error error;
    size_t nodes[NAD_STAGES], count;
    (void)state;
    assert_stages(td_zoo_text("preact-resnet18"), 10,
                  (const char *const[]){"layer2.1", "layer3.1", "layer4.1"}, 3);
    assert_stages(td_zoo_text("cnn-bn"), 10, (const char *const[]){"relu2", "relu4"}, 2);
    assert_stages(td_zoo_text("cnn"), 10, (const char *const[]){"relu2", "relu3", "relu4"}, 3);
    net_parsed(&net, NET_IMAGE(6, 6, 1) "flat = flatten(input)\nfc = dense(flat) out=3\n", NULL);
    assert_int_equal(nad_stages(&net, nodes, &count, &error), TD_ERR_USAGE);
    assert_string_equal(error.message, "expected a net with a convolution of more than one "
                                       "position, whose attention can be compared, found none");
    td_net_free(&net);
}

/* --- MM-BM --- */

static void assert_capped(const char *zoo, const char *const *names, size_t expected) {
    const td_net_variables sizes = {32, 32, 3, 10};
    td_net net;
    size_t nodes[MMBM_LAYERS], count;
    net_parsed(&net, td_zoo_text(zoo), &sizes);
    assert_int_equal(mmbm_find(&net, nodes, &count, NULL), TD_OK);
    assert_int_equal(count, expected);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(net.nodes[nodes[i]].name, names[i]);
    td_net_free(&net);
}

/* The stem and the first two stages, as published. */
static void caps_stand_early(void **state) {
    (void)state;
    assert_capped("preact-resnet18", (const char *const[]){"conv1", "layer1.1", "layer2.1"}, 3);
    assert_capped("cnn", (const char *const[]){"relu1", "relu2", "relu3"}, 3);
    assert_capped("cnn-bn", (const char *const[]){"relu1", "relu2", "relu4"}, 3);
    assert_capped("lenet5", (const char *const[]){"relu1", "relu2"}, 2);
}

/* Wide bounds change nothing, bounds of 0 cut off everything; only bounds learn. */
static void caps_bound(void **state) {
    fixture f;
    td_net with;
    float *weights, *before, *after;
    const size_t nodes[] = {2, 4}; /* c and r */
    const td_predict_watch watch = {0};
    size_t learning = 0;
    (void)state;
    set_up(&f);
    assert_int_equal(mmbm_insert(&f.net, f.weights, nodes, 2, 1e6, &f.arena, &with, &weights, NULL),
                     TD_OK);
    assert_string_equal(with.nodes[3].name, "c_cap");
    assert_string_equal(with.nodes[6].name, "r_cap");
    assert_int_equal(with.node_count, f.net.node_count + 2);
    assert_int_equal(td_predict(&f.net, f.weights, &f.images, watch, &f.arena, &before, NULL),
                     TD_OK);
    assert_int_equal(td_predict(&with, weights, &f.images, watch, &f.arena, &after, NULL), TD_OK);
    for (size_t i = 0; i < COUNT * CLASSES; i++)
        net_assert_near(after[i], before[i], 1e-5);
    for (size_t p = 0; p < with.param_count; p++)
        learning += td_param_learns(&with.params[p]);
    assert_int_equal(learning, 2);
    const td_param *cap = param(&with, "r_cap.bound"), *bias = param(&with, "fc.bias");
    const float bias_before = weights[bias->offset];
    mmbm_bound(&with, weights, 0.25);
    assert_true(weights[cap->offset + cap->count - 1] == 0.25F);
    assert_true(weights[param(&with, "c_cap.bound")->offset] == 0.25F);
    assert_true(weights[bias->offset] == bias_before);
    memset(weights + cap->offset, 0, cap->count * sizeof *weights);
    assert_int_equal(td_predict(&with, weights, &f.images, watch, &f.arena, &after, NULL), TD_OK);
    for (size_t i = 0; i < COUNT * CLASSES; i++)
        net_assert_near(after[i], weights[bias->offset + i % CLASSES], 1e-6);
    td_net_free(&with);
    tear_down(&f);
}

/* Bounds (3, 4, 0, 0) and none: c · 5, c · z / 5. */
static void caps_cost_their_norm(void **state) {
    fixture f;
    td_net with;
    float *weights, gradient[MOST_WEIGHTS] = {0};
    const size_t node = 4;
    (void)state;
    set_up(&f);
    assert_int_equal(mmbm_insert(&f.net, f.weights, &node, 1, 0, &f.arena, &with, &weights, NULL),
                     TD_OK);
    const size_t at = param(&with, "r_cap.bound")->offset;
    assert_true(mmbm_penalty(&with, weights, 0.5, gradient) == 0);
    assert_true(gradient[at] == 0);
    weights[at] = 3;
    weights[at + 1] = 4;
    net_assert_near(mmbm_penalty(&with, weights, 0.5, gradient), 2.5, 1e-9);
    net_assert_near(gradient[at], 0.3, 1e-6);
    net_assert_near(gradient[at + 1], 0.4, 1e-6);
    assert_true(gradient[at + 2] == 0);
    td_net_free(&with);
    tear_down(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_weight_moves_by_rho),
        cmocka_unit_test(the_norm_is_over_all_weights),
        cmocka_unit_test(without_rho_it_is_sgd),
        cmocka_unit_test(statistics_move_once_a_step),
        cmocka_unit_test(frozen_statistics_stay),
        cmocka_unit_test(training_may_end_early),
        cmocka_unit_test(rates_swing),
        cmocka_unit_test(the_norm_stays),
        cmocka_unit_test(without_a_loss_it_turns_round),
        cmocka_unit_test(alpha_pushes_away),
        cmocka_unit_test(without_alpha_it_is_cross_entropy),
        cmocka_unit_test(a_net_without_a_dense_end_is_refused),
        cmocka_unit_test(wrong_labels),
        cmocka_unit_test(when_all_is_forgotten),
        cmocka_unit_test(taps_give_maps),
        cmocka_unit_test(stages_end_blocks),
        cmocka_unit_test(caps_stand_early),
        cmocka_unit_test(caps_bound),
        cmocka_unit_test(caps_cost_their_norm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
