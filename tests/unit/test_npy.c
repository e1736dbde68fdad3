/* SPDX-License-Identifier: MIT */
#include "set_support.h"

#include "data/npy.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LARGEST = 512 };

/* A file in memory. */
typedef struct bytes {
    uint8_t data[LARGEST];
    size_t size;
} bytes;

/* A .npy of this version with this header's text, and `size` bytes of values. */
static bytes make(int version, const char *header, const void *values, size_t size) {
    bytes b = {.data = {0x93, 'N', 'U', 'M', 'P', 'Y', (uint8_t)version, 0}};
    size_t length = strlen(header), width = version == 1 ? 2 : 4;
    assert_true(8 + width + length + size <= LARGEST);
    for (size_t i = 0; i < width; i++)
        b.data[8 + i] = (uint8_t)(length >> (8 * i));
    memcpy(b.data + 8 + width, header, length);
    if (size > 0)
        memcpy(b.data + 8 + width + length, values, size);
    b.size = 8 + width + length + size;
    return b;
}

/* The parsed bytes are at the end of a separate block, so that a read past them is detected. */
static td_status parse(td_npy *npy, const bytes *b, size_t size, td_error *error) {
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, b->data, size);
    td_status status = td_npy_parse(npy, copy, size, error);
    npy->data = NULL;
    free(copy);
    return status;
}

static void assert_bytes_refused(const bytes *b, const char *message) {
    td_npy npy;
    td_error error = {""};
    assert_int_equal(parse(&npy, b, b->size, &error), TD_ERR_FORMAT);
    support_assert_contains(error.message, message);
    assert_null(strchr(error.message, '\n'));
    assert_int_equal(npy.rank, 0);
}

static void assert_header_refused(const char *header, const char *message) {
    bytes b = make(1, header, "", 0);
    assert_bytes_refused(&b, message);
}

static const char six[] = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }  \n";
static const uint8_t values[] = {1, 2, 3, 4, 5, 6};

static void test_parses_all_versions(void **state) {
    (void)state;
    for (int version = 1; version <= 3; version++) {
        bytes b = make(version, six, values, sizeof values);
        td_npy npy;
        assert_int_equal(td_npy_parse(&npy, b.data, b.size, NULL), TD_OK);
        assert_string_equal(npy.descr, "|u1");
        assert_int_equal(npy.kind, TD_NPY_UNSIGNED);
        assert_int_equal(npy.size, 1);
        assert_int_equal(npy.rank, 2);
        assert_int_equal(npy.dims[1], 3);
        assert_int_equal(npy.count, 6);
        assert_memory_equal(npy.data, values, sizeof values);
        char shape[TD_NPY_TEXT];
        assert_string_equal(td_npy_shape(&npy, shape), "(2, 3)");
        td_npy_close(&npy);
    }
    td_npy_close(&(td_npy){0});
}

static void test_parses_headers_however_python_writes_them(void **state) {
    (void)state;
    static const char *const headers[] = {
        "{'shape': (6,), \"descr\": \"|u1\", 'fortran_order': False}\n",
        "{ 'descr' :'|i1','fortran_order':False,'shape':( 6 , ),}\n",
        "{'descr': '<i2', 'fortran_order': False, 'shape': (3, 1), }\n",
        "{'descr': '<f2', 'fortran_order': False, 'shape': (1, 3), }      \n",
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        bytes b = make(1, headers[i], values, sizeof values);
        td_npy npy;
        assert_int_equal(parse(&npy, &b, b.size, NULL), TD_OK);
        assert_int_equal(npy.count * npy.size, 6);
    }
    bytes scalar = make(1, "{'descr': '|u1', 'fortran_order': False, 'shape': ()}\n", values, 1);
    td_npy npy;
    assert_int_equal(parse(&npy, &scalar, scalar.size, NULL), TD_OK);
    assert_int_equal(npy.rank, 0);
    assert_int_equal(npy.count, 1);
}

static void test_refuses_every_cut(void **state) {
    (void)state;
    for (int version = 1; version <= 2; version++) {
        bytes b = make(version, six, values, sizeof values);
        for (size_t size = 0; size < b.size; size++) {
            td_npy npy;
            td_error error = {""};
            assert_int_equal(parse(&npy, &b, size, &error), TD_ERR_FORMAT);
            assert_true(strlen(error.message) > 0);
        }
    }
}

