/* SPDX-License-Identifier: MIT */
#include "set_support.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PLANE = 32 * 32, PIXELS = 3 * PLANE };

static uint8_t value_at(size_t record, size_t channel, size_t pixel) {
    return (uint8_t)(31 * record + 100 * channel + pixel + pixel / 7);
}

/* Records with these labels, `bytes` of them each. */
static void write_batch(const char *path, const uint8_t *labels, size_t bytes, size_t count) {
    size_t size = bytes + PIXELS;
    uint8_t *records = malloc(count * size);
    assert_non_null(records);
    for (size_t i = 0; i < count; i++) {
        memcpy(records + i * size, labels + i * bytes, bytes);
        for (size_t c = 0; c < 3; c++)
            for (size_t p = 0; p < PLANE; p++)
                records[i * size + bytes + c * PLANE + p] = value_at(labels[i * bytes], c, p);
    }
    support_write(path, records, count * size);
    free(records);
}

/* One record a batch, labels 1 to 5, and two in the test batch. */
static void make_cifar10(const char *folder) {
    char path[256];
    mkdir(folder, 0777);
    for (uint8_t i = 1; i <= 5; i++) {
        snprintf(path, sizeof path, "%s/data_batch_%d.bin", folder, i);
        write_batch(path, &i, 1, 1);
    }
    snprintf(path, sizeof path, "%s/test_batch.bin", folder);
    write_batch(path, (const uint8_t[]){9, 0}, 1, 2);
}

static td_dataset open_set(const char *data) {
    return support_open_set(data, "train", NULL);
}

/* Every pixel of image `index`, which stands for record `record`. */
static void assert_image(const td_dataset *set, size_t index, size_t record) {
    const uint8_t *image = td_image(&set->images, index);
    for (size_t p = 0; p < PLANE; p++)
        for (size_t c = 0; c < 3; c++)
            assert_int_equal(image[3 * p + c], value_at(record, c, p));
}

static void test_reads_the_five_batches_in_order(void **state) {
    (void)state;
    make_cifar10("c");
    td_dataset set = open_set("./c");
    assert_int_equal(set.images.count, 5);
    assert_int_equal(set.images.height, 32);
    assert_int_equal(set.images.width, 32);
    assert_int_equal(set.images.channels, 3);
    assert_int_equal(set.images.classes, 10);
    assert_string_equal(set.class_names[9], "truck");
    assert_string_equal(set.split, "train");
    assert_int_equal(set.file_count, 5);
    assert_string_equal(set.files[4], "./c/data_batch_5.bin");
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(set.images.labels[i], i + 1);
        assert_image(&set, i, i + 1);
    }
    td_dataset_close(&set);
    set = open_set("c:test:1-2");
    assert_int_equal(set.images.count, 1);
    assert_int_equal(set.images.labels[0], 0);
    assert_image(&set, 0, 0);
    td_dataset_close(&set);
}

static void test_reads_as_unpacked_with_its_names(void **state) {
    (void)state;
    assert_int_equal(mkdir("d", 0777), 0);
    make_cifar10("d/cifar-10-batches-bin");
    support_write_text("d/cifar-10-batches-bin/batches.meta.txt",
                       "a0\na1\na2\na3\na4\na5\r\na6\na7\na8\na9\n\n");
    td_dataset set = open_set("d");
    assert_int_equal(set.images.count, 5);
    assert_string_equal(set.class_names[5], "a5");
    assert_string_equal(set.class_names[9], "a9");
    assert_int_equal(set.file_count, 6);
    td_dataset_close(&set);
    support_write_text("d/cifar-10-batches-bin/batches.meta.txt", "a\nb\n");
    support_assert_set_refused(
        "d", TD_ERR_FORMAT,
        "d/cifar-10-batches-bin/batches.meta.txt: expected 10 lines, a name for each "
        "class, found 2");
    support_write_text("d/cifar-10-batches-bin/batches.meta.txt", "a\n\033[2J\n");
    support_assert_set_refused("d", TD_ERR_FORMAT,
                               "name 1: expected UTF-8 without control characters");
    support_write("d/cifar-10-batches-bin/batches.meta.txt", "a\0b\n", 4);
    support_assert_set_refused("d", TD_ERR_FORMAT,
                               "name 0: expected UTF-8 without control characters");
    char *much = calloc(1, 65537);
    assert_non_null(much);
    support_write("d/cifar-10-batches-bin/batches.meta.txt", much, 65537);
    free(much);
    support_assert_set_refused("d", TD_ERR_FORMAT,
                               "expected class names in at most 65536 bytes, found 65537");
}

