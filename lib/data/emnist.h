/* SPDX-License-Identifier: MIT */
/* EMNIST's mappings (emnist-letters-mapping.txt): a line for each class, with its label and the
 * codes of the characters that it stands for. */
#ifndef TD_DATA_EMNIST_H
#define TD_DATA_EMNIST_H

#include "data/dataset.h"

/* Names the set's classes after the first character of each, where the folder has the mapping
 * called prefix[0, length) + "mapping.txt"; label 0, where there is none, is "N/A". Sets
 * images.classes. Without the file nothing is done. TD_ERR_FORMAT names the file and the line. */
td_status td_emnist_name_classes(td_dataset *set, const char *folder, const char *prefix,
                                 size_t length, td_error *error) TD_MUST_USE;

#endif
