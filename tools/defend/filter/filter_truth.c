/* SPDX-License-Identifier: MIT */
#include "defend/filter/filter.h"

#include "frame/truth.h"

td_status filter_read_truth(tool_run *run, const td_dataset *data, const char *path, bool *poisoned,
                            td_error *error) {
    return tool_read_truth(run, data, path, poisoned, error);
}
