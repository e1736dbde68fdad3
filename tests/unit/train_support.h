/* SPDX-License-Identifier: MIT */
/* A small training that learns in a second, for tests of td_train. */
#ifndef TESTS_UNIT_TRAIN_SUPPORT_H
#define TESTS_UNIT_TRAIN_SUPPORT_H

#include "nn/train.h"

enum {
    TRAIN_SIDE = 8,
    TRAIN_PIXELS = TRAIN_SIDE * TRAIN_SIDE,
    TRAIN_CLASSES = 4,
    TRAIN_COUNT = 70,
    TRAIN_BATCH = 16,
    TRAIN_MOST_BATCHES = 64
};

/* The data of a training, and the observations of its callbacks. */
typedef struct training {
    td_net net;
    float weights[1024];
    uint8_t pixels[TRAIN_COUNT * TRAIN_PIXELS];
    int32_t labels[TRAIN_COUNT];
    td_images images;
    td_train_options options;
    td_error error;
    size_t batches, epochs;
    td_train_state seen[TRAIN_MOST_BATCHES], epoch_seen;
    size_t stop_after;      /* batches; 0 for never */
    size_t fail_after;      /* epochs; 0 for the first */
    td_status epoch_status; /* the status that the epoch's callback then returns */
    size_t keep_step;       /* for the test */
    float *keep;            /* receives the optimiser's state after each epoch, or NULL */
} training;

/* 70 images of one bright quarter, which is the label, in noise; a net, its initial weights, and
 * options for ten epochs of SGD. */
void training_open(training *f);
void training_close(training *f);

td_status training_run(training *f);

/* Opens, trains for two epochs and closes; the weights are kept. */
void training_of_two_epochs(training *f, uint64_t seed, size_t threads);

#endif
