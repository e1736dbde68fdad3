/* A repaired model before and after, as every repair measures it. */
#include "report/html.h"
#include "report/section.h"
#include <string.h>

static const json_t *part(const json_t *root, const char *name) {
    return json_object_get(json_object_get(root, "test"), name);
}

static bool shows(report *r, const report_record *record) {
    (void)r;
    return json_is_object(part(record->root, "before")) &&
           json_is_object(part(record->root, "after"));
}

static void write_row(FILE *out, const char *measure, const char *of, const json_t *before,
                      const json_t *after, const char *key) {
    fputs("<tr><td>", out);
    html_text(out, measure);
    fputs("</td>", out);
    html_cell(out, of);
    html_cell_rate(out, before, key);
    html_cell_rate(out, after, key);
    html_cell_number(out, strcmp(key, "asr") == 0 ? after : NULL, "der");
    fputs("</tr>\n", out);
}

static const json_t *entry(const json_t *figures, const char *list, size_t number) {
    return json_array_get(json_object_get(figures, list), number);
}

static void write_attacks(FILE *out, const json_t *before, const json_t *after) {
    for (size_t i = 0; entry(before, "triggers", i) && i < REPORT_ROWS; i++) {
        const json_t *old = entry(before, "triggers", i), *new = entry(after, "triggers", i);
        const char *trigger = html_get_text(old, "trigger");
        write_row(out, "ASR", trigger, old, new, "asr");
        write_row(out, "robust accuracy", trigger, old, new, "robust_accuracy");
    }
}

static void write_classes(FILE *out, const json_t *before, const json_t *after) {
    static const char *const heads[] = {"#class", "#accuracy before", "#accuracy after", NULL};
    if (!entry(before, "classes", 0))
        return;
    fputs("<details><summary>Accuracy by class</summary>\n", out);
    html_table_open(out, "Accuracy by class, with 95 % intervals", heads);
    for (size_t i = 0; entry(before, "classes", i) && i < REPORT_ROWS; i++) {
        fputs("<tr>", out);
        html_cell_number(out, entry(before, "classes", i), "class");
        html_cell_rate(out, entry(before, "classes", i), "accuracy");
        html_cell_rate(out, entry(after, "classes", i), "accuracy");
        fputs("</tr>\n", out);
    }
    html_table_close(out);
    fputs("</details>\n", out);
}

static void write(report *r, const report_record *record) {
    static const char *const heads[] = {
        "measure", "trigger", "#before", "#after", "#defence effectiveness rating (DER)", NULL};
    const json_t *before = part(record->root, "before"), *after = part(record->root, "after");
    html_table_open(r->out, "Before and after the repair, with 95 % intervals", heads);
    write_row(r->out, "accuracy", "", before, after, "accuracy");
    write_attacks(r->out, before, after);
    html_table_close(r->out);
    write_classes(r->out, before, after);
}

static void write_change(FILE *out, const json_t *before, const json_t *after, const char *key) {
    html_rate(out, before, key);
    fputs(" → ", out);
    html_rate(out, after, key);
}

static void headline(FILE *out, const json_t *root) {
    const json_t *before = part(root, "before"), *after = part(root, "after");
    if (!before || !after)
        return;
    fputs("accuracy ", out);
    write_change(out, before, after, "accuracy");
    if (entry(before, "triggers", 0)) {
        fputs(", ASR ", out);
        write_change(out, entry(before, "triggers", 0), entry(after, "triggers", 0), "asr");
    }
}

const report_section section_repair = {"Repair", shows, write, headline};
