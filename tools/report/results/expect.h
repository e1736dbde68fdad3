/* SPDX-License-Identifier: MIT */
/* A paper's published results as data: one JSON file per paper, NAME.expect.json.
 *
 *   {
 *     "paper": "Authors, \"Title\" (where, when)",
 *     "choices": ["what was chosen where the paper is silent", ...],
 *     "tables": [{
 *       "title": "Figure 2", "note": "what to know about it",
 *       "rows": [{"name": "enemy: ASR, 25 %", "paper": "100", "better": "larger",
 *                 "records": "mnist-25-*.json",
 *                 "value": "models[file~enemy].triggers[0].asr"}],
 *       ...
 *     }]
 *   }
 *
 * A table has any of
 *
 *   rows      figures, each with
 *     name, column       with columns the rows form a grid
 *     paper              as printed ("99.31", "> 97"), or null: a plot without numbers
 *     better             "larger", "smaller" or "near": what counts as reached
 *     within             the tolerance of the verdict (1 for "%", else 0)
 *     unit               "%" (shares of 1 become percent) or any other
 *     records            a pattern
 *     value, take        a path, and how its values become one number (find.h; "only")
 *     over               the path of a number to divide by
 *     epochs, epoch_value  a pattern of training records, and the path of the figure after each
 *                        epoch; the last epochs give its spread (place.h)
 *     series, x          its position in the table's plot
 *   columns   {"10 %": "10", ...}, names and keys: a row without `column` is repeated in each. {}
 *             in its texts, and in the table's texts for it, becomes the key; `paper` may be a list
 *             with a figure per column; a missing `series` is the column's name, a missing `x` its
 *             key as a number
 *   plot      {"x": label, "y": label}: a chart of the rows that have `series` and `x`; with
 *             "each": "column" a chart of each column
 *   lists     lists of numbers, such as logits; `paper` is a list or null
 *   matrices  counts of true class by predicted class; `target` is marked
 *   pictures  `files`, a pattern of PNG files
 *
 * A row inherits missing `records`, `value`, `take`, `over`, `epochs`, `epoch_value`, `unit`,
 * `better` and `within` from its table.
 *
 * A pattern of records is a path below the folder with one *, which matches any name or part of
 * one: the seed. The matching records are those of the seeds. */
#ifndef TOOLS_REPORT_RESULTS_EXPECT_H
#define TOOLS_REPORT_RESULTS_EXPECT_H

#include "base/error.h"
#include <jansson.h>
#include <stdbool.h>

enum {
    EXPECT_TEXT = 300,    /* bytes of a text, as many as a page shows */
    EXPECT_ENTRIES = 500, /* per file of tables, per table of rows, lists ... */
    EXPECT_COLUMNS = 50,  /* per table */
    EXPECT_FILES = 20,    /* per report */
};

/* Reads and checks the file: unknown fields, wrong types and wrong values are TD_ERR_FORMAT. In
 * *out, which the caller owns, rows have the values inherited from their table, and at most one
 * column. */
td_status expect_read(const char *path, json_t **out, td_error *error) TD_MUST_USE;

/* Whether `name` matches the pattern; `seed` receives the text matched by the star, "" without one.
 */
bool expect_matches(const char *pattern, const char *name, char seed[EXPECT_TEXT]);

#endif
