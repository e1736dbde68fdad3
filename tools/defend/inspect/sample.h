/* SPDX-License-Identifier: MIT */
/* The images of the quick inspectors: a few clean images of each class, half for the search and
 * half for measurement, and margins in units of the model's own. */
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
    double scale;           /* the mean margin of correctly classified images, above 0 */
} inspect_sample;

/* Copies the first `per_class` images of each class into the run's arena, and prints a note if
 * there are fewer. TD_ERR_USAGE if fewer than two classes have two, if the model classifies none of
 * them correctly, or if its logits are the same for all; TD_ERR_NUMERIC if margins are not finite.
 */
td_status inspect_sample_take(inspection *in, size_t per_class, inspect_sample *out,
                              td_error *error) TD_MUST_USE;

/* Notes a class with fewer than SAMPLE_PER_CLASS images, the recommended number for a search. Not
 * for a part of another run. */
td_status inspect_note_few(tool_run *run, const td_images *images, size_t classes,
                           td_error *error) TD_MUST_USE;

/* The first `per_class` images of each class for the search. */
td_images inspect_sample_head(const inspect_sample *s, size_t per_class);

/* An executor of the model, with its weights; the caller frees it. */
td_status inspect_open_exec(const inspection *in, size_t batch, td_exec_kind kind, td_exec **out,
                            td_error *error) TD_MUST_USE;

/* The margin of class t: its logit minus the largest other one, whose index goes to *rival (may be
 * NULL). */
float inspect_margin(const float *logits, size_t classes, size_t t, size_t *rival);

/* A margin for the statistics: in units of the scale, clipped to [-3, 1], so that one far-off image
 * does not outweigh many that follow. */
double inspect_bounded_margin(const inspect_sample *s, float margin);

#endif
