/* SPDX-License-Identifier: MIT */
/* One run of trapdoor-report: the content of a folder, and the page to write. The parts, each of
 * which calls only those after it: main.c (the tool), page.c (the page), results/ (papers'
 * figures), matrix/ (a leaderboard), join.c (joined tables), collect.c (records), walk.c (files
 * below the folder), derive.c (tables for parts of a record without any), picture.c, table_html.c,
 * table_markdown.c, chart.c (charts of tables), report.c (common code), gnuplot.c, html.c (text).
 */
#ifndef TOOLS_REPORT_REPORT_H
#define TOOLS_REPORT_REPORT_H

#include "base/sha256.h"
#include "frame/table.h"
#include <sys/types.h>

/* Limits; anything beyond them is left out, with a message on the page and on stderr. */
enum {
    REPORT_DEPTH = 16,             /* depth of nested folders */
    REPORT_FILES = 20000,          /* records and pictures, by name */
    REPORT_RECORDS = 1000,         /* on the page */
    REPORT_RECORD_BYTES = 8 << 20, /* of one record or log */
    REPORT_ALL_BYTES = 256 << 20,  /* of all records and logs */
    REPORT_PICTURE_BYTES = 4 << 20,
    REPORT_PICTURE_SIDE = 4096, /* pixels */
    REPORT_PICTURES = 100,      /* per record, and of those without a record */
    REPORT_CHARTS = 400,
    REPORT_PAGE_BYTES = 64 << 20, /* beyond it, only names of records follow */
    REPORT_ROWS = 500,            /* of a table */
};

/* A file below the folder. */
typedef struct report_file {
    const char *path; /* as it is opened */
    const char *name; /* below the folder, any bytes */
} report_file;

/* The subject of a record, in page order. */
typedef enum report_stage {
    REPORT_VERDICT,
    REPORT_PLANTED,
    REPORT_FOUND,
    REPORT_REMOVED,
    REPORT_MEASURED,
    REPORT_OTHER,
} report_stage;

enum { REPORT_STAGES = REPORT_OTHER + 1 };

/* A kind of record: one row of the table in report.c. */
typedef struct report_kind {
    const char *title;              /* "Evaluation" */
    const char *tool;               /* the `tool` of such a record, or NULL */
    bool (*is)(const json_t *root); /* checked without a `tool`, or in addition to it; or NULL */
    report_stage stage;
} report_kind;

typedef struct report_record {
    report_file file;
    const report_kind *kind;
    json_t *root;
    json_t *rest;        /* fields without a table, for derived tables */
    tool_tables tables;  /* described by the record */
    tool_tables derived; /* from `rest` */
    td_digest digest;
} report_record;

typedef struct report_picture {
    report_file file;
    const report_record
        *record; /* the record that lists it as an output, or that lies beside it; or NULL */
    bool shown;
} report_picture;

/* A file that is not shown as it should be, and the reason. */
typedef struct report_trouble {
    const char *name, *reason;
} report_trouble;

/* A chart for gnuplot, and its position on the page. */
typedef struct report_chart {
    off_t place;
    const char *label; /* the text alternative */
} report_chart;

struct matrix; /* matrix/matrix.h */

typedef struct report {
    const char *folder, *title;
    bool quiet;         /* prints nothing on stderr */
    report_file *files; /* all below the folder, by name */
    size_t file_count;
    bool full;              /* there are more files than the limit */
    report_record *records; /* [record_all]; the page shows the first ones */
    size_t record_count, record_all;
    report_picture *pictures;
    size_t picture_count, picture_shown;
    report_trouble *troubles; /* at most one per file */
    size_t trouble_count;
    const char **strangers; /* JSON files that are not records of these tools */
    size_t stranger_count;
    json_t *makers; /* maps names and digests of outputs to the index of the first record with such
                       an output */
    FILE *out;      /* the page, without its charts */
    FILE *script;   /* for gnuplot */
    report_chart charts[REPORT_CHARTS];
    size_t chart_count;
    FILE *drawings; /* gnuplot's; NULL without charts */
    bool gnuplot_missing;
    td_status failed; /* first failure that was not about a file's content (memory, system): the
                         page is not written */
    td_error failure;
    td_arena arena;
} report;

/* Prints on stderr, and keeps for the page, that the file is not shown as it should be; once per
 * file. */
