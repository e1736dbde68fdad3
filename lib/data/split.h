/* SPDX-License-Identifier: MIT */
/* How people call the splits of a data set. */
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

/* The one that "train" or "test" names. */
td_split td_split_of(const char *name);

/* Which split text[0, length) names, in any case: train, training; test, testing, val, valid,
 * validation. *rank, which may be NULL, is its place among the names of that split: `test` comes
 * before `val`. */
td_split td_split_named(const char *text, size_t length, size_t *rank);

/* Which split a file's name has among its words: "Train.csv", "val_annotations.txt",
 * "my-test-list.txt". */
td_split td_split_in(const char *name, size_t *rank);

/* The place in names->names of the folder or file that is called as the split, the one of least
 * rank; names->count where there is none. TD_ERR_FORMAT, naming `path`, for two that differ by case
 * alone. */
td_status td_split_find(size_t *out, const td_folder *names, td_split split, const char *path,
                        td_error *error) TD_MUST_USE;

#endif
