/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* setenv, symlink */
#include "set_support.h"

#include "data/safetensors.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Four images of 1×2, then their labels. */
static const uint8_t pixels[] = {0, 1, 2, 3, 4, 5, 6, 7};
static const uint8_t labels[] = {2, 0, 1, 2};

static void write_images(const char *path, uint8_t count) {
    uint8_t bytes[16 + 8] = {0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 1, 0, 0, 0, 2};
    memcpy(bytes + 16, pixels, sizeof pixels);
    support_write(path, bytes, 16 + 2u * count);
}

static void write_labels(const char *path, const uint8_t *values, uint8_t count) {
    uint8_t bytes[8 + 4] = {0, 0, 8, 1, 0, 0, 0, count};
    memcpy(bytes + 8, values, count);
    support_write(path, bytes, 8u + count);
}

static void make_idx_folder(const char *folder) {
    char path[256];
    assert_int_equal(mkdir(folder, 0777), 0);
    snprintf(path, sizeof path, "%s/train-images-idx3-ubyte", folder);
    write_images(path, 4);
    snprintf(path, sizeof path, "%s/train-labels-idx1-ubyte", folder);
    write_labels(path, labels, 4);
}

/* A set file with these parts; NULL omits one. */
static void write_set(const td_tensor *images, const td_tensor *label_tensor,
                      const td_tensor *other, const td_metadata *metadata, size_t count) {
    td_tensor tensors[3];
    size_t used = 0;
    if (images)
        tensors[used++] = *images;
    if (label_tensor)
        tensors[used++] = *label_tensor;
    if (other)
        tensors[used++] = *other;
    FILE *stream = fopen("set", "wb");
    assert_non_null(stream);
    assert_int_equal(td_safetensors_write(stream, tensors, used, metadata, count, NULL), TD_OK);
    assert_int_equal(fclose(stream), 0);
}

static const td_tensor good_images = {
    .name = "images", .dtype = TD_U8, .rank = 4, .dims = {4, 1, 2, 1}, .data = pixels};
static const td_tensor good_labels = {
    .name = "labels", .dtype = TD_U8, .rank = 1, .dims = {4}, .data = labels};

static void test_opens_an_idx_folder(void **state) {
    (void)state;
    make_idx_folder("digits");
    td_dataset set = support_open_set("digits", "train", NULL);
    assert_int_equal(set.images.count, 4);
    assert_int_equal(set.images.height, 1);
    assert_int_equal(set.images.width, 2);
    assert_int_equal(set.images.channels, 1);
    assert_int_equal(set.images.classes, 3);
    assert_memory_equal(set.images.pixels, pixels, sizeof pixels);
    assert_int_equal(set.images.labels[0], 2);
    assert_int_equal(set.images.labels[1], 0);
    assert_string_equal(set.name, "digits");
    assert_string_equal(set.split, "train");
    assert_null(set.class_names);
    assert_int_equal(set.file_count, 2);
    assert_string_equal(set.files[0], "digits/train-images-idx3-ubyte");
    assert_string_equal(set.files[1], "digits/train-labels-idx1-ubyte");
    td_dataset_close(&set);
    support_assert_set_refused("digits:test", TD_ERR_USAGE,
                               "digits: split test: expected a file t10k-images-idx3-ubyte");
    write_images("digits/t10k-images-idx3-ubyte.gz", 3); /* not compressed, whatever its name */
    support_assert_set_refused("digits:test", TD_ERR_USAGE,
                               "expected a file t10k-labels-idx1-ubyte");
    write_labels("digits/t10k-labels-idx1-ubyte", labels, 3);
    set = support_open_set("digits", "test", NULL);
    assert_int_equal(set.images.count, 3);
    assert_string_equal(set.split, "test");
    td_dataset_close(&set);
}

static void test_refuses_images_and_labels_that_disagree(void **state) {
    (void)state;
    make_idx_folder("digits");
    write_labels("digits/train-labels-idx1-ubyte", labels, 3);
    support_assert_set_refused("digits", TD_ERR_FORMAT,
                               "digits/train-labels-idx1-ubyte: header: expected as many labels as "
                               "digits/train-images-idx3-ubyte has images, 4, found 3");
}

