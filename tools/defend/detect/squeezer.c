/* SPDX-License-Identifier: MIT */
#include "defend/detect/squeezer.h"

#include <stdio.h>
#include <string.h>

static const squeezer_kind *const kinds[] = {&squeezer_bit, &squeezer_median, &squeezer_nlm};

/* Reads a number of at most three digits. */
static bool read_number(const char **at, size_t *out) {
    size_t length = strspn(*at, "0123456789");
    if (length == 0 || length > 3)
        return false;
    *out = 0;
    for (size_t i = 0; i < length; i++)
        *out = *out * 10 + (size_t)((*at)[i] - '0');
    *at += length;
    return true;
}

/* Reads KIND=NUMBER-NUMBER..., of `length` characters. */
static bool read_one(const squeezer_kind *kind, const char *text, size_t length, squeezer *out) {
    size_t name = strlen(kind->name);
    const char *at = text + name;
    if (strncmp(text, kind->name, name) != 0 || *at++ != '=')
        return false;
    for (size_t i = 0; i < kind->count; i++) {
        size_t *number = &out->numbers[i];
        if ((i > 0 && *at++ != '-') || !read_number(&at, number) ||
            *number < kind->numbers[i].least || *number > kind->numbers[i].most ||
            (kind->numbers[i].odd && *number % 2 == 0))
            return false;
    }
    out->kind = kind;
    return at == text + length;
}

static td_status parse_one(const char *text, size_t length, squeezer *out, td_error *error) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (read_one(kinds[i], text, length, out)) {
            snprintf(out->name, sizeof out->name, "%.*s", (int)length, text);
            return TD_OK;
        }
    return td_fail(error, TD_ERR_USAGE,
                   "--squeezers: expected bit=1 to 7, median=2 to 7 or nlm=SEARCH-PATCH-STRENGTH "
                   "(odd, 3 to 31; odd, 1 to 15; 1 to 20), found \"%.*s\"",
                   (int)length, text);
}

td_status squeezers_parse(const char *list, td_shape shape, size_t most, td_arena *arena,
                          squeezer *out, size_t *count, td_error *error) {
    *count = 0;
    for (const char *at = list;; at++) {
        size_t length = strcspn(at, ",");
        if (*count == most)
            return td_fail(error, TD_ERR_USAGE, "--squeezers: expected at most %zu", most);
        squeezer *next = &out[(*count)++];
        *next = (squeezer){.shape = shape};
        TD_TRY(parse_one(at, length, next, error));
        if (next->kind->prepare)
            TD_TRY(next->kind->prepare(next, arena, error));
        at += length;
        if (!*at)
            return TD_OK;
    }
}
