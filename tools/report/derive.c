/* SPDX-License-Identifier: MIT */
/* Derives tables for fields of a record without a table: arrays of objects, single values, and
 * square arrays of numbers. */
#include "base/text.h"
#include "frame/record.h"
#include "report/html.h"
#include "report/report.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_TABLES = 60,
    MOST_COLUMNS = 100, /* of a table */
    MOST_LIST = 8,      /* numbers or texts in one cell */
    MOST_INNER = 4,     /* objects of a list in a row */
    DEPTH = 3,          /* of objects */
    NAME = 320,
};

/* Fields in [0, 1] shown in percent. */
static const char *const shares[] = {"accuracy", "asr", "ratio_of_set", "ratio_of_class", NULL};

/* Top-level fields that the page shows elsewhere. */
static const char *const elsewhere[] = {"tool",   "version", "blas_core", "seed",    "options",
                                        "inputs", "timing",  "tables",    "summary", "verdict",
                                        "advice", "method",  "rule",      NULL};

typedef struct deriver {
    const json_t *root;
    json_t *rows, *tables; /* of the result: the rows of each table, and the descriptions */
    bool in_rows;          /* short lists of objects are also part of a row */
    bool whole;            /* so is everything else, as JSON */
    td_json json;
} deriver;

static bool is_one_of(const char *key, const char *const *keys) {
    while (*keys && strcmp(key, *keys) != 0)
        keys++;
    return *keys != NULL;
}

static bool is_scalar(const json_t *value) {
    return !json_is_array(value) && !json_is_object(value);
}

/* Whether the list contains only values of this type; JSON_REAL means any number. */
static bool all_are(const json_t *list, json_type type) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *value = json_array_get(list, i);
        if (json_typeof(value) != type && !(type == JSON_REAL && json_is_number(value)))
            return false;
    }
    return json_array_size(list) > 0;
}

static bool is_square(const json_t *value) {
    const size_t size = json_array_size(value);
    for (size_t i = 0; i < size; i++)
        if (json_array_size(json_array_get(value, i)) != size ||
            !all_are(json_array_get(value, i), JSON_REAL))
            return false;
    return size > 1 && size < TOOL_TABLE_COLUMNS;
}

static void put(deriver *d, json_t *object, const char *key, json_t *value) {
    td_json_set(&d->json, object, key, value);
}

/* --- rows --- */

/* Numbers or texts in one cell: "3, 5", "a; b". */
static json_t *join(deriver *d, const json_t *list) {
    td_text text;
    size_t i;
    const json_t *value;
    if (!td_text_open(&text))
        return NULL;
    json_array_foreach(list, i, value) {
        if (json_is_string(value))
            fprintf(text.stream, "%s%s", i > 0 ? "; " : "", json_string_value(value));
        else
            fprintf(text.stream, "%s%.6g", i > 0 ? ", " : "", json_number_value(value));
    }
    char *bytes = td_text_close(&text);
    json_t *joined = bytes ? td_json_text(&d->json, bytes) : NULL;
    free(bytes);
    return joined;
}

/* "none" for null and empty values. */
static json_t *spell_out(deriver *d, const json_t *value) {
    const bool some = json_array_size(value) + json_object_size(value) > 0;
    char *text = some ? td_json_print(&d->json, value, 0) : NULL;
    json_t *spelled = td_json_text(&d->json, text ? text : "none");
    free(text);
    return spelled;
}

static bool is_companion(const char *key) {
    return html_ends(key, "_interval") || html_ends(key, "_count");
}

static void flatten(deriver *d, const json_t *object, const char *outer, size_t depth, json_t *row);

