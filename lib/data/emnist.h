/* SPDX-License-Identifier: MIT */
/* EMNIST's mappings (emnist-letters-mapping.txt): a line per class, with its label and its
 * character codes. */
#ifndef TD_DATA_EMNIST_H
#define TD_DATA_EMNIST_H

#include "data/dataset.h"

/* Names the set's classes after the first character of each if the folder contains prefix[0,
 * length) + "mapping.txt"; label 0, if unused, is "N/A". Sets images.classes. Does nothing without
 * the file. TD_ERR_FORMAT names the file and the line. */
td_status td_emnist_name_classes(td_dataset *set, const char *folder, const char *prefix,
                                 size_t length, td_error *error) TD_MUST_USE;

#endif