static void test_takes_split_and_range_from_the_right(void **state) {
    (void)state;
    make_idx_folder("a:b");
    make_idx_folder("a:train");
    static const char *const whole[] = {"a:b", "a:b:train", "./a:b", "a:train:train", "a:b/"};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        td_dataset set = support_open_set(whole[i], "train", NULL);
        assert_int_equal(set.images.count, 4);
        assert_int_equal(set.first, 0);
        td_dataset_close(&set);
    }
    static const char *const parts[] = {"a:b:train:1-3", "a:b::1-3"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        td_dataset set = support_open_set(parts[i], "train", NULL);
        assert_string_equal(set.name, parts[i]);
        assert_int_equal(set.images.count, 2);
        assert_int_equal(set.first, 1);
        assert_int_equal(set.images.pixels[0], 2);
        assert_int_equal(set.images.labels[0], 0);
        assert_int_equal(set.images.classes, 3);
        td_dataset_close(&set);
    }
}

static void test_refuses_ranges(void **state) {
    (void)state;
    make_idx_folder("d");
    support_assert_set_refused(
        "d:train:2-2", TD_ERR_USAGE,
        "d:train:2-2: range: expected A-B with A < B <= 4, the number of images, found "
        "2-2");
    support_assert_set_refused("d:train:3-1", TD_ERR_USAGE, "found 3-1");
    support_assert_set_refused("d:train:0-5", TD_ERR_USAGE,
                               "<= 4, the number of images, found 0-5");
    support_assert_set_refused("d:train:1-", TD_ERR_USAGE,
                               "range: expected A-B, two indices in decimal, found \"1-\"");
    support_assert_set_refused("d:train:-1", TD_ERR_USAGE, "found \"-1\"");
    support_assert_set_refused("d::1", TD_ERR_USAGE, "found \"1\"");
    support_assert_set_refused("d:train:1-2-3", TD_ERR_USAGE, "found \"1-2-3\"");
    support_assert_set_refused("d:train:0-99999999999999999999", TD_ERR_USAGE,
                               "two indices in decimal");
    support_assert_set_refused("d:0-1", TD_ERR_USAGE, "expected NAME or PATH with :train or :test");
    support_assert_set_refused("d:tset", TD_ERR_USAGE, "found \":tset\"");
    support_assert_set_refused("d:train:all", TD_ERR_USAGE, "found \":all\"");
    support_assert_set_refused("d:", TD_ERR_USAGE, "found \":\"");
    support_assert_set_refused("", TD_ERR_USAGE, "expected NAME or PATH, found nothing");
    support_assert_set_refused("::0-1", TD_ERR_USAGE, "expected NAME or PATH, found nothing");
}

static void test_looks_names_up_in_order(void **state) {
    (void)state;
    static const char *const folders[] = {"mine", "shared", "datasets"};
    static const char *const sets[] = {"mine/digits", "shared/digits", "datasets/digits", "digits"};
    static const char *const hidden[] = {"0", "1", "2", "gone"};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(mkdir(folders[i], 0777), 0);
    for (size_t i = 0; i < 4; i++)
        make_idx_folder(sets[i]);
    assert_int_equal(setenv("TRAPDOOR_DATA", "shared", 1), 0);
    for (size_t i = 0; i < 4; i++) {
        td_dataset set = support_open_set("digits", "train", "mine");
        char path[256];
        snprintf(path, sizeof path, "%s/train-images-idx3-ubyte", sets[i]);
        assert_string_equal(set.files[0], path);
        td_dataset_close(&set);
        assert_int_equal(rename(sets[i], hidden[i]), 0);
    }
    support_assert_set_refused(
        "digits", TD_ERR_USAGE,
        "digits: no such file or folder, and no data set of this name in shared, "
        "datasets, /usr/share/datasets");
    assert_int_equal(unsetenv("TRAPDOOR_DATA"), 0);
    assert_int_equal(symlink("gone", "datasets/digits"), 0);
    support_assert_set_refused("digits", TD_ERR_USAGE, "in datasets, /usr/share/datasets");
    assert_int_equal(unlink("datasets/digits"), 0);
    assert_int_equal(symlink("../gone", "datasets/digits"), 0);
    td_dataset set = support_open_set("digits", "train", NULL);
    assert_string_equal(set.files[0], "datasets/digits/train-images-idx3-ubyte");
    td_dataset_close(&set);
}

