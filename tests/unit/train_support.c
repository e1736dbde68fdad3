/* SPDX-License-Identifier: MIT */
#include "train_support.h"

#include "base/parallel.h"
#include "base/random.h"
#include "net_support.h"
#include <string.h>

static const char tiny[] = NET_IMAGE(8, 8, 1) "s = scale(input) by=1/255\n"
                                              "c = conv(s) out=4 kernel=3\nr = relu(c)\n"
                                              "p = max-pool(r) size=2\nflat = flatten(p)\n"
                                              "fc = dense(flat) out=4\n";

static bool batch_done(void *context, const td_train_state *state) {
    training *f = context;
    f->seen[f->batches % TRAIN_MOST_BATCHES] = *state;
    return ++f->batches != f->stop_after;
}

static td_status epoch_done(void *context, const td_train_state *state, td_error *error) {
    training *f = context;
    f->epochs++;
    f->epoch_seen = *state;
    if (f->keep)
        memcpy(f->keep, state->optimizer_state,
               f->options.optimizer->states * f->net.weight_count * sizeof *f->keep);
    return f->epoch_status == TD_OK || f->epochs < f->fail_after
               ? TD_OK
               : td_fail(error, f->epoch_status, "told to fail");
}

void training_open(training *f) {
    *f = (training){0};
    for (uint32_t i = 0; i < TRAIN_COUNT; i++) {
        td_random random = td_random_for(1, TD_FOR_TEST, 1, i);
        size_t label = i % TRAIN_CLASSES;
        f->labels[i] = (int32_t)label;
        for (size_t y = 0; y < TRAIN_SIDE; y++)
            for (size_t x = 0; x < TRAIN_SIDE; x++) {
                bool bright =
                    y / (TRAIN_SIDE / 2) == label / 2 && x / (TRAIN_SIDE / 2) == label % 2;
                f->pixels[(i * TRAIN_SIDE + y) * TRAIN_SIDE + x] =
                    (uint8_t)(td_random_below(&random, 128) + (bright ? 100 : 0));
            }
    }
    net_parsed(&f->net, tiny, NULL);
    assert_true(f->net.weight_count <= sizeof f->weights / sizeof *f->weights);
    td_net_init(&f->net, 1, f->weights);
    f->images =
        (td_images){TRAIN_COUNT, TRAIN_SIDE, TRAIN_SIDE, 1, TRAIN_CLASSES, f->pixels, f->labels};
    f->options = (td_train_options){.optimizer = td_optimizer_find("sgd"),
                                    .step = {.lr = 0.1, .momentum = 0.9},
                                    .schedule = td_schedule_find("constant"),
                                    .epochs = 10,
                                    .batch = TRAIN_BATCH,
                                    .seed = 1,
                                    .batch_done = batch_done,
                                    .epoch_done = epoch_done,
                                    .context = f};
}

td_status training_run(training *f) {
    return td_train(&f->net, f->weights, &f->images, &f->options, &f->error);
}

void training_close(training *f) {
    td_net_free(&f->net);
}

void training_of_two_epochs(training *f, uint64_t seed, size_t threads) {
    td_set_threads(threads);
    training_open(f);
    f->options.epochs = 2;
    f->options.seed = seed;
    assert_int_equal(training_run(f), TD_OK);
    training_close(f);
}
