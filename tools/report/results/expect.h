/* SPDX-License-Identifier: MIT */
/* What a paper prints, as data: one JSON file a paper, NAME.expect.json.
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
 *     name, column       with columns the rows stand in a grid
 *     paper              as it is printed ("99.31", "> 97"), or null: a plot without numbers
 *     better             "larger", "smaller" or "near": what is as good as the paper's
 *     within             the tolerance of the verdict (1 for "%", else 0)
 *     unit               "%" (shares of 1 become percent) or any other
 *     records            a pattern
 *     value, take        a path, and how its values become one number (find.h; "only")
 *     over               the path of a number to divide by
 *     epochs, epoch_value  a pattern of records of trainings, and the path of the figure after each
 *                        epoch, of which the last count for its spread (place.h)
 *     series, x          its place in the table's plot
 *   columns   {"10 %": "10", ...}, names and keys: a row without `column` stands for one
 *             in each. {} in its texts, and in the table's for it, is then the key; `paper`
 *             may be a list with a figure a column; of `series` and `x`, what the row has
 *             not is the column's name, its key as a number
 *   plot      {"x": label, "y": label}: a chart of the rows that have `series` and `x`; with
 *             "each": "column" a chart of each column
 *   lists     numbers one after the other, such as logits; `paper` is a list or null
 *   matrices  counts of true class by predicted class; `target` is marked
 *   pictures  `files`, a pattern of PNG files
 *
 * What `records`, `value`, `take`, `over`, `epochs`, `epoch_value`, `unit`, `better` or `within` a
 * row has not, it has from its table.
 *
 * A pattern of records is a path below the folder in which one * stands for any name or part of
 * one: the seed. The records that match are those of the seeds. */
#ifndef TOOLS_REPORT_RESULTS_EXPECT_H
#define TOOLS_REPORT_RESULTS_EXPECT_H

#include "base/error.h"
#include <jansson.h>
#include <stdbool.h>

enum {
    EXPECT_TEXT = 300,    /* bytes of a text, as many as the page shows */
    EXPECT_ENTRIES = 500, /* of a file's tables, of a table's rows, lists ... */
    EXPECT_COLUMNS = 50,  /* of a table */
    EXPECT_FILES = 20,    /* that one report takes */
};

/* Reads and checks the file: unknown fields, wrong types and wrong values are TD_ERR_FORMAT. In
 * *out, which the caller owns, a row has itself what was said for all rows of its table, and one
 * column at most. */
td_status expect_read(const char *path, json_t **out, td_error *error) TD_MUST_USE;

/* Whether `name` matches the pattern; `seed` gets what stands for the star, "" without one. */
bool expect_matches(const char *pattern, const char *name, char seed[EXPECT_TEXT]);

#endif
