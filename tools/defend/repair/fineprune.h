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

/* Without those of the selection. */
extern const td_key prune_keys[];

/* Ranks the channels, masks as many as the tolerance allows, and adds the tables; *mask is the
 * mask's node. */
td_status prune_channels(repair_job *job, const prune_settings *settings, size_t *mask,
                         td_error *error) TD_MUST_USE;

/* Takes the masked channels out of the net, if that is asked. */
td_status prune_shrink(repair_job *job, const prune_settings *settings, size_t mask,
                       td_error *error) TD_MUST_USE;

/* Trains the model on, and adds the table of epochs. */
td_status finetune_model(repair_job *job, const tune_options *options, td_error *error) TD_MUST_USE;

#endif
