/* Tables in the record: their rows, and what a reader needs to show them. */
#include "frame/record.h"
#include "frame/table.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const tool_cell_kinds[] = {
    [TOOL_TEXT] = "text", [TOOL_COUNT] = "count",       [TOOL_REAL] = "real",
    [TOOL_RATE] = "rate", [TOOL_ESTIMATE] = "estimate", [TOOL_FLAG] = "flag",
    [TOOL_LIST] = "list"};

const char *const tool_chart_kinds[] = {[TOOL_CHART_LINES] = "lines",
                                        [TOOL_CHART_BARS] = "bars",
                                        [TOOL_CHART_HISTOGRAM] = "histogram",
                                        [TOOL_CHART_HEAT] = "heat"};

/* JSON has no infinity and no NaN. */
static json_t *real_json(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *element_json(const tool_column *column, const tool_list *list, size_t place) {
    if (list->texts)
        return tool_json_text(list->texts[place]);
    return column->digits > 0 ? real_json(list->values[place])
                              : json_integer((json_int_t)list->values[place]);
}

/* Elements [begin, end) of a list, as rows of an array each where `row` is not 0. */
static json_t *list_json(const tool_column *column, const tool_list *list, size_t begin, size_t end,
                         size_t row) {
    json_t *array = json_array();
    for (size_t i = begin; i < end; i += row ? row : 1)
        if (json_array_append_new(array, row ? list_json(column, list, i, i + row, 0)
                                             : element_json(column, list, i)) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *cell_json(const tool_column *column, const tool_cell *cell) {
    switch (column->kind) {
    case TOOL_TEXT:
        return tool_json_text(cell->text);
    case TOOL_COUNT:
        return json_integer((json_int_t)cell->count);
    case TOOL_REAL:
        return real_json(cell->real);
    case TOOL_RATE:
        return real_json(cell->rate.value);
    case TOOL_ESTIMATE:
        return real_json(cell->estimate.value);
    case TOOL_FLAG:
        return json_boolean(cell->flag);
    case TOOL_LIST:
        return list_json(column, &cell->list, 0, cell->list.count, cell->list.row);
    }
    return NULL;
}

static bool append(json_t *object, const char *name, json_t *value) {
    json_t *list = json_object_get(object, name);
    if (!list && json_object_set_new(object, name, json_array()) == 0)
        list = json_object_get(object, name);
    return json_array_append_new(list, value) == 0;
}

static bool set_cell(json_t *object, const tool_column *column, const tool_cell *cell) {
    if (!cell->given && !column->null && !column->list)
        return true;
    if (cell->given && column->kind == TOOL_RATE && !column->list)
        return tool_json_rate(object, column->name, &cell->rate);
    json_t *value = cell->given ? cell_json(column, cell) : json_null();
    if (column->list)
        return append(object, column->name, value);
    return json_object_set_new(object, column->name, value) == 0 &&
           (!cell->given || column->kind != TOOL_ESTIMATE ||
            tool_json_interval(object, column->name, cell->estimate.interval));
}

static bool set_row(json_t *object, const tool_table *table, size_t row) {
    for (size_t c = 0; c < table->column_count; c++)
        if (!set_cell(object, &table->kind->columns[c],
                      &table->cells[row * table->column_count + c]))
            return false;
    return true;
}

static bool add_rows(const tool_table *table, json_t *into) {
    if (table->kind->single) {
        json_t *object = into;
        if (table->kind->name &&
            json_object_set_new(into, table->kind->name, object = json_object()) != 0)
            return false;
        return table->row_count == 0 || set_row(object, table, 0);
    }
    json_t *rows = json_array();
    if (json_object_set_new(into, table->kind->name, rows) != 0)
        return false;
    for (size_t i = 0; i < table->row_count; i++) {
        json_t *object = json_object();
        if (json_array_append_new(rows, object) != 0 || !set_row(object, table, i))
            return false;
    }
    return true;
}

/* --- what a reader needs --- */

/* For a field that a description has only where it is set. */
static json_t *true_if(bool flag) {
    return flag ? json_true() : NULL;
}

static json_t *column_json(const tool_column *column) {
    json_t *digits = column->digits > 0 ? json_integer(column->digits) : NULL;
    return json_pack("{ss ss ss ss* ss* so* so* so*}", "name", column->name, "title", column->title,
                     "kind", tool_cell_kinds[column->kind], "unit", column->unit, "flag",
                     column->flag, "list", true_if(column->list), "right", true_if(column->right),
                     "digits", digits);
}

static json_t *chart_json(const tool_chart *chart) {
    json_t *y = json_array();
    bool good = true;
    for (size_t i = 0; i < TOOL_CHART_SERIES && chart->y[i]; i++)
        good = good && json_array_append_new(y, json_string(chart->y[i])) == 0;
    if (!good) {
        json_decref(y);
        return NULL;
    }
    return json_pack("{ss ss ss* so}", "title", chart->title, "kind", tool_chart_kinds[chart->kind],
                     "x", chart->x, "y", y);
}

static json_t *axes_json(const tool_axes *axes) {
    return json_pack("{ss* ss* ss* ss* ss* ss*}", "x_title", axes->x_title, "y_title",
                     axes->y_title, "by", axes->by, "x_mark", axes->x_mark, "y_mark", axes->y_mark,
                     "mark", axes->mark);
}

static json_t *columns_json(const tool_table *table) {
    json_t *columns = json_array();
    for (size_t c = 0; c < table->column_count; c++) {
        const tool_column *column = &table->kind->columns[c];
        if (column->title && (column->list || !tool_table_lacks(table, c)) &&
            json_array_append_new(columns, column_json(column)) != 0) {
            json_decref(columns);
            return NULL;
        }
    }
    return columns;
}

static bool add_charts(const tool_table_kind *kind, json_t *entry) {
    json_t *charts = json_array();
    if (json_object_set_new(entry, "charts", charts) != 0)
        return false;
    for (const tool_chart *chart = kind->charts; chart->title; chart++)
        if (json_array_append_new(charts, chart_json(chart)) != 0)
            return false;
    return !kind->axes || json_object_set_new(entry, "axes", axes_json(kind->axes)) == 0;
}

static bool add_description(const tool_table *table, json_t *list) {
    const tool_table_kind *kind = table->kind;
    char rows[256];
    snprintf(rows, sizeof rows, "%s%s%s", table->path ? table->path : "", kind->name ? "/" : "",
             kind->name ? kind->name : "");
    json_t *entry = json_pack("{ss ss so so*}", "rows", rows, "title", kind->title, "columns",
                              columns_json(table), "drawn", true_if(kind->drawn));
    return json_array_append_new(list, entry) == 0 && (!kind->charts || add_charts(kind, entry));
}

/* The object at a JSON pointer, made unless it is there; NULL if a part of the path is no object.
 */
static json_t *object_at(json_t *root, const char *path) {
    while (root && *path == '/') {
        const size_t length = strcspn(++path, "/");
        char name[128];
        snprintf(name, sizeof name, "%.*s", (int)length, path);
        json_t *next = json_is_array(root) ? json_array_get(root, strtoul(name, NULL, 10))
                                           : json_object_get(root, name);
        if (!next && json_object_set_new(root, name, json_object()) == 0)
            next = json_object_get(root, name);
        root = next;
        path += length;
    }
    return root;
}

td_status tool_tables_json(const tool_tables *tables, json_t *root, td_error *error) {
    json_t *list = json_array();
    bool good = true;
    for (const tool_table *table = tables->first; table && good; table = table->next) {
        good = add_rows(table, table->path ? object_at(root, table->path) : root);
        if (good && table->kind->title && table->row_count > 0)
            good = add_description(table, list);
    }
    if (good && json_array_size(list) > 0)
        good = json_object_set(root, "tables", list) == 0;
    json_decref(list);
    return good ? TD_OK : td_fail_memory(error, "the record");
}