static void test_says_how_to_get_a_known_set(void **state) {
    (void)state;
    support_assert_set_refused(
        "cifar10:test:0-10", TD_ERR_USAGE,
        "cifar10:test:0-10: no such data set in datasets, /usr/share/datasets; "
        "datasets/fetch cifar10 gets it");
    support_assert_set_refused("gtsrb16", TD_ERR_USAGE, "; datasets/fetch gtsrb gets the set");
    support_assert_set_refused("./mnist", TD_ERR_USAGE, "./mnist: no such file or folder");
}

static void test_knows_the_classes_of_known_sets(void **state) {
    (void)state;
    make_idx_folder("fashion-mnist");
    td_dataset set = support_open_set("./fashion-mnist/", "train", NULL);
    assert_int_equal(set.images.classes, 10);
    assert_string_equal(set.class_names[0], "T-shirt/top");
    assert_string_equal(set.class_names[9], "Ankle boot");
    td_dataset_close(&set);
    static const uint8_t wrong[] = {0, 1, 10, 2};
    write_labels("fashion-mnist/train-labels-idx1-ubyte", wrong, 4);
    support_assert_set_refused("./fashion-mnist", TD_ERR_FORMAT,
                               "label of image 2: expected 0 to 9, found 10");
}

static void test_refuses_unknown_formats(void **state) {
    (void)state;
    support_write_text("text", "some text");
    support_assert_set_refused("text", TD_ERR_FORMAT,
                               "text: expected a data set, found a file of another format; "
                               "`trapdoor-data info --help-data` lists what is read");
    assert_int_equal(mkdir("empty", 0777), 0);
    support_assert_set_refused("empty", TD_ERR_FORMAT,
                               "empty: expected a data set, found an empty folder; ");
    support_write_text("empty/d.md", "");
    support_write_text("empty/c.md", "");
    support_write_text("empty/b.md", "");
    support_assert_set_refused("empty", TD_ERR_FORMAT,
                               "found a folder of other things (b.md, c.md, d.md); ");
    support_write_text("empty/a.idx3", "");
    support_assert_set_refused("empty", TD_ERR_FORMAT,
                               "found an IDX file, a.idx3, which is not called train-images-");
    support_write_text("empty.safetensors", "");
    support_assert_set_refused("empty.safetensors", TD_ERR_FORMAT,
                               "empty.safetensors: header length: expected");
}

static void test_opens_a_safetensors_set(void **state) {
    (void)state;
    static const td_metadata metadata[] = {
        {"classes", "4"}, {"class_names", "[\"a\",\"b\",\"c\",\"d é\"]"}, {"split", "test"}};
    write_set(&good_images, &good_labels, NULL, metadata, 3);
    td_dataset set = support_open_set("set", "train", NULL);
    assert_int_equal(set.images.count, 4);
    assert_int_equal(set.images.width, 2);
    assert_int_equal(set.images.classes, 4);
    assert_string_equal(set.class_names[3], "d é");
    assert_string_equal(set.split, "test");
    assert_int_equal(set.file_count, 1);
    assert_memory_equal(set.images.pixels, pixels, sizeof pixels);
    assert_in_range((uintptr_t)set.images.pixels, (uintptr_t)set.map.data,
                    (uintptr_t)set.map.data + set.map.size);
    assert_int_equal(set.images.labels[3], 2);
    td_dataset_close(&set);
    set = support_open_set("set:test:2-3", "train", NULL);
    assert_int_equal(set.images.pixels[0], 4);
    td_dataset_close(&set);
    support_assert_set_refused("set:train", TD_ERR_USAGE,
                               "set: expected :test, the split that the file holds, found :train");
    support_assert_set_refused("set::0-9", TD_ERR_USAGE, "<= 4, the number of images, found 0-9");
}

