/* SPDX-License-Identifier: MIT */
/* Training: it learns, gives the same bytes, resumes from a checkpoint, stops, and refuses. */
#include "nn/train.h"

#include "base/parallel.h"
#include "frame/checkpoint.h"
#include "net_support.h"
#include "nn/loss.h"
#include "nn/predict.h"
#include "train_support.h"
#include <math.h>
#include <string.h>

static double accuracy(const training *f) {
    td_arena arena = {0};
    float *logits;
    size_t correct = 0;
    assert_int_equal(
        td_predict(&f->net, f->weights, &f->images, (td_predict_watch){0}, &arena, &logits, NULL),
        TD_OK);
    for (size_t i = 0; i < TRAIN_COUNT; i++)
        correct += td_argmax(logits + i * TRAIN_CLASSES, TRAIN_CLASSES) == f->labels[i];
    td_arena_free(&arena);
    return (double)correct / TRAIN_COUNT;
}

static void it_learns(void **state) {
    training f;
    (void)state;
    training_open(&f);
    assert_true(accuracy(&f) < 0.6);
    assert_int_equal(training_run(&f), TD_OK);
    assert_true(accuracy(&f) >= 0.95);
    assert_true(f.epoch_seen.accuracy >= 0.95);
    assert_int_equal(f.epochs, 10);
    training_close(&f);
    training_open(&f);
    f.options.optimizer = td_optimizer_find("adam");
    f.options.step = (td_step){.lr = 0.02, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
    assert_int_equal(training_run(&f), TD_OK);
    assert_true(accuracy(&f) >= 0.95);
    training_close(&f);
}

static void same_bytes_at_any_thread_count_and_again(void **state) {
    training first, other;
    (void)state;
    training_of_two_epochs(&first, 1, 1);
    for (size_t threads = 1; threads <= 3; threads++) {
        training_of_two_epochs(&other, 1, threads);
        assert_memory_equal(first.weights, other.weights, sizeof first.weights);
    }
}

/* Trains for four epochs at once or, if `pause` is not 0, stops after that many and resumes. */
static void trained_in_parts(training *f, const char *optimizer, size_t pause) {
    td_augment augment;
    float kept[2 * 1024];
    training_open(f);
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
        assert_int_equal(training_run(f), TD_ERR_IO);
        f->epoch_status = TD_OK;
        f->options.epochs_done = pause;
        f->options.optimizer_state = kept;
    }
    f->keep = NULL;
    assert_int_equal(training_run(f), TD_OK);
    assert_int_equal(f->epochs, 4);
    training_close(f);
}

static void going_on_gives_the_same_bytes(void **state) {
    const char *const optimizers[] = {"sgd", "adam"};
    training whole, parts;
    (void)state;
    for (size_t i = 0; i < 2; i++)
        for (size_t pause = 1; pause <= 4; pause++) {
            trained_in_parts(&whole, optimizers[i], 0);
            trained_in_parts(&parts, optimizers[i], pause);
            assert_memory_equal(whole.weights, parts.weights, sizeof whole.weights);
            assert_int_equal(whole.epoch_seen.steps, parts.epoch_seen.steps);
            assert_true(whole.epoch_seen.loss == parts.epoch_seen.loss);
            assert_true(whole.epoch_seen.lr == parts.epoch_seen.lr);
        }
}

static void augmentation_and_smoothing_change_the_training(void **state) {
    training plain, augmented, smoothed;
    td_augment augment;
    (void)state;
    training_of_two_epochs(&plain, 1, 1);
    training_open(&augmented);
    assert_int_equal(td_augment_parse(&augment, "flip", &augmented.error), TD_OK);
    augmented.options.epochs = 2;
    augmented.options.augment = &augment;
    assert_int_equal(training_run(&augmented), TD_OK);
    assert_memory_not_equal(plain.weights, augmented.weights, sizeof plain.weights);
    training_close(&augmented);
    training_open(&smoothed);
    smoothed.options.epochs = 2;
    smoothed.options.label_smoothing = 0.1;
    assert_int_equal(training_run(&smoothed), TD_OK);
    assert_memory_not_equal(plain.weights, smoothed.weights, sizeof plain.weights);
    training_close(&smoothed);
}

