/* SPDX-License-Identifier: MIT */
/* Tables in the record: their rows, and the description that a reader needs. */
#include "frame/record.h"
#include "frame/table.h"
#include <stdlib.h>
#include <string.h>

const char *const tool_cell_kinds[] = {
    [TOOL_TEXT] = "text", [TOOL_COUNT] = "count",       [TOOL_REAL] = "real",
    [TOOL_RATE] = "rate", [TOOL_ESTIMATE] = "estimate", [TOOL_FLAG] = "flag",
    [TOOL_LIST] = "list", [TOOL_CLASS] = "class"};

const char *const tool_chart_kinds[] = {[TOOL_CHART_LINES] = "lines",
                                        [TOOL_CHART_BARS] = "bars",
                                        [TOOL_CHART_HISTOGRAM] = "histogram",
                                        [TOOL_CHART_HEAT] = "heat"};

static json_t *element_json(td_json *json, const tool_column *column, const tool_list *list,
                            size_t place) {
    if (list->texts)
        return td_json_text(json, list->texts[place]);
    return column->digits > 0 ? td_json_real(json, list->values[place])
                              : td_json_integer(json, (json_int_t)list->values[place]);
}

/* Elements [begin, end) of a list, as an array per row if `row` is not 0. */
static json_t *list_json(td_json *json, const tool_column *column, const tool_list *list,
                         size_t begin, size_t end, size_t row) {
    json_t *array = td_json_array(json);
    for (size_t i = begin; i < end; i += row ? row : 1)
        td_json_append(json, array,
                       row ? list_json(json, column, list, i, i + row, 0)
                           : element_json(json, column, list, i));
    return array;
}

static json_t *cell_json(td_json *json, const tool_column *column, const tool_cell *cell) {
    switch (column->kind) {
    case TOOL_TEXT:
        return td_json_text(json, cell->text);
    case TOOL_COUNT:
        return td_json_count(json, cell->count);
    case TOOL_REAL:
        return td_json_real(json, cell->real);
    case TOOL_RATE:
        return td_json_real(json, cell->rate.value);
    case TOOL_ESTIMATE:
        return td_json_real(json, cell->estimate.value);
    case TOOL_FLAG:
        return json_boolean(cell->flag);
    case TOOL_LIST:
        return list_json(json, column, &cell->list, 0, cell->list.count, cell->list.row);
    case TOOL_CLASS:
        return td_json_count(json, cell->class.index);
    }
    return NULL;
}

static void append(td_json *json, json_t *object, const char *name, json_t *value) {
    json_t *list = json_object_get(object, name);
    if (!list)
        list = td_json_set(json, object, name, td_json_array(json));
    td_json_append(json, list, value);
}

/* Stored beside its index. */
static void set_class_name(td_json *json, json_t *object, const tool_column *column,
                           const tool_cell *cell) {
    char name[128];
    snprintf(name, sizeof name, "%s_name", column->name);
    if (cell->class.name)
        td_json_set(json, object, name, td_json_text(json, cell->class.name));
}

static void set_cell(td_json *json, json_t *object, const tool_column *column,
                     const tool_cell *cell) {
    if (!cell->given && !column->null && !column->list)
        return;
    if (cell->given && column->kind == TOOL_RATE && !column->list) {
        tool_json_rate(json, object, column->name, &cell->rate);
        return;
    }
    json_t *value = cell->given ? cell_json(json, column, cell) : json_null();
    if (column->list) {
        append(json, object, column->name, value);
        return;
    }
    td_json_set(json, object, column->name, value);
    if (cell->given && column->kind == TOOL_CLASS)
        set_class_name(json, object, column, cell);
    if (cell->given && column->kind == TOOL_ESTIMATE)
        tool_json_interval(json, object, column->name, cell->estimate.interval);
}

static void set_row(td_json *json, json_t *object, const tool_table *table, size_t row) {
    for (size_t c = 0; c < table->column_count; c++)
        set_cell(json, object, &table->kind->columns[c],
                 &table->cells[row * table->column_count + c]);
}

