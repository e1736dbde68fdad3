/* SPDX-License-Identifier: MIT */
/* Papers' figures beside ours, from records. One JSON value holds all of them: the expectations
 * (expect.h) with results. It is the content of results.json, and the source of results.md and the
 * page.
 *
 *   tool, version
 *   papers[]           paper, choices[], tables[] as in expect.h, with inherited values in the
 *                      rows, and
 *     tables[]
 *       rows[]         paper_value, difference, verdict,
 *                      values[] {seed, record, value},
 *                      mean, deviation: of the sample; null for one value,
 *                      spread {values: their number, mean, deviation, least, most, swings,
 *                      epochs: whether values are of epochs},
 *                      place: "inside", "above", "below"; spreads: distance from the mean
 *                      (place.h),
 *                      problems[] {record, reason, none}: none if the record has a null
 *       lists[]        record, values; or problem
 *       matrices[]     record, counts; or problem
 *       pictures[]     files[]
 *     expectations     name of the file
 *     counts           of each verdict
 *     places           how many figures are inside, above and below, and how many swing
 *     mean_distance    of the figures in percent from the paper's; null without any
 *   settings
 *     versions[], blas_cores[], machines[], threads[], seeds[]: of the records used,
 *     notes[], records: number in the folder, seconds: total of all */
#ifndef TOOLS_REPORT_RESULTS_RESULTS_H
#define TOOLS_REPORT_RESULTS_RESULTS_H

#include "base/key.h"
#include "report/report.h"

/* Reads the files of expectations and the records that they name, from those of report_collect. An
 * error in a record is a problem of its row and a trouble of the report; an error in the
 * expectations is returned. The caller owns *out. */
td_status results_make(report *r, const td_many *expectations, const td_many *notes, json_t **out,
                       td_error *error) TD_MUST_USE;

/* For people: tables in Markdown. TD_ERR_MEMORY. */
td_status results_markdown(FILE *out, const json_t *results, td_error *error) TD_MUST_USE;

/* The section at the head of the page; nothing if `results` is NULL. */
td_status results_page(report *r, const json_t *results, td_error *error) TD_MUST_USE;

/* "99.31 ± 0.04": the mean of a row with digits that suit its unit; if it has no mean, "not run" or
 * "none" (the records contain no number). With `sign`, the difference instead, "+0.07", or "". */
void results_ours(char *out, size_t size, const json_t *row);
void results_difference(char *out, size_t size, const json_t *row);

/* The verdict: "reached", "within 1 point", "not reached (above)" for a figure that should only
 * agree;
 * "" if the paper has no number. */
void results_verdict(char *out, size_t size, const json_t *row);

/* "47.87 ± 12.30, 18.00 to 61.20" for values other than those of `results_ours`, or only the range;
 * "" for fewer than two. */
void results_spread(char *out, size_t size, const json_t *row);

/* "inside", "above by 2.4", each with ", swings" if the values do; "" if nothing is placed. */
void results_place(char *out, size_t size, const json_t *row);

/* A paper's summary: "12 figures of the paper: 10 reached, ...". */
void results_summary(FILE *out, const json_t *paper);

#endif