static void test_takes_the_fine_labels_of_cifar100(void **state) {
    (void)state;
    assert_int_equal(mkdir("d", 0777), 0);
    assert_int_equal(mkdir("d/cifar-100-binary", 0777), 0);
    write_batch("d/cifar-100-binary/train.bin", (const uint8_t[]){19, 99, 0, 42}, 2, 2);
    td_dataset set = open_set("d");
    assert_int_equal(set.images.count, 2);
    assert_int_equal(set.images.classes, 100);
    assert_int_equal(set.images.labels[0], 99);
    assert_int_equal(set.images.labels[1], 42);
    assert_null(set.class_names);
    assert_image(&set, 0, 19);
    assert_image(&set, 1, 0);
    td_dataset_close(&set);
    char names[100 * 4 + 1];
    for (int i = 0; i < 100; i++)
        snprintf(names + (size_t)i * 4, 5, "c%02d\n", i);
    support_write_text("d/cifar-100-binary/fine_label_names.txt", names);
    set = open_set("d/cifar-100-binary");
    assert_string_equal(set.class_names[42], "c42");
    assert_int_equal(set.file_count, 2);
    td_dataset_close(&set);
    support_assert_set_refused(
        "d:test", TD_ERR_USAGE,
        "d/cifar-100-binary: split test: expected a file test.bin, found none");
}

static void test_refuses_labels_out_of_range(void **state) {
    (void)state;
    make_cifar10("c");
    write_batch("c/data_batch_3.bin", (const uint8_t[]){9, 10}, 1, 2);
    support_assert_set_refused("c", TD_ERR_FORMAT,
                               "c/data_batch_3.bin: record 1: label: expected 0 to 9, found 10");
    assert_int_equal(mkdir("d", 0777), 0);
    write_batch("d/train.bin", (const uint8_t[]){20, 0}, 2, 1);
    support_assert_set_refused("d", TD_ERR_FORMAT,
                               "d/train.bin: record 0: coarse label: expected 0 to 19, found 20");
    write_batch("d/train.bin", (const uint8_t[]){1, 2, 19, 100}, 2, 2);
    support_assert_set_refused("d", TD_ERR_FORMAT,
                               "d/train.bin: record 1: fine label: expected 0 to 99, found 100");
}

static void test_refuses_missing_and_cut_files(void **state) {
    (void)state;
    make_cifar10("c");
    size_t size;
    char *batch = support_read("c/data_batch_2.bin", &size);
    support_write("c/data_batch_2.bin", batch, size - 1);
    support_assert_set_refused(
        "c", TD_ERR_FORMAT,
        "c/data_batch_2.bin: expected whole records of 3073 bytes, at least one, found "
        "3072 bytes");
    support_write("c/data_batch_2.bin", batch, 0);
    support_assert_set_refused("c", TD_ERR_FORMAT, "at least one, found 0 bytes");
    free(batch);
    assert_int_equal(remove("c/data_batch_2.bin"), 0);
    support_assert_set_refused("c", TD_ERR_USAGE,
                               "c: split train: expected a file data_batch_2.bin, found none");
    td_dataset set = open_set("c:test");
    assert_int_equal(set.images.count, 2);
    td_dataset_close(&set);
}

/* --- the version for Python --- */

/* A pickle of {"labels": [...], "data": array of bytes [rows, 3072]}, as Python 2 wrote the
 * published files; `type` is the array's. */
