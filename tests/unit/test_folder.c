/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* symlink, unsetenv */
#include "set_support.h"

#include "base/parallel.h"
#include "data/listing.h"
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Five pictures of 2×1 pixels; the first value of each says where it must be found. */
static void make_classes(const char *root) {
    static const char *const names[] = {"10/a.ppm", "10/b.ppm", "2/B.ppm", "2/a.ppm",
                                        "Zebra/é.ppm"};
    for (unsigned i = 0; i < 5; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/%s", root, names[i]);
        support_write_picture(path, 2, 1, 3, 10 * i);
    }
}

static void test_sorts_classes_and_pictures_by_bytes(void **state) {
    (void)state;
    static const int32_t labels[] = {0, 0, 1, 1, 2};
    make_classes("pets");
    support_write_text("pets/README", "beside the classes");
    support_write_text("pets/2/.hidden", "");
    assert_int_equal(mkdir("pets/.git", 0777), 0);
    td_dataset set = support_open_set("pets", "train", NULL);
    assert_int_equal(set.images.count, 5);
    assert_int_equal(set.images.width, 2);
    assert_int_equal(set.images.height, 1);
    assert_int_equal(set.images.channels, 3);
    assert_int_equal(set.images.classes, 3);
    assert_string_equal(set.class_names[0], "10");
    assert_string_equal(set.class_names[1], "2");
    assert_string_equal(set.class_names[2], "Zebra");
    assert_memory_equal(set.images.labels, labels, sizeof labels);
    for (unsigned i = 0; i < 5; i++)
        for (unsigned v = 0; v < 6; v++)
            assert_int_equal(td_image(&set.images, i)[v], 10 * i + v);
    assert_string_equal(set.name, "pets");
    assert_string_equal(set.split, "");
    td_dataset_close(&set);
}

static void test_range_cuts_the_listing(void **state) {
    (void)state;
    make_classes("pets");
    support_write_text("pets/Zebra/broken.ppm", "not in the range");
    td_dataset set = support_open_set("pets::1-4", "train", NULL);
    assert_int_equal(set.images.count, 3);
    assert_int_equal(set.first, 1);
    assert_int_equal(set.images.classes, 3);
    assert_int_equal(set.images.pixels[0], 10);
    assert_int_equal(set.images.labels[0], 0);
    assert_int_equal(set.images.labels[1], 1);
    assert_int_equal(set.folder_files, 3);
    td_dataset_close(&set);
    support_assert_set_refused(
        "pets::1-7", TD_ERR_USAGE,
        "pets::1-7: range: expected A-B with A < B <= 6, the number of images");
}

static void test_reads_splits(void **state) {
    (void)state;
    make_classes("pets/train");
    support_write_picture("pets/test/2/x.ppm", 2, 1, 3, 99);
    td_dataset part = support_open_set("pets:test", "train", NULL);
    assert_int_equal(part.images.classes, 3); /* labels are those of the split that has all */
    assert_int_equal(part.images.labels[0], 1);
    td_dataset_close(&part);
    support_write_picture("pets/test/11/x.ppm", 2, 1, 3, 101);
    support_assert_set_refused("pets:test", TD_ERR_FORMAT,
                               "pets: expected the same classes in both splits, or all of one in "
                               "the other, found \"10\" only in train and \"11\" only in test");
    support_write_picture("pets/test/10/x.ppm", 2, 1, 3, 100);
    support_assert_set_refused("pets", TD_ERR_FORMAT,
                               "found \"Zebra\" only in train and \"11\" only in test");
    assert_int_equal(rename("pets/test/11", "pets/test/Zebra"), 0);
    td_dataset set = support_open_set("pets:test", "train", NULL);
    assert_int_equal(set.images.count, 3);
    assert_string_equal(set.split, "test");
    assert_int_equal(set.images.pixels[0], 100);
    td_dataset_close(&set);
    set = support_open_set("pets", "train", NULL);
    assert_int_equal(set.images.count, 5);
    assert_string_equal(set.split, "train");
    td_dataset_close(&set);
    assert_int_equal(rename("pets/train", "train-elsewhere"), 0);
    support_assert_set_refused("pets", TD_ERR_USAGE,
                               "pets: split train: expected a folder train or training with class "
                               "folders, or with pictures and an index, found none");
}

