/* SPDX-License-Identifier: MIT */
/* The usual names of a data set's arrays, in a folder of .npy files or in an .npz archive: x_train
 * and y_train, train_images and train_labels, images and labels. Case and characters other than
 * letters and digits are ignored. */
#ifndef TD_DATA_ARRAY_NAMES_H
#define TD_DATA_ARRAY_NAMES_H

#include "base/error.h"
#include "data/folder.h"
#include "data/split.h"
#include <stdbool.h>
#include <stddef.h>

/* An images array and its labels, as indices into a list of names. */
typedef struct td_array_pair {
    td_split split; /* TD_SPLIT_NONE: the names give no split */
    size_t images, labels;
} td_array_pair;

/* Whether an array of this name holds images. */
bool td_array_is_images(const char *name);

/* Finds the images of the split and their labels, or, if there are none, those whose names give no
 * split. TD_ERR_USAGE, naming `path`, if images or labels are missing; TD_ERR_FORMAT if two arrays
 * qualify. `kind` describes an array in messages: "a file". */
td_status td_array_find(td_array_pair *out, const td_folder *names, const char *split,
                        const char *path, const char *kind, td_error *error) TD_MUST_USE;

#endif
