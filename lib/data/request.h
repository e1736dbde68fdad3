/* SPDX-License-Identifier: MIT */
/* Parses DATA, the user's name of a data set (dataset.h), into a path, a split and a range. */
#ifndef TD_DATA_REQUEST_H
#define TD_DATA_REQUEST_H

#include "base/error.h"
#include "data/names.h"
#include "data/path.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct td_request {
    char path[TD_PATH_SIZE];
    const char *split; /* "train" or "test": the split to read */
    bool split_given;  /* the user gave the split; false: it is the default */
    bool has_range;
    size_t begin, end; /* the range, not yet compared with the number of images */
    const td_known_set
        *known; /* the known set named by NAME, or by the last component of PATH; or NULL */
} td_request;

/* Parses `data` and finds its path. The arguments are those of td_dataset_open; `split` must
 * outlive the request. */
td_status td_request_read(td_request *request, const char *data, const char *split,
                          const char *folder, td_error *error) TD_MUST_USE;

/* TD_ERR_USAGE if the range, if given, is not within `count` images. */
td_status td_request_check_range(const td_request *request, const char *data, size_t count,
                                 td_error *error) TD_MUST_USE;

#endif
