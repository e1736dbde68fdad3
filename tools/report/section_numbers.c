/* Every other single value at the top of a record or one level below, so that nothing that a tool
 * measured is missing from the page. */
#include "report/html.h"
#include "report/section.h"
#include <string.h>

/* Shown elsewhere. */
static const char *const elsewhere[] = {"tool",   "version", "blas_core", "seed",      "options",
                                        "inputs", "outputs", "timing",    "histogram", "test",
                                        "method", "rule",    "verdict",   "summary",   "advice"};

static bool ends(const char *key, const char *ending) {
    size_t length = strlen(key), least = strlen(ending);
    return length > least && strcmp(key + length - least, ending) == 0;
}

static bool is_elsewhere(const json_t *object, const char *key) {
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        if (strcmp(key, elsewhere[i]) == 0)
            return true;
    return html_is_rate(object, key) || ends(key, "_interval") || ends(key, "_count");
}

static bool is_single(const json_t *value) {
    return json_is_string(value) || json_is_number(value) || json_is_boolean(value);
}

static void write_row(FILE *out, const char *outer, const char *key, const json_t *value) {
    fputs("<div><dt>", out);
    if (outer) {
        html_label(out, outer);
        fputs(": ", out);
    }
    html_label(out, key);
    fputs("</dt><dd>", out);
    html_json(out, value);
    fputs("</dd></div>\n", out);
}

/* Writes the values, or only counts them where `out` is NULL. */
static size_t write_object(FILE *out, const json_t *object, const char *outer) {
    size_t rows = 0;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        if (rows > REPORT_ROWS || (is_elsewhere(object, key) && !outer))
            continue;
        if (is_single(value) && !html_is_rate(object, key)) {
            rows++;
            if (out)
                write_row(out, outer, key, value);
        } else if (json_is_object(value) && !outer) {
            rows += write_object(out, value, key);
        }
    }
    return rows;
}

static bool shows(report *r, const report_record *record) {
    (void)r;
    return write_object(NULL, record->root, NULL) > 0;
}

static void write(report *r, const report_record *record) {
    fputs("<dl class=\"values\">\n", r->out);
    write_object(r->out, record->root, NULL);
    fputs("</dl>\n", r->out);
}

const report_section section_numbers = {"Other values", shows, write, NULL};
