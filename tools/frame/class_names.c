/* SPDX-License-Identifier: MIT */
/* --class-names: the names to give to the classes. */
#include "frame/classes.h"

#include "base/file.h"
#include "data/path.h"
#include "data/text.h"
#include <string.h>

enum { LARGEST_FILE = 1 << 24 };

static td_status fail_count(const char *where, size_t expected, const char *found,
                            td_error *error) {
    return td_fail(error, TD_ERR_USAGE, "%s: expected a name for each of the %zu classes, found %s",
                   where, expected, found);
}

/* The next name, text[0, length), at position `number` for messages. */
static td_status add(tool_run *run, const char *where, const char *text, size_t length,
                     const char **names, size_t number, td_error *error) {
    char *copy;
    TD_TRY(td_arena_text(&run->arena, text, length, &copy, error));
    if (length == 0 || length > TD_CLASS_NAME_SIZE || strlen(copy) != length ||
        !td_text_is_plain(copy))
        return td_fail(error, TD_ERR_USAGE,
                       "%s: name %zu: expected 1 to %d bytes without control characters, found %s",
                       where, number, TD_CLASS_NAME_SIZE,
                       length == 0                   ? "none"
                       : length > TD_CLASS_NAME_SIZE ? "more"
                                                     : "some");
    for (size_t i = 0; i < number; i++)
        if (strcmp(names[i], copy) == 0)
            return td_fail(error, TD_ERR_USAGE,
                           "%s: name %zu: expected one that no other class has, found \"%.64s\", "
                           "as name %zu",
                           where, number, copy, i);
    names[number] = copy;
    return TD_OK;
}

/* Splits names at `mark`; the last one ends with the text. */
static td_status split(tool_run *run, const char *where, const char *text, size_t size, char mark,
                       const char **names, size_t count, td_error *error) {
    const char *end = text + size;
    size_t found = 0;
    for (bool more = size > 0; more;) {
        const char *stop = memchr(text, mark, (size_t)(end - text));
        size_t length = (size_t)((stop ? stop : end) - text);
        length -= mark == '\n' && length > 0 && text[length - 1] == '\r';
        if (found == count)
            return fail_count(where, count, "more", error);
        TD_TRY(add(run, where, text, length, names, found++, error));
        more = stop && (mark == ',' || stop + 1 < end);
        text += more ? (size_t)(stop + 1 - text) : 0;
    }
    char number[32];
    snprintf(number, sizeof number, "%zu", found);
    return found == count ? TD_OK : fail_count(where, count, number, error);
}

static td_status read_file(const char *path, size_t count, tool_run *run, const char **names,
                           td_error *error) {
    td_map map;
    TD_TRY(tool_record_input(&run->record, path, error));
    TD_TRY(td_map_open(&map, path, error));
    td_status status =
        map.size > LARGEST_FILE
            ? td_fail(error, TD_ERR_USAGE, "%s: expected at most %d bytes of names, found %zu",
                      path, LARGEST_FILE, map.size)
            : split(run, path, (const char *)map.data, map.size, '\n', names, count, error);
    td_map_close(&map);
    return status;
}

td_status tool_run_class_names(tool_run *run, const char *text, size_t count, const char ***names,
                               td_error *error) {
    TD_TRY(TD_ARENA_NEW(&run->arena, count, names, "class names", error));
    return td_path_is_file(text)
               ? read_file(text, count, run, *names, error)
               : split(run, "--class-names", text, strlen(text), ',', *names, count, error);
}
