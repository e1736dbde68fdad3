/* SPDX-License-Identifier: MIT */
/* A training's steps one by one: the images of a batch, the first step by hand, learning rates, and
 * overflow. */
#include "nn/train.h"

#include "net_support.h"
#include "train_support.h"
#include <math.h>
#include <string.h>

static void another_seed_is_another_order(void **state) {
    training first, other;
    (void)state;
    training_of_two_epochs(&first, 1, 1);
    training_of_two_epochs(&other, 2, 1);
    assert_memory_not_equal(first.weights, other.weights, sizeof first.weights);
}

/* With a learning rate of 0 each batch's loss identifies its images: no two epochs may have the
 * same order, and each must visit every image once. */
static void every_epoch_visits_every_image_in_a_new_order(void **state) {
    training f;
    (void)state;
    training_open(&f);
    f.options.step.lr = 0;
    f.options.epochs = 2;
    assert_int_equal(training_run(&f), TD_OK);
    const td_train_state *first = &f.seen[4], *second = &f.seen[9];
    assert_int_equal(f.batches, 10);
    net_assert_near(first->loss, second->loss, 1e-6);
    net_assert_near(first->accuracy, second->accuracy, 1e-12);
    assert_true(fabs(f.seen[0].loss - f.seen[5].loss) > 1e-6);
    training_close(&f);
}

/* 70 images are four batches of 16 and one of 6. */
static void the_last_batch_may_be_smaller(void **state) {
    const size_t images[] = {16, 32, 48, 64, 70};
    training f;
    (void)state;
    training_open(&f);
    f.options.epochs = 2;
    assert_int_equal(training_run(&f), TD_OK);
    assert_int_equal(f.batches, 10);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(f.seen[i].images, images[i % 5]);
        assert_int_equal(f.seen[i].epoch, 1 + i / 5);
        assert_int_equal(f.seen[i].steps, i + 1);
    }
    training_close(&f);
}

static void a_batch_may_be_larger_than_the_data(void **state) {
    training f;
    (void)state;
    training_open(&f);
    f.options.epochs = 3;
    f.options.batch = (size_t)1 << 40;
    assert_int_equal(training_run(&f), TD_OK);
    assert_int_equal(f.batches, 3);
    assert_int_equal(f.seen[2].images, TRAIN_COUNT);
    training_close(&f);
}

/* Weights 0 make all logits equal: the loss of the first batch is ln 4, whatever its images are,
 * and its accuracy is that of class 0. One image, label 1: gradient of the bias is (1/4, −3/4, …).
 */
static void one_step_by_hand(void **state) {
    training f;
    (void)state;
    training_open(&f);
    memset(f.weights, 0, sizeof f.weights);
    f.images = td_images_slice(&f.images, 1, 2);
    f.options.epochs = 1;
    assert_int_equal(training_run(&f), TD_OK);
    net_assert_near(f.seen[0].loss, log(4), 1e-6);
    assert_true(f.seen[0].accuracy == 0);
    const float *bias = f.weights + f.net.params[3].offset;
    const double expected[] = {-0.025, 0.075, -0.025, -0.025};
    for (size_t i = 0; i < TRAIN_CLASSES; i++)
        net_assert_near(bias[i], expected[i], 1e-7);
    training_close(&f);
}

/* Adam's first steps are all near the learning rate while the gradient hardly changes, provided it
 * gets the step's number. */
static void steps_are_numbered(void **state) {
    training f;
    (void)state;
    training_open(&f);
    memset(f.weights, 0, sizeof f.weights);
    f.images = td_images_slice(&f.images, 0, 1);
    f.options.epochs = 3;
    f.options.optimizer = td_optimizer_find("adam");
    f.options.step = (td_step){.lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
    assert_int_equal(training_run(&f), TD_OK);
    const float *bias = f.weights + f.net.params[3].offset;
    for (size_t i = 0; i < TRAIN_CLASSES; i++)
        net_assert_near(bias[i], i == 0 ? 3e-3 : -3e-3, 1e-5);
    training_close(&f);
}

static void assert_rates(const char *schedule, size_t epochs, size_t warmup, const double *rates) {
    training f;
    training_open(&f);
    f.images.count = 32;
    f.options.schedule = td_schedule_find(schedule);
    f.options.step.lr = 0.1;
    f.options.epochs = epochs;
    f.options.warmup = warmup;
    assert_int_equal(training_run(&f), TD_OK);
    for (size_t i = 0; i < 2 * epochs; i++)
        net_assert_near(f.seen[i].lr, 0.1 * rates[i], 1e-9);
    training_close(&f);
}

/* Two steps per epoch. Cosine over six steps: (1 + cos(30°·i))/2. A warm-up of two epochs rises
 * over four steps; the remaining eight steps, or two, follow the schedule. */
static void learning_rates(void **state) {
    const double r = sqrt(3) / 2, s = sqrt(2) / 2;
    (void)state;
    assert_rates("constant", 2, 0, (const double[]){1, 1, 1, 1});
    assert_rates("step", 4, 0, (const double[]){1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01});
    assert_rates("cosine", 3, 0, (const double[]){1, (1 + r) / 2, 0.75, 0.5, 0.25, (1 - r) / 2});
    assert_rates("constant", 3, 2, (const double[]){0.25, 0.5, 0.75, 1, 1, 1});
    assert_rates("step", 6, 2,
                 (const double[]){0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01});
    assert_rates("cosine", 4, 2,
                 (const double[]){0.25, 0.5, 0.75, 1, 1, (1 + s) / 2, 0.5, (1 - s) / 2});
    assert_rates("cosine", 1, 1, (const double[]){0.5, 1});
}

static void a_learning_rate_too_large_is_noticed(void **state) {
    training f;
    (void)state;
    training_open(&f);
    f.options.step.lr = 1e30;
    assert_int_equal(training_run(&f), TD_ERR_NUMERIC);
    support_assert_contains(f.error.message, "epoch 1, step 2: the loss is not finite");
    assert_int_equal(f.batches, 1);
    assert_int_equal(f.epochs, 0);
    training_close(&f);
}

/* After the last step of an epoch no loss would show it. */
static void weights_that_overflow_are_noticed(void **state) {
    training f;
    (void)state;
    training_open(&f);
    f.options.batch = TRAIN_COUNT;
    f.options.step.lr = 1e300;
    assert_int_equal(training_run(&f), TD_ERR_NUMERIC);
    support_assert_contains(f.error.message, "epoch 1, step 1: the weights are not finite");
    assert_int_equal(f.epochs, 0);
    training_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_seed_is_another_order),
        cmocka_unit_test(every_epoch_visits_every_image_in_a_new_order),
        cmocka_unit_test(the_last_batch_may_be_smaller),
        cmocka_unit_test(a_batch_may_be_larger_than_the_data),
        cmocka_unit_test(one_step_by_hand),
        cmocka_unit_test(steps_are_numbered),
        cmocka_unit_test(learning_rates),
        cmocka_unit_test(a_learning_rate_too_large_is_noticed),
        cmocka_unit_test(weights_that_overflow_are_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