/* As in PyTorch, a batch norm over one value per channel is refused; a single remaining image joins
 * the previous batch. Neither happens if an image has several values per channel. */
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
        training f;
        training_open(&f);
        td_net_free(&f.net);
        net_parsed(&f.net, cases[i].net, NULL);
        td_net_init(&f.net, 1, f.weights);
        f.images.count = cases[i].images;
        f.options.batch = cases[i].batch;
        f.options.epochs = 2;
        f.options.step.lr = 1e-4;
        const size_t batches = cases[i].batches;
        assert_int_equal(training_run(&f), batches ? TD_OK : TD_ERR_USAGE);
        if (batches == 0) {
            assert_string_equal(f.error.message,
                                "batch: node \"bn\" normalises a single value a channel of each "
                                "image: expected a batch of at least 2 images, found 1");
        } else {
            assert_int_equal(f.batches, 2 * batches);
            assert_int_equal(f.epoch_seen.steps, 2 * batches);
            assert_int_equal(f.seen[batches - 1].images, cases[i].images);
            if (batches > 1)
                assert_int_equal(f.seen[batches - 2].images, cases[i].images - cases[i].last);
        }
        training_close(&f);
    }
}

/* One-hot soft labels teach the same as labels; others can override the images' own labels. */
static void soft_labels_take_the_place_of_labels(void **state) {
    training plain, soft;
    float labels[TRAIN_COUNT * TRAIN_CLASSES] = {0};
    (void)state;
    training_of_two_epochs(&plain, 1, 1);
    training_open(&soft);
    for (size_t i = 0; i < TRAIN_COUNT; i++)
        labels[i * TRAIN_CLASSES + (size_t)soft.labels[i]] = 1;
    soft.options.epochs = 2;
    soft.options.soft_labels = labels;
    assert_int_equal(training_run(&soft), TD_OK);
    for (size_t i = 0; i < soft.net.weight_count; i++)
        net_assert_near((double)soft.weights[i], (double)plain.weights[i], 1e-4);
    training_close(&soft);
    training_open(&soft);
    for (size_t i = 0; i < TRAIN_COUNT; i++)
        for (size_t c = 0; c < TRAIN_CLASSES; c++)
            labels[i * TRAIN_CLASSES + c] = c == ((size_t)soft.labels[i] + 1) % TRAIN_CLASSES;
    soft.options.soft_labels = labels;
    assert_int_equal(training_run(&soft), TD_OK);
    assert_true(accuracy(&soft) < 0.1);
    soft.options.label_smoothing = 0.1;
    assert_int_equal(training_run(&soft), TD_ERR_USAGE);
    assert_string_equal(soft.error.message,
                        "label smoothing: expected 0 with soft labels, found 0.1");
    training_close(&soft);
}

/* --- learning of another kind --- */

/* The same as td_train's default. */
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
    training plain, own;
    (void)state;
    for (int pixels = 0; pixels < 2; pixels++) {
        training_of_two_epochs(&plain, 1, 1);
        training_open(&own);
        own.options.epochs = 2;
        own.options.learn = learn_as_usual;
        own.options.pixel_gradient = pixels;
        assert_int_equal(training_run(&own), TD_OK);
        assert_memory_equal(own.weights, plain.weights, own.net.weight_count * sizeof *own.weights);
        assert_true(own.seen[3].loss == plain.seen[3].loss);
        training_close(&own);
    }
}

