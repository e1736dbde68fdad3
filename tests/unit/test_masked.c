/* SPDX-License-Identifier: MIT */
/* Masks on batch norms: their gradients, and the steps of ANP, RNP and NFT. */
#include "defend/repair/anp.h"
#include "defend/repair/nft.h"
#include "defend/repair/rnp.h"
#include "net_support.h"
#include <math.h>
#include <string.h>

enum { IMAGES = 60, SIDE = 6, CLASSES = 3, BATCH = 12 };

typedef struct fixture {
    td_net net;
    float *weights, *copy;
    uint8_t pixels[IMAGES * SIDE * SIDE];
    int32_t labels[IMAGES];
    td_images images;
    tool_run run;
    repair_settings settings;
    repair_job job;
    masked m;
    uint32_t order[IMAGES];
} fixture;

static const tool_common common = {.quiet = true, .seed = 1};

static const masked_options options = {.batch = BATCH, .lr = 0.2, .momentum = 0.9};

static const char two_norms[] =
    NET_IMAGE(6, 6, 1) "scale = scale(input) by=1/255\na = conv(scale) out=4 kernel=3\n"
                       "bn1 = batch-norm(a)\nrelu = relu(bn1)\nb = conv(relu) out=5 kernel=3\n"
                       "bn2 = batch-norm(b)\nrelu2 = relu(bn2)\nflat = flatten(relu2)\n"
                       "fc = dense(flat) out=3\n";

/* Logits that are linear in the noises: the loss is convex in them. */
static const char linear[] =
    NET_IMAGE(6, 6, 1) "scale = scale(input) by=1/255\na = conv(scale) out=6 kernel=3\n"
                       "bn1 = batch-norm(a)\nflat = flatten(bn1)\nfc = dense(flat) out=3\n";

/* Images whose brightest third, from top to bottom, is their class. */
static void make_images(fixture *f) {
    td_random random = td_random_for(1, TD_FOR_TEST, 0, 0);
    for (size_t i = 0; i < IMAGES; i++) {
        f->labels[i] = (int32_t)(i % CLASSES);
        for (size_t p = 0; p < SIDE * SIDE; p++)
            f->pixels[i * SIDE * SIDE + p] =
                (uint8_t)(td_random_below(&random, 60) + (p / 12 == i % CLASSES ? 150 : 0));
    }
    f->images = (td_images){IMAGES, SIDE, SIDE, 1, CLASSES, f->pixels, f->labels};
}

static void set_up(fixture *f, const char *text) {
    *f = (fixture){.run = {.common = &common, .deadline = INFINITY}};
    net_parsed(&f->net, text, NULL);
    assert_int_equal(TD_ARENA_NEW(&f->run.arena, f->net.weight_count, &f->weights, "a test", NULL),
                     TD_OK);
    assert_int_equal(TD_ARENA_NEW(&f->run.arena, f->net.weight_count, &f->copy, "a test", NULL),
                     TD_OK);
    net_weights(&f->net, f->weights);
    for (size_t i = 0; i < f->net.param_count; i++) /* a variance is not below 0 */
        for (size_t k = 0; f->net.params[i].role == TD_RUNNING && k < f->net.params[i].count; k++)
            f->weights[f->net.params[i].offset + k] =
                fabsf(f->weights[f->net.params[i].offset + k]) + 0.5F;
    memcpy(f->copy, f->weights, f->net.weight_count * sizeof *f->copy);
    make_images(f);
    f->settings.model.path = "model";
    f->job = (repair_job){
        .run = &f->run, .settings = &f->settings, .net = &f->net, .weights = f->weights};
    assert_int_equal(masked_open(&f->m, &f->job, &f->images, f->weights, &options, NULL), TD_OK);
}

static void tear_down(fixture *f) {
    masked_close(&f->m);
    td_net_free(&f->net);
    tool_tables_free(&f->run.tables);
    td_arena_free(&f->run.arena);
}

static double loss_at(fixture *f, const float *noise, const float *shift) {
    td_loss loss;
    assert_int_equal(masked_pass(&f->m, noise, shift, NULL, NULL, NULL, &loss, NULL), TD_OK);
    return loss.sum / (double)f->m.count;
}

