/* SPDX-License-Identifier: MIT */
/* Lines of an index file, taken apart; index.h says what they are. */
#ifndef TD_DATA_INDEX_LINES_H
#define TD_DATA_INDEX_LINES_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>

enum { TD_INDEX_COLUMNS = 64, TD_INDEX_LINE = 8192, TD_INDEX_SHOWN = 60 };

/* One line in memory of its own, cut into fields. */
typedef struct td_index_line {
    char text[TD_INDEX_LINE]; /* the fields, each with a 0 behind it */
    const char *fields[TD_INDEX_COLUMNS];
    size_t count;
    size_t number; /* from 1 on */
} td_index_line;

/* The lines of a text that belongs to somebody else. */
typedef struct td_index_lines {
    const char *text;
    size_t size, at, number;
    char separator; /* ' ': runs of blanks */
} td_index_lines;

/* Starts at the first line, which decides what parts the columns. */
td_index_lines td_index_lines_start(const char *text, size_t size);

/* Takes the next line that is not empty; *more is false where there is none. Messages begin with
 * the line. */
td_status td_index_lines_next(td_index_lines *lines, td_index_line *line, bool *more,
                              td_error *error) TD_MUST_USE;

/* A start of a text from a file that can be quoted. */
const char *td_index_show(char shown[TD_INDEX_SHOWN + 1], const char *text);

#endif
