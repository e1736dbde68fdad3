/* Accuracy and attack success of models, with their intervals. */
#include "report/html.h"
#include "report/section.h"

static const char *const heads[] = {"model",         "trigger",     "#target",
                                    "#accuracy",     "#ASR",        "#robust accuracy",
                                    "#non-targeted", "#confidence", NULL};

enum { COLUMNS = sizeof heads / sizeof *heads - 1 };

static bool shows(report *r, const report_record *record) {
    (void)r;
    const json_t *models = json_object_get(record->root, "models");
    return json_array_size(models) > 0 && json_is_object(json_array_get(models, 0));
}

static void write_row(FILE *out, const json_t *model, const json_t *trigger,
                      const report_record *lead) {
    fputs("<tr>", out);
    if (lead)
        html_cell(out, lead->file.name);
    html_cell(out, html_get_text(model, "file"));
    html_cell(out, html_get_text(trigger, "trigger"));
    html_cell_number(out, trigger, "target");
    html_cell_rate(out, model, "accuracy");
    html_cell_rate(out, trigger, "asr");
    html_cell_rate(out, trigger, "robust_accuracy");
    html_cell_rate(out, trigger, "non_targeted");
    html_cell_rate(out, trigger, "confidence");
    fputs("</tr>\n", out);
}

void section_attack_rows(FILE *out, const json_t *root, const report_record *lead, size_t *rows) {
    size_t i, k;
    const json_t *model, *trigger;
    json_array_foreach(json_object_get(root, "models"), i, model) {
        const json_t *triggers = json_object_get(model, "triggers");
        json_array_foreach(triggers, k, trigger) {
            if ((*rows)++ < REPORT_ROWS)
                write_row(out, model, trigger, lead);
        }
        if (json_array_size(triggers) == 0 && (*rows)++ < REPORT_ROWS)
            write_row(out, model, NULL, lead);
    }
}

static void write(report *r, const report_record *record) {
    size_t rows = 0;
    html_table_open(r->out, "Rates with their 95 % intervals", heads);
    section_attack_rows(r->out, record->root, NULL, &rows);
    html_row_more(r->out, REPORT_ROWS, rows, COLUMNS);
    html_table_close(r->out);
}

static void headline(FILE *out, const json_t *root) {
    const json_t *models = json_object_get(root, "models"), *model = json_array_get(models, 0),
                 *trigger = json_array_get(json_object_get(model, "triggers"), 0);
    if (!html_is_rate(model, "accuracy"))
        return;
    fputs("accuracy ", out);
    html_rate(out, model, "accuracy");
    if (trigger) {
        fputs(", ASR ", out);
        html_rate(out, trigger, "asr");
    }
    if (json_array_size(models) > 1)
        fprintf(out, " (first of %zu models)", json_array_size(models));
}

const report_section section_attacks = {"Measured", shows, write, headline};
