/* SPDX-License-Identifier: MIT */
/* Orientation of pictures: EXIF read from each kind that supports it, and all eight applied. */
#include "support.h"

#include "data/orientation.h"
#include "data/picture.h"
#include "data/png.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>
#include <tiffio.h>
#include <webp/encode.h>

/* A TIFF header and one entry, the orientation: little-endian, or big-endian. */
enum { EXIF_SIZE = 26, LITTLE_VALUE = 18, BIG_VALUE = 19 };
static const uint8_t little[EXIF_SIZE] = {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3,
                                          0,   1,   0,  0, 0, 0, 0, 0, 0, 0, 0,    0, 0};
static const uint8_t big[EXIF_SIZE] = {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0,
                                       3,   0,   0, 0,  1, 0, 0, 0, 0, 0, 0, 0,    0};

static void make_exif(uint8_t exif[EXIF_SIZE], unsigned orientation) {
    memcpy(exif, little, EXIF_SIZE);
    exif[LITTLE_VALUE] = (uint8_t)orientation;
}

/* 1 2 3 over 4 5 6, as each orientation stores it. */
static const struct stored {
    size_t width, height;
    uint8_t pixels[6];
} stored[TD_ORIENTATIONS + 1] = {
    [0] = {3, 2, {1, 2, 3, 4, 5, 6}}, [1] = {3, 2, {1, 2, 3, 4, 5, 6}},
    [2] = {3, 2, {3, 2, 1, 6, 5, 4}}, [3] = {3, 2, {6, 5, 4, 3, 2, 1}},
    [4] = {3, 2, {4, 5, 6, 1, 2, 3}}, [5] = {2, 3, {1, 4, 2, 5, 3, 6}},
    [6] = {2, 3, {3, 6, 2, 5, 1, 4}}, [7] = {2, 3, {6, 3, 5, 2, 4, 1}},
    [8] = {2, 3, {4, 1, 5, 2, 6, 3}},
};

static td_bitmap make_stored(unsigned orientation, size_t channels) {
    const struct stored *s = &stored[orientation];
    td_bitmap bitmap;
    assert_int_equal(td_bitmap_make(&bitmap, s->width, s->height, channels, NULL), TD_OK);
    for (size_t i = 0; i < 6 * channels; i++)
        bitmap.pixels[i] = (uint8_t)(10 * s->pixels[i / channels] + i % channels);
    return bitmap;
}

static void assert_upright(const td_bitmap *bitmap) {
    assert_int_equal(bitmap->width, 3);
    assert_int_equal(bitmap->height, 2);
    const size_t channels = bitmap->channels;
    for (size_t i = 0; i < 6 * channels; i++)
        assert_int_equal(bitmap->pixels[i], 10 * (i / channels + 1) + i % channels);
}

static void test_applies_all_eight(void **state) {
    (void)state;
    for (unsigned o = 0; o <= TD_ORIENTATIONS; o++)
        for (size_t channels = 1; channels <= 4; channels++) {
            td_bitmap bitmap = make_stored(o, channels);
            assert_int_equal(td_orientation_apply(&bitmap, o, NULL), TD_OK);
            assert_upright(&bitmap);
            td_bitmap_free(&bitmap);
        }
}

static unsigned read_exif(const uint8_t *bytes, size_t size) {
    unsigned found = 99;
    uint8_t *copy = malloc(size + !size); /* of the exact size, for the sanitizers */
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    assert_int_equal(td_orientation_read(&found, copy, size, NULL), TD_OK);
    free(copy);
    return found;
}

static void test_reads_exif(void **state) {
    (void)state;
    uint8_t exif[EXIF_SIZE], marked[6 + EXIF_SIZE] = "Exif\0";
    for (unsigned value = 0; value <= 10; value++) {
        make_exif(exif, value);
        const unsigned expected = value <= TD_ORIENTATIONS ? value : 0;
        assert_int_equal(read_exif(exif, EXIF_SIZE), expected);
        memcpy(marked + 6, exif, EXIF_SIZE);
        assert_int_equal(read_exif(marked, sizeof marked), expected);
        memcpy(exif, big, EXIF_SIZE);
        exif[BIG_VALUE] = (uint8_t)value;
        assert_int_equal(read_exif(exif, EXIF_SIZE), expected);
    }
    make_exif(exif, 6);
    for (size_t size = 0; size < LITTLE_VALUE; size++)
        assert_int_equal(read_exif(exif, size), 0);
    exif[12] = 4; /* a long, where the standard has a short: libexif takes it as well */
    assert_int_equal(read_exif(exif, EXIF_SIZE), 6);
    make_exif(exif, 6);
    exif[4] = 200; /* the first directory is nowhere */
    assert_int_equal(read_exif(exif, EXIF_SIZE), 0);
}

