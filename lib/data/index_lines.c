/* SPDX-License-Identifier: MIT */
#include "data/index_lines.h"

#include <string.h>

static const char mark[] =
    "\xef\xbb\xbf"; /* the UTF-8 byte-order mark, which some programs write */

const char *td_index_show(char shown[TD_INDEX_SHOWN + 1], const char *text) {
    size_t i = 0;
    for (; text[i] && i < TD_INDEX_SHOWN; i++)
        shown[i] = text[i];
    shown[i] = '\0';
    return shown;
}

/* The line at lines->at without its line ending. */
static size_t line_length(const td_index_lines *lines, size_t *next) {
    const char *begin = lines->text + lines->at;
    const size_t left = lines->size - lines->at;
    const char *end = memchr(begin, '\n', left);
    size_t length = end ? (size_t)(end - begin) : left;
    *next = lines->at + length + (end ? 1 : 0);
    if (length > 0 && begin[length - 1] == '\r')
        length--;
    return length;
}

td_index_lines td_index_lines_start(const char *text, size_t size) {
    static const char separators[] = "\t;,";
    td_index_lines lines = {.text = text, .size = size, .separator = ' '};
    if (size >= strlen(mark) && memcmp(text, mark, strlen(mark)) == 0)
        lines.at = strlen(mark);
    size_t at = lines.at;
    while (at < size && (text[at] == '\n' || text[at] == '\r' || text[at] == ' '))
        at++;
    td_index_lines first = lines;
    first.at = at;
    const size_t length = line_length(&first, &at);
    for (const char *s = separators; *s && length > 0; s++)
        if (memchr(text + first.at, *s, length)) {
            lines.separator = *s;
            break;
        }
    return lines;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

/* Whether c at the beginning of a line belongs to no field. */
static bool is_margin(char c, char separator) {
    return c == ' ' || (c == '\t' && separator == ' ');
}

static td_status fail_line(const td_index_line *line, td_error *error, const char *what) {
    return td_fail(error, TD_ERR_FORMAT, "line %zu: %s", line->number, what);
}

static td_status add_field(td_index_line *line, const char *field, td_error *error) {
    if (line->count == TD_INDEX_COLUMNS)
        return fail_line(line, error, "expected at most 64 columns, found more");
    line->fields[line->count++] = field;
    return TD_OK;
}

/* Strips surrounding blanks. */
static char *trim(char *field) {
    while (is_blank(*field))
        field++;
    size_t length = strlen(field);
    while (length > 0 && is_blank(field[length - 1]))
        field[--length] = '\0';
    return field;
}

/* Decodes a quoted field at `at`, its opening quote; two quotes are one. Returns the position after
 * the closing quote; NULL if it is missing. */
static char *unquote(char *at) {
    char *out = at;
    for (char *from = at + 1; *from; from++) {
        if (*from == '"' && *++from != '"') {
            *out = '\0';
            return from;
        }
        *out++ = *from;
    }
    return NULL;
}

static td_status cut_at(td_index_line *line, char separator, td_error *error) {
    for (char *at = line->text; at;) {
        char *field = at;
        const bool quoted = *at == '"';
        char *end = quoted ? unquote(at) : strchr(at, separator);
        if (quoted && (!end || (*end && *end != separator)))
            return fail_line(line, error,
                             "expected a quote and a separator at the end of a field, found none");
        at = end && *end ? end + 1 : NULL;
        if (end && !quoted)
            *end = '\0';
        TD_TRY(add_field(line, quoted ? field : trim(field), error));
    }
    return TD_OK;
}

static td_status cut_at_blanks(td_index_line *line, td_error *error) {
    for (char *at = line->text; *at;) {
        char *end = at + strcspn(at, " \t");
        TD_TRY(add_field(line, at, error));
        while (is_blank(*end))
            *end++ = '\0';
        at = end;
    }
    return TD_OK;
}

static td_status take_text(td_index_line *line, const char *text, size_t length, td_error *error) {
    if (length >= TD_INDEX_LINE)
        return fail_line(line, error, "expected less than 8192 bytes, found more");
    for (size_t i = 0; i < length; i++)
        if (((unsigned char)text[i] < ' ' && text[i] != '\t') || text[i] == 0x7f)
            return fail_line(line, error, "expected text, found a control character");
    memcpy(line->text, text, length);
    line->text[length] = '\0';
    return TD_OK;
}

td_status td_index_lines_next(td_index_lines *lines, td_index_line *line, bool *more,
                              td_error *error) {
    *more = false;
    while (lines->at < lines->size) {
        size_t next;
        size_t length = line_length(lines, &next);
        const char *text = lines->text + lines->at;
        lines->at = next;
        for (; length > 0 && is_margin(*text, lines->separator); length--)
            text++;
        line->number = ++lines->number;
        line->count = 0;
        if (length == 0)
            continue;
        TD_TRY(take_text(line, text, length, error));
        *more = true;
        return lines->separator == ' ' ? cut_at_blanks(line, error)
                                       : cut_at(line, lines->separator, error);
    }
    return TD_OK;
}
