/* SPDX-License-Identifier: MIT */
/* Pictures with an index of their labels. */
#define _GNU_SOURCE /* symlink */
#include "set_support.h"

#include "data/index.h"
#include "data/listing.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Pictures 1x1; the value of each says which it is. */
static void write_pixel(const char *path, unsigned value) {
    support_write_picture(path, 1, 1, 1, value);
}

static void make_pictures(const char *folder, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/%u.pgm", folder, i);
        write_pixel(path, i + 1);
    }
}

static void assert_set(const char *data, const char *split, size_t count, const int32_t *labels,
                       const uint8_t *pixels, size_t classes, const char *first_class) {
    td_dataset set = support_open_set(data, "train", NULL);
    assert_string_equal(set.split, split);
    assert_int_equal(set.images.count, count);
    assert_int_equal(set.images.classes, classes);
    assert_string_equal(set.class_names[0], first_class);
    assert_memory_equal(set.images.labels, labels, count * sizeof *labels);
    assert_memory_equal(set.images.pixels, pixels, count);
    td_dataset_close(&set);
}

/* Any separator, with or without a header and extensions, in either order. */
static void test_reads_two_columns(void **state) {
    (void)state;
    static const char *const texts[] = {
        "0.pgm,dog\n1.pgm,cat\n2.pgm,dog\n",
        "id,breed\r\n0,dog\r\n1,cat\r\n2,dog\r\n",
        "\357\273\2770.pgm\tdog\n1.pgm\tcat\n2.pgm\tdog",
        "dog;0.pgm\n\ncat;1.pgm\ndog;2.pgm\n",
        "0.pgm dog\n1.pgm   cat \n2.pgm dog\n\n",
        "\"0.pgm\",\"dog\"\n\"1.pgm\",\"cat\"\n2.pgm,\"dog\"\n",
        "file,label,width\n0.pgm,dog,1\n1.pgm,cat,1\n2.pgm,dog,1\n",
        "./0.pgm dog\n./1.pgm cat\n./2.pgm dog\n",
        "  \n0.pgm dog\n \t\n 1.pgm cat\n2.pgm dog\n ",
        "  \n0.pgm,dog\n \n 1.pgm,cat\n2.pgm,dog\n",
        ",image_id,CLASS\n0,0.pgm,dog\n1,1.pgm,cat\n2,2.pgm,dog\n",
    };
    make_pictures("d", 4);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        support_write_text("d/labels.csv", texts[i]);
        assert_set("d", "", 3, (int32_t[]){1, 0, 1}, (uint8_t[]){1, 2, 3}, 2, "cat");
    }
    assert_int_equal(rename("d/labels.csv", "labels.csv"), 0); /* beside the folder */
    assert_set("d", "", 3, (int32_t[]){1, 0, 1}, (uint8_t[]){1, 2, 3}, 2, "cat");
    support_assert_set_refused(
        "d:test", TD_ERR_USAGE,
        "d: split test: expected an index file of the split, called train or "
        "test, found ./labels.csv alone");
    assert_set("d::1-2", "", 1, (int32_t[]){0}, (uint8_t[]){2}, 2, "cat");
}

/* As Tiny-ImageNet: val_annotations.txt above images/, and train/CLASS/images/. */
static void test_reads_tiny_imagenet(void **state) {
    (void)state;
    make_pictures("tiny/val/images", 3);
    support_write_text("tiny/val/val_annotations.txt",
                       "0.pgm\tn2\t0\t32\t44\t62\n1.pgm\tn1\t5\t1\t1\t1\n2.pgm\tn2\t0\t0\t1\t1\n");
    write_pixel("tiny/train/n1/images/a.pgm", 10);
    write_pixel("tiny/train/n2/images/a.pgm", 20);
    write_pixel("tiny/train/n3/images/a.pgm", 30);
    support_write_text("tiny/train/n1/n1_boxes.txt", "a.pgm\t0\t0\t1\t1\n");
    write_pixel("tiny/test/images/a.pgm", 40);
    support_write_text("tiny/words.txt", "n1\tcat\nn2\tdog\n");
    assert_set("tiny/val", "test", 3, (int32_t[]){1, 0, 1}, (uint8_t[]){1, 2, 3}, 2, "n1");
    assert_set("tiny/val/images", "", 3, (int32_t[]){1, 0, 1}, (uint8_t[]){1, 2, 3}, 2, "n1");
    assert_set("tiny/train", "", 3, (int32_t[]){0, 1, 2}, (uint8_t[]){10, 20, 30}, 3, "n1");
    assert_set("tiny", "train", 3, (int32_t[]){0, 1, 2}, (uint8_t[]){10, 20, 30}, 3, "n1");
    /* val/, since the pictures of test/ have no labels; classes are those of train/. */
    assert_set("tiny:test", "test", 3, (int32_t[]){1, 0, 1}, (uint8_t[]){1, 2, 3}, 3, "n1");
    support_assert_set_refused("tiny/test", TD_ERR_FORMAT,
                               "found pictures in one folder alone (tiny/test/images), without an "
                               "index of their labels; ");
    td_listing listing;
    td_error error = {""};
    bool found;
    assert_int_equal(td_listing_open(&listing, &found, "tiny/val", "train", NULL, &error), TD_OK);
    assert_string_equal(listing.root, "tiny/val");
    assert_string_equal(listing.indices[0], "tiny/val/val_annotations.txt");
    assert_null(listing.indices[1]);
    td_listing_close(&listing);
}

