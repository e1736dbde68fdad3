/* SPDX-License-Identifier: MIT */
/* WebP, GIF, BMP and TIFF. */
#include "support.h"

#include "data/picture.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gif_lib.h>
#include <tiffio.h>
#include <webp/encode.h>

static void assert_refused(const void *bytes, size_t size, const char *message) {
    uint8_t *copy = malloc(size); /* of the exact size, for the sanitizers */
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    td_bitmap bitmap = {.width = 1};
    td_error error = {""};
    assert_int_equal(td_picture_decode(&bitmap, copy, size, &error), TD_ERR_FORMAT);
    support_assert_contains(error.message, message);
    assert_null(bitmap.pixels);
    free(copy);
}

static void assert_read(const void *bytes, size_t size, size_t width, size_t height,
                        size_t channels, const uint8_t *expected) {
    td_bitmap bitmap;
    td_error error = {""};
    if (td_picture_decode(&bitmap, bytes, size, &error) != TD_OK)
        fail_msg("%s", error.message);
    assert_int_equal(bitmap.width, width);
    assert_int_equal(bitmap.height, height);
    assert_int_equal(bitmap.channels, channels);
    if (expected)
        assert_memory_equal(bitmap.pixels, expected, width * height * channels);
    td_bitmap_free(&bitmap);
}

static void assert_file_read(const char *path, size_t width, size_t height, size_t channels,
                             const uint8_t *expected) {
    size_t size;
    char *bytes = support_read(path, &size);
    assert_read(bytes, size, width, height, channels, expected);
    free(bytes);
}

/* --- WebP --- */

static const uint8_t rgb[] = {1, 2, 3, 200, 100, 50, 7, 8, 9, 255, 0, 255};
static const uint8_t rgba[] = {1, 2, 3, 255, 200, 100, 50, 128, 7, 8, 9, 1, 255, 0, 255, 255};

static void test_webp(void **state) {
    (void)state;
    uint8_t *bytes = NULL;
    size_t size = WebPEncodeLosslessRGB(rgb, 2, 2, 6, &bytes);
    assert_read(bytes, size, 2, 2, 3, rgb);
    for (size_t cut = 12; cut < size; cut++)
        assert_refused(bytes, cut, "WebP: ");
    WebPFree(bytes);
    size = WebPEncodeLosslessRGBA(rgba, 2, 2, 8, &bytes);
    assert_read(bytes, size, 2, 2, 4, rgba);
    WebPFree(bytes);
    uint8_t plain[64 * 48 * 3];
    memset(plain, 90, sizeof plain);
    size = WebPEncodeRGB(plain, 64, 48, 64 * 3, 80, &bytes);
    assert_read(bytes, size, 64, 48, 3, NULL);
    WebPFree(bytes);
}

static void test_webp_of_impossible_size(void **state) {
    (void)state;
    /* The header of a lossless one of 16384x16384 pixels. */
    const uint8_t huge[] = {'R',  'I',  'F',  'F',  22,   0,   0,  0, 'W', 'E',
                            'B',  'P',  'V',  'P',  '8',  'L', 10, 0, 0,   0,
                            0x2f, 0xff, 0xff, 0xff, 0x0f, 0,   0,  0, 0,   0};
    assert_refused(huge, sizeof huge,
                   "WebP: size: expected at most 4096 pixels for each of the 30 bytes of the file, "
                   "found 16384x16384 pixels");
    const uint8_t animated[] = {'R', 'I', 'F', 'F', 22, 0, 0, 0, 'W', 'E', 'B', 'P', 'V', 'P', '8',
                                'X', 10,  0,   0,   0,  2, 0, 0, 0,   0,   0,   0,   0,   0,   0};
    assert_refused(animated, sizeof animated, "WebP: expected one picture, found an animation");
}

/* --- GIF --- */

typedef struct gif_plan {
    int frames, left, top, screen;
    bool interlaced;
    int transparent;
} gif_plan;