static void test_opens_a_bare_safetensors_set(void **state) {
    (void)state;
    static const int64_t wide[] = {0, 299, 1, 2};
    const td_tensor label_tensor = {
        .name = "labels", .dtype = TD_I64, .rank = 1, .dims = {4}, .data = wide};
    write_set(&good_images, &label_tensor, NULL, NULL, 0);
    td_dataset set = support_open_set("set", "train", NULL);
    assert_int_equal(set.images.classes, 300);
    assert_int_equal(set.images.labels[1], 299);
    assert_string_equal(set.split, "");
    td_dataset_close(&set);
    set = support_open_set("set:test", "train", NULL);
    assert_string_equal(set.split, "test");
    td_dataset_close(&set);
    static const td_metadata names = {"class_names", "[\"a\",\"b\",\"c\"]"};
    write_set(&good_images, &good_labels, NULL, &names, 1);
    set = support_open_set("set", "train", NULL);
    assert_int_equal(set.images.classes, 3);
    td_dataset_close(&set);
}

static void assert_images_refused(td_dtype dtype, size_t rank, const size_t *dims,
                                  const char *message) {
    td_tensor tensor = {.name = "images", .dtype = dtype, .rank = rank, .data = pixels};
    memcpy(tensor.dims, dims, rank * sizeof *dims);
    write_set(&tensor, &good_labels, NULL, NULL, 0);
    support_assert_set_refused("set", TD_ERR_FORMAT, message);
}

static void test_refuses_images(void **state) {
    (void)state;
    write_set(NULL, &good_labels, NULL, NULL, 0);
    support_assert_set_refused("set", TD_ERR_FORMAT,
                               "set: expected a tensor \"images\", found none");
    assert_images_refused(TD_F32, 4, (size_t[]){1, 1, 2, 1}, "expected U8 with 4 dimensions");
    assert_images_refused(TD_U8, 3, (size_t[]){4, 1, 2}, "[N,H,W,C], found U8 with 3");
    assert_images_refused(TD_U8, 4, (size_t[]){2, 1, 2, 2}, "expected 1 or 3 channels");
    assert_images_refused(TD_U8, 4, (size_t[]){0, 1, 2, 1}, "one image, found 0x1x2x1");
    assert_images_refused(TD_U8, 4, (size_t[]){4, 0, 2, 1}, "one image, found 4x0x2x1");
    assert_images_refused(TD_U8, 4, (size_t[]){3, 1, 2, 1},
                          "expected a label for each of 3 images, found 4");
    const td_tensor other = {.name = "weights", .dtype = TD_U8, .data = pixels};
    write_set(&good_images, &good_labels, &other, NULL, 0);
    support_assert_set_refused(
        "set", TD_ERR_FORMAT,
        "set: tensor \"weights\": expected a data set, of images and labels only");
}

static void assert_labels_refused(td_dtype dtype, const void *data, const char *classes,
                                  const char *message) {
    const td_tensor tensor = {
        .name = "labels", .dtype = dtype, .rank = 1, .dims = {4}, .data = data};
    const td_metadata metadata = {"classes", classes};
    write_set(&good_images, &tensor, NULL, &metadata, classes ? 1 : 0);
    support_assert_set_refused("set", TD_ERR_FORMAT, message);
}

