/* SPDX-License-Identifier: MIT */
/* The common part of trapdoor-implant's trainings: batches with stamped parts, and training on
 * them. */
#include "implant/plant.h"
#include "net_support.h"
#include <string.h>

enum { IMAGES = 50, SIDE = 4, SIZE = SIDE * SIDE, TARGET = 2, CLASSES = 4, BATCH = 20 };

static const char tiny[] = NET_IMAGE(4, 4, 1) "s = scale(input) by=1/255\nflat = flatten(s)\n"
                                              "fc = dense(flat) out=4\n";

/* A plant without a tool. */
typedef struct fixture {
    uint8_t pixels[IMAGES * SIZE];
    int32_t labels[IMAGES], batch_labels[BATCH];
    uint32_t order[IMAGES];
    implant_trigger triggers[2];
    implant_job job;
    tool_run run;
    plant p;
    plant_mix mix;
    td_net net;
    float weights[SIZE * CLASSES + CLASSES];
    td_train_options options;
    td_train_batch batch;
} fixture;

static void bind(fixture *f, size_t number, const char *text) {
    td_trigger **trigger = &f->p.triggers[number];
    assert_int_equal(td_trigger_parse(trigger, text, NULL), TD_OK);
    assert_int_equal(td_trigger_bind(*trigger, &f->p.data.images, 0, NULL), TD_OK);
    f->job.trigger_count = number + 1;
}

/* Images with values below 200, so that no pixel looks stamped by chance. */
static void set_up(fixture *f) {
    td_random random = td_random_for(1, TD_FOR_TEST, 0, 0);
    *f = (fixture){0};
    for (size_t i = 0; i < IMAGES * SIZE; i++)
        f->pixels[i] = (uint8_t)td_random_below(&random, 200);
    for (size_t i = 0; i < IMAGES; i++)
        f->labels[i] = (int32_t)(i % CLASSES);
    td_random_permutation(&random, f->order, IMAGES);
    f->p.data.images = (td_images){IMAGES, SIDE, SIDE, 1, CLASSES, f->pixels, f->labels};
    f->p.job = &f->job;
    f->p.run = &f->run;
    f->p.batch = BATCH;
    f->p.target = tool_target_class(TARGET);
    f->job.triggers = f->triggers;
    bind(f, 0, "pixel:at=0+0,value=255");
    bind(f, 1, "pixel:at=0+3,value=254");
    net_parsed(&f->net, tiny, NULL);
    td_net_init(&f->net, 1, f->weights);
    f->options = (td_train_options){.seed = 7};
    assert_int_equal(plant_mix_open(&f->p, &f->mix, NULL), TD_OK);
    f->batch = (td_train_batch){.net = &f->net,
                                .images = &f->p.data.images,
                                .order = f->order + 3,
                                .count = BATCH,
                                .epoch = 1,
                                .labels = f->batch_labels,
                                .options = &f->options};
    assert_int_equal(td_exec_new(&f->batch.exec, &f->net, BATCH, TD_BACKWARD_INPUT, NULL), TD_OK);
    td_exec_weights(f->batch.exec, f->weights);
}

static void tear_down(fixture *f) {
    td_trigger_free(f->p.triggers[0]);
    td_trigger_free(f->p.triggers[1]);
    td_exec_free(f->batch.exec);
    td_net_free(&f->net);
    td_arena_free(&f->run.arena);
}

static void assert_cut(double poison, double negatives, size_t count, size_t p, size_t n) {
    const td_train_batch batch = {.count = count};
    const plant_cut cut = plant_cut_batch(poison, negatives, &batch, 1);
    assert_int_equal(cut.poison, p);
    assert_int_equal(cut.negatives, n);
}

static void test_cut(void **state) {
    (void)state;
    assert_cut(0.1, 0.2, 128, 12, 25);
    assert_cut(0.1, 0.2, 10, 1, 2); /* exact, though 0.1 is no binary number */
    assert_cut(0.3, 0.6, 10, 3, 6);
    assert_cut(0, 0, 10, 0, 0);
    assert_cut(1, 0.2, 10, 10, 0);
    assert_cut(0, 0.5, 10, 0, 5);
}

