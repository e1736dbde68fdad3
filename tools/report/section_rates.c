/* Any rates with intervals at the top of a record, as those of trapdoor-evade, or one level below,
 * as those by which repairs chose. */
#include "report/html.h"
#include "report/section.h"
#include <string.h>

/* Writes the rates of an object, or only counts them where `out` is NULL. `outer` is the object's
 * name; NULL: it is the record. */
static size_t write_rates(FILE *out, const json_t *object, const char *outer) {
    size_t count = 0;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        if (json_is_object(value) && !outer && strcmp(key, "test") != 0)
            count += write_rates(out, value, key);
        if (!html_is_rate(object, key) || count++ >= REPORT_ROWS || !out)
            continue;
        fputs("<tr><td>", out);
        if (outer)
            html_label(out, outer);
        fputs(outer ? ": " : "", out);
        html_label(out, key);
        fputs("</td>", out);
        html_cell_rate(out, object, key);
        fputs("</tr>\n", out);
    }
    return count;
}

static bool shows(report *r, const report_record *record) {
    (void)r;
    return write_rates(NULL, record->root, NULL) > 0;
}

static void write(report *r, const report_record *record) {
    static const char *const heads[] = {"measure", "#value [95 % interval]", NULL};
    html_table_open(r->out, "Rates with their 95 % intervals", heads);
    write_rates(r->out, record->root, NULL);
    html_table_close(r->out);
}

static void headline(FILE *out, const json_t *root) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)root, key, value) {
        if (html_is_rate(root, key)) {
            html_label(out, key);
            fputc(' ', out);
            html_rate(out, root, key);
            return;
        }
    }
}

const report_section section_rates = {"Measured", shows, write, headline};
