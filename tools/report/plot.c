/* A chart on the page: title, legend and picture. */
#include "report/plot.h"

#include "frame/options.h"
#include "report/child.h"
#include "report/html.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_SVG = 8 << 20 };

/* A short line with a mark, as gnuplot draws the series. */
static void write_key(FILE *out, plot_style style, size_t s) {
    static const char *const dashes[PLOT_SERIES] = {"", "8 3", "2 3", "8 3 2 3", "12 4", "4 2 2 2"};
    static const char *const marks[PLOT_SERIES] = {
        "<circle cx=\"14\" cy=\"6\" r=\"3\"/>", "<path d=\"M11 3h6v6h-6z\"/>",
        "<path d=\"M14 2l4 7h-8z\"/>",          "<path d=\"M14 10l4-7h-8z\"/>",
        "<path d=\"M14 2l4 4-4 4-4-4z\"/>",     "<path d=\"M11 3l6 6M17 3l-6 6\"/>"};
    fprintf(out,
            "<svg class=\"key\" viewBox=\"0 0 28 12\" width=\"28\" height=\"12\" "
            "aria-hidden=\"true\" style=\"color:var(--s%zu)\">",
            s + 1);
    if (style == PLOT_LINES)
        fprintf(out, "<path d=\"M0 6h28\" stroke-dasharray=\"%s\"/>%s", dashes[s], marks[s]);
    else if (style == PLOT_BARS)
        fputs("<path d=\"M8 1h12v10H8z\"/>", out);
    else
        fprintf(out, "<path fill-opacity=\".35\" stroke-dasharray=\"%s\" d=\"M4 1h20v10H4z\"/>",
                dashes[s]);
    fputs("</svg>", out);
}

static void write_caption(FILE *out, const plot *p) {
    fputs("<figcaption><b>", out);
    html_text(out, p->title);
    fputs("</b>", out);
    for (size_t s = 0; s < p->count && (p->count > 1 || p->style != PLOT_BARS); s++) {
        fputs(" <span class=\"k\">", out);
        write_key(out, p->style, s);
        html_text(out, p->series[s].name);
        fputs("</span>", out);
    }
    if (p->line_name) {
        fputs(" <span class=\"k\"><svg class=\"key\" viewBox=\"0 0 28 12\" width=\"28\" "
              "height=\"12\" aria-hidden=\"true\" style=\"color:var(--line)\"><path d=\"M0 "
              "6h28\" stroke-dasharray=\"6 4\"/></svg>",
              out);
        html_text(out, p->line_name);
        fputs("</span>", out);
    }
    fputs("</figcaption>", out);
}

/* The chart in words: what is drawn, and where each series begins and ends. malloc'd, or NULL. */
static char *describe(const plot *p) {
    char *text = NULL, x[61], y[61];
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    plot_plain_text(x, p->x_label);
    plot_plain_text(y, p->y_label);
    fprintf(out, "Chart of %s by %s.", y, x);
    for (size_t s = 0; s < p->count; s++) {
        char name[61];
        const plot_series *series = &p->series[s];
        const plot_point *first = series->points, *last = first + series->count - 1, *top = first;
        for (size_t i = 0; i < series->count; i++)
            if (series->points[i].y > top->y || !isfinite(top->y))
                top = &series->points[i];
        plot_plain_text(name, series->name);
        if (p->style == PLOT_LINES)
            fprintf(out, " %s: %.4g at %.4g to %.4g at %.4g.", name, first->y, first->x, last->y,
                    last->x);
        else
            fprintf(out, " %s: highest %.4g at %.4g.", name, top->y, top->x);
    }
    return fclose(out) == 0 ? text : NULL;
}

static td_status draw(FILE *script, FILE *svg, const plot *p, td_error *error) {
    static const char *const argv[] = {"gnuplot", "-d", "-", NULL};
    if (!script || !svg)
        return td_fail(error, TD_ERR_IO, "gnuplot: no temporary file");
    plot_script(script, p);
    return child_run(argv, script, svg, error);
}

/* Copies the drawing to the page. */
static td_status copy_svg(report *r, FILE *svg, const plot *p, td_error *error) {
    td_status status = td_fail(error, TD_ERR_FORMAT, "gnuplot: no drawing that can be shown");
    char prefix[32], *bytes = NULL, *label = NULL;
    long size = fseek(svg, 0, SEEK_END) == 0 ? ftell(svg) : -1;
    if (size <= 0 || size > LARGEST_SVG)
        return status;
    rewind(svg);
    bytes = malloc((size_t)size);
    label = describe(p);
    snprintf(prefix, sizeof prefix, "p%zu", r->plot_count);
    if (bytes && label && fread(bytes, 1, (size_t)size, svg) == (size_t)size &&
        plot_inline(r->out, bytes, (size_t)size, prefix, label))
        status = TD_OK;
    free(bytes);
    free(label);
    return status;
}

static td_status draw_and_copy(report *r, const plot *p, td_error *error) {
    FILE *script = tmpfile(), *svg = tmpfile();
    td_status status = draw(script, svg, p, error);
    if (status == TD_OK)
        status = copy_svg(r, svg, p, error);
    if (script)
        fclose(script);
    if (svg)
        fclose(svg);
    return status;
}

static void write_chart(report *r, const plot *p) {
    td_error error;
    if (r->gnuplot_missing) {
        fputs("<p class=\"note\">No chart: gnuplot is not installed.</p>", r->out);
        return;
    }
    r->plot_count++;
    td_status status = draw_and_copy(r, p, &error);
    if (status == TD_OK)
        return;
    r->gnuplot_missing = status == TD_ERR_USAGE;
    if (r->gnuplot_missing)
        tool_note("note: gnuplot: not found, so the page has no charts (Debian: gnuplot-nox)");
    else
        report_trouble_add(r, "a chart", error.message);
    fputs("<p class=\"note\">No chart: ", r->out);
    html_text(r->out, r->gnuplot_missing ? "gnuplot is not installed." : error.message);
    fputs("</p>", r->out);
}

void plot_write(report *r, const plot *p) {
    if (p->count == 0)
        return;
    fputs("<figure class=\"chart\">", r->out);
    write_caption(r->out, p);
    if (r->plot_count < REPORT_PLOTS)
        write_chart(r, p);
    else
        fputs("<p class=\"note\">No chart: the page has too many.</p>", r->out);
    fputs("</figure>\n", r->out);
}