/* Flattens a field into a row; a field of a nested object is prefixed with the object's name. */
static void flatten_field(deriver *d, const char *key, const json_t *value, size_t depth,
                          json_t *row) {
    char name[NAME];
    const size_t size = json_array_size(value);
    if (d->whole ? is_scalar(value) && !json_is_null(value) : is_scalar(value) || is_companion(key))
        put(d, row, key, json_incref((json_t *)value));
    else if (json_is_object(value) && depth > 0)
        flatten(d, value, key, depth - 1, row);
    else if ((d->whole || size <= MOST_LIST) &&
             (all_are(value, JSON_REAL) || all_are(value, JSON_STRING)))
        put(d, row, key, join(d, value));
    else if (d->in_rows && depth > 0 && size <= MOST_INNER && all_are(value, JSON_OBJECT))
        for (size_t i = 0; i < size; i++) {
            snprintf(name, sizeof name, "%.250s %zu", key, i + 1);
            flatten(d, json_array_get(value, i), name, depth - 1, row);
        }
    else if (d->whole)
        put(d, row, key, spell_out(d, value));
}

static void flatten(deriver *d, const json_t *object, const char *outer, size_t depth,
                    json_t *row) {
    const char *key;
    json_t *value;
    char name[NAME];
    json_object_foreach((json_t *)object, key, value) {
        snprintf(name, sizeof name, "%.150s%s%.150s", outer, *outer ? " " : "", key);
        flatten_field(d, name, value, depth, row);
    }
}

/* --- columns --- */

static bool has_pair(const json_t *row, const char *key, const char *ending) {
    char name[NAME + 16];
    snprintf(name, sizeof name, "%s%s", key, ending);
    return json_array_size(json_object_get(row, name)) == 2;
}

/* The kind of a column, from its values. */
static tool_cell_kind kind_of(const json_t *rows, const char *key) {
    bool rate = false, estimate = false, flags = true, counts = true, numbers = true;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i), *value = json_object_get(row, key);
        if (!value || json_is_null(value))
            continue;
        flags = flags && json_is_boolean(value);
        numbers = numbers && json_is_number(value);
        counts = counts && json_is_integer(value) && json_integer_value(value) >= 0;
        rate = rate || (has_pair(row, key, "_interval") && has_pair(row, key, "_count"));
        estimate = estimate || has_pair(row, key, "_interval");
    }
    return flags      ? TOOL_FLAG
           : !numbers ? TOOL_TEXT
           : rate     ? TOOL_RATE
           : estimate ? TOOL_ESTIMATE
           : counts   ? TOOL_COUNT
                      : TOOL_REAL;
}

/* "triggers 1 asr" is one, like "asr". */
static bool is_share(const char *key) {
    const char *blank = strrchr(key, ' ');
    return is_one_of(blank ? blank + 1 : key, shares);
}

/* Converts numbers among texts to text, and shares to percent. */
static void convert(deriver *d, const json_t *rows, const char *key, tool_cell_kind kind,
                    bool percent) {
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        const json_t *value = json_object_get(row, key);
        if (percent && json_is_number(value))
            put(d, row, key,
                td_json_real(&d->json, 100 * fmin(fmax(json_number_value(value), -1e9), 1e9)));
        else if (kind == TOOL_TEXT && json_is_number(value))
            put(d, row, key, td_json_format(&d->json, "%.6g", json_number_value(value)));
        else if (kind == TOOL_TEXT && json_is_boolean(value))
            put(d, row, key, td_json_text(&d->json, json_is_true(value) ? "yes" : "no"));
    }
}

static void add_column(deriver *d, json_t *columns, const json_t *rows, const char *key) {
    char label[HTML_LABEL_SIZE];
    const tool_cell_kind kind = kind_of(rows, key);
    const bool percent = (kind == TOOL_REAL || kind == TOOL_COUNT) && is_share(key);
    html_label(label, key);
    convert(d, rows, key, kind, percent);
    json_t *digits = percent ? td_json_integer(&d->json, 2) : NULL;
    td_json_append(&d->json, columns,
                   td_json_pack(&d->json, "{ss ss ss ss* so*}", "name", key, "title", label, "kind",
                                tool_cell_kinds[percent ? TOOL_REAL : kind], "unit",
                                percent ? "%" : NULL, "digits", digits));
}

