/* SPDX-License-Identifier: MIT */
/* A leaderboard: attacks × defences × seeds, from the records DIR/ATTACK/SEED/DEFENCE.json. The
 * attack "clean" means no attack: flags on its models are false alarms. The defence "none" is the
 * unchanged model. The fields of a record determine the kind of defence:
 *
 *   repair    of trapdoor-defend's repairs (`test`), and of trapdoor-eval for models that a defence
 *             trained
 *   detector  of detectors of inputs (`auroc`)
 *   filter    of filters of training sets (`suspects`), trapdoor-train's isolation among them
 *
 * cells.c collects the values, tables.c formats them, picture.c draws them. */
#ifndef TOOLS_REPORT_MATRIX_MATRIX_H
#define TOOLS_REPORT_MATRIX_MATRIX_H

#include "base/key.h"
#include "report/report.h"

typedef enum matrix_kind { MATRIX_REPAIR, MATRIX_DETECTOR, MATRIX_FILTER } matrix_kind;

enum { MATRIX_KINDS = MATRIX_FILTER + 1 };

/* The measures of cells: shares of 1 except the last three. */
typedef enum matrix_measure {
    MATRIX_ACCURACY,
    MATRIX_ASR,
    MATRIX_RA,
    MATRIX_DER,
    MATRIX_LOST, /* accuracy before minus accuracy after */
    MATRIX_AUROC,
    MATRIX_FLAGGED,   /* of inputs with the trigger */
    MATRIX_ALARMS,    /* share of clean inputs that are flagged */
    MATRIX_PRECISION, /* of a filter's suspects */
    MATRIX_RECALL,
    MATRIX_F1,
    MATRIX_SECONDS,
    MATRIX_FORWARD, /* images through the net */
    MATRIX_BACKWARD,
} matrix_measure;

enum { MATRIX_MEASURES = MATRIX_BACKWARD + 1 };

/* An attack and a defence; a value is the mean over the seeds with the 95 % interval of Student's
 * t, NaN without one. The texts belong to the matrix. */
typedef struct matrix_cell {
    const char *attack, *defence;
    matrix_kind kind;
    size_t seeds;
    tool_estimate values[MATRIX_MEASURES];
} matrix_cell;

/* A defence over all attacks except "clean". */
typedef struct matrix_row {
    const char *defence;
    matrix_kind kind;
    double score;   /* mean over the attacks: DER, AUROC, or F1; NaN: none of them was run */
    size_t attacks; /* attacks with a value */
} matrix_row;

typedef struct matrix {
    matrix_cell *cells; /* by kind, by attack name with "clean" first, and by defence */
    size_t cell_count;
    matrix_row *rows; /* by kind, best first; "none" before all others of its kind */
    size_t row_count;
    const char **attacks; /* "clean" first */
    size_t attack_count;
    tool_tables tables;
    td_arena arena;
} matrix;

/* Evaluates the records of report_collect and fills the tables. TD_ERR_FORMAT without a record of
 * such a name. The caller frees it, on failure too. */
td_status matrix_make(report *r, matrix *m, td_error *error) TD_MUST_USE;
void matrix_free(matrix *m); /* accepts a zeroed matrix */

/* The 95 % interval of Student's t for the mean of `count` values; NaN for fewer than two. */
tool_estimate matrix_estimate(const double *values, size_t count);

/* The cell, or NULL. */
const matrix_cell *matrix_find(const matrix *m, const char *attack, const char *defence,
                               matrix_kind kind);

/* Whether models of this attack have no backdoor. */
bool matrix_is_clean(const char *attack);

/* The measure that ranks defences of a kind. */
matrix_measure matrix_score(matrix_kind kind);

/* Fills m->tables. */
td_status matrix_tables(matrix *m, td_error *error) TD_MUST_USE;

/* An SVG of all scores: rows are defences, columns attacks; the best cell of each column is framed.
 */
void matrix_picture(FILE *out, const matrix *m);

/* The section at the head of the page, and the same in Markdown, which refers to the picture by
 * name. */
void matrix_page(report *r, const matrix *m);
void matrix_markdown(FILE *out, const matrix *m, const char *title, const char *picture,
                     const td_many *notes);

/* The content of results.json: `tables`, as in records. The caller owns it. TD_ERR_MEMORY. */
td_status matrix_json(const matrix *m, const td_many *notes, json_t **out,
                      td_error *error) TD_MUST_USE;

#endif
