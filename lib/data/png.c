/* SPDX-License-Identifier: MIT */
#include "data/png.h"

#include "data/orientation.h"
#include "data/picture.h"
#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { DEFLATE_RATIO = 1032, SIGNATURE_BYTES = 4 };

/* One PNG being read or written. It is allocated outside the function that calls setjmp, so that
 * its fields stay defined after libpng's longjmp. */
typedef struct codec {
    png_structp png;
    png_infop info;
    png_bytep *rows;
    const uint8_t *bytes; /* reading: the file */
    size_t size;
    size_t offset;    /* reading: bytes consumed */
    FILE *stream;     /* writing */
    td_status status; /* TD_OK: use libpng's own message */
    td_error *error;
} codec;

static _Noreturn void on_error(png_structp png, png_const_charp message) {
    codec *c = png_get_error_ptr(png);
    if (c->status == TD_OK)
        c->status = td_fail(c->error, TD_ERR_FORMAT, "%s", message);
    png_longjmp(png, 1);
}

/* zlib's message would blame the file's content, or be missing. */
static png_voidp on_allocate(png_structp png, png_alloc_size_t size) {
    codec *c = png_get_mem_ptr(png);
    png_voidp bytes = malloc(size);
    if (!bytes)
        c->status = td_fail_memory(c->error, "a PNG picture");
    return bytes;
}

static void on_free(png_structp png, png_voidp bytes) {
    (void)png;
    free(bytes);
}

/* A warning concerns a chunk that does not change the pixels. */
static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void on_read(png_structp png, png_bytep out, size_t size) {
    codec *c = png_get_io_ptr(png);
    if (size > c->size - c->offset)
        png_error(png, "expected more data, found the end of the file");
    memcpy(out, c->bytes + c->offset, size);
    c->offset += size;
}

/* Points rows[i] to the rows of the bitmap. */
static td_status make_rows(codec *c, const td_bitmap *bitmap) {
    size_t stride = bitmap->width * bitmap->channels;
    c->rows = calloc(bitmap->height, sizeof *c->rows);
    if (!c->rows)
        return td_fail_memory(c->error, "a picture");
    for (size_t i = 0; i < bitmap->height; i++)
        c->rows[i] = bitmap->pixels + i * stride;
    return TD_OK;
}

/* Asks libpng for 8 bits per channel, without gamma correction. */
static void convert_to_bytes(codec *c) {
    png_set_expand(c->png); /* palette to RGB, 1, 2 and 4 bits to 8, transparent colour to alpha */
    png_set_scale_16(c->png);
    png_set_interlace_handling(c->png);
    png_read_update_info(c->png, c->info);
}

/* Refuses a small file that claims a picture of a gigabyte. */
static td_status check_plausible(codec *c, size_t width, size_t height) {
    TD_TRY(td_bitmap_check(width, height, c->error));
    size_t raw = png_get_rowbytes(c->png, c->info) * height; /* at most 2^14 rows of 2^17 bytes */
    if (raw / DEFLATE_RATIO > c->size)
        return td_fail(c->error, TD_ERR_FORMAT,
                       "size: expected at most %d times the %zu bytes of the file, found %zux%zu "
                       "pixels",
                       DEFLATE_RATIO, c->size, width, height);
    return TD_OK;
}

