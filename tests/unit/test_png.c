/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "data/picture.h"
#include "data/png.h"
#include "data/sheet.h"
#include "data/sheet_font.h"
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static void write_bitmap(const char *path, const td_bitmap *bitmap) {
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(td_png_write(stream, bitmap, NULL), TD_OK);
    assert_int_equal(fclose(stream), 0);
}

static void assert_refused(const char *path, td_status status, const char *message) {
    td_bitmap bitmap;
    td_error error = {""};
    assert_int_equal(td_picture_read(&bitmap, path, &error), status);
    support_assert_contains(error.message, path);
    support_assert_contains(error.message, message);
    assert_null(bitmap.pixels);
}

static void test_round_trip_of_every_kind(void **state) {
    (void)state;
    uint8_t pixels[2 * 3 * 4];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * 11);
    for (size_t channels = 1; channels <= 4; channels++) {
        const td_bitmap bitmap = {3, 2, channels, pixels};
        write_bitmap("a.png", &bitmap);
        td_bitmap found;
        assert_int_equal(td_picture_read(&found, "a.png", NULL), TD_OK);
        assert_int_equal(found.width, 3);
        assert_int_equal(found.height, 2);
        assert_int_equal(found.channels, channels);
        assert_memory_equal(found.pixels, pixels, 6 * channels);
        write_bitmap("b.png", &found);
        size_t size_a, size_b;
        char *a = support_read("a.png", &size_a), *b = support_read("b.png", &size_b);
        assert_int_equal(size_a, size_b);
        assert_memory_equal(a, b, size_a);
        free(a);
        free(b);
        td_bitmap_free(&found);
    }
    td_bitmap_free(NULL);
}

/* Writes a row of two pixels as libpng is told, with a palette where the type has one. */
static void write_unusual(const char *path, int depth, int type, int interlace,
                          const uint8_t *row) {
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_init_io(png, stream);
    png_set_IHDR(png, info, 2, 1, depth, type, interlace, 0, 0);
    png_set_gAMA(png, info, 1.0);
    static const png_color palette[] = {{1, 2, 3}, {4, 5, 6}};
    static const png_byte alpha[] = {0, 255};
    if (type == PNG_COLOR_TYPE_PALETTE) {
        png_set_PLTE(png, info, palette, 2);
        png_set_tRNS(png, info, alpha, 2, NULL);
    }
    png_write_info(png, info);
    png_set_interlace_handling(png);
    png_bytep rows[] = {(png_bytep)row};
    png_write_image(png, rows);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    assert_int_equal(fclose(stream), 0);
}

static void assert_pixels(const char *path, size_t channels, const uint8_t *pixels) {
    td_bitmap bitmap;
    assert_int_equal(td_picture_read(&bitmap, path, NULL), TD_OK);
    assert_int_equal(bitmap.channels, channels);
    assert_memory_equal(bitmap.pixels, pixels, bitmap.width * bitmap.height * channels);
    td_bitmap_free(&bitmap);
}

static void test_converts_to_bytes_without_gamma(void **state) {
    (void)state;
    write_unusual("grey1", 1, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE, (uint8_t[]){0x40});
    assert_pixels("grey1", 1, (uint8_t[]){0, 255});
    write_unusual("grey16", 16, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                  (uint8_t[]){0x80, 0x80, 0xff, 0xff});
    assert_pixels("grey16", 1, (uint8_t[]){0x80, 0xff});
    write_unusual("palette", 8, PNG_COLOR_TYPE_PALETTE, PNG_INTERLACE_NONE, (uint8_t[]){1, 0});
    assert_pixels("palette", 4, (uint8_t[]){4, 5, 6, 255, 1, 2, 3, 0});
    write_unusual("interlaced", 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_ADAM7,
                  (uint8_t[]){100, 2, 3, 4, 5, 6});
    assert_pixels("interlaced", 3, (uint8_t[]){100, 2, 3, 4, 5, 6});
}

