/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "data/picture.h"
#include <stdlib.h>
#include <string.h>

/* A string literal as bytes, without its terminator, which sanitizers would not see. */
#define TEXT(text) (text), sizeof(text) - 1

static td_status decode(td_bitmap *bitmap, const char *bytes, size_t size, td_error *error) {
    uint8_t *copy = malloc(size);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    td_status status = td_picture_decode(bitmap, copy, size, error);
    free(copy);
    return status;
}

static void assert_reads(const char *bytes, size_t size, size_t width, size_t height,
                         size_t channels, const uint8_t *pixels) {
    td_bitmap bitmap;
    td_error error = {""};
    if (decode(&bitmap, bytes, size, &error) != TD_OK)
        fail_msg("%s", error.message);
    assert_int_equal(bitmap.width, width);
    assert_int_equal(bitmap.height, height);
    assert_int_equal(bitmap.channels, channels);
    assert_memory_equal(bitmap.pixels, pixels, width * height * channels);
    td_bitmap_free(&bitmap);
}

static void assert_refused(const char *bytes, size_t size, const char *message) {
    td_bitmap bitmap;
    td_error error = {""};
    assert_int_equal(decode(&bitmap, bytes, size, &error), TD_ERR_FORMAT);
    support_assert_contains(error.message, message);
    assert_null(bitmap.pixels);
}

static void test_reads_every_kind(void **state) {
    (void)state;
    assert_reads(TEXT("P5 3 1 255\n\1\2\377"), 3, 1, 1, (uint8_t[]){1, 2, 255});
    assert_reads(TEXT("P6\n1 2\n255\nabcdef"), 1, 2, 3, (const uint8_t *)"abcdef");
    assert_reads(TEXT("P2\n3 2\n255\n0 1\n2 3 4\t255\n"), 3, 2, 1, (uint8_t[]){0, 1, 2, 3, 4, 255});
    assert_reads(TEXT("P3 1 1 255 9 8 7"), 1, 1, 3, (uint8_t[]){9, 8, 7});
}

static void test_reads_comments(void **state) {
    (void)state;
    assert_reads(TEXT("P5# by hand\n# 7 7\n2#2\n\r\n1 #\n255\n#\n"), 2, 1, 1,
                 (const uint8_t *)"#\n");
    assert_reads(TEXT("P2 # one\n2 1 # two\n15 # three\n0 # four\n15# five"), 2, 1, 1,
                 (uint8_t[]){0, 255});
}

static void test_scales_to_bytes(void **state) {
    (void)state;
    /* 255/2 is 127.5 and 255/15 is 17; 2 is of 1000 a 0.51, 1 a 0.255. */
    assert_reads(TEXT("P5 3 1 2 \0\1\2"), 3, 1, 1, (uint8_t[]){0, 128, 255});
    assert_reads(TEXT("P2 3 1 15 1 7 15"), 3, 1, 1, (uint8_t[]){17, 119, 255});
    assert_reads(TEXT("P2 4 1 1000 1 2 998 999"), 4, 1, 1, (uint8_t[]){0, 1, 254, 255});
    assert_reads(TEXT("P2 2 1 1 0 1"), 2, 1, 1, (uint8_t[]){0, 255});
    assert_reads(TEXT("P5 3 1 65535 \200\200\377\377\0\200"), 3, 1, 1, (uint8_t[]){128, 255, 0});
    assert_reads(TEXT("P5 2 1 256 \1\0\0\200"), 2, 1, 1, (uint8_t[]){255, 128});
}

