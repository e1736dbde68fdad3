/* SPDX-License-Identifier: MIT */
/* Masks on the weights of batch norms, learned with everything else frozen; common to ANP, RNP and
 * NFT. A channel with mask w and ANP's noises d and x has the weight g·(w + d) and the bias b·(1 +
 * x) in its norm, g and b being the model's own.
 *
 * Passes run in training mode: batch statistics normalise, and dropout drops. Only masked_follow
 * updates the running statistics; the model's weights never change. */
#ifndef TOOLS_DEFEND_REPAIR_MASKED_H
#define TOOLS_DEFEND_REPAIR_MASKED_H

#include "data/augment.h"
#include "defend/repair/norms.h"
#include "defend/repair/repair.h"
#include "nn/exec.h"
#include "nn/loss.h"

/* How to learn the masks. */
typedef struct masked_options {
    size_t batch;        /* at least 2 */
    const char *augment; /* as --augment of trapdoor-train; NULL: none */
    double lr, momentum;
} masked_options;

/* Key rows for a masked_options at `place` of the settings, with their defaults. */
#define MASKED_AT(place, field) ((place) + offsetof(masked_options, field))
#define MASKED_LR_KEY(place, default_)                                                             \
    {                                                                                              \
        .name = "lr", .kind = TD_KEY_REAL, .offset = MASKED_AT(place, lr), .above = true,          \
        .most = 1000, .standard = default_, .value = "X", .help = "Learning rate of the masks"     \
    }
#define MASKED_MOMENTUM_KEY(place, default_)                                                       \
    {                                                                                              \
        .name = "momentum", .kind = TD_KEY_REAL, .offset = MASKED_AT(place, momentum), .most = 1,  \
        .below = true, .standard = default_, .value = "X", .help = "Momentum of the masks"         \
    }
#define MASKED_BATCH_KEY(place, default_)                                                          \
    {                                                                                              \
        .name = "batch", .kind = TD_KEY_COUNT, .offset = MASKED_AT(place, batch), .least = 2,      \
        .most = 65536, .standard = default_, .value = "N", .help = "Images a step"                 \
    }
#define MASKED_AUGMENT_KEY(place)                                                                  \
    {                                                                                              \
        .name = "augment", .kind = TD_KEY_TEXT, .offset = MASKED_AT(place, augment),               \
        .value = "KIND[=AMOUNT],...",                                                              \
        .help = "Augment images as trapdoor-train --augment does; papers: crop=4,flip on CIFAR-10" \
    }

typedef struct masked {
    tool_run *run;
    const td_images *images;
    masked_options options;
    td_augment augmentation;
    td_net net; /* the job's, frozen except its batch norms */
    repair_norms norms;
    const float *original; /* the model's weights */
    float *weights;        /* the same with masks and noises */
    float *gradient;
    float *masks, *least, *velocity; /* [channels]; masks are clipped to [least, 1] */
    td_exec *exec;
    float *pixels;   /* of the batch, copied to the executor before each pass: [count, pixels of an
                        image] */
    int32_t *labels; /* of the batch */
    size_t count;    /* images of the batch */
    uint32_t step;   /* passes so far */
    td_arena arena;
} masked;

/* Initialises masks of 1 on `original`, the weights of the job's net, which must stay in place.
 * TD_ERR_USAGE, naming the model, for a net without batch norms. The caller closes it, on failure
 * too. */
td_status masked_open(masked *m, repair_job *job, const td_images *images, const float *original,
                      const masked_options *options, td_error *error) TD_MUST_USE;
void masked_close(masked *m); /* accepts a zeroed struct */

/* Uses images order[count] as the batch. `epoch`: for augmentation. */
void masked_feed(masked *m, const uint32_t *order, size_t count, uint32_t epoch);

/* Draws a batch with replacement, by the seed and the step, and feeds it. order: [batch], output.
 */
void masked_draw(masked *m, uint32_t step, uint32_t *order);

/* A forward and backward pass on the batch with noises on weights and biases, [channels] or NULL.
 * Outputs the gradients with respect to the masks (equal to those of the noises on weights) and to
 * the noises on biases: [channels], or NULL. soft_labels: [count, classes] instead of the labels;
 * may be NULL. TD_ERR_NUMERIC for a loss that is not finite. */
td_status masked_pass(masked *m, const float *noise, const float *shift, const float *soft_labels,
                      float *by_mask, float *by_shift, td_loss *loss, td_error *error) TD_MUST_USE;

/* Averages the last pass's statistics into the running statistics of m->weights. */
void masked_follow(masked *m);

/* A step of SGD with momentum against gradient[channels]; clips the masks. */
void masked_step(masked *m, double lr, const float *gradient);

/* --- the log, as a table --- */

typedef struct masked_row {
    size_t step;
    double loss, accuracy; /* over the images since the previous row */
    double mean;           /* of the masks */
    size_t low;            /* masks below a half */
} masked_row;

typedef struct masked_log {
    tool_table *table;
    masked_row row;
    double loss;
    size_t images, correct;
} masked_log;

td_status masked_log_open(masked_log *log, tool_run *run, td_error *error) TD_MUST_USE;

/* Logs a batch of step `step` of `steps`, counted from 0. Adds a row after every twentieth of the
 * steps, shows it as the note of the progress, and advances the progress. TD_ERR_INTERRUPTED. */
td_status masked_log_step(masked_log *log, const masked *m, td_loss loss, size_t step, size_t steps,
                          td_error *error) TD_MUST_USE;

#endif