static size_t pickle_batch(uint8_t *out, const char *labels_key, const uint8_t *labels, size_t rows,
                           const char *type) {
    size_t size = 0;
#define PUT(text) (memcpy(out + size, text, sizeof(text) - 1), size += sizeof(text) - 1)
    PUT("\x80\2}(U");
    out[size++] = (uint8_t)strlen(labels_key);
    memcpy(out + size, labels_key, strlen(labels_key));
    size += strlen(labels_key);
    PUT("](");
    for (size_t i = 0; i < rows; i++) {
        out[size++] = 'K';
        out[size++] = labels[i];
    }
    PUT("eU\4datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\1b\x87R(K\1K");
    out[size++] = (uint8_t)rows;
    PUT("M\0\x0c\x86"
        "cnumpy\ndtype\nU\2");
    memcpy(out + size, type, 2);
    size += 2;
    PUT("K\0K\1\x87R(K\3U\1|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89T");
    const size_t bytes = rows * PIXELS;
    for (int i = 0; i < 4; i++)
        out[size++] = (uint8_t)(bytes >> (8 * i));
    for (size_t i = 0; i < rows; i++)
        for (size_t c = 0; c < 3; c++)
            for (size_t p = 0; p < PLANE; p++)
                out[size++] = value_at(labels[i], c, p);
    PUT("tbu.");
    return size;
}

static void write_pickle(const char *path, const char *key, const uint8_t *labels, size_t rows,
                         const char *type) {
    static uint8_t file[4 * PIXELS];
    support_write(path, file, pickle_batch(file, key, labels, rows, type));
}

static void test_reads_pickles_as_data(void **state) {
    char path[64];
    (void)state;
    support_make_folder("py/cifar-10-batches-py");
    for (uint8_t i = 1; i <= 5; i++) {
        snprintf(path, sizeof path, "py/cifar-10-batches-py/data_batch_%d", i);
        write_pickle(path, "labels", (const uint8_t[]){i, 0}, 2, "u1");
    }
    td_dataset set = open_set("py");
    assert_int_equal(set.images.count, 10);
    assert_int_equal(set.images.classes, 10);
    assert_string_equal(set.class_names[3], "cat");
    for (size_t i = 0; i < 10; i++) {
        const size_t label = i % 2 ? 0 : i / 2 + 1;
        assert_int_equal(set.images.labels[i], label);
        assert_image(&set, i, label);
    }
    td_dataset_close(&set);
    support_make_folder("hundred");
    write_pickle("hundred/train", "fine_labels", (const uint8_t[]){99}, 1, "u1");
    set = open_set("hundred");
    assert_int_equal(set.images.classes, 100);
    assert_int_equal(set.images.labels[0], 99);
    assert_null(set.class_names);
    td_dataset_close(&set);
}

static void test_refuses_other_pickles(void **state) {
    static const char call[] = "\x80\2cposix\nsystem\nU\4true\x85R.";
    (void)state;
    support_make_folder("py");
    support_write("py/train", call, sizeof call - 1);
    support_assert_set_refused("py", TD_ERR_FORMAT,
                               "py/train: pickle: byte 23: the file calls posix.system, which no "
                               "CIFAR set needs: refused, and not run");
    write_pickle("py/train", "fine_labels", (const uint8_t[]){100}, 1, "u1");
    support_assert_set_refused("py", TD_ERR_FORMAT,
                               "py/train: \"fine_labels\": image 0: expected a label of 0 to 99");
    write_pickle("py/train", "labels", (const uint8_t[]){1}, 1, "u1");
    support_assert_set_refused("py", TD_ERR_FORMAT,
                               "py/train: \"fine_labels\": expected a list of 1 labels, one for "
                               "each image, found none");
    write_pickle("py/train", "fine_labels", (const uint8_t[]){1}, 1, "i1");
    support_assert_set_refused(
        "py", TD_ERR_FORMAT, "py/train: \"data\": expected an array of bytes (uint8), found none");
    support_write("py/meta",
                  "\x80\2}U\x10"
                  "fine_label_names]s.",
                  24);
    write_pickle("py/train", "fine_labels", (const uint8_t[]){1}, 1, "u1");
    support_assert_set_refused("py", TD_ERR_FORMAT,
                               "py/meta: \"fine_label_names\": expected a list of 100 names");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_reads_the_five_batches_in_order),
        IN_FOLDER(test_reads_as_unpacked_with_its_names),
        IN_FOLDER(test_takes_the_fine_labels_of_cifar100),
        IN_FOLDER(test_refuses_labels_out_of_range),
        IN_FOLDER(test_refuses_missing_and_cut_files),
        IN_FOLDER(test_reads_pickles_as_data),
        IN_FOLDER(test_refuses_other_pickles),
    };
    return cmocka_run_group_tests_name("cifar", tests, NULL, NULL);
}