static size_t read_u32(const uint8_t *at) {
    return (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
}

/* Reads the first valid chunk eXIf; libpng would allocate whatever length it claims. */
static td_status read_orientation(const codec *c, td_bitmap *bitmap) {
    enum { SIGNATURE = 8, WORD = 4, AROUND = 3 * WORD }; /* length before, type, checksum after */
    for (size_t at = SIGNATURE; c->size >= AROUND && at <= c->size - AROUND;) {
        const uint8_t *type = c->bytes + at + WORD;
        const size_t length = read_u32(c->bytes + at);
        if (length > c->size - AROUND - at)
            return TD_OK;
        if (memcmp(type, "eXIf", WORD) == 0 &&
            crc32(0, type, (uInt)(WORD + length)) == read_u32(type + WORD + length))
            return td_orientation_read(&bitmap->orientation, type + WORD, length, c->error);
        at += AROUND + length;
    }
    return TD_OK;
}

static td_status decode_into(codec *c, td_bitmap *bitmap) {
    if (setjmp(png_jmpbuf(c->png)))
        return c->status;
    /* Reads only the chunks that define pixels; skips texts and profiles. */
    png_set_keep_unknown_chunks(c->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_user_limits(c->png, PNG_UINT_31_MAX,
                        PNG_UINT_31_MAX); /* check_plausible limits the size */
    png_set_read_fn(c->png, c, on_read);
    png_read_info(c->png, c->info);
    size_t width = png_get_image_width(c->png, c->info);
    size_t height = png_get_image_height(c->png, c->info);
    TD_TRY(check_plausible(c, width, height));
    convert_to_bytes(c);
    TD_TRY(td_bitmap_make(bitmap, width, height, png_get_channels(c->png, c->info), c->error));
    TD_TRY(make_rows(c, bitmap));
    png_read_image(c->png, c->rows);
    png_read_end(c->png, NULL);
    TD_TRY(c->status);
    return read_orientation(c, bitmap);
}

static td_status decode(td_bitmap *bitmap, const uint8_t *bytes, size_t size, td_error *error) {
    *bitmap = (td_bitmap){0};
    codec c = {.bytes = bytes, .size = size, .error = error};
    td_status status;
    c.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &c, on_error, on_warning, &c,
                                     on_allocate, on_free);
    c.info = c.png ? png_create_info_struct(c.png) : NULL;
    if (c.info)
        status = decode_into(&c, bitmap);
    else
        status = td_fail_memory(error, "the PNG reader");
    png_destroy_read_struct(&c.png, &c.info, NULL);
    free(c.rows);
    if (status != TD_OK)
        td_bitmap_free(bitmap);
    return status;
}

/* Half of the signature: libpng explains what is wrong with the rest, which a text-mode transfer
 * damages. */
static bool recognise(const uint8_t *bytes, size_t size) {
    return size >= SIGNATURE_BYTES && memcmp(bytes, "\x89PNG", SIGNATURE_BYTES) == 0;
}

static const char *const endings[] = {".png", NULL};

const td_codec td_codec_png = {
    .name = "PNG",
    .reads = "1 to 16 bits a channel, palettes, transparency, interlaced; EXIF orientation",
    .endings = endings,
    .recognise = recognise,
    .decode = decode,
};

/* libpng's own function does not report the reason. */
static void on_write(png_structp png, png_bytep bytes, size_t size) {
    codec *c = png_get_io_ptr(png);
    if (fwrite(bytes, 1, size, c->stream) == size)
        return;
    c->status = td_fail(c->error, TD_ERR_IO, "%s", strerror(errno));
    png_error(png, "");
}

static void on_flush(png_structp png) {
    (void)png;
}

static td_status encode(codec *c, const td_bitmap *bitmap) {
    static const int types[] = {[1] = PNG_COLOR_TYPE_GRAY,
                                [2] = PNG_COLOR_TYPE_GRAY_ALPHA,
                                [3] = PNG_COLOR_TYPE_RGB,
                                [4] = PNG_COLOR_TYPE_RGB_ALPHA};
    TD_TRY(make_rows(c, bitmap));
    if (setjmp(png_jmpbuf(c->png)))
        return c->status;
    png_set_write_fn(c->png, c, on_write, on_flush);
    png_set_IHDR(c->png, c->info, (png_uint_32)bitmap->width, (png_uint_32)bitmap->height, 8,
                 types[bitmap->channels], PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(c->png, c->info);
    png_write_image(c->png, c->rows);
    png_write_end(c->png, NULL);
    return c->status;
}

td_status td_png_write(FILE *stream, const td_bitmap *bitmap, td_error *error) {
    if (bitmap->width < 1 || bitmap->width > TD_BITMAP_SIDE || bitmap->height < 1 ||
        bitmap->height > TD_BITMAP_SIDE || bitmap->channels < 1 || bitmap->channels > 4)
        return td_fail(
            error, TD_ERR_USAGE,
            "PNG: expected a picture of 1 to %d pixels a side with 1 to 4 channels, found "
            "%zux%zu with %zu",
            TD_BITMAP_SIDE, bitmap->width, bitmap->height, bitmap->channels);
    codec c = {.stream = stream, .error = error};
    td_status status;
    c.png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &c, on_error, on_warning, &c,
                                      on_allocate, on_free);
    c.info = c.png ? png_create_info_struct(c.png) : NULL;
    if (c.info)
        status = encode(&c, bitmap);
    else
        status = td_fail_memory(error, "the PNG writer");
    png_destroy_write_struct(&c.png, &c.info);
    free(c.rows);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "writing PNG");
}
