/* SPDX-License-Identifier: MIT */
/* Splits an index file into lines and fields; see index.h for the syntax. */
#ifndef TD_DATA_INDEX_LINES_H
#define TD_DATA_INDEX_LINES_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>

enum { TD_INDEX_COLUMNS = 64, TD_INDEX_LINE = 8192, TD_INDEX_SHOWN = 60 };

/* One line, copied and split into fields. */
typedef struct td_index_line {
    char text[TD_INDEX_LINE]; /* the fields, each followed by a 0 */
    const char *fields[TD_INDEX_COLUMNS];
    size_t count;
    size_t number; /* from 1 on */
} td_index_line;

/* The lines of a text that the caller owns. */
typedef struct td_index_lines {
    const char *text;
    size_t size, at, number;
    char separator; /* ' ': runs of blanks */
} td_index_lines;

/* Starts at the first line, which determines the separator. */
td_index_lines td_index_lines_start(const char *text, size_t size);

/* Reads the next line that is not empty and has more than blanks. *more is false at the end.
 * Messages begin with the line. */
td_status td_index_lines_next(td_index_lines *lines, td_index_line *line, bool *more,
                              td_error *error) TD_MUST_USE;

/* The beginning of a text from a file, made safe to quote. */
const char *td_index_show(char shown[TD_INDEX_SHOWN + 1], const char *text);

#endif
