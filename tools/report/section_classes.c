/* What was found class by class: by inspectors of models, whose anomaly index is drawn with its
 * threshold and whose recovered triggers are shown, and by those of training sets. */
#include "report/html.h"
#include "report/picture.h"
#include "report/plot.h"
#include "report/section.h"
#include <math.h>
#include <string.h>

enum { COLUMNS = 12, CLASSES = 1000, TRIGGERS = 64 };

#define CUTOFF 2.0 /* of the index, where the record does not tell it */

static const json_t *classes_of(const json_t *root) {
    return json_object_get(root, "classes");
}

static bool shows(report *r, const report_record *record) {
    (void)r;
    return json_is_integer(json_object_get(json_array_get(classes_of(record->root), 0), "class"));
}

static bool is_flagged(const json_t *entry) {
    return json_is_true(json_object_get(entry, "flagged"));
}

static void write_index(report *r, const json_t *root) {
    plot_point points[2][CLASSES];
    size_t i, count[2] = {0};
    const json_t *entry;
    double class, index;
    plot p = plot_make("Anomaly index of each class", "class", "anomaly index", PLOT_BARS);
    json_array_foreach(classes_of(root), i, entry) {
        bool flagged = is_flagged(entry);
        if (i < CLASSES && html_get(entry, "class", &class) && html_get(entry, "index", &index))
            points[flagged][count[flagged]++] = (plot_point){class, index, NAN, NAN};
    }
    p.whole = true;
    if (!html_get(root, "cutoff", &p.y_line))
        p.y_line = CUTOFF;
    p.line_name = "threshold";
    plot_add(&p, "not flagged", points[0], count[0]);
    plot_add(&p, "flagged: above it, and small", points[1], count[1]);
    fputs("<div class=\"charts\">\n", r->out);
    plot_write(r, &p);
    fputs("</div>\n", r->out);
}

static bool ends(const char *key, const char *ending) {
    size_t length = strlen(key), least = strlen(ending);
    return length > least && strcmp(key + length - least, ending) == 0;
}

/* The fields that are columns: those of the first class that are single values. */
static size_t choose_columns(const json_t *root, const char **keys) {
    size_t count = 0;
    const char *key;
    json_t *value, *first = json_array_get(classes_of(root), 0);
    json_object_foreach(first, key, value) {
        if (count < COLUMNS && !json_is_object(value) && !ends(key, "_interval") &&
            !ends(key, "_count"))
            keys[count++] = key;
    }
    return count;
}

/* Whether a column is of numbers: a class without a value may come first. */
static bool is_numeric(const json_t *root, const char *key) {
    size_t i;
    const json_t *entry;
    json_array_foreach(classes_of(root), i, entry) {
        if (json_is_number(json_object_get(entry, key)))
            return true;
    }
    return false;
}

static void write_row(FILE *out, const json_t *entry, const char *const *keys, const bool *numeric,
                      size_t columns) {
    fputs(is_flagged(entry) ? "<tr class=\"flagged\">" : "<tr>", out);
    for (size_t k = 0; k < columns; k++) {
        if (html_is_rate(entry, keys[k])) {
            html_cell_rate(out, entry, keys[k]);
        } else if (numeric[k]) {
            html_cell_number(out, entry, keys[k]);
        } else {
            fputs("<td>", out);
            html_json(out, json_object_get(entry, keys[k]));
            fputs("</td>", out);
        }
    }
    fputs("</tr>\n", out);
}

static void write_table(FILE *out, const json_t *root) {
    const char *keys[COLUMNS], *heads[COLUMNS + 1] = {NULL};
    char names[COLUMNS][64];
    bool numeric[COLUMNS];
    size_t i, columns = choose_columns(root, keys);
    const json_t *entry;
    for (i = 0; i < columns; i++) {
        numeric[i] = is_numeric(root, keys[i]);
        snprintf(names[i], sizeof names[i], "%s%s", numeric[i] ? "#" : "", keys[i]);
        heads[i] = names[i];
    }
    html_table_open(out, "Class by class", heads);
    json_array_foreach(classes_of(root), i, entry) {
        if (i == REPORT_ROWS)
            break;
        write_row(out, entry, keys, numeric, columns);
    }
    html_row_more(out, i, json_array_size(classes_of(root)), columns);
    html_table_close(out);
}

/* The pictures of one class; false if there are none. */
static bool write_trigger(report *r, const report_record *record, const json_t *entry, bool first) {
    static const char *const parts[] = {"mask", "pattern", "trigger"};
    bool any = false;
    const json_t *class = json_object_get(entry, "class");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s-%lld.png", parts[i], (long long)json_integer_value(class));
        const report_file *file = picture_take(r, record, name);
        if (!file)
            continue;
        if (first && !any)
            fputs("<h3>Recovered triggers</h3>\n<div class=\"gallery\">\n", r->out);
        if (!any)
            fprintf(r->out, "<figure class=\"picture%s\"><div class=\"parts\">",
                    is_flagged(entry) ? " flagged" : "");
        any = true;
        picture_write(r, file, name);
    }
    if (any)
        fprintf(r->out,
                "</div><figcaption>class %lld%s: mask, pattern, trigger</figcaption></figure>\n",
                (long long)json_integer_value(class), is_flagged(entry) ? " (flagged)" : "");
    return any;
}

static void write(report *r, const report_record *record) {
    const json_t *root = record->root, *entry;
    size_t i, shown = 0;
    if (json_object_get(json_array_get(classes_of(root), 0), "index"))
        write_index(r, root);
    write_table(r->out, root);
    json_array_foreach(classes_of(root), i, entry) {
        if (shown == TRIGGERS)
            break;
        shown += write_trigger(r, record, entry, shown == 0);
    }
    if (shown > 0)
        fputs("</div>\n", r->out);
}

static void headline(FILE *out, const json_t *root) {
    size_t i, flagged = 0;
    const json_t *entry;
    json_array_foreach(classes_of(root), i, entry) {
        if (!is_flagged(entry))
            continue;
        fputs(flagged++ ? ", " : "flagged class ", out);
        html_json(out, json_object_get(entry, "class"));
        if (flagged == 10)
            break;
    }
    if (json_array_size(classes_of(root)) > 0 && flagged == 0)
        fputs("no class flagged", out);
}

const report_section section_classes = {"Classes", shows, write, headline};
