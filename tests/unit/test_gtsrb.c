/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* unsetenv, rename */
#include "set_support.h"

#include "data/gtsrb_csv.h"
#include "data/listing.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\n"
#define TRAINING "signs/GTSRB/Final_Training/Images"
#define TEST "signs/GTSRB/Final_Test"

/* Training: classes 1, 17 and 20 with 2, 1 and 1 pictures; test: one each of 17, 2, 20. */
static void make_signs(void) {
    support_write_picture(TRAINING "/00001/a.ppm", 4, 2, 3, 0);
    support_write_picture(TRAINING "/00001/b.ppm", 4, 2, 3, 10);
    support_write_picture(TRAINING "/00017/a.ppm", 4, 2, 3, 20);
    support_write_picture(TRAINING "/00020/a.ppm", 4, 2, 3, 30);
    support_write_text(TRAINING "/00001/GT-00001.csv",
                       HEADER "b.ppm;4;2;1;0;3;2;1\na.ppm;8;4;2;1;8;3;1\n");
    support_write_text(TRAINING "/00017/GT-00017.csv", HEADER "a.ppm;4;2;0;0;4;2;17\r\n");
    support_write_text(TRAINING "/00020/GT-00020.csv", HEADER "a.ppm;4;2;0;0;4;2;20");
    support_write_text(TRAINING "/Readme.txt", "words");
    support_write_picture(TEST "/Images/00000.ppm", 4, 2, 3, 40);
    support_write_picture(TEST "/Images/00001.ppm", 4, 2, 3, 50);
    support_write_picture(TEST "/Images/00002.ppm", 4, 2, 3, 60);
    support_write_text(TEST "/GT-final_test.csv", HEADER "00000.ppm;4;2;0;0;4;2;17\n"
                                                         "00001.ppm;4;2;0;0;4;2;2\n"
                                                         "00002.ppm;4;2;0;0;4;2;20\n");
}

static void assert_labels(const td_dataset *set, size_t count, const int32_t *labels,
                          const uint8_t *first_values) {
    assert_int_equal(set->images.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(set->images.labels[i], labels[i]);
        assert_int_equal(td_image(&set->images, i)[0], first_values[i]);
    }
}

static void test_opens_the_whole_benchmark(void **state) {
    (void)state;
    make_signs();
    static const char *const places[] = {"signs", "signs/GTSRB", "./signs/"};
    for (size_t i = 0; i < 3; i++) {
        td_dataset set = support_open_set(places[i], "train", NULL);
        assert_labels(&set, 4, (int32_t[]){1, 1, 17, 20}, (uint8_t[]){10, 0, 20, 30});
        assert_int_equal(set.images.classes, 43);
        assert_string_equal(set.class_names[0], "20 km/h");
        assert_string_equal(set.class_names[17], "no entry");
        assert_string_equal(set.class_names[42], "end of no passing over 3.5 t");
        assert_string_equal(set.split, "train");
        assert_int_equal(set.folder_files, 7);
        td_dataset_close(&set);
    }
    td_dataset set = support_open_set("signs:test", "train", NULL);
    assert_labels(&set, 3, (int32_t[]){17, 2, 20}, (uint8_t[]){40, 50, 60});
    assert_string_equal(set.split, "test");
    assert_string_equal(set.folder, "signs/GTSRB");
    td_dataset_close(&set);
}

static void test_opens_the_part_with_16_classes(void **state) {
    (void)state;
    make_signs();
    support_make_folder("datasets");
    assert_int_equal(rename("signs", "datasets/gtsrb"), 0);
    td_dataset set = support_open_set("gtsrb16", "train", NULL);
    assert_labels(&set, 3, (int32_t[]){0, 0, 8}, (uint8_t[]){10, 0, 20});
    assert_int_equal(set.images.classes, 16);
    assert_string_equal(set.class_names[8], "no entry");
    assert_int_equal(set.folder_files, 5);
    td_dataset_close(&set);
    set = support_open_set("gtsrb16:test:1-2", "train", NULL);
    assert_labels(&set, 1, (int32_t[]){1}, (uint8_t[]){50});
    assert_int_equal(set.first, 1);
    td_dataset_close(&set);
    set = support_open_set("gtsrb", "train", NULL);
    assert_int_equal(set.images.classes, 43);
    td_dataset_close(&set);
    assert_int_equal(rename("datasets/gtsrb", "datasets/gtsrb16"), 0);
    static const char *const names[] = {"gtsrb16", "datasets/gtsrb16", "datasets/gtsrb16/"};
    for (size_t i = 0; i < 3; i++) {
        set = support_open_set(names[i], "train", NULL);
        assert_int_equal(set.images.classes, 16);
        td_dataset_close(&set);
    }
    /* A place named first counts more than the name of the folder there. */
    support_make_folder("mine");
    assert_int_equal(rename("datasets/gtsrb16", "mine/gtsrb"), 0);
    support_make_folder("datasets/gtsrb16");
    set = support_open_set("gtsrb16", "train", "mine");
    assert_string_equal(set.folder, "mine/gtsrb/GTSRB");
    td_dataset_close(&set);
}

