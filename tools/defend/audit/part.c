/* SPDX-License-Identifier: MIT */
#include "defend/audit/part.h"

#include <stdio.h>

enum { PARTS_MOST = 100000 };

td_status part_read(const char *text, size_t count, size_t *begin, size_t *end, td_error *error) {
    size_t number = 1, parts = 1;
    char rest;
    if (text && (sscanf(text, "%7zu/%7zu%c", &number, &parts, &rest) != 2 || number < 1 ||
                 number > parts || parts > PARTS_MOST))
        return td_fail(error, TD_ERR_USAGE,
                       "--part: expected K/N with K from 1 to N, at most %d, found \"%s\"",
                       PARTS_MOST, text);
    *begin = count * (number - 1) / parts;
    *end = count * number / parts;
    return TD_OK;
}
