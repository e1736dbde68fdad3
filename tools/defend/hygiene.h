/* SPDX-License-Identifier: MIT */
/* Keeps a defence's learning data and evaluation data apart: sets that share images are refused. */
#ifndef TOOLS_DEFEND_HYGIENE_H
#define TOOLS_DEFEND_HYGIENE_H

#include "data/dataset.h"
#include "frame/run.h"

/* The words in its messages. */
typedef struct hygiene_words {
    const char *option; /* the option of the learning set: "--clean" */
    const char *learns; /* its use: "calibrates" */
} hygiene_words;

/* Lists in *kept, in the run's arena, the images of `own` that are in no evaluation set; all sets
 * have the same shape. An evaluation set that is the same range of the same files, or has more than
 * 1 in 100 equal images (of the smaller set), is TD_ERR_USAGE, which names them; fewer are left
 * out, with a note. */
td_status hygiene_check(tool_run *run, const td_dataset *own, const hygiene_words *words,
                        const td_dataset *judged, size_t count, uint32_t **kept, size_t *kept_count,
                        td_error *error) TD_MUST_USE;

#endif
