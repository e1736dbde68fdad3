/* SPDX-License-Identifier: MIT */
#include "set_support.h"

#include <string.h>

td_dataset support_open_set(const char *data, const char *split, const char *folder) {
    td_dataset set;
    td_error error = {""};
    if (td_dataset_open(&set, data, split, folder, &error) != TD_OK)
        fail_msg("%s", error.message);
    return set;
}

void support_assert_set_refused(const char *data, td_status status, const char *message) {
    td_dataset set;
    td_error error = {""};
    assert_int_equal(td_dataset_open(&set, data, "train", NULL, &error), status);
    support_assert_contains(error.message, message);
    assert_null(strchr(error.message, '\n'));
    assert_null(set.images.pixels);
    assert_null(set.arena.blocks);
    assert_null(set.map.data);
    td_dataset_close(&set);
}
