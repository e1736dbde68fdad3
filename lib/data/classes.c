/* SPDX-License-Identifier: MIT */
#include "data/classes.h"

#include "base/json.h"
#include "base/json_build.h"
#include "base/size.h"
#include "base/utf8.h"
#include "data/text.h"
#include <stdio.h>
#include <string.h>

/* --- listing classes --- */

static const char *print_one(const td_classes *classes, size_t i, char *out, size_t size) {
    if (classes->names)
        snprintf(out, size, "%zu \"%.40s\"", i, classes->names[i]);
    else
        snprintf(out, size, "%zu", i);
    return out;
}

const char *td_classes_print(const td_classes *classes, char out[TD_CLASS_LIST_SIZE]) {
    enum { ONE = 64, LAST = ONE + 8 }; /* room for one, and for the last after the dots */
    char one[ONE];
    size_t used = 0, i = 0;
    *out = '\0';
    if (!classes->names) {
        snprintf(out, TD_CLASS_LIST_SIZE, "0 to %zu", classes->count - 1);
        return out;
    }
    for (; i < classes->count && used + ONE + LAST < TD_CLASS_LIST_SIZE; i++)
        used += (size_t)snprintf(out + used, TD_CLASS_LIST_SIZE - used, "%s%s", i ? ", " : "",
                                 print_one(classes, i, one, sizeof one));
    if (i < classes->count)
        snprintf(out + used, TD_CLASS_LIST_SIZE - used, ", %s%s",
                 i + 1 < classes->count ? "... " : "",
                 print_one(classes, classes->count - 1, one, sizeof one));
    return out;
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

enum { MOST_COMPARED = 63 };

/* One row of the table of edits from the previous two; `end` is its length. */
static void next_row(const char *a, const char *b, size_t i, size_t end,
                     size_t rows[3][MOST_COMPARED + 1]) {
    size_t *row = rows[i % 3];
    const size_t *before = rows[(i + 2) % 3], *earlier = rows[(i + 1) % 3];
    row[0] = i;
    for (size_t j = 1; j <= end; j++) {
        const char x = lower(a[i - 1]), y = lower(b[j - 1]);
        row[j] = td_size_min(before[j - 1] + (x != y), td_size_min(before[j], row[j - 1]) + 1);
        if (i > 1 && j > 1 && x == lower(b[j - 2]) && lower(a[i - 2]) == y)
            row[j] = td_size_min(row[j], earlier[j - 2] + 1);
    }
}

/* The number of letters changed, added, omitted or swapped with the next (the distance of Damerau
 * 1964) between two texts, ignoring case; SIZE_MAX for long texts. */
static size_t count_edits(const char *a, size_t length, const char *b) {
    size_t rows[3][MOST_COMPARED + 1] = {{0}};
    const size_t other = strlen(b);
    if (length > MOST_COMPARED || other > MOST_COMPARED)
        return SIZE_MAX;
    for (size_t j = 0; j <= other; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= length; i++)
        next_row(a, b, i, other, rows);
    return rows[length % 3][other];
}

/* The name that the text may be a misspelling of, or NULL. */
static const char *near_miss(const td_classes *classes, const char *text, size_t length) {
    const char *near = NULL;
    size_t fewest = (length + 1) / 3;
    for (size_t i = 0; classes->names && i < classes->count; i++) {
        const size_t edits = count_edits(text, length, classes->names[i]);
        if (edits < fewest || (edits == fewest && !near)) {
            fewest = edits;
            near = classes->names[i];
        }
    }
    return near;
}

/* --- finding one --- */

/* `text` is untrusted and may be long; an index has few digits. */
static bool read_index(size_t *out, const char *text, size_t length) {
    enum { MOST_DIGITS = 9 };
    *out = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *out = *out * 10 + (size_t)(text[i] - '0');
    }
    return length > 0 && length <= MOST_DIGITS;
}

static bool is_called(const char *name, const char *text, size_t length) {
    return strncmp(name, text, length) == 0 && name[length] == '\0';
}

/* How many classes have the name; *out is the last one. */
static size_t count_called(const td_classes *classes, const char *text, size_t length,
                           size_t *out) {
    size_t found = 0;
    for (size_t i = 0; classes->names && i < classes->count; i++)
        if (is_called(classes->names[i], text, length)) {
            *out = i;
            found++;
        }
    return found;
}

