/* SPDX-License-Identifier: MIT */
/* Code common to all kinds, and JPEG. PNG and PNM have their own tests. */
#include "support.h"

#include "data/picture.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

/* A JPEG in memory; free() it. */
typedef struct jpeg {
    unsigned char *bytes;
    unsigned long size;
} jpeg;

typedef struct plan {
    unsigned width, height;
    int channels;
    J_COLOR_SPACE space; /* of the pixels and, but for YCbCr from RGB, of the file */
    bool progressive, arithmetic;
    const jpeg_scan_info *scans;
    int scan_count;
} plan;

/* A gentle gradient, which compression hardly changes. */
static uint8_t slope(size_t x, size_t y, size_t c) {
    return (uint8_t)(40 + 3 * x + 2 * y + 20 * c);
}

/* The kinds that are read, 0 to KINDS - 1: grey and RGB, sequential and progressive. */
enum { KINDS = 4 };

static plan plan_of(int kind, unsigned width, unsigned height) {
    const bool colour = kind % 2;
    return (plan){.width = width,
                  .height = height,
                  .channels = colour ? 3 : 1,
                  .space = colour ? JCS_RGB : JCS_GRAYSCALE,
                  .progressive = kind >= 2};
}

static jpeg make_jpeg(const plan *p) {
    jpeg out = {NULL, 0};
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &out.bytes, &out.size);
    c.image_width = p->width;
    c.image_height = p->height;
    c.input_components = p->channels;
    c.in_color_space = p->space;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, 95, TRUE);
    c.arith_code = p->arithmetic;
    if (p->progressive)
        jpeg_simple_progression(&c);
    if (p->scans) {
        c.scan_info = p->scans;
        c.num_scans = p->scan_count;
    }
    jpeg_start_compress(&c, TRUE);
    uint8_t *row = malloc((size_t)p->width * (size_t)p->channels);
    assert_non_null(row);
    while (c.next_scanline < p->height) {
        for (size_t i = 0; i < (size_t)p->width * (size_t)p->channels; i++)
            row[i] = slope(i / (size_t)p->channels, c.next_scanline, i % (size_t)p->channels);
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    free(row);
    return out;
}

static void assert_refused(const void *bytes, size_t size, const char *message) {
    /* A copy of the exact size, for the sanitizers. */
    uint8_t *copy = malloc(size + !size);
    assert_non_null(copy);
    if (size)
        memcpy(copy, bytes, size);
    td_bitmap bitmap = {1, 1, 1, NULL};
    td_error error = {""};
    assert_int_equal(td_picture_decode(&bitmap, copy, size, &error), TD_ERR_FORMAT);
    support_assert_contains(error.message, message);
    assert_null(strchr(error.message, '\n'));
    assert_null(bitmap.pixels);
    assert_int_equal(bitmap.width + bitmap.height + bitmap.channels, 0);
    free(copy);
}

