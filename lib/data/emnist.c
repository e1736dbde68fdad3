/* SPDX-License-Identifier: MIT */
#include "data/emnist.h"

#include "data/format.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 65536, MOST_CLASSES = 256, FIRST_CODE = '!', LAST_CODE = '~' };

/* Parses the number at *at, up to `most`, and advances past it; -1 if there is none. */
static long take_number(const char **at, long most) {
    char *end;
    *at += strspn(*at, " \t");
    if (**at < '0' || **at > '9')
        return -1;
    const long number = strtol(*at, &end, 10);
    *at = end;
    return number <= most ? number : -1;
}

/* "LABEL CODE [CODE]" lines, with consecutive labels from 0 or 1. */
static td_status read_lines(td_dataset *set, const char *text, td_error *error) {
    size_t line = 1, next = 0;
    for (; *text; line++) {
        const char *at = text;
        text += strcspn(text, "\n");
        text += *text == '\n';
        if (strspn(at, " \t\r\n") >= (size_t)(text - at))
            continue;
        const long label = take_number(&at, MOST_CLASSES - 1);
        const long code = label < 0 ? -1 : take_number(&at, LAST_CODE);
        if (code < FIRST_CODE || (next > 0 ? (size_t)label != next : label > 1))
            return td_fail(error, TD_ERR_FORMAT,
                           "line %zu: expected a label, from 0 or 1 on and each one more than that "
                           "before it, and the code of a character from %d to %d, found another",
                           line, FIRST_CODE, LAST_CODE);
        const char name[] = {(char)code, '\0'};
        char *copy;
        for (; next < (size_t)label; next++)
            set->class_names[next] = "N/A";
        TD_TRY(td_arena_text(&set->arena, name, 1, &copy, error));
        set->class_names[next++] = copy;
    }
    set->images.classes = next;
    return next > 0 ? TD_OK : td_fail(error, TD_ERR_FORMAT, "expected a line, found none");
}

static td_status read_file(td_dataset *set, const char *path, td_error *error) {
    td_map map;
    char *text;
    TD_TRY(td_map_open(&map, path, error));
    td_status status =
        map.size <= MOST_BYTES
            ? td_arena_text(&set->arena, (const char *)map.data, map.size, &text, error)
            : td_fail(error, TD_ERR_FORMAT, "expected at most %d bytes, found %zu", MOST_BYTES,
                      map.size);
    td_map_close(&map);
    return status == TD_OK ? read_lines(set, text, error) : status;
}

td_status td_emnist_name_classes(td_dataset *set, const char *folder, const char *prefix,
                                 size_t length, td_error *error) {
    char name[128], path[TD_PATH_SIZE];
    snprintf(name, sizeof name, "%.*smapping.txt", (int)length, prefix);
    if (length + sizeof "mapping.txt" > sizeof name || !td_path_join(path, folder, name) ||
        !td_path_is_file(path))
        return TD_OK;
    TD_TRY(td_dataset_add_file(set, path, error));
    TD_TRY(TD_ARENA_NEW(&set->arena, MOST_CLASSES, &set->class_names, "class names", error));
    td_status status = read_file(set, path, error);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", path);
}
