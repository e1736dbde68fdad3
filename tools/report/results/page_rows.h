/* The figures of a table of results on the page: a list, or a grid where they have columns. */
#ifndef TOOLS_REPORT_RESULTS_PAGE_ROWS_H
#define TOOLS_REPORT_RESULTS_PAGE_ROWS_H

#include <jansson.h>
#include <stdio.h>

/* Folded where none of them was run; nothing of no rows. */
void results_rows(FILE *out, const json_t *rows);

#endif
