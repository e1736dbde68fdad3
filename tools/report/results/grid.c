#include "report/results/grid.h"

#include "report/html.h"
#include <string.h>

static void add_once(const char **texts, size_t *count, const char *text) {
    for (size_t i = 0; i < *count; i++)
        if (strcmp(texts[i], text) == 0)
            return;
    if (*count < EXPECT_ENTRIES)
        texts[(*count)++] = text;
}

bool results_grid_make(results_grid *grid, const json_t *rows) {
    size_t i;
    const json_t *row;
    bool any = false;
    *grid = (results_grid){0};
    json_array_foreach(rows, i, row) {
        add_once(grid->names, &grid->name_count, html_get_text(row, "name"));
        add_once(grid->columns, &grid->column_count, html_get_text(row, "column"));
        any |= *html_get_text(row, "column") != '\0';
    }
    return any;
}

const json_t *results_grid_cell(const json_t *rows, const char *name, const char *column) {
    size_t i;
    const json_t *row;
    json_array_foreach(rows, i, row) {
        if (strcmp(html_get_text(row, "name"), name) == 0 &&
            strcmp(html_get_text(row, "column"), column) == 0)
            return row;
    }
    return NULL;
}

const char *results_grid_unit(const json_t *rows, const char *name) {
    const char *unit = NULL;
    size_t i;
    const json_t *row;
    json_array_foreach(rows, i, row) {
        if (strcmp(html_get_text(row, "name"), name) != 0)
            continue;
        if (unit && strcmp(html_get_text(row, "unit"), unit) != 0)
            return NULL;
        unit = html_get_text(row, "unit");
    }
    return unit;
}