/* Everything except batch norms keeps its bits, and so does the model. */
static void assert_untouched(const fixture *f) {
    assert_memory_equal(f->weights, f->copy, f->net.weight_count * sizeof *f->copy);
    for (size_t p = 0; p < f->net.param_count; p++) {
        const td_param *param = &f->net.params[p];
        if (strncmp(param->name, "bn", 2) != 0)
            assert_memory_equal(f->m.weights + param->offset, f->weights + param->offset,
                                param->count * sizeof *f->weights);
    }
}

/* Central differences, of the loss in a training pass, by masks, noises and shifts. */
static void test_gradients(void **state) {
    (void)state;
    enum { CHANNELS = 9 };
    const double step = 1e-2;
    fixture f;
    float noise[CHANNELS], shift[CHANNELS], by_mask[CHANNELS], by_shift[CHANNELS];
    td_loss loss;
    set_up(&f, two_norms);
    assert_int_equal(f.m.norms.channels, CHANNELS);
    masked_draw(&f.m, 0, f.order);
    for (size_t c = 0; c < CHANNELS; c++) {
        noise[c] = 0.05F * (float)c - 0.2F;
        shift[c] = 0.3F - 0.05F * (float)c;
        f.m.masks[c] = 0.9F - 0.02F * (float)c;
    }
    assert_int_equal(masked_pass(&f.m, noise, shift, NULL, by_mask, by_shift, &loss, NULL), TD_OK);
    for (size_t c = 0; c < CHANNELS; c++) {
        float *const moved[] = {&f.m.masks[c], &noise[c], &shift[c]};
        const float expected[] = {by_mask[c], by_mask[c], by_shift[c]};
        for (size_t k = 0; k < 3; k++) {
            const float was = *moved[k];
            *moved[k] = was + (float)step;
            const double above = loss_at(&f, noise, shift);
            *moved[k] = was - (float)step;
            const double below = loss_at(&f, noise, shift);
            *moved[k] = was;
            net_assert_near((above - below) / (2 * step), expected[k],
                            2e-3 + 0.03 * fabs((double)expected[k]));
        }
    }
    assert_untouched(&f);
    tear_down(&f);
}

/* By hand: momentum 0.9, lr 0.2. */
static void test_step(void **state) {
    (void)state;
    enum { CHANNELS = 9 };
    fixture f;
    float gradient[CHANNELS] = {1, -1};
    set_up(&f, two_norms);
    f.m.least[2] = 0.95F;
    gradient[2] = 1;
    masked_step(&f.m, 0.2, gradient);
    net_assert_near(f.m.masks[0], 0.8, 1e-6);
    net_assert_near(f.m.masks[1], 1, 0); /* not above 1 */
    net_assert_near(f.m.masks[2], 0.95, 1e-6);
    masked_step(&f.m, 0.2, gradient);
    net_assert_near(f.m.masks[0], 0.8 - 0.2 * 1.9, 1e-6);
    for (size_t i = 0; i < 4; i++)
        masked_step(&f.m, 0.2, gradient);
    net_assert_near(f.m.masks[0], 0, 0);
    tear_down(&f);
}

/* --- ANP --- */

static const anp_options noises = {.bound = 0.4, .share = 0.2, .ascents = 1};

static void test_noise_raises_the_loss_of_a_linear_model(void **state) {
    (void)state;
    fixture f;
    anp_state s;
    size_t raised = 0;
    set_up(&f, linear);
    assert_int_equal(anp_open(&s, f.m.norms.channels, &f.run.arena, NULL), TD_OK);
    for (uint32_t step = 0; step < 20; step++) {
        td_loss loss;
        masked_draw(&f.m, step, f.order);
        anp_draw(&f.m, &noises, step, &s);
        const double before = loss_at(&f, s.noise, s.shift);
        assert_int_equal(anp_ascend(&f.m, &noises, &s, &loss, NULL), TD_OK);
        net_assert_near(loss.sum / BATCH, before, 1e-6);
        const double after = loss_at(&f, s.noise, s.shift);
        assert_true(after >= before - 1e-6);
        raised += after > before + 1e-3;
        for (size_t c = 0; c < f.m.norms.channels; c++) {
            assert_true(fabsf(s.noise[c]) <= 0.4F && fabsf(s.shift[c]) <= 0.4F);
            assert_true(s.noise[c] != s.noise[(c + 1) % f.m.norms.channels] ||
                        fabsf(s.noise[c]) == 0.4F);
        }
    }
    assert_true(raised > 15);
    tear_down(&f);
}