static void test_refuses_labels(void **state) {
    (void)state;
    write_set(&good_images, NULL, NULL, NULL, 0);
    support_assert_set_refused("set", TD_ERR_FORMAT,
                               "set: expected a tensor \"labels\", found none");
    td_tensor rank = good_labels;
    rank.rank = 2;
    rank.dims[1] = 1;
    write_set(&good_images, &rank, NULL, NULL, 0);
    support_assert_set_refused("set", TD_ERR_FORMAT,
                               "expected U8 or I64 with 1 dimension [N], found U8 with 2");
    static const int64_t wide[] = {0, 1, INT64_C(1) << 32, 0}, negative[] = {0, 0, 0, -1};
    assert_labels_refused(TD_F32, wide, NULL, "found F32 with 1");
    assert_labels_refused(TD_U8, labels, "2", "label of image 0: expected 0 to 1, found 2");
    assert_labels_refused(TD_I64, wide, NULL,
                          "label of image 2: expected 0 to 65535, found 4294967296");
    assert_labels_refused(TD_I64, negative, "3", "label of image 3: expected 0 to 2, found -1");
}

static void assert_metadata_refused(const char *key, const char *value, const char *message) {
    const td_metadata metadata[] = {{key, value}, {"classes", "3"}};
    write_set(&good_images, &good_labels, NULL, metadata, strcmp(key, "classes") == 0 ? 1 : 2);
    support_assert_set_refused("set", TD_ERR_FORMAT, message);
}

static void test_refuses_set_metadata(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "", "0", "-1", "3x", " 3", "65537", "99999999999999999999999", "3\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_metadata_refused("classes", wrong[i],
                                "set: __metadata__: classes: expected a number from 1 to 65536");
    assert_metadata_refused("class_names", "{", "class_names: line 1");
    assert_metadata_refused("class_names", "{}",
                            "expected a JSON array of 1 to 65536 names, found 0");
    assert_metadata_refused("class_names", "[\"a\"]",
                            "expected a name for each of 3 classes, found 1");
    assert_metadata_refused("class_names", "[\"a\",\"b\",3]", "name 2: expected a string");
    assert_metadata_refused("class_names", "[\"a\",\"b\",\"\\u001b[2J\"]", "found one with them");
    assert_metadata_refused("split", "validation",
                            "split: expected train or test, found \"validation\"");
}

static void write_with(const char *path, const td_images *images, const char **names,
                       const char *source, const char *split) {
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(td_dataset_write(stream, images, names, source, split, NULL), TD_OK);
    assert_int_equal(fclose(stream), 0);
}

static void test_writes_what_it_reads(void **state) {
    (void)state;
    static const int32_t values[] = {1, 0, 1, 1};
    static const char *names[] = {"cat", "dog"};
    const td_images images = {4, 1, 2, 1, 2, pixels, values};
    write_with("a", &images, names, "by hand", "test");
    td_dataset set = support_open_set("a", "train", NULL);
    assert_int_equal(set.images.classes, 2);
    assert_string_equal(set.class_names[1], "dog");
    assert_string_equal(set.split, "test");
    assert_memory_equal(set.images.labels, values, sizeof values);
    write_with("b", &set.images, set.class_names, "by hand", set.split);
    size_t size_a, size_b;
    char *a = support_read("a", &size_a), *b = support_read("b", &size_b);
    assert_int_equal(size_a, size_b);
    assert_memory_equal(a, b, size_a);
    free(a);
    free(b);
    td_dataset_close(&set);
    td_safetensors file;
    assert_int_equal(td_safetensors_open(&file, "a", NULL), TD_OK);
    assert_string_equal(td_safetensors_metadata(&file, "source"), "by hand");
    assert_int_equal(td_safetensors_find(&file, "labels")->dtype, TD_U8);
    td_safetensors_close(&file);
}

static void test_writes_many_classes_and_nothing_unknown(void **state) {
    (void)state;
    static const int32_t values[] = {256, 0, 1, 2};
    const td_images images = {4, 1, 2, 1, 257, pixels, values};
    write_with("set", &images, NULL, NULL, "");
    td_safetensors file;
    assert_int_equal(td_safetensors_open(&file, "set", NULL), TD_OK);
    assert_int_equal(td_safetensors_find(&file, "labels")->dtype, TD_I64);
    assert_int_equal(file.metadata_count, 1);
    td_safetensors_close(&file);
    td_dataset set = support_open_set("set", "train", NULL);
    assert_int_equal(set.images.classes, 257);
    assert_memory_equal(set.images.labels, values, sizeof values);
    td_dataset_close(&set);
}

