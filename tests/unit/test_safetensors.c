/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "data/safetensors.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The bytes of a container with this header and `data_size` bytes of data; the caller frees them.
 */
static uint8_t *container(const char *header, size_t header_size, size_t data_size, size_t *size) {
    *size = 8 + header_size + data_size;
    uint8_t *bytes = calloc(1, *size);
    assert_non_null(bytes);
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(header_size >> (8 * i));
    memcpy(bytes + 8, header, header_size);
    return bytes;
}

static void assert_refused(const uint8_t *bytes, size_t size, const char *message) {
    td_safetensors file;
    td_error error = {""};
    assert_int_equal(td_safetensors_parse(&file, bytes, size, &error), TD_ERR_FORMAT);
    support_assert_contains(error.message, message);
    assert_null(file.tensors);
    assert_null(file.arena.blocks);
}

/* Refused if a header with this text is followed by `data_size` bytes. */
static void assert_header_refused(const char *header, size_t data_size, const char *message) {
    size_t size;
    uint8_t *bytes = container(header, strlen(header), data_size, &size);
    assert_refused(bytes, size, message);
    free(bytes);
}

#define TENSOR(name, dtype, shape, begin, end)                                                     \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" #begin "," #end \
    "]}"

static void test_reads_tensors_and_metadata(void **state) {
    (void)state;
    static const char header[] = "{" TENSOR("b", "U8", "[3]", 8, 11) "," TENSOR(
        "a.weight", "F32", "[2,1]", 0, 8) ",\"__metadata__\":{\"net\":\"x\\ny\"}}   ";
    size_t size;
    uint8_t *bytes = container(header, sizeof header - 1, 11, &size);
    td_safetensors file;
    assert_int_equal(td_safetensors_parse(&file, bytes, size, NULL), TD_OK);
    assert_int_equal(file.tensor_count, 2);
    assert_string_equal(file.tensors[0].name, "a.weight");
    const td_tensor *a = td_safetensors_find(&file, "a.weight");
    assert_int_equal(a->dtype, TD_F32);
    assert_int_equal(a->rank, 2);
    assert_int_equal(a->dims[0], 2);
    assert_int_equal(a->dims[1], 1);
    assert_int_equal(a->count, 2);
    assert_int_equal(a->bytes, 8);
    assert_ptr_equal(a->data, bytes + size - 11);
    assert_ptr_equal(td_safetensors_find(&file, "b")->data, bytes + size - 3);
    assert_null(td_safetensors_find(&file, "c"));
    assert_string_equal(td_safetensors_metadata(&file, "net"), "x\ny");
    assert_null(td_safetensors_metadata(&file, "other"));
    td_safetensors_close(&file);
    td_safetensors_close(&file);
    free(bytes);
}

static void test_reads_scalars_empty_tensors_and_nothing(void **state) {
    (void)state;
    static const char *const headers[] = {"{}", "{\"__metadata__\":{}}", "{\"__metadata__\":null}"};
    td_safetensors file;
    size_t size;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        uint8_t *bytes = container(headers[i], strlen(headers[i]), 0, &size);
        assert_int_equal(td_safetensors_parse(&file, bytes, size, NULL), TD_OK);
        assert_int_equal(file.tensor_count, 0);
        td_safetensors_close(&file);
        free(bytes);
    }
    static const char header[] = "{" TENSOR("scalar", "I64", "[]", 0, 8) "," TENSOR(
        "none", "I32", "[4,0]", 0, 0) "," TENSOR("end", "I32", "[0]", 8, 8) "}";
    uint8_t *bytes = container(header, sizeof header - 1, 8, &size);
    assert_int_equal(td_safetensors_parse(&file, bytes, size, NULL), TD_OK);
    assert_int_equal(td_safetensors_find(&file, "scalar")->count, 1);
    assert_int_equal(td_safetensors_find(&file, "none")->bytes, 0);
    td_safetensors_close(&file);
    free(bytes);
}