/* Without noises a step is one down the plain loss. */
static void test_step_without_noise(void **state) {
    (void)state;
    enum { CHANNELS = 9 };
    const anp_options quiet = {.bound = 0, .share = 0.2, .ascents = 1};
    fixture f;
    anp_state s;
    td_loss loss;
    float gradient[CHANNELS], masks[CHANNELS];
    set_up(&f, two_norms);
    assert_int_equal(anp_open(&s, CHANNELS, &f.run.arena, NULL), TD_OK);
    masked_draw(&f.m, 3, f.order);
    assert_int_equal(anp_step(&f.m, &quiet, 3, &s, &loss, NULL), TD_OK);
    memcpy(masks, f.m.masks, sizeof masks);
    for (size_t c = 0; c < CHANNELS; c++)
        f.m.masks[c] = 1;
    memset(f.m.velocity, 0, sizeof gradient);
    assert_int_equal(masked_pass(&f.m, NULL, NULL, NULL, gradient, NULL, &loss, NULL), TD_OK);
    masked_step(&f.m, options.lr, gradient);
    size_t moved = 0;
    for (size_t c = 0; c < CHANNELS; c++) {
        net_assert_near(f.m.masks[c], masks[c], 1e-6);
        moved += masks[c] < 1;
    }
    assert_true(moved > 0);
    tear_down(&f);
}

static void test_anp_leaves_the_model_alone(void **state) {
    (void)state;
    fixture f;
    anp_state s;
    td_loss loss;
    set_up(&f, two_norms);
    assert_int_equal(anp_open(&s, f.m.norms.channels, &f.run.arena, NULL), TD_OK);
    for (uint32_t step = 0; step < 5; step++) {
        masked_draw(&f.m, step, f.order);
        assert_int_equal(anp_step(&f.m, &noises, step, &s, &loss, NULL), TD_OK);
    }
    assert_untouched(&f);
    for (size_t i = 0; i < f.m.norms.count; i++) /* statistics, too */
        for (size_t c = 0; c < f.m.norms.list[i].channels; c++) {
            const repair_norm *norm = &f.m.norms.list[i];
            assert_true(f.m.weights[norm->mean + c] == f.weights[norm->mean + c]);
            assert_true(f.m.weights[norm->variance + c] == f.weights[norm->variance + c]);
        }
    tear_down(&f);
}

/* --- RNP --- */

static void test_batches_of_an_epoch(void **state) {
    (void)state;
    for (size_t images = 2; images < 400; images++)
        for (size_t batch = 2; batch < 140; batch += 23) {
            const size_t steps = rnp_steps(images, batch);
            assert_int_equal(rnp_begin(images, steps, 0), 0);
            assert_int_equal(rnp_begin(images, steps, steps), images);
            for (size_t i = 0; i < steps; i++) {
                const size_t count = rnp_begin(images, steps, i + 1) - rnp_begin(images, steps, i);
                assert_true(count >= 2 && count <= batch + 1);
            }
        }
}

static const rnp_options unlearning = {.unlearn_epochs = 20,
                                       .recover_epochs = 10,
                                       .unlearn_lr = 0.01,
                                       .unlearn_momentum = 0.9,
                                       .clip = 20,
                                       .stop = 0.2,
                                       .share = 0.2};

/* Trains the fixture's net briefly on its images, by unlearning with a negative rate. */
static void learn(fixture *f) {
    rnp_options down = unlearning;
    rnp_epoch epochs[3];
    size_t count;
    down.unlearn_lr = -0.02;
    down.unlearn_epochs = 3;
    down.stop = -1;
    assert_int_equal(
        rnp_unlearn(&f->run, &f->net, f->weights, &f->images, BATCH, &down, epochs, &count, NULL),
        TD_OK);
    assert_int_equal(count, 3);
    assert_true(epochs[2].accuracy > 0.6);
    memcpy(f->copy, f->weights, f->net.weight_count * sizeof *f->copy);
}