/* An index per split, whose pictures are in folders with the same names. */
static void test_reads_an_index_a_split(void **state) {
    (void)state;
    make_pictures("d/train", 2);
    write_pixel("d/test_images/9.pgm", 9);
    support_write_text("d/Train.csv", "id,label\n0,b\n1,c\n");
    support_write_text("d/test.csv", "id,label\n9.pgm,a\n");
    support_write_text("d/README.txt", "see train/0.pgm for a picture\n");
    assert_set("d", "train", 2, (int32_t[]){1, 2}, (uint8_t[]){1, 2}, 3, "a");
    assert_set("d:test", "test", 1, (int32_t[]){0}, (uint8_t[]){9}, 3, "a");
    write_pixel("d/val/8.pgm", 8);
    support_write_text("d/val.csv", "8,b\n"); /* test comes before val */
    assert_set("d:test", "test", 1, (int32_t[]){0}, (uint8_t[]){9}, 3, "a");
    assert_int_equal(unlink("d/test.csv"), 0);
    assert_set("d:test", "test", 1, (int32_t[]){0}, (uint8_t[]){8}, 2, "b");
    support_write_text("d/my_train.txt", "0 b\n1 c\n");
    support_assert_set_refused(
        "d", TD_ERR_FORMAT,
        "d: expected one index file of the split train, found d/Train.csv and d/my_train.txt");
}

/* Numbers are the classes' indices, from 0 or 1 on. */
static void test_takes_numbers_as_classes(void **state) {
    (void)state;
    make_pictures("d", 4);
    support_write_text("d/l.csv", "0.pgm,10\n1.pgm,2\n2.pgm,0\n");
    assert_set("d", "", 3, (int32_t[]){10, 2, 0}, (uint8_t[]){1, 2, 3}, 11, "0");
    support_write_text("d/l.csv", "0.pgm,3\n1.pgm,2\n2.pgm,1\n");
    assert_set("d", "", 3, (int32_t[]){2, 1, 0}, (uint8_t[]){1, 2, 3}, 3, "1");
    support_write_text("d/l.csv", "0.pgm,1\n1.pgm,3\n2.pgm,3\n");
    assert_set("d", "", 3, (int32_t[]){1, 3, 3}, (uint8_t[]){1, 2, 3}, 4, "0");
    support_write_text("d/l.csv", "0.pgm,10\n1.pgm,2\n2.pgm,x\n"); /* names after all */
    assert_set("d", "", 3, (int32_t[]){0, 1, 2}, (uint8_t[]){1, 2, 3}, 3, "10");
}

/* A first line is a header unless it names a picture, which is then missing. */
static void test_takes_no_missing_picture_for_a_header(void **state) {
    (void)state;
    make_pictures("h", 2);
    support_write_text("h/l.csv", "7.pgm,a\n0.pgm,a\n1.pgm,b\n");
    support_assert_set_refused("h", TD_ERR_FORMAT,
                               "h/l.csv: line 1: expected a picture in h, found no such file: "
                               "\"7.pgm\"");
    support_write_text("h/l.csv", "../x.pgm,a\n0.pgm,a\n");
    support_assert_set_refused("h", TD_ERR_FORMAT,
                               "line 1: expected a picture in h, found no such file: \"../x.pgm\"");
}

