/* SPDX-License-Identifier: MIT */
/* The texts of a row of results, the same on the page and in Markdown. */
#include "report/html.h"
#include "report/results/place.h"
#include "report/results/results.h"
#include "report/results/verdict.h"
#include <math.h>
#include <string.h>

static bool are_whole(const json_t *values) {
    size_t i;
    const json_t *value;
    json_array_foreach(values, i, value) {
        double number = json_number_value(json_object_get(value, "value"));
        if (number != floor(number))
            return false;
    }
    return json_array_size(values) > 0;
}

/* Decimals: two for percent and counts; otherwise as many as the paper prints, or four for small
 * figures. */
static int digits_of(const json_t *row, double value) {
    verdict_figure figure;
    const char *printed = html_get_text(row, "paper");
    int digits = fabs(value) < 1 && !are_whole(json_object_get(row, "values")) ? 4 : 2;
    if (strcmp(html_get_text(row, "unit"), "%") == 0)
        return 2;
    return *printed && verdict_figure_parse(&figure, printed) && figure.digits > digits
               ? figure.digits
               : digits;
}

/* Whether all records contain no number. */
static bool has_none(const json_t *row) {
    const json_t *problems = json_object_get(row, "problems"), *problem;
    size_t i;
    json_array_foreach(problems, i, problem) {
        if (!json_is_true(json_object_get(problem, "none")))
            return false;
    }
    return json_array_size(problems) > 0;
}

void results_ours(char *out, size_t size, const json_t *row) {
    double mean, deviation;
    if (!html_get(row, "mean", &mean)) {
        snprintf(out, size, "%s", has_none(row) ? "none" : html_get_text(row, "verdict"));
        return;
    }
    int digits = digits_of(row, mean);
    if (fabs(mean) >= 1e9)
        snprintf(out, size, "%.4g", mean);
    else if (html_get(row, "deviation", &deviation))
        snprintf(out, size, "%.*f ± %.*f", digits, mean, digits, deviation);
    else
        snprintf(out, size, "%.*f", digits, mean);
}

void results_difference(char *out, size_t size, const json_t *row) {
    double difference, mean;
    *out = '\0';
    if (!html_get(row, "difference", &difference) || !html_get(row, "mean", &mean))
        return;
    int digits = digits_of(row, mean);
    double unit = pow(10, -digits), shown = fabs(difference) < unit / 2 ? 0 : fabs(difference);
    snprintf(out, size, "%s%.*f", shown == 0 ? "" : difference < 0 ? "−" : "+", digits, shown);
}

void results_verdict(char *out, size_t size, const json_t *row) {
    const char *judged = html_get_text(row, "verdict");
    double within, difference;
    if (strcmp(judged, verdict_name(VERDICT_NO_FIGURE)) == 0)
        *out = '\0';
    else if (strcmp(judged, verdict_name(VERDICT_WITHIN)) == 0 && html_get(row, "within", &within))
        snprintf(out, size, "within %.4g%s", within,
                 strcmp(html_get_text(row, "unit"), "%") != 0 ? ""
                 : within == 1                                ? " point"
                                                              : " points");
    else if (strcmp(judged, verdict_name(VERDICT_MISSED)) == 0 &&
             strcmp(html_get_text(row, "better"), "near") == 0 &&
             html_get(row, "difference", &difference))
        snprintf(out, size, "%s (%s)", judged, difference > 0 ? "above" : "below");
    else
        snprintf(out, size, "%s", judged);
}

void results_spread(char *out, size_t size, const json_t *row) {
    const json_t *spread = json_object_get(row, "spread");
    double mean, deviation, least, most, values;
    *out = '\0';
    if (!html_get(spread, "values", &values) || values < 2 || !html_get(spread, "mean", &mean) ||
        !html_get(spread, "deviation", &deviation) || !html_get(spread, "least", &least) ||
        !html_get(spread, "most", &most))
        return;
    const int digits = digits_of(row, mean);
    if (fabs(most) >= 1e9)
        snprintf(out, size, "%.4g to %.4g", least, most);
    else if (json_is_true(json_object_get(spread, "epochs")))
        snprintf(out, size, "%.*f ± %.*f, %.*f to %.*f", digits, mean, digits, deviation, digits,
                 least, digits, most);
    else
        snprintf(out, size, "%.*f to %.*f", digits, least, digits, most);
}

void results_place(char *out, size_t size, const json_t *row) {
    const char *side = html_get_text(row, "place"),
               *note = json_is_true(json_object_get(json_object_get(row, "spread"), "swings"))
                           ? *side ? ", swings" : "swings"
                           : "";
    double spreads = 0;
    html_get(row, "spreads", &spreads);
    if (*side == '\0' || strcmp(side, place_name(PLACE_INSIDE)) == 0)
        snprintf(out, size, "%s%s", side, note);
    else
        snprintf(out, size, "%s by %.*f%s", side, spreads < 100, spreads, note);
}

static json_int_t count_of(const json_t *paper, verdict v) {
    return json_integer_value(json_object_get(json_object_get(paper, "counts"), verdict_name(v)));
}

/* " Of 3 figures beside several values of ours, 1 lies inside their spread, ..." */
static void summarize_places(FILE *out, const json_t *places) {
    const json_int_t inside = json_integer_value(json_object_get(places, "inside")),
                     above = json_integer_value(json_object_get(places, "above")),
                     below = json_integer_value(json_object_get(places, "below")),
                     swing = json_integer_value(json_object_get(places, "swing"));
    if (inside + above + below > 0)
        fprintf(out,
                " Of %" JSON_INTEGER_FORMAT " with a spread, %" JSON_INTEGER_FORMAT
                " inside ours, %" JSON_INTEGER_FORMAT " above, %" JSON_INTEGER_FORMAT " below.",
                inside + above + below, inside, above, below);
    if (swing > 0)
        fprintf(out, " %" JSON_INTEGER_FORMAT " of ours swing%s by more than 20 points.", swing,
                swing == 1 ? "s" : "");
}

void results_summary(FILE *out, const json_t *paper) {
    static const char *const words[VERDICT_KINDS] = {
        "reached",
        "within the tolerance",
        "not reached",
        "without a number in the paper",
        "without a number in their records",
        "not run",
    };
    json_int_t all = 0;
    double distance;
    for (int v = 0; v < VERDICT_KINDS; v++)
        all += count_of(paper, (verdict)v);
    fprintf(out, "%" JSON_INTEGER_FORMAT " figure%s: ", all, all == 1 ? "" : "s");
    const char *lead = "";
    for (int v = 0; v < VERDICT_KINDS; v++) {
        json_int_t count = count_of(paper, (verdict)v);
        if (count == 0 && v > VERDICT_MISSED)
            continue;
        fprintf(out, "%s%" JSON_INTEGER_FORMAT " %s", lead, count, words[v]);
        lead = ", ";
    }
    if (html_get(paper, "mean_distance", &distance))
        fprintf(out, ". Mean distance from the paper's percents: %.2f points", distance);
    fputc('.', out);
    summarize_places(out, json_object_get(paper, "places"));
}
