/* SPDX-License-Identifier: MIT */
/* The usual names of a data set's splits. */
#ifndef TD_DATA_SPLIT_H
#define TD_DATA_SPLIT_H

#include "data/folder.h"
#include <stdbool.h>

typedef enum td_split {
    TD_SPLIT_TRAIN,
    TD_SPLIT_TEST,
    TD_SPLITS,
    TD_SPLIT_NONE = TD_SPLITS
} td_split;

/* "train", "test", or "" for none. */
const char *td_split_name(td_split split);

/* The split named "train" or "test". */
td_split td_split_of(const char *name);

/* The split that text[0, length) names, in any case: train, training; test, testing, val, valid,
 * validation. *rank, which may be NULL, is the name's preference within its split: `test` comes
 * before `val`. */
td_split td_split_named(const char *text, size_t length, size_t *rank);

/* The split among the words of a file's name: "Train.csv", "val_annotations.txt",
 * "my-test-list.txt". */
td_split td_split_in(const char *name, size_t *rank);

/* The index in names->names of the folder or file named like the split, the preferred one;
 * names->count if there is none. TD_ERR_FORMAT, naming `path`, for two that differ only in case. */
td_status td_split_find(size_t *out, const td_folder *names, td_split split, const char *path,
                        td_error *error) TD_MUST_USE;

#endif