static td_status fail_unknown(const td_classes *classes, const char *option, const char *text,
                              size_t length, td_error *error) {
    char list[TD_CLASS_LIST_SIZE];
    const char *near = near_miss(classes, text, length);
    return td_fail(error, TD_ERR_USAGE, "%s: expected a class of %s, %s, found \"%.*s\"%s%.64s%s",
                   option, classes->of, td_classes_print(classes, list),
                   (int)td_size_min(length, 64), text, near ? "; did you mean \"" : "",
                   near ? near : "", near ? "\"?" : "");
}

td_status td_class_find(size_t *out, const td_classes *classes, const char *option,
                        const char *text, size_t length, td_error *error) {
    const bool marked = length > 0 && *text == '#';
    const size_t found = marked ? 0 : count_called(classes, text, length, out);
    if (found == 1)
        return TD_OK;
    if (found > 1)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected a name that one class of %s has, found \"%.*s\", which %zu "
                       "have; use an index, as #%zu",
                       option, classes->of, (int)td_size_min(length, 64), text, found, *out);
    return read_index(out, text + marked, length - marked) && *out < classes->count
               ? TD_OK
               : fail_unknown(classes, option, text, length, error);
}

td_status td_class_take(size_t *out, const td_classes *classes, const char *option,
                        const char **text, const char *ends, td_error *error) {
    const char *begin = *text;
    size_t length = strcspn(begin, ends);
    for (size_t i = 0; classes->names && i < classes->count; i++) {
        const size_t own = strlen(classes->names[i]);
        if (own > length && strncmp(begin, classes->names[i], own) == 0 &&
            (begin[own] == '\0' || strchr(ends, begin[own])))
            length = own;
    }
    *text = begin + length;
    return td_class_find(out, classes, option, begin, length, error);
}

const char *td_class_name(const td_classes *classes, size_t class) {
    char number[24];
    snprintf(number, sizeof number, "%zu", class);
    return classes->names && class < classes->count && strcmp(classes->names[class], number) != 0
               ? classes->names[class]
               : NULL;
}

bool td_class_is_index(const char *text) {
    return strspn(text, "0123456789,#") == strlen(text) && *text != '\0';
}

/* --- names in files --- */

bool td_class_name_is_plain(const char *name) {
    return td_text_is_plain(name) && td_utf8_is_valid(name) && strlen(name) <= TD_CLASS_NAME_SIZE;
}

static td_status copy_names(const json_t *array, td_arena *arena, const char **names,
                            td_error *error) {
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *name = json_string_value(json_array_get(array, i));
        char *copy;
        if (!name || !td_text_is_plain(name) || strlen(name) > TD_CLASS_NAME_SIZE)
            return td_fail(error, TD_ERR_FORMAT,
                           "name %zu: expected a string without control characters, of at most %d "
                           "bytes, found %s",
                           i, TD_CLASS_NAME_SIZE,
                           !name                     ? "another kind of value"
                           : !td_text_is_plain(name) ? "one with them"
                                                     : "a longer one");
        TD_TRY(td_arena_text(arena, name, strlen(name), &copy, error));
        names[i] = copy;
    }
    return TD_OK;
}

td_status td_class_names_read(const char *text, size_t expected, size_t most, td_arena *arena,
                              const char ***names, size_t *count, td_error *error) {
    json_t *array = NULL;
    TD_TRY(td_json_parse(text, strlen(text), &array, error));
    *count = json_array_size(array);
    td_status status = TD_OK;
    if (*count < 1 || *count > most)
        status = td_fail(error, TD_ERR_FORMAT, "expected a JSON array of 1 to %zu names, found %zu",
                         most, *count);
    else if (expected && *count != expected)
        status = td_fail(error, TD_ERR_FORMAT, "expected a name for each of %zu classes, found %zu",
                         expected, *count);
    if (status == TD_OK)
        status = TD_ARENA_NEW(arena, *count, names, "class names", error);
    if (status == TD_OK)
        status = copy_names(array, arena, *names, error);
    json_decref(array);
    return status;
}

td_status td_class_names_write(const char *const *names, size_t count, char **out,
                               td_error *error) {
    *out = NULL;
    for (size_t i = 0; names && i < count; i++)
        if (!td_class_name_is_plain(names[i]))
            return td_fail(error, TD_ERR_USAGE,
                           "class name %zu: expected UTF-8 without control characters, of at most "
                           "%d bytes",
                           i, TD_CLASS_NAME_SIZE);
    if (!names)
        return TD_OK;
    td_json json = {0};
    json_t *array = td_json_array(&json);
    for (size_t i = 0; i < count; i++)
        td_json_append(&json, array, td_json_text(&json, names[i]));
    *out = td_json_print(&json, array, JSON_COMPACT);
    json_decref(array);
    return td_json_end(&json, NULL, "class names", error);
}