/* The expected value is that of `cd signs/GTSRB && sha256sum Final_Test/GT-final_test.csv
 * Final_Test/Images/0000[0-2].ppm | sha256sum`. */
static void test_counts_the_index_among_the_files(void **state) {
    (void)state;
    make_signs();
    td_dataset set = support_open_set("signs:test", "train", NULL);
    assert_int_equal(set.folder_files, 4);
    assert_string_equal(set.folder_digest.hex,
                        "ffe4f597872613f4abe71f4d0aa3e75cd5ecc04138a1ffb9e7e50075b160b2f4");
    td_dataset_close(&set);
}

static void test_cuts_to_the_box_of_the_sign(void **state) {
    (void)state;
    td_listing listing;
    td_error error = {""};
    bool found;
    make_signs();
    assert_int_equal(td_listing_open(&listing, &found, "signs", "train", NULL, &error), TD_OK);
    assert_true(found);
    assert_string_equal(listing.indices[0], TRAINING "/00001/GT-00001.csv");
    assert_string_equal(listing.indices[2], TRAINING "/00020/GT-00020.csv");
    assert_null(listing.indices[3]);
    assert_int_equal(listing.images[1].width, 8);
    assert_int_equal(listing.images[1].box.right, 8);
    /* b.ppm is as large as its index says: columns 1 and 2. */
    uint8_t pixels[24];
    assert_int_equal(
        td_listing_read(&listing, 0, true, &(td_fit){2, 2, 3, TD_NEAREST}, pixels, &error), TD_OK);
    assert_memory_equal(pixels, "\15\16\17\20\21\22\31\32\33\34\35\36", 12);
    /* a.ppm is half as large: columns 1 to 3; rows [0.5, 1.5) become [1, 2). */
    assert_int_equal(
        td_listing_read(&listing, 1, true, &(td_fit){1, 3, 3, TD_NEAREST}, pixels, &error), TD_OK);
    assert_memory_equal(pixels, "\17\20\21\22\23\24\25\26\27", 9);
    assert_int_equal(
        td_listing_read(&listing, 1, false, &(td_fit){2, 4, 3, TD_NEAREST}, pixels, &error), TD_OK);
    assert_int_equal(pixels[0], 0);
    assert_int_equal(pixels[23], 23);
    td_listing_close(&listing);
}

static void test_scales_a_box_to_one_pixel_at_least(void **state) {
    (void)state;
    td_listing listing;
    td_error error = {""};
    bool found;
    make_signs();
    support_write_text(TRAINING "/00001/GT-00001.csv",
                       HEADER "a.ppm;400;200;0;0;1;1;1\nb.ppm;400;200;399;199;400;200;1\n");
    assert_int_equal(td_listing_open(&listing, &found, "signs", "train", NULL, &error), TD_OK);
    uint8_t pixel[3];
    const td_fit fit = {1, 1, 3, TD_BOX};
    assert_int_equal(td_listing_read(&listing, 0, true, &fit, pixel, &error), TD_OK);
    assert_memory_equal(pixel, "\0\1\2", 3);
    assert_int_equal(td_listing_read(&listing, 1, true, &fit, pixel, &error), TD_OK);
    assert_memory_equal(pixel, "\37\40\41", 3);
    td_listing_close(&listing);
}

static void test_finds_the_index_of_the_test_set(void **state) {
    (void)state;
    make_signs();
    static const char *const places[] = {TEST "/Images/GT-final_test.csv",
                                         "signs/GTSRB/GT-final_test.csv",
                                         "signs/GT-final_test.csv"};
    const char *place = TEST "/GT-final_test.csv";
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(rename(place, places[i]), 0);
        td_dataset set = support_open_set("signs:test", "train", NULL);
        assert_int_equal(set.images.count, 3);
        td_dataset_close(&set);
        place = places[i];
    }
    /* Nothing above the folder that was given is read. */
    support_assert_set_refused("signs/GTSRB:test", TD_ERR_USAGE,
                               "signs/GTSRB: expected an index Final_Test/GT-final_test.csv");
    assert_int_equal(unlink(place), 0);
    support_assert_set_refused("signs:test", TD_ERR_USAGE, "found none");
    support_write_text(TEST "/Images/GT-final_test.test.csv", "");
    support_assert_set_refused("signs:test", TD_ERR_USAGE,
                               "found GT-final_test.test.csv, which lacks it");
}