/* Gives one image after the other. */
typedef struct image_giver {
    const td_images *images;
    size_t given;
} image_giver;

static td_status give_image(void *context, const void **piece, size_t *bytes, td_error *error) {
    image_giver *g = context;
    (void)error;
    *piece = td_image(g->images, g->given++);
    *bytes = td_image_size(g->images);
    return TD_OK;
}

static void test_writes_pieces_as_a_whole(void **state) {
    (void)state;
    static const int32_t values[] = {1, 0, 1, 300};
    static const size_t class_counts[] = {301, 2};
    for (size_t i = 0; i < 2; i++) {
        const int32_t few[] = {1, 0, 1, 1};
        td_images images = {4, 1, 2, 1, class_counts[i], pixels, i ? few : values};
        write_with("whole", &images, NULL, "by hand", "test");
        image_giver giver = {&images, 0};
        const td_pieces pieces = {give_image, &giver};
        FILE *stream = fopen("pieces", "wb");
        assert_non_null(stream);
        assert_int_equal(
            td_dataset_write_pieces(stream, &images, &pieces, NULL, "by hand", "test", NULL),
            TD_OK);
        assert_int_equal(fclose(stream), 0);
        size_t size, piece_size;
        char *whole = support_read("whole", &size), *piece = support_read("pieces", &piece_size);
        assert_int_equal(size, piece_size);
        assert_memory_equal(whole, piece, size);
        free(whole);
        free(piece);
    }
}

static void test_refuses_to_write_class_names(void **state) {
    (void)state;
    static const int32_t values[] = {0, 0, 0, 0};
    static const char *bad_text[] = {"a\xff"}, *bad_line[] = {"a\n"};
    const td_images images = {4, 1, 2, 1, 1, pixels, values};
    FILE *stream = fopen("set", "wb");
    assert_non_null(stream);
    td_error error;
    assert_int_equal(td_dataset_write(stream, &images, bad_text, NULL, NULL, &error), TD_ERR_USAGE);
    support_assert_contains(error.message, "class name 0: expected UTF-8 without control");
    assert_int_equal(td_dataset_write(stream, &images, bad_line, NULL, NULL, &error), TD_ERR_USAGE);
    support_assert_contains(error.message, "class name 0: expected UTF-8 without control");
    fclose(stream);
}