/* Frames of 3x9 pixels, whose row y is of colour y % 4. */
static void write_gif(const char *path, const gif_plan *p) {
    static const GifColorType colours[] = {{0, 0, 0}, {255, 0, 0}, {0, 9, 0}, {1, 2, 3}};
    static const int starts[] = {0, 4, 2, 1}, steps[] = {8, 8, 4, 2};
    int code = 0;
    GifFileType *gif = EGifOpenFileName(path, false, &code);
    assert_non_null(gif);
    ColorMapObject *map = GifMakeMapObject(4, colours);
    const int width = p->screen ? p->screen : 3, height = p->screen ? p->screen : 9;
    EGifSetGifVersion(gif, true);
    assert_int_equal(EGifPutScreenDesc(gif, width, height, 8, 0, map), GIF_OK);
    for (int frame = 0; frame < p->frames; frame++) {
        GraphicsControlBlock control = {.TransparentColor = p->transparent};
        GifByteType block[4];
        EGifGCBToExtension(&control, block);
        EGifPutExtension(gif, GRAPHICS_EXT_FUNC_CODE, sizeof block, block);
        assert_int_equal(EGifPutImageDesc(gif, p->left, p->top, 3, 9, p->interlaced, NULL), GIF_OK);
        for (int pass = 0; pass < (p->interlaced ? 4 : 1); pass++)
            for (int y = p->interlaced ? starts[pass] : 0; y < 9;
                 y += p->interlaced ? steps[pass] : 1) {
                GifPixelType row[3] = {(GifPixelType)(y % 4), (GifPixelType)(y % 4),
                                       (GifPixelType)(y % 4)};
                assert_int_equal(EGifPutLine(gif, row, 3), GIF_OK);
            }
    }
    assert_int_equal(EGifCloseFile(gif, &code), GIF_OK);
    GifFreeMapObject(map);
}

static void test_gif(void **state) {
    (void)state;
    static const uint8_t colours[4][4] = {
        {0, 0, 0, 255}, {255, 0, 0, 0}, {0, 9, 0, 255}, {1, 2, 3, 255}};
    uint8_t opaque[9 * 3 * 3], clear[9 * 3 * 4];
    for (size_t i = 0; i < 27; i++) {
        memcpy(opaque + 3 * i, colours[i / 3 % 4], 3);
        memcpy(clear + 4 * i, colours[i / 3 % 4], 4);
        if (i / 3 % 4 == 1) /* what is transparent has no colour */
            memset(clear + 4 * i, 0, 4);
    }
    write_gif("a.gif", &(gif_plan){.frames = 1, .transparent = NO_TRANSPARENT_COLOR});
    assert_file_read("a.gif", 3, 9, 3, opaque);
    write_gif("a.gif",
              &(gif_plan){.frames = 1, .interlaced = true, .transparent = NO_TRANSPARENT_COLOR});
    assert_file_read("a.gif", 3, 9, 3, opaque);
    write_gif("a.gif", &(gif_plan){.frames = 1, .transparent = 1});
    assert_file_read("a.gif", 3, 9, 4, clear);
    size_t size;
    char *bytes = support_read("a.gif", &size);
    for (size_t cut = 6; cut < size; cut++)
        assert_refused(bytes, cut, "GIF: ");
    free(bytes);
}

static void test_gif_on_its_screen(void **state) {
    (void)state;
    size_t size;
    write_gif(
        "a.gif",
        &(gif_plan){
            .frames = 1, .left = 2, .top = 1, .screen = 12, .transparent = NO_TRANSPARENT_COLOR});
    td_bitmap bitmap;
    assert_int_equal(td_picture_read(&bitmap, "a.gif", NULL), TD_OK);
    assert_int_equal(bitmap.width, 12);
    assert_int_equal(bitmap.channels, 4);
    assert_memory_equal(bitmap.pixels, "\0\0\0\0", 4);
    assert_memory_equal(bitmap.pixels + (2 * 12 + 2) * 4, "\xff\0\0\xff", 4);
    td_bitmap_free(&bitmap);
    write_gif("b.gif", &(gif_plan){.frames = 1, .left = 1, .transparent = NO_TRANSPARENT_COLOR});
    char *bytes = support_read("b.gif", &size);
    assert_refused(bytes, size,
                   "GIF: expected a picture within the screen of 3x9, found 3x9 at 1+0");
    free(bytes);
    write_gif("b.gif", &(gif_plan){.frames = 2, .transparent = NO_TRANSPARENT_COLOR});
    bytes = support_read("b.gif", &size);
    assert_refused(bytes, size, "GIF: expected one picture, found an animation");
    bytes[6] = bytes[7] = bytes[8] = bytes[9] = 0x20; /* 8224x8224 */
    assert_refused(bytes, size, "GIF: size: expected at most 4096 pixels for each of the ");
    free(bytes);
}

