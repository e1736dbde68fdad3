/* SPDX-License-Identifier: MIT */
/* Results as tables: a method fills typed rows once, and one writer each turns them into text for a
 * terminal (table_text.c) and into the record (table_json.c), from which others read them back
 * (table_read.c), such as trapdoor-report, which makes HTML and Markdown of them. */
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

/* The kinds of values, with the type of the field in a row's struct, and which stands for no value.
 */
typedef enum tool_cell_kind {
    TOOL_TEXT,  /* const char *, NULL for none */
    TOOL_COUNT, /* size_t, TOOL_NO_COUNT for none */
    TOOL_REAL,  /* double, NaN for none; an infinite one is null in the record */
    TOOL_RATE,  /* td_rate, none without trials: a share with its 95 % Wilson interval, printed in
                   percent; in the record NAME, NAME_interval [low, high] and NAME_count [hits,
                   trials] */
    TOOL_ESTIMATE, /* tool_estimate, none where the value is NaN: a number with its 95 % interval,
                      which is not printed where it is NaN; in the record NAME and NAME_interval */
    TOOL_FLAG,     /* bool; or signed char, where -1 stands for none: yes or no */
    TOOL_LIST,     /* tool_list, NULL for none: numbers, whole ones in a column without digits, or
                      texts: "3, 7", an array in the record (where null stands for a number that is
                      not finite) */
    TOOL_CLASS,    /* size_t, TOOL_NO_COUNT for none: a class, `2 "stop"`; in the record NAME, its
                      index, and, where the tables know it, NAME_name */
} tool_cell_kind;

#define TOOL_NO_COUNT SIZE_MAX

typedef struct tool_estimate {
    double value;
    td_interval interval;
} tool_estimate;

typedef struct tool_list {
    const double *values;
    size_t count;
    size_t row; /* numbers in a row of a matrix, which is an array of arrays in the record; 0: it
                   is none */
    const char *const *texts; /* in place of values; NULL: numbers */
} tool_list;

/* Counts as a list, in `arena`; `row` is the list's. */
td_status tool_list_counts(tool_list *out, const size_t *counts, size_t count, size_t row,
                           td_arena *arena, td_error *error) TD_MUST_USE;

enum { TOOL_CELL_KINDS = TOOL_CLASS + 1 };

typedef struct tool_column {
    const char *name;  /* in the record, "asr"; NULL ends the columns */
    const char *title; /* for people: "ASR"; NULL: in the record alone */
    tool_cell_kind kind;
    size_t offset;    /* of its field in the struct that a row is made of */
    const char *unit; /* "pixels"; NULL: none, or percent of a rate */
    int digits;       /* behind the point of a real number or an estimate; 0: as many as it needs */
    bool null;        /* a cell without a value is null in the record; else it is left out */
    bool list;        /* columns of this name, one behind the other, are one array in the record */
    const char *flag; /* of TOOL_FLAG: the word for yes, "FLAGGED"; NULL: "yes" and "no" */
    bool right;       /* a text that stands at the right, as numbers do */
} tool_column;