static void test_refuses_what_stands_before_the_header(void **state) {
    (void)state;
    bytes b = make(1, six, values, sizeof values);
    b.data[0] = 0;
    assert_bytes_refused(&b, "magic string: expected \\x93NUMPY and a version, found other bytes");
    b = make(4, six, values, sizeof values);
    assert_bytes_refused(&b, "version: expected 1.0, 2.0 or 3.0, found 4.0");
    b = make(1, six, values, sizeof values);
    b.data[7] = 1;
    assert_bytes_refused(&b, "found 1.1");
    b = make(2, six, values, sizeof values);
    b.data[11] = 0xff;
    assert_bytes_refused(&b, "header length: expected at most 68 (the file has 80 bytes), found "
                             "4278190142");
}

static void test_refuses_headers(void **state) {
    (void)state;
    assert_header_refused("", "header, character 0: expected '{', found the end of the header");
    assert_header_refused("[1]\n", "header, character 0: expected '{', found '['");
    assert_header_refused("{}\n", "header: expected the key descr, found none");
    assert_header_refused("{'descr': '|u1', 'fortran_order': False}\n", "expected the key shape");
    assert_header_refused("{'descr': '|u1', 'descr': '|u1'}\n",
                          "expected the keys descr, fortran_order and shape once each, found "
                          "'descr' again");
    assert_header_refused("{'dtype': '|u1'}\n", "once each, found 'dtype'");
    assert_header_refused("{'descr' '|u1'}\n", "character 9: expected ':', found '''");
    assert_header_refused("{'descr: 1}\n", "expected plain characters, found byte 0x0a");
    assert_header_refused("{'de\\x73cr': '|u1'}\n", "expected plain characters, found '\\'");
    assert_header_refused("{descr: 1}\n", "character 1: expected a key or '}', found 'd'");
    assert_header_refused("{,}\n", "character 1: expected a key or '}', found ','");
    assert_header_refused("{'descr': '|u1' 'shape': ()}\n",
                          "character 16: expected '}', found '''");
}

static void test_refuses_types_and_orders(void **state) {
    (void)state;
    assert_header_refused("{'descr': '>i4', }\n",
                          "header: descr: expected little-endian numbers ('|u1', '<i8', ...), "
                          "found '>i4'");
    assert_header_refused("{'descr': '|O'}\n", "found '|O'");
    assert_header_refused("{'descr': '|b1'}\n", "found '|b1'");
    assert_header_refused("{'descr': [('a', '|u1')]}\n",
                          "character 10: expected the name of a type of numbers, found '['");
    assert_header_refused("{'fortran_order': True}\n",
                          "fortran_order: expected False, found True; save "
                          "numpy.ascontiguousarray(a)");
    assert_header_refused("{'fortran_order': 0}\n", "character 18: expected True or False, found");
    assert_header_refused("{'fortran_order': Fals", "expected True or False, found 'F'");
}

static void test_refuses_shapes(void **state) {
    (void)state;
    assert_header_refused("{'shape': 6}\n", "character 10: expected '(', found '6'");
    assert_header_refused("{'shape': (6)}\n", "character 12: expected ',', found ')'");
    assert_header_refused("{'shape': (-6,)}\n", "expected a dimension in decimal, found '-'");
    assert_header_refused("{'shape': (06,)}\n", "expected a dimension in decimal, found '0'");
    assert_header_refused("{'shape': (6L,)}\n", "character 12: expected ',', found 'L'");
    assert_header_refused("{'shape': (1,,)}\n", "character 13: expected a dimension in decimal");
    assert_header_refused("{'shape': (1, 2\n", "character 15: expected ')', found byte 0x0a");
    assert_header_refused("{'shape': (10000000000000000000,)}\n", "a dimension below 10^19");
    assert_header_refused("{'shape': (1,1,1,1,1,1,1,1,1)}\n",
                          "header: shape: expected at most 8 dimensions, found more");
    assert_header_refused("{'descr': '<i8', 'fortran_order': False, 'shape': (4294967296, "
                          "4294967296)}\n",
                          "shape: expected a size that fits in memory, found (4294967296, "
                          "4294967296)");
    assert_header_refused("{'descr': '<i8', 'fortran_order': False, 'shape': "
                          "(2305843009213693952,)}\n",
                          "fits in memory, found (2305843009213693952,)");
}

