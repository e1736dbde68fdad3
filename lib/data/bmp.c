/* SPDX-License-Identifier: MIT */
/* BMP, Windows' and OS/2's bitmaps, as Microsoft's page "Bitmap storage" defines them:
 * uncompressed, with a palette of 1, 4 or 8 bits, or with 16, 24 or 32 bits per pixel. A palette of
 * greys gives a grey picture. */
#include "data/picture.h"

#include <string.h>

enum {
    FILE_HEADER = 14,
    CORE_HEADER = 12,  /* OS/2's, with sizes of 16 bits */
    INFO_HEADER = 40,  /* Windows' */
    MASKS_HEADER = 56, /* from this size on the masks, including alpha's, are part of the header */
    MOST_HEADER = 124,
    PLAIN = 0, /* kinds of compression */
    MASKED = 3,
    MASKED_ALPHA = 6,
    MASKS = 4,
    MOST_COLOURS = 256,
    GREY = 1,
    RGB = 3,
    RGBA = 4,
};

typedef struct header {
    size_t size; /* of the header after the file header */
    size_t offset, width, height, bits, colours;
    uint32_t compression, masks[MASKS]; /* red, green, blue, alpha; 0: none */
    bool top_down;
    size_t stride;
} header;

typedef struct reader {
    const uint8_t *bytes;
    size_t size;
    header h;
    const uint8_t *palette; /* h.colours entries of `entry` bytes: blue, green, red */
    size_t entry;
    td_error *error;
} reader;

