/* SPDX-License-Identifier: MIT */
/* Common code of the tests of data set formats. */
#ifndef TESTS_UNIT_SET_SUPPORT_H
#define TESTS_UNIT_SET_SUPPORT_H

#include "data/dataset.h"
#include "support.h"

/* td_dataset_open, which must succeed; `split` is the default. */
td_dataset support_open_set(const char *data, const char *split, const char *folder);

/* td_dataset_open, with default split train, must fail with this status and a message of one line
 * that contains this text, and leave nothing open. */
void support_assert_set_refused(const char *data, td_status status, const char *message);

#endif
