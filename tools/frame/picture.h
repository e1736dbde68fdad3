/* SPDX-License-Identifier: MIT */
/* Pictures for people to look at. */
#ifndef TOOLS_FRAME_PICTURE_H
#define TOOLS_FRAME_PICTURE_H

#include "data/bitmap.h"
#include "data/dataset.h"
#include "data/difference.h"
#include "frame/run.h"

/* Adds the bitmap to the run's outputs as a PNG at `path` or, if `in_folder`, with that name in the
 * outputs' folder. Frees the bitmap, on failure too. */
td_status tool_run_picture(tool_run *run, const char *path, bool in_folder, td_bitmap *bitmap,
                           td_error *error) TD_MUST_USE;

/* An image before and after a change, and the model's prediction on the changed one. */
typedef struct tool_sample {
    const uint8_t *clean, *changed;
    int32_t label, predicted;
} tool_sample;

/* Draws a sheet with a row for each of `count` samples, with the set's shape and classes: clean,
 * changed, and their difference. The caller frees the bitmap. */
td_status tool_samples_draw(td_bitmap *bitmap, const td_dataset *set, const tool_sample *samples,
                            size_t count, td_difference_kind kind, td_error *error) TD_MUST_USE;

#endif
