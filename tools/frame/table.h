/* SPDX-License-Identifier: MIT */
/* Results as tables: a method fills typed rows once; one writer formats them for a terminal
 * (table_text.c), another for the record (table_json.c). table_read.c reads them back from a
 * record, for example for trapdoor-report, which renders them as HTML and Markdown. */
#ifndef TOOLS_FRAME_TABLE_H
#define TOOLS_FRAME_TABLE_H

#include "base/arena.h"
#include "base/error.h"
#include "base/json_build.h"
#include "data/classes.h"
#include "measure/rates.h"
#include <stdbool.h>
#include <stdio.h>

enum {
    TOOL_TABLE_COLUMNS = 128, /* at most */
    TOOL_CHART_SERIES = 8,    /* columns of one chart */
};

/* The kinds of values, with the type of the field in a row's struct and the value for "none". */
typedef enum tool_cell_kind {
    TOOL_TEXT,  /* const char *, NULL for none */
    TOOL_COUNT, /* size_t, TOOL_NO_COUNT for none */
    TOOL_REAL,  /* double, NaN for none; an infinite one is null in the record */
    TOOL_RATE,  /* td_rate, none without trials: a share with its 95 % Wilson interval, printed in
                   percent; in the record NAME, NAME_interval [low, high] and NAME_count [hits,
                   trials] */
    TOOL_ESTIMATE, /* tool_estimate, none if the value is NaN: a number with its 95 % interval, not
                      printed if NaN; in the record NAME and NAME_interval */
    TOOL_FLAG,     /* bool; or signed char with -1 for none: yes or no */
    TOOL_LIST,  /* tool_list, NULL for none: numbers (integers in a column without digits) or texts:
                   "3, 7", an array in the record (null for a number that is not finite) */
    TOOL_CLASS, /* size_t, TOOL_NO_COUNT for none: a class, `2 "stop"`; in the record NAME, its
                   index, and, if the tables know it, NAME_name */
} tool_cell_kind;

#define TOOL_NO_COUNT SIZE_MAX

typedef struct tool_estimate {
    double value;
    td_interval interval;
} tool_estimate;

typedef struct tool_list {
    const double *values;
    size_t count;
    size_t row; /* numbers per row of a matrix, which is an array of arrays in the record; 0: not a
                   matrix */
    const char *const *texts; /* instead of values; NULL: numbers */
} tool_list;

/* Counts as a list, in `arena`; `row` is the list's. */
td_status tool_list_counts(tool_list *out, const size_t *counts, size_t count, size_t row,
                           td_arena *arena, td_error *error) TD_MUST_USE;

enum { TOOL_CELL_KINDS = TOOL_CLASS + 1 };

typedef struct tool_column {
    const char *name;  /* in the record, "asr"; NULL ends the columns */
    const char *title; /* for people: "ASR"; NULL: only in the record */
    tool_cell_kind kind;
    size_t offset;    /* of its field in the row's struct */
    const char *unit; /* "pixels"; NULL: none, or percent of a rate */
    int digits; /* after the decimal point of a real number or an estimate; 0: as many as needed */
    bool null;  /* a cell without a value is null in the record; otherwise it is omitted */
    bool list;  /* consecutive columns of this name are one array in the record */
    const char *flag; /* for TOOL_FLAG: the word for yes, "FLAGGED"; NULL: "yes" and "no" */
    bool right;       /* a text that is right-aligned, like numbers */
} tool_column;

typedef enum tool_chart_kind {
    TOOL_CHART_LINES,     /* y over x, with intervals if the column has them */
    TOOL_CHART_BARS,      /* a bar per row */
    TOOL_CHART_HISTOGRAM, /* counts by bins: x and the next column are the bin's ends */
    TOOL_CHART_HEAT,      /* all columns of the table after x, as a map */
} tool_chart_kind;

enum { TOOL_CHART_KINDS = TOOL_CHART_HEAT + 1 };

/* Their names in a record. */
extern const char *const tool_cell_kinds[TOOL_CELL_KINDS],
    *const tool_chart_kinds[TOOL_CHART_KINDS];

/* How a page draws a table. Columns are named as in the record. */
typedef struct tool_chart {
    const char *title; /* NULL ends a list of charts */
    tool_chart_kind kind;
    const char *x;
    const char *y[TOOL_CHART_SERIES];
} tool_chart;

/* Further properties of a table's charts. */
typedef struct tool_axes {
    const char *x_title, *y_title; /* NULL: the columns' */
    const char *by; /* a column of texts, or a flag: the rows of each text form their own series of
                       the only y; NULL: none */
    const char *x_mark,
        *y_mark; /* a JSON pointer, "/threshold", to a number of the record that a line across the
                    chart marks, or to the column of a heat map to mark; NULL: none */
    const char *mark; /* the label of the mark: "threshold" */
} tool_axes;

