/* One run of trapdoor-train. */
#ifndef TOOLS_TRAIN_TRAIN_H
#define TOOLS_TRAIN_TRAIN_H

#include "train/options.h"

/* Trains and writes the model, its log and the record; on failure nothing is written but the
 * checkpoint of the last epoch that was finished. */
td_status train_run(const train_options *options, td_error *error) TD_MUST_USE;

#endif