static uint32_t read16(const uint8_t *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static uint32_t read32(const uint8_t *at) {
    return read16(at) | read16(at + 2) << 16;
}

/* A signed 32-bit size; the sign gives the row order. */
static size_t magnitude(uint32_t value, bool *negative) {
    *negative = value >> 31;
    return *negative ? (size_t)(~value) + 1 : value;
}

static td_status read_core(reader *r, const uint8_t *at) {
    r->h.width = read16(at + 4);
    r->h.height = read16(at + 6);
    r->h.bits = read16(at + 10);
    r->entry = 3;
    return TD_OK;
}

static td_status read_info(reader *r, const uint8_t *at) {
    header *h = &r->h;
    bool negative;
    h->width = magnitude(read32(at + 4), &negative);
    if (negative)
        return td_fail(r->error, TD_ERR_FORMAT, "width: expected a number above 0, found -%zu",
                       h->width);
    h->height = magnitude(read32(at + 8), &h->top_down);
    h->bits = read16(at + 14);
    h->compression = read32(at + 16);
    h->colours = read32(at + 32);
    r->entry = 4;
    return TD_OK;
}

static td_status read_masks(reader *r) {
    static const uint32_t of16[MASKS] = {0x7c00, 0x3e0, 0x1f, 0},
                          of32[MASKS] = {0xff0000, 0xff00, 0xff, 0};
    header *h = &r->h;
    if (h->compression == PLAIN) {
        memcpy(h->masks, h->bits == 16 ? of16 : of32, sizeof h->masks);
        return TD_OK;
    }
    /* After a short header there are three or four more numbers. */
    const size_t count = h->size >= MASKS_HEADER || h->compression == MASKED_ALPHA ? 4 : 3;
    const size_t first = FILE_HEADER + INFO_HEADER;
    if (r->size < first + 4 * count)
        return td_fail(r->error, TD_ERR_FORMAT, "masks: expected %zu numbers, found the end",
                       count);
    for (size_t i = 0; i < count; i++)
        h->masks[i] = read32(r->bytes + first + 4 * i);
    for (size_t i = 0; i < RGB; i++)
        if (h->masks[i] == 0 || (h->bits == 16 && h->masks[i] > 0xffff))
            return td_fail(r->error, TD_ERR_FORMAT,
                           "masks: expected bits of %zu for each colour, found %08x", h->bits,
                           h->masks[i]);
    return TD_OK;
}

static td_status check_kind(const reader *r) {
    const header *h = &r->h;
    static const char *const kinds[] = {
        "none", "run lengths (RLE8)", "run lengths (RLE4)", "masks", "JPEG", "PNG", "masks"};
    const bool masked = h->compression == MASKED || h->compression == MASKED_ALPHA;
    const bool plain = h->compression == PLAIN;
    if (!plain && !(masked && (h->bits == 16 || h->bits == 32)))
        return td_fail(r->error, TD_ERR_FORMAT,
                       "compression: expected none, or masks for 16 or 32 bits, found %s for %zu "
                       "bits",
                       h->compression < sizeof kinds / sizeof *kinds ? kinds[h->compression]
                                                                     : "an unknown one",
                       h->bits);
    if (h->bits != 1 && h->bits != 4 && h->bits != 8 && h->bits != 16 && h->bits != 24 &&
        h->bits != 32)
        return td_fail(r->error, TD_ERR_FORMAT,
                       "bits a pixel: expected 1, 4, 8, 16, 24 or 32, found %zu", h->bits);
    return td_bitmap_check(h->width, h->height, r->error);
}

static td_status find_palette(reader *r) {
    header *h = &r->h;
    if (h->bits > 8)
        return TD_OK;
    const size_t most = (size_t)1 << h->bits, first = FILE_HEADER + h->size;
    if (h->colours == 0)
        h->colours = most;
    if (h->colours > most)
        return td_fail(r->error, TD_ERR_FORMAT, "palette: expected at most %zu colours, found %zu",
                       most, h->colours);
    if (first + h->colours * r->entry > r->size)
        return td_fail(r->error, TD_ERR_FORMAT,
                       "palette: expected %zu colours, found the end of the file", h->colours);
    r->palette = r->bytes + first;
    return TD_OK;
}

static td_status read_header(reader *r) {
    header *h = &r->h;
    if (r->size < FILE_HEADER + CORE_HEADER)
        return td_fail(r->error, TD_ERR_FORMAT, "header: expected %d bytes, found %zu",
                       FILE_HEADER + CORE_HEADER, r->size);
    const uint8_t *at = r->bytes + FILE_HEADER;
    h->offset = read32(r->bytes + 10);
    h->size = read32(at);
    if (h->size != CORE_HEADER && (h->size < INFO_HEADER || h->size > MOST_HEADER))
        return td_fail(r->error, TD_ERR_FORMAT, "header size: expected %d, or %d to %d, found %zu",
                       CORE_HEADER, INFO_HEADER, MOST_HEADER, h->size);
    if (r->size < FILE_HEADER + h->size)
        return td_fail(r->error, TD_ERR_FORMAT, "header: expected %zu bytes, found %zu",
                       FILE_HEADER + h->size, r->size);
    TD_TRY((h->size == CORE_HEADER ? read_core : read_info)(r, at));
    TD_TRY(check_kind(r));
    if (h->bits == 16 || h->bits == 32)
        TD_TRY(read_masks(r));
    TD_TRY(find_palette(r));
    h->stride = (h->width * h->bits + 31) / 32 * 4;
    if (h->offset < FILE_HEADER + h->size || h->offset > r->size ||
        r->size - h->offset < h->stride * h->height)
        return td_fail(r->error, TD_ERR_FORMAT,
                       "values: expected %zu bytes for %zux%zu pixels at byte %zu, found a file of "
                       "%zu",
                       h->stride * h->height, h->width, h->height, h->offset, r->size);
    return TD_OK;
}

static const uint8_t *colour_of(const reader *r, size_t index) {
    return r->palette + index * r->entry;
}

static bool is_grey_palette(const reader *r) {
    for (size_t i = 0; r->palette && i < r->h.colours; i++) {
        const uint8_t *colour = colour_of(r, i);
        if (colour[0] != colour[1] || colour[1] != colour[2])
            return false;
    }
    return r->palette != NULL;
}

static size_t channels_of(const reader *r) {
    if (is_grey_palette(r))
        return GREY;
    return r->h.masks[RGB] ? RGBA : RGB;
}

/* The value under a mask with the given number of bits, scaled to 8 bits. */
static uint8_t take_masked(uint32_t pixel, uint32_t mask) {
    const unsigned shift = (unsigned)__builtin_ctz(mask);
    const uint32_t most = mask >> shift, value = (pixel & mask) >> shift;
    return (uint8_t)(((uint64_t)value * 255 + most / 2) / most);
}

static td_status place_index(const reader *r, const uint8_t *row, size_t x, size_t channels,
                             uint8_t *out) {
    const size_t bits = r->h.bits, bit = x * bits;
    const size_t index = (row[bit / 8] >> (8 - bits - bit % 8)) & (((size_t)1 << bits) - 1);
    if (index >= r->h.colours)
        return td_fail(r->error, TD_ERR_FORMAT, "values: expected colours 0 to %zu, found %zu",
                       r->h.colours - 1, index);
    const uint8_t *colour = colour_of(r, index);
    for (size_t c = 0; c < channels; c++)
        out[c] = colour[2 - c];
    return TD_OK;
}

static td_status read_row(const reader *r, const uint8_t *row, size_t channels, uint8_t *out) {
    const header *h = &r->h;
    for (size_t x = 0; x < h->width; x++, out += channels)
        if (r->palette) {
            TD_TRY(place_index(r, row, x, channels, out));
        } else if (h->bits == 24) {
            for (size_t c = 0; c < RGB; c++)
                out[c] = row[RGB * x + 2 - c];
        } else {
            const uint32_t pixel = h->bits == 16 ? read16(row + 2 * x) : read32(row + 4 * x);
            for (size_t c = 0; c < channels; c++)
                out[c] = take_masked(pixel, h->masks[c]);
        }
    return TD_OK;
}

static td_status decode(td_bitmap *bitmap, const uint8_t *bytes, size_t size, td_error *error) {
    *bitmap = (td_bitmap){0};
    reader r = {.bytes = bytes, .size = size, .error = error};
    TD_TRY(read_header(&r));
    const header *h = &r.h;
    const size_t channels = channels_of(&r);
    TD_TRY(td_bitmap_make(bitmap, h->width, h->height, channels, error));
    td_status status = TD_OK;
    for (size_t y = 0; y < h->height && status == TD_OK; y++) {
        const size_t stored = h->top_down ? y : h->height - 1 - y;
        status = read_row(&r, bytes + h->offset + stored * h->stride, channels,
                          bitmap->pixels + y * h->width * channels);
    }
    if (status != TD_OK)
        td_bitmap_free(bitmap);
    return status;
}

/* The signature of a Windows bitmap and, because many texts begin with the same two letters, a
 * plausible header size. */
static bool recognise(const uint8_t *bytes, size_t size) {
    return size >= FILE_HEADER + 4 && bytes[0] == 'B' && bytes[1] == 'M' &&
           read32(bytes + FILE_HEADER) < 256;
}

static const char *const endings[] = {".bmp", ".dib", NULL};

const td_codec td_codec_bmp = {
    .name = "BMP",
    .reads = "1, 4, 8, 16, 24 and 32 bits a pixel; no run lengths",
    .endings = endings,
    .recognise = recognise,
    .decode = decode,
};
