/* SPDX-License-Identifier: MIT */
/* Reads tables from a record, which is untrusted. */
#include "frame/table.h"
#include <math.h>
#include <string.h>

enum {
    MOST_TABLES = 256,
    MOST_CHARTS = 16, /* of a table */
    MOST_DIGITS = 12,
};

/* One description being read. */
typedef struct reader {
    tool_tables *tables;
    const json_t *root;
    void (*note)(void *context, const char *line);
    void *context;
    size_t number; /* of the description */
    bool *starved; /* out of memory for a list */
} reader;

static void leave_out(const reader *r, const char *what) {
    char line[200];
    snprintf(line, sizeof line, "tables[%zu]: %s", r->number, what);
    if (r->note)
        r->note(r->context, line);
}

/* --- pointers --- */

/* The component of a pointer up to the next '/', with ~1 and ~0 decoded; false if it is too long.
 */
static bool read_part(const char **pointer, char *out, size_t size) {
    size_t length = 0;
    const char *at = *pointer;
    for (; *at && *at != '/'; at++) {
        const bool escape = *at == '~' && (at[1] == '0' || at[1] == '1');
        if (length + 1 >= size)
            return false;
        out[length++] = escape ? (*++at == '1' ? '/' : '~') : *at;
    }
    out[length] = '\0';
    *pointer = at;
    return true;
}

static const json_t *element(const json_t *list, const char *part) {
    size_t number = 0;
    if (strspn(part, "0123456789") != strlen(part) || *part == '\0' || strlen(part) > 9)
        return NULL;
    for (; *part; part++)
        number = 10 * number + (size_t)(*part - '0');
    return json_array_get(list, number);
}

const json_t *tool_json_at(const json_t *root, const char *pointer) {
    char part[256];
    while (root && *pointer == '/') {
        pointer++;
        if (!read_part(&pointer, part, sizeof part))
            return NULL;
        root = json_is_array(root) ? element(root, part) : json_object_get(root, part);
    }
    return *pointer == '\0' ? root : NULL;
}

/* --- columns and charts --- */

static const char *text_of(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

/* The index of a word in a list, or -1. */
static int place_of(const char *word, const char *const *words, int count) {
    for (int i = 0; word && i < count; i++)
        if (strcmp(word, words[i]) == 0)
            return i;
    return -1;
}

/* Rates in a list are only their values; they are shown in percent, like others. */
static const char percent[] = "%";

static bool read_column(const json_t *entry, tool_column *column) {
    const int kind = place_of(text_of(entry, "kind"), tool_cell_kinds, TOOL_CELL_KINDS);
    const json_int_t digits = json_integer_value(json_object_get(entry, "digits"));
    *column = (tool_column){.name = text_of(entry, "name"),
                            .title = text_of(entry, "title"),
                            .kind = (tool_cell_kind)kind,
                            .unit = text_of(entry, "unit"),
                            .flag = text_of(entry, "flag"),
                            .list = json_is_true(json_object_get(entry, "list")),
                            .right = json_is_true(json_object_get(entry, "right")),
                            .digits = digits > 0 && digits <= MOST_DIGITS ? (int)digits : 0};
    if (column->list && kind == TOOL_RATE) {
        column->kind = TOOL_REAL;
        column->unit = percent;
        column->digits = 2;
    }
    return kind >= 0 && column->name && column->title;
}

/* Whether a row names another record, without a column for it. */
static bool has_records(const tool_column *columns, const json_t *rows) {
    for (; columns->name; columns++)
        if (strcmp(columns->name, "record") == 0)
            return false;
    for (size_t i = 0; i < json_array_size(rows); i++)
        if (text_of(json_array_get(rows, i), "record"))
            return true;
    return false;
}

static td_status read_columns(const reader *r, const json_t *list, const json_t *rows,
                              tool_table_kind *kind, td_error *error) {
    tool_column *columns;
    size_t i, count = 0;
    const json_t *entry;
    TD_TRY(TD_ARENA_NEW(&r->tables->arena, TOOL_TABLE_COLUMNS + 2, &columns, "columns", error));
    json_array_foreach(list, i, entry) {
        if (count < TOOL_TABLE_COLUMNS && read_column(entry, &columns[count]))
            count++;
        else
            columns[count] = (tool_column){0};
    }
    if (count < i)
        leave_out(r, "a column is none, or one too many");
    if (count < TOOL_TABLE_COLUMNS && has_records(columns, rows))
        columns[count] = (tool_column){.name = "record", .kind = TOOL_TEXT};
    kind->columns = columns;
    return TD_OK;
}

static bool has_column(const tool_table_kind *kind, const char *name) {
    for (const tool_column *column = kind->columns; name && column->name; column++)
        if (strcmp(column->name, name) == 0)
            return true;
    return false;
}

/* *shown: whether the table has the columns; columns without a value are not described. */
static bool read_chart(const json_t *entry, const tool_table_kind *kind, tool_chart *chart,
                       bool *shown) {
    const int is = place_of(text_of(entry, "kind"), tool_chart_kinds, TOOL_CHART_KINDS);
    const json_t *y = json_object_get(entry, "y");
    *chart = (tool_chart){
        .title = text_of(entry, "title"), .kind = (tool_chart_kind)is, .x = text_of(entry, "x")};
    *shown = has_column(kind, chart->x);
    if (is < 0 || !chart->title || !chart->x)
        return false;
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(y) && count < TOOL_CHART_SERIES; i++)
        if (has_column(kind, json_string_value(json_array_get(y, i))))
            chart->y[count++] = json_string_value(json_array_get(y, i));
    *shown = *shown && (count > 0 || is == TOOL_CHART_HEAT);
    return true;
}

