/* Training, epoch by epoch. */
#include "report/html.h"
#include "report/plot.h"
#include "report/section.h"
#include <math.h>
#include <stdint.h>

enum { WATCHED = PLOT_SERIES - 2 };

static const json_t *epochs_of(const json_t *root) {
    return json_object_get(root, "epochs");
}

static bool shows(report *r, const report_record *record) {
    (void)r;
    return json_is_object(json_array_get(epochs_of(record->root), 0));
}

/* Epoch and `key`, times `scale`, of each entry; of its trigger of that number unless SIZE_MAX. */
static size_t fill(plot_point *points, const json_t *epochs, const char *key, size_t trigger,
                   double scale) {
    size_t i, count = 0;
    const json_t *epoch;
    json_array_foreach(epochs, i, epoch) {
        double number, value;
        const json_t *object = trigger == SIZE_MAX
                                   ? epoch
                                   : json_array_get(json_object_get(epoch, "triggers"), trigger);
        if (count == PLOT_POINTS)
            break;
        if (html_get(epoch, "epoch", &number) && html_get(object, key, &value))
            points[count++] = (plot_point){number, scale * value, NAN, NAN};
    }
    return count;
}

static void write_loss(report *r, const json_t *epochs, plot_point *points) {
    plot p = plot_make("Loss", "epoch", "loss (cross entropy, nats)", PLOT_LINES);
    p.whole = true;
    plot_add(&p, "training images", points, fill(points, epochs, "loss", SIZE_MAX, 1));
    plot_write(r, &p);
}

static void write_rates(report *r, const json_t *epochs, plot_point *points) {
    char names[WATCHED][32];
    plot p = plot_make("Accuracy and ASR", "epoch", "share of images (%)", PLOT_LINES);
    const json_t *watched =
        json_object_get(json_array_get(epochs, json_array_size(epochs) - 1), "triggers");
    p.percent = p.whole = true;
    size_t count = fill(points, epochs, "accuracy", SIZE_MAX, 100);
    plot_add(&p, "accuracy, training", points, count);
    points += PLOT_POINTS;
    count = fill(points, epochs, "validation_accuracy", SIZE_MAX, 100);
    plot_add(&p, "accuracy, validation", points, count);
    for (size_t i = 0; i < json_array_size(watched) && i < WATCHED; i++) {
        points += PLOT_POINTS;
        snprintf(names[i], sizeof names[i], json_array_size(watched) > 1 ? "ASR %zu" : "ASR",
                 i + 1);
        count = fill(points, epochs, "asr", i, 100);
        plot_add(&p, names[i], points, count);
    }
    plot_write(r, &p);
}

static void write_table(report *r, const json_t *epochs) {
    static const char *const heads[] = {
        "#epoch", "#loss", "#accuracy", "#validation accuracy", "#ASR", "#learning rate", NULL};
    size_t i;
    const json_t *epoch;
    fputs("<details><summary>Every epoch</summary>\n", r->out);
    html_table_open(r->out, "Every epoch; ASR of the first trigger watched", heads);
    json_array_foreach(epochs, i, epoch) {
        double accuracy;
        if (i == REPORT_ROWS)
            break;
        fputs("<tr>", r->out);
        html_cell_number(r->out, epoch, "epoch");
        html_cell_number(r->out, epoch, "loss");
        html_get(epoch, "accuracy", &accuracy);
        html_cell_percent(r->out, accuracy);
        html_cell_rate(r->out, epoch, "validation_accuracy");
        html_cell_rate(r->out, json_array_get(json_object_get(epoch, "triggers"), 0), "asr");
        html_cell_number(r->out, epoch, "lr");
        fputs("</tr>\n", r->out);
    }
    html_row_more(r->out, i, json_array_size(epochs), sizeof heads / sizeof *heads - 1);
    html_table_close(r->out);
    fputs("</details>\n", r->out);
}

static void write(report *r, const report_record *record) {
    const json_t *epochs = epochs_of(record->root);
    td_arena arena = {0};
    plot_point *points;
    if (TD_ARENA_NEW(&arena, (size_t)PLOT_POINTS * PLOT_SERIES, &points, "points", NULL) == TD_OK) {
        fputs("<div class=\"charts\">\n", r->out);
        write_rates(r, epochs, points);
        write_loss(r, epochs, points);
        fputs("</div>\n", r->out);
    }
    td_arena_free(&arena);
    write_table(r, epochs);
}

static void headline(FILE *out, const json_t *root) {
    const json_t *epochs = epochs_of(root),
                 *last = json_array_get(epochs, json_array_size(epochs) - 1),
                 *trigger = json_array_get(json_object_get(last, "triggers"), 0);
    double value;
    if (!last)
        return;
    fprintf(out, "%zu epochs", json_array_size(epochs));
    if (html_get(last, "loss", &value))
        fprintf(out, ", loss %.4g", value);
    if (html_is_rate(last, "validation_accuracy")) {
        fputs(", validation ", out);
        html_rate(out, last, "validation_accuracy");
    } else if (html_get(last, "accuracy", &value)) {
        fputs(", accuracy ", out);
        html_percent(out, value);
    }
    if (trigger) {
        fputs(", ASR ", out);
        html_rate(out, trigger, "asr");
    }
}

const report_section section_training = {"Training", shows, write, headline};
