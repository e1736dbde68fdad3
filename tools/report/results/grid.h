/* Rows of results that have a `column` stand in a grid, as the paper's table does. */
#ifndef TOOLS_REPORT_RESULTS_GRID_H
#define TOOLS_REPORT_RESULTS_GRID_H

#include "report/results/expect.h"
#include <stddef.h>

typedef struct results_grid {
    const char *names[EXPECT_ENTRIES];   /* of the rows, each once, in their order */
    const char *columns[EXPECT_ENTRIES]; /* likewise */
    size_t name_count, column_count;
} results_grid;

/* False if no row has a column. The texts are the rows'. */
bool results_grid_make(results_grid *grid, const json_t *rows);

/* The row of this name and column, or NULL. */
const json_t *results_grid_cell(const json_t *rows, const char *name, const char *column);

/* The unit that all rows of this name have, or NULL. */
const char *results_grid_unit(const json_t *rows, const char *name);

#endif