static void test_refuses_rows(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"../x.pgm,a",
         "d/l.csv: line 2: expected a picture in d, found no such file: \"../x.pgm\""},
        {"/etc/passwd.pgm,a", "line 2: expected a picture in d, found no such file: \"/etc/"},
        {"sub/../../x.pgm,a", "line 2: expected a picture in d"},
        {"..\\x.pgm,a", "line 2: expected a picture in d"},
        {"7.pgm,a", "line 2: expected a picture in d, found no such file: \"7.pgm\""},
        {"0.pgm,a", "line 2: expected each picture once, found d/0.pgm, which line 1 has as well"},
        {"./0.pgm,a", "line 2: expected each picture once"},
        {"1.pgm", "line 2: expected 2 columns, found 1"},
        {"1.pgm,a,b", "line 2: expected 2 columns, found 3"},
        {"1.pgm,", "line 2: expected a label, found none"},
        {"\"1.pgm,a", "line 2: expected a quote and a separator at the end of a field"},
        {"1.pgm,a\x01", "line 2: expected text, found a control character"},
        {"1.pgm,a\xff", "line 2: expected names in UTF-8, found other bytes"},
        {"1.pgm,Dog", "line 2: expected labels that differ by more than case, found \"dog\", and "
                      "\"Dog\" on line 2"},
        {"loop.pgm,a", "line 2: expected a picture in d, found no such file: \"loop.pgm\""},
    };
    make_pictures("d", 2);
    write_pixel("x.pgm", 0);
    support_make_folder("d/sub");
    assert_int_equal(symlink("loop.pgm", "d/loop.pgm"), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[128];
        snprintf(text, sizeof text, "0.pgm,dog\n%s\n", rows[i][0]);
        support_write_text("d/l.csv", text);
        if (strstr(rows[i][1], "more than case"))
            support_assert_set_refused("d", TD_ERR_FORMAT, "labels that differ by more than case");
        else
            support_assert_set_refused("d", TD_ERR_FORMAT, rows[i][1]);
    }
    char wide[9000];
    memset(wide, 'a', sizeof wide - 1);
    memcpy(wide, "0.pgm,d\n", 8);
    wide[sizeof wide - 1] = '\0';
    support_write_text("d/l.csv", wide);
    support_assert_set_refused("d", TD_ERR_FORMAT, "line 2: expected less than 8192 bytes");
}

/* Letters are classes of their own. */
static void test_letters_may_differ_by_case(void **state) {
    (void)state;
    make_pictures("d", 2);
    support_write_text("d/l.csv", "0.pgm,a\n1.pgm,A\n");
    assert_set("d", "", 2, (int32_t[]){1, 0}, (uint8_t[]){1, 2}, 2, "A");
}

static void test_names_an_index_that_cannot_be_used(void **state) {
    (void)state;
    make_pictures("d", 2);
    support_write_text("d/labels.csv", "7.pgm,cat\n8.pgm,dog\n");
    support_assert_set_refused("d", TD_ERR_FORMAT,
                               "d: expected a data set, found an index that cannot be used "
                               "(d/labels.csv: line 2: expected a picture that is in d, ");
    support_write_text("d/labels.csv", "name,a,b\n0.pgm,1,2\n1.pgm,3,4\n");
    support_assert_set_refused("d", TD_ERR_FORMAT,
                               "line 1: expected two columns, or one called label, class");
}

/* A text file beside class folders that is not an index of them has no effect. */
static void test_other_texts_are_no_index(void **state) {
    (void)state;
    write_pixel("d/cat/1.pgm", 1);
    write_pixel("d/dog/1.pgm", 2);
    support_write_text("d/README.txt", "Two pictures. See cat/ and dog/\n");
    support_write_text("d/classes.txt", "0 cat\n1 dog\n");
    support_write_text("d/stats.csv", "name,count\ncat,1\ndog,1\n");
    support_write_text("d/empty.csv", "");
    assert_set("d", "", 2, (int32_t[]){0, 1}, (uint8_t[]){1, 2}, 2, "cat");
}

static void test_reads_many_rows(void **state) {
    (void)state;
    enum { ROWS = 2000, ROW = 24 };
    make_pictures("d", ROWS);
    char *text = malloc(ROWS * ROW);
    assert_non_null(text);
    size_t used = 0;
    for (unsigned i = 0; i < ROWS; i++)
        used += (size_t)snprintf(text + used, ROW, "%u.pgm,c%u\n", i, i % 7);
    support_write_text("d/l.csv", text);
    td_listing listing;
    td_error error = {""};
    bool found;
    assert_int_equal(td_listing_open(&listing, &found, "d", "train", NULL, &error), TD_OK);
    assert_int_equal(listing.count, ROWS);
    for (unsigned i = 0; i < ROWS; i++)
        assert_int_equal(listing.images[i].label, i % 7);
    td_listing_close(&listing);
    used = 0;
    for (unsigned i = 0; i < ROWS; i++)
        used += (size_t)snprintf(text + used, ROW, "%u.pgm,%u.5\n", i, i);
    support_write_text("d/l.csv", text);
    support_assert_set_refused(
        "d", TD_ERR_FORMAT,
        "d/l.csv: expected classes of several pictures, at most 65536, found "
        "2000 labels for 2000 pictures");
    free(text);
}

