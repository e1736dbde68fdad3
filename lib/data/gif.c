/* SPDX-License-Identifier: MIT */
/* GIF by giflib: one picture per file. Parts of the screen outside the picture are transparent, and
 * so is the transparent colour. */
#include "data/picture.h"

#include <gif_lib.h>
#include <stdlib.h>
#include <string.h>

enum { RGB = 3, RGBA = 4, OPAQUE = 255, PASSES = 4 };

typedef struct reader {
    const uint8_t *bytes;
    size_t size, offset;
    GifFileType *gif;
    int transparent; /* the transparent colour; NO_TRANSPARENT_COLOR for none */
    uint8_t *canvas; /* RGBA, the bitmap's pixels */
    td_bitmap *bitmap;
    td_error *error;
} reader;

static int on_read(GifFileType *gif, GifByteType *out, int length) {
    reader *r = gif->UserData;
    size_t count = r->size - r->offset;
    if (length < 0)
        return 0;
    if ((size_t)length < count)
        count = (size_t)length;
    memcpy(out, r->bytes + r->offset, count);
    r->offset += count;
    return (int)count;
}

static td_status fail(const reader *r) {
    const char *reason = GifErrorString(r->gif->Error);
    return td_fail(r->error, TD_ERR_FORMAT, "expected sound data, found: %s",
                   reason ? reason : "damaged data");
}

/* Copies one row of the picture to its position on the screen. */
static td_status place_row(const reader *r, const uint8_t *row, size_t y) {
    const GifImageDesc *image = &r->gif->Image;
    const ColorMapObject *colours = image->ColorMap ? image->ColorMap : r->gif->SColorMap;
    uint8_t *out =
        r->canvas + ((y + (size_t)image->Top) * r->bitmap->width + (size_t)image->Left) * RGBA;
    for (size_t x = 0; x < (size_t)image->Width; x++, out += RGBA) {
        if (row[x] == r->transparent)
            continue;
        if (row[x] >= colours->ColorCount)
            return td_fail(r->error, TD_ERR_FORMAT, "row %zu: expected colours 0 to %d, found %d",
                           y, colours->ColorCount - 1, row[x]);
        const GifColorType *colour = &colours->Colors[row[x]];
        const uint8_t pixel[RGBA] = {colour->Red, colour->Green, colour->Blue, OPAQUE};
        memcpy(out, pixel, RGBA);
    }
    return TD_OK;
}

static td_status read_rows(const reader *r, uint8_t *row) {
    static const size_t starts[PASSES] = {0, 4, 2, 1}, steps[PASSES] = {8, 8, 4, 2};
    const GifImageDesc *image = &r->gif->Image;
    const bool interlaced = image->Interlace;
    for (size_t pass = 0; pass < (interlaced ? PASSES : 1); pass++)
        for (size_t y = interlaced ? starts[pass] : 0; y < (size_t)image->Height;
             y += interlaced ? steps[pass] : 1) {
            if (DGifGetLine(r->gif, row, image->Width) != GIF_OK)
                return fail(r);
            TD_TRY(place_row(r, row, y));
        }
    return TD_OK;
}

static td_status check_frame(const reader *r) {
    const GifImageDesc *image = &r->gif->Image;
    if (image->Left < 0 || image->Top < 0 || image->Width < 1 || image->Height < 1 ||
        (size_t)image->Left + (size_t)image->Width > r->bitmap->width ||
        (size_t)image->Top + (size_t)image->Height > r->bitmap->height)
        return td_fail(r->error, TD_ERR_FORMAT,
                       "expected a picture within the screen of %zux%zu, found %dx%d at %d+%d",
                       r->bitmap->width, r->bitmap->height, image->Width, image->Height,
                       image->Left, image->Top);
    if (!image->ColorMap && !r->gif->SColorMap)
        return td_fail(r->error, TD_ERR_FORMAT, "expected a table of colours, found none");
    return TD_OK;
}

static td_status read_frame(reader *r) {
    if (DGifGetImageDesc(r->gif) != GIF_OK)
        return fail(r);
    if (r->canvas)
        return td_fail(r->error, TD_ERR_FORMAT, "expected one picture, found an animation");
    TD_TRY(
        td_bitmap_check_packed((size_t)r->gif->SWidth, (size_t)r->gif->SHeight, r->size, r->error));
    TD_TRY(
        td_bitmap_make(r->bitmap, (size_t)r->gif->SWidth, (size_t)r->gif->SHeight, RGBA, r->error));
    r->canvas = r->bitmap->pixels;
    TD_TRY(check_frame(r));
    uint8_t *row = malloc((size_t)r->gif->Image.Width);
    if (!row)
        return td_fail_memory(r->error, "a row of a picture");
    td_status status = read_rows(r, row);
    free(row);
    return status;
}

/* The extension before the picture gives the transparent colour. */
static td_status read_extension(reader *r) {
    int code;
    GifByteType *block;
    if (DGifGetExtension(r->gif, &code, &block) != GIF_OK)
        return fail(r);
    while (block) {
        GraphicsControlBlock control;
        if (code == GRAPHICS_EXT_FUNC_CODE && !r->canvas &&
            DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK)
            r->transparent = control.TransparentColor;
        if (DGifGetExtensionNext(r->gif, &block) != GIF_OK)
            return fail(r);
    }
    return TD_OK;
}

static td_status read_records(reader *r) {
    for (;;) {
        GifRecordType type;
        if (DGifGetRecordType(r->gif, &type) != GIF_OK)
            return fail(r);
        if (type == TERMINATE_RECORD_TYPE)
            return r->canvas ? TD_OK
                             : td_fail(r->error, TD_ERR_FORMAT, "expected a picture, found none");
        if (type == IMAGE_DESC_RECORD_TYPE)
            TD_TRY(read_frame(r));
        else if (type == EXTENSION_RECORD_TYPE)
            TD_TRY(read_extension(r));
    }
}

/* Removes the alpha channel of an opaque picture. */
static void drop_opaque_alpha(td_bitmap *bitmap) {
    const size_t count = bitmap->width * bitmap->height;
    for (size_t i = 0; i < count; i++)
        if (bitmap->pixels[i * RGBA + RGB] != OPAQUE)
            return;
    for (size_t i = 0; i < count; i++)
        memmove(bitmap->pixels + i * RGB, bitmap->pixels + i * RGBA, RGB);
    bitmap->channels = RGB;
}

static td_status decode(td_bitmap *bitmap, const uint8_t *bytes, size_t size, td_error *error) {
    *bitmap = (td_bitmap){0};
    reader r = {.bytes = bytes,
                .size = size,
                .transparent = NO_TRANSPARENT_COLOR,
                .bitmap = bitmap,
                .error = error};
    int code = 0;
    r.gif = DGifOpen(&r, on_read, &code);
    if (!r.gif)
        return td_fail(error, TD_ERR_FORMAT, "expected a sound header, found: %s",
                       GifErrorString(code) ? GifErrorString(code) : "damaged data");
    td_status status = read_records(&r);
    DGifCloseFile(r.gif, &code);
    if (status == TD_OK)
        drop_opaque_alpha(bitmap);
    else
        td_bitmap_free(bitmap);
    return status;
}

static bool recognise(const uint8_t *bytes, size_t size) {
    return size >= 6 && memcmp(bytes, "GIF8", 4) == 0;
}

static const char *const endings[] = {".gif", NULL};

const td_codec td_codec_gif = {
    .name = "GIF",
    .reads = "87a and 89a, interlaced, with a transparent colour; no animations",
    .endings = endings,
    .recognise = recognise,
    .decode = decode,
};