static td_status read_charts(const reader *r, const json_t *list, tool_table_kind *kind,
                             td_error *error) {
    tool_chart *charts;
    size_t i, count = 0;
    bool wrong = false, shown = false;
    const json_t *entry;
    if (json_array_size(list) == 0)
        return TD_OK;
    TD_TRY(TD_ARENA_NEW(&r->tables->arena, MOST_CHARTS + 1, &charts, "charts", error));
    json_array_foreach(list, i, entry) {
        const bool good = count < MOST_CHARTS && read_chart(entry, kind, &charts[count], &shown);
        wrong = wrong || !good;
        if (good && shown)
            count++;
        else
            charts[count] = (tool_chart){0};
    }
    if (wrong)
        leave_out(r, "a chart is none, or one too many");
    kind->charts = charts;
    return TD_OK;
}

static td_status read_axes(const reader *r, const json_t *entry, tool_table_kind *kind,
                           td_error *error) {
    tool_axes *axes;
    if (!entry)
        return TD_OK;
    TD_TRY(TD_ARENA_NEW(&r->tables->arena, 1, &axes, "charts", error));
    *axes = (tool_axes){.x_title = text_of(entry, "x_title"),
                        .y_title = text_of(entry, "y_title"),
                        .by = text_of(entry, "by"),
                        .x_mark = text_of(entry, "x_mark"),
                        .y_mark = text_of(entry, "y_mark"),
                        .mark = text_of(entry, "mark")};
    if (axes->by && !has_column(kind, axes->by)) {
        leave_out(r, "its charts are by a column that it has not");
        axes->by = NULL;
    }
    kind->axes = axes;
    return TD_OK;
}

/* --- cells --- */

/* The field NAME + ending of a row. */
static const json_t *with_ending(const json_t *row, const char *name, const char *ending) {
    char key[200];
    snprintf(key, sizeof key, "%.180s%s", name, ending);
    return json_object_get(row, key);
}

/* A finite number; false for anything else. */
static bool read_real(const json_t *value, double *number) {
    *number = json_is_number(value) ? json_number_value(value) : NAN;
    return isfinite(*number);
}

static bool read_interval(const json_t *row, const char *name, td_interval *interval) {
    const json_t *pair = with_ending(row, name, "_interval");
    return json_array_size(pair) == 2 && read_real(json_array_get(pair, 0), &interval->low) &&
           read_real(json_array_get(pair, 1), &interval->high);
}

static bool read_count(const json_t *value, size_t *count) {
    const json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;
    *count = number < 0 ? 0 : (size_t)number;
    return number >= 0;
}

static bool is_share(double value) {
    return value >= 0 && value <= 1;
}

static bool read_rate(const json_t *row, const char *name, td_rate *rate) {
    const json_t *pair = with_ending(row, name, "_count");
    return read_interval(row, name, &rate->interval) && is_share(rate->value) &&
           is_share(rate->interval.low) && is_share(rate->interval.high) &&
           json_array_size(pair) == 2 && read_count(json_array_get(pair, 0), &rate->hits) &&
           read_count(json_array_get(pair, 1), &rate->trials);
}

/* An array of numbers; null is a number that is not finite. */
static bool read_list(const reader *r, const json_t *value, tool_list *list) {
    double *values;
    size_t i;
    const json_t *number;
    if (!json_is_array(value))
        return false;
    if (TD_ARENA_NEW(&r->tables->arena, json_array_size(value), &values, "a list", NULL) != TD_OK) {
        *r->starved = true;
        return false;
    }
    json_array_foreach(value, i, number) {
        if (!read_real(number, &values[i]) && !json_is_null(number))
            return false;
    }
    *list = (tool_list){values, i};
    return true;
}

