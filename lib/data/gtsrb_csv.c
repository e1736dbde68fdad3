/* SPDX-License-Identifier: MIT */
#include "data/gtsrb_csv.h"

#include "base/size.h"
#include "data/picture.h"
#include <string.h>

static const char header[] = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId";
static const char header_without_class[] = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2";

static const char kaggle_header[] = "Width,Height,Roi.X1,Roi.Y1,Roi.X2,Roi.Y2,ClassId,Path";

enum { COLUMNS = 8, LONGEST_NAME = 255, MOST_DIGITS = 5, SHOWN = 40 };

/* Bytes of "a.png;1;1;0;0;1;1;0" and a newline. */
enum { SHORTEST_ROW = 20 };

/* The position of each column in a line. */
typedef struct form {
    char separator;
    bool below;                       /* names may have folders */
    size_t name, sizes, class_number; /* `sizes`: of the first of six */
} form;

static const form own_form = {';', false, 0, 1, 7}, kaggle_form = {',', true, 7, 0, 6};

/* A part of the text, which is not terminated. */
typedef struct span {
    const char *text;
    size_t size;
} span;

static bool is_text(span s, const char *text) {
    return s.size == strlen(text) && memcmp(s.text, text, s.size) == 0;
}

/* A beginning of the span that is safe to quote. */
static const char *show(char out[SHOWN + 1], span s) {
    size_t i = 0;
    for (; i < s.size && i < SHOWN; i++)
        out[i] = (char)(s.text[i] >= ' ' && s.text[i] < 0x7f ? s.text[i] : '?');
    out[i] = '\0';
    return out;
}

/* Splits off the front of *rest up to the next `end`, and removes the `end` too. */
static span take(span *rest, char end) {
    const char *found = rest->size > 0 ? memchr(rest->text, end, rest->size) : NULL;
    span taken = {rest->text, found ? (size_t)(found - rest->text) : rest->size};
    size_t used = taken.size + (found ? 1 : 0);
    rest->text += used;
    rest->size -= used;
    return taken;
}

static span take_line(span *rest) {
    span line = take(rest, '\n');
    if (line.size > 0 && line.text[line.size - 1] == '\r')
        line.size--;
    return line;
}

static td_status read_header(span line, form *out, td_error *error) {
    char shown[SHOWN + 1];
    *out = own_form;
    if (is_text(line, header))
        return TD_OK;
    *out = kaggle_form;
    if (is_text(line, kaggle_header))
        return TD_OK;
    if (is_text(line, header_without_class))
        return td_fail(error, TD_ERR_FORMAT,
                       "line 1: expected a column ClassId, found none: this is the index without "
                       "labels; GT-final_test.csv has them");
    return td_fail(error, TD_ERR_FORMAT, "line 1: expected \"%s\", found \"%s\"", header,
                   show(shown, line));
}

/* A name in a folder, or a path without hidden components, which excludes "..". */
static bool is_plain(span field, bool below) {
    bool starts = true;
    for (size_t i = 0; i < field.size; i++) {
        const char c = field.text[i];
        if (c < ' ' || c >= 0x7f || (starts && (c == '.' || c == '/')) || (c == '/' && !below))
            return false;
        starts = c == '/';
    }
    return field.size > 0 && field.size <= LONGEST_NAME;
}

static td_status read_name(span field, bool below, td_gtsrb_row *row, td_arena *arena,
                           td_error *error) {
    char shown[SHOWN + 1];
    char *name = NULL;
    if (is_plain(field, below))
        TD_TRY(td_arena_text(arena, field.text, field.size, &name, error));
    row->name = name;
    if (!name || !td_picture_is_name(name))
        return td_fail(error, TD_ERR_FORMAT, "%s: expected the name of a picture %s, found \"%s\"",
                       below ? "Path" : "Filename",
                       below ? "below the folder of this file" : "in the same folder",
                       show(shown, field));
    return TD_OK;
}

/* A decimal number from `low` to `high`. */
static td_status read_number(span field, const char *column, size_t low, size_t high, size_t *out,
                             td_error *error) {
    char shown[SHOWN + 1];
    size_t value = 0, digits = 0;
    while (digits < field.size && digits <= MOST_DIGITS && field.text[digits] >= '0' &&
           field.text[digits] <= '9')
        value = 10 * value + (size_t)(field.text[digits++] - '0');
    if (digits == 0 || digits < field.size || digits > MOST_DIGITS || value < low || value > high)
        return td_fail(error, TD_ERR_FORMAT, "%s: expected a number from %zu to %zu, found \"%s\"",
                       column, low, high, show(shown, field));
    *out = value;
    return TD_OK;
}

static td_status read_row(span line, const form *f, td_gtsrb_row *row, td_arena *arena,
                          td_error *error) {
    span fields[COLUMNS], rest = line;
    size_t columns = 1;
    for (size_t i = 0; i < line.size; i++)
        columns += line.text[i] == f->separator;
    if (columns != COLUMNS)
        return td_fail(error, TD_ERR_FORMAT, "expected %d columns, found %zu", COLUMNS, columns);
    for (size_t i = 0; i < COLUMNS; i++)
        fields[i] = take(&rest, f->separator);
    td_box *box = &row->box;
    const span *sizes = fields + f->sizes;
    TD_TRY(read_name(fields[f->name], f->below, row, arena, error));
    TD_TRY(read_number(sizes[0], "Width", 1, TD_BITMAP_SIDE, &row->width, error));
    TD_TRY(read_number(sizes[1], "Height", 1, TD_BITMAP_SIDE, &row->height, error));
    TD_TRY(read_number(sizes[2], "Roi.X1", 0, row->width - 1, &box->left, error));
    TD_TRY(read_number(sizes[3], "Roi.Y1", 0, row->height - 1, &box->top, error));
    TD_TRY(read_number(sizes[4], "Roi.X2", box->left + 1, row->width, &box->right, error));
    TD_TRY(read_number(sizes[5], "Roi.Y2", box->top + 1, row->height, &box->bottom, error));
    return read_number(fields[f->class_number], "ClassId", 0, TD_GTSRB_CLASSES - 1,
                       &row->class_number, error);
}

static size_t count_lines(span text) {
    size_t lines = 0;
    while (text.size > 0) {
        take_line(&text);
        lines++;
    }
    return lines;
}

bool td_gtsrb_is_kaggle(const char *text, size_t size) {
    span rest = {text, size};
    return is_text(take_line(&rest), kaggle_header);
}

td_status td_gtsrb_parse(td_gtsrb_row **rows, size_t *count, const char *text, size_t size,
                         td_arena *arena, td_error *error) {
    span rest = {text, size};
    size_t lines = count_lines(rest);
    *rows = NULL;
    *count = 0;
    form f;
    TD_TRY(read_header(take_line(&rest), &f, error));
    /* A file with more lines has one that is too short, which is refused. */
    size_t most = td_size_min(lines, size / SHORTEST_ROW + 1);
    TD_TRY(TD_ARENA_NEW(arena, most, rows, "an index file", error));
    for (size_t line = 2; line <= lines; line++) {
        td_gtsrb_row *row = &(*rows)[*count];
        td_status status = read_row(take_line(&rest), &f, row, arena, error);
        if (status != TD_OK)
            return td_fail_within(error, status, "line %zu", line);
        row->line = line;
        ++*count;
    }
    return TD_OK;
}