static void test_has_no_splits_to_ask_for(void **state) {
    (void)state;
    make_classes("pets");
    support_assert_set_refused("pets:test", TD_ERR_USAGE,
                               "pets: split test: expected folders train and test");
    /* A class may be called so. */
    assert_int_equal(rename("pets/Zebra", "pets/train"), 0);
    td_dataset set = support_open_set("pets", "train", NULL);
    assert_int_equal(set.images.classes, 3);
    assert_string_equal(set.class_names[2], "train");
    td_dataset_close(&set);
}

static void test_refuses_what_is_no_picture(void **state) {
    (void)state;
    make_classes("pets");
    support_write_text("pets/2/notes.txt", "x");
    support_assert_set_refused(
        "pets", TD_ERR_FORMAT,
        "pets/2/notes.txt: expected a picture in a class folder, found a file with "
        "another ending");
    assert_int_equal(unlink("pets/2/notes.txt"), 0);
    support_make_folder("pets/2/more.ppm");
    support_assert_set_refused("pets", TD_ERR_FORMAT,
                               "pets/2/more.ppm: expected a picture in a class folder, "
                               "found a folder");
    assert_int_equal(rmdir("pets/2/more.ppm"), 0);
    assert_int_equal(mkfifo("pets/2/pipe.ppm", 0666), 0);
    support_assert_set_refused("pets", TD_ERR_FORMAT,
                               "pets/2/pipe.ppm: expected a picture in a class folder, "
                               "found no regular file");
    assert_int_equal(unlink("pets/2/pipe.ppm"), 0);
    support_write_text("pets/2/c.ppm", "P6 nonsense");
    support_assert_set_refused("pets", TD_ERR_FORMAT, "pets/2/c.ppm: ");
}

static void test_refuses_links_that_lead_nowhere(void **state) {
    (void)state;
    make_classes("pets");
    assert_int_equal(symlink("loop.ppm", "pets/2/loop.ppm"), 0);
    support_assert_set_refused("pets", TD_ERR_IO,
                               "pets/2/loop.ppm: Too many levels of symbolic links");
    assert_int_equal(unlink("pets/2/loop.ppm"), 0);
    assert_int_equal(symlink("gone", "pets/2/gone.ppm"), 0);
    support_assert_set_refused("pets", TD_ERR_IO, "pets/2/gone.ppm: No such file or directory");
    assert_int_equal(unlink("pets/2/gone.ppm"), 0);
    assert_int_equal(symlink("..", "pets/2/up"), 0);
    support_assert_set_refused("pets", TD_ERR_FORMAT,
                               "pets/2/up: expected a picture in a class folder");
    assert_int_equal(unlink("pets/2/up"), 0);
    assert_int_equal(symlink("round", "pets/round"), 0);
    support_assert_set_refused("pets", TD_ERR_IO, "pets/round: Too many levels of symbolic links");
}

static void test_refuses_empty_folders(void **state) {
    (void)state;
    make_classes("pets");
    support_make_folder("pets/7");
    support_assert_set_refused("pets", TD_ERR_FORMAT,
                               "pets/7: expected pictures in a class folder, found none");
    support_make_folder("none/a");
    support_assert_set_refused("none", TD_ERR_FORMAT, "found a folder of other things (a); ");
    make_classes("half/train");
    support_make_folder("half/test");
    support_assert_set_refused("half:test", TD_ERR_USAGE,
                               "half: split test: expected a folder test, testing, val, valid or "
                               "validation with class folders");
}

static void test_refuses_names_that_are_not_utf8(void **state) {
    (void)state;
    make_classes("pets");
    support_write_picture("pets/2/b\xff\n.ppm", 2, 1, 3, 0);
    support_assert_set_refused("pets", TD_ERR_FORMAT,
                               "pets/2: expected names in UTF-8 without control characters, found "
                               "\"b\\xff\\x0a.ppm\"");
    assert_int_equal(unlink("pets/2/b\xff\n.ppm"), 0);
    support_write_picture("pets/\xc3/a.ppm", 2, 1, 3, 0);
    support_assert_set_refused("pets", TD_ERR_FORMAT, "pets: expected names in UTF-8");
}

/* Words are one class written in two ways; letters are classes of their own. */
static void test_refuses_names_that_differ_by_case(void **state) {
    (void)state;
    support_write_picture("w/Cat/a.ppm", 1, 1, 3, 1);
    support_write_picture("w/cat/a.ppm", 1, 1, 3, 2);
    support_write_picture("w/dog/a.ppm", 1, 1, 3, 3);
    support_assert_set_refused("w", TD_ERR_FORMAT,
                               "w: expected class folders whose names differ by more than case, "
                               "found \"Cat\" and \"cat\"");
    support_write_picture("l/A/a.ppm", 1, 1, 3, 1);
    support_write_picture("l/a/a.ppm", 1, 1, 3, 2);
    td_dataset set = support_open_set("l", "train", NULL);
    assert_int_equal(set.images.classes, 2);
    td_dataset_close(&set);
}