static void add_rows(td_json *json, const tool_table *table, json_t *into) {
    const char *name = table->kind->name;
    if (table->kind->single) {
        json_t *object = name ? td_json_set(json, into, name, td_json_object(json)) : into;
        if (table->row_count > 0)
            set_row(json, object, table, 0);
        return;
    }
    json_t *rows = td_json_set(json, into, name, td_json_array(json));
    for (size_t i = 0; i < table->row_count; i++)
        set_row(json, td_json_append(json, rows, td_json_object(json)), table, i);
}

/* --- description --- */

/* For a field that is present only if set. */
static json_t *true_if(bool flag) {
    return flag ? json_true() : NULL;
}

static json_t *column_json(td_json *json, const tool_column *column) {
    json_t *digits = column->digits > 0 ? td_json_integer(json, column->digits) : NULL;
    return td_json_pack(json, "{ss ss ss ss* ss* so* so* so*}", "name", column->name, "title",
                        column->title, "kind", tool_cell_kinds[column->kind], "unit", column->unit,
                        "flag", column->flag, "list", true_if(column->list), "right",
                        true_if(column->right), "digits", digits);
}

static json_t *chart_json(td_json *json, const tool_chart *chart) {
    json_t *y = td_json_array(json);
    for (size_t i = 0; i < TOOL_CHART_SERIES && chart->y[i]; i++)
        td_json_append(json, y, td_json_text(json, chart->y[i]));
    return td_json_pack(json, "{ss ss ss* so}", "title", chart->title, "kind",
                        tool_chart_kinds[chart->kind], "x", chart->x, "y", y);
}

static json_t *axes_json(td_json *json, const tool_axes *axes) {
    return td_json_pack(json, "{ss* ss* ss* ss* ss* ss*}", "x_title", axes->x_title, "y_title",
                        axes->y_title, "by", axes->by, "x_mark", axes->x_mark, "y_mark",
                        axes->y_mark, "mark", axes->mark);
}

static json_t *columns_json(td_json *json, const tool_table *table) {
    json_t *columns = td_json_array(json);
    for (size_t c = 0; c < table->column_count; c++) {
        const tool_column *column = &table->kind->columns[c];
        if (column->title && (column->list || !tool_table_lacks(table, c)))
            td_json_append(json, columns, column_json(json, column));
    }
    return columns;
}

static void add_charts(td_json *json, const tool_table_kind *kind, json_t *entry) {
    json_t *charts = td_json_set(json, entry, "charts", td_json_array(json));
    for (const tool_chart *chart = kind->charts; chart->title; chart++)
        td_json_append(json, charts, chart_json(json, chart));
    if (kind->axes)
        td_json_set(json, entry, "axes", axes_json(json, kind->axes));
}

static void add_description(td_json *json, const tool_table *table, json_t *list) {
    const tool_table_kind *kind = table->kind;
    char rows[256];
    snprintf(rows, sizeof rows, "%s%s%s", table->path ? table->path : "", kind->name ? "/" : "",
             kind->name ? kind->name : "");
    json_t *entry = td_json_append(json, list,
                                   td_json_pack(json, "{ss ss so so*}", "rows", rows, "title",
                                                kind->title, "columns", columns_json(json, table),
                                                "drawn", true_if(kind->drawn)));
    if (kind->charts)
        add_charts(json, kind, entry);
}

/* The object at a JSON pointer, created if missing; NULL if a part of the path is not an object. */
static json_t *object_at(td_json *json, json_t *root, const char *path) {
    while (root && *path == '/') {
        const size_t length = strcspn(++path, "/");
        char name[128];
        snprintf(name, sizeof name, "%.*s", (int)length, path);
        json_t *next = json_is_array(root) ? json_array_get(root, strtoul(name, NULL, 10))
                                           : json_object_get(root, name);
        root = next ? next : td_json_set(json, root, name, td_json_object(json));
        path += length;
    }
    return root;
}

void tool_tables_json(const tool_tables *tables, td_json *json, json_t *root) {
    json_t *list = td_json_array(json);
    for (const tool_table *table = tables->first; table; table = table->next) {
        add_rows(json, table, table->path ? object_at(json, root, table->path) : root);
        if (table->kind->title && table->row_count > 0)
            add_description(json, table, list);
    }
    if (json_array_size(list) > 0)
        td_json_set(json, root, "tables", list);
    else
        json_decref(list);
}