static void test_refuses_header_lengths(void **state) {
    (void)state;
    uint8_t bytes[16] = {3, 0, 0, 0, 0, 0, 0, 0, '{', '}', ' '};
    assert_refused(bytes, 0, "expected at least 8 bytes of file, found 0");
    assert_refused(bytes, 7, "found 7");
    assert_refused(bytes, 8, "expected at most the 0 bytes that follow it, found 3");
    assert_refused(bytes, 10, "expected at most the 2 bytes that follow it, found 3");
    bytes[7] = 0xff;
    assert_refused(bytes, sizeof bytes,
                   "expected at most 1048576 bytes, found 18374686479671623683");
    memset(bytes, 0, 8);
    assert_refused(bytes, sizeof bytes, "starting with {");
    bytes[0] = 3;
    bytes[8] = ' ';
    assert_refused(bytes, sizeof bytes, "starting with {");
    size_t size;
    uint8_t *large = container("{}", 2, (1 << 20) + 16, &size);
    memset(large + 10, ' ', size - 10);
    large[0] = 1;
    large[2] = 0x10; /* 2^20 + 1 */
    assert_refused(large, size, "expected at most 1048576 bytes, found 1048577");
    free(large);
}

static void test_refuses_what_is_not_the_json(void **state) {
    (void)state;
    assert_header_refused("{", 0, "expected JSON");
    assert_header_refused("{} {}", 0, "expected JSON");
    assert_header_refused("{\"a\xff\":{}}", 0, "expected JSON, found: unable to decode byte 0xff");
    assert_header_refused("{\"a\\u0000\":{}}", 0, "expected JSON");
    assert_header_refused("{\"a\\u001b[2J\":{}}", 0, "control characters");
    assert_header_refused("{" TENSOR("a", "U8", "[1]", 0, 1) "," TENSOR("a", "U8", "[1]", 1, 2) "}",
                          2, "duplicate object key");
    assert_header_refused("{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}", 0, "duplicate object key");
    assert_header_refused("{\"a\":[]}", 0, "tensor \"a\": expected an object, found an array");
    assert_header_refused("{\"a\":{}}", 0, "tensor \"a\": dtype: expected a string, found nothing");
    assert_header_refused("{\"a\":{\"dtype\":\"U8\"}}", 0,
                          "shape: expected an array, found nothing");
    assert_header_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[]}}", 0,
                          "data_offsets: expected [begin, end], found nothing");
    assert_header_refused(
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"more\":1}}", 1,
        "expected dtype, shape and data_offsets only, found 4 keys");
}

static void test_refuses_metadata(void **state) {
    (void)state;
    assert_header_refused("{\"__metadata__\":[]}", 0, "__metadata__: expected an object");
    assert_header_refused("{\"__metadata__\":{\"epochs\":3}}", 0,
                          "__metadata__: \"epochs\": expected a string, found an integer");
    assert_header_refused("{\"__metadata__\":{\"a\":\"\",\"a\":\"\"}}", 0, "duplicate object key");
    assert_header_refused("{\"__metadata__\":{\"a\\n\":\"\"}}", 0, "control characters");
}

static void test_refuses_types_and_shapes(void **state) {
    (void)state;
    assert_header_refused("{" TENSOR("a", "F4", "[1]", 0, 2) "}", 2,
                          "dtype: expected one of the format's, such as F32, found F4");
    assert_header_refused("{" TENSOR("a", "U\\n8", "[1]", 0, 2) "}", 2, "control characters");
    assert_header_refused("{" TENSOR("a", "U8", "[1,1,1,1,1,1,1,1,1]", 0, 1) "}", 1,
                          "expected at most 8 dimensions, found 9");
    assert_header_refused("{" TENSOR("a", "U8", "[-1]", 0, 1) "}", 1,
                          "expected at least 0, found -1");
    assert_header_refused("{" TENSOR("a", "U8", "[1.0]", 0, 1) "}", 1, "found a real number");
    assert_header_refused("{" TENSOR("a", "U8", "[\"1\"]", 0, 1) "}", 1, "found a string");
    assert_header_refused("{" TENSOR("a", "U8", "[4294967296,4294967296]", 0, 1) "}", 1,
                          "product overflows");
    assert_header_refused("{" TENSOR("a", "I64", "[4611686018427387904]", 0, 0) "}", 0,
                          "product overflows");
}

