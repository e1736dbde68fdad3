/* SPDX-License-Identifier: MIT */
/* The ground truth of a poisoned set, from the manifest of trapdoor-poison, to evaluate detection
 * of poisoned images. */
#ifndef TOOLS_FRAME_TRUTH_H
#define TOOLS_FRAME_TRUTH_H

#include "data/dataset.h"
#include "frame/run.h"

/* Marks in poisoned[images], all false before, the images that the manifest at `path` says are
 * poisoned. TD_ERR_USAGE for a manifest of another set. */
td_status tool_read_truth(tool_run *run, const td_dataset *data, const char *path, bool *poisoned,
                          td_error *error) TD_MUST_USE;

/* Adds `truth` {"poisoned", "precision", "recall", "false_positive_rate", "prior", "f1",
 * "weighted_f1"} of the suspects among `images` images to the record and the tables. */
td_status tool_add_truth(tool_run *run, const bool *suspect, const bool *poisoned, size_t images,
                         td_error *error) TD_MUST_USE;

#endif
