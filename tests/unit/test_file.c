#include "support.h"

#include "base/file.h"
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void write_and_commit(const char *path, bool force, const char *text) {
    td_output output;
    assert_int_equal(td_output_open(&output, path, force, NULL), TD_OK);
    fputs(text, output.stream);
    assert_int_equal(td_output_commit(&output, NULL), TD_OK);
    assert_null(output.stream);
    assert_null(output.path);
    assert_null(output.temporary);
}

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

static void test_commit_puts_the_file_in_its_place(void **state) {
    (void)state;
    td_output output;
    assert_int_equal(td_output_open(&output, "out", false, NULL), TD_OK);
    fputs("new", output.stream);
    assert_int_equal(access("out", F_OK), -1);
    assert_int_equal(td_output_finish(&output, NULL), TD_OK);
    assert_null(output.stream);
    assert_int_equal(access("out", F_OK), -1);
    assert_int_equal(td_output_publish(&output, NULL), TD_OK);
    support_assert_file("out", "new");
    assert_int_equal(support_count_files(), 1);
}

static void test_rights_follow_the_umask(void **state) {
    (void)state;
    mode_t before = umask(0027);
    write_and_commit("out", false, "x");
    umask(before);
    struct stat info;
    assert_int_equal(stat("out", &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
}

static void test_existing_files_need_force(void **state) {
    (void)state;
    td_output output;
    td_error error;
    support_write_text("out", "old");
    assert_int_equal(td_output_open(&output, "out", false, &error), TD_ERR_USAGE);
    assert_string_equal(error.message, "out: exists already; --force replaces it");
    assert_null(output.stream);
    assert_null(output.path);
    support_assert_file("out", "old");
    write_and_commit("out", true, "new");
    support_assert_file("out", "new");
    assert_int_equal(support_count_files(), 1);
}

static void test_check_says_the_same_before_the_work(void **state) {
    (void)state;
    td_error error;
    support_write_text("out", "old");
    assert_int_equal(mkdir("folder", 0700), 0);
    assert_int_equal(td_output_check("none", false, &error), TD_OK);
    assert_int_equal(td_output_check("out", true, &error), TD_OK);
    assert_int_equal(td_output_check("out", false, &error), TD_ERR_USAGE);
    assert_string_equal(error.message, "out: exists already; --force replaces it");
    assert_int_equal(td_output_check("folder", true, &error), TD_ERR_USAGE);
    assert_string_equal(error.message, "folder: expected a file to write, found a folder");
}

static void test_a_file_made_meanwhile_is_kept(void **state) {
    (void)state;
    td_output output;
    td_error error;
    assert_int_equal(td_output_open(&output, "out", false, NULL), TD_OK);
    fputs("ours", output.stream);
    support_write_text("out", "theirs");
    assert_int_equal(td_output_commit(&output, &error), TD_ERR_USAGE);
    assert_string_equal(error.message, "out: exists already; --force replaces it");
    support_assert_file("out", "theirs");
    assert_int_equal(support_count_files(), 1);
}

static void test_discard_leaves_what_was_there(void **state) {
    (void)state;
    td_output output;
    support_write_text("out", "old");
    assert_int_equal(td_output_open(&output, "out", true, NULL), TD_OK);
    fputs("half", output.stream);
    td_output_discard(&output);
    td_output_discard(&output);
    assert_int_equal(td_output_open(&output, "other", false, NULL), TD_OK);
    assert_int_equal(td_output_finish(&output, NULL), TD_OK);
    td_output_discard(&output);
    support_assert_file("out", "old");
    assert_int_equal(support_count_files(), 1);
}

static void test_a_full_disk_is_reported(void **state) {
    (void)state;
    td_output output;
    td_error error;
    assert_int_equal(td_output_open(&output, "/dev/full", false, NULL), TD_OK);
    fputs("text", output.stream);
    assert_int_equal(td_output_commit(&output, &error), TD_ERR_IO);
    assert_string_equal(error.message, "/dev/full: No space left on device");
    assert_null(output.path);
}

static void test_a_full_buffer_on_a_full_disk_is_reported(void **state) {
    (void)state;
    td_output output;
    td_error error;
    assert_int_equal(td_output_open(&output, "/dev/full", false, NULL), TD_OK);
    for (int i = 0; i < 100000; i++)
        fputs("text", output.stream);
    assert_int_equal(td_output_commit(&output, &error), TD_ERR_IO);
    assert_memory_equal(error.message, "/dev/full: ", 11);
}

static void test_devices_are_written_in_place(void **state) {
    (void)state;
    write_and_commit("/dev/null", false, "text");
    struct stat info;
    assert_int_equal(stat("/dev/null", &info), 0);
    assert_true(S_ISCHR(info.st_mode));
}

static void test_folders_must_exist(void **state) {
    (void)state;
    td_output output;
    td_error error;
    assert_int_equal(td_output_open(&output, "none/out", false, &error), TD_ERR_IO);
    assert_string_equal(error.message, "none/out: No such file or directory");
    assert_int_equal(mkdir("folder", 0700), 0);
    write_and_commit("folder/out", false, "text");
    support_assert_file("folder/out", "text");
}

static void test_links_are_followed(void **state) {
    (void)state;
    td_error error;
    td_output output;
    struct stat info;
    support_make_folder("far");
    assert_int_equal(symlink("far/file", "link"), 0);
    assert_int_equal(symlink("link", "to-link"), 0);
    write_and_commit("to-link", false, "one"); /* to a file that is not there yet */
    support_assert_file("far/file", "one");
    assert_int_equal(td_output_open(&output, "link", false, &error), TD_ERR_USAGE);
    assert_string_equal(error.message, "link: exists already; --force replaces it");
    write_and_commit("link", true, "two");
    support_assert_file("far/file", "two");
    assert_int_equal(lstat("link", &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_int_equal(symlink("circle", "circle"), 0);
    assert_int_equal(td_output_open(&output, "circle", true, &error), TD_ERR_IO);
    support_assert_contains(error.message, "circle: ");
    assert_int_equal(symlink("nowhere/file", "lost"), 0);
    assert_int_equal(td_output_open(&output, "lost", false, &error), TD_ERR_IO);
    support_assert_contains(error.message, "lost: No such file");
}

static void test_names(void **state) {
    (void)state;
    td_error error;
    char name[NAME_MAX + 1];
    memset(name, 'n', NAME_MAX);
    name[NAME_MAX] = '\0';
    write_and_commit(name, false, "long");
    support_assert_file(name, "long");
    assert_int_equal(td_output_check("", true, &error), TD_ERR_USAGE);
    assert_string_equal(error.message, "expected the name of a file to write, found \"\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_map),
        IN_FOLDER(test_map_takes_regular_files_only),
        IN_FOLDER(test_commit_puts_the_file_in_its_place),
        IN_FOLDER(test_rights_follow_the_umask),
        IN_FOLDER(test_existing_files_need_force),
        IN_FOLDER(test_check_says_the_same_before_the_work),
        IN_FOLDER(test_a_file_made_meanwhile_is_kept),
        IN_FOLDER(test_discard_leaves_what_was_there),
        cmocka_unit_test(test_a_full_disk_is_reported),
        cmocka_unit_test(test_a_full_buffer_on_a_full_disk_is_reported),
        cmocka_unit_test(test_devices_are_written_in_place),
        IN_FOLDER(test_folders_must_exist),
        IN_FOLDER(test_links_are_followed),
        IN_FOLDER(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