/* --- BMP --- */

enum { HEADER = 54 };

static void put(uint8_t *at, size_t value, int bytes) {
    for (int i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

/* Windows' header, for what follows at `offset`. */
static void start_bmp(uint8_t *bmp, size_t header, size_t width, uint32_t height, size_t bits,
                      size_t compression, size_t offset) {
    memcpy(bmp, "BM", 2);
    put(bmp + 10, offset, 4);
    put(bmp + 14, header, 4);
    put(bmp + 18, width, 4);
    put(bmp + 22, height, 4);
    put(bmp + 26, 1, 2);
    put(bmp + 28, bits, 2);
    put(bmp + 30, compression, 4);
}

static void test_bmp_of_true_colours(void **state) {
    (void)state;
    /* The lower row comes first; each row is padded to 4 bytes; blue comes first. */
    uint8_t bmp[HEADER + 16] = {0};
    start_bmp(bmp, 40, 2, 2, 24, 0, HEADER);
    static const uint8_t rows[] = {9, 8, 7, 255, 0, 255, 0, 0, 3, 2, 1, 50, 100, 200, 0, 0};
    memcpy(bmp + HEADER, rows, sizeof rows);
    assert_read(bmp, sizeof bmp, 2, 2, 3, rgb);
    for (size_t cut = 18; cut < sizeof bmp; cut++)
        assert_refused(bmp, cut, "BMP: ");
    put(bmp + 22, 0xfffffffe, 4); /* -2: from the top */
    static const uint8_t flipped[] = {7, 8, 9, 255, 0, 255, 1, 2, 3, 200, 100, 50};
    assert_read(bmp, sizeof bmp, 2, 2, 3, flipped);
    /* 32 bits: the fourth byte is nothing, unless a mask says so. */
    uint8_t wide[HEADER + 16] = {0};
    start_bmp(wide, 40, 2, 1, 32, 0, HEADER);
    memcpy(wide + HEADER, "\3\2\1\0\x32\x64\xc8\0", 8);
    assert_read(wide, sizeof wide, 2, 1, 3, rgb);
}

static void test_bmp_with_masks(void **state) {
    (void)state;
    uint8_t bmp[14 + 56 + 8] = {0};
    start_bmp(bmp, 56, 2, 1, 32, 3, 70);
    put(bmp + 54, 0xff, 4);
    put(bmp + 58, 0xff00, 4);
    put(bmp + 62, 0xff0000, 4);
    put(bmp + 66, 0xff000000, 4);
    memcpy(bmp + 70, rgba, 8);
    assert_read(bmp, sizeof bmp, 2, 1, 4, rgba);
    /* 5, 6 and 5 bits, after the short header. */
    uint8_t small[HEADER + 12 + 4] = {0};
    start_bmp(small, 40, 2, 1, 16, 3, HEADER + 12);
    put(small + 54, 0xf800, 4);
    put(small + 58, 0x7e0, 4);
    put(small + 62, 0x1f, 4);
    put(small + 66, 0xf800 | 0x1f, 2);
    put(small + 68, 32 << 5, 2);
    static const uint8_t expected[] = {255, 0, 255, 0, 130, 0};
    assert_read(small, sizeof small, 2, 1, 3, expected);
    put(small + 58, 0, 4);
    assert_refused(small, sizeof small,
                   "BMP: masks: expected bits of 16 for each colour, found 00000000");
}

static void test_bmp_with_palettes(void **state) {
    (void)state;
    uint8_t bmp[HEADER + 8 + 4] = {0};
    start_bmp(bmp, 40, 3, 1, 1, 0, HEADER + 8);
    memcpy(bmp + HEADER, "\0\0\0\0\xff\xff\xff\0\xa0", 9);
    static const uint8_t grey[] = {255, 0, 255}, coloured[] = {3, 2, 1, 0, 0, 0, 3, 2, 1};
    assert_read(bmp, sizeof bmp, 3, 1, 1, grey);
    memcpy(bmp + HEADER + 4, "\1\2\3", 3);
    assert_read(bmp, sizeof bmp, 3, 1, 3, coloured);
    put(bmp + 46, 1, 4); /* one colour alone */
    assert_refused(bmp, sizeof bmp, "BMP: values: expected colours 0 to 0, found 1");
    put(bmp + 46, 3, 4);
    assert_refused(bmp, sizeof bmp, "BMP: palette: expected at most 2 colours, found 3");
    /* OS/2's header, with entries of 3 bytes. */
    uint8_t old[26 + 48 + 4] = {0};
    memcpy(old, "BM", 2);
    put(old + 10, 26 + 48, 4);
    put(old + 14, 12, 4);
    put(old + 18, 3, 2);
    put(old + 20, 1, 2);
    put(old + 24, 4, 2);
    memcpy(old + 26 + 3, "\1\2\3", 3);
    memcpy(old + 26 + 48, "\x10\x10", 2);
    assert_read(old, sizeof old, 3, 1, 3, coloured);
}

static void test_refuses_other_bmp(void **state) {
    (void)state;
    uint8_t bmp[HEADER + 1024 + 4] = {0};
    start_bmp(bmp, 40, 1, 1, 8, 1, HEADER + 1024);
    assert_refused(bmp, sizeof bmp,
                   "BMP: compression: expected none, or masks for 16 or 32 bits, found run lengths "
                   "(RLE8) for 8 bits");
    put(bmp + 30, 0, 4);
    put(bmp + 28, 7, 2);
    assert_refused(bmp, sizeof bmp, "BMP: bits a pixel: expected 1, 4, 8, 16, 24 or 32, found 7");
    put(bmp + 28, 8, 2);
    put(bmp + 18, 0x80000000, 4);
    assert_refused(bmp, sizeof bmp, "BMP: width: expected a number above 0, found -2147483648");
    put(bmp + 18, 16384, 4);
    put(bmp + 22, 16384, 4);
    assert_refused(
        bmp, sizeof bmp,
        "BMP: values: expected 268435456 bytes for 16384x16384 pixels at byte 1078, found "
        "a file of 1082");
    put(bmp + 14, 200, 4);
    assert_refused(bmp, sizeof bmp, "BMP: header size: expected 12, or 40 to 124, found 200");
}

/* --- TIFF --- */

typedef struct tiff_plan {
    uint16_t bits, samples, photometric, compression, extra;
    uint32_t kind; /* of the second page; 0: none */
    bool two;
} tiff_plan;

static void write_page(TIFF *tiff, const tiff_plan *p, uint32_t kind, const void *row) {
    TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, 2);
    TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, 2);
    TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, p->bits);
    TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, p->samples);
    TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, p->photometric);
    TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    TIFFSetField(tiff, TIFFTAG_COMPRESSION, p->compression);
    TIFFSetField(tiff, TIFFTAG_SUBFILETYPE, kind);
    if (p->extra)
        TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, 1, (uint16_t[]){p->extra});
    for (uint32_t y = 0; y < 2; y++) {
        uint8_t copy[32];
        const size_t size = (size_t)p->bits / 8 * p->samples * 2;
        memcpy(copy, (const uint8_t *)row + y * size, size);
        TIFFWriteScanline(tiff, copy, y, 0);
    }
    TIFFWriteDirectory(tiff);
}