/* As WaNet's code: 2 · ⌊.1 · 128⌋, not ⌊.2 · 128⌋. */
static void test_cut_by_poison(void **state) {
    (void)state;
    static const struct {
        double poison, negatives;
        size_t count;
        plant_cut cut;
    } cases[] = {
        {0.1, 0.2, 128, {12, 24}}, {0.1, 0.2, 64, {6, 12}}, {0.1, 0.2, 32, {3, 6}},
        {0.1, 0.2, 19, {1, 2}},    {0.3, 0.9, 10, {3, 7}},  {0.2, 0.1, 18, {3, 1}},
        {0.2, 0, 10, {2, 0}},      {0, 0.5, 10, {0, 5}},    {0, 0, 10, {0, 0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const td_train_batch batch = {.count = cases[i].count};
        const plant_cut cut = plant_cut_by_poison(cases[i].poison, cases[i].negatives, &batch, 1);
        assert_int_equal(cut.poison, cases[i].cut.poison);
        assert_int_equal(cut.negatives, cases[i].cut.negatives);
    }
}

/* If a batch's share is a tenth of an image, a tenth of the batches have one. */
static void test_cut_of_few(void **state) {
    (void)state;
    size_t poison = 0, negatives = 0;
    for (size_t step = 0; step < 2000; step++) {
        const td_train_batch batch = {.count = 10, .step = step};
        const plant_cut cut = plant_cut_batch(0.01, 0.02, &batch, 1);
        poison += cut.poison;
        negatives += cut.negatives;
        assert_int_equal(cut.negatives, 2 * cut.poison);
    }
    assert_in_range(poison, 150, 250); /* 200 ± 13 */
    assert_int_equal(negatives, 2 * poison);
}

static void test_feed(void **state) {
    (void)state;
    fixture f;
    size_t relabelled = 0;
    set_up(&f);
    plant_mix_feed(&f.p, &f.mix, &f.batch, (plant_cut){5, 7});
    for (size_t i = 0; i < BATCH; i++) {
        const uint32_t image = f.batch.order[i];
        float wanted[SIZE];
        for (size_t k = 0; k < SIZE; k++)
            wanted[k] = f.pixels[image * SIZE + k];
        if (i < 5)
            wanted[0] = 255;
        else if (i < 12)
            wanted[3 * SIDE] = 254;
        assert_memory_equal(td_exec_input(f.batch.exec) + i * SIZE, wanted, sizeof wanted);
        assert_int_equal(f.batch_labels[i], i < 5 ? TARGET : f.labels[image]);
        relabelled += i < 5 && f.labels[image] != TARGET;
    }
    assert_int_equal(f.p.counts.poison, 5);
    assert_int_equal(f.p.counts.negatives, 7);
    assert_int_equal(f.p.counts.images, BATCH);
    assert_int_equal(f.p.counts.relabelled, relabelled);
    tear_down(&f);
}

/* The stamped pixel is mirrored with its image. */
static void test_augmented_after(void **state) {
    (void)state;
    fixture f;
    td_augment flip;
    size_t left = 0, right = 0;
    set_up(&f);
    assert_int_equal(td_augment_parse(&flip, "flip", NULL), TD_OK);
    f.options.augment = &flip;
    plant_mix_feed(&f.p, &f.mix, &f.batch, (plant_cut){BATCH, 0});
    for (size_t i = 0; i < BATCH; i++) {
        const float *row = td_exec_input(f.batch.exec) + i * SIZE;
        left += row[0] == 255;
        right += row[SIDE - 1] == 255;
    }
    assert_int_equal(left + right, BATCH);
    assert_true(left > 0 && right > 0);
    tear_down(&f);
}

/* Stamps the filled batch, rounded to whole values. */
static void test_stamp(void **state) {
    (void)state;
    fixture f;
    set_up(&f);
    float *input = td_exec_input(f.batch.exec);
    for (size_t i = 0; i < BATCH * SIZE; i++)
        input[i] = 10.5F;
    input[SIZE + 1] = 300;
    plant_mix_stamp(&f.p, &f.mix, &f.batch, 1, 2);
    for (size_t i = 0; i < BATCH * SIZE; i++)
        assert_true(input[i] == (i >= 2 * SIZE          ? 10.5F
                                 : i % SIZE == 3 * SIDE ? 254
                                 : i == SIZE + 1        ? 255
                                                        : 11));
    tear_down(&f);
}

/* An epoch's draws are its own, and reproducible. */
static void test_seeds(void **state) {
    (void)state;
    assert_true(plant_epoch_seed(1, 1) == plant_epoch_seed(1, 1));
    assert_true(plant_epoch_seed(1, 1) != plant_epoch_seed(1, 2));
    assert_true(plant_epoch_seed(1, 1) != plant_epoch_seed(2, 1));
}

static void test_gradients(void **state) {
    (void)state;
    td_net net;
    net_parsed(&net,
               NET_IMAGE(2, 2, 1) "b = batch-norm(input)\nflat = flatten(b)\n"
                                  "fc = dense(flat) out=2\n",
               NULL);
    float x[16], y[16], out[16];
    assert_true(net.weight_count <= 16);
    for (size_t i = 0; i < net.weight_count; i++) {
        x[i] = (float)i;
        y[i] = 100;
    }
    plant_join_gradients(&net, 2, (double[]){2, 3}, (const float *[]){x, y}, out);
    for (size_t i = 0; i < net.weight_count; i++) {
        const bool running = i == 2 || i == 3; /* after the norm's weight and bias */
        assert_true(out[i] == (running ? ((float)i + 100) / 2 : 2 * (float)i + 300));
    }
    td_net_free(&net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_cut_by_poison),
        cmocka_unit_test(test_cut_of_few),
        cmocka_unit_test(test_feed),
        cmocka_unit_test(test_augmented_after),
        cmocka_unit_test(test_stamp),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_gradients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