static void make_birds(void) {
    write_pixel("cub/images/001.Auk/a.pgm", 1);
    write_pixel("cub/images/001.Auk/b.pgm", 2);
    write_pixel("cub/images/002.Tit/a.pgm", 3);
    support_write_text("cub/images.txt", "1 001.Auk/a.pgm\n2 001.Auk/b.pgm\n3 002.Tit/a.pgm\n");
    support_write_text("cub/image_class_labels.txt", "1 1\n2 1\n3 2\n");
    support_write_text("cub/classes.txt", "1 001.Auk\n2 002.Tit\n");
    support_write_text("cub/train_test_split.txt", "1 1\n2 0\n3 1\n");
    support_write_text("cub/bounding_boxes.txt", "1 0.0 0.0 1.0 1.0\n");
}

static void test_reads_birds(void **state) {
    (void)state;
    make_birds();
    assert_set("cub", "train", 2, (int32_t[]){0, 1}, (uint8_t[]){1, 3}, 2, "001.Auk");
    assert_set("cub:test", "test", 1, (int32_t[]){0}, (uint8_t[]){2}, 2, "001.Auk");
    assert_set("cub/images", "", 3, (int32_t[]){0, 0, 1}, (uint8_t[]){1, 2, 3}, 2, "001.Auk");
    assert_int_equal(unlink("cub/train_test_split.txt"), 0);
    assert_int_equal(unlink("cub/classes.txt"), 0);
    assert_set("cub", "", 3, (int32_t[]){0, 0, 1}, (uint8_t[]){1, 2, 3}, 2, "1");
    support_assert_set_refused("cub:test", TD_ERR_USAGE,
                               "cub: split test: expected a file train_test_split.txt, found none");
}

static void test_refuses_broken_birds(void **state) {
    (void)state;
    static const char *const breaks[][3] = {
        {"images.txt", "1 ../x.pgm\n2 001.Auk/b.pgm\n3 002.Tit/a.pgm\n",
         "cub/images.txt: image 1: expected a picture in cub/images, found no such file: "
         "\"../x.pgm\""},
        {"images.txt", "1 /x.pgm\n2 001.Auk/b.pgm\n3 002.Tit/a.pgm\n",
         "image 1: expected a picture"},
        {"images.txt", "2 001.Auk/a.pgm\n",
         "cub/images.txt: line 1: expected the number 1 and one word"},
        {"image_class_labels.txt", "1 1\n2 1\n3 3\n",
         "cub/image_class_labels.txt: image 3: expected a class from 1 to 2, found \"3\""},
        {"image_class_labels.txt", "1 0\n2 1\n3 2\n", "image 1: expected a class from 1 to 2"},
        {"image_class_labels.txt", "1 1\n",
         "cub/image_class_labels.txt: expected 3 lines as images.txt has, found 1"},
        {"train_test_split.txt", "1 7\n2 7\n3 7\n",
         "cub: expected pictures of the split train, found none"},
    };
    write_pixel("x.pgm", 0);
    for (size_t i = 0; i < sizeof breaks / sizeof *breaks; i++) {
        char path[64];
        make_birds();
        snprintf(path, sizeof path, "cub/%s", breaks[i][0]);
        support_write_text(path, breaks[i][1]);
        support_assert_set_refused("cub", TD_ERR_FORMAT, breaks[i][2]);
    }
}

int main(void) {
    unsetenv("TRAPDOOR_DATA");
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_reads_two_columns),
        IN_FOLDER(test_reads_tiny_imagenet),
        IN_FOLDER(test_reads_an_index_a_split),
        IN_FOLDER(test_takes_numbers_as_classes),
        IN_FOLDER(test_takes_no_missing_picture_for_a_header),
        IN_FOLDER(test_refuses_rows),
        IN_FOLDER(test_letters_may_differ_by_case),
        IN_FOLDER(test_names_an_index_that_cannot_be_used),
        IN_FOLDER(test_other_texts_are_no_index),
        IN_FOLDER(test_reads_many_rows),
        IN_FOLDER(test_reads_birds),
        IN_FOLDER(test_refuses_broken_birds),
    };
    return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
