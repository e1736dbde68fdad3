/* SPDX-License-Identifier: MIT */
/* TIFF by libtiff: one picture per file, possibly with smaller versions. Values of 16 bits become
 * bytes; formats that libtiff cannot convert to 8-bit RGB (floating point, for example) are refused
 * with its message. */
#include "data/picture.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tiffio.h>

enum { MOST_PIECE = 64 << 20, GREY = 1, RGB = 3, RGBA = 4, OPAQUE = 255 };

typedef struct source {
    const uint8_t *bytes;
    size_t size, offset;
    char reason[256]; /* libtiff's first error */
} source;

static tmsize_t on_read(thandle_t handle, void *out, tmsize_t size) {
    source *s = handle;
    size_t count = s->size - s->offset;
    if ((size_t)size < count)
        count = (size_t)size;
    memcpy(out, s->bytes + s->offset, count);
    s->offset += count;
    return (tmsize_t)count;
}

static tmsize_t on_write(thandle_t handle, void *data, tmsize_t size) {
    (void)handle, (void)data, (void)size;
    return 0;
}

static toff_t on_seek(thandle_t handle, toff_t offset, int from) {
    source *s = handle;
    const toff_t base = from == SEEK_CUR ? s->offset : from == SEEK_END ? s->size : 0;
    const toff_t place = base + offset;
    s->offset = place < s->size ? (size_t)place : s->size;
    return place;
}

static int on_close(thandle_t handle) {
    (void)handle;
    return 0;
}

static toff_t on_size(thandle_t handle) {
    return ((source *)handle)->size;
}

static int on_map(thandle_t handle, void **base, toff_t *size) {
    source *s = handle;
    *base = (void *)s->bytes; /* opened read-only */
    *size = s->size;
    return 1;
}

static void on_unmap(thandle_t handle, void *base, toff_t size) {
    (void)handle, (void)base, (void)size;
}

static TD_PRINTF(4, 0) int on_error(TIFF *tiff, void *context, const char *module,
                                    const char *format, va_list arguments) {
    source *s = context;
    (void)tiff, (void)module;
    if (!s->reason[0])
        vsnprintf(s->reason, sizeof s->reason, format, arguments);
    return 1;
}

/* Warnings concern things that do not change the pixels. */
static TD_PRINTF(4, 0) int on_warning(TIFF *tiff, void *context, const char *module,
                                      const char *format, va_list arguments) {
    (void)tiff, (void)context, (void)module, (void)format, (void)arguments;
    return 1;
}

static td_status fail(const source *s, td_error *error) {
    return td_fail(error, TD_ERR_FORMAT, "expected sound data that can be shown, found: %s",
                   s->reason[0] ? s->reason : "damaged data");
}

static TIFF *open_tiff(source *s) {
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options)
        return NULL;
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, MOST_PIECE);
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, s);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, NULL);
    TIFF *tiff = TIFFClientOpenExt("picture", "r", s, on_read, on_write, on_seek, on_close, on_size,
                                   on_map, on_unmap, options);
    TIFFOpenOptionsFree(options);
    return tiff;
}

/* libtiff's words are RGBA, top row first. Colours are `multiplied` by alpha, except those of grey
 * pictures stored without. */
static td_status read_words(TIFF *tiff, const source *s, uint32_t *words, td_bitmap *shape,
                            bool *multiplied, td_error *error) {
    TIFFRGBAImage image;
    char reason[1024] = "";
    if (!TIFFRGBAImageOK(tiff, reason) || !TIFFRGBAImageBegin(&image, tiff, 1, reason))
        return td_fail(error, TD_ERR_FORMAT, "expected sound data that can be shown, found: %s",
                       reason[0]      ? reason
                       : s->reason[0] ? s->reason
                                      : "damaged data");
    shape->orientation = image.orientation;
    image.orientation = image.req_orientation = ORIENTATION_TOPLEFT;
    const bool grey =
        image.photometric == PHOTOMETRIC_MINISBLACK || image.photometric == PHOTOMETRIC_MINISWHITE;
    shape->channels = (grey ? GREY : RGB) + (image.alpha ? 1 : 0);
    *multiplied = image.alpha && !(grey && image.alpha == EXTRASAMPLE_UNASSALPHA);
    shape->cmyk = image.photometric == PHOTOMETRIC_SEPARATED;
    const int done =
        TIFFRGBAImageGet(&image, words, (uint32_t)shape->width, (uint32_t)shape->height);
    TIFFRGBAImageEnd(&image);
    return done ? TD_OK : fail(s, error);
}

