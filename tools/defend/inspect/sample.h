/* SPDX-License-Identifier: MIT */
/* What the quick inspectors look at: a few clean images of each class, half of them to search with
 * and half to measure on, and margins in units of the model's own. */
#ifndef TOOLS_DEFEND_INSPECT_SAMPLE_H
#define TOOLS_DEFEND_INSPECT_SAMPLE_H

#include "defend/inspect/inspect.h"
#include "nn/exec.h"

enum { SAMPLE_PER_CLASS = 20 };

/* Both parts hold the first image of each class, then the second of each, ... */
typedef struct inspect_sample {
    td_images search, measure;
    size_t classes, values; /* of the net, of an image */
    size_t present;         /* classes with an image to search with */
    double scale; /* the mean margin of the images that are classified correctly, above 0 */
} inspect_sample;

/* Copies the first `per_class` images of each class into the arena of the run, and notes where
 * there are fewer. TD_ERR_USAGE where fewer than two classes have any, or where the model
 * classifies none of them rightly. */
td_status inspect_sample_take(inspection *in, size_t per_class, inspect_sample *out,
                              td_error *error) TD_MUST_USE;

/* Notes the class that has fewer than SAMPLE_PER_CLASS of the images, which a search is at its best
 * with. Not said of a part of another run. */
td_status inspect_note_few(tool_run *run, const td_images *images, size_t classes,
                           td_error *error) TD_MUST_USE;

/* The first `per_class` images of each class of those to search with. */
td_images inspect_sample_head(const inspect_sample *s, size_t per_class);

/* An executor of the model, with its weights; the caller frees it. */
td_status inspect_open_exec(const inspection *in, size_t batch, td_exec_kind kind, td_exec **out,
                            td_error *error) TD_MUST_USE;

/* The margin of class t: its logit above the largest other one, whose place goes to *rival (may be
 * NULL). */
float inspect_margin(const float *logits, size_t classes, size_t t, size_t *rival);

/* A margin as the statistics count it: in units of the scale, in [-3, 1]. One image that is far off
 * must not outweigh many that give way. */
double inspect_bounded_margin(const inspect_sample *s, float margin);

#endif