/* --- files --- */

typedef struct file {
    uint8_t *bytes;
    size_t size;
} file;

/* `bytes` with `more` put in at `at`. */
static file insert(const void *bytes, size_t size, size_t at, const void *more, size_t count) {
    file out = {malloc(size + count), size + count};
    assert_non_null(out.bytes);
    memcpy(out.bytes, bytes, at);
    memcpy(out.bytes + at, more, count);
    memcpy(out.bytes + at + count, (const uint8_t *)bytes + at, size - at);
    return out;
}

/* A JPEG of 16x8 pixels, dark on the left as it is stored, with `extra` as its APP1 segment. */
static file make_jpeg(const void *extra, size_t extra_size) {
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    unsigned long size = 0;
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &bytes, &size);
    c.image_width = 16;
    c.image_height = 8;
    c.input_components = 1;
    c.in_color_space = JCS_GRAYSCALE;
    jpeg_set_defaults(&c);
    jpeg_start_compress(&c, TRUE);
    if (extra)
        jpeg_write_marker(&c, JPEG_APP0 + 1, extra, (unsigned)extra_size);
    uint8_t row[16] = {0};
    memset(row + 8, 240, 8);
    for (uint8_t *line = row; c.next_scanline < c.image_height;)
        jpeg_write_scanlines(&c, &line, 1);
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    return (file){bytes, size};
}

static void assert_dark(const td_bitmap *bitmap, size_t x, size_t y, bool dark) {
    const uint8_t value = bitmap->pixels[(y * bitmap->width + x) * bitmap->channels];
    assert_true(dark ? value < 20 : value > 220);
}

static void test_turns_jpeg(void **state) {
    (void)state;
    for (unsigned o = 1; o <= TD_ORIENTATIONS; o++) {
        uint8_t exif[6 + EXIF_SIZE] = "Exif\0";
        make_exif(exif + 6, o);
        file jpeg = make_jpeg(exif, sizeof exif);
        td_bitmap bitmap;
        assert_int_equal(td_picture_decode(&bitmap, jpeg.bytes, jpeg.size, NULL), TD_OK);
        assert_int_equal(bitmap.orientation, o);
        assert_int_equal(bitmap.width, o < 5 ? 16 : 8);
        /* Dark is left of 1 and 4, right of 2 and 3, above of 5 and 6, below of 7 and 8. */
        const bool first = o == 1 || o == 4 || o == 5 || o == 6;
        assert_dark(&bitmap, 0, 0, o < 5 ? first : o == 5 || o == 6);
        assert_dark(&bitmap, bitmap.width - 1, bitmap.height - 1, o < 5 ? !first : o > 6);
        td_bitmap_free(&bitmap);
        assert_int_equal(td_picture_decode_stored(&bitmap, jpeg.bytes, jpeg.size, NULL), TD_OK);
        assert_int_equal(bitmap.width, 16);
        assert_int_equal(bitmap.orientation, o);
        td_bitmap_free(&bitmap);
        free(jpeg.bytes);
    }
}

static void test_other_segments_say_nothing(void **state) {
    (void)state;
    static const char xmp[] = "http://ns.adobe.com/xap/1.0/";
    static const char *const segments[] = {xmp, "Exif", "Exif\0", NULL};
    for (size_t i = 0; i < 4; i++) {
        file jpeg = make_jpeg(segments[i], segments[i] ? strlen(segments[i]) + 1 : 0);
        td_bitmap bitmap;
        assert_int_equal(td_picture_decode(&bitmap, jpeg.bytes, jpeg.size, NULL), TD_OK);
        assert_int_equal(bitmap.orientation, 0);
        assert_int_equal(bitmap.width, 16);
        td_bitmap_free(&bitmap);
        free(jpeg.bytes);
    }
}