static void test_refuses_tails(void **state) {
    (void)state;
    static const char whole[] = "{'descr': '|u1', 'fortran_order': False, 'shape': (6,)}";
    char text[128];
    static const char *const tails[] = {"", "  ", "\n ", "\n\n", " x\n", "\t\n"};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        snprintf(text, sizeof text, "%s%s", whole, tails[i]);
        assert_header_refused(text, "expected spaces, then a newline that ends it");
    }
    bytes b = make(1, six, values, 5);
    assert_bytes_refused(&b, "values: expected 6 bytes for (2, 3) of '|u1', found 5");
    b = make(1, six, "1234567", 7);
    assert_bytes_refused(&b, "values: expected 6 bytes for (2, 3) of '|u1', found 7");
}

static void write_array(const char *path, const char *descr, const char *shape, const void *data,
                        size_t size) {
    char header[128];
    snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n",
             descr, shape);
    bytes b = make(1, header, data, size);
    support_write(path, b.data, b.size);
}

/* Counts up from 0. */
static void write_pixels(const char *path, const char *shape, size_t size) {
    uint8_t data[256];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)i;
    write_array(path, "|u1", shape, data, size);
}

static td_dataset open_set(const char *data) {
    return support_open_set(data, "train", NULL);
}

static void assert_shape(const td_dataset *set, size_t count, size_t height, size_t width,
                         size_t channels, bool mapped) {
    assert_int_equal(set->images.count, count);
    assert_int_equal(set->images.height, height);
    assert_int_equal(set->images.width, width);
    assert_int_equal(set->images.channels, channels);
    assert_int_equal(set->map.data != NULL, mapped);
}

static void test_maps_images_in_their_order(void **state) {
    (void)state;
    static const struct {
        const char *shape;
        size_t height, width, channels;
    } shapes[] = {{"(2, 3, 4)", 3, 4, 1},
                  {"(2, 4, 1, 3)", 4, 1, 3},
                  {"(2, 3, 4, 1)", 3, 4, 1},
                  {"(2, 1, 3, 4)", 3, 4, 1},
                  {"(2, 3, 4, 3)", 3, 4, 3}};
    assert_int_equal(mkdir("a", 0777), 0);
    write_array("a/labels.npy", "|u1", "(2,)", (const uint8_t[]){1, 0}, 2);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        size_t size = 2 * shapes[i].height * shapes[i].width * shapes[i].channels;
        write_pixels("a/images.npy", shapes[i].shape, size);
        td_dataset set = open_set("a");
        assert_shape(&set, 2, shapes[i].height, shapes[i].width, shapes[i].channels, true);
        for (size_t p = 0; p < size; p++)
            assert_int_equal(set.images.pixels[p], p);
        assert_int_equal(set.images.labels[0], 1);
        assert_int_equal(set.images.classes, 2);
        assert_string_equal(set.split, "");
        assert_int_equal(set.file_count, 2);
        assert_string_equal(set.files[1], "a/labels.npy");
        td_dataset_close(&set);
    }
}

static void test_turns_planes_into_pixels(void **state) {
    (void)state;
    assert_int_equal(mkdir("a", 0777), 0);
    write_array("a/labels.npy", "|u1", "(2, 1)", (const uint8_t[]){1, 0}, 2);
    write_pixels("a/images.npy", "(2, 3, 2, 4)", 48);
    td_dataset set = open_set("a:test");
    assert_shape(&set, 2, 2, 4, 3, false);
    assert_string_equal(set.split, "test");
    for (size_t image = 0; image < 2; image++)
        for (size_t p = 0; p < 8; p++)
            for (size_t c = 0; c < 3; c++)
                assert_int_equal(td_image(&set.images, image)[3 * p + c], 24 * image + 8 * c + p);
    td_dataset_close(&set);
}

