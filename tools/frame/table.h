/* Results as tables: a method fills typed rows once, and one writer each turns them into text for a
 * terminal (table_text.c) and into the record (table_json.c), from which trapdoor-report makes HTML
 * and Markdown. */
#ifndef TOOLS_FRAME_TABLE_H
#define TOOLS_FRAME_TABLE_H

#include "base/arena.h"
#include "base/error.h"
#include "measure/rates.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum {
    TOOL_TABLE_COLUMNS = 48, /* at most */
    TOOL_CHART_SERIES = 8,   /* columns of one chart */
};

typedef enum tool_cell_kind {
    TOOL_TEXT,
    TOOL_COUNT,
    TOOL_REAL,     /* not finite: null in the record */
    TOOL_RATE,     /* a share with its 95 % Wilson interval, printed in percent; in the record NAME,
                      NAME_interval [low, high] and NAME_count [hits, trials] */
    TOOL_ESTIMATE, /* a number with its 95 % interval: NAME and NAME_interval */
    TOOL_FLAG,     /* yes or no */
    TOOL_LIST,     /* numbers, whole ones in a column without digits: "3, 7", an array in the record
                      (where null stands for one that is not finite) */
} tool_cell_kind;

typedef struct tool_column {
    const char *name;  /* in the record, "asr"; NULL ends the columns */
    const char *title; /* for people: "ASR"; NULL: in the record alone */
    tool_cell_kind kind;
    const char *unit; /* "pixels"; NULL: none, or percent of a rate */
    int digits;       /* behind the point of a real number or an estimate; 0: as many as it needs */
    bool null;        /* a cell without a value is null in the record; else it is left out */
    bool list;        /* columns of this name, one behind the other, are one array in the record */
    const char *flag; /* of TOOL_FLAG: the word for yes, "FLAGGED"; NULL: "yes" and "no" */
} tool_column;

typedef enum tool_chart_kind {
    TOOL_CHART_LINES,     /* y over x, with intervals where the column has them */
    TOOL_CHART_BARS,      /* a bar a row */
    TOOL_CHART_HISTOGRAM, /* counts by bins: x and the next column are a bin's ends */
    TOOL_CHART_HEAT,      /* all columns of the table after x, as a map */
} tool_chart_kind;

/* How a page draws a table. Columns are named as in the record. */
typedef struct tool_chart {
    const char *title; /* NULL ends a list of charts */
    tool_chart_kind kind;
    const char *x;
    const char *y[TOOL_CHART_SERIES];
} tool_chart;

/* What a table is; const, or in the run's arena. */
typedef struct tool_table_kind {
    const char *name;  /* the field of the record with its rows, an array of objects */
    const char *title; /* for people; NULL: in the record alone */
    const tool_column *columns;
    bool single;              /* one row: an object, or, without a name, fields of the record */
    const tool_chart *charts; /* NULL: none */
    bool drawn;               /* shown as its charts alone, on a page */
} tool_table_kind;

typedef struct tool_cell {
    bool given;
    union {
        const char *text; /* the table's, or static */
        size_t count;
        double real;
        td_rate rate;
        struct {
            double value;
            td_interval interval;
        } estimate;
        bool flag;
        struct {
            const double *values; /* as long-lived as the table */
            size_t count;
        } list;
    };
} tool_cell;

typedef struct tool_table {
    const tool_table_kind *kind;
    size_t column_count, row_count;
    tool_cell *cells; /* [row_count, column_count] */
    json_t *into;     /* the object whose field the rows become; borrowed; NULL: the record */
    const char *path; /* of `into` in the record, as a JSON pointer: "/models/0"; NULL: its root */
    struct tool_table *next;
} tool_table;

/* The tables of a run, in the order in which they are shown. Zeroed: none. */
typedef struct tool_tables {
    tool_table *first, *last;
    td_arena arena;
} tool_tables;

/* Adds a table without rows. `kind` must outlive the tables. */
td_status tool_table_add(tool_tables *tables, const tool_table_kind *kind, tool_table **out,
                         td_error *error) TD_MUST_USE;

/* Adds a row: *row is its cells, none given, in the order of the columns. Valid until the next. */
td_status tool_table_row(tool_tables *tables, tool_table *table, tool_cell **row,
                         td_error *error) TD_MUST_USE;

void tool_tables_free(tool_tables *tables);

/* Whether no row has a value there; such a column is not shown. */
bool tool_table_lacks(const tool_table *table, size_t column);

/* Filling a cell. A text is copied, a word is static; NULL leaves the cell without a value. */
td_status tool_cell_text(tool_tables *tables, tool_cell *cell, const char *text,
                         td_error *error) TD_MUST_USE;
static inline void tool_cell_word(tool_cell *cell, const char *word) {
    *cell = (tool_cell){.given = word != NULL, .text = word};
}
static inline void tool_cell_count(tool_cell *cell, size_t count) {
    *cell = (tool_cell){.given = true, .count = count};
}
static inline void tool_cell_real(tool_cell *cell, double real) {
    *cell = (tool_cell){.given = true, .real = real};
}
static inline void tool_cell_rate(tool_cell *cell, td_rate rate) {
    *cell = (tool_cell){.given = true, .rate = rate};
}
static inline void tool_cell_estimate(tool_cell *cell, double value, td_interval interval) {
    *cell = (tool_cell){.given = true, .estimate = {value, interval}};
}
static inline void tool_cell_flag(tool_cell *cell, bool flag) {
    *cell = (tool_cell){.given = true, .flag = flag};
}
static inline void tool_cell_list(tool_cell *cell, const double *values, size_t count) {
    *cell = (tool_cell){.given = true, .list = {values, count}};
}

/* A cell in words, without its unit: "98.20 [97.52, 98.70]" for a rate; "" without a value. Returns
 * `out`. */
const char *tool_cell_print(const tool_column *column, const tool_cell *cell, char *out,
                            size_t size);

/* Prints the tables that have a title, but for those that are only drawn. Columns are as wide as
 * what is in them. */
void tool_tables_print(const tool_tables *tables, FILE *stream);

/* Adds the rows of all tables to the record `root`, and `tables`: of each table with a title
 * {"rows": a JSON pointer, "title", "columns" [{"name", "title", "kind", "unit", "digits",
 * "list"}], "charts" [{"title", "kind", "x", "y"}]}, so that a reader can show them without knowing
 * the method. TD_ERR_MEMORY. */
td_status tool_tables_json(const tool_tables *tables, json_t *root, td_error *error) TD_MUST_USE;

#endif
