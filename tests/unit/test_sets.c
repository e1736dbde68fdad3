/* SPDX-License-Identifier: MIT */
/* Data sets in files of their own: NumPy's archives, STL-10, and CIFAR's pickles, which are not
 * read. */
#define _GNU_SOURCE /* unsetenv */
#include "set_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

/* --- NumPy's archives --- */

typedef struct array {
    uint8_t bytes[512];
    size_t size;
} array;

static array make_array(const char *descr, const char *shape, const void *values, size_t size) {
    array out;
    char text[128];
    const int length =
        snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n",
                 descr, shape);
    memcpy(out.bytes, "\x93NUMPY\1\0", 8);
    out.bytes[8] = (uint8_t)length;
    out.bytes[9] = 0;
    memcpy(out.bytes + 10, text, (size_t)length);
    memcpy(out.bytes + 10 + length, values, size);
    out.size = 10 + (size_t)length + size;
    return out;
}

static void add(zip_t *zip, const char *name, const array *from, bool packed) {
    zip_source_t *source = zip_source_buffer(zip, from->bytes, from->size, 0);
    assert_non_null(source);
    const zip_int64_t place = zip_file_add(zip, name, source, ZIP_FL_ENC_UTF_8);
    assert_true(place >= 0);
    zip_set_file_compression(zip, (zip_uint64_t)place, packed ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0);
}

static const uint8_t pixels[] = {9, 8, 7, 6, 5, 4};

static void write_npz(const char *images_name, const char *labels_name, bool packed) {
    const array images = make_array("|u1", "(3, 1, 2)", pixels, 6);
    const int64_t classes[] = {1, 0, 4};
    const array labels = make_array("<i8", "(3,)", classes, sizeof classes);
    const array other = make_array("<f8", "(0,)", "", 0);
    remove("a.npz");
    zip_t *zip = zip_open("a.npz", ZIP_CREATE, NULL);
    assert_non_null(zip);
    add(zip, images_name, &images, packed);
    if (labels_name)
        add(zip, labels_name, &labels, packed);
    add(zip, "mean.npy", &other, packed);
    assert_int_equal(zip_close(zip), 0);
}

static void test_reads_npz(void **state) {
    (void)state;
    static const char *const names[][2] = {{"images.npy", "labels.npy"},
                                           {"X.npy", "y.npy"},
                                           {"arr_0.npy", "arr_1.npy"},
                                           {"data.npy", "target.npy"},
                                           {"x_train.npy", "y_train.npy"}};
    for (size_t i = 0; i < 10; i++) {
        write_npz(names[i / 2][0], names[i / 2][1], i % 2);
        td_dataset set = support_open_set("a.npz", "train", NULL);
        assert_int_equal(set.images.count, 3);
        assert_int_equal(set.images.width, 2);
        assert_memory_equal(set.images.pixels, pixels, sizeof pixels);
        assert_int_equal(set.images.labels[2], 4);
        assert_int_equal(set.images.classes, 5);
        assert_string_equal(set.split, i < 8 ? "" : "train");
        assert_string_equal(set.files[0], "a.npz");
        td_dataset_close(&set);
    }
    support_assert_set_refused(
        "a.npz:test", TD_ERR_USAGE,
        "split test: expected an array called test_images, x_test or images");
    write_npz("images.npy", NULL, false);
    support_assert_set_refused(
        "a.npz", TD_ERR_USAGE,
        "expected an array called labels or y beside images.npy, found none");
}

static void test_refuses_broken_npz(void **state) {
    (void)state;
    size_t size;
    write_npz("images.npy", "labels.npy", true);
    char *bytes = support_read("a.npz", &size);
    for (size_t cut = 7; cut < size; cut += 7) {
        support_write("b.npz", bytes, cut);
        support_assert_set_refused("b.npz", TD_ERR_FORMAT,
                                   "b.npz: expected a sound zip archive, found");
    }
    char *data = memmem(bytes, size, "images.npy", 10);
    assert_non_null(data);
    data[14] ^= 0x55;
    support_write("b.npz", bytes, size);
    support_assert_set_refused("b.npz", TD_ERR_FORMAT, "b.npz: images.npy: expected ");
    free(bytes);
    const array floats = make_array("<f4", "(1, 1, 1)", "\0\0\0\0", 4);
    remove("a.npz");
    zip_t *zip = zip_open("a.npz", ZIP_CREATE, NULL);
    add(zip, "images.npy", &floats, false);
    add(zip, "labels.npy", &floats, false);
    assert_int_equal(zip_close(zip), 0);
    support_assert_set_refused(
        "a.npz", TD_ERR_FORMAT,
        "a.npz: images.npy: header: descr: expected '|u1', 8-bit pixels of 0 "
        "to 255, found '<f4'; of values from 0 to 1 save (255 * a)");
}

/* --- STL-10 --- */

enum { SIDE = 96, IMAGE = SIDE * SIDE * 3 };

/* Stored column by column: the value of a pixel is its column, its row, or both together. */
static void write_stl10(const char *folder) {
    uint8_t *bytes = malloc(2 * IMAGE);
    assert_non_null(bytes);
    for (size_t i = 0; i < 2 * IMAGE; i++) {
        const size_t place = i % IMAGE, c = place / (SIDE * SIDE), x = place / SIDE % SIDE,
                     y = place % SIDE;
        bytes[i] = (uint8_t)(c == 0 ? x : c == 1 ? y : x + y + i / IMAGE);
    }
    char path[64];
    snprintf(path, sizeof path, "%s/train_X.bin", folder);
    support_write(path, bytes, 2 * IMAGE);
    snprintf(path, sizeof path, "%s/train_y.bin", folder);
    support_write(path, "\12\1", 2);
    free(bytes);
}

static void test_reads_stl10(void **state) {
    (void)state;
    support_make_folder("s/stl10_binary");
    write_stl10("s/stl10_binary");
    td_dataset set = support_open_set("s", "train", NULL);
    assert_int_equal(set.images.count, 2);
    assert_int_equal(set.images.labels[0], 9);
    assert_int_equal(set.images.labels[1], 0);
    assert_string_equal(set.class_names[9], "truck");
    const uint8_t *pixel = td_image(&set.images, 1) + (7 * SIDE + 50) * 3; /* row 7, column 50 */
    assert_int_equal(pixel[0], 50);
    assert_int_equal(pixel[1], 7);
    assert_int_equal(pixel[2], 58);
    td_dataset_close(&set);
    support_assert_set_refused(
        "s/stl10_binary:test", TD_ERR_USAGE,
        "s/stl10_binary: split test: expected a file test_X.bin, found none");
    support_write("s/stl10_binary/train_y.bin", "\12\13", 2);
    support_assert_set_refused("s", TD_ERR_FORMAT,
                               "train_y.bin: image 1: expected a label from 1 to 10, found 11");
    support_write("s/stl10_binary/train_y.bin", "\12", 1);
    support_assert_set_refused("s", TD_ERR_FORMAT,
                               "train_y.bin: expected 2 labels, one for each image, found 1");
    support_write("s/stl10_binary/train_X.bin", "\12", 1);
    support_assert_set_refused("s", TD_ERR_FORMAT,
                               "train_X.bin: expected whole images of 27648 bytes, at least one, "
                               "found 1 bytes");
}

int main(void) {
    unsetenv("TRAPDOOR_DATA");
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_reads_npz),
        IN_FOLDER(test_refuses_broken_npz),
        IN_FOLDER(test_reads_stl10),
    };
    return cmocka_run_group_tests_name("sets", tests, NULL, NULL);
}
