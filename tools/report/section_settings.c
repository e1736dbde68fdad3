/* What was asked, and what was read and written, with checksums. */
#include "report/html.h"
#include "report/section.h"
#include <string.h>

static bool shows(report *r, const report_record *record) {
    (void)r;
    (void)record;
    return true;
}

static void write_value(FILE *out, const char *key, const json_t *value) {
    if (!value)
        return;
    fputs("<div><dt>", out);
    html_label(out, key);
    fputs("</dt><dd>", out);
    html_json(out, value);
    fputs("</dd></div>\n", out);
}

static void write_values(FILE *out, const json_t *root) {
    static const char *const run[] = {"tool", "version", "blas_core", "seed"};
    const json_t *options = json_object_get(root, "options"),
                 *timing = json_object_get(root, "timing");
    size_t rows = 0;
    const char *key;
    json_t *value;
    fputs("<dl class=\"values\">\n", out);
    json_object_foreach((json_t *)options, key, value) {
        if (rows++ < REPORT_ROWS)
            write_value(out, key, value);
    }
    for (size_t i = 0; i < sizeof run / sizeof *run; i++)
        write_value(out, run[i], json_object_get(root, run[i]));
    write_value(out, "seconds", json_object_get(timing, "seconds"));
    write_value(out, "threads", json_object_get(timing, "threads"));
    fputs("</dl>\n", out);
}

/* Where the file came from: a link to the record that has it as an output. */
static void write_maker(report *r, const report_record *record, const char *digest) {
    const report_record *maker = report_maker(r, digest);
    if (!maker || maker == record)
        return;
    fputs("<a href=\"#", r->out);
    section_anchor(r->out, r, maker);
    fputs("\">", r->out);
    html_text(r->out, maker->file.name);
    fputs("</a>", r->out);
}

static void write_files(report *r, const report_record *record, const char *list, const char *key) {
    const char *const heads[] = {"file", "SHA-256", strcmp(key, "path") == 0 ? "made by" : NULL,
                                 NULL};
    const json_t *files = json_object_get(record->root, list), *file;
    size_t i;
    if (json_array_size(files) == 0)
        return;
    html_table_open(r->out, strcmp(key, "path") == 0 ? "Files read" : "Files written", heads);
    json_array_foreach(files, i, file) {
        const char *digest = html_get_text(file, "sha256");
        if (i == REPORT_ROWS)
            break;
        fputs("<tr>", r->out);
        html_cell(r->out, html_get_text(file, key));
        fputs("<td><code>", r->out);
        html_text(r->out, digest);
        fputs("</code></td>", r->out);
        if (heads[2]) {
            fputs("<td>", r->out);
            write_maker(r, record, digest);
            fputs("</td>", r->out);
        }
        fputs("</tr>\n", r->out);
    }
    html_row_more(r->out, i, json_array_size(files), heads[2] ? 3 : 2);
    html_table_close(r->out);
}

static void write(report *r, const report_record *record) {
    fputs("<details><summary>Settings and provenance</summary>\n", r->out);
    write_values(r->out, record->root);
    write_files(r, record, "inputs", "path");
    write_files(r, record, "outputs", "file");
    fprintf(r->out, "<p class=\"note\">SHA-256 of the record: <code>%s</code></p>\n",
            record->digest.hex);
    fputs("</details>\n", r->out);
}

const report_section section_settings = {NULL, shows, write, NULL};