static void test_refuses_two_layouts(void **state) {
    (void)state;
    make_classes("pets");
    make_classes("pets/train");
    support_assert_set_refused(
        "pets", TD_ERR_FORMAT,
        "pets: two layouts: expected class folders in train and test, or without these, "
        "found both (\"10\" holds pictures)");
    make_classes("digits");
    support_write_text("digits/train-images-idx3-ubyte", "");
    support_assert_set_refused(
        "digits", TD_ERR_FORMAT,
        "digits: two layouts: expected one, found IDX files (MNIST, Fashion-MNIST, EMNIST) and "
        "class folders with pictures");
    make_classes("signs/test");
    support_make_folder("signs/GTSRB/Final_Training/Images");
    support_assert_set_refused("signs", TD_ERR_FORMAT,
                               "signs: two layouts: expected one, found the German Traffic Sign "
                               "benchmark and class folders");
}

static void test_refuses_pictures_of_several_sizes(void **state) {
    (void)state;
    make_classes("pets");
    support_write_picture("pets/2/a.ppm", 40, 30, 3, 0);
    support_assert_set_refused(
        "pets", TD_ERR_FORMAT,
        "pets/2/a.ppm: expected 2x1 as pets/10/a.ppm has, found 40x30; `trapdoor-data "
        "import --size WxH` makes them one size");
}

static void test_becomes_rgb_if_any_picture_has_colour(void **state) {
    (void)state;
    support_write_picture("grey/a/1.pgm", 2, 1, 1, 7);
    support_write_picture("grey/a/2.pgm", 2, 1, 1, 9);
    td_dataset set = support_open_set("grey", "train", NULL);
    assert_int_equal(set.images.channels, 1);
    assert_memory_equal(set.images.pixels, "\7\10\11\12", 4);
    td_dataset_close(&set);
    support_write_picture("grey/b/3.ppm", 2, 1, 3, 1);
    set = support_open_set("grey", "train", NULL);
    assert_int_equal(set.images.channels, 3);
    assert_memory_equal(td_image(&set.images, 0), "\7\7\7\10\10\10", 6);
    assert_memory_equal(td_image(&set.images, 2), "\1\2\3\4\5\6", 6);
    td_dataset_close(&set);
}

static void test_passes_over_what_systems_leave(void **state) {
    (void)state;
    make_classes("pets");
    support_write_text("pets/2/Thumbs.db", "x");
    support_write_text("pets/2/desktop.ini", "x");
    support_write_text("pets/2/.DS_Store", "x");
    support_write_picture("pets/__MACOSX/2/a.ppm", 9, 9, 3, 0);
    support_write_text("pets/__MACOSX/._2", "x");
    td_dataset set = support_open_set("pets", "train", NULL);
    assert_int_equal(set.images.count, 5);
    assert_int_equal(set.images.classes, 3);
    td_dataset_close(&set);
}

/* Splits in any case and by their other names; `test` comes before `val`. */
static void test_knows_the_names_of_splits(void **state) {
    (void)state;
    static const char *const names[][2] = {{"Train", "Test"},
                                           {"training", "testing"},
                                           {"TRAIN", "Val"},
                                           {"train", "validation"},
                                           {"train", "valid"}};
    for (size_t i = 0; i < 5; i++) {
        char path[64];
        snprintf(path, sizeof path, "s%zu/%s/a/1.ppm", i, names[i][0]);
        support_write_picture(path, 2, 1, 3, 1);
        snprintf(path, sizeof path, "s%zu/%s/a/1.ppm", i, names[i][1]);
        support_write_picture(path, 2, 1, 3, 2);
        for (int test = 0; test < 2; test++) {
            snprintf(path, sizeof path, "s%zu:%s", i, test ? "test" : "train");
            td_dataset set = support_open_set(path, "train", NULL);
            assert_int_equal(set.images.pixels[0], test ? 2 : 1);
            assert_string_equal(set.split, test ? "test" : "train");
            td_dataset_close(&set);
        }
    }
    support_write_picture("s2/test/a/1.ppm", 2, 1, 3, 3);
    td_dataset set = support_open_set("s2:test", "train", NULL);
    assert_int_equal(set.images.pixels[0], 3);
    td_dataset_close(&set);
    support_write_picture("s2/Test/a/1.ppm", 2, 1, 3, 3);
    support_assert_set_refused(
        "s2:test", TD_ERR_FORMAT,
        "s2: expected one folder for the split test, found \"Test\" and \"test\"");
}