static void test_unlearning(void **state) {
    (void)state;
    fixture f;
    rnp_epoch epochs[20];
    size_t count;
    set_up(&f, two_norms);
    learn(&f);
    assert_int_equal(
        rnp_unlearn(&f.run, &f.net, f.weights, &f.images, BATCH, &unlearning, epochs, &count, NULL),
        TD_OK);
    assert_true(count > 1 && count < 20); /* the stop rule */
    assert_true(epochs[count - 1].accuracy <= 0.2);
    for (size_t i = 1; i < count; i++) {
        assert_true(epochs[i].loss > epochs[i - 1].loss);
        assert_true(epochs[i - 1].accuracy > 0.2);
    }
    tear_down(&f);
}

/* A gradient is clipped to the largest norm before the step: the weights move by at most that times
 * the learning rate, plus momentum. */
static void test_clipping(void **state) {
    (void)state;
    rnp_options clipped = unlearning;
    rnp_epoch epoch;
    size_t count;
    double squares = 0;
    fixture f;
    clipped.clip = 1e-3;
    clipped.unlearn_lr = 1;
    clipped.unlearn_momentum = 0;
    clipped.unlearn_epochs = 1;
    set_up(&f, two_norms);
    assert_int_equal(
        rnp_unlearn(&f.run, &f.net, f.weights, &f.images, IMAGES, &clipped, &epoch, &count, NULL),
        TD_OK);
    for (size_t p = 0; p < f.net.param_count; p++) {
        const td_param *param = &f.net.params[p];
        for (size_t i = param->offset; td_param_learns(param) && i < param->offset + param->count;
             i++)
            squares += pow((double)f.weights[i] - f.copy[i], 2);
    }
    net_assert_near(sqrt(squares), 1e-3, 2e-5);
    tear_down(&f);
}

/* A channel that clean images do not use, and whose noise harms the unlearned model, is not
 * recovered: its mask is the lowest. */
static void test_removable_channel(void **state) {
    (void)state;
    enum { CHANNELS = 4, PIXELS = 4, TRIGGER = 3 };
    static const char text[] = NET_IMAGE(
        2, 2, 1) "scale = scale(input) by=1/255\nconv = conv(scale) out=4 kernel=2 bias=0\n"
                 "bn = batch-norm(conv)\nflat = flatten(bn)\nfc = dense(flat) out=3\n";
    static uint8_t pixels[IMAGES * PIXELS];
    fixture f;
    set_up(&f, text);
    td_random random = td_random_for(5, TD_FOR_TEST, 0, 0);
    memset(f.weights, 0, f.net.weight_count * sizeof *f.weights);
    for (size_t p = 0; p < f.net.param_count; p++) {
        const td_param *param = &f.net.params[p];
        float *w = f.weights + param->offset;
        for (size_t c = 0; c < CHANNELS; c++) {
            if (strcmp(param->name, "conv.weight") == 0)
                w[c * PIXELS + c] = 1; /* channel c is pixel c */
            if (strcmp(param->name, "bn.weight") == 0 || strcmp(param->name, "bn.running_var") == 0)
                w[c] = 1;
            if (strcmp(param->name, "fc.weight") == 0) /* and speaks for class c, the last for 0 */
                w[c % CLASSES * CHANNELS + c] = c == TRIGGER ? 4 : 2;
        }
    }
    for (size_t i = 0; i < IMAGES; i++) /* the trigger's pixel is all but black */
        for (size_t p = 0; p < PIXELS; p++)
            pixels[i * PIXELS + p] = (uint8_t)(p == TRIGGER       ? td_random_below(&random, 3)
                                               : p == i % CLASSES ? 200
                                                                  : td_random_below(&random, 60));
    f.images = (td_images){IMAGES, 2, 2, 1, CLASSES, pixels, f.labels};
    masked_close(&f.m);
    memcpy(f.copy, f.weights, f.net.weight_count * sizeof *f.copy);
    rnp_epoch epochs[20];
    size_t count, lowest = 0;
    assert_int_equal(
        rnp_unlearn(&f.run, &f.net, f.copy, &f.images, BATCH, &unlearning, epochs, &count, NULL),
        TD_OK);
    assert_int_equal(masked_open(&f.m, &f.job, &f.images, f.copy, &options, NULL), TD_OK);
    assert_int_equal(rnp_recover(&f.m, &unlearning, NULL), TD_OK);
    for (size_t c = 1; c < CHANNELS; c++)
        if (f.m.masks[c] < f.m.masks[lowest])
            lowest = c;
    assert_int_equal(lowest, TRIGGER);
    tear_down(&f);
}

/* --- NFT --- */

