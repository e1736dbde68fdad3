/* The page around the sections: head, tables of all records, one article a record, notes. */
#include "frame/interrupt.h"
#include "report/html.h"
#include "report/picture.h"
#include "report/results/results.h"
#include "report/section.h"
#include <nettle/base64.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

/* style.css and page.js, line by line. */
static const char *const style[] = {
#include "style.inc"
};
static const char *const script[] = {
#include "page.inc"
};

enum { STYLE_LINES = sizeof style / sizeof *style, SCRIPT_LINES = sizeof script / sizeof *script };

static void put_lines(FILE *out, const char *const *lines, size_t count) {
    for (size_t i = 0; i < count; i++)
        fputs(lines[i], out);
}

/* The checksum by which the page's policy tells its own script from any other. */
static void write_script_hash(FILE *out) {
    struct sha256_ctx hash;
    uint8_t digest[SHA256_DIGEST_SIZE];
    char text[BASE64_ENCODE_RAW_LENGTH(SHA256_DIGEST_SIZE)];
    sha256_init(&hash);
    for (size_t i = 0; i < SCRIPT_LINES; i++)
        sha256_update(&hash, strlen(script[i]), (const uint8_t *)script[i]);
    sha256_digest(&hash, sizeof digest, digest);
    base64_encode_raw(text, sizeof digest, digest);
    fwrite(text, 1, sizeof text, out);
}

static void write_head(const report *r) {
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src "
          "data:; style-src 'unsafe-inline'; script-src 'sha256-",
          r->out);
    write_script_hash(r->out);
    fputs("'\">\n<title>", r->out);
    html_text(r->out, r->title);
    fputs("</title>\n<style>\n", r->out);
    put_lines(r->out, style, STYLE_LINES);
    fputs("</style>\n</head>\n<body>\n<header><h1>", r->out);
    html_text(r->out, r->title);
    fprintf(r->out, "</h1><p>%zu record%s, by trapdoor-report %s</p></header>\n<main>\n",
            r->record_count, r->record_count == 1 ? "" : "s", TD_VERSION);
}

void section_anchor(FILE *out, const report *r, const report_record *record) {
    fprintf(out, "record-%zu", (size_t)(record - r->records) + 1);
}

/* "audit/cleanse/record.json" for audit/audit.json and cleanse/record.json. */
static bool is_beside(const report_record *record, const report_record *other, const char *name) {
    const char *slash = strrchr(record->file.name, '/');
    const size_t folder = slash ? (size_t)(slash + 1 - record->file.name) : 0;
    return strncmp(other->file.name, record->file.name, folder) == 0 &&
           strcmp(other->file.name + folder, name) == 0;
}

void section_link(report *r, const report_record *record, const char *name, const char *text) {
    const report_record *other = NULL;
    for (size_t i = 0; i < r->record_count && !other; i++)
        if (is_beside(record, &r->records[i], name))
            other = &r->records[i];
    if (other) {
        fputs("<a href=\"#", r->out);
        section_anchor(r->out, r, other);
        fputs("\">", r->out);
    }
    html_text(r->out, text);
    fputs(other ? "</a>" : "", r->out);
}

/* What the record is about, beside its kind: the method, rule or net that was asked for. */
static const char *subject_of(const json_t *root) {
    static const char *const keys[] = {"method", "rule", "command", "net"};
    const json_t *options = json_object_get(root, "options");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *text = html_get_text(options ? options : root, keys[i]);
        if (*text)
            return text;
    }
    return "";
}

/* "Defence: prune" */
static void write_what(FILE *out, const report_record *record) {
    const char *subject = subject_of(record->root);
    fputs(record->kind->title, out);
    fputs(*subject ? ": " : "", out);
    html_text(out, subject);
}

static void write_headlines(FILE *out, const json_t *root) {
    for (const report_section *const *s = report_sections; *s; s++) {
        if (!(*s)->headline)
            continue;
        long before = ftell(out);
        (*s)->headline(out, root);
        if (ftell(out) != before)
            return;
    }
}

/* Headlines are written to memory, so that it shows whether there is one. */
static void write_headline(FILE *out, const json_t *root) {
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    if (!memory)
        return;
    write_headlines(memory, root);
    if (fclose(memory) == 0)
        fputs(text, out);
    free(text);
}

static void write_overview(const report *r) {
    static const char *const heads[] = {"record", "what", "result", "#seed", NULL};
    fputs("<section id=\"overview\">\n", r->out);
    html_table_open(r->out, "All records", heads);
    for (size_t i = 0; i < r->record_count; i++) {
        const report_record *record = &r->records[i];
        fputs("<tr><td><a href=\"#", r->out);
        section_anchor(r->out, r, record);
        fputs("\">", r->out);
        html_text(r->out, record->file.name);
        fputs("</a></td>", r->out);
        fputs("<td>", r->out);
        write_what(r->out, record);
        fputs("</td><td>", r->out);
        write_headline(r->out, record->root);
        fputs("</td>", r->out);
        html_cell_number(r->out, record->root, "seed");
        fputs("</tr>\n", r->out);
    }
    html_table_close(r->out);
    fputs("</section>\n", r->out);
}

