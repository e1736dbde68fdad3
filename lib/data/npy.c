/* SPDX-License-Identifier: MIT */
#include "data/npy.h"

#include "base/size.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "values are used as the file has them");

enum { MAGIC_BYTES = 6, VERSION_BYTES = 2, MOST_DIGITS = 19 };

static const uint8_t magic[MAGIC_BYTES] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

static const struct {
    const char *descr;
    td_npy_kind kind;
    size_t size;
} types[] = {
    {"|u1", TD_NPY_UNSIGNED, 1}, {"|i1", TD_NPY_SIGNED, 1}, {"<u2", TD_NPY_UNSIGNED, 2},
    {"<i2", TD_NPY_SIGNED, 2},   {"<f2", TD_NPY_FLOAT, 2},  {"<u4", TD_NPY_UNSIGNED, 4},
    {"<i4", TD_NPY_SIGNED, 4},   {"<f4", TD_NPY_FLOAT, 4},  {"<u8", TD_NPY_UNSIGNED, 8},
    {"<i8", TD_NPY_SIGNED, 8},   {"<f8", TD_NPY_FLOAT, 8},
};

/* The header's text being parsed. */
typedef struct reader {
    const char *text;
    size_t size, at;
    td_error *error;
} reader;

/* A string of the header, without its quotes. */
typedef struct word {
    const char *text;
    size_t length;
} word;

static bool is_word(word w, const char *text) {
    return w.length == strlen(text) && memcmp(w.text, text, w.length) == 0;
}

static td_status fail_at(const reader *r, const char *expected) {
    char found[32] = "the end of the header";
    unsigned char next = r->at < r->size ? (unsigned char)r->text[r->at] : 0;
    if (r->at < r->size)
        snprintf(found, sizeof found, next >= ' ' && next < 0x7f ? "'%c'" : "byte 0x%02x", next);
    return td_fail(r->error, TD_ERR_FORMAT, "header, character %zu: expected %s, found %s", r->at,
                   expected, found);
}

static void skip_spaces(reader *r) {
    while (r->at < r->size && r->text[r->at] == ' ')
        r->at++;
}

/* Skips spaces and `sign`, if it is next. */
static bool take(reader *r, char sign) {
    skip_spaces(r);
    if (r->at == r->size || r->text[r->at] != sign)
        return false;
    r->at++;
    return true;
}

static td_status expect(reader *r, char sign) {
    const char expected[] = {'\'', sign, '\'', '\0'};
    return take(r, sign) ? TD_OK : fail_at(r, expected);
}

/* Python's escapes are not expected in a key or a type. */
static td_status read_string(reader *r, word *out, const char *what) {
    char quote = take(r, '\'') ? '\'' : take(r, '"') ? '"' : '\0';
    if (!quote)
        return fail_at(r, what);
    size_t begin = r->at;
    while (r->at < r->size && r->text[r->at] != quote) {
        if (r->text[r->at] < ' ' || r->text[r->at] > '~' || r->text[r->at] == '\\')
            return fail_at(r, "plain characters");
        r->at++;
    }
    *out = (word){r->text + begin, r->at - begin};
    return expect(r, quote);
}

static td_status read_type(reader *r, td_npy *npy) {
    word descr;
    TD_TRY(read_string(r, &descr, "the name of a type of numbers"));
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (is_word(descr, types[i].descr)) {
            npy->descr = types[i].descr;
            npy->kind = types[i].kind;
            npy->size = types[i].size;
            return TD_OK;
        }
    return td_fail(
        r->error, TD_ERR_FORMAT,
        "header: descr: expected little-endian numbers ('|u1', '<i8', ...), found '%.*s'",
        (int)td_size_min(descr.length, 40), descr.text);
}

static td_status read_order(reader *r) {
    static const char right[] = "False", wrong[] = "True";
    skip_spaces(r);
    size_t left = r->size - r->at;
    if (left >= strlen(right) && memcmp(r->text + r->at, right, strlen(right)) == 0) {
        r->at += strlen(right);
        return TD_OK;
    }
    if (left >= strlen(wrong) && memcmp(r->text + r->at, wrong, strlen(wrong)) == 0)
        return td_fail(r->error, TD_ERR_FORMAT,
                       "header: fortran_order: expected False, found True; save "
                       "numpy.ascontiguousarray(a)");
    return fail_at(r, "True or False");
}

static td_status read_dimension(reader *r, size_t *out) {
    skip_spaces(r);
    size_t begin = r->at, value = 0;
    while (r->at < r->size && r->text[r->at] >= '0' && r->text[r->at] <= '9') {
        if (r->at - begin == MOST_DIGITS)
            return fail_at(r, "a dimension below 10^19");
        value = 10 * value + (size_t)(r->text[r->at++] - '0');
    }
    if (r->at == begin || (r->text[begin] == '0' && r->at - begin > 1)) {
        r->at = begin;
        return fail_at(r, "a dimension in decimal");
    }
    *out = value;
    return TD_OK;
}

/* A tuple; a single element is followed by a comma. */
static td_status read_shape(reader *r, td_npy *npy) {
    TD_TRY(expect(r, '('));
    npy->rank = 0;
    while (!take(r, ')')) {
        if (npy->rank == TD_NPY_RANK)
            return td_fail(r->error, TD_ERR_FORMAT,
                           "header: shape: expected at most %d dimensions, found more",
                           TD_NPY_RANK);
        TD_TRY(read_dimension(r, &npy->dims[npy->rank++]));
        if (!take(r, ',')) {
            if (npy->rank == 1)
                return fail_at(r, "','");
            TD_TRY(expect(r, ')'));
            break;
        }
    }
    return TD_OK;
}