void report_trouble_add(report *r, const char *name, const char *reason);

/* The failure kept by report_trouble_failed. */
td_status report_check(const report *r, td_error *error) TD_MUST_USE;

/* Whether a failure is not about a file's content but memory, the system or an interruption. The
 * report fails then. */
bool report_is_fatal(td_status status);

/* Like report_trouble_add for the failure of a part, unless that is fatal. */
void report_trouble_failed(report *r, const char *name, td_status status, const td_error *error);

/* The kind of a record, or NULL if it is not a record. Kinds are in page order. */
const report_kind *report_kind_of(const json_t *root);

/* Adds the outputs of record `number` to r->makers. */
td_status report_add_outputs(report *r, size_t number, td_error *error) TD_MUST_USE;

/* The first record that has an output with this digest (or name), or NULL. */
const report_record *report_maker(const report *r, const char *digest);

/* Whether `other` is the file that the record (may be NULL) calls `name`, as a path relative to its
 * own folder. */
bool report_is_below(const report_record *record, const char *name, const char *other);

/* The record with this name, relative to the folder or to that of `from` (may be NULL); or NULL. */
const report_record *report_find(const report *r, const report_record *from, const char *name);

/* Writes the text, as a link to the record if there is one. */
void report_link(const report *r, const report_record *record, const char *text);

/* An in-memory file for writing and reading. */
td_status report_memory(FILE **out, td_error *error) TD_MUST_USE;

/* Accepts a zeroed report; closes r->out and r->script, and removes gnuplot's files. */
void report_free(report *r);

/* All files below the folder with the extension of a record, log or picture, ordered by name; skips
 * hidden files and symbolic links. TD_ERR_IO if the folder itself cannot be read; a failure below
 * it is a trouble. */
td_status report_walk(report *r, td_error *error) TD_MUST_USE;

/* Walks the folder, reads its records and finds their pictures. TD_ERR_FORMAT if there is no record
 * at all. */
td_status report_collect(report *r, td_error *error) TD_MUST_USE;

/* A log of trapdoor-train, one JSON object with `epoch` per line, as {"epochs": [...]}. The caller
 * owns *out. */
td_status report_log_parse(const char *text, size_t size, json_t **out,
                           td_error *error) TD_MUST_USE;

/* Writes the page to r->out, with gaps for its charts, and draws them. `results` (may be NULL) are
 * papers' figures beside ours (results/results.h); omitted if there is a leaderboard
 * (matrix/matrix.h; else NULL). TD_ERR_INTERRUPTED. */
td_status report_page(report *r, const json_t *results, const struct matrix *board,
                      td_error *error) TD_MUST_USE;

/* Writes a section for each table with rates that several records of one kind have, by title: one
 * table with the rows of all. Nothing if there is none. */
td_status report_join(report *r, td_error *error) TD_MUST_USE;

/* Writes an <img> for the PNG file, as a data: URI, enlarging small ones, with the text alternative
 * `label`, and counts it. A file that is not a PNG, or exceeds the limits above, is a trouble
 * instead; the result is then false. */
bool report_picture_write(report *r, const report_file *file, const char *label);

/* Writes figures of the record's pictures that are not shown yet (NULL: pictures without a record),
 * at most REPORT_PICTURES and as many charts, which are collapsed. "mask-3.png" and "pattern-3.png"
 * are one figure. */
void report_gallery(report *r, const report_record *record);

/* Writes figures of other records' pictures that the record's `pictures` lists. */
void report_named_pictures(report *r, const report_record *record);

/* Writes a sortable table in a scrolling box; a single row becomes a list of values. `record` (may
 * be NULL) owns the table: cells of a column "record" name records beside it, and link to them. */
void report_table(report *r, const report_record *record, const tool_table *table);

/* The same in Markdown. */
void report_table_markdown(FILE *out, const tool_table *table);

/* Text escaped for Markdown. */
void report_text_markdown(FILE *out, const char *text);

/* An object with `tables`, as in a record, for the fields that no table of the record describes:
 * single values, arrays of objects, square arrays of numbers. The caller owns it; NULL when out of
 * memory. */
json_t *report_derive(const json_t *root);

/* The same for all values of an object, in one row; values that are neither numbers nor text are
 * spelled out. */
json_t *report_derive_values(const json_t *object);

#endif