/* All fields of the rows, in order of appearance. */
static json_t *columns_of(deriver *d, const json_t *rows) {
    json_t *columns = td_json_array(&d->json), *seen = td_json_object(&d->json), *value, *row;
    size_t i;
    const char *key;
    json_array_foreach(rows, i, row) {
        json_object_foreach(row, key, value) {
            const bool shown = !is_companion(key) && strcmp(key, "record") != 0;
            if (!json_object_get(seen, key) && (shown || d->whole))
                put(d, seen, key, json_true());
        }
    }
    json_object_foreach(seen, key, value) {
        if (json_array_size(columns) < MOST_COLUMNS)
            add_column(d, columns, rows, key);
    }
    json_decref(seen);
    return columns;
}

static bool has_column(const json_t *columns, const char *name) {
    for (size_t i = 0; i < json_array_size(columns); i++)
        if (name && strcmp(html_get_text(json_array_get(columns, i), "name"), name) == 0)
            return true;
    return false;
}

/* --- tables --- */

/* Adds rows, or one as an object, and returns their description; takes ownership of all. */
static json_t *add_table(deriver *d, json_t *rows, const char *title, json_t *columns) {
    json_t *at = td_json_format(&d->json, "/rows/%zu", json_array_size(d->rows));
    td_json_append(&d->json, d->rows, rows);
    return td_json_append(&d->json, d->tables,
                          td_json_pack(&d->json, "{so ss so s[]}", "rows", at, "title", title,
                                       "columns", columns, "charts"));
}

/* The charts for a log of trapdoor-train, which cannot describe tables; a reader ignores charts of
 * missing columns. */
static json_t *epoch_charts(deriver *d) {
    return td_json_pack(&d->json, "[{ss ss ss s[ssssss]} {ss ss ss s[s]}]", "title",
                        "Accuracy and ASR", "kind", "lines", "x", "epoch", "y", "accuracy",
                        "validation_accuracy", "triggers 1 asr", "triggers 2 asr", "triggers 3 asr",
                        "triggers 4 asr", "title", "Loss", "kind", "lines", "x", "epoch", "y",
                        "loss");
}

static void add_rows(deriver *d, const json_t *list, const char *key, const char *title) {
    json_t *rows = td_json_array(&d->json);
    for (size_t i = 0; i < json_array_size(list); i++)
        flatten(d, json_array_get(list, i), "", DEPTH,
                td_json_append(&d->json, rows, td_json_object(&d->json)));
    json_t *table = add_table(d, rows, title, columns_of(d, rows));
    if (strcmp(key, "epochs") == 0)
        put(d, table, "charts", epoch_charts(d));
}

/* Adds a square of counts, classes by classes, from `object` as a map that marks its target. */
static void add_square(deriver *d, const json_t *object, const json_t *square, const char *title) {
    td_json *json = &d->json;
    json_t *rows = td_json_array(json);
    json_t *columns =
        td_json_pack(json, "[{ss ss ss}]", "name", "class", "title", "true class", "kind", "count");
    for (size_t i = 0; i < json_array_size(square); i++) {
        td_json_append(json, rows,
                       td_json_pack(json, "{sz sO}", "class", i, "to", json_array_get(square, i)));
        td_json_append(json, columns,
                       td_json_pack(json, "{ss so ss sb}", "name", "to", "title",
                                    td_json_format(json, "%zu", i), "kind", "real", "list", 1));
    }
    json_t *table = add_table(d, rows, title, columns);
    put(d, table, "drawn", json_true());
    if (json_object_get(object, "target"))
        put(d, table, "target", json_incref(json_object_get(object, "target")));
    td_json_append(json, json_object_get(table, "charts"),
                   td_json_pack(json, "{ss ss ss}", "title", title, "kind", "heat", "x", "class"));
    put(d, table, "axes",
        td_json_pack(json, "{ss ss so ss}", "x_title", "predicted class", "y_title", "true class",
                     "x_mark",
                     td_json_format(json, "/tables/%zu/target", json_array_size(d->tables) - 1),
                     "mark", "the target"));
}

/* --- traversal --- */

/* A manifest's outputs contain more than their checksums. */
static bool is_elsewhere(const deriver *d, const char *key) {
    return is_one_of(key, elsewhere) ||
           (strcmp(key, "outputs") == 0 && json_object_get(d->root, "tool"));
}