static const char *const keys[] = {"descr", "fortran_order", "shape"};

enum { DESCR, FORTRAN_ORDER, SHAPE, KEYS };

static td_status read_entry(reader *r, td_npy *npy, bool *seen) {
    word key;
    size_t which = 0;
    TD_TRY(read_string(r, &key, "a key or '}'"));
    while (which < KEYS && !is_word(key, keys[which]))
        which++;
    if (which == KEYS || seen[which])
        return td_fail(r->error, TD_ERR_FORMAT,
                       "header: expected the keys descr, fortran_order and shape once each, found "
                       "'%.*s'%s",
                       (int)td_size_min(key.length, 40), key.text, which < KEYS ? " again" : "");
    seen[which] = true;
    TD_TRY(expect(r, ':'));
    return which == DESCR           ? read_type(r, npy)
           : which == FORTRAN_ORDER ? read_order(r)
                                    : read_shape(r, npy);
}

static td_status read_dict(reader *r, td_npy *npy) {
    bool seen[KEYS] = {false};
    TD_TRY(expect(r, '{'));
    while (!take(r, '}')) {
        TD_TRY(read_entry(r, npy, seen));
        if (!take(r, ',')) {
            TD_TRY(expect(r, '}'));
            break;
        }
    }
    for (size_t i = 0; i < KEYS; i++)
        if (!seen[i])
            return td_fail(r->error, TD_ERR_FORMAT, "header: expected the key %s, found none",
                           keys[i]);
    skip_spaces(r);
    if (r->at + 1 != r->size || r->text[r->at] != '\n')
        return fail_at(r, "spaces, then a newline that ends it");
    return TD_OK;
}

/* Checks the bytes before the header's text, and locates the text. */
static td_status find_header(reader *r, const uint8_t *bytes, size_t size) {
    const size_t fixed = MAGIC_BYTES + VERSION_BYTES;
    if (size < fixed || memcmp(bytes, magic, MAGIC_BYTES) != 0)
        return td_fail(r->error, TD_ERR_FORMAT,
                       "magic string: expected \\x93NUMPY and a version, found %s",
                       size < fixed ? "a file of fewer bytes" : "other bytes");
    unsigned major = bytes[MAGIC_BYTES], minor = bytes[MAGIC_BYTES + 1];
    if (major < 1 || major > 3 || minor != 0)
        return td_fail(r->error, TD_ERR_FORMAT, "version: expected 1.0, 2.0 or 3.0, found %u.%u",
                       major, minor);
    size_t width = major == 1 ? 2 : 4, length = 0;
    if (size - fixed < width)
        return td_fail(r->error, TD_ERR_FORMAT,
                       "header length: expected %zu bytes, found %zu to the end of the file", width,
                       size - fixed);
    for (size_t i = 0; i < width; i++)
        length |= (size_t)bytes[fixed + i] << (8 * i);
    size_t most = td_size_min(size - fixed - width, TD_NPY_HEADER);
    if (length > most)
        return td_fail(r->error, TD_ERR_FORMAT,
                       "header length: expected at most %zu (the file has %zu bytes), found %zu",
                       most, size, length);
    r->text = (const char *)bytes + fixed + width;
    r->size = length;
    return TD_OK;
}

static td_status parse(td_npy *npy, const uint8_t *bytes, size_t size, td_error *error) {
    reader r = {.error = error};
    TD_TRY(find_header(&r, bytes, size));
    TD_TRY(read_dict(&r, npy));
    npy->data = (const uint8_t *)r.text + r.size;
    size_t left = size - (size_t)(npy->data - bytes), expected;
    char shape[TD_NPY_TEXT];
    if (!td_size_product(npy->dims, npy->rank, &npy->count) ||
        !td_size_mul(npy->count, npy->size, &expected))
        return td_fail(error, TD_ERR_FORMAT,
                       "header: shape: expected a size that fits in memory, found %s",
                       td_npy_shape(npy, shape));
    if (left != expected)
        return td_fail(error, TD_ERR_FORMAT, "values: expected %zu bytes for %s of '%s', found %zu",
                       expected, td_npy_shape(npy, shape), npy->descr, left);
    return TD_OK;
}

td_status td_npy_parse(td_npy *npy, const uint8_t *bytes, size_t size, td_error *error) {
    *npy = (td_npy){0};
    td_status status = parse(npy, bytes, size, error);
    if (status != TD_OK)
        *npy = (td_npy){0};
    return status;
}

td_status td_npy_open(td_npy *npy, const char *path, td_error *error) {
    *npy = (td_npy){0};
    td_map map;
    TD_TRY(td_map_open(&map, path, error));
    td_status status = td_npy_parse(npy, map.data, map.size, error);
    if (status != TD_OK) {
        td_map_close(&map);
        return td_fail_within(error, status, "%s", path);
    }
    npy->map = map;
    return TD_OK;
}

void td_npy_close(td_npy *npy) {
    td_map_close(&npy->map);
    *npy = (td_npy){0};
}

const char *td_npy_shape(const td_npy *npy, char text[TD_NPY_TEXT]) {
    size_t used = (size_t)snprintf(text, TD_NPY_TEXT, "(");
    for (size_t i = 0; i < npy->rank; i++)
        used +=
            (size_t)snprintf(text + used, TD_NPY_TEXT - used, "%s%zu", i ? ", " : "", npy->dims[i]);
    snprintf(text + used, TD_NPY_TEXT - used, npy->rank == 1 ? ",)" : ")");
    return text;
}
