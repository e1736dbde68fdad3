/* SPDX-License-Identifier: MIT */
/* How people call the arrays of a data set, in a folder of .npy files or in an .npz archive:
 * x_train and y_train, train_images and train_labels, images and labels. Capitals, and what is
 * neither letter nor digit, do not count. */
#ifndef TD_DATA_ARRAY_NAMES_H
#define TD_DATA_ARRAY_NAMES_H

#include "base/error.h"
#include "data/folder.h"
#include "data/split.h"
#include <stdbool.h>
#include <stddef.h>

/* Two arrays that belong together, by their places in a list of names. */
typedef struct td_array_pair {
    td_split split; /* TD_SPLIT_NONE: their names do not say */
    size_t images, labels;
} td_array_pair;

/* Whether a name is that of an array of images. */
bool td_array_is_images(const char *name);

/* Finds the images of the split and their labels; without the former those whose names say no
 * split. TD_ERR_USAGE, naming `path`, where images or labels are missing, and TD_ERR_FORMAT where
 * two arrays are both it. `kind` is what the arrays are for messages: "a file". */
td_status td_array_find(td_array_pair *out, const td_folder *names, const char *split,
                        const char *path, const char *kind, td_error *error) TD_MUST_USE;

#endif