static void test_says_what_is_nearly_a_set(void **state) {
    (void)state;
    support_write_picture("flat/1.ppm", 2, 1, 3, 0);
    support_assert_set_refused("flat", TD_ERR_FORMAT,
                               "flat: expected a data set, found pictures (flat/1.ppm) without "
                               "folders for their classes or an index; ");
    support_write_picture("lone/images/1.ppm", 2, 1, 3, 0);
    support_assert_set_refused("lone", TD_ERR_FORMAT,
                               "found pictures in one folder alone (lone/images), without an index "
                               "of their labels; ");
    support_write_picture("deep/a/b/1.ppm", 2, 1, 3, 0);
    support_assert_set_refused("deep", TD_ERR_FORMAT,
                               "found pictures one folder too deep (in folders of deep/a); ");
    support_write_picture("one/cat/1.ppm", 2, 1, 3, 0);
    td_dataset set = support_open_set("one", "train", NULL);
    assert_int_equal(set.images.classes, 1);
    td_dataset_close(&set);
}

static void make_many(const char *root, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/%c/%03u.ppm", root, 'a' + (int)(i % 3), i);
        support_write_picture(path, 3, 2, 3, i);
    }
}

static void test_is_the_same_at_any_number_of_threads(void **state) {
    (void)state;
    make_many("many", 200);
    td_set_threads(1);
    td_dataset one = support_open_set("many", "train", NULL);
    size_t size = one.images.count * td_image_size(&one.images);
    assert_int_equal(one.images.count, 200);
    for (size_t threads = 2; threads <= 4; threads++) {
        td_set_threads(threads);
        td_dataset set = support_open_set("many", "train", NULL);
        assert_memory_equal(set.images.pixels, one.images.pixels, size);
        assert_memory_equal(set.images.labels, one.images.labels, 200 * sizeof(int32_t));
        assert_string_equal(set.folder_digest.hex, one.folder_digest.hex);
        td_dataset_close(&set);
    }
    td_dataset_close(&one);
    /* Pictures 66, 67 and 199 in the order of the listing. */
    support_write_text("many/c/197.ppm", "P6");
    support_write_picture("many/b/001.ppm", 9, 9, 3, 0);
    support_write_text("many/b/004.ppm", "P6");
    for (size_t threads = 1; threads <= 4; threads++) {
        td_set_threads(threads);
        support_assert_set_refused("many", TD_ERR_FORMAT, "many/b/001.ppm: expected 3x2");
    }
    td_set_threads(0);
}

/* The expected value is what sha256sum prints: `cd pets && sha256sum a/1.pgm b/2.pgm | sha256sum`.
 */
static void test_gives_one_checksum_for_all_files(void **state) {
    (void)state;
    support_write_picture("pets/a/1.pgm", 2, 1, 1, 65);
    support_write_picture("pets/b/2.pgm", 2, 1, 1, 67);
    static const char *const spellings[] = {"pets", "./pets", "pets/", "pets//"};
    for (size_t i = 0; i < 4; i++) {
        td_dataset set = support_open_set(spellings[i], "train", NULL);
        assert_int_equal(set.file_count, 0);
        assert_string_equal(set.folder, spellings[i]);
        assert_int_equal(set.folder_files, 2);
        assert_string_equal(set.folder_digest.hex,
                            "bd37f29064b4ac4005893d8299109a6ad50669a6e935562b6573c3b3266cc509");
        td_dataset_close(&set);
    }
}

