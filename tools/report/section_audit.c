/* The verdict of an audit: what it says, by what evidence, and what was not looked at. */
#include "report/html.h"
#include "report/picture.h"
#include "report/section.h"
#include <string.h>

enum { MOST_PICTURES = 24 };

static bool shows(report *r, const report_record *record) {
    (void)r;
    return json_is_string(json_object_get(record->root, "verdict")) &&
           json_is_array(json_object_get(record->root, "evidence"));
}

static bool is_bad(const json_t *root) {
    return strncmp(html_get_text(root, "verdict"), "backdoor-", 9) == 0;
}

static void write_verdict(FILE *out, const json_t *root) {
    fprintf(out, "<p class=\"verdict%s\">", is_bad(root) ? " bad" : "");
    html_prose(out, html_get_text(root, "summary"));
    fputs("</p>\n<p>", out);
    html_prose(out, html_get_text(root, "advice"));
    fputs("</p>\n", out);
}

static void write_finding(report *r, const report_record *record, const json_t *entry) {
    const bool flagged = json_is_true(json_object_get(entry, "flagged"));
    fprintf(r->out, "<li%s><b>", flagged ? " class=\"flagged\"" : "");
    section_link(r, record, html_get_text(entry, "record"), html_get_text(entry, "title"));
    fputs("</b>: ", r->out);
    html_prose(r->out, html_get_text(entry, "finding"));
    fputs(".</li>\n", r->out);
}

static void write_evidence(report *r, const report_record *record) {
    const json_t *list = json_object_get(record->root, "evidence"), *entry;
    size_t i;
    if (json_array_size(list) == 0)
        return;
    fputs("<h3>What was seen</h3>\n<ul class=\"evidence\">\n", r->out);
    json_array_foreach(list, i, entry) {
        if (i < REPORT_ROWS)
            write_finding(r, record, entry);
    }
    fputs("</ul>\n", r->out);
}

/* A picture that the record names below its own folder. It is shown once more with the record of
 * the method that wrote it. */
static const report_file *find_picture(const report *r, const report_record *record,
                                       const char *name) {
    const char *slash = strrchr(record->file.name, '/');
    const size_t folder = slash ? (size_t)(slash + 1 - record->file.name) : 0;
    for (size_t i = 0; i < r->picture_count; i++) {
        const char *other = r->pictures[i].file.name;
        if (strncmp(other, record->file.name, folder) == 0 && strcmp(other + folder, name) == 0)
            return &r->pictures[i].file;
    }
    return NULL;
}

static void write_pictures(report *r, const report_record *record) {
    const json_t *list = json_object_get(record->root, "pictures");
    size_t i, shown = 0;
    const json_t *entry;
    json_array_foreach(list, i, entry) {
        const char *name = json_string_value(entry);
        const report_file *file =
            name && shown < MOST_PICTURES ? find_picture(r, record, name) : NULL;
        if (!file)
            continue;
        fputs(shown++ == 0 ? "<h3>Recovered triggers</h3>\n<div class=\"gallery\">\n" : "", r->out);
        fputs("<figure class=\"picture flagged\">", r->out);
        picture_write(r, file, name);
        fputs("<figcaption>", r->out);
        html_text(r->out, name);
        fputs("</figcaption></figure>\n", r->out);
    }
    fputs(shown > 0 ? "</div>\n" : "", r->out);
}

static void write_limits(FILE *out, const json_t *list) {
    size_t i;
    const json_t *entry;
    if (json_array_size(list) == 0)
        return;
    fputs("<h3>What was not looked at, or cannot be seen</h3>\n<ul class=\"limits\">\n", out);
    json_array_foreach(list, i, entry) {
        if (i == REPORT_ROWS)
            break;
        fputs("<li>", out);
        html_prose(out, json_string_value(entry));
        fputs("</li>\n", out);
    }
    fputs("</ul>\n", out);
}

static void write_steps(report *r, const report_record *record) {
    static const char *const heads[] = {"method", "state", NULL};
    const json_t *list = json_object_get(record->root, "steps"), *entry;
    size_t i;
    if (json_array_size(list) == 0)
        return;
    html_table_open(r->out, "Methods", heads);
    json_array_foreach(list, i, entry) {
        if (i == REPORT_ROWS)
            break;
        fputs("<tr>", r->out);
        html_cell(r->out, html_get_text(entry, "title"));
        html_cell(r->out, html_get_text(entry, "state"));
        fputs("</tr>\n", r->out);
    }
    html_table_close(r->out);
}

static void write(report *r, const report_record *record) {
    write_verdict(r->out, record->root);
    write_evidence(r, record);
    write_pictures(r, record);
    write_limits(r->out, json_object_get(record->root, "limits"));
    write_steps(r, record);
}

static void headline(FILE *out, const json_t *root) {
    if (json_is_array(json_object_get(root, "evidence")))
        html_text(out, html_get_text(root, "summary"));
}

const report_section section_audit = {NULL, shows, write, headline};
