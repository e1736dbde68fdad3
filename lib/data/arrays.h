/* SPDX-License-Identifier: MIT */
/* NumPy arrays that become the images and labels of a data set. */
#ifndef TD_DATA_ARRAYS_H
#define TD_DATA_ARRAYS_H

#include "data/dataset.h"
#include "data/npy.h"

/* Takes pixels: bytes of (N,H,W), (N,H,W,C) or (N,C,H,W) with C 1 or 3, and none 0. They stay where
 * they are, unless they are in several planes: *stay says which. Messages do not name the array. */
td_status td_arrays_take_images(td_dataset *set, const td_npy *npy, bool *stay,
                                td_error *error) TD_MUST_USE;

/* Takes labels: whole numbers of (N,) or (N,1), one for each image. */
td_status td_arrays_take_labels(td_dataset *set, const td_npy *npy, td_error *error) TD_MUST_USE;

#endif
