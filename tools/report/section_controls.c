/* Controls: an inspector over models of which the truth is known, one by one, and how its anomaly
 * index is spread over them. */
#include "report/html.h"
#include "report/plot.h"
#include "report/section.h"
#include <math.h>
#include <string.h>

enum { BARS = 64, FEW_BARS = 24 };

#define CUTOFF 2.0

static const json_t *models_of(const json_t *root) {
    return json_object_get(root, "control_models");
}

static bool shows(report *r, const report_record *record) {
    (void)r;
    return json_array_size(models_of(record->root)) > 0;
}

/* --- the table --- */

static void write_cell(FILE *out, const json_t *entry, const char *key) {
    fputs("<td>", out);
    if (json_object_get(entry, key))
        html_json(out, json_object_get(entry, key));
    fputs("</td>", out);
}

static bool has_flag(const json_t *entry) {
    return json_array_size(json_object_get(entry, "flagged")) > 0;
}

static const char *result_of(const json_t *entry) {
    const bool backdoored = strcmp(html_get_text(entry, "truth"), "backdoored") == 0;
    const json_t *right = json_object_get(entry, "infected_flagged");
    if (*html_get_text(entry, "failed"))
        return html_get_text(entry, "failed");
    if (!json_is_true(json_object_get(entry, "verdict_given")))
        return "no verdict";
    if (!backdoored)
        return has_flag(entry) ? "false positive" : "";
    return !has_flag(entry) ? "missed" : json_is_false(right) ? "another class" : "found";
}

static void write_row(report *r, const report_record *record, const json_t *entry) {
    const bool backdoored = strcmp(html_get_text(entry, "truth"), "backdoored") == 0;
    fputs(has_flag(entry) && !backdoored ? "<tr class=\"flagged\"><td>" : "<tr><td>", r->out);
    section_link(r, record, html_get_text(entry, "record"), html_get_text(entry, "name"));
    fputs("</td>", r->out);
    html_cell(r->out, html_get_text(entry, "truth"));
    write_cell(r->out, entry, "infected");
    write_cell(r->out, entry, "flagged");
    html_cell_number(r->out, entry, "largest_index");
    html_cell_number(r->out, entry, "largest_class");
    html_cell_number(r->out, entry, "infected_index");
    html_cell(r->out, result_of(entry));
    fputs("</tr>\n", r->out);
}

static void write_models(report *r, const report_record *record) {
    static const char *const heads[] = {"model",           "truth",          "infected",
                                        "flagged",         "#largest index", "#of class",
                                        "#infected index", "result",         NULL};
    const json_t *list = models_of(record->root), *entry;
    size_t i;
    html_table_open(r->out, "The models", heads);
    json_array_foreach(list, i, entry) {
        if (i == REPORT_ROWS)
            break;
        write_row(r, record, entry);
    }
    html_row_more(r->out, i, json_array_size(list), sizeof heads / sizeof *heads - 1);
    html_table_close(r->out);
}

/* --- the index --- */

static void write_spread(FILE *out, const json_t *root) {
    static const char *const heads[] = {"index of", "#count",          "#min", "#lower quartile",
                                        "#median",  "#upper quartile", "#max", NULL};
    static const char *const keys[] = {"clean", "infected"};
    static const char *const words[] = {"largest of a clean model", "an infected class"};
    const json_t *index = json_object_get(root, "index");
    html_table_open(out, "How the index is spread", heads);
    for (size_t i = 0; i < 2; i++) {
        static const char *const numbers[] = {"count",          "min", "lower_quartile", "median",
                                              "upper_quartile", "max"};
        fputs("<tr>", out);
        html_cell(out, words[i]);
        for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++)
            html_cell_number(out, json_object_get(index, keys[i]), numbers[k]);
        fputs("</tr>\n", out);
    }
    html_table_close(out);
}

static const json_t *values_of(const json_t *root, const char *key) {
    return json_object_get(json_object_get(json_object_get(root, "index"), key), "values");
}

static void widen(const json_t *values, double *low, double *high) {
    size_t i;
    const json_t *value;
    json_array_foreach(values, i, value) {
        if (!json_is_number(value))
            continue;
        *low = fmin(*low, json_number_value(value));
        *high = fmax(*high, json_number_value(value));
    }
}

/* The least of .1, .2, .5, 1, 2, ... with which few bars reach; the threshold is between two. */
static double choose_bar(double range) {
    static const double steps[] = {1, 2, 5};
    for (double power = 0.1; power < 1e15; power *= 10)
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
            if (range <= FEW_BARS * steps[i] * power)
                return steps[i] * power;
    return 1e15;
}

static size_t fill(const json_t *values, double low, double bar, plot_point *points) {
    size_t i, count = 0;
    const json_t *value;
    for (; count < BARS; count++)
        points[count] = (plot_point){low + bar * ((double)count + 0.5), 0, NAN, NAN};
    json_array_foreach(values, i, value) {
        const double place = floor((json_number_value(value) - low) / bar);
        if (json_is_number(value) && place >= 0 && place < BARS)
            points[(size_t)place].y++;
    }
    while (count > 0 && points[count - 1].y == 0)
        count--;
    return count;
}

static void write_plot(report *r, const json_t *root) {
    const json_t *clean = values_of(root, "clean"), *infected = values_of(root, "infected");
    plot_point points[2][BARS];
    double low = CUTOFF, high = CUTOFF;
    widen(clean, &low, &high);
    widen(infected, &low, &high);
    plot p = plot_make("Anomaly index over the models", "anomaly index", "models", PLOT_HISTOGRAM);
    p.bar = choose_bar(high - low);
    p.x_line = CUTOFF;
    p.line_name = "threshold";
    low = CUTOFF - p.bar * ceil((CUTOFF - low) / p.bar);
    plot_add(&p, "clean: the largest", points[0], fill(clean, low, p.bar, points[0]));
    plot_add(&p, "backdoored: the infected class", points[1],
             fill(infected, low, p.bar, points[1]));
    if (p.count == 0)
        return;
    fputs("<div class=\"charts\">\n", r->out);
    plot_write(r, &p);
    fputs("</div>\n", r->out);
}

static void write(report *r, const report_record *record) {
    write_plot(r, record->root);
    write_spread(r->out, record->root);
    write_models(r, record);
}

static void headline(FILE *out, const json_t *root) {
    const char *lead = "";
    if (json_array_size(models_of(root)) == 0)
        return;
    if (html_is_rate(root, "detected")) {
        fputs("detected ", out);
        html_rate(out, root, "detected");
        lead = ", ";
    }
    if (html_is_rate(root, "false_positives")) {
        fprintf(out, "%sfalse positives ", lead);
        html_rate(out, root, "false_positives");
    }
}

const report_section section_controls = {"Controls", shows, write, headline};
