/* SPDX-License-Identifier: MIT */
/* DATA taken apart and looked up: what the user calls a data set (dataset.h), as a path, a split
 * and a range. */
#ifndef TD_DATA_REQUEST_H
#define TD_DATA_REQUEST_H

#include "base/error.h"
#include "data/names.h"
#include "data/path.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct td_request {
    char path[TD_PATH_SIZE];
    const char *split; /* "train" or "test": which one to read */
    bool split_given;  /* whether the user said so, or it is the default */
    bool has_range;
    size_t begin, end; /* the range, not yet compared with the number of images */
    const td_known_set
        *known; /* the one that NAME, or the last component of PATH, names; or NULL */
} td_request;

/* Takes `data` apart and finds its path. The arguments are those of td_dataset_open; `split` must
 * outlive the request. */
td_status td_request_read(td_request *request, const char *data, const char *split,
                          const char *folder, td_error *error) TD_MUST_USE;

/* TD_ERR_USAGE unless the range, where there is one, lies within `count` images. */
td_status td_request_check_range(const td_request *request, const char *data, size_t count,
                                 td_error *error) TD_MUST_USE;

#endif
