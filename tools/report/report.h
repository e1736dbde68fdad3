/* SPDX-License-Identifier: MIT */
/* One run of trapdoor-report: what it found in a folder, and the page that it writes. The parts, of
 * which each calls only those after it: main.c (the tool), page.c (the page), results/ (papers'
 * figures), matrix/ (a leaderboard), join.c (tables beside each other), collect.c (which files are
 * records), walk.c (files below the folder), derive.c (tables of what a record describes none of),
 * picture.c, table_html.c, table_markdown.c, chart.c (charts of tables), report.c (what all of them
 * use), gnuplot.c, html.c (text). */
#ifndef TOOLS_REPORT_REPORT_H
#define TOOLS_REPORT_REPORT_H

#include "base/sha256.h"
#include "frame/table.h"
#include <sys/types.h>

/* Limits; what is beyond them is left out, and said so on the page and on stderr. */
enum {
    REPORT_DEPTH = 16,             /* folders below each other */
    REPORT_FILES = 20000,          /* records and pictures by name */
    REPORT_RECORDS = 1000,         /* on the page */
    REPORT_RECORD_BYTES = 8 << 20, /* of one record or log */
    REPORT_ALL_BYTES = 256 << 20,  /* of all records and logs */
    REPORT_PICTURE_BYTES = 4 << 20,
    REPORT_PICTURE_SIDE = 4096, /* pixels */
    REPORT_PICTURES = 100,      /* of a record, and of those that belong to none */
    REPORT_CHARTS = 400,
    REPORT_PAGE_BYTES = 64 << 20, /* beyond it, only the names of records follow */
    REPORT_ROWS = 500,            /* of a table */
};

enum { REPORT_TEMPORARY = 1024 }; /* bytes of the path of a temporary folder */

/* A file below the folder. */
typedef struct report_file {
    const char *path; /* as it is opened */
    const char *name; /* below the folder, any bytes */
} report_file;

/* What a record is about, in the order in which the page begins. */
typedef enum report_stage {
    REPORT_VERDICT,
    REPORT_PLANTED,
    REPORT_FOUND,
    REPORT_REMOVED,
    REPORT_MEASURED,
    REPORT_OTHER,
} report_stage;

enum { REPORT_STAGES = REPORT_OTHER + 1 };

/* What a record is: one row of the table in report.c. */
typedef struct report_kind {
    const char *title;              /* "Evaluation" */
    const char *tool;               /* the `tool` of such a record, or NULL */
    bool (*is)(const json_t *root); /* asked where there is no `tool`, or beside it; or NULL */
    report_stage stage;
} report_kind;

typedef struct report_record {
    report_file file;
    const report_kind *kind;
    json_t *root;
    json_t *rest;        /* tables derived of what it describes no table of */
    tool_tables tables;  /* its own */
    tool_tables derived; /* of `rest` */
    td_digest digest;
} report_record;

typedef struct report_picture {
    report_file file;
    const report_record *record; /* whose output it is, or that it lies beside; or NULL */
    bool shown;
} report_picture;

/* A file that is not on the page as it should be, and why. */
typedef struct report_trouble {
    const char *name, *reason;
} report_trouble;

/* A chart that gnuplot is to draw, and where it stands on the page. */
typedef struct report_chart {
    off_t place;
    const char *label; /* the text alternative */
} report_chart;

struct matrix; /* matrix/matrix.h */

typedef struct report {
    const char *folder, *title;
    bool quiet;         /* nothing is said on stderr */
    report_file *files; /* all below the folder, by name */
    size_t file_count;
    bool full;              /* there are more files */
    report_record *records; /* [record_all], of which the page shows the first */
    size_t record_count, record_all;
    report_picture *pictures;
    size_t picture_count, picture_shown;
    report_trouble *troubles; /* as many as there are files, at most */
    size_t trouble_count;
    const char **strangers; /* JSON files that are no records of these tools */
    size_t stranger_count;
    json_t *makers; /* by the names and the digests of outputs, the place of the first record that
                       has such a one */
    FILE *out;      /* the page, without its charts */
    FILE *script;   /* for gnuplot */
    report_chart charts[REPORT_CHARTS];
    size_t chart_count;
    char chart_folder[REPORT_TEMPORARY]; /* where gnuplot draws; "" without charts */
    bool gnuplot_missing;
    td_status failed; /* of a part that memory was short for or the system refused: the page is not
                         written */
    td_error failure;
    td_arena arena;
} report;

