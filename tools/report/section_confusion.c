/* Which classes are taken for which: on clean images, and under each trigger or attack. */
#include "report/html.h"
#include "report/section.h"

enum { MAPS = 24 }; /* of a record */

static bool shows(report *r, const report_record *record) {
    (void)r;
    const json_t *model = json_array_get(json_object_get(record->root, "models"), 0);
    return json_is_array(json_object_get(model, "confusion")) ||
           json_is_array(json_object_get(record->root, "pairs"));
}

static void write_map(FILE *out, const char *what, const char *of, const json_t *counts,
                      json_int_t target, size_t *maps) {
    char caption[256];
    if (!json_is_array(counts) || (*maps)++ >= MAPS)
        return;
    snprintf(caption, sizeof caption, "%s%s%s", of, *of ? ": " : "", what);
    section_heat_map(out, caption, counts, target);
}

static void write(report *r, const report_record *record) {
    size_t i, k, maps = 0;
    const json_t *model, *trigger;
    fputs("<div class=\"maps\">\n", r->out);
    write_map(r->out, "under the attack", "", json_object_get(record->root, "pairs"), -1, &maps);
    json_array_foreach(json_object_get(record->root, "models"), i, model) {
        const char *file = html_get_text(model, "file");
        write_map(r->out, "clean images", file, json_object_get(model, "confusion"), -1, &maps);
        json_array_foreach(json_object_get(model, "triggers"), k, trigger) {
            const json_t *target = json_object_get(trigger, "target");
            write_map(r->out, html_get_text(trigger, "trigger"), file,
                      json_object_get(trigger, "pairs"),
                      json_is_integer(target) ? json_integer_value(target) : -1, &maps);
        }
    }
    fputs("</div>\n", r->out);
    if (maps > MAPS)
        fprintf(r->out, "<p class=\"note\">%zu more are left out.</p>\n", maps - MAPS);
}

const report_section section_confusion = {"True and predicted classes", shows, write, NULL};
