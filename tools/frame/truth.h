/* SPDX-License-Identifier: MIT */
/* The truth about a poisoned set, from the manifest that trapdoor-poison wrote with it, to measure
 * what takes images for poisoned ones. */
#ifndef TOOLS_FRAME_TRUTH_H
#define TOOLS_FRAME_TRUTH_H

#include "data/dataset.h"
#include "frame/run.h"

/* Lists in poisoned[images], which is all false, the images of a set that are poisoned by the
 * manifest at `path`. TD_ERR_USAGE for a manifest of another set. */
td_status tool_read_truth(tool_run *run, const td_dataset *data, const char *path, bool *poisoned,
                          td_error *error) TD_MUST_USE;

/* Adds `truth` {"poisoned", "precision", "recall", "false_positive_rate", "prior", "f1",
 * "weighted_f1"} of the suspects among `images` images to the record and the tables. */
td_status tool_add_truth(tool_run *run, const bool *suspect, const bool *poisoned, size_t images,
                         td_error *error) TD_MUST_USE;

#endif