static void test_refuses_headers(void **state) {
    (void)state;
    assert_refused(TEXT("P1 1 1 0"), "PNM: expected P2, P3, P5 or P6, found P1");
    assert_refused(TEXT("P4\n1 1\n\0"), "found P4");
    assert_refused(TEXT("P7\nWIDTH 1"), "found P7");
    assert_refused(TEXT("P5x1 1 255\n\0"), "expected a picture of a known kind");
    assert_refused(TEXT("P5 x"), "PNM: width: expected a number at byte 3, found the byte 78");
    assert_refused(TEXT("P5 -1 1 255\n\0"),
                   "width: expected a number at byte 3, found the byte 2d");
    assert_refused(TEXT("P5 1 # 1"), "height: expected a number, found the end of the file");
    assert_refused(TEXT("P5 1 1"), "largest value: expected a number, found the end of the file");
    assert_refused(TEXT("P5 1 1 255"), "header: expected white space at byte 10, found the end");
    assert_refused(TEXT("P5 1 1 255x\0"), "header: expected white space at byte 10, found none");
    assert_refused(TEXT("P5 1 1 0\n\0"), "largest value: expected 1 to 65535, found 0");
    assert_refused(TEXT("P5 1 1 65536\n\0\0"), "largest value: expected at most 65535, found a");
    assert_refused(TEXT("P5 0 1 255\n"), "size: expected 1 to 16384 pixels a side, found 0x1");
    assert_refused(TEXT("P5 1 60000 255\n"), "found 1x60000 pixels");
    assert_refused(TEXT("P5 18446744073709551617 1 255\n\0"), "width: expected at most ");
}

static void test_refuses_values(void **state) {
    (void)state;
    assert_refused(TEXT("P6 2 1 255\nabcde"),
                   "PNM: values: expected 6 bytes for 2x1 pixels, found 5");
    assert_refused(TEXT("P5 2 1 256\n\0\0\0"), "values: expected 4 bytes for 2x1 pixels, found 3");
    assert_refused(TEXT("P5 16384 16384 255\n"), "expected 268435456 bytes for 16384x16384 pixels");
    assert_refused(TEXT("P2 16384 16384 255\n1 2"), "values: expected at least 536870911 bytes");
    assert_refused(TEXT("P5 1 1 255\nab"),
                   "expected the end of the file after one picture, found 1 more bytes");
    assert_refused(TEXT("P2 1 1 255\n1 2"), "after one picture, found 1 more bytes");
    assert_refused(TEXT("P5 2 1 9\n\11\12"),
                   "values: expected at most the 9 of the header, found 10 at byte 10");
    assert_refused(TEXT("P5 1 1 256\n\1\1"), "found 257 at byte 11");
    assert_refused(TEXT("P2 2 1 9\n9 10"), "values: expected at most 9, found a larger number at");
    assert_refused(TEXT("P2 2 1 9\n9 #\n\n"), "values: expected a number, found the end");
    assert_refused(TEXT("P2 2 1 9\n9 x"),
                   "values: expected a number at byte 11, found the byte 78");
}

static void test_refuses_cut_files(void **state) {
    (void)state;
    /* The last value of a text may lose digits, and be a value still. */
    static const struct {
        const char *bytes;
        size_t size, least; /* a file from `least` bytes on is whole */
    } files[] = {
        {TEXT("P5 # c\n3 2\n255\nabcdef"), 21},
        {TEXT("P6 1 2 65535\nabcdefabcdef"), 25},
        {TEXT("P2 2 2 255 1 22 33 255\n"), 20},
        {TEXT("P3 1 2 255 1 2 3 4 5 6\n"), 22},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        for (size_t cut = 1; cut <= files[i].size; cut++) {
            td_bitmap bitmap;
            td_status status = decode(&bitmap, files[i].bytes, cut, NULL);
            assert_int_equal(status, cut < files[i].least ? TD_ERR_FORMAT : TD_OK);
            td_bitmap_free(&bitmap);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_every_kind), cmocka_unit_test(test_reads_comments),
        cmocka_unit_test(test_scales_to_bytes),  cmocka_unit_test(test_refuses_headers),
        cmocka_unit_test(test_refuses_values),   cmocka_unit_test(test_refuses_cut_files),
    };
    return cmocka_run_group_tests_name("pnm", tests, NULL, NULL);
}
