/* SPDX-License-Identifier: MIT */
/* Pruning and fine-tuning, of which fine-pruning is made. */
#ifndef TOOLS_DEFEND_REPAIR_FINEPRUNE_H
#define TOOLS_DEFEND_REPAIR_FINEPRUNE_H

#include "defend/repair/repair.h"
#include "defend/repair/tune.h"

typedef struct prune_settings {
    repair_selection selection;
    const char *layer; /* the node to prune, or NULL: the last convolution */
    double tolerance;  /* in [0, 1]: by how much the validation accuracy may fall */
    bool shrink;
} prune_settings;

/* Keys without those of the selection. */
extern const td_key prune_keys[];

/* Ranks the channels, masks as many as the tolerance allows, and adds the tables; *mask is the
 * mask's node. */
td_status prune_channels(repair_job *job, const prune_settings *settings, size_t *mask,
                         td_error *error) TD_MUST_USE;

/* Takes the masked channels out of the net, if that is asked. */
td_status prune_shrink(repair_job *job, const prune_settings *settings, size_t mask,
                       td_error *error) TD_MUST_USE;

/* Trains the model on, and adds the table of epochs. */
td_status finetune_model(repair_job *job, const td_train_options *options,
                         td_error *error) TD_MUST_USE;

/* How a model does with some channels masked, the least active ones. */
typedef struct prune_point {
    size_t pruned, channel; /* how many; the last of them, TOOL_NO_COUNT of 0 */
    double activation;      /* its mean on clean images; NaN of 0 */
    td_rate accuracy;
    signed char chosen;                /* 1: this is what is made of the model; else -1 */
    td_rate asr[REPAIR_MOST_TRIGGERS]; /* of each backdoor */
} prune_point;

typedef struct prune_subject {
    const td_net *net;
    const float *weights;
    size_t mask;         /* the mask's node; what is 0 in it stays 0 */
    const size_t *order; /* [channels]: which channel is masked at each step */
} prune_subject;

/* Sets the accuracy and the ASR of points[channels + 1]: of none masked, of one, ... `images` are
 * what is measured on, the first of which has the number `first` in its split; ASR by the
 * evaluator's backdoors. TD_ERR_INTERRUPTED. */
td_status prune_measure(const prune_subject *subject, const repair_evaluator *evaluator,
                        const td_images *images, size_t first, prune_point *points,
                        td_error *error) TD_MUST_USE;

/* The largest number of channels, at most all but one, such that masking it, or any smaller number,
 * takes at most `tolerance` from the accuracy. */
size_t prune_choose(const prune_point *points, size_t channels, double tolerance);

#endif