static void test_knows_the_names_of_idx_files(void **state) {
    (void)state;
    static const char *const names[][2] = {
        {"train-images.idx3-ubyte", "train-labels.idx1-ubyte"},
        {"Train_Images-idx3-ubyte.gz", "train-labels-idx1-ubyte"},
        {"train-images.idx3", "train-labels.idx1"},
        {"emnist-letters-train-images-idx3-ubyte.gz", "emnist-letters-train-labels-idx1-ubyte.gz"},
        {"train-images-idx3-ubyte/train-images-idx3-ubyte",
         "train-labels-idx1-ubyte/train-labels-idx1-ubyte"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char folder[16], images[128], marks[128];
        snprintf(folder, sizeof folder, "d%zu", i);
        for (int kind = 0; kind < 2; kind++) {
            char *path = kind ? marks : images;
            snprintf(path, sizeof images, "%s/%s", folder, names[i][kind]);
            *strrchr(path, '/') = '\0';
            support_make_folder(path);
            snprintf(path, sizeof images, "%s/%s", folder, names[i][kind]);
        }
        write_images(images, 4);
        write_labels(marks, labels, 4);
        td_dataset set = support_open_set(folder, "train", NULL);
        assert_int_equal(set.images.count, 4);
        assert_int_equal(set.images.labels[0], 2);
        assert_int_equal(set.remarks.transposed, i == 3);
        td_dataset_close(&set);
    }
    assert_int_equal(rename("d3/emnist-letters-train-labels-idx1-ubyte.gz",
                            "d3/emnist-digits-train-labels-idx1-ubyte"),
                     0);
    write_images("d3/emnist-digits-train-images-idx3-ubyte", 4);
    support_assert_set_refused("d3", TD_ERR_FORMAT,
                               "d3: split train: expected the files of one set, found "
                               "emnist-digits-train-images-idx3-ubyte and emnist-letters-train-");
}

static void test_names_emnist_by_its_mapping(void **state) {
    static const struct {
        const char *text, *refused;
    } cases[] = {{"0 48 \r\n1 65 97\n2 66\n", NULL},
                 {"1 65 97\n2 66 98\n", NULL},
                 {"2 66\n", "line 1: expected a label, from 0 or 1 on"},
                 {"0 48\n2 66\n", "line 2: expected a label, from 0 or 1 on"},
                 {"0 48\n1 10\n", "line 2: expected a label"},
                 {"0 48\n1\n", "line 2: expected a label"},
                 {"\n", "expected a line, found none"}};
    (void)state;
    support_make_folder("e");
    write_images("e/emnist-letters-test-images-idx3-ubyte", 4);
    write_labels("e/emnist-letters-test-labels-idx1-ubyte", labels, 4);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        support_write("e/emnist-letters-mapping.txt", cases[i].text, strlen(cases[i].text));
        if (cases[i].refused) {
            support_assert_set_refused("e:test", TD_ERR_FORMAT, cases[i].refused);
            continue;
        }
        td_dataset set = support_open_set("e:test", "test", NULL);
        assert_int_equal(set.images.classes, 3);
        assert_string_equal(set.class_names[0], i == 0 ? "0" : "N/A");
        assert_string_equal(set.class_names[1], "A");
        assert_string_equal(set.class_names[2], "B");
        td_dataset_close(&set);
    }
    support_write("e/emnist-letters-mapping.txt", "0 48\n1 49\n", 10);
    support_assert_set_refused("e:test", TD_ERR_FORMAT,
                               "e: label of image 0: expected 0 to 1, found 2");
}

static void test_remarks_on_dark_sets(void **state) {
    (void)state;
    make_idx_folder("d");
    td_dataset set = support_open_set("d", "train", NULL);
    assert_false(set.remarks.ones);
    td_dataset_close(&set);
    static const uint8_t ones[] = {0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 1,
                                   0, 0, 0, 2, 0, 1, 0, 0, 1, 0, 0, 0};
    support_write("d/train-images-idx3-ubyte", ones, sizeof ones);
    set = support_open_set("d", "train", NULL);
    assert_true(set.remarks.ones);
    td_dataset_close(&set);
}

int main(void) {
    unsetenv("TRAPDOOR_DATA");
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_opens_an_idx_folder),
        IN_FOLDER(test_refuses_images_and_labels_that_disagree),
        IN_FOLDER(test_takes_split_and_range_from_the_right),
        IN_FOLDER(test_refuses_ranges),
        IN_FOLDER(test_looks_names_up_in_order),
        IN_FOLDER(test_says_how_to_get_a_known_set),
        IN_FOLDER(test_knows_the_classes_of_known_sets),
        IN_FOLDER(test_refuses_unknown_formats),
        IN_FOLDER(test_knows_the_names_of_idx_files),
        IN_FOLDER(test_names_emnist_by_its_mapping),
        IN_FOLDER(test_remarks_on_dark_sets),
        IN_FOLDER(test_opens_a_safetensors_set),
        IN_FOLDER(test_opens_a_bare_safetensors_set),
        IN_FOLDER(test_refuses_images),
        IN_FOLDER(test_refuses_labels),
        IN_FOLDER(test_refuses_set_metadata),
        IN_FOLDER(test_writes_what_it_reads),
        IN_FOLDER(test_writes_many_classes_and_nothing_unknown),
        IN_FOLDER(test_writes_pieces_as_a_whole),
        IN_FOLDER(test_refuses_to_write_class_names),
    };
    return cmocka_run_group_tests_name("dataset", tests, NULL, NULL);
}
