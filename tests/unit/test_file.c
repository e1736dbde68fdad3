/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "base/file.h"
#include "base/sha256.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void assert_map_fails(const char *path, const char *message) {
    td_error error;
    td_map map;
    assert_int_equal(td_map_open(&map, path, &error), TD_ERR_IO);
    assert_string_equal(error.message, message);
    assert_null(map.data);
    assert_int_equal(map.size, 0);
}

static void test_map(void **state) {
    (void)state;
    td_map map;
    support_write("bytes", "a\0b", 3);
    assert_int_equal(td_map_open(&map, "bytes", NULL), TD_OK);
    assert_int_equal(map.size, 3);
    assert_memory_equal(map.data, "a\0b", 3);
    td_map_close(&map);
    td_map_close(&map);
    support_write("empty", "", 0);
    assert_int_equal(td_map_open(&map, "empty", NULL), TD_OK);
    assert_int_equal(map.size, 0);
    assert_non_null(map.data);
    td_map_close(&map);
}

static void test_map_takes_regular_files_only(void **state) {
    (void)state;
    assert_int_equal(mkdir("folder", 0700), 0);
    assert_int_equal(mkfifo("pipe", 0600), 0);
    assert_map_fails("none", "none: No such file or directory");
    assert_map_fails("folder", "folder: expected a regular file, found a folder");
    assert_map_fails("pipe", "pipe: expected a regular file, found something else");
}

/* What the handler of SIGBUS asks. */
static void test_a_mapped_file_is_found_by_its_address(void **state) {
    (void)state;
    size_t offset;
    td_map map, other;
    support_write("bytes", "a\0b", 3);
    support_write("others", "abcdef", 6);
    assert_int_equal(td_map_open(&map, "bytes", NULL), TD_OK);
    assert_int_equal(td_map_open(&other, "others", NULL), TD_OK);
    assert_string_equal(td_crash_file_at(map.data + 2, &offset), "bytes");
    assert_int_equal(offset, 2);
    assert_string_equal(td_crash_file_at(other.data + 5, &offset), "others");
    assert_int_equal(offset, 5);
    assert_null(td_crash_file_at(&offset, &offset));
    const uint8_t *data = map.data;
    td_map_close(&map);
    assert_null(td_crash_file_at(data, &offset));
    td_map_close(&other);
}

static void test_more_files_than_the_handler_knows(void **state) {
    (void)state;
    td_map maps[300];
    size_t offset;
    support_write_text("one", "1");
    for (size_t i = 0; i < 300; i++)
        assert_int_equal(td_map_open(&maps[i], "one", NULL), TD_OK);
    assert_non_null(td_crash_file_at(maps[0].data, &offset));
    assert_int_equal(maps[299].entry, TD_CRASH_NONE);
    for (size_t i = 0; i < 300; i++)
        td_map_close(&maps[i]);
    assert_int_equal(td_map_open(&maps[0], "one", NULL), TD_OK);
    assert_string_equal(td_crash_file_at(maps[0].data, &offset), "one");
    td_map_close(&maps[0]);
}

static void test_what_is_unwanted_goes(void **state) {
    (void)state;
    support_make_folder("made/in");
    support_write_text("made/in/file", "text");
    support_write_text("kept", "text");
    td_crash_entry entries[] = {td_crash_unwanted("made"), td_crash_unwanted("made/in"),
                                td_crash_unwanted("made/in/file"), td_crash_unwanted("kept")};
    td_crash_forget(&entries[3]);
    assert_int_equal(entries[3], TD_CRASH_NONE);
    td_crash_hold();
    td_crash_remove();
    assert_int_equal(access("made/in/file", F_OK), 0);
    td_crash_release();
    td_crash_remove();
    assert_int_equal(access("made", F_OK), -1);
    support_assert_file("kept", "text");
    for (size_t i = 0; i < 4; i++)
        td_crash_forget(&entries[i]);
}

static void test_stamps(void **state) {
    (void)state;
    support_write_text("one", "1");
    const td_file_stamp one = td_file_stamp_of("one"), none = td_file_stamp_of("none");
    td_file_stamp again = td_file_stamp_of("one");
    assert_true(td_file_stamp_is_same(&one, &again));
    assert_false(td_file_stamp_is_same(&one, &none));
    assert_int_equal(utimensat(AT_FDCWD, "one", (struct timespec[]){{1, 0}, {1, 0}}, 0), 0);
    again = td_file_stamp_of("one");
    assert_false(td_file_stamp_is_same(&one, &again));
    support_write_text("other", "1");
    const td_file_stamp before = td_file_stamp_of("other");
    assert_int_equal(rename("one", "other"), 0);
    again = td_file_stamp_of("other");
    assert_false(td_file_stamp_is_same(&before, &again));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_map),
        IN_FOLDER(test_map_takes_regular_files_only),
        IN_FOLDER(test_a_mapped_file_is_found_by_its_address),
        IN_FOLDER(test_more_files_than_the_handler_knows),
        IN_FOLDER(test_what_is_unwanted_goes),
        IN_FOLDER(test_stamps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
