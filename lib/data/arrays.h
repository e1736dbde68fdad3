/* SPDX-License-Identifier: MIT */
/* NumPy arrays as the images and labels of a data set. */
#ifndef TD_DATA_ARRAYS_H
#define TD_DATA_ARRAYS_H

#include "data/dataset.h"
#include "data/npy.h"

/* Uses an array as pixels: bytes of (N,H,W), (N,H,W,C) or (N,C,H,W) with C 1 or 3, no dimension 0.
 * The pixels stay in place unless they are planar (*stay reports which). Messages do not name the
 * array. */
td_status td_arrays_take_images(td_dataset *set, const td_npy *npy, bool *stay,
                                td_error *error) TD_MUST_USE;

/* Uses an array as labels: integers of (N,) or (N,1), one per image. */
td_status td_arrays_take_labels(td_dataset *set, const td_npy *npy, td_error *error) TD_MUST_USE;

#endif