static void test_refuses_damaged_files(void **state) {
    (void)state;
    support_write_text("text", "\x89PNG\nsent as text");
    assert_refused("text", TD_ERR_FORMAT, "text: PNG: PNG file corrupted by ASCII conversion");
    uint8_t pixels[4 * 4] = {0};
    const td_bitmap bitmap = {4, 4, 1, pixels};
    write_bitmap("good", &bitmap);
    size_t size;
    char *bytes = support_read("good", &size);
    for (size_t cut = 4; cut < size; cut++) {
        support_write("cut", bytes, cut);
        assert_refused("cut", TD_ERR_FORMAT, "cut: PNG: ");
    }
    support_write("cut", bytes, size - 1);
    assert_refused("cut", TD_ERR_FORMAT, "expected more data, found the end of the file");
    bytes[16] ^= 1; /* the width's first byte, so its checksum is wrong */
    support_write("checksum", bytes, size);
    assert_refused("checksum", TD_ERR_FORMAT, "CRC error");
    free(bytes);
}

/* A header alone, with a right checksum, that claims a picture of this size. */
static void write_claim(const char *path, uint32_t width, uint32_t height) {
    uint8_t bytes[8 + 25] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13};
    memcpy(bytes + 12, "IHDR", 4);
    for (int i = 0; i < 4; i++) {
        bytes[16 + i] = (uint8_t)(width >> (24 - 8 * i));
        bytes[20 + i] = (uint8_t)(height >> (24 - 8 * i));
    }
    bytes[24] = 8;
    bytes[25] = 2;
    uint32_t crc = (uint32_t)crc32(0, bytes + 12, 17);
    for (int i = 0; i < 4; i++)
        bytes[29 + i] = (uint8_t)(crc >> (24 - 8 * i));
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    fwrite(bytes, sizeof bytes, 1, stream);
    static const uint8_t data[] = {0, 0, 0, 0, 'I', 'D', 'A', 'T', 0x35, 0xaf, 0x06, 0x1e};
    fwrite(data, sizeof data, 1, stream);
    assert_int_equal(fclose(stream), 0);
}

static void test_refuses_impossible_sizes(void **state) {
    (void)state;
    write_claim("wide", 16385, 1);
    assert_refused("wide", TD_ERR_FORMAT,
                   "wide: PNG: size: expected 1 to 16384 pixels a side, found 16385x1 pixels");
    write_claim("huge", 60000, 60000);
    assert_refused("huge", TD_ERR_FORMAT, "found 60000x60000 pixels");
    write_claim("large", 16384, 16384);
    assert_refused("large", TD_ERR_FORMAT,
                   "large: PNG: size: expected at most 1032 times the 45 bytes of the file, found "
                   "16384x16384 pixels");
}

static void test_refuses_to_write(void **state) {
    (void)state;
    uint8_t pixels[4] = {0};
    const td_bitmap wrong[] = {{0, 1, 1, pixels},
                               {1, 0, 1, pixels},
                               {1, 1, 0, pixels},
                               {1, 1, 5, pixels},
                               {16385, 1, 1, pixels}};
    td_error error;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(td_png_write(stdout, &wrong[i], &error), TD_ERR_USAGE);
        support_assert_contains(error.message, "PNG: expected a picture of 1 to 16384 pixels");
    }
    const td_bitmap good = {1, 1, 4, pixels};
    FILE *full = fopen("/dev/full", "wb");
    assert_non_null(full);
    setvbuf(full, NULL, _IONBF, 0);
    assert_int_equal(td_png_write(full, &good, &error), TD_ERR_IO);
    assert_string_equal(error.message, "writing PNG: No space left on device");
    assert_int_equal(td_name_stream(&error, TD_ERR_IO, full, "a.png"), TD_ERR_IO);
    assert_string_equal(error.message, "a.png: writing PNG: No space left on device");
    fclose(full);
}

static const uint8_t *pixel(const td_bitmap *bitmap, size_t x, size_t y) {
    return bitmap->pixels + (y * bitmap->width + x) * bitmap->channels;
}

/* Dark pixels in the rectangle from (x, y). */
static size_t count_ink(const td_bitmap *bitmap, size_t x, size_t y, size_t width, size_t height) {
    size_t count = 0;
    for (size_t i = y; i < y + height; i++)
        for (size_t j = x; j < x + width; j++)
            count += pixel(bitmap, j, i)[0] < 128;
    return count;
}

static size_t glyph_ink(const char *text) {
    size_t count = 0;
    for (; *text; text++)
        for (int i = 0; i < TD_FONT_HEIGHT; i++)
            count += (size_t)__builtin_popcount(td_font_glyph(*text)[i]);
    return count;
}

