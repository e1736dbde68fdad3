/* SPDX-License-Identifier: MIT */
/* Compares a paper's figure with ours. This is the only definition of when it is reached. */
#ifndef TOOLS_REPORT_RESULTS_VERDICT_H
#define TOOLS_REPORT_RESULTS_VERDICT_H

#include <stdbool.h>
#include <stddef.h>

/* The rule as text, for people. */
#define VERDICT_RULE                                                                               \
    "A paper's figure is reached if the mean of ours over the seeds, rounded to the digits that "  \
    "the paper prints, is as good: as large or larger for a rate that is to be high, as small or " \
    "smaller for one that is to be low, the same for one that is only to agree; a bound such as "  \
    "\"> 97\" is reached beyond it. Else it is within 1 point (or what the table says) if the "    \
    "mean is short of the printed figure by no more than that, and not reached otherwise. The "    \
    "standard deviation over the seeds is shown and changes no verdict: a result is not better "   \
    "for being uncertain. What has no records is not run."

/* What counts as reaching the paper's figure. */
typedef enum verdict_sense {
    SENSE_LARGER,  /* the figure or more */
    SENSE_SMALLER, /* the figure or less */
    SENSE_NEAR,    /* only the figure */
} verdict_sense;

/* A figure as printed in a paper. */
typedef struct verdict_figure {
    double value;
    int digits; /* after the decimal point */
    char bound; /* '>' or '<' for a figure such as "> 99"; else 0 */
} verdict_figure;

typedef enum verdict {
    VERDICT_REACHED,
    VERDICT_WITHIN, /* misses it by at most the tolerance */
    VERDICT_MISSED,
    VERDICT_NO_FIGURE, /* the paper has no number */
    VERDICT_NO_VALUE,  /* records were found, but no number in them */
    VERDICT_NOT_RUN,   /* no records were found */
} verdict;

enum { VERDICT_KINDS = VERDICT_NOT_RUN + 1 };

/* "99.31", "100", "> 97", "< 0.5": a number with at most 9 digits after the decimal point, as
 * printed. False if `text` is something else. */
bool verdict_figure_parse(verdict_figure *figure, const char *text);

/* The verdict on our mean, in the figure's unit. `within` >= 0 is the tolerance. A bound overrides
 * the sense: "> 97" is reached above 97, whatever `sense`. */
verdict verdict_of(const verdict_figure *figure, verdict_sense sense, double within, double mean);

/* "reached", "within", "not reached", "no figure", "no value", "not run". */
const char *verdict_name(verdict v);

/* The verdict with this name, and the sense "larger", "smaller" or "near". */
verdict verdict_named(const char *name);
verdict_sense verdict_sense_of(const char *name);

/* The mean, and the sample standard deviation (0 for one value); count > 0. */
void verdict_mean(const double *values, size_t count, double *mean, double *deviation);

#endif
