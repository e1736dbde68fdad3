/* Backdoors that were planted: in data by trapdoor-poison, or in a model by trapdoor-implant; also
 * of their manifests. */
#include "report/html.h"
#include "report/section.h"

static bool shows(report *r, const report_record *record) {
    (void)r;
    const json_t *trigger = json_array_get(json_object_get(record->root, "triggers"), 0);
    return json_is_object(trigger) && json_object_get(trigger, "target");
}

/* The sets that were written: `sets` of a record, `outputs` of a manifest. */
static const json_t *sets_of(const json_t *root) {
    const json_t *sets = json_object_get(root, "sets");
    sets = sets ? sets : json_object_get(root, "outputs");
    return json_object_get(json_array_get(sets, 0), "poisoned") ? sets : NULL;
}

static void write_share(FILE *out, const json_t *object, const char *key) {
    double share;
    html_get(object, key, &share);
    html_cell_percent(out, share);
}

static void write_sets(FILE *out, const json_t *sets) {
    static const char *const heads[] = {"set", "#images", "#poisoned", "#share", NULL};
    size_t i;
    const json_t *set;
    if (!sets)
        return;
    html_table_open(out, "Sets that were written", heads);
    json_array_foreach(sets, i, set) {
        double images, poisoned;
        if (i == REPORT_ROWS)
            break;
        const char *name = html_get_text(set, "name");
        fputs("<tr>", out);
        html_cell(out, *name ? name : html_get_text(set, "file"));
        html_cell_number(out, set, "count");
        html_cell_number(out, set, "poisoned");
        html_get(set, "count", &images);
        html_get(set, "poisoned", &poisoned);
        html_cell_percent(out, poisoned / images);
        fputs("</tr>\n", out);
    }
    html_row_more(out, i, json_array_size(sets), 4);
    html_table_close(out);
}

static void write_trigger(FILE *out, const json_t *trigger) {
    const json_t *similarity = json_object_get(trigger, "similarity");
    fputs("<tr>", out);
    html_cell(out, html_get_text(trigger, "trigger"));
    fputs("<td class=\"n\">", out);
    html_json(out, json_object_get(trigger, "target"));
    fputs("</td>", out);
    html_cell_number(out, trigger, "count");
    write_share(out, trigger, "ratio_of_set");
    write_share(out, trigger, "ratio_of_class");
    html_cell_number(out, similarity, "psnr");
    html_cell_number(out, similarity, "ssim");
    html_cell_number(out, similarity, "linf");
    fputs("</tr>\n", out);
}

static void write(report *r, const report_record *record) {
    static const char *const heads[] = {
        "trigger", "#target", "#images", "#ratio of the set", "#ratio of the class", "#PSNR (dB)",
        "#SSIM",   "#L∞",     NULL};
    const json_t *triggers = json_object_get(record->root, "triggers"), *trigger;
    size_t i;
    html_table_open(r->out, "Triggers; similarity is between images and their triggered twins",
                    heads);
    json_array_foreach(triggers, i, trigger) {
        if (i < REPORT_ROWS)
            write_trigger(r->out, trigger);
    }
    html_row_more(r->out, REPORT_ROWS, i, sizeof heads / sizeof *heads - 1);
    html_table_close(r->out);
    write_sets(r->out, sets_of(record->root));
}

static void headline(FILE *out, const json_t *root) {
    const json_t *triggers = json_object_get(root, "triggers"),
                 *trigger = json_array_get(triggers, 0);
    double ratio;
    html_text(out, html_get_text(trigger, "trigger"));
    if (html_get(trigger, "ratio_of_set", &ratio)) {
        fputs(", ", out);
        html_percent(out, ratio);
        fputs(" of the set", out);
    }
    if (json_array_size(triggers) > 1)
        fprintf(out, " (first of %zu triggers)", json_array_size(triggers));
}

const report_section section_poison = {"Backdoor", shows, write, headline};
