/* SPDX-License-Identifier: MIT */
/* Pruning and fine-tuning, the two parts of fine-pruning. */
#ifndef TOOLS_DEFEND_REPAIR_FINEPRUNE_H
#define TOOLS_DEFEND_REPAIR_FINEPRUNE_H

#include "defend/repair/repair.h"
#include "defend/repair/tune.h"

typedef struct prune_settings {
    repair_selection selection;
    const char *layer; /* the node to prune, or NULL: the last convolution */
    double tolerance;  /* in [0, 1]: the largest allowed fall of the validation accuracy */
    bool shrink;
} prune_settings;

/* Keys except those of the selection. */
extern const td_key prune_keys[];

/* Ranks the channels, masks as many as the tolerance allows, and adds the tables; *mask is the
 * mask's node. */
td_status prune_channels(repair_job *job, const prune_settings *settings, size_t *mask,
                         td_error *error) TD_MUST_USE;

/* Removes the masked channels from the net, if requested. */
td_status prune_shrink(repair_job *job, const prune_settings *settings, size_t mask,
                       td_error *error) TD_MUST_USE;

/* Continues training the model, and adds the table of epochs. */
td_status finetune_model(repair_job *job, const td_train_options *options,
                         td_error *error) TD_MUST_USE;

/* Measurements with the least active channels masked. */
typedef struct prune_point {
    size_t pruned, channel; /* number masked; the last of them, TOOL_NO_COUNT if none */
    double activation;      /* mean activation of `channel` on clean images; NaN if none */
    td_rate accuracy;
    signed char chosen;                /* 1: the chosen point; else -1 */
    td_rate asr[REPAIR_MOST_TRIGGERS]; /* one per backdoor */
} prune_point;

typedef struct prune_subject {
    const td_net *net;
    const float *weights;
    size_t mask;         /* the mask's node; its zeros are kept */
    const size_t *order; /* [channels]: the channel masked at each step */
} prune_subject;

/* Sets the accuracy and ASR of points[channels + 1]: with no channel masked, one, ... `images` are
 * the evaluation images; the first has the number `first` in its split. ASR by the evaluator's
 * backdoors. TD_ERR_INTERRUPTED. */
td_status prune_measure(const prune_subject *subject, const repair_evaluator *evaluator,
                        const td_images *images, size_t first, prune_point *points,
                        td_error *error) TD_MUST_USE;

/* The largest number of channels, at most all but one, for which masking that many, or any smaller
 * number, costs at most `tolerance` of the accuracy. */
size_t prune_choose(const prune_point *points, size_t channels, double tolerance);

#endif