/* The definition of a table; const, or in the run's arena. */
typedef struct tool_table_kind {
    const char *name;  /* the record's field with its rows, an array of objects */
    const char *title; /* for people; NULL: only in the record */
    const tool_column *columns;
    size_t row;               /* bytes of the row's struct */
    bool single;              /* one row: an object or, without a name, fields of the record */
    const tool_chart *charts; /* NULL: none */
    const tool_axes *axes;    /* of the charts; NULL: none */
    bool drawn;               /* a page shows only its charts */
} tool_table_kind;

typedef struct tool_cell {
    bool given;
    union {
        const char *text; /* owned by the table, or static */
        size_t count;
        double real;
        td_rate rate;
        tool_estimate estimate;
        bool flag;
        tool_list list; /* owned by the table */
        struct {
            size_t index;
            const char *name; /* owned by the table; NULL: it has none, or only the index */
        } class;
    };
} tool_cell;

typedef struct tool_table {
    const tool_table_kind *kind;
    size_t column_count, row_count;
    tool_cell *cells; /* [row_count, column_count] */
    const char *path; /* JSON pointer to the object of the record that gets the rows, "/models/0";
                         missing objects are created; NULL: the record itself */
    struct tool_table *next;
} tool_table;

/* The tables of a run, in display order. Zeroed: none. */
typedef struct tool_tables {
    tool_table *first, *last;
    const td_classes
        *classes; /* the names for TOOL_CLASS; NULL: none. Those set when a row is added */
    td_arena arena;
} tool_tables;

/* Adds a table without rows. `kind` must outlive the tables. */
td_status tool_table_add(tool_tables *tables, const tool_table_kind *kind, tool_table **out,
                         td_error *error) TD_MUST_USE;

/* Adds a row: *row is its cells, none set, in column order. Valid until the next. For callers that
 * convert rows; others have structs. */
td_status tool_table_row(tool_tables *tables, tool_table *table, tool_cell **row,
                         td_error *error) TD_MUST_USE;

/* Adds a row from a struct of kind->row bytes, by the columns' offsets. Copies the data that it
 * points to. */
td_status tool_table_fill(tool_tables *tables, tool_table *table, const void *source,
                          td_error *error) TD_MUST_USE;

void tool_tables_free(tool_tables *tables);

/* A table with rows from `count` such structs. */
td_status tool_table_rows(tool_tables *tables, const tool_table_kind *kind, const void *rows,
                          size_t count, tool_table **out, td_error *error) TD_MUST_USE;

/* Whether no row has a value in the column; such a column is not shown. */
bool tool_table_lacks(const tool_table *table, size_t column);

/* A cell as text, without its unit: "98.20 [97.52, 98.70]" for a rate; "" without a value. Returns
 * `out`. */
const char *tool_cell_print(const tool_column *column, const tool_cell *cell, char *out,
                            size_t size);

/* Its parts: "98.20", and "[97.52, 98.70]", which is "" if the column's kind has no interval. */
const char *tool_cell_print_value(const tool_column *column, const tool_cell *cell, char *out,
                                  size_t size);
const char *tool_cell_print_interval(const tool_column *column, const tool_cell *cell, char *out,
                                     size_t size);

/* A cell as a number: a rate is in [0, 1]; NaN for none, and for texts, flags and lists. */
double tool_cell_number(const tool_column *column, const tool_cell *cell);

/* The heading: "size, pixels"; a rate is in percent unless the column says otherwise. Returns
 * `out`. */
const char *tool_column_print(const tool_column *column, char *out, size_t size);

/* Whether cells are right-aligned, like numbers. */
bool tool_column_is_right(const tool_column *column);

/* Prints the tables that have a title, except those that are only drawn. Columns are as wide as
 * their contents. */
void tool_tables_print(const tool_tables *tables, FILE *stream);

/* Adds the rows of all tables to the record `root`, and `tables`: of each table with a title
 * {"rows": a JSON pointer, "title", "drawn", "columns" [{"name", "title", "kind", "unit", "digits",
 * "list", "right", "flag"}], "charts" [{"title", "kind", "x", "y"}], "axes" with the fields of a
 * tool_axes}, so that a reader can show them without knowing the method. */
void tool_tables_json(const tool_tables *tables, td_json *json, json_t *root);

/* Adds the tables that the record `root` describes; the name of each is the pointer to its rows.
 * Their texts belong to the record, which must outlive them. If rows have a field "record", the
 * name of a more detailed record, it becomes a column, without a title unless described. The record
 * is untrusted: an invalid table, column, chart or value is left out, and `note` (may be NULL) gets
 * a line about it, "tables[2]: ...". TD_ERR_MEMORY. */
td_status tool_tables_read(tool_tables *tables, const json_t *root,
                           void (*note)(void *context, const char *line), void *context,
                           td_error *error) TD_MUST_USE;

/* The value at a JSON pointer (RFC 6901): root itself for "", NULL if there is none. */
const json_t *tool_json_at(const json_t *root, const char *pointer);

#endif
