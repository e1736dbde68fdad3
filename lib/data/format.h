/* The formats that a data set can be stored in. A format is one file that defines one td_format,
 * and one row of the table in dataset.c. */
#ifndef TD_DATA_FORMAT_H
#define TD_DATA_FORMAT_H

#include "data/dataset.h"
#include <stdbool.h>

typedef struct td_source {
    const char *path;
    const char *split; /* "train" or "test": which one to read */
    bool split_given;  /* whether the user said so, or it is the default */
} td_source;

typedef struct td_format {
    const char *name; /* for the message that lists what is known: "a folder of IDX files" */

    /* Whether the path is of this format, by a look at names or at the first bytes. What is meant
     * to be of this format but broken should be recognised, so that open can say what is wrong. */
    bool (*recognise)(const char *path);

    /* Fills *set, zeroed before, but for `name` and `first`: `images` with the whole split, with
     * `classes` 0 where the format does not say; labels may be any number from 0 on, below
     * `classes` where that is known. Sets `files` by td_dataset_add_file and `split`. After a
     * failure the caller closes the set. */
    td_status (*open)(td_dataset *set, const td_source *source, td_error *error);
} td_format;

extern const td_format td_format_idx, td_format_safetensors;

/* Adds a copy of `path` to set->files. */
td_status td_dataset_add_file(td_dataset *set, const char *path, td_error *error) TD_MUST_USE;

#endif