/* With several evaluations: all their models in one table. */
static void write_comparison(const report *r) {
    static const char *const heads[] = {"record",      "model", "trigger",          "#target",
                                        "#accuracy",   "#ASR",  "#robust accuracy", "#non-targeted",
                                        "#confidence", NULL};
    size_t count = 0, rows = 0;
    for (size_t i = 0; i < r->record_count; i++)
        count += json_is_array(json_object_get(r->records[i].root, "models"));
    if (count < 2)
        return;
    fputs("<section id=\"models\"><h2>All models that were measured</h2>\n", r->out);
    html_table_open(r->out, "Rates with their 95 % intervals", heads);
    for (size_t i = 0; i < r->record_count; i++)
        section_attack_rows(r->out, r->records[i].root, &r->records[i], &rows);
    html_row_more(r->out, REPORT_ROWS, rows, sizeof heads / sizeof *heads - 1);
    html_table_close(r->out);
    fputs("</section>\n", r->out);
}

static bool is_full(const report *r) {
    return ftello(r->out) > REPORT_PAGE_BYTES;
}

static void write_sections(report *r, const report_record *record) {
    for (const report_section *const *s = report_sections; *s; s++) {
        if (is_full(r)) {
            report_trouble_add(r, record->file.name, "left out in part: the page is full");
            fputs("<p class=\"note\">The rest is left out: the page is full.</p>\n", r->out);
            return;
        }
        if (!(*s)->shows(r, record))
            continue;
        if ((*s)->title)
            fprintf(r->out, "<h3>%s</h3>\n", (*s)->title);
        (*s)->write(r, record);
    }
}

static void write_record(report *r, const report_record *record) {
    fputs("<article id=\"", r->out);
    section_anchor(r->out, r, record);
    fputs("\"><h2>", r->out);
    write_what(r->out, record);
    fputs(" <small>", r->out);
    html_text(r->out, record->file.name);
    fputs("</small></h2>\n", r->out);
    write_sections(r, record);
    fputs("</article>\n", r->out);
}

static void write_others(report *r) {
    bool any = false;
    for (size_t i = 0; i < r->picture_count && !any; i++)
        any = !r->pictures[i].record;
    if (!any)
        return;
    fputs("<section id=\"pictures\"><h2>Other pictures</h2>\n", r->out);
    picture_gallery(r, NULL);
    fputs("</section>\n", r->out);
}

/* Pictures beyond the limit, one note for all of them. */
static void note_pictures(report *r) {
    for (size_t i = 0; i < r->picture_count; i++)
        if (!r->pictures[i].shown) {
            report_trouble_add(r, r->pictures[i].file.name, "left out: too many pictures");
            return;
        }
}

static void write_notes(const report *r) {
    if (r->trouble_count + r->stranger_count == 0)
        return;
    fputs("<section id=\"notes\"><h2>Notes</h2>\n", r->out);
    if (r->trouble_count > 0)
        fputs("<p>Not shown as they should be:</p><ul class=\"troubles\">\n", r->out);
    for (size_t i = 0; i < r->trouble_count && i < REPORT_ROWS; i++) {
        fputs("<li><b>", r->out);
        html_text(r->out, r->troubles[i].name);
        fputs("</b>: ", r->out);
        html_text(r->out, r->troubles[i].reason);
        fputs("</li>\n", r->out);
    }
    fputs(r->trouble_count > 0 ? "</ul>\n" : "", r->out);
    if (r->stranger_count > 0)
        fputs("<p>JSON files that are no records:", r->out);
    for (size_t i = 0; i < r->stranger_count && i < REPORT_ROWS; i++) {
        fputs(i > 0 ? ", " : " ", r->out);
        html_text(r->out, r->strangers[i]);
    }
    fputs(r->stranger_count > 0 ? ".</p>\n" : "", r->out);
    fputs("</section>\n", r->out);
}

static td_status write_records(report *r, bool leading, td_error *error) {
    for (size_t i = 0; i < r->record_count; i++) {
        if (tool_interrupted())
            return td_fail(error, TD_ERR_INTERRUPTED, "interrupted");
        if (r->records[i].kind->leads != leading)
            continue;
        if (!is_full(r))
            write_record(r, &r->records[i]);
        else
            report_trouble_add(r, r->records[i].file.name, "left out: the page is full");
    }
    return TD_OK;
}

td_status report_page(report *r, td_error *error) {
    write_head(r);
    results_page(r, r->results);
    TD_TRY(write_records(r, true, error));
    write_overview(r);
    write_comparison(r);
    TD_TRY(write_records(r, false, error));
    if (!is_full(r))
        write_others(r);
    note_pictures(r);
    write_notes(r);
    fputs("</main>\n<script>", r->out);
    put_lines(r->out, script, SCRIPT_LINES);
    fputs("</script>\n</body>\n</html>\n", r->out);
    return TD_OK;
}
