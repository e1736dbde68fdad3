/* SPDX-License-Identifier: MIT */
#include "nn/train.h"

#include "base/parallel.h"
#include "net_support.h"
#include "nn/loss.h"
#include "nn/predict.h"
#include <math.h>
#include <string.h>

enum { SIDE = 8, PIXELS = SIDE * SIDE, CLASSES = 4, COUNT = 70, BATCH = 16, MOST_BATCHES = 64 };

static const char tiny[] = NET_IMAGE(8, 8, 1) "s = scale(input) by=1/255\n"
                                              "c = conv(s) out=4 kernel=3\nr = relu(c)\n"
                                              "p = max-pool(r) size=2\nflat = flatten(p)\n"
                                              "fc = dense(flat) out=4\n";

/* What a training works on, and what it told. */
typedef struct fixture {
    td_net net;
    float weights[1024];
    uint8_t pixels[COUNT * PIXELS];
    int32_t labels[COUNT];
    td_images images;
    td_train_options options;
    td_error error;
    size_t batches, epochs;
    td_train_state told[MOST_BATCHES], epoch_told;
    size_t stop_after;      /* batches; 0 for never */
    size_t fail_after;      /* epochs; 0 for the first */
    td_status epoch_status; /* what the epoch's callback gives then */
    size_t keep_step;       /* of learn_one_class */
    float *keep;            /* where it leaves the optimiser's state, or NULL */
} fixture;

static bool batch_done(void *context, const td_train_state *state) {
    fixture *f = context;
    f->told[f->batches % MOST_BATCHES] = *state;
    return ++f->batches != f->stop_after;
}

static td_status epoch_done(void *context, const td_train_state *state, td_error *error) {
    fixture *f = context;
    f->epochs++;
    f->epoch_told = *state;
    if (f->keep)
        memcpy(f->keep, state->optimizer_state,
               f->options.optimizer->states * f->net.weight_count * sizeof *f->keep);
    return f->epoch_status == TD_OK || f->epochs < f->fail_after
               ? TD_OK
               : td_fail(error, f->epoch_status, "told to fail");
}

/* Images of one bright quarter, which is the label, in noise. */
static void set_up(fixture *f) {
    *f = (fixture){0};
    for (uint32_t i = 0; i < COUNT; i++) {
        td_random random = td_random_for(1, TD_FOR_TEST, 1, i);
        size_t label = i % CLASSES;
        f->labels[i] = (int32_t)label;
        for (size_t y = 0; y < SIDE; y++)
            for (size_t x = 0; x < SIDE; x++) {
                bool bright = y / (SIDE / 2) == label / 2 && x / (SIDE / 2) == label % 2;
                f->pixels[(i * SIDE + y) * SIDE + x] =
                    (uint8_t)(td_random_below(&random, 128) + (bright ? 100 : 0));
            }
    }
    net_parsed(&f->net, tiny, NULL);
    assert_true(f->net.weight_count <= sizeof f->weights / sizeof *f->weights);
    td_net_init(&f->net, 1, f->weights);
    f->images = (td_images){COUNT, SIDE, SIDE, 1, CLASSES, f->pixels, f->labels};
    f->options = (td_train_options){.optimizer = td_optimizer_find("sgd"),
                                    .step = {.lr = 0.1, .momentum = 0.9},
                                    .schedule = td_schedule_find("constant"),
                                    .epochs = 10,
                                    .batch = BATCH,
                                    .seed = 1,
                                    .batch_done = batch_done,
                                    .epoch_done = epoch_done,
                                    .context = f};
}

static td_status train(fixture *f) {
    return td_train(&f->net, f->weights, &f->images, &f->options, &f->error);
}

static void tear_down(fixture *f) {
    td_net_free(&f->net);
}

static double accuracy(const fixture *f) {
    td_arena arena = {0};
    float *logits;
    size_t correct = 0;
    assert_int_equal(
        td_predict(&f->net, f->weights, &f->images, (td_predict_watch){0}, &arena, &logits, NULL),
        TD_OK);
    for (size_t i = 0; i < COUNT; i++)
        correct += td_argmax(logits + i * CLASSES, CLASSES) == f->labels[i];
    td_arena_free(&arena);
    return (double)correct / COUNT;
}

