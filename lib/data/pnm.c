/* SPDX-License-Identifier: MIT */
/* Portable anymap, as netpbm's pages pgm(5) and ppm(5) define it: grey (P2, P5) and RGB (P3, P6),
 * as text and as bytes, one picture per file. */
#include "data/picture.h"

#include <string.h>

enum { MAX_VALUE = 65535, WIDE_VALUE = 256, GREY = 1, RGB = 3 };

/* One file being read. */
typedef struct scanner {
    const uint8_t *bytes;
    size_t size, offset;
    td_error *error;
} scanner;

typedef struct header {
    bool text;
    size_t width, height, channels;
    size_t max; /* the value of white */
} header;

static bool is_space(uint8_t c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(uint8_t c) {
    return c >= '0' && c <= '9';
}

/* Skips white space and comments, which go from '#' to the end of the line. */
static void skip_space(scanner *s) {
    bool comment = false;
    for (; s->offset < s->size; s->offset++) {
        uint8_t c = s->bytes[s->offset];
        if (comment)
            comment = c != '\n' && c != '\r';
        else if (c == '#')
            comment = true;
        else if (!is_space(c))
            return;
    }
}

/* A decimal number of at most `largest`, after white space or comments. */
static td_status read_number(scanner *s, size_t largest, const char *what, size_t *out) {
    skip_space(s);
    if (s->offset == s->size)
        return td_fail(s->error, TD_ERR_FORMAT, "%s: expected a number, found the end of the file",
                       what);
    size_t start = s->offset, number = 0;
    for (; s->offset < s->size && is_digit(s->bytes[s->offset]) && number <= largest; s->offset++)
        number = number * 10 + (size_t)(s->bytes[s->offset] - '0');
    if (s->offset == start)
        return td_fail(s->error, TD_ERR_FORMAT,
                       "%s: expected a number at byte %zu, found the byte %02x", what, start,
                       s->bytes[start]);
    if (number > largest)
        return td_fail(s->error, TD_ERR_FORMAT,
                       "%s: expected at most %zu, found a larger number at byte %zu", what, largest,
                       start);
    *out = number;
    return TD_OK;
}

/* "P5 640 480 255" and the single white space that ends it. */
static td_status read_header(scanner *s, header *h) {
    uint8_t kind = s->bytes[1];
    if (kind != '2' && kind != '3' && kind != '5' && kind != '6')
        return td_fail(s->error, TD_ERR_FORMAT, "expected P2, P3, P5 or P6, found P%c", kind);
    h->text = kind < '5';
    h->channels = kind == '2' || kind == '5' ? GREY : RGB;
    s->offset = 2;
    TD_TRY(read_number(s, SIZE_MAX / 100, "width", &h->width));
    TD_TRY(read_number(s, SIZE_MAX / 100, "height", &h->height));
    TD_TRY(td_bitmap_check(h->width, h->height, s->error));
    TD_TRY(read_number(s, MAX_VALUE, "largest value", &h->max));
    if (h->max == 0)
        return td_fail(s->error, TD_ERR_FORMAT, "largest value: expected 1 to %d, found 0",
                       MAX_VALUE);
    if (s->offset == s->size || !is_space(s->bytes[s->offset]))
        return td_fail(s->error, TD_ERR_FORMAT,
                       "header: expected white space at byte %zu, found %s", s->offset,
                       s->offset == s->size ? "the end of the file" : "none");
    s->offset++;
    return TD_OK;
}

static uint8_t to_byte(const header *h, size_t value) {
    return (uint8_t)(h->max == 255 ? value : (value * 255 + h->max / 2) / h->max);
}

static td_status fail_value(const scanner *s, const header *h, size_t value, size_t offset) {
    return td_fail(s->error, TD_ERR_FORMAT,
                   "values: expected at most the %zu of the header, found %zu at byte %zu", h->max,
                   value, offset);
}

static td_status fail_extra(const scanner *s) {
    return td_fail(s->error, TD_ERR_FORMAT,
                   "expected the end of the file after one picture, found %zu more bytes",
                   s->size - s->offset);
}

/* Values of one byte, or of two, big-endian. */
static td_status read_raster(scanner *s, const header *h, td_bitmap *bitmap) {
    size_t count = h->width * h->height * h->channels, width = h->max < WIDE_VALUE ? 1 : 2;
    size_t left = s->size - s->offset;
    if (left < count * width)
        return td_fail(s->error, TD_ERR_FORMAT,
                       "values: expected %zu bytes for %zux%zu pixels, found %zu", count * width,
                       h->width, h->height, left);
    TD_TRY(td_bitmap_make(bitmap, h->width, h->height, h->channels, s->error));
    const uint8_t *from = s->bytes + s->offset;
    for (size_t i = 0; i < count; i++) {
        size_t value = width == 1 ? from[i] : (size_t)from[2 * i] << 8 | from[2 * i + 1];
        if (value > h->max)
            return fail_value(s, h, value, s->offset + i * width);
        bitmap->pixels[i] = to_byte(h, value);
    }
    s->offset += count * width;
    return s->offset == s->size ? TD_OK : fail_extra(s);
}

/* Decimal numbers, each at least a digit and a separator. */
static td_status read_text(scanner *s, const header *h, td_bitmap *bitmap) {
    size_t count = h->width * h->height * h->channels, left = s->size - s->offset;
    if (left < 2 * count - 1)
        return td_fail(s->error, TD_ERR_FORMAT,
                       "values: expected at least %zu bytes for %zux%zu pixels, found %zu",
                       2 * count - 1, h->width, h->height, left);
    TD_TRY(td_bitmap_make(bitmap, h->width, h->height, h->channels, s->error));
    for (size_t i = 0; i < count; i++) {
        size_t value;
        TD_TRY(read_number(s, h->max, "values", &value));
        bitmap->pixels[i] = to_byte(h, value);
    }
    skip_space(s);
    return s->offset == s->size ? TD_OK : fail_extra(s);
}

static td_status decode(td_bitmap *bitmap, const uint8_t *bytes, size_t size, td_error *error) {
    *bitmap = (td_bitmap){0};
    scanner s = {.bytes = bytes, .size = size, .error = error};
    header h;
    TD_TRY(read_header(&s, &h));
    td_status status = h.text ? read_text(&s, &h, bitmap) : read_raster(&s, &h, bitmap);
    if (status != TD_OK)
        td_bitmap_free(bitmap);
    return status;
}

/* Also recognises P1 and P4 (bitmaps) and P7 (PAM), to report that they are not supported. */
static bool recognise(const uint8_t *bytes, size_t size) {
    return size >= 3 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '7' &&
           (is_space(bytes[2]) || bytes[2] == '#');
}

static const char *const endings[] = {".ppm", ".pgm", ".pnm", NULL};

const td_codec td_codec_pnm = {
    .name = "PNM",
    .reads = "PPM and PGM (P2, P3, P5, P6), up to 16 bits a value",
    .endings = endings,
    .recognise = recognise,
    .decode = decode,
};