static void test_nft_rate(void **state) {
    (void)state;
    const nft_options o = {.iterations = 100, .last_lr = 0.02};
    const masked m = {.options = {.lr = 0.05}};
    net_assert_near(nft_rate(&m, &o, 0), 0.05, 1e-12);
    net_assert_near(nft_rate(&m, &o, 50), 0.035, 1e-12);
    net_assert_near(nft_rate(&m, &o, 100), 0.02, 1e-12);
}

static void test_nft(void **state) {
    (void)state;
    const nft_options o = {
        .iterations = 10, .scale = 0.8, .decay = 0.5, .penalty = 0.001, .last_lr = 0.02};
    fixture f;
    nft_state s;
    size_t at_least = 0, followed = 0;
    set_up(&f, two_norms);
    f.m.options.lr = 100; /* to the bounds */
    nft_bound(&f.m, &o);
    net_assert_near(f.m.least[0], 0.8 * exp(-0.5), 1e-7);
    net_assert_near(f.m.least[8], 0.8 * exp(-1), 1e-7);
    assert_int_equal(nft_open(&s, &f.m, NULL), TD_OK);
    for (size_t i = 0; i < o.iterations; i++) {
        td_loss loss;
        assert_int_equal(nft_step(&f.m, &o, i, &s, &loss, NULL), TD_OK);
        for (size_t c = 0; c < f.m.norms.channels; c++)
            assert_true(f.m.masks[c] >= f.m.least[c] && f.m.masks[c] <= 1);
        for (size_t k = 0; k < BATCH; k++) { /* labels are shares of at most two classes */
            float sum = 0;
            size_t classes = 0;
            for (size_t c = 0; c < CLASSES; c++) {
                sum += s.soft[k * CLASSES + c];
                classes += s.soft[k * CLASSES + c] > 0;
            }
            net_assert_near(sum, 1, 1e-6);
            assert_true(classes <= 2);
        }
    }
    for (size_t c = 0; c < f.m.norms.channels; c++)
        at_least += f.m.masks[c] == f.m.least[c];
    assert_true(at_least > 0);
    for (size_t c = 0; c < f.m.norms.list[0].channels; c++)
        followed +=
            f.m.weights[f.m.norms.list[0].mean + c] != f.weights[f.m.norms.list[0].mean + c];
    assert_int_equal(followed, f.m.norms.list[0].channels);
    assert_untouched(&f);
    tear_down(&f);
}

/* The penalty, of the masks' distance from 1 over the images of a class, pulls a mask below 1 up:
 * by rate · penalty / (images / classes) in a step, beside one without it. */
static void test_nft_pull(void **state) {
    (void)state;
    nft_options o = {.iterations = 10, .last_lr = 0.02};
    const double penalties[] = {0, 0.4}, rate = 0.05;
    float masks[2][64];
    for (size_t i = 0; i < 2; i++) {
        fixture f;
        nft_state s;
        td_loss loss;
        set_up(&f, two_norms);
        o.penalty = penalties[i];
        f.m.options.lr = rate;
        f.m.options.momentum = 0;
        assert_true(f.m.norms.channels <= 64);
        for (size_t c = 0; c < f.m.norms.channels; c++)
            f.m.masks[c] = 0.5F;
        assert_int_equal(nft_open(&s, &f.m, NULL), TD_OK);
        assert_int_equal(nft_step(&f.m, &o, 0, &s, &loss, NULL), TD_OK);
        memcpy(masks[i], f.m.masks, f.m.norms.channels * sizeof(float));
        for (size_t c = 0; i == 1 && c < f.m.norms.channels; c++)
            net_assert_near((double)masks[1][c] - (double)masks[0][c],
                            rate * 0.4 * CLASSES / IMAGES, 1e-6);
        tear_down(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_step),
        cmocka_unit_test(test_noise_raises_the_loss_of_a_linear_model),
        cmocka_unit_test(test_step_without_noise),
        cmocka_unit_test(test_anp_leaves_the_model_alone),
        cmocka_unit_test(test_batches_of_an_epoch),
        cmocka_unit_test(test_unlearning),
        cmocka_unit_test(test_clipping),
        cmocka_unit_test(test_removable_channel),
        cmocka_unit_test(test_nft_rate),
        cmocka_unit_test(test_nft),
        cmocka_unit_test(test_nft_pull),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
