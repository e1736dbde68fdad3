/* SPDX-License-Identifier: MIT */
/* What a defence learns from is never what judges it: sets that share images are refused. */
#ifndef TOOLS_DEFEND_HYGIENE_H
#define TOOLS_DEFEND_HYGIENE_H

#include "data/dataset.h"
#include "frame/run.h"

/* How messages speak of it. */
typedef struct hygiene_words {
    const char *option; /* what the user calls the set that is learned from: "--clean" */
    const char *learns; /* what is done with it: "calibrates" */
} hygiene_words;

/* Lists in *kept, in the run's arena, the images of `own` that no judged set has; all sets are of
 * images of one shape. A judged set that is the same range of the same files, or has more than 1 in
 * 100 equal images, counted on the smaller set, is TD_ERR_USAGE, which names them; fewer are strays
 * and left out, with a note. */
td_status hygiene_check(tool_run *run, const td_dataset *own, const hygiene_words *words,
                        const td_dataset *judged, size_t count, uint32_t **kept, size_t *kept_count,
                        td_error *error) TD_MUST_USE;

#endif