static void write_tiff(const tiff_plan *p, const void *rows) {
    TIFF *tiff = TIFFOpen("a.tif", "w");
    assert_non_null(tiff);
    write_page(tiff, p, 0, rows);
    if (p->two)
        write_page(tiff, p, p->kind, rows);
    TIFFClose(tiff);
}

static void test_tiff(void **state) {
    (void)state;
    static const uint16_t compressions[] = {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_PACKBITS,
                                            COMPRESSION_ADOBE_DEFLATE};
    for (size_t i = 0; i < 4; i++) {
        tiff_plan p = {8, 3, PHOTOMETRIC_RGB, compressions[i]};
        write_tiff(&p, rgb);
        assert_file_read("a.tif", 2, 2, 3, rgb);
    }
    static const uint8_t grey[] = {1, 99, 200, 255}, negative[] = {254, 156, 55, 0};
    static const uint8_t grey_alpha[] = {1, 255, 99, 128, 200, 3, 255, 0};
    write_tiff(&(tiff_plan){8, 1, PHOTOMETRIC_MINISBLACK, COMPRESSION_NONE}, grey);
    assert_file_read("a.tif", 2, 2, 1, grey);
    write_tiff(&(tiff_plan){8, 1, PHOTOMETRIC_MINISWHITE, COMPRESSION_NONE}, negative);
    assert_file_read("a.tif", 2, 2, 1, grey);
    write_tiff(&(tiff_plan){8, 2, PHOTOMETRIC_MINISBLACK, COMPRESSION_NONE, EXTRASAMPLE_UNASSALPHA},
               grey_alpha);
    assert_file_read("a.tif", 2, 2, 2, grey_alpha);
    static const uint16_t wide[] = {257, 99 * 257, 200 * 257, 65535};
    write_tiff(&(tiff_plan){16, 1, PHOTOMETRIC_MINISBLACK, COMPRESSION_NONE}, wide);
    assert_file_read("a.tif", 2, 2, 1, grey);
}

