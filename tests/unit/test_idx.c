/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "data/idx.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static const uint8_t two_images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0,  0,  0,
                                     1, 0, 0, 0, 3, 1, 2, 3, 40, 50, 60};

static void write_gzip(const char *path, const void *bytes, size_t size) {
    gzFile file = gzopen(path, "wb9");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, bytes, (unsigned)size), (int)size);
    assert_int_equal(gzclose(file), Z_OK);
}

static void assert_refused(const char *path, size_t rank, const char *message) {
    td_idx idx;
    td_arena arena = {0};
    td_error error = {""};
    assert_int_equal(td_idx_read(&idx, path, rank, &arena, &error), TD_ERR_FORMAT);
    support_assert_contains(error.message, path);
    support_assert_contains(error.message, message);
    assert_null(idx.values);
    assert_null(idx.map.data);
    td_arena_free(&arena);
}

/* The bytes plain and compressed: an error in the content is an error in both. */
static void assert_content_refused(const void *bytes, size_t size, size_t rank, const char *message,
                                   const char *message_gzip) {
    support_write("plain", bytes, size);
    assert_refused("plain", rank, message);
    write_gzip("gzip", bytes, size);
    assert_refused("gzip", rank, message_gzip);
}

static void assert_two_images(const char *path, bool mapped) {
    td_idx idx;
    td_arena arena = {0};
    assert_int_equal(td_idx_read(&idx, path, 3, &arena, NULL), TD_OK);
    assert_int_equal(idx.dims[0], 2);
    assert_int_equal(idx.dims[1], 1);
    assert_int_equal(idx.dims[2], 3);
    assert_int_equal(idx.count, 6);
    assert_memory_equal(idx.values, two_images + 16, 6);
    assert_int_equal(idx.map.size > 0, mapped);
    assert_int_equal(arena.blocks != NULL, !mapped);
    td_idx_close(&idx);
    td_arena_free(&arena);
}

static void test_reads_plain_and_gzip_by_content(void **state) {
    (void)state;
    support_write("plain.gz", two_images, sizeof two_images);
    assert_two_images("plain.gz", true);
    write_gzip("gzip", two_images, sizeof two_images);
    assert_two_images("gzip", false);
    td_idx_close(&(td_idx){0});
}

static void test_reads_labels(void **state) {
    (void)state;
    static const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 9, 0, 255};
    support_write("labels", labels, sizeof labels);
    td_idx idx;
    td_arena arena = {0};
    assert_int_equal(td_idx_read(&idx, "labels", 1, &arena, NULL), TD_OK);
    assert_int_equal(idx.count, 3);
    assert_memory_equal(idx.values, labels + 8, 3);
    td_idx_close(&idx);
    td_arena_free(&arena);
}

static void test_refuses_headers(void **state) {
    (void)state;
    uint8_t bytes[sizeof two_images];
    memcpy(bytes, two_images, sizeof bytes);
    bytes[2] = 0x0d; /* float */
    const char *magic = "magic number: expected 00000803 (unsigned bytes, dimensions: 3), found "
                        "00000d03";
    assert_content_refused(bytes, sizeof bytes, 3, magic, magic);
    const char *rank = "magic number: expected 00000801 (unsigned bytes, dimensions: 1), found "
                       "00000803";
    assert_content_refused(two_images, sizeof two_images, 1, rank, rank);
    memcpy(bytes, two_images, sizeof bytes);
    memset(bytes + 4, 0, 4);
    const char *none = "header: expected at least one value, found 0x1x3";
    assert_content_refused(bytes, 16, 3, none, none);
    assert_content_refused(two_images, 15, 3, "header: expected 16 bytes, found a file of 15",
                           "gzip: expected 16 more bytes of content, found 15");
    support_write("empty", "", 0);
    assert_refused("empty", 3, "header: expected 16 bytes, found a file of 0");
}

static void test_refuses_wrong_sizes(void **state) {
    (void)state;
    assert_content_refused(two_images, sizeof two_images - 1, 3,
                           "header: expected a file of 22 bytes for 2x1x3 values, found 21 bytes",
                           "gzip: expected 6 more bytes of content, found 5");
    uint8_t longer[sizeof two_images + 1] = {0};
    memcpy(longer, two_images, sizeof two_images);
    assert_content_refused(longer, sizeof longer, 3, "for 2x1x3 values, found 23 bytes",
                           "gzip: expected the end of the content, found more");
}