static void test_knows_names(void **state) {
    (void)state;
    static const char *const pictures[] = {"a.png", "b.JPG",     "c.d.jpeg", "00001.ppm", "e.Pgm",
                                           "f.pnm", "dir/g.PNG", "h.jfif",   "i.JPE",     "j.webp",
                                           "k.gif", "l.BMP",     "m.tif",    "n.tiff",    "o.dib"};
    static const char *const others[] = {"png", ".png",   "a.png.txt", "labels.csv",
                                         "",    "a.heic", "a.jpg~",    "ajpg"};
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++)
        if (!td_picture_is_name(pictures[i]))
            fail_msg("%s is a picture's name", pictures[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (td_picture_is_name(others[i]))
            fail_msg("%s is no picture's name", others[i]);
}

static void test_refuses_other_files(void **state) {
    (void)state;
    assert_refused(
        "", 0,
        "expected a picture of a known kind (PNG, JPEG, WebP, GIF, BMP, TIFF, PNM), found "
        "a file that is empty");
    assert_refused("\x80IMG89a\1\0\1\0", 10,
                   "found a file that begins with 80 49 4d 47 38 39 61 01");
    assert_refused("\0\0\0 ftypheic\0\0", 14, "PNM), found HEIC");
    assert_refused("<!DOCTYPE html><html>", 21, "found a page of HTML");
    assert_refused("P", 1, "found a file that begins with 50");
    td_bitmap bitmap;
    td_error error;
    support_write_text("note.png", "hello");
    assert_int_equal(td_picture_read(&bitmap, "note.png", &error), TD_ERR_FORMAT);
    assert_string_equal(error.message, "note.png: expected a picture of a known kind (PNG, JPEG, "
                                       "WebP, GIF, BMP, TIFF, PNM), found a "
                                       "file that begins with 68 65 6c 6c 6f");
    assert_int_equal(td_picture_read(&bitmap, "missing.png", &error), TD_ERR_IO);
    support_assert_contains(error.message, "missing.png: ");
    support_write("cut.jpg", "\xff\xd8\xff", 3);
    assert_int_equal(td_picture_read(&bitmap, "cut.jpg", &error), TD_ERR_FORMAT);
    support_assert_contains(error.message, "cut.jpg: JPEG: ");
    assert_null(bitmap.pixels);
}

/* Grey and RGB, whatever the name of the file says. */
static void test_reads_jpeg(void **state) {
    (void)state;
    for (int i = 0; i < KINDS; i++) {
        const plan p = plan_of(i, 19, 13);
        jpeg file = make_jpeg(&p);
        support_write("a.ppm", file.bytes, file.size);
        td_bitmap bitmap;
        assert_int_equal(td_picture_read(&bitmap, "a.ppm", NULL), TD_OK);
        assert_int_equal(bitmap.width, 19);
        assert_int_equal(bitmap.height, 13);
        assert_int_equal(bitmap.channels, p.channels);
        for (size_t j = 0; j < 19 * 13 * bitmap.channels; j++) {
            size_t pixel = j / bitmap.channels;
            int expected = slope(pixel % 19, pixel / 19, j % bitmap.channels);
            assert_in_range(bitmap.pixels[j], expected - 4, expected + 4);
        }
        td_bitmap_free(&bitmap);
        free(file.bytes);
    }
}

static void test_refuses_cut_jpeg(void **state) {
    (void)state;
    for (int i = 0; i < KINDS; i++) {
        const plan p = plan_of(i, 17, 9);
        jpeg file = make_jpeg(&p);
        for (size_t cut = 3; cut < file.size; cut++)
            assert_refused(file.bytes, cut, "JPEG: ");
        assert_refused(file.bytes, file.size - 1,
                       "JPEG: expected sound data, found: Premature end of JPEG file");
        free(file.bytes);
    }
}

/* The place of a marker, after its two bytes. */
static uint8_t *find_marker(const jpeg *file, uint8_t marker) {
    for (size_t i = 0; i + 1 < file->size; i++)
        if (file->bytes[i] == 0xff && file->bytes[i + 1] == marker)
            return file->bytes + i + 2;
    fail_msg("no marker %02x", marker);
    return NULL;
}

static void test_refuses_damaged_jpeg(void **state) {
    (void)state;
    const plan p = {.width = 64, .height = 64, .channels = 1, .space = JCS_GRAYSCALE};
    jpeg file = make_jpeg(&p);
    const size_t end = file.size - 2;
    uint8_t *data = find_marker(&file, 0xda) + 8;
    memset(data, 0xaa, (size_t)(file.bytes + end - data));
    assert_refused(file.bytes, file.size, "JPEG: expected sound data, found: Corrupt JPEG data");
    free(file.bytes);
}

static uint8_t left(int ink_left, int black_left) {
    return (uint8_t)((ink_left * black_left + 127) / 255);
}

/* Adobe's files store inverted ink values. */
static void test_converts_inks(void **state) {
    (void)state;
    const plan p = {.width = 20, .height = 9, .channels = 4, .space = JCS_CMYK};
    for (int adobe = 0; adobe < 2; adobe++) {
        jpeg file = make_jpeg(&p);
        if (!adobe)
            find_marker(&file, 0xee)[2] = 'a';
        td_bitmap bitmap;
        assert_int_equal(td_picture_decode(&bitmap, file.bytes, file.size, NULL), TD_OK);
        assert_int_equal(bitmap.channels, 3);
        assert_true(bitmap.cmyk);
        for (size_t i = 0; i < 20 * 9 * 3; i++) {
            const size_t x = i / 3 % 20, y = i / 60, c = i % 3;
            const int ink = slope(x, y, c), black = slope(x, y, 3);
            const int expected = adobe ? left(ink, black) : left(255 - ink, 255 - black);
            assert_in_range(bitmap.pixels[i], expected - 6, expected + 6);
        }
        td_bitmap_free(&bitmap);
        free(file.bytes);
    }
}

static void test_converts_ycck(void **state) {
    (void)state;
    const plan p = {.width = 8, .height = 8, .channels = 4, .space = JCS_CMYK};
    jpeg file = make_jpeg(&p);
    uint8_t *transform = find_marker(&file, 0xee) + 13; /* Adobe's: 0 CMYK, 2 YCCK */
    assert_int_equal(*transform, 0);
    *transform = 2;
    td_bitmap bitmap;
    assert_int_equal(td_picture_decode(&bitmap, file.bytes, file.size, NULL), TD_OK);
    /* Y 40, Cb 60, Cr 80 and K 100 at the left upper corner: CMY is 255 less the RGB of these. */
    assert_true(bitmap.cmyk);
    assert_in_range(bitmap.pixels[0], left(255, 100) - 6, left(255, 100) + 6);
    assert_in_range(bitmap.pixels[1], left(158, 100) - 6, left(158, 100) + 6);
    assert_in_range(bitmap.pixels[2], left(255, 100) - 6, left(255, 100) + 6);
    td_bitmap_free(&bitmap);
    free(file.bytes);
}

static void test_refuses_jpeg_of_other_colours(void **state) {
    (void)state;
    const plan unknown = {.width = 4, .height = 4, .channels = 2, .space = JCS_UNKNOWN};
    jpeg file = make_jpeg(&unknown);
    assert_refused(file.bytes, file.size,
                   "JPEG: colour space: expected grey, YCbCr, RGB, CMYK or YCCK, found an unknown "
                   "one with 2 components");
    free(file.bytes);
}

static void test_refuses_impossible_jpeg(void **state) {
    (void)state;
    const plan p = {.width = 8, .height = 8, .channels = 1, .space = JCS_GRAYSCALE};
    jpeg file = make_jpeg(&p);
    uint8_t *frame = find_marker(&file, 0xc0); /* length (2), bits, height (2), width (2) */
    memcpy(frame + 3, (uint8_t[]){60000 >> 8, 60000 & 255, 60000 >> 8, 60000 & 255}, 4);
    assert_refused(file.bytes, file.size,
                   "JPEG: size: expected 1 to 16384 pixels a side, found 60000x60000 pixels");
    memcpy(frame + 3, (uint8_t[]){0x40, 0, 0x40, 0}, 4);
    assert_refused(file.bytes, file.size, "JPEG: size: expected at most 8 blocks for each of the ");
    assert_refused(file.bytes, file.size, "found 4194304 for 16384x16384 pixels");
    frame[2] = 12;
    assert_refused(file.bytes, file.size, "JPEG: Unsupported JPEG data precision 12");
    free(file.bytes);
}

static void test_refuses_arithmetic_coding(void **state) {
    (void)state;
    const plan p = {
        .width = 8, .height = 8, .channels = 1, .space = JCS_GRAYSCALE, .arithmetic = true};
    jpeg file = make_jpeg(&p);
    assert_refused(file.bytes, file.size,
                   "JPEG: coding: expected Huffman coding, found arithmetic coding");
    free(file.bytes);
}

static void test_refuses_endless_scans(void **state) {
    (void)state;
    enum { MOST = 100 };
    /* The DC values, then each AC value by itself from its highest bit down. */
    jpeg_scan_info scans[MOST + 1] = {{.comps_in_scan = 1}};
    for (int i = 1; i <= MOST; i++) {
        const int place = 1 + (i - 1) / 2, second = (i - 1) % 2;
        scans[i] = (jpeg_scan_info){
            .comps_in_scan = 1, .Ss = place, .Se = place, .Ah = second, .Al = 1 - second};
    }
    plan p = {.width = 16, .height = 16, .channels = 1, .space = JCS_GRAYSCALE, .scans = scans};
    p.scan_count = MOST;
    jpeg file = make_jpeg(&p);
    td_bitmap bitmap;
    assert_int_equal(td_picture_decode(&bitmap, file.bytes, file.size, NULL), TD_OK);
    td_bitmap_free(&bitmap);
    free(file.bytes);
    p.scan_count = MOST + 1;
    file = make_jpeg(&p);
    assert_refused(file.bytes, file.size, "JPEG: expected at most 100 scans, found more");
    free(file.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_knows_names),
        IN_FOLDER(test_refuses_other_files),
        IN_FOLDER(test_reads_jpeg),
        cmocka_unit_test(test_refuses_cut_jpeg),
        cmocka_unit_test(test_refuses_damaged_jpeg),
        cmocka_unit_test(test_converts_inks),
        cmocka_unit_test(test_converts_ycck),
        cmocka_unit_test(test_refuses_jpeg_of_other_colours),
        cmocka_unit_test(test_refuses_impossible_jpeg),
        cmocka_unit_test(test_refuses_arithmetic_coding),
        cmocka_unit_test(test_refuses_endless_scans),
    };
    return cmocka_run_group_tests_name("picture", tests, NULL, NULL);
}