/* The batches are distinguished, and their labels are the learner's. */
static td_status learn_one_class(void *context, td_train_batch *batch, td_loss *loss,
                                 td_error *error) {
    training *f = context;
    (void)error;
    assert_int_equal(batch->step, f->keep_step++);
    assert_int_equal(batch->first, batch->step % 5 * TRAIN_BATCH);
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
    training f;
    float soft[TRAIN_COUNT * TRAIN_CLASSES] = {0};
    (void)state;
    training_open(&f);
    f.options.learn = learn_one_class;
    f.options.learn_context = &f;
    assert_int_equal(training_run(&f), TD_OK);
    assert_true(accuracy(&f) < 0.3); /* all are of class 3 */
    f.options.learn = refuse_to_learn;
    assert_int_equal(training_run(&f), TD_ERR_NUMERIC);
    assert_string_equal(f.error.message, "no more");
    f.options.soft_labels = soft;
    assert_int_equal(training_run(&f), TD_ERR_USAGE);
    training_close(&f);
}

static void options_out_of_range(void **state) {
    training f;
    td_augment augment;
    (void)state;
    training_open(&f);
    f.options.label_smoothing = 1;
    assert_int_equal(training_run(&f), TD_ERR_USAGE);
    support_assert_contains(f.error.message, "label smoothing: expected a number in [0, 1)");
    f.options.label_smoothing = 0;
    f.options.epochs_done = 11;
    assert_int_equal(training_run(&f), TD_ERR_USAGE);
    support_assert_contains(f.error.message, "at most 10 epochs done, found 11");
    f.options.epochs_done = 0;
    assert_int_equal(td_augment_parse(&augment, "shift=8", &f.error), TD_OK);
    f.options.augment = &augment;
    assert_int_equal(training_run(&f), TD_ERR_USAGE);
    support_assert_contains(f.error.message, "shift: expected less than the images' 8 pixels");
    training_close(&f);
}

static void callbacks_can_stop(void **state) {
    training f;
    (void)state;
    training_open(&f);
    f.stop_after = 7;
    assert_int_equal(training_run(&f), TD_ERR_INTERRUPTED);
    support_assert_contains(f.error.message, "interrupted in epoch 2");
    assert_int_equal(f.batches, 7);
    assert_int_equal(f.epochs, 1);
    training_close(&f);
    training_open(&f);
    f.epoch_status = TD_ERR_IO;
    assert_int_equal(training_run(&f), TD_ERR_IO);
    assert_string_equal(f.error.message, "told to fail");
    assert_int_equal(f.epochs, 1);
    training_close(&f);
}

static void callbacks_are_optional(void **state) {
    training f;
    (void)state;
    training_open(&f);
    f.options.batch_done = NULL;
    f.options.epoch_done = NULL;
    assert_int_equal(training_run(&f), TD_OK);
    training_close(&f);
}

static void assert_mismatch(void (*change)(td_images *), const char *part) {
    training f;
    training_open(&f);
    change(&f.images);
    assert_int_equal(training_run(&f), TD_ERR_USAGE);
    support_assert_contains(f.error.message, part);
    assert_int_equal(f.batches, 0);
    training_close(&f);
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

/* A kill just before the end of an epoch loses all since the last one that was written. */
static void a_kill_loses_half_a_minute_or_an_epoch(void **state) {
    const double lengths[] = {0.01, 1, 10, 14, 16, 29, 30, 31, 100};
    (void)state;
    assert_true(tool_checkpoint_due(INFINITY, 0)); /* nothing was written yet */
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        const double length = lengths[i];
        double age = 0;
        for (size_t epoch = 0; epoch < 10000; epoch++) {
            age += length;
            assert_true(age <= fmax(30, length) + 1e-9);
            if (tool_checkpoint_due(age, length)) {
                assert_true(age + length > 30); /* not before it is necessary */
                age = 0;
            }
        }
    }
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
        cmocka_unit_test(callbacks_can_stop),
        cmocka_unit_test(callbacks_are_optional),
        cmocka_unit_test(data_that_does_not_fit_the_net),
        cmocka_unit_test(a_kill_loses_half_a_minute_or_an_epoch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