static uint8_t undo_alpha(unsigned value, unsigned alpha) {
    if (alpha == 0 || value >= alpha)
        return alpha == 0 ? 0 : OPAQUE;
    return (uint8_t)((value * OPAQUE + alpha / 2) / alpha);
}

static void unpack(const uint32_t *words, bool multiplied, td_bitmap *bitmap) {
    const size_t channels = bitmap->channels, count = bitmap->width * bitmap->height;
    const size_t colours = channels < RGB ? GREY : RGB;
    uint8_t *out = bitmap->pixels;
    for (size_t i = 0; i < count; i++, out += channels) {
        const uint32_t word = words[i];
        const uint8_t parts[RGBA] = {(uint8_t)TIFFGetR(word), (uint8_t)TIFFGetG(word),
                                     (uint8_t)TIFFGetB(word), (uint8_t)TIFFGetA(word)};
        for (size_t c = 0; c < colours; c++)
            out[c] = multiplied ? undo_alpha(parts[c], parts[RGB]) : parts[c];
        if (channels > colours)
            out[colours] = parts[RGB];
    }
}

static td_status decode_page(TIFF *tiff, const source *s, td_bitmap *bitmap, td_error *error) {
    uint32_t width = 0, height = 0;
    td_bitmap shape = {0};
    if (!TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width) ||
        !TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height))
        return fail(s, error);
    TD_TRY(td_bitmap_check_packed(width, height, s->size, error));
    shape.width = width;
    shape.height = height;
    uint32_t *words = malloc((size_t)width * height * sizeof *words);
    if (!words)
        return td_fail_memory(error, "a picture");
    bool multiplied = false;
    td_status status = read_words(tiff, s, words, &shape, &multiplied, error);
    if (status == TD_OK)
        status = td_bitmap_make(bitmap, shape.width, shape.height, shape.channels, error);
    if (status == TD_OK) {
        unpack(words, multiplied, bitmap);
        bitmap->orientation = shape.orientation;
        bitmap->cmyk = shape.cmyk;
    }
    free(words);
    return status;
}

/* Whether the pages after the first are smaller versions of it. */
static td_status check_pages(TIFF *tiff, td_error *error) {
    while (TIFFReadDirectory(tiff)) {
        uint32_t kind = 0;
        TIFFGetField(tiff, TIFFTAG_SUBFILETYPE, &kind);
        if (!(kind & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK)))
            return td_fail(error, TD_ERR_FORMAT, "expected one picture, found several pages");
    }
    return TD_OK;
}

static td_status decode(td_bitmap *bitmap, const uint8_t *bytes, size_t size, td_error *error) {
    *bitmap = (td_bitmap){0};
    source s = {.bytes = bytes, .size = size};
    TIFF *tiff = open_tiff(&s);
    if (!tiff)
        return fail(&s, error);
    td_status status = decode_page(tiff, &s, bitmap, error);
    if (status == TD_OK)
        status = check_pages(tiff, error);
    TIFFClose(tiff);
    if (status != TD_OK)
        td_bitmap_free(bitmap);
    return status;
}

static bool recognise(const uint8_t *bytes, size_t size) {
    return size >= 8 && (memcmp(bytes, "II*\0", 4) == 0 || memcmp(bytes, "MM\0*", 4) == 0 ||
                         memcmp(bytes, "II+\0", 4) == 0 || memcmp(bytes, "MM\0+", 4) == 0);
}

static const char *const endings[] = {".tif", ".tiff", NULL};

const td_codec td_codec_tiff = {
    .name = "TIFF",
    .reads = "what libtiff turns into 8-bit colours, with alpha and orientation; one page",
    .endings = endings,
    .recognise = recognise,
    .decode = decode,
};
