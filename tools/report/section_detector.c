/* Detectors of inputs: flagged rates, errors, and the histograms of their scores. */
#include "report/html.h"
#include "report/plot.h"
#include "report/section.h"
#include <math.h>

enum { BARS = 1000, KINDS = 3 };

static const char *const kinds[KINDS] = {"benign", "suspect", "calibration"};

static bool shows(report *r, const report_record *record) {
    (void)r;
    return json_is_object(json_object_get(record->root, "histogram"));
}

static void write_files(FILE *out, const json_t *root) {
    static const char *const heads[] = {"images",   "kind",        "trigger", "#count",
                                        "#flagged", "#mean score", NULL};
    size_t i;
    const json_t *file;
    html_table_open(out, "Flagged inputs, with 95 % intervals", heads);
    json_array_foreach(json_object_get(root, "files"), i, file) {
        if (i == REPORT_ROWS)
            break;
        fputs("<tr>", out);
        html_cell(out, html_get_text(file, "data"));
        html_cell(out, html_get_text(file, "kind"));
        html_cell(out, html_get_text(file, "trigger"));
        html_cell_number(out, file, "count");
        html_cell_rate(out, file, "flagged");
        html_cell_number(out, file, "mean_score");
        fputs("</tr>\n", out);
    }
    html_row_more(out, i, json_array_size(json_object_get(root, "files")), 6);
    html_table_close(out);
}

static void write_errors(FILE *out, const json_t *root) {
    static const char *const heads[] = {"#expected rate", "#threshold",
                                        "#false rejection rate (FRR)",
                                        "#false acceptance rate (FAR)", NULL};
    size_t i;
    const json_t *row;
    if (json_array_size(json_object_get(root, "rates")) == 0)
        return;
    html_table_open(out, "Errors at other thresholds, with 95 % intervals", heads);
    json_array_foreach(json_object_get(root, "rates"), i, row) {
        double expected;
        if (i == REPORT_ROWS)
            break;
        fputs("<tr>", out);
        html_get(row, "expected", &expected);
        html_cell_percent(out, expected);
        html_cell_number(out, row, "threshold");
        html_cell_rate(out, row, "frr");
        html_cell_rate(out, row, "far");
        fputs("</tr>\n", out);
    }
    html_table_close(out);
}

/* The bars of one kind as shares of its images, in percent. */
static size_t fill(plot_point *points, const json_t *counts, double low, double width) {
    double total = 0;
    size_t i, count = json_array_size(counts);
    const json_t *bar;
    json_array_foreach(counts, i, bar) total += json_number_value(bar);
    for (i = 0; i < count && i < BARS && total > 0; i++)
        points[i] =
            (plot_point){low + ((double)i + 0.5) * width,
                         100 * json_number_value(json_array_get(counts, i)) / total, NAN, NAN};
    return total > 0 ? i : 0;
}

static void write_histogram(report *r, const json_t *root, const char *name, const char *score) {
    const json_t *histogram = json_object_get(root, "histogram");
    double low, high, bars;
    plot_point points[KINDS][BARS];
    bool first = html_get(histogram, "low", &low);
    if (!first || !html_get(histogram, "high", &high) || !html_get(histogram, "bars", &bars) ||
        !(bars >= 1) || !(high > low))
        return;
    plot p = plot_make(name, score, "share of the images (%)", PLOT_HISTOGRAM);
    p.bar = (high - low) / bars;
    if (html_get(root, "threshold", &p.x_line))
        p.line_name = "threshold";
    for (size_t i = 0; i < KINDS; i++) {
        /* What calibrates is shown where nothing benign was judged. */
        if (i == KINDS - 1 && p.count == KINDS - 1)
            break;
        size_t count = fill(points[i], json_object_get(histogram, kinds[i]), low, p.bar);
        plot_add(&p, kinds[i], points[i], count);
    }
    plot_write(r, &p);
}

static void write(report *r, const report_record *record) {
    const json_t *root = record->root, *single;
    const char *score = html_get_text(root, "score");
    size_t i;
    fputs("<div class=\"charts\">\n", r->out);
    write_histogram(r, root, "Scores", score);
    json_array_foreach(json_object_get(root, "detectors"), i, single) {
        char name[128];
        snprintf(name, sizeof name, "Scores of %s alone", html_get_text(single, "name"));
        write_histogram(r, single, name, score);
    }
    fputs("</div>\n", r->out);
    write_files(r->out, root);
    write_errors(r->out, root);
}

static void headline(FILE *out, const json_t *root) {
    double auroc;
    size_t i;
    const json_t *file;
    const char *lead = "";
    if (!json_is_object(json_object_get(root, "histogram")))
        return;
    if (html_get(root, "auroc", &auroc)) {
        fprintf(out, "AUROC %.4f", auroc);
        lead = ", ";
    }
    json_array_foreach(json_object_get(root, "files"), i, file) {
        if (!html_is_rate(file, "flagged") || i > 3)
            continue;
        fprintf(out, "%sflagged ", lead);
        html_rate(out, file, "flagged");
        fputs(" of ", out);
        html_text(out, html_get_text(file, "kind"));
        lead = ", ";
    }
}

const report_section section_detector = {"Detection", shows, write, headline};
