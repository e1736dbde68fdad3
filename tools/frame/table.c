#include "frame/table.h"

#include <string.h>

static size_t count_columns(const tool_column *columns) {
    size_t count = 0;
    while (columns[count].name)
        count++;
    return count;
}

td_status tool_table_add(tool_tables *tables, const tool_table_kind *kind, tool_table **out,
                         td_error *error) {
    const size_t columns = count_columns(kind->columns);
    if (columns > TOOL_TABLE_COLUMNS)
        return td_fail(error, TD_ERR_USAGE, "%s: expected at most %d columns, found %zu",
                       kind->title ? kind->title : kind->name, TOOL_TABLE_COLUMNS, columns);
    TD_TRY(TD_ARENA_NEW(&tables->arena, 1, out, "a table", error));
    **out = (tool_table){.kind = kind, .column_count = columns};
    *(tables->last ? &tables->last->next : &tables->first) = *out;
    tables->last = *out;
    return TD_OK;
}

/* Room doubles: an arena does not grow what it gave. */
td_status tool_table_row(tool_tables *tables, tool_table *table, tool_cell **row, td_error *error) {
    const size_t rows = table->row_count, columns = table->column_count;
    if ((rows & (rows - 1)) == 0) {
        tool_cell *cells;
        TD_TRY(td_arena_alloc(&tables->arena, rows ? 2 * rows : 1, columns * sizeof *cells,
                              (void **)&cells, "a table", error));
        if (rows > 0)
            memcpy(cells, table->cells, rows * columns * sizeof *cells);
        table->cells = cells;
    }
    *row = table->cells + columns * table->row_count++;
    return TD_OK;
}

td_status tool_cell_text(tool_tables *tables, tool_cell *cell, const char *text, td_error *error) {
    char *copy;
    *cell = (tool_cell){.given = false};
    if (!text)
        return TD_OK;
    TD_TRY(td_arena_text(&tables->arena, text, strlen(text), &copy, error));
    *cell = (tool_cell){.given = true, .text = copy};
    return TD_OK;
}

bool tool_table_lacks(const tool_table *table, size_t column) {
    for (size_t i = 0; i < table->row_count; i++)
        if (table->cells[i * table->column_count + column].given)
            return false;
    return true;
}

void tool_tables_free(tool_tables *tables) {
    td_arena_free(&tables->arena);
    *tables = (tool_tables){0};
}