static void test_refuses_offsets(void **state) {
    (void)state;
    assert_header_refused("{" TENSOR("a", "U8", "[1]", 0, "1") "}", 1, "found a string");
    assert_header_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,1]}}", 1,
                          "found an array of another length");
    assert_header_refused(
        "{" TENSOR("a", "U8", "[2]", 2, 0) "}", 2,
        "expected begin <= end <= 2, the bytes of data in the file, found [2, 0]");
    assert_header_refused("{" TENSOR("a", "U8", "[9]", 0, 9) "}", 8, "found [0, 9]");
    assert_header_refused("{" TENSOR("a", "F32", "[2]", 0, 7) "}", 8,
                          "expected the 8 bytes of its shape, found 7");
    assert_header_refused(
        "{" TENSOR("a", "U8", "[1]", 1, 2) "}", 2,
        "tensor \"a\": data_offsets: expected to begin at 0, where the header ends, "
        "found 1: a hole");
    assert_header_refused("{" TENSOR("a", "U8", "[1]", 0, 1) "," TENSOR("b", "U8", "[1]", 2, 3) "}",
                          3, "tensor \"b\": data_offsets: expected to begin at 1");
    assert_header_refused("{" TENSOR("a", "U8", "[2]", 0, 2) "," TENSOR("b", "U8", "[2]", 1, 3) "}",
                          3, "found 1: an overlap");
    assert_header_refused("{" TENSOR("a", "U8", "[2]", 0, 2) "," TENSOR("b", "U8", "[2]", 0, 2) "}",
                          2, "an overlap");
    assert_header_refused("{" TENSOR("a", "U8", "[1]", 0, 1) "}", 4, "found 3 more");
    assert_header_refused("{}", 1, "found 1 more");
}

static void test_open_names_the_file(void **state) {
    (void)state;
    td_safetensors file;
    td_error error;
    support_write("short", "1234", 4);
    assert_int_equal(td_safetensors_open(&file, "short", &error), TD_ERR_FORMAT);
    support_assert_contains(error.message, "short: header length: expected");
    assert_int_equal(td_safetensors_open(&file, "missing", &error), TD_ERR_IO);
    support_assert_contains(error.message, "missing: ");
    assert_null(file.map.data);
    td_safetensors_close(&file);
}

static td_status write_file(const char *path, const td_tensor *tensors, size_t tensor_count,
                            const td_metadata *metadata, size_t metadata_count, td_error *error) {
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    td_status status =
        td_safetensors_write(stream, tensors, tensor_count, metadata, metadata_count, error);
    assert_int_equal(fclose(stream), 0);
    return status;
}