static void it_learns(void **state) {
    fixture f;
    (void)state;
    set_up(&f);
    assert_true(accuracy(&f) < 0.6);
    assert_int_equal(train(&f), TD_OK);
    assert_true(accuracy(&f) >= 0.95);
    assert_true(f.epoch_told.accuracy >= 0.95);
    assert_int_equal(f.epochs, 10);
    tear_down(&f);
    set_up(&f);
    f.options.optimizer = td_optimizer_find("adam");
    f.options.step = (td_step){.lr = 0.02, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
    assert_int_equal(train(&f), TD_OK);
    assert_true(accuracy(&f) >= 0.95);
    tear_down(&f);
}

static void trained(fixture *f, uint64_t seed, size_t threads) {
    td_set_threads(threads);
    set_up(f);
    f->options.epochs = 2;
    f->options.seed = seed;
    assert_int_equal(train(f), TD_OK);
    tear_down(f);
}

static void same_bytes_at_any_thread_count_and_again(void **state) {
    fixture first, other;
    (void)state;
    trained(&first, 1, 1);
    for (size_t threads = 1; threads <= 3; threads++) {
        trained(&other, 1, threads);
        assert_memory_equal(first.weights, other.weights, sizeof first.weights);
    }
}

/* Trains for four epochs in one go, or, where `pause` is not 0, stops after so many and goes on. */
static void trained_in_parts(fixture *f, const char *optimizer, size_t pause) {
    td_augment augment;
    float kept[2 * 1024];
    set_up(f);
    assert_int_equal(td_augment_parse(&augment, "shift=1,rotate=10,flip", &f->error), TD_OK);
    f->options.augment = &augment;
    f->options.label_smoothing = 0.1;
    f->options.optimizer = td_optimizer_find(optimizer);
    f->options.step =
        (td_step){.lr = 0.02, .momentum = 0.9, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
    f->options.schedule = td_schedule_find("cosine");
    f->options.epochs = 4;
    if (pause > 0) {
        f->keep = kept;
        f->fail_after = pause;
        f->epoch_status = TD_ERR_IO;
        assert_int_equal(train(f), TD_ERR_IO);
        f->epoch_status = TD_OK;
        f->options.epochs_done = pause;
        f->options.optimizer_state = kept;
    }
    f->keep = NULL;
    assert_int_equal(train(f), TD_OK);
    assert_int_equal(f->epochs, 4);
    tear_down(f);
}

static void going_on_gives_the_same_bytes(void **state) {
    const char *const optimizers[] = {"sgd", "adam"};
    fixture whole, parts;
    (void)state;
    for (size_t i = 0; i < 2; i++)
        for (size_t pause = 1; pause <= 4; pause++) {
            trained_in_parts(&whole, optimizers[i], 0);
            trained_in_parts(&parts, optimizers[i], pause);
            assert_memory_equal(whole.weights, parts.weights, sizeof whole.weights);
            assert_int_equal(whole.epoch_told.steps, parts.epoch_told.steps);
            assert_true(whole.epoch_told.loss == parts.epoch_told.loss);
            assert_true(whole.epoch_told.lr == parts.epoch_told.lr);
        }
}

static void augmentation_and_smoothing_change_the_training(void **state) {
    fixture plain, augmented, smoothed;
    td_augment augment;
    (void)state;
    trained(&plain, 1, 1);
    set_up(&augmented);
    assert_int_equal(td_augment_parse(&augment, "flip", &augmented.error), TD_OK);
    augmented.options.epochs = 2;
    augmented.options.augment = &augment;
    assert_int_equal(train(&augmented), TD_OK);
    assert_memory_not_equal(plain.weights, augmented.weights, sizeof plain.weights);
    tear_down(&augmented);
    set_up(&smoothed);
    smoothed.options.epochs = 2;
    smoothed.options.label_smoothing = 0.1;
    assert_int_equal(train(&smoothed), TD_OK);
    assert_memory_not_equal(plain.weights, smoothed.weights, sizeof plain.weights);
    tear_down(&smoothed);
}

/* As in PyTorch, a batch norm over one value a channel is refused, and one image left over joins
 * the batch before; where an image has several values a channel, neither is done. */
static void batch_norm_takes_two_values(void **state) {
    static const char on_vectors[] = NET_IMAGE(8, 8, 1) "flat = flatten(input)\n"
                                                        "fc1 = dense(flat) out=4\n"
                                                        "bn = batch-norm(fc1)\n"
                                                        "fc2 = dense(bn) out=4\n";
    static const char on_images[] = NET_IMAGE(8, 8, 1) "bn = batch-norm(input)\n"
                                                       "flat = flatten(bn)\n"
                                                       "fc = dense(flat) out=4\n";
    const struct {
        const char *net;
        size_t images, batch, batches, last; /* of an epoch; batches 0: refused */
    } cases[] = {{on_vectors, 1, 16, 0, 0},   {on_vectors, 9, 1, 0, 0},
                 {on_vectors, 17, 16, 1, 17}, {on_vectors, 49, 16, 3, 17},
                 {on_vectors, 50, 16, 4, 2},  {on_vectors, 2, 2, 1, 2},
                 {on_images, 49, 16, 4, 1},   {on_images, 9, 1, 9, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f;
        set_up(&f);
        td_net_free(&f.net);
        net_parsed(&f.net, cases[i].net, NULL);
        td_net_init(&f.net, 1, f.weights);
        f.images.count = cases[i].images;
        f.options.batch = cases[i].batch;
        f.options.epochs = 2;
        f.options.step.lr = 1e-4;
        const size_t batches = cases[i].batches;
        assert_int_equal(train(&f), batches ? TD_OK : TD_ERR_USAGE);
        if (batches == 0) {
            assert_string_equal(f.error.message,
                                "batch: node \"bn\" normalises a single value a channel of each "
                                "image: expected a batch of at least 2 images, found 1");
        } else {
            assert_int_equal(f.batches, 2 * batches);
            assert_int_equal(f.epoch_told.steps, 2 * batches);
            assert_int_equal(f.told[batches - 1].images, cases[i].images);
            if (batches > 1)
                assert_int_equal(f.told[batches - 2].images, cases[i].images - cases[i].last);
        }
        tear_down(&f);
    }
}

/* Soft labels that are whole ones teach what labels do; others turn the images' own labels over. */
static void soft_labels_take_the_place_of_labels(void **state) {
    fixture plain, soft;
    float labels[COUNT * CLASSES] = {0};
    (void)state;
    trained(&plain, 1, 1);
    set_up(&soft);
    for (size_t i = 0; i < COUNT; i++)
        labels[i * CLASSES + (size_t)soft.labels[i]] = 1;
    soft.options.epochs = 2;
    soft.options.soft_labels = labels;
    assert_int_equal(train(&soft), TD_OK);
    for (size_t i = 0; i < soft.net.weight_count; i++)
        net_assert_near((double)soft.weights[i], (double)plain.weights[i], 1e-4);
    tear_down(&soft);
    set_up(&soft);
    for (size_t i = 0; i < COUNT; i++)
        for (size_t c = 0; c < CLASSES; c++)
            labels[i * CLASSES + c] = c == ((size_t)soft.labels[i] + 1) % CLASSES;
    soft.options.soft_labels = labels;
    assert_int_equal(train(&soft), TD_OK);
    assert_true(accuracy(&soft) < 0.1);
    soft.options.label_smoothing = 0.1;
    assert_int_equal(train(&soft), TD_ERR_USAGE);
    assert_string_equal(soft.error.message,
                        "label smoothing: expected 0 with soft labels, found 0.1");
    tear_down(&soft);
}

/* --- learning of another kind --- */

/* What td_train does by itself. */
static td_status learn_as_usual(void *context, td_train_batch *batch, td_loss *loss,
                                td_error *error) {
    const float *pixels;
    (void)context, (void)error;
    td_train_feed(batch);
    *loss = td_train_pass(batch, batch->gradient, &pixels);
    assert_true((pixels != NULL) == batch->options->pixel_gradient);
    return TD_OK;
}

static void learning_as_usual_gives_the_same_bytes(void **state) {
    fixture plain, own;
    (void)state;
    for (int pixels = 0; pixels < 2; pixels++) {
        trained(&plain, 1, 1);
        set_up(&own);
        own.options.epochs = 2;
        own.options.learn = learn_as_usual;
        own.options.pixel_gradient = pixels;
        assert_int_equal(train(&own), TD_OK);
        assert_memory_equal(own.weights, plain.weights, own.net.weight_count * sizeof *own.weights);
        assert_true(own.told[3].loss == plain.told[3].loss);
        tear_down(&own);
    }
}

/* The batches are told apart, and their labels are the learner's. */
static td_status learn_one_class(void *context, td_train_batch *batch, td_loss *loss,
                                 td_error *error) {
    fixture *f = context;
    (void)error;
    assert_int_equal(batch->step, f->keep_step++);
    assert_int_equal(batch->first, batch->step % 5 * BATCH);
    assert_int_equal(batch->epoch, batch->step / 5 + 1);
    td_train_feed(batch);
    for (size_t i = 0; i < batch->count; i++) {
        assert_int_equal(batch->labels[i], f->labels[batch->order[i]]);
        batch->labels[i] = 3;
    }
    *loss = td_train_pass(batch, batch->gradient, NULL);
    return TD_OK;
}

static td_status refuse_to_learn(void *context, td_train_batch *batch, td_loss *loss,
                                 td_error *error) {
    (void)context, (void)batch, (void)loss;
    return td_fail(error, TD_ERR_NUMERIC, "no more");
}

static void learning_of_another_kind(void **state) {
    fixture f;
    float soft[COUNT * CLASSES] = {0};
    (void)state;
    set_up(&f);
    f.options.learn = learn_one_class;
    f.options.learn_context = &f;
    assert_int_equal(train(&f), TD_OK);
    assert_true(accuracy(&f) < 0.3); /* all are of class 3 */
    f.options.learn = refuse_to_learn;
    assert_int_equal(train(&f), TD_ERR_NUMERIC);
    assert_string_equal(f.error.message, "no more");
    f.options.soft_labels = soft;
    assert_int_equal(train(&f), TD_ERR_USAGE);
    tear_down(&f);
}

static void options_out_of_range(void **state) {
    fixture f;
    td_augment augment;
    (void)state;
    set_up(&f);
    f.options.label_smoothing = 1;
    assert_int_equal(train(&f), TD_ERR_USAGE);
    support_assert_contains(f.error.message, "label smoothing: expected a number in [0, 1)");
    f.options.label_smoothing = 0;
    f.options.epochs_done = 11;
    assert_int_equal(train(&f), TD_ERR_USAGE);
    support_assert_contains(f.error.message, "at most 10 epochs done, found 11");
    f.options.epochs_done = 0;
    assert_int_equal(td_augment_parse(&augment, "shift=8", &f.error), TD_OK);
    f.options.augment = &augment;
    assert_int_equal(train(&f), TD_ERR_USAGE);
    support_assert_contains(f.error.message, "shift: expected less than the images' 8 pixels");
    tear_down(&f);
}

static void another_seed_is_another_order(void **state) {
    fixture first, other;
    (void)state;
    trained(&first, 1, 1);
    trained(&other, 2, 1);
    assert_memory_not_equal(first.weights, other.weights, sizeof first.weights);
}

/* With a learning rate of 0 each batch's loss tells which images it held: no two epochs may have
 * the same order, and each must visit every image once. */
static void every_epoch_visits_every_image_in_a_new_order(void **state) {
    fixture f;
    (void)state;
    set_up(&f);
    f.options.step.lr = 0;
    f.options.epochs = 2;
    assert_int_equal(train(&f), TD_OK);
    const td_train_state *first = &f.told[4], *second = &f.told[9];
    assert_int_equal(f.batches, 10);
    net_assert_near(first->loss, second->loss, 1e-6);
    net_assert_near(first->accuracy, second->accuracy, 1e-12);
    assert_true(fabs(f.told[0].loss - f.told[5].loss) > 1e-6);
    tear_down(&f);
}

/* 70 images are four batches of 16 and one of 6. */
static void the_last_batch_may_be_smaller(void **state) {
    const size_t images[] = {16, 32, 48, 64, 70};
    fixture f;
    (void)state;
    set_up(&f);
    f.options.epochs = 2;
    assert_int_equal(train(&f), TD_OK);
    assert_int_equal(f.batches, 10);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(f.told[i].images, images[i % 5]);
        assert_int_equal(f.told[i].epoch, 1 + i / 5);
        assert_int_equal(f.told[i].steps, i + 1);
    }
    tear_down(&f);
}

static void a_batch_may_be_larger_than_the_data(void **state) {
    fixture f;
    (void)state;
    set_up(&f);
    f.options.epochs = 3;
    f.options.batch = (size_t)1 << 40;
    assert_int_equal(train(&f), TD_OK);
    assert_int_equal(f.batches, 3);
    assert_int_equal(f.told[2].images, COUNT);
    tear_down(&f);
}

/* Weights 0 make all logits equal: the loss of the first batch is ln 4, whatever its images are,
 * and its accuracy is that of class 0. One image, label 1: gradient of the bias is (1/4, −3/4, …).
 */
static void one_step_by_hand(void **state) {
    fixture f;
    (void)state;
    set_up(&f);
    memset(f.weights, 0, sizeof f.weights);
    f.images = td_images_slice(&f.images, 1, 2);
    f.options.epochs = 1;
    assert_int_equal(train(&f), TD_OK);
    net_assert_near(f.told[0].loss, log(4), 1e-6);
    assert_true(f.told[0].accuracy == 0);
    const float *bias = f.weights + f.net.params[3].offset;
    const double expected[] = {-0.025, 0.075, -0.025, -0.025};
    for (size_t i = 0; i < CLASSES; i++)
        net_assert_near(bias[i], expected[i], 1e-7);
    tear_down(&f);
}

/* Adam's first steps are all near the learning rate while the gradient hardly changes, if it is
 * told the number of the step. */
static void steps_are_numbered(void **state) {
    fixture f;
    (void)state;
    set_up(&f);
    memset(f.weights, 0, sizeof f.weights);
    f.images = td_images_slice(&f.images, 0, 1);
    f.options.epochs = 3;
    f.options.optimizer = td_optimizer_find("adam");
    f.options.step = (td_step){.lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
    assert_int_equal(train(&f), TD_OK);
    const float *bias = f.weights + f.net.params[3].offset;
    for (size_t i = 0; i < CLASSES; i++)
        net_assert_near(bias[i], i == 0 ? 3e-3 : -3e-3, 1e-5);
    tear_down(&f);
}

static void assert_rates(const char *schedule, size_t epochs, size_t warmup, const double *rates) {
    fixture f;
    set_up(&f);
    f.images.count = 32;
    f.options.schedule = td_schedule_find(schedule);
    f.options.step.lr = 0.1;
    f.options.epochs = epochs;
    f.options.warmup = warmup;
    assert_int_equal(train(&f), TD_OK);
    for (size_t i = 0; i < 2 * epochs; i++)
        net_assert_near(f.told[i].lr, 0.1 * rates[i], 1e-9);
    tear_down(&f);
}

/* Two steps an epoch. Cosine over six steps: (1 + cos(30°·i))/2. Warm-up of two epochs rises over
 * four steps; what is left, eight steps or two, is the schedule's. */
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
    fixture f;
    (void)state;
    set_up(&f);
    f.options.step.lr = 1e30;
    assert_int_equal(train(&f), TD_ERR_NUMERIC);
    support_assert_contains(f.error.message, "epoch 1, step 2: the loss is not finite");
    assert_int_equal(f.batches, 1);
    assert_int_equal(f.epochs, 0);
    tear_down(&f);
}

/* After the last step of an epoch no loss is left to show it. */
static void weights_that_overflow_are_noticed(void **state) {
    fixture f;
    (void)state;
    set_up(&f);
    f.options.batch = COUNT;
    f.options.step.lr = 1e300;
    assert_int_equal(train(&f), TD_ERR_NUMERIC);
    support_assert_contains(f.error.message, "epoch 1, step 1: the weights are not finite");
    assert_int_equal(f.epochs, 0);
    tear_down(&f);
}

static void callbacks_can_stop(void **state) {
    fixture f;
    (void)state;
    set_up(&f);
    f.stop_after = 7;
    assert_int_equal(train(&f), TD_ERR_INTERRUPTED);
    support_assert_contains(f.error.message, "interrupted in epoch 2");
    assert_int_equal(f.batches, 7);
    assert_int_equal(f.epochs, 1);
    tear_down(&f);
    set_up(&f);
    f.epoch_status = TD_ERR_IO;
    assert_int_equal(train(&f), TD_ERR_IO);
    assert_string_equal(f.error.message, "told to fail");
    assert_int_equal(f.epochs, 1);
    tear_down(&f);
}

static void callbacks_are_optional(void **state) {
    fixture f;
    (void)state;
    set_up(&f);
    f.options.batch_done = NULL;
    f.options.epoch_done = NULL;
    assert_int_equal(train(&f), TD_OK);
    tear_down(&f);
}

static void assert_mismatch(void (*change)(td_images *), const char *part) {
    fixture f;
    set_up(&f);
    change(&f.images);
    assert_int_equal(train(&f), TD_ERR_USAGE);
    support_assert_contains(f.error.message, part);
    assert_int_equal(f.batches, 0);
    tear_down(&f);
}

static void turn_wide(td_images *images) {
    images->height = 4;
    images->width = 16;
}

static void colour(td_images *images) {
    images->channels = 3;
}

static void add_a_class(td_images *images) {
    images->classes++;
}

static void empty(td_images *images) {
    images->count = 0;
}

static void data_that_does_not_fit_the_net(void **state) {
    (void)state;
    assert_mismatch(turn_wide, "8×8×1 (height×width×channels), the data's are 4×16×1");
    assert_mismatch(colour, "8×8×3");
    assert_mismatch(add_a_class, "has 4 classes, the data has 5");
    assert_mismatch(empty, "found 0");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_learns),
        cmocka_unit_test(same_bytes_at_any_thread_count_and_again),
        cmocka_unit_test(going_on_gives_the_same_bytes),
        cmocka_unit_test(augmentation_and_smoothing_change_the_training),
        cmocka_unit_test(batch_norm_takes_two_values),
        cmocka_unit_test(soft_labels_take_the_place_of_labels),
        cmocka_unit_test(learning_as_usual_gives_the_same_bytes),
        cmocka_unit_test(learning_of_another_kind),
        cmocka_unit_test(options_out_of_range),
        cmocka_unit_test(another_seed_is_another_order),
        cmocka_unit_test(every_epoch_visits_every_image_in_a_new_order),
        cmocka_unit_test(the_last_batch_may_be_smaller),
        cmocka_unit_test(a_batch_may_be_larger_than_the_data),
        cmocka_unit_test(one_step_by_hand),
        cmocka_unit_test(steps_are_numbered),
        cmocka_unit_test(learning_rates),
        cmocka_unit_test(a_learning_rate_too_large_is_noticed),
        cmocka_unit_test(weights_that_overflow_are_noticed),
        cmocka_unit_test(callbacks_can_stop),
        cmocka_unit_test(callbacks_are_optional),
        cmocka_unit_test(data_that_does_not_fit_the_net),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