static void test_draws_a_sheet(void **state) {
    (void)state;
    static const uint8_t left[] = {250, 200, 251, 252}, right[] = {240, 241, 242, 243};
    const td_sheet_cell cells[] = {
        {left, "7 coat"}, {right, "a very long class name, too long"}, {right, NULL}, {NULL, NULL}};
    static const char *const headings[] = {"é", ""};
    const td_sheet sheet = {2, 2, 2, 2, 1, cells, headings};
    td_bitmap bitmap;
    assert_int_equal(td_sheet_draw(&bitmap, &sheet, NULL), TD_OK);
    enum { IMAGE = 100, CELL = IMAGE + 12, LINE = CELL + 11, TOP = 19 };
    assert_int_equal(bitmap.channels, 3);
    assert_int_equal(bitmap.width, 2 * CELL);
    assert_int_equal(bitmap.height, TOP + 2 * LINE);
    assert_int_equal(pixel(&bitmap, 6, TOP + 6)[0], 250);
    assert_int_equal(pixel(&bitmap, 6 + 49, TOP + 6 + 49)[2], 250);
    assert_int_equal(pixel(&bitmap, 6 + 50, TOP + 6 + 49)[1], 200);
    assert_int_equal(pixel(&bitmap, 6 + 99, TOP + 6 + 99)[0], 252);
    assert_int_equal(pixel(&bitmap, 6 + 100, TOP + 6 + 99)[0], 255);
    assert_int_equal(pixel(&bitmap, CELL + 6, TOP + 6)[0], 240);
    assert_int_equal(count_ink(&bitmap, 0, 0, CELL, TOP), glyph_ink("?"));
    assert_int_equal(count_ink(&bitmap, 0, TOP + CELL - 6, CELL, 17), glyph_ink("7 coat"));
    assert_int_equal(count_ink(&bitmap, CELL, TOP + CELL - 6, CELL, 17),
                     glyph_ink("a very long cl.."));
    assert_int_equal(count_ink(&bitmap, 0, TOP + LINE, 2 * CELL, LINE), 0);
    td_bitmap_free(&bitmap);
}

static void test_keeps_colours_and_large_images(void **state) {
    (void)state;
    enum { SIDE = 200 };
    uint8_t *pixels = calloc(SIDE * SIDE, 3);
    assert_non_null(pixels);
    memcpy(pixels, (uint8_t[]){10, 20, 30}, 3);
    const td_sheet_cell cell = {pixels, NULL};
    const td_sheet sheet = {1, 1, SIDE, SIDE, 3, &cell, NULL};
    td_bitmap bitmap;
    assert_int_equal(td_sheet_draw(&bitmap, &sheet, NULL), TD_OK);
    assert_int_equal(bitmap.width, SIDE + 12);
    assert_memory_equal(pixel(&bitmap, 6, 6), pixels, 3);
    td_bitmap_free(&bitmap);
    free(pixels);
}

static void test_refuses_sheets(void **state) {
    (void)state;
    static const td_sheet_cell cell = {NULL, NULL};
    const td_sheet wrong[] = {
        {0, 1, 1, 1, 1, &cell, NULL}, {1, 1, 1, 1, 2, &cell, NULL}, {1, 1, 1, 0, 1, &cell, NULL}};
    td_bitmap bitmap;
    td_error error;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(td_sheet_draw(&bitmap, &wrong[i], &error), TD_ERR_USAGE);
        support_assert_contains(error.message, "contact sheet: expected images");
    }
    const td_sheet large[] = {{1000, 1, 28, 28, 1, &cell, NULL},
                              {1, SIZE_MAX, 28, 28, 1, &cell, NULL}};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(td_sheet_draw(&bitmap, &large[i], &error), TD_ERR_USAGE);
        support_assert_contains(error.message, "at most 16384 pixels a side");
        assert_null(bitmap.pixels);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_round_trip_of_every_kind),
        IN_FOLDER(test_converts_to_bytes_without_gamma),
        IN_FOLDER(test_refuses_damaged_files),
        IN_FOLDER(test_refuses_impossible_sizes),
        cmocka_unit_test(test_refuses_to_write),
        cmocka_unit_test(test_draws_a_sheet),
        cmocka_unit_test(test_keeps_colours_and_large_images),
        cmocka_unit_test(test_refuses_sheets),
    };
    return cmocka_run_group_tests_name("png", tests, NULL, NULL);
}