/* Says on stderr, and keeps for the page, that the file is not shown as it should be; once. */
void report_trouble_add(report *r, const char *name, const char *reason);

/* The failure that report_trouble_failed kept. */
td_status report_check(const report *r, td_error *error) TD_MUST_USE;

/* Whether what a part failed with is no matter of a file's content: memory was short or the system
 * refused. The report fails then. */
bool report_is_fatal(td_status status);

/* As report_trouble_add for what a part failed with, unless that is fatal. */
void report_trouble_failed(report *r, const char *name, td_status status, const td_error *error);

/* The kind of a record, or NULL if this is none. The order of kinds is that of the page. */
const report_kind *report_kind_of(const json_t *root);

/* Adds the outputs of record `number` to r->makers. */
td_status report_add_outputs(report *r, size_t number, td_error *error) TD_MUST_USE;

/* The first record that has an output of this digest (or name), or NULL. */
const report_record *report_maker(const report *r, const char *digest);

/* Whether `other` is what the record (may be NULL) calls `name`, as a path from its own folder. */
bool report_is_below(const report_record *record, const char *name, const char *other);

/* The record of this name, or else of this name in the folder of `from` (may be NULL); or NULL. */
const report_record *report_find(const report *r, const report_record *from, const char *name);

/* Writes the text, as a link to the record where there is one. */
void report_link(const report *r, const report_record *record, const char *text);

/* A file in memory to write to and read. */
td_status report_memory(FILE **out, td_error *error) TD_MUST_USE;

/* Takes a zeroed report as well; closes r->out and r->script, removes what gnuplot drew. */
void report_free(report *r);

/* All files below the folder whose names end as a record's, a log's or a picture's do, ordered by
 * name; hidden ones and symbolic links are passed over. TD_ERR_IO if the folder itself cannot be
 * read; one below it that cannot be is a trouble. */
td_status report_walk(report *r, td_error *error) TD_MUST_USE;

/* Walks the folder, reads its records and finds their pictures. TD_ERR_FORMAT if there is no record
 * at all. */
td_status report_collect(report *r, td_error *error) TD_MUST_USE;

/* A log of trapdoor-train, one JSON object with `epoch` a line, as {"epochs": [...]}. The caller
 * owns *out. */
td_status report_log_parse(const char *text, size_t size, json_t **out,
                           td_error *error) TD_MUST_USE;

/* Writes the page to r->out, with gaps for its charts, and draws them. `results` (may be NULL) are
 * papers' figures beside ours (results/results.h), unless there is a leaderboard
 * (matrix/matrix.h; else NULL). TD_ERR_INTERRUPTED. */
td_status report_page(report *r, const json_t *results, const struct matrix *board,
                      td_error *error) TD_MUST_USE;

/* Writes a section with each table that several records of one kind have, by its title, and that
 * has rates: one table with the rows of all of them. Nothing if there is none. */
td_status report_join(report *r, td_error *error) TD_MUST_USE;

/* Writes an <img> for the PNG file, as a data: URI, small ones enlarged, with the text alternative
 * `label`, and counts it. A file that is no PNG, or larger than the limits above, is a trouble
 * instead; the result is false then. */
bool report_picture_write(report *r, const report_file *file, const char *label);

/* Writes figures of the record's pictures that are not shown yet (NULL: of those that belong to
 * none), at most REPORT_PICTURES and as many charts, which are folded. "mask-3.png" and
 * "pattern-3.png" are one figure. */
void report_gallery(report *r, const report_record *record);

/* Writes figures of other records' pictures that the record's `pictures` name. */
void report_named_pictures(report *r, const report_record *record);

/* Writes a table that can be sorted, within a box that scrolls; one of a single row as a list of
 * values. `record` (may be NULL) is whose it is: cells of a column "record" name others beside it,
 * and link to them. */
void report_table(report *r, const report_record *record, const tool_table *table);

/* The same in Markdown. */
void report_table_markdown(FILE *out, const tool_table *table);

/* A text that is no markup, in Markdown. */
void report_text_markdown(FILE *out, const char *text);

/* An object with `tables`, as a record has them, of what in the record no table of its own
 * describes: single values, arrays of objects, square arrays of numbers. The caller owns it; NULL
 * when out of memory. */
json_t *report_derive(const json_t *root);

/* The same of all values of an object, in one row: what is no number or text is spelled out. */
json_t *report_derive_values(const json_t *object);

#endif