/* Refused from the header alone: the arena stays empty. */
static void test_refuses_impossible_sizes_before_allocation(void **state) {
    (void)state;
    uint8_t bytes[16];
    memcpy(bytes, two_images, sizeof bytes);
    bytes[4] = 0xee; /* 4 billion images */
    support_write("plain", bytes, sizeof bytes);
    assert_refused("plain", 3, "for 3992977410x1x3 values, found 16 bytes");
    write_gzip("gzip", bytes, sizeof bytes);
    td_idx idx;
    td_arena arena = {0};
    td_error error;
    assert_int_equal(td_idx_read(&idx, "gzip", 3, &arena, &error), TD_ERR_FORMAT);
    support_assert_contains(error.message,
                            "gzip: header: expected at most 1032 values for each of");
    support_assert_contains(error.message, "compressed bytes, found 3992977410x1x3 values");
    assert_null(arena.blocks);
    memset(bytes + 4, 0xff, 12);
    const char *overflow = "header: expected a size that fits in memory, found "
                           "4294967295x4294967295x4294967295 values";
    assert_content_refused(bytes, sizeof bytes, 3, overflow, overflow);
}

/* A large all-black set comes near the ratio that is refused, and must be read. */
static void test_reads_the_most_compressible_file(void **state) {
    (void)state;
    enum { COUNT = 4000, SIDE = 100, SIZE = 16 + COUNT * SIDE * SIDE };
    uint8_t *bytes = calloc(1, SIZE);
    assert_non_null(bytes);
    const uint8_t header[] = {0, 0, 8, 3,    0, 0, COUNT >> 8, COUNT & 255,
                              0, 0, 0, SIDE, 0, 0, 0,          SIDE};
    memcpy(bytes, header, sizeof header);
    write_gzip("black", bytes, SIZE);
    td_idx idx;
    td_arena arena = {0};
    assert_int_equal(td_idx_read(&idx, "black", 3, &arena, NULL), TD_OK);
    assert_memory_equal(idx.values, bytes + 16, SIZE - 16);
    td_idx_close(&idx);
    td_arena_free(&arena);
    free(bytes);
}

static void test_refuses_damaged_gzip(void **state) {
    (void)state;
    write_gzip("gzip", two_images, sizeof two_images);
    size_t size;
    char *bytes = support_read("gzip", &size);
    for (size_t cut = 2; cut < size; cut++) {
        support_write("cut", bytes, cut);
        assert_refused("cut", 3, "gzip: expected more compressed data, found the end of the file");
    }
    bytes[size - 6] ^= 1; /* checksum */
    support_write("checksum", bytes, size);
    assert_refused("checksum", 3, "found: incorrect data check");
    bytes[size - 6] ^= 1;
    bytes[2] = 7; /* compression method */
    support_write("method", bytes, size);
    assert_refused("method", 3, "found: unknown compression method");
    bytes[2] = 8;
    char *more = malloc(2 * size);
    assert_non_null(more);
    memcpy(more, bytes, size);
    memcpy(more + size, bytes, size);
    support_write("twice", more, 2 * size);
    assert_refused("twice", 3, "expected the end of the file after one compressed stream, found");
    free(more);
    free(bytes);
}

static void test_reports_missing_files(void **state) {
    (void)state;
    td_idx idx;
    td_arena arena = {0};
    td_error error;
    assert_int_equal(td_idx_read(&idx, "missing", 3, &arena, &error), TD_ERR_IO);
    support_assert_contains(error.message, "missing: ");
    td_arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_reads_plain_and_gzip_by_content),
        IN_FOLDER(test_reads_labels),
        IN_FOLDER(test_refuses_headers),
        IN_FOLDER(test_refuses_wrong_sizes),
        IN_FOLDER(test_refuses_impossible_sizes_before_allocation),
        IN_FOLDER(test_reads_the_most_compressible_file),
        IN_FOLDER(test_refuses_damaged_gzip),
        IN_FOLDER(test_reports_missing_files),
    };
    return cmocka_run_group_tests_name("idx", tests, NULL, NULL);
}
