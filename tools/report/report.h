/* One run of trapdoor-report: what it found in a folder, and the page that it writes. The parts:
 * walk.c (files below the folder), collect.c (which of them are records), kinds.c (what a record
 * is), makers.c (which one wrote a file), sections.c (what a record shows), page.c (the page around
 * it). */
#ifndef TOOLS_REPORT_REPORT_H
#define TOOLS_REPORT_REPORT_H

#include "base/arena.h"
#include "base/sha256.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

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
    REPORT_PLOTS = 400,
    REPORT_PAGE_BYTES = 64 << 20, /* beyond it, only the names of records follow */
    REPORT_ROWS = 500,            /* of a table */
};

/* A file below the folder. */
typedef struct report_file {
    const char *path; /* as it is opened */
    const char *name; /* below the folder, any bytes */
} report_file;

/* What a record is: one row of the table in kinds.c. */
typedef struct report_kind {
    const char *title;              /* "Evaluation" */
    const char *tool;               /* the `tool` of such a record, or NULL */
    bool (*is)(const json_t *root); /* asked where there is no `tool`, or beside it; or NULL */
    bool leads;                     /* what it concludes stands before all else on the page */
} report_kind;

typedef struct report_record {
    report_file file;
    const report_kind *kind;
    json_t *root;
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

/* An output of a record. */
typedef struct report_made {
    const char *digest; /* the record's */
    const report_record *maker;
} report_made;

typedef struct report {
    const char *folder, *title;
    report_file *files; /* all below the folder, by name */
    size_t file_count;
    report_record *records;
    size_t record_count;
    report_picture *pictures;
    size_t picture_count;
    report_trouble *troubles; /* as many as there are files, at most */
    size_t trouble_count;
    const char **strangers; /* JSON files that are no records of these tools */
    size_t stranger_count;
    report_made *made; /* by digest, then in the order of the records */
    size_t made_count;
    const json_t *results; /* papers' figures beside ours (results/results.h), or NULL */
    FILE *out;             /* the page */
    size_t plot_count, picture_shown;
    bool gnuplot_missing;
    td_arena arena;
} report;

/* All files below `folder` whose names end as a record's, a log's or a picture's do, ordered by
 * name; hidden ones and symbolic links are passed over. TD_ERR_IO if the folder itself cannot be
 * read; one below it that cannot be is a trouble. */
td_status report_walk(report *r, report_file **files, size_t *count, td_error *error) TD_MUST_USE;

/* Walks the folder, reads its records and finds their pictures. TD_ERR_FORMAT if there is no record
 * at all. */
td_status report_collect(report *r, td_error *error) TD_MUST_USE;

/* Says on stderr, and keeps for the page, that the file is not shown as it should be; once. */
void report_trouble_add(report *r, const char *name, const char *reason);

/* Lists the outputs of all records, at most REPORT_FILES. */
td_status report_makers(report *r, td_error *error) TD_MUST_USE;

/* The first record that has an output of this digest, or NULL. */
const report_record *report_maker(const report *r, const char *digest);

/* The kind of a record, or NULL if this is none. The order of kinds is that of the page. */
const report_kind *report_kind_of(const json_t *root);

/* A log of trapdoor-train, one JSON object with `epoch` a line, as {"epochs": [...]}. The caller
 * owns *out. */
td_status report_log_parse(const char *text, size_t size, json_t **out,
                           td_error *error) TD_MUST_USE;

/* Writes the whole page to r->out. TD_ERR_INTERRUPTED. */
td_status report_page(report *r, td_error *error) TD_MUST_USE;

/* Takes a zeroed report as well; not r->out. */
void report_free(report *r);

#endif