static void test_refuses_folders(void **state) {
    (void)state;
    make_signs();
    support_make_folder(TRAINING "/00043");
    support_assert_set_refused("signs", TD_ERR_FORMAT,
                               TRAINING ": expected class folders 00000 to 00042, found \"00043\"");
    assert_int_equal(rmdir(TRAINING "/00043"), 0);
    support_make_folder(TRAINING "/00002");
    support_assert_set_refused("signs", TD_ERR_IO, TRAINING "/00002/GT-00002.csv: No such file");
    assert_int_equal(rmdir(TRAINING "/00002"), 0);
    support_write_text(TEST "/GT-final_test.csv", HEADER);
    support_assert_set_refused("signs:test", TD_ERR_FORMAT,
                               "signs/GTSRB: expected pictures of the classes of gtsrb, found "
                               "none");
    assert_int_equal(rename("signs/GTSRB/Final_Training", "elsewhere"), 0);
    support_assert_set_refused(
        "signs", TD_ERR_USAGE,
        "signs/GTSRB: split train: expected a folder Final_Training/Images, found none");
}

static void assert_index_refused(const char *text, const char *message) {
    support_write_text(TRAINING "/00017/GT-00017.csv", text);
    support_assert_set_refused("signs", TD_ERR_FORMAT, message);
}

static void test_refuses_index_lines(void **state) {
    (void)state;
    make_signs();
    static const char file[] = TRAINING "/00017/GT-00017.csv: ";
    char message[256];
    snprintf(message, sizeof message, "%sline 2: ClassId: expected 17, the folder's, found 1",
             file);
    assert_index_refused(HEADER "a.ppm;4;2;0;0;4;2;1\n", message);
    snprintf(message, sizeof message,
             "%sline 3: expected a picture " TRAINING "/00017/b.ppm, found none", file);
    assert_index_refused(HEADER "a.ppm;4;2;0;0;4;2;17\nb.ppm;4;2;0;0;4;2;17\n", message);
    snprintf(message, sizeof message, "%sline 1: expected a column ClassId, found none", file);
    assert_index_refused("Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2\n", message);
}

static void assert_parse_fails(const char *text, size_t size, const char *message) {
    td_arena arena = {0};
    td_gtsrb_row *rows;
    size_t count;
    td_error error = {""};
    /* A copy of exactly this size, so that a sanitizer sees reads past its end. */
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    assert_int_equal(td_gtsrb_parse(&rows, &count, copy, size, &arena, &error), TD_ERR_FORMAT);
    support_assert_contains(error.message, message);
    assert_null(strchr(error.message, '\n'));
    free(copy);
    td_arena_free(&arena);
}

static void test_parse_refuses_lines(void **state) {
    (void)state;
    static const char *const lines[][2] = {
        {"", "expected 8 columns, found 1"},
        {"a.ppm;4;2;0;0;4;2", "line 2: expected 8 columns, found 7"},
        {"a.ppm;4;2;0;0;4;2;1;", "line 2: expected 8 columns, found 9"},
        {";4;2;0;0;4;2;1", "line 2: Filename: expected the name of a picture"},
        {"../a.ppm;4;2;0;0;4;2;1", "in the same folder, found \"../a.ppm\""},
        {"/etc/a.ppm;4;2;0;0;4;2;1", "found \"/etc/a.ppm\""},
        {"b/a.ppm;4;2;0;0;4;2;1", "found \"b/a.ppm\""},
        {"..;4;2;0;0;4;2;1", "found \"..\""},
        {"a.txt;4;2;0;0;4;2;1", "found \"a.txt\""},
        {"a\x1b.ppm;4;2;0;0;4;2;1", "found \"a?.ppm\""},
        {"a.ppm;;2;0;0;4;2;1", "Width: expected a number from 1 to 16384, found \"\""},
        {"a.ppm;0;2;0;0;4;2;1", "Width: expected a number from 1 to 16384, found \"0\""},
        {"a.ppm;4;-2;0;0;4;2;1", "Height: expected a number from 1 to 16384, found \"-2\""},
        {"a.ppm;4;2x;0;0;4;2;1", "Height: expected a number from 1 to 16384, found \"2x\""},
        {"a.ppm;4;99999999999999999999;0;0;4;2;1", "found \"99999999999999999999\""},
        {"a.ppm;4;2;4;0;4;2;1", "Roi.X1: expected a number from 0 to 3, found \"4\""},
        {"a.ppm;4;2;0;2;4;2;1", "Roi.Y1: expected a number from 0 to 1, found \"2\""},
        {"a.ppm;4;2;1;0;1;2;1", "Roi.X2: expected a number from 2 to 4, found \"1\""},
        {"a.ppm;4;2;1;0;5;2;1", "Roi.X2: expected a number from 2 to 4, found \"5\""},
        {"a.ppm;4;2;1;0;4;3;1", "Roi.Y2: expected a number from 1 to 2, found \"3\""},
        {"a.ppm;4;2;1;0;4;2;43", "ClassId: expected a number from 0 to 42, found \"43\""},
        {"a.ppm;4;2;1;0;4;2;00001 ", "ClassId: expected a number from 0 to 42, found \"00001 \""},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char text[256];
        int size = snprintf(text, sizeof text, HEADER "%s\n", lines[i][0]);
        assert_parse_fails(text, (size_t)size, lines[i][1]);
    }
    static const char zero[] = HEADER "a.ppm\0;4;2;0;0;4;2;1";
    assert_parse_fails(zero, sizeof zero - 1, "found \"a.ppm?\"");
}