static void test_lists_without_decoding(void **state) {
    (void)state;
    td_listing listing;
    td_error error = {""};
    bool found;
    make_classes("pets/test");
    support_write_text("pets/test/Zebra/é.ppm", "P6");
    assert_int_equal(td_listing_open(&listing, &found, "pets:test:3-5", "train", NULL, &error),
                     TD_OK);
    assert_true(found);
    assert_int_equal(listing.count, 2);
    assert_int_equal(listing.first, 3);
    assert_int_equal(listing.classes, 3);
    assert_string_equal(listing.split, "test");
    assert_string_equal(listing.root, "pets");
    assert_string_equal(listing.images[0].path, "pets/test/2/a.ppm");
    assert_int_equal(listing.images[0].label, 1);
    assert_int_equal(listing.images[0].box.right, 0);
    assert_null(listing.indices);
    const td_fit fit = {1, 2, 3, TD_BOX};
    uint8_t pixels[6];
    assert_int_equal(td_listing_read(&listing, 0, true, &fit, pixels, &error), TD_OK);
    assert_memory_equal(pixels, "\x1e\x1f\x20\x21\x22\x23", 6);
    assert_int_equal(td_listing_read(&listing, 1, true, &fit, pixels, &error), TD_ERR_FORMAT);
    support_assert_contains(error.message, "pets/test/Zebra/é.ppm: ");
    td_listing_close(&listing);
    td_listing_close(&listing);
}

static void test_does_not_list_other_formats(void **state) {
    (void)state;
    td_listing listing;
    td_error error = {""};
    bool found = true;
    support_make_folder("digits");
    support_write_text("digits/train-images-idx3-ubyte", "");
    assert_int_equal(td_listing_open(&listing, &found, "digits", "train", NULL, &error), TD_OK);
    assert_false(found);
    assert_null(listing.arena.blocks);
    assert_int_equal(td_listing_open(&listing, &found, "nothing", "train", NULL, &error),
                     TD_ERR_USAGE);
    support_assert_contains(error.message, "nothing: no such file or folder");
}

/* The class that cannot be read is named, and the reason, whatever other formats make of it. */
static void test_names_what_it_may_not_read(void **state) {
    (void)state;
    enum { NOBODY = 65534 };
    const uid_t user = geteuid();
    make_classes("pets");
    assert_int_equal(chmod(".", 0777), 0);
    assert_int_equal(chmod("pets/2", 0), 0);
    if (user == 0) /* who may read it */
        assert_int_equal(seteuid(NOBODY), 0);
    support_assert_set_refused("pets", TD_ERR_IO, "pets/2: Permission denied");
    if (user == 0)
        assert_int_equal(seteuid(user), 0);
    assert_int_equal(chmod("pets/2", 0777), 0);
}

/* A folder beside those of another format is not looked into. */
static void test_passes_over_what_another_format_needs_not(void **state) {
    (void)state;
    td_listing listing;
    td_error error = {""};
    bool found = true;
    support_make_folder("digits/other");
    support_write_text("digits/train-images-idx3-ubyte", "");
    assert_int_equal(symlink("nowhere", "digits/link"), 0);
    assert_int_equal(td_listing_open(&listing, &found, "digits", "train", NULL, &error), TD_OK);
    assert_false(found);
}

static void test_names_what_it_cannot_open(void **state) {
    (void)state;
    struct rlimit before, none;
    make_classes("pets");
    const int next = dup(0);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)next;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    support_assert_set_refused("pets", TD_ERR_IO, "pets: Too many open files");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void) {
    unsetenv("TRAPDOOR_DATA");
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_sorts_classes_and_pictures_by_bytes),
        IN_FOLDER(test_range_cuts_the_listing),
        IN_FOLDER(test_reads_splits),
        IN_FOLDER(test_has_no_splits_to_ask_for),
        IN_FOLDER(test_refuses_what_is_no_picture),
        IN_FOLDER(test_passes_over_what_systems_leave),
        IN_FOLDER(test_knows_the_names_of_splits),
        IN_FOLDER(test_says_what_is_nearly_a_set),
        IN_FOLDER(test_refuses_links_that_lead_nowhere),
        IN_FOLDER(test_refuses_empty_folders),
        IN_FOLDER(test_refuses_names_that_are_not_utf8),
        IN_FOLDER(test_refuses_names_that_differ_by_case),
        IN_FOLDER(test_refuses_two_layouts),
        IN_FOLDER(test_refuses_pictures_of_several_sizes),
        IN_FOLDER(test_becomes_rgb_if_any_picture_has_colour),
        IN_FOLDER(test_is_the_same_at_any_number_of_threads),
        IN_FOLDER(test_gives_one_checksum_for_all_files),
        IN_FOLDER(test_lists_without_decoding),
        IN_FOLDER(test_does_not_list_other_formats),
        IN_FOLDER(test_names_what_it_may_not_read),
        IN_FOLDER(test_passes_over_what_another_format_needs_not),
        IN_FOLDER(test_names_what_it_cannot_open),
    };
    return cmocka_run_group_tests_name("folder", tests, NULL, NULL);
}