static void test_turns_png(void **state) {
    (void)state;
    for (unsigned o = 1; o <= TD_ORIENTATIONS; o++) {
        td_bitmap bitmap = make_stored(o, 3), found;
        uint8_t exif[EXIF_SIZE];
        make_exif(exif, o);
        FILE *stream = fopen("a.png", "wb");
        png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
        png_infop info = png_create_info_struct(png);
        png_init_io(png, stream);
        png_set_IHDR(png, info, (png_uint_32)bitmap.width, (png_uint_32)bitmap.height, 8,
                     PNG_COLOR_TYPE_RGB, 0, 0, 0);
        png_set_eXIf_1(png, info, EXIF_SIZE, exif);
        png_write_info(png, info);
        for (size_t y = 0; y < bitmap.height; y++)
            png_write_row(png, bitmap.pixels + y * bitmap.width * 3);
        png_write_end(png, info);
        png_destroy_write_struct(&png, &info);
        fclose(stream);
        assert_int_equal(td_picture_read(&found, "a.png", NULL), TD_OK);
        assert_upright(&found);
        assert_int_equal(found.orientation, o);
        td_bitmap_free(&found);
        td_bitmap_free(&bitmap);
    }
}

static void put32(uint8_t *at, size_t value) {
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

/* The simple file becomes an extended one: VP8X before, EXIF after. */
static file add_webp_exif(const uint8_t *bytes, size_t size, const td_bitmap *shape,
                          unsigned orientation) {
    uint8_t extended[18] = "VP8X", exif[8 + EXIF_SIZE] = "EXIF";
    put32(extended + 4, 10);
    put32(extended + 8, 8); /* there is EXIF */
    extended[12] = (uint8_t)(shape->width - 1);
    extended[15] = (uint8_t)(shape->height - 1);
    put32(exif + 4, EXIF_SIZE);
    make_exif(exif + 8, orientation);
    file begun = insert(bytes, size, 12, extended, sizeof extended);
    file out = insert(begun.bytes, begun.size, begun.size, exif, sizeof exif);
    free(begun.bytes);
    put32(out.bytes + 4, out.size - 8);
    return out;
}

static void test_turns_webp(void **state) {
    (void)state;
    for (unsigned o = 1; o <= TD_ORIENTATIONS; o++) {
        td_bitmap bitmap = make_stored(o, 3), found;
        uint8_t *bytes = NULL;
        size_t size = WebPEncodeLosslessRGB(bitmap.pixels, (int)bitmap.width, (int)bitmap.height,
                                            (int)bitmap.width * 3, &bytes);
        assert_true(size > 0);
        file webp = add_webp_exif(bytes, size, &bitmap, o);
        assert_int_equal(td_picture_decode(&found, webp.bytes, webp.size, NULL), TD_OK);
        assert_upright(&found);
        assert_int_equal(found.orientation, o);
        td_bitmap_free(&found);
        td_bitmap_free(&bitmap);
        free(webp.bytes);
        WebPFree(bytes);
    }
}

static void test_turns_tiff(void **state) {
    (void)state;
    for (unsigned o = 1; o <= TD_ORIENTATIONS; o++) {
        td_bitmap bitmap = make_stored(o, 3), found;
        TIFF *tiff = TIFFOpen("a.tif", "w");
        assert_non_null(tiff);
        TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, (uint32_t)bitmap.width);
        TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, (uint32_t)bitmap.height);
        TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 8);
        TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, 3);
        TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_RGB);
        TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
        TIFFSetField(tiff, TIFFTAG_ORIENTATION, (int)o);
        for (uint32_t y = 0; y < bitmap.height; y++)
            TIFFWriteScanline(tiff, bitmap.pixels + y * bitmap.width * 3, y, 0);
        TIFFClose(tiff);
        assert_int_equal(td_picture_read(&found, "a.tif", NULL), TD_OK);
        assert_upright(&found);
        assert_int_equal(found.orientation, o);
        td_bitmap_free(&found);
        td_bitmap_free(&bitmap);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_applies_all_eight),
        cmocka_unit_test(test_reads_exif),
        cmocka_unit_test(test_turns_jpeg),
        cmocka_unit_test(test_other_segments_say_nothing),
        IN_FOLDER(test_turns_png),
        cmocka_unit_test(test_turns_webp),
        IN_FOLDER(test_turns_tiff),
    };
    return cmocka_run_group_tests_name("orientation", tests, NULL, NULL);
}