static void test_parse_refuses_headers(void **state) {
    (void)state;
    static const char commas[] = "Filename,Width\n";
    assert_parse_fails("", 0, "line 1: expected \"Filename;Width;");
    assert_parse_fails("\n", 1, "found \"\"");
    assert_parse_fails(commas, sizeof commas - 1, "found \"Filename,Width\"");
}

static void test_parse_reads_all_columns(void **state) {
    (void)state;
    static const char text[] = HEADER "x y.PPM;53;54;6;5;48;49;16\r\nb.png;1;1;0;0;1;1;0";
    td_arena arena = {0};
    td_gtsrb_row *rows;
    size_t count;
    assert_int_equal(td_gtsrb_parse(&rows, &count, text, sizeof text - 1, &arena, NULL), TD_OK);
    assert_int_equal(count, 2);
    assert_string_equal(rows[0].name, "x y.PPM");
    assert_int_equal(rows[0].width, 53);
    assert_int_equal(rows[0].height, 54);
    assert_int_equal(rows[0].box.left, 6);
    assert_int_equal(rows[0].box.top, 5);
    assert_int_equal(rows[0].box.right, 48);
    assert_int_equal(rows[0].box.bottom, 49);
    assert_int_equal(rows[0].class_number, 16);
    assert_int_equal(rows[1].line, 3);
    td_arena_free(&arena);
}

#define KAGGLE "Width,Height,Roi.X1,Roi.Y1,Roi.X2,Roi.Y2,ClassId,Path\n"

static void make_kaggle(void) {
    support_write_picture("k/Train/0/a.ppm", 4, 2, 3, 0);
    support_write_picture("k/Train/10/a.ppm", 4, 2, 3, 10);
    support_write_picture("k/Train/2/a.ppm", 4, 2, 3, 20);
    support_write_picture("k/Test/00000.ppm", 4, 2, 3, 30);
    support_write_picture("k/Test/00001.ppm", 4, 2, 3, 40);
    support_write_picture("k/Meta/0.ppm", 9, 9, 3, 40);
    support_write_text("k/Meta.csv",
                       "Path,ClassId,ShapeId,ColorId,SignId\nMeta/0.ppm,0,0,0,3.29\n");
    support_write_text("k/Test.csv",
                       KAGGLE "4,2,1,0,3,2,10,Test/00000.ppm\n4,2,0,0,4,2,2,Test/00001.ppm\n");
}