/* `value` is neither missing nor null. */
static bool read_cell(const reader *r, const json_t *row, const tool_column *column,
                      const json_t *value, tool_cell *cell) {
    switch (column->kind) {
    case TOOL_TEXT:
        cell->text = json_string_value(value);
        return cell->text != NULL;
    case TOOL_COUNT:
        return read_count(value, &cell->count);
    case TOOL_REAL:
        if (!read_real(value, &cell->real))
            return false;
        cell->real *= column->unit == percent ? 100 : 1;
        return isfinite(cell->real);
    case TOOL_RATE:
        return read_real(value, &cell->rate.value) && read_rate(row, column->name, &cell->rate);
    case TOOL_ESTIMATE:
        return read_real(value, &cell->estimate.value) &&
               read_interval(row, column->name, &cell->estimate.interval);
    case TOOL_FLAG:
        cell->flag = json_is_true(value);
        return json_is_boolean(value);
    case TOOL_LIST:
        return read_list(r, value, &cell->list);
    case TOOL_CLASS:
        cell->class.name = json_string_value(with_ending(row, column->name, "_name"));
        return read_count(value, &cell->class.index);
    }
    return false;
}

/* The number of earlier columns with this name: the index in a list. */
static size_t place_in_list(const tool_column *columns, size_t number) {
    size_t place = 0;
    for (size_t c = 0; c < number; c++)
        place += strcmp(columns[c].name, columns[number].name) == 0;
    return place;
}

/* Returns the number of values that do not match their column's kind. */
static size_t read_row(const reader *r, const tool_table *table, const json_t *row,
                       tool_cell *cells) {
    size_t wrong = 0;
    for (size_t c = 0; c < table->column_count; c++) {
        const tool_column *column = &table->kind->columns[c];
        const json_t *value = json_object_get(row, column->name);
        if (column->list)
            value = json_array_get(value, place_in_list(table->kind->columns, c));
        if (!value || json_is_null(value))
            continue;
        cells[c].given = read_cell(r, row, column, value, &cells[c]);
        wrong += !cells[c].given;
    }
    return wrong;
}

static td_status read_rows(const reader *r, const json_t *rows, tool_table *table,
                           td_error *error) {
    size_t i, wrong = 0;
    const json_t *row;
    tool_cell *cells;
    if (json_is_object(rows)) {
        TD_TRY(tool_table_row(r->tables, table, &cells, error));
        wrong = read_row(r, table, rows, cells);
    }
    json_array_foreach(rows, i, row) {
        if (!json_is_object(row)) {
            wrong++;
            continue;
        }
        TD_TRY(tool_table_row(r->tables, table, &cells, error));
        wrong += read_row(r, table, row, cells);
    }
    if (*r->starved)
        return td_fail_memory(error, "a list of a record");
    if (wrong > 0)
        leave_out(r, "values are left out that are not of their column's kind");
    return TD_OK;
}

/* --- tables --- */

static td_status read_described(const reader *r, const json_t *entry, const json_t *rows,
                                td_error *error) {
    tool_table_kind *kind;
    tool_table *table;
    TD_TRY(TD_ARENA_NEW(&r->tables->arena, 1, &kind, "a table", error));
    *kind = (tool_table_kind){.name = text_of(entry, "rows"),
                              .title = text_of(entry, "title"),
                              .single = json_is_object(rows),
                              .drawn = json_is_true(json_object_get(entry, "drawn"))};
    TD_TRY(read_columns(r, json_object_get(entry, "columns"), rows, kind, error));
    TD_TRY(read_charts(r, json_object_get(entry, "charts"), kind, error));
    TD_TRY(read_axes(r, json_object_get(entry, "axes"), kind, error));
    TD_TRY(tool_table_add(r->tables, kind, &table, error));
    return read_rows(r, rows, table, error);
}

static td_status read_table(const reader *r, const json_t *entry, td_error *error) {
    const char *pointer = text_of(entry, "rows"), *title = text_of(entry, "title");
    const json_t *rows = pointer ? tool_json_at(r->root, pointer) : NULL;
    if (!title || (!json_is_array(rows) && !json_is_object(rows))) {
        leave_out(r, title ? "its rows lead nowhere" : "expected a title, found none");
        return TD_OK;
    }
    return read_described(r, entry, rows, error);
}

td_status tool_tables_read(tool_tables *tables, const json_t *root,
                           void (*note)(void *context, const char *line), void *context,
                           td_error *error) {
    bool starved = false;
    reader r = {
        .tables = tables, .root = root, .note = note, .context = context, .starved = &starved};
    const json_t *list = json_object_get(root, "tables"), *entry;
    json_array_foreach(list, r.number, entry) {
        if (r.number == MOST_TABLES) {
            leave_out(&r, "too many tables: this one and those after it are left out");
            break;
        }
        TD_TRY(read_table(&r, entry, error));
    }
    return TD_OK;
}
