/* SPDX-License-Identifier: MIT */
#include "report/results/verdict.h"

#include "measure/normal.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool verdict_figure_parse(verdict_figure *figure, const char *text) {
    *figure = (verdict_figure){0};
    if (*text == '>' || *text == '<') {
        figure->bound = *text++;
        text += *text == ' ';
    }
    const char *digit = text + (*text == '-');
    size_t whole = strspn(digit, "0123456789");
    const char *point = digit + whole;
    size_t behind = *point == '.' ? strspn(point + 1, "0123456789") : 0;
    if (whole == 0 || whole > 9 || behind > 9 || (*point == '.' && behind == 0) ||
        point[behind + (*point == '.')])
        return false;
    figure->value = strtod(text, NULL);
    figure->digits = (int)behind;
    return true;
}

/* By how much our value misses the figure. */
static double shortfall(const verdict_figure *figure, verdict_sense sense, double mean) {
    if (figure->bound)
        sense = figure->bound == '>' ? SENSE_LARGER : SENSE_SMALLER;
    double short_of = figure->value - mean;
    return sense == SENSE_LARGER ? short_of : sense == SENSE_SMALLER ? -short_of : fabs(short_of);
}

verdict verdict_of(const verdict_figure *figure, verdict_sense sense, double within, double mean) {
    /* Decimal figures are not exact doubles: 97.745 may be slightly less. */
    const double hair = 1e-9 * fmax(1, fabs(figure->value));
    double half = 0.5 * pow(10, -figure->digits), missing = shortfall(figure, sense, mean);
    if (figure->bound ? missing < 0 : missing <= half + hair)
        return VERDICT_REACHED;
    return missing <= within + hair ? VERDICT_WITHIN : VERDICT_MISSED;
}

static const char *const names[VERDICT_KINDS] = {"reached",   "within",   "not reached",
                                                 "no figure", "no value", "not run"};

const char *verdict_name(verdict v) {
    return names[v];
}

verdict verdict_named(const char *name) {
    int v = 0;
    while (v < VERDICT_NOT_RUN && strcmp(names[v], name) != 0)
        v++;
    return (verdict)v;
}

verdict_sense verdict_sense_of(const char *name) {
    return strcmp(name, "larger") == 0    ? SENSE_LARGER
           : strcmp(name, "smaller") == 0 ? SENSE_SMALLER
                                          : SENSE_NEAR;
}

void verdict_mean(const double *values, size_t count, double *mean, double *deviation) {
    td_normal fit = td_normal_fit(values, count);
    *mean = fit.mean;
    *deviation = count > 1 ? fit.sigma * sqrt((double)count / (double)(count - 1)) : 0;
}