static void test_writes_what_it_reads(void **state) {
    (void)state;
    static const float weights[] = {1.5f, -2};
    static const int64_t steps[] = {INT64_C(1) << 40};
    static const uint8_t bytes[] = {1, 2, 3};
    const td_tensor tensors[] = {
        {.name = "z", .dtype = TD_U8, .rank = 1, .dims = {3}, .data = bytes},
        {.name = "b", .dtype = TD_F32, .rank = 2, .dims = {1, 2}, .data = weights},
        {.name = "steps", .dtype = TD_I64, .data = steps},
        {.name = "a", .dtype = TD_I32, .rank = 1, .dims = {0}, .data = bytes}};
    const td_metadata metadata[] = {{"split", "tést\n"}, {"classes", "10"}};
    assert_int_equal(write_file("a", tensors, 4, metadata, 2, NULL), TD_OK);

    td_safetensors file;
    assert_int_equal(td_safetensors_open(&file, "a", NULL), TD_OK);
    static const char *const order[] = {"steps", "a", "b", "z"};
    assert_int_equal(file.tensor_count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(file.tensors[i].name, order[i]);
    assert_memory_equal(td_safetensors_find(&file, "steps")->data, steps, sizeof steps);
    assert_memory_equal(td_safetensors_find(&file, "b")->data, weights, sizeof weights);
    assert_memory_equal(td_safetensors_find(&file, "z")->data, bytes, sizeof bytes);
    assert_string_equal(file.metadata[0].key, "classes");
    assert_string_equal(td_safetensors_metadata(&file, "split"), "tést\n");
    assert_int_equal((uintptr_t)file.tensors[0].data % 8, 0);

    assert_int_equal(
        write_file("b", file.tensors, file.tensor_count, file.metadata, file.metadata_count, NULL),
        TD_OK);
    size_t size_a, size_b;
    char *a = support_read("a", &size_a), *b = support_read("b", &size_b);
    assert_int_equal(size_a, size_b);
    assert_memory_equal(a, b, size_a);
    td_safetensors_close(&file);
    free(a);
    free(b);
}

/* The layout that other readers and writers agree on, byte for byte. */
static void test_writes_these_bytes(void **state) {
    (void)state;
    static const uint8_t data[] = {7};
    const td_tensor tensor = {.name = "a", .dtype = TD_U8, .rank = 1, .dims = {1}, .data = data};
    const td_metadata metadata = {"k", "v"};
    assert_int_equal(write_file("a", &tensor, 1, &metadata, 1, NULL), TD_OK);
    static const char expected[] =
        "\x50\0\0\0\0\0\0\0{\"__metadata__\":{\"k\":\"v\"},"
        "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}  \7";
    size_t size;
    char *found = support_read("a", &size);
    assert_int_equal(size, sizeof expected - 1);
    assert_memory_equal(found, expected, size);
    free(found);
}

static void assert_not_written(const td_tensor *tensors, size_t count, const td_metadata *metadata,
                               size_t metadata_count, td_status status, const char *message) {
    td_error error;
    assert_int_equal(write_file("x", tensors, count, metadata, metadata_count, &error), status);
    support_assert_contains(error.message, message);
}

static void test_refuses_to_write(void **state) {
    (void)state;
    td_tensor t[2] = {{.name = "a", .dtype = TD_U8, .data = ""}, {.name = "a", .data = ""}};
    assert_not_written(t, 2, NULL, 0, TD_ERR_USAGE, "\"a\": expected plain names that differ");
    t[0].name = "__metadata__";
    assert_not_written(t, 1, NULL, 0, TD_ERR_USAGE, "reserved");
    t[0].name = "\xff";
    assert_not_written(t, 1, NULL, 0, TD_ERR_USAGE, "UTF-8");
    t[0].name = "a\nb";
    assert_not_written(t, 1, NULL, 0, TD_ERR_USAGE, "control characters");
    t[0] = (td_tensor){.name = "a", .rank = 9, .data = ""};
    assert_not_written(t, 1, NULL, 0, TD_ERR_USAGE, "expected at most 8 dimensions, found 9");
    t[0] = (td_tensor){.name = "a", .rank = 2, .dims = {SIZE_MAX, 2}, .data = ""};
    assert_not_written(t, 1, NULL, 0, TD_ERR_MEMORY, "out of memory");
    td_metadata twice[2] = {{"k", "1"}, {"k", "2"}};
    assert_not_written(NULL, 0, twice, 2, TD_ERR_USAGE, "\"k\": expected plain names that differ");
    twice[0].value = "\xc3";
    assert_not_written(NULL, 0, twice, 1, TD_ERR_USAGE, "\"k\": expected UTF-8 text");
    char *text = malloc((1 << 20) + 1);
    assert_non_null(text);
    memset(text, 'x', 1 << 20);
    text[1 << 20] = '\0';
    twice[0].value = text;
    assert_not_written(NULL, 0, twice, 1, TD_ERR_USAGE, "header: expected at most 1048576 bytes");
    free(text);
}

static void test_reports_a_full_disk(void **state) {
    (void)state;
    FILE *full = fopen("/dev/full", "wb");
    assert_non_null(full);
    setvbuf(full, NULL, _IONBF, 0);
    td_error error;
    assert_int_equal(td_safetensors_write(full, NULL, 0, NULL, 0, &error), TD_ERR_IO);
    support_assert_contains(error.message, "writing the header: No space left on device");
    fclose(full);
}

/* Gives "abcde" in pieces of `step` bytes. */
typedef struct giver {
    size_t done, step;
    size_t fails_at; /* byte */
} giver;

static td_status give(void *context, const void **piece, size_t *bytes, td_error *error) {
    giver *g = context;
    if (g->done >= g->fails_at)
        return td_fail(error, TD_ERR_NUMERIC, "no more");
    *piece = &"abcde"[g->done];
    *bytes = g->step;
    g->done += g->step;
    return TD_OK;
}

/* Writes five bytes from a giver, and the same from memory to "whole". */
static td_status write_given(giver *g, td_error *error) {
    const td_pieces pieces = {give, g};
    td_tensor tensors[] = {
        {.name = "given", .dtype = TD_U8, .rank = 1, .dims = {5}, .data = "abcde"},
        {.name = "last", .dtype = TD_U8, .rank = 1, .dims = {1}, .data = "z"}};
    assert_int_equal(write_file("whole", tensors, 2, NULL, 0, NULL), TD_OK);
    tensors[0].pieces = &pieces;
    tensors[0].data = NULL;
    return write_file("given", tensors, 2, NULL, 0, error);
}

static void test_writes_pieces(void **state) {
    (void)state;
    for (size_t step = 1; step <= 5; step += 4) {
        assert_int_equal(write_given(&(giver){0, step, SIZE_MAX}, NULL), TD_OK);
        size_t size, given_size;
        char *whole = support_read("whole", &size), *given = support_read("given", &given_size);
        assert_int_equal(size, given_size);
        assert_memory_equal(whole, given, size);
        free(whole);
        free(given);
    }
}

static void test_refuses_pieces_that_do_not_fit(void **state) {
    (void)state;
    td_error error;
    assert_int_equal(write_given(&(giver){0, 3, SIZE_MAX}, &error), TD_ERR_USAGE);
    support_assert_contains(
        error.message,
        "tensor \"given\": expected pieces of 5 bytes in all, found one of 3 at byte 3");
    assert_int_equal(write_given(&(giver){0, 0, SIZE_MAX}, &error), TD_ERR_USAGE);
    support_assert_contains(error.message, "found one of 0 at byte 0");
    assert_int_equal(write_given(&(giver){0, 2, 4}, &error), TD_ERR_NUMERIC);
    assert_string_equal(error.message, "no more");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_tensors_and_metadata),
        cmocka_unit_test(test_reads_scalars_empty_tensors_and_nothing),
        cmocka_unit_test(test_refuses_header_lengths),
        cmocka_unit_test(test_refuses_what_is_not_the_json),
        cmocka_unit_test(test_refuses_metadata),
        cmocka_unit_test(test_refuses_types_and_shapes),
        cmocka_unit_test(test_refuses_offsets),
        IN_FOLDER(test_open_names_the_file),
        IN_FOLDER(test_writes_what_it_reads),
        IN_FOLDER(test_writes_pieces),
        IN_FOLDER(test_refuses_pieces_that_do_not_fit),
        IN_FOLDER(test_writes_these_bytes),
        IN_FOLDER(test_refuses_to_write),
        cmocka_unit_test(test_reports_a_full_disk),
    };
    return cmocka_run_group_tests_name("safetensors", tests, NULL, NULL);
}