/* Whether one of the record's own tables has rows at this pointer, with this column. */
static bool is_described(const deriver *d, const char *pointer, const char *column) {
    const json_t *list = json_object_get(d->root, "tables");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *table = json_array_get(list, i);
        if (strcmp(html_get_text(table, "rows"), pointer) == 0 &&
            (!column || has_column(json_object_get(table, "columns"), column)))
            return true;
    }
    return false;
}

/* Adds the lists of objects and the squares in `object`, at `pointer` with the title `name`,
 * recursively. A short list of objects within a row is part of the row. */
static void walk(deriver *d, const json_t *object, const char *pointer, const char *name,
                 size_t depth, bool in_row) {
    char path[NAME], title[NAME], inner_path[NAME], inner_name[NAME], label[HTML_LABEL_SIZE];
    const char *key, *lead = *name ? ": " : "";
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        if ((object == d->root && is_elsewhere(d, key)) || json_array_size(d->tables) > MOST_TABLES)
            continue;
        html_label(label, key);
        snprintf(path, sizeof path, "%.200s/%.100s", pointer, key);
        snprintf(title, sizeof title, "%.200s%s%.100s", name, lead, label);
        const bool described = is_described(d, path, NULL), objects = all_are(value, JSON_OBJECT);
        if (is_square(value) && !described)
            add_square(d, object, value, title);
        if (objects && !described && !(in_row && json_array_size(value) <= MOST_INNER))
            add_rows(d, value, key, title);
        if (json_is_object(value) && depth > 0)
            walk(d, value, path, title, depth - 1, in_row);
        for (size_t i = 0; i < json_array_size(value) && objects && depth > 0; i++) {
            const json_t *entry = json_array_get(value, i);
            const char *file = html_get_text(entry, "file"),
                       *own = *file ? file : html_get_text(entry, "trigger");
            snprintf(inner_path, sizeof inner_path, "%.200s/%zu", path, i);
            if (*own)
                snprintf(inner_name, sizeof inner_name, "%.150s%s%.150s", name, lead, own);
            else
                snprintf(inner_name, sizeof inner_name, "%.200s %zu", title, i + 1);
            walk(d, entry, inner_path, inner_name, depth - 1, true);
        }
    }
}

/* Whether a field of the record is a single value. */
static bool is_value(const deriver *d, const char *key, const json_t *value) {
    char pointer[NAME];
    const json_t *first = json_array_get(value, 0);
    snprintf(pointer, sizeof pointer, "/%.100s", key);
    return d->whole || (!is_elsewhere(d, key) && !json_is_string(first) && !json_is_object(first) &&
                        !is_described(d, "", key) && !is_described(d, pointer, NULL));
}

/* Values at the top level of the record and in its objects. */
static void add_values(deriver *d, const char *title) {
    json_t *rows = td_json_array(&d->json), *value;
    json_t *row = td_json_append(&d->json, rows, td_json_object(&d->json));
    const char *key;
    json_object_foreach((json_t *)d->root, key, value) {
        if (is_value(d, key, value))
            flatten_field(d, key, value, DEPTH - 1, row);
    }
    json_t *columns = columns_of(d, rows);
    if (json_array_size(columns) > 0)
        add_table(d, json_incref(row), title, columns);
    else
        json_decref(columns);
    json_decref(rows);
}

static json_t *derive(const json_t *root, const char *title, bool whole) {
    deriver d = {root, .in_rows = whole, .whole = whole};
    json_t *out = td_json_object(&d.json);
    d.rows = td_json_set(&d.json, out, "rows", td_json_array(&d.json));
    d.tables = td_json_set(&d.json, out, "tables", td_json_array(&d.json));
    add_values(&d, title);
    d.in_rows = true;
    if (!whole)
        walk(&d, root, "", "", DEPTH, false);
    return td_json_end(&d.json, &out, "tables", NULL) == TD_OK ? out : NULL;
}

json_t *report_derive(const json_t *root) {
    return derive(root, "Other values", false);
}

json_t *report_derive_values(const json_t *object) {
    return derive(object, "", true);
}
