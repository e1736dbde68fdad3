/* Pruning: accuracy and ASR as channels are taken away. */
#include "report/html.h"
#include "report/plot.h"
#include "report/section.h"
#include <math.h>
#include <stdint.h>

enum { ATTACKS = PLOT_SERIES - 1 };

static bool shows(report *r, const report_record *record) {
    (void)r;
    const json_t *first = json_array_get(json_object_get(record->root, "curve"), 0);
    return json_is_number(json_object_get(first, "pruned"));
}

/* Accuracy of a step, or with `attack` below SIZE_MAX the ASR of that trigger, as a share; false if
 * it is not told. */
static bool get_share(const json_t *step, size_t attack, double *share) {
    const json_t *asr = json_object_get(step, "asr");
    if (attack == SIZE_MAX)
        return html_get(step, "accuracy", share);
    if (!json_is_array(asr))
        return attack == 0 && html_get(step, "asr", share);
    asr = json_array_get(asr, attack);
    *share = json_number_value(asr);
    return json_is_number(asr);
}

static void add_series(plot *p, const json_t *curve, size_t attack, const char *name,
                       plot_point *points) {
    size_t i, count = 0;
    const json_t *step;
    json_array_foreach(curve, i, step) {
        double pruned, share;
        if (count < PLOT_POINTS && html_get(step, "pruned", &pruned) &&
            get_share(step, attack, &share))
            points[count++] = (plot_point){pruned, 100 * share, NAN, NAN};
    }
    plot_add(p, name, points, count);
}

static void write_cell(FILE *out, const json_t *step, size_t attack) {
    double share;
    html_cell_percent(out, get_share(step, attack, &share) ? share : NAN);
}

static void write_table(FILE *out, const json_t *curve) {
    static const char *const heads[] = {"#channels pruned", "#channel", "#mean activation",
                                        "#accuracy",        "#ASR",     NULL};
    size_t i;
    const json_t *step;
    fputs("<details><summary>Every step</summary>\n", out);
    html_table_open(out, "Every step; ASR of the first trigger", heads);
    json_array_foreach(curve, i, step) {
        if (i == REPORT_ROWS)
            break;
        fputs("<tr>", out);
        html_cell_number(out, step, "pruned");
        html_cell_number(out, step, "channel");
        html_cell_number(out, step, "activation");
        write_cell(out, step, SIZE_MAX);
        write_cell(out, step, 0);
        fputs("</tr>\n", out);
    }
    html_row_more(out, i, json_array_size(curve), sizeof heads / sizeof *heads - 1);
    html_table_close(out);
    fputs("</details>\n", out);
}

static void write_chart(report *r, const json_t *root, plot_point *points) {
    static const char *const names[ATTACKS] = {"ASR", "ASR of trigger 2", "ASR of trigger 3",
                                               "ASR of trigger 4", "ASR of trigger 5"};
    const json_t *curve = json_object_get(root, "curve");
    plot p = plot_make("Accuracy and ASR as channels are pruned", "channels pruned",
                       "share of images (%)", PLOT_LINES);
    p.percent = p.whole = true;
    if (html_get(json_object_get(root, "pruning"), "pruned", &p.x_line))
        p.line_name = "chosen";
    add_series(&p, curve, SIZE_MAX, "accuracy", points);
    for (size_t i = 0; i < ATTACKS; i++)
        add_series(&p, curve, i, names[i], points + (i + 1) * PLOT_POINTS);
    fputs("<div class=\"charts\">\n", r->out);
    plot_write(r, &p);
    fputs("</div>\n", r->out);
}

static void write(report *r, const report_record *record) {
    td_arena arena = {0};
    plot_point *points;
    if (TD_ARENA_NEW(&arena, (size_t)PLOT_POINTS * PLOT_SERIES, &points, "points", NULL) == TD_OK)
        write_chart(r, record->root, points);
    td_arena_free(&arena);
    write_table(r->out, json_object_get(record->root, "curve"));
}

const report_section section_curve = {"Pruning", shows, write, NULL};