/* The labels are the class numbers, whatever the order of the folders' names. */
static void test_opens_kaggles_copy(void **state) {
    (void)state;
    make_kaggle();
    td_dataset set = support_open_set("k:test", "train", NULL);
    assert_labels(&set, 2, (int32_t[]){10, 2}, (uint8_t[]){30, 40});
    assert_int_equal(set.images.classes, 43);
    assert_string_equal(set.class_names[2], "50 km/h");
    td_dataset_close(&set);
    static const char *const training[] = {"k", "k:train", "k/Train", "./k/Train/"};
    for (size_t i = 0; i < 4; i++) { /* without Train.csv */
        set = support_open_set(training[i], "train", NULL);
        assert_labels(&set, 3, (int32_t[]){0, 2, 10}, (uint8_t[]){0, 20, 10});
        assert_string_equal(set.split, "train");
        td_dataset_close(&set);
    }
    support_write_text("k/Train.csv", KAGGLE "4,2,1,0,3,2,10,Train/10/a.ppm\n"
                                             "4,2,1,1,3,2,2,Train/2/a.ppm\n");
    for (size_t i = 0; i < 4; i++) {
        set = support_open_set(training[i], "train", NULL);
        assert_labels(&set, 2, (int32_t[]){10, 2}, (uint8_t[]){10, 20});
        td_dataset_close(&set);
    }
    set = support_open_set("k/Test", "test", NULL);
    assert_labels(&set, 2, (int32_t[]){10, 2}, (uint8_t[]){30, 40});
    td_dataset_close(&set);
    support_assert_set_refused("k/Test:train", TD_ERR_USAGE,
                               "k/Test: expected no split or test, found train");
}

static void test_refuses_kaggles_broken_rows(void **state) {
    (void)state;
    make_kaggle();
    static const char *const rows[][2] = {
        {"4,2,1,0,3,2,10,../x.ppm", "line 2: Path: expected the name of a picture below the folder "
                                    "of this file, found \"../x.ppm\""},
        {"4,2,1,0,3,2,10,/x.ppm", "found \"/x.ppm\""},
        {"4,2,1,0,3,2,10,Train/../../x.ppm", "found \"Train/../../x.ppm\""},
        {"4,2,1,0,3,2,43,Train/0/a.ppm", "line 2: ClassId: expected a number from 0 to 42"},
        {"4,2,1,0,3,2,1,Train/0/z.ppm", "line 2: expected a picture k/Train/0/z.ppm, found none"},
        {"4,2,1,0,3,2,1", "line 2: expected 8 columns, found 7"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[256];
        snprintf(text, sizeof text, KAGGLE "%s\n", rows[i][0]);
        support_write_text("k/Train.csv", text);
        support_assert_set_refused("k", TD_ERR_FORMAT, "k/Train.csv: line 2: ");
        support_assert_set_refused("k", TD_ERR_FORMAT, rows[i][1]);
    }
}

static void test_opens_torchvisions_layout(void **state) {
    (void)state;
    make_signs();
    support_make_folder("t/gtsrb");
    assert_int_equal(rename("signs/GTSRB", "t/gtsrb/GTSRB"), 0);
    assert_int_equal(rename("t/gtsrb/GTSRB/Final_Training/Images", "t/gtsrb/GTSRB/Training"), 0);
    assert_int_equal(rmdir("t/gtsrb/GTSRB/Final_Training"), 0);
    assert_int_equal(
        rename("t/gtsrb/GTSRB/Final_Test/GT-final_test.csv", "t/gtsrb/GT-final_test.csv"), 0);
    static const char *const places[] = {"t/gtsrb", "t/gtsrb/GTSRB"};
    for (size_t i = 0; i < 2; i++) {
        td_dataset set = support_open_set(places[i], "train", NULL);
        assert_labels(&set, 4, (int32_t[]){1, 1, 17, 20}, (uint8_t[]){10, 0, 20, 30});
        td_dataset_close(&set);
    }
    td_dataset set = support_open_set("t/gtsrb:test", "train", NULL);
    assert_labels(&set, 3, (int32_t[]){17, 2, 20}, (uint8_t[]){40, 50, 60});
    td_dataset_close(&set);
}

int main(void) {
    unsetenv("TRAPDOOR_DATA");
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_opens_the_whole_benchmark),
        IN_FOLDER(test_opens_kaggles_copy),
        IN_FOLDER(test_refuses_kaggles_broken_rows),
        IN_FOLDER(test_opens_torchvisions_layout),
        IN_FOLDER(test_opens_the_part_with_16_classes),
        IN_FOLDER(test_counts_the_index_among_the_files),
        IN_FOLDER(test_cuts_to_the_box_of_the_sign),
        IN_FOLDER(test_scales_a_box_to_one_pixel_at_least),
        IN_FOLDER(test_finds_the_index_of_the_test_set),
        IN_FOLDER(test_refuses_folders),
        IN_FOLDER(test_refuses_index_lines),
        cmocka_unit_test(test_parse_refuses_lines),
        cmocka_unit_test(test_parse_refuses_headers),
        cmocka_unit_test(test_parse_reads_all_columns),
    };
    return cmocka_run_group_tests_name("gtsrb", tests, NULL, NULL);
}