/* libtiff multiplies colours by alpha; what was lost to that is at most 127 / alpha. */
static void test_tiff_with_alpha(void **state) {
    (void)state;
    static const uint8_t pixels[] = {1, 2, 3, 255, 200, 100, 50, 128, 90, 9, 0, 64, 255, 0, 255, 0};
    write_tiff(&(tiff_plan){8, 4, PHOTOMETRIC_RGB, COMPRESSION_NONE, EXTRASAMPLE_UNASSALPHA},
               pixels);
    td_bitmap bitmap;
    assert_int_equal(td_picture_read(&bitmap, "a.tif", NULL), TD_OK);
    assert_int_equal(bitmap.channels, 4);
    for (size_t i = 0; i < 12; i++)
        assert_in_range(bitmap.pixels[i], pixels[i] < 2 ? 0 : pixels[i] - 2, pixels[i] + 2);
    assert_int_equal(bitmap.pixels[15], 0);
    td_bitmap_free(&bitmap);
}

static void test_refuses_other_tiff(void **state) {
    (void)state;
    size_t size;
    static const float floats[] = {0, 0.5F, 1, 2};
    write_tiff(&(tiff_plan){32, 1, PHOTOMETRIC_MINISBLACK, COMPRESSION_NONE}, floats);
    char *bytes = support_read("a.tif", &size);
    assert_refused(bytes, size, "TIFF: expected sound data that can be shown, found: ");
    free(bytes);
    write_tiff(&(tiff_plan){8, 3, PHOTOMETRIC_RGB, COMPRESSION_NONE, .two = true}, rgb);
    bytes = support_read("a.tif", &size);
    assert_refused(bytes, size, "TIFF: expected one picture, found several pages");
    for (size_t cut = 8; cut < 100; cut++)
        assert_refused(bytes, cut, "TIFF: ");
    free(bytes);
    write_tiff(&(tiff_plan){8, 3, PHOTOMETRIC_RGB, COMPRESSION_NONE, .two = true,
                            .kind = FILETYPE_REDUCEDIMAGE},
               rgb);
    assert_file_read("a.tif", 2, 2, 3, rgb);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_webp),
        cmocka_unit_test(test_webp_of_impossible_size),
        IN_FOLDER(test_gif),
        IN_FOLDER(test_gif_on_its_screen),
        cmocka_unit_test(test_bmp_of_true_colours),
        cmocka_unit_test(test_bmp_with_masks),
        cmocka_unit_test(test_bmp_with_palettes),
        cmocka_unit_test(test_refuses_other_bmp),
        IN_FOLDER(test_tiff),
        IN_FOLDER(test_tiff_with_alpha),
        IN_FOLDER(test_refuses_other_tiff),
    };
    return cmocka_run_group_tests_name("kinds", tests, NULL, NULL);
}