typedef enum tool_chart_kind {
    TOOL_CHART_LINES,     /* y over x, with intervals where the column has them */
    TOOL_CHART_BARS,      /* a bar a row */
    TOOL_CHART_HISTOGRAM, /* counts by bins: x and the next column are a bin's ends */
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

/* What the charts of a table have beyond that. */
typedef struct tool_axes {
    const char *x_title, *y_title; /* NULL: the columns' */
    const char *by;              /* a column of texts, or a flag: the rows of each text are a series
                                    of their own, of the one y; NULL: none */
    const char *x_mark, *y_mark; /* a number of the record, as a JSON pointer, "/threshold", that a
                                    line across the chart marks, or the column of a heat map that is
                                    marked; NULL: none */
    const char *mark;            /* what it is: "threshold" */
} tool_axes;

/* What a table is; const, or in the run's arena. */
typedef struct tool_table_kind {
    const char *name;  /* the field of the record with its rows, an array of objects */
    const char *title; /* for people; NULL: in the record alone */
    const tool_column *columns;
    size_t row;               /* bytes of the struct that a row is made of */
    bool single;              /* one row: an object, or, without a name, fields of the record */
    const tool_chart *charts; /* NULL: none */
    const tool_axes *axes;    /* of the charts; NULL: nothing beyond their columns */
    bool drawn;               /* shown as its charts alone, on a page */
} tool_table_kind;

typedef struct tool_cell {
    bool given;
    union {
        const char *text; /* the table's, or static */
        size_t count;
        double real;
        td_rate rate;
        tool_estimate estimate;
        bool flag;
        tool_list list; /* the table's */
        struct {
            size_t index;
            const char *name; /* the table's; NULL: it has none, or none but the index */
        } class;
    };
} tool_cell;

typedef struct tool_table {
    const tool_table_kind *kind;
    size_t column_count, row_count;
    tool_cell *cells; /* [row_count, column_count] */
    const char *path; /* the object of the record whose field the rows become, as a JSON pointer,
                         "/models/0", of objects that are made unless they are there; NULL: the
                         record itself */
    struct tool_table *next;
} tool_table;

/* The tables of a run, in the order in which they are shown. Zeroed: none. */
typedef struct tool_tables {
    tool_table *first, *last;
    const td_classes *classes; /* whose names TOOL_CLASS says; NULL: none. Those of the moment when
                                  a row is added */
    td_arena arena;
} tool_tables;

/* Adds a table without rows. `kind` must outlive the tables. */
td_status tool_table_add(tool_tables *tables, const tool_table_kind *kind, tool_table **out,
                         td_error *error) TD_MUST_USE;

/* Adds a row: *row is its cells, none given, in the order of the columns. Valid until the next. For
 * those who make rows of rows; others have structs. */
td_status tool_table_row(tool_tables *tables, tool_table *table, tool_cell **row,
                         td_error *error) TD_MUST_USE;

/* Adds a row made of a struct of kind->row bytes, by the columns' offsets. What it points to is
 * copied. */
td_status tool_table_fill(tool_tables *tables, tool_table *table, const void *source,
                          td_error *error) TD_MUST_USE;

void tool_tables_free(tool_tables *tables);

/* A table with rows made of `count` such structs. */
td_status tool_table_rows(tool_tables *tables, const tool_table_kind *kind, const void *rows,
                          size_t count, tool_table **out, td_error *error) TD_MUST_USE;

/* Whether no row has a value there; such a column is not shown. */
bool tool_table_lacks(const tool_table *table, size_t column);

/* A cell in words, without its unit: "98.20 [97.52, 98.70]" for a rate; "" without a value. Returns
 * `out`. */
const char *tool_cell_print(const tool_column *column, const tool_cell *cell, char *out,
                            size_t size);

/* Its parts: "98.20", and "[97.52, 98.70]", which is "" where the column's kind has no interval. */
const char *tool_cell_print_value(const tool_column *column, const tool_cell *cell, char *out,
                                  size_t size);
const char *tool_cell_print_interval(const tool_column *column, const tool_cell *cell, char *out,
                                     size_t size);

/* A cell as a number: a rate is in [0, 1]; NaN for none, and for texts, flags and lists. */
double tool_cell_number(const tool_column *column, const tool_cell *cell);

/* "size, pixels"; a rate is in percent unless the column says otherwise. Returns `out`. */
const char *tool_column_print(const tool_column *column, char *out, size_t size);

/* Whether cells stand at the right, as numbers do. */
bool tool_column_is_right(const tool_column *column);

/* Prints the tables that have a title, but for those that are only drawn. Columns are as wide as
 * what is in them. */
void tool_tables_print(const tool_tables *tables, FILE *stream);

/* Adds the rows of all tables to the record `root`, and `tables`: of each table with a title
 * {"rows": a JSON pointer, "title", "drawn", "columns" [{"name", "title", "kind", "unit", "digits",
 * "list", "right", "flag"}], "charts" [{"title", "kind", "x", "y"}], "axes" with the fields of a
 * tool_axes}, so that a reader can show them without knowing the method. */
void tool_tables_json(const tool_tables *tables, td_json *json, json_t *root);

/* Adds the tables that the record `root` describes; the name of each is the pointer to its rows.
 * Their texts are the record's, which must outlive them. Where rows have a field "record", the name
 * of the record that says more, there is a column of it, without a title unless it is described.
 * The record may be anybody's: what is no table, column, chart or value of its kind is left out,
 * and `note` (may be NULL) gets a line about it, "tables[2]: ...". TD_ERR_MEMORY. */
td_status tool_tables_read(tool_tables *tables, const json_t *root,
                           void (*note)(void *context, const char *line), void *context,
                           td_error *error) TD_MUST_USE;

/* What a JSON pointer (RFC 6901) leads to: root itself for "", NULL for nowhere. */
const json_t *tool_json_at(const json_t *root, const char *pointer);

#endif