static void test_reads_labels_of_all_whole_types(void **state) {
    (void)state;
    assert_int_equal(mkdir("a", 0777), 0);
    write_pixels("a/images.npy", "(2, 1, 2)", 4);
    static const char *const types[] = {"|u1", "|i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        size_t size = (size_t)(types[i][2] - '0');
        uint8_t data[16] = {0};
        data[0] = 3;
        data[size] = 100;
        write_array("a/labels.npy", types[i], "(2,)", data, 2 * size);
        td_dataset set = open_set("a");
        assert_int_equal(set.images.labels[0], 3);
        assert_int_equal(set.images.labels[1], 100);
        assert_int_equal(set.images.classes, 101);
        td_dataset_close(&set);
        memset(data + size, 0xff, size);
        write_array("a/labels.npy", types[i], "(2,)", data, 2 * size);
        if (size <= 2 && types[i][1] == 'u') {
            set = open_set("a");
            assert_int_equal(set.images.labels[1], size == 1 ? 255 : 65535);
            td_dataset_close(&set);
        } else {
            support_assert_set_refused(
                "a", TD_ERR_FORMAT, "a/labels.npy: label of image 1: expected 0 to 65535, found ");
        }
    }
}

static void test_finds_the_files_of_a_split(void **state) {
    (void)state;
    assert_int_equal(mkdir("a", 0777), 0);
    write_pixels("a/images.npy", "(1, 1, 2)", 2);
    write_array("a/labels.npy", "|u1", "(1,)", "", 1);
    write_pixels("a/x_train.npy", "(2, 1, 2)", 4);
    support_assert_set_refused(
        "a", TD_ERR_USAGE,
        "a: expected a file called labels_train or y_train beside x_train.npy, found "
        "none");
    write_array("a/y_train.npy", "|u1", "(2,)", "\0", 2);
    write_pixels("a/x_test.npy", "(3, 1, 2)", 6);
    write_array("a/y_test.npy", "|u1", "(3,)", "\0\0", 3);
    td_dataset set = open_set("a:train");
    assert_int_equal(set.images.count, 2);
    assert_string_equal(set.split, "train");
    td_dataset_close(&set);
    set = open_set("a:test");
    assert_int_equal(set.images.count, 3);
    assert_string_equal(set.split, "test");
    td_dataset_close(&set);
    assert_int_equal(mkdir("b", 0777), 0);
    write_pixels("b/train_images.npy", "(1, 1, 2)", 2);
    write_array("b/train_labels.npy", "|u1", "(1,)", "", 1);
    set = open_set("b");
    assert_int_equal(set.images.count, 1);
    td_dataset_close(&set);
    support_assert_set_refused(
        "b:test", TD_ERR_USAGE,
        "b: split test: expected a file called test_images, x_test or images, found none");
    assert_int_equal(mkdir("c", 0777), 0);
    write_pixels("c/X-Train.npy", "(1, 1, 2)", 2);
    write_array("c/TrainLabels.npy", "|u1", "(1,)", "", 1);
    write_pixels("c/imagesVal.npy", "(2, 1, 2)", 4);
    write_array("c/val_y.npy", "|u1", "(2,)", "\0", 2);
    set = open_set("c");
    assert_int_equal(set.images.count, 1);
    td_dataset_close(&set);
    set = open_set("c:test");
    assert_int_equal(set.images.count, 2);
    td_dataset_close(&set);
    write_pixels("c/train_data.npy", "(1, 1, 2)", 2);
    support_assert_set_refused(
        "c", TD_ERR_FORMAT,
        "c: expected one array of images for train, found X-Train.npy and train_data.npy");
}

static void assert_images_refused(const char *descr, const char *shape, size_t size,
                                  const char *message) {
    static const uint8_t zeros[256];
    write_array("a/images.npy", descr, shape, zeros, size);
    support_assert_set_refused("a", TD_ERR_FORMAT, message);
}

