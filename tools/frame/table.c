/* SPDX-License-Identifier: MIT */
#include "frame/table.h"

#include <math.h>
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

/* Capacity doubles, because arena blocks do not grow. */
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

td_status tool_list_counts(tool_list *out, const size_t *counts, size_t count, size_t row,
                           td_arena *arena, td_error *error) {
    double *values;
    TD_TRY(TD_ARENA_NEW(arena, count + 1, &values, "counts", error));
    for (size_t i = 0; i < count; i++)
        values[i] = (double)counts[i];
    *out = (tool_list){.values = values, .count = count, .row = row};
    return TD_OK;
}

static td_status copy_text(tool_tables *tables, tool_cell *cell, td_error *error) {
    char *copy;
    TD_TRY(td_arena_text(&tables->arena, cell->text, strlen(cell->text), &copy, error));
    cell->text = copy;
    cell->given = true;
    return TD_OK;
}

static td_status copy_texts(tool_tables *tables, const tool_list *list, const char *const **out,
                            td_error *error) {
    char **texts;
    TD_TRY(TD_ARENA_NEW(&tables->arena, list->count + 1, &texts, "a table", error));
    *out = (const char *const *)texts;
    for (size_t i = 0; i < list->count; i++)
        TD_TRY(td_arena_text(&tables->arena, list->texts[i], strlen(list->texts[i]), &texts[i],
                             error));
    return TD_OK;
}

static td_status copy_list(tool_tables *tables, const tool_list *list, tool_cell *cell,
                           td_error *error) {
    double *values;
    *cell = (tool_cell){.given = true, .list = *list};
    if (list->texts)
        return copy_texts(tables, list, &cell->list.texts, error);
    TD_TRY(TD_ARENA_NEW(&tables->arena, list->count + 1, &values, "a table", error));
    memcpy(values, list->values, list->count * sizeof *values);
    cell->list.values = values;
    return TD_OK;
}

static td_status take_class(tool_tables *tables, size_t index, tool_cell *cell, td_error *error) {
    const char *name = tables->classes ? td_class_name(tables->classes, index) : NULL;
    char *copy = NULL;
    if (name)
        TD_TRY(td_arena_text(&tables->arena, name, strlen(name), &copy, error));
    *cell = (tool_cell){.given = index != TOOL_NO_COUNT, .class = {index, copy}};
    return TD_OK;
}

/* Reads the value of a struct's field. */
static td_status take(tool_tables *tables, tool_cell_kind kind, const void *field, tool_cell *cell,
                      td_error *error) {
    switch (kind) {
    case TOOL_TEXT:
        cell->text = *(const char *const *)field;
        return cell->text ? copy_text(tables, cell, error) : TD_OK;
    case TOOL_COUNT:
        cell->count = *(const size_t *)field;
        cell->given = cell->count != TOOL_NO_COUNT;
        return TD_OK;
    case TOOL_REAL:
        cell->real = *(const double *)field;
        cell->given = !isnan(cell->real);
        return TD_OK;
    case TOOL_RATE:
        cell->rate = *(const td_rate *)field;
        cell->given = cell->rate.trials > 0;
        return TD_OK;
    case TOOL_ESTIMATE:
        cell->estimate = *(const tool_estimate *)field;
        cell->given = !isnan(cell->estimate.value);
        return TD_OK;
    case TOOL_FLAG:
        cell->flag = *(const signed char *)field > 0;
        cell->given = *(const signed char *)field >= 0;
        return TD_OK;
    case TOOL_LIST: {
        const tool_list *list = field;
        return list->values || list->texts ? copy_list(tables, list, cell, error) : TD_OK;
    }
    case TOOL_CLASS:
        return take_class(tables, *(const size_t *)field, cell, error);
    }
    return TD_OK;
}

td_status tool_table_fill(tool_tables *tables, tool_table *table, const void *source,
                          td_error *error) {
    const tool_column *columns = table->kind->columns;
    tool_cell *row;
    TD_TRY(tool_table_row(tables, table, &row, error));
    for (size_t c = 0; c < table->column_count; c++)
        TD_TRY(take(tables, columns[c].kind, (const char *)source + columns[c].offset, &row[c],
                    error));
    return TD_OK;
}

td_status tool_table_rows(tool_tables *tables, const tool_table_kind *kind, const void *rows,
                          size_t count, tool_table **out, td_error *error) {
    TD_TRY(tool_table_add(tables, kind, out, error));
    for (size_t i = 0; i < count; i++)
        TD_TRY(tool_table_fill(tables, *out, (const char *)rows + i * kind->row, error));
    return TD_OK;
}

double tool_cell_number(const tool_column *column, const tool_cell *cell) {
    if (!cell->given)
        return NAN;
    switch (column->kind) {
    case TOOL_CLASS:
        return (double)cell->class.index;
    case TOOL_COUNT:
        return (double)cell->count;
    case TOOL_REAL:
        return cell->real;
    case TOOL_RATE:
        return cell->rate.trials > 0 ? cell->rate.value : NAN;
    case TOOL_ESTIMATE:
        return cell->estimate.value;
    default:
        return NAN;
    }
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
