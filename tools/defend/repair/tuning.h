/* SPDX-License-Identifier: MIT */
/* The training loop of repairs that continue training a model. A repair provides its options, and
 * its `learn` (nn/train.h) for its own kind of step. The loop shows progress, stops at Ctrl-C and
 * the deadline, and adds a table of epochs, with the accuracy on --validate if that is given. */
#ifndef TOOLS_DEFEND_REPAIR_TUNING_H
#define TOOLS_DEFEND_REPAIR_TUNING_H

#include "defend/repair/repair.h"
#include "frame/training.h"

typedef struct repair_tuning {
    const char *table;       /* its name in the record: "epochs" */
    const char *title;       /* "Fine-tuning" */
    const char *doing;       /* for the progress line: "fine-tuning" */
    const td_net *net;       /* another net for the job's weights; NULL: the job's */
    const td_images *images; /* NULL: the job's clean images */
} repair_tuning;

/* Trains the job's weights in place. `options` are complete except for the callbacks; *epochs,
 * unless NULL: the number of epochs done, which options->enough may limit. TD_ERR_NUMERIC,
 * TD_ERR_INTERRUPTED. */
td_status repair_tune(repair_job *job, const repair_tuning *how, const td_train_options *options,
                      size_t *epochs, td_error *error) TD_MUST_USE;

/* Warns about classes missing from the clean images: training without them may unlearn them. */
td_status repair_warn_missing(repair_job *job, td_error *error) TD_MUST_USE;

/* Whether the net has a batch norm; without one, large learning rates diverge. */
bool repair_has_norm(const td_net *net);

/* Key rows for a tool_training at `place` of the settings; each takes its default. */
#define TUNING_AT(place, field) ((place) + offsetof(tool_training, field))
#define TUNING_EPOCHS(place, default_)                                                             \
    {                                                                                              \
        "epochs", TD_KEY_COUNT, TUNING_AT(place, options.epochs),                                  \
            .least = 1, .most = 1000000, .standard = default_, .value = "N",                       \
            .help = "Epochs over the images"                                                       \
    }
#define TUNING_LR(place, default_)                                                                 \
    {                                                                                              \
        "lr", TD_KEY_REAL, TUNING_AT(place, options.step.lr), .above = true, .most = INFINITY,     \
                                                              .standard = default_, .value = "X",  \
                                                              .help = "Learning rate"              \
    }
#define TUNING_BATCH(place, default_)                                                              \
    {                                                                                              \
        "batch", TD_KEY_COUNT, TUNING_AT(place, options.batch),                                    \
            .least = 1, .most = 65536, .standard = default_, .value = "N",                         \
            .help = "Images of a step"                                                             \
    }
#define TUNING_MOMENTUM(place, default_)                                                           \
    {                                                                                              \
        "momentum", TD_KEY_REAL, TUNING_AT(place, options.step.momentum),                          \
            .most = 1, .standard = default_, .value = "X", .help = "Momentum of SGD"               \
    }
#define TUNING_DECAY(place, default_)                                                              \
    {                                                                                              \
        "weight-decay", TD_KEY_REAL, TUNING_AT(place, options.step.weight_decay),                  \
            .most = INFINITY, .standard = default_, .value = "X",                                  \
            .help = "Weight decay, added to the gradient"                                          \
    }
#define TUNING_AUGMENT(place)                                                                      \
    {                                                                                              \
        "augment", TD_KEY_TEXT, TUNING_AT(place, augment),                                         \
            .value = "KIND[=AMOUNT],...",                                                          \
            .help = "Augment images as trapdoor-train --augment does; papers: crop=4,flip on "     \
                    "CIFAR-10"                                                                     \
    }

#endif