static void test_refuses_images(void **state) {
    (void)state;
    assert_int_equal(mkdir("a", 0777), 0);
    write_array("a/labels.npy", "|u1", "(2,)", "\0", 2);
    assert_images_refused("<f4", "(2, 1, 2)", 16,
                          "a/images.npy: header: descr: expected '|u1', 8-bit pixels of 0 to 255, "
                          "found '<f4'");
    assert_images_refused("|i1", "(2, 1, 2)", 4, "found '|i1'");
    assert_images_refused("|u1", "(2, 4)", 8,
                          "header: shape: expected (N, H, W), (N, H, W, C) or (N, C, H, W), none "
                          "of them 0 and C 1 or 3, found (2, 4)");
    assert_images_refused("|u1", "(2, 2, 2, 2)", 16, "found (2, 2, 2, 2)");
    assert_images_refused("|u1", "(2, 0, 2)", 0, "found (2, 0, 2)");
    assert_images_refused("|u1", "(0, 2, 2, 3)", 0, "found (0, 2, 2, 3)");
    assert_images_refused("|u1", "(3, 1, 2)", 6,
                          "a/labels.npy: header: shape: expected (3,) or (3, 1), a label for each "
                          "image, found (2,)");
    support_write_text("a/images.npy", "");
    support_assert_set_refused("a", TD_ERR_FORMAT, "a/images.npy: magic string: expected");
}

static void test_refuses_labels(void **state) {
    (void)state;
    static const uint8_t zeros[64];
    assert_int_equal(mkdir("a", 0777), 0);
    write_pixels("a/images.npy", "(2, 1, 2)", 4);
    write_array("a/labels.npy", "<f8", "(2,)", zeros, 16);
    support_assert_set_refused(
        "a", TD_ERR_FORMAT,
        "a/labels.npy: header: descr: expected whole numbers ('|u1', '<i8', ...), "
        "found '<f8'");
    write_array("a/labels.npy", "|u1", "(2, 10)", zeros, 20);
    support_assert_set_refused("a", TD_ERR_FORMAT, "a label for each image, found (2, 10)");
    write_array("a/labels.npy", "|u1", "(1, 2)", zeros, 2);
    support_assert_set_refused("a", TD_ERR_FORMAT, "a label for each image, found (1, 2)");
    write_array("a/labels.npy", "|u1", "()", zeros, 1);
    support_assert_set_refused("a", TD_ERR_FORMAT, "a label for each image, found ()");
}

/* What is written is parsed to the same, and is what NumPy's own writer gives. */
static void test_writes_what_it_parses(void **state) {
    (void)state;
    static const uint8_t pixels[] = {1, 2, 3, 4, 5, 6};
    static const size_t dims[] = {1, 3, 2};
    td_npy npy;
    for (size_t rank = 1; rank <= 3; rank++) {
        const size_t *shape = rank == 3 ? dims : rank == 2 ? dims + 1 : (const size_t[]){6};
        char *text;
        size_t size;
        FILE *stream = open_memstream(&text, &size);
        assert_non_null(stream);
        assert_int_equal(td_npy_write(stream, TD_NPY_UNSIGNED, pixels, shape, rank, NULL), TD_OK);
        assert_int_equal(fclose(stream), 0);
        assert_int_equal(size, 128 + sizeof pixels);
        assert_int_equal(td_npy_parse(&npy, (const uint8_t *)text, size, NULL), TD_OK);
        assert_int_equal(npy.rank, rank);
        assert_memory_equal(npy.dims, shape, rank * sizeof *shape);
        assert_memory_equal(npy.data, pixels, sizeof pixels);
        assert_string_equal(npy.descr, "|u1");
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parses_all_versions),
        cmocka_unit_test(test_writes_what_it_parses),
        cmocka_unit_test(test_parses_headers_however_python_writes_them),
        cmocka_unit_test(test_refuses_every_cut),
        cmocka_unit_test(test_refuses_what_stands_before_the_header),
        cmocka_unit_test(test_refuses_headers),
        cmocka_unit_test(test_refuses_types_and_orders),
        cmocka_unit_test(test_refuses_shapes),
        cmocka_unit_test(test_refuses_tails),
        IN_FOLDER(test_maps_images_in_their_order),
        IN_FOLDER(test_turns_planes_into_pixels),
        IN_FOLDER(test_reads_labels_of_all_whole_types),
        IN_FOLDER(test_finds_the_files_of_a_split),
        IN_FOLDER(test_refuses_images),
        IN_FOLDER(test_refuses_labels),
    };
    return cmocka_run_group_tests_name("npy", tests, NULL, NULL);
}
