/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* renameat2 */
#include "support.h"

#include "base/output.h"
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Replaces the C library's: behaves like a file system that does not support its flags. */
static bool refuses;

int renameat2(int from, const char *old, int to, const char *new, unsigned flags) {
    if (!refuses)
        return (int)syscall(SYS_renameat2, from, old, to, new, flags);
    errno = EINVAL;
    return -1;
}

static void write_and_commit(const char *path, bool force, const char *text) {
    td_output output;
    assert_int_equal(td_output_open(&output, path, force, NULL), TD_OK);
    fputs(text, output.stream);
    assert_int_equal(td_output_commit(&output, NULL), TD_OK);
    assert_null(output.stream);
    assert_null(output.path);
    assert_null(output.temporary);
}

static void test_commit_puts_the_file_in_its_place(void **state) {
    (void)state;
    td_output output;
    assert_int_equal(td_output_open(&output, "out", false, NULL), TD_OK);
    fputs("new", output.stream);
    assert_true(support_count_files() <= 1); /* it has no name, where the file system knows such */
    assert_int_equal(td_output_finish(&output, NULL), TD_OK);
    assert_null(output.stream);
    assert_int_equal(access("out", F_OK), -1);
    assert_int_equal(td_outputs_publish(&(td_output *){&output}, 1, NULL), TD_OK);
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

/* As a shell's >(command) names it; the link leads to "pipe:[7]". */
static void test_pipes_are_written_in_place(void **state) {
    (void)state;
    int ends[2];
    char path[32], text[8] = "";
    assert_int_equal(pipe(ends), 0);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[1]);
    write_and_commit(path, false, "text");
    assert_int_equal(read(ends[0], text, sizeof text), 4);
    assert_string_equal(text, "text");
    close(ends[0]);
    close(ends[1]);
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

/* --- several --- */

enum { MOST = 140 };

/* Opens NAMES (each followed by a space) in order, and writes their names to them. */
static size_t write_all(td_output *outputs, td_output **list, const char *names) {
    size_t count = 0;
    char name[16];
    for (int length; sscanf(names, "%15s%n", name, &length) == 1; names += length) {
        assert_int_equal(td_output_open(&outputs[count], name, true, NULL), TD_OK);
        fputs(name, outputs[count].stream);
        assert_int_equal(td_output_finish(&outputs[count], NULL), TD_OK);
        list[count] = &outputs[count];
        count++;
    }
    return count;
}

static void test_several_come_together(void **state) {
    (void)state;
    td_output outputs[4], *list[4];
    support_write_text("b", "old");
    support_write_text("verdict", "old");
    size_t count = write_all(outputs, list, "a b c");
    assert_int_equal(td_output_remove(&outputs[3], "verdict", NULL), TD_OK);
    list[3] = &outputs[3];
    support_assert_file("b", "old");
    assert_int_equal(td_outputs_publish(list, count + 1, NULL), TD_OK);
    support_assert_file("a", "a");
    support_assert_file("b", "b");
    support_assert_file("c", "c");
    assert_int_equal(access("verdict", F_OK), -1);
    assert_int_equal(support_count_files(), 3);
    for (size_t i = 0; i < 4; i++)
        assert_null(outputs[i].path);
}

static void test_what_is_to_go_need_not_be_there(void **state) {
    (void)state;
    td_output none, *list[] = {&none};
    assert_int_equal(td_output_remove(&none, "none", NULL), TD_OK);
    assert_int_equal(td_outputs_publish(list, 1, NULL), TD_OK);
    assert_int_equal(support_count_files(), 0);
}

/* A folder blocks the last output, the one before it replaces a file, and so on. */
static void test_all_goes_back_if_one_cannot_come(void **state) {
    (void)state;
    td_output outputs[4], *list[4];
    td_error error;
    support_write_text("b", "old");
    support_write_text("verdict", "old");
    assert_int_equal(td_output_remove(&outputs[0], "verdict", NULL), TD_OK);
    list[0] = &outputs[0];
    size_t count = 1 + write_all(outputs + 1, list + 1, "a b c");
    assert_int_equal(mkdir("c", 0700), 0);
    assert_int_equal(td_outputs_publish(list, count, &error), TD_ERR_USAGE);
    assert_string_equal(error.message, "c: expected a file to write, found a folder");
    support_assert_file("b", "old");
    support_assert_file("verdict", "old");
    assert_int_equal(support_count_files(), 3);
}

static void test_a_folder_that_went_is_a_failure(void **state) {
    (void)state;
    td_output outputs[2], *list[2];
    td_error error;
    support_make_folder("gone");
    const size_t count = write_all(outputs, list, "a gone/b");
    assert_int_equal(rename("gone", "elsewhere"), 0);
    assert_int_equal(td_outputs_publish(list, count, &error), TD_ERR_IO);
    assert_string_equal(error.message, "gone/b: No such file or directory");
    assert_int_equal(access("a", F_OK), -1);
}

/* Beyond a number, files have temporary names, which a crash handler removes. */
static void test_many(void **state) {
    (void)state;
    static td_output outputs[MOST];
    td_output *list[MOST];
    char name[16];
    for (size_t i = 0; i < MOST; i++) {
        snprintf(name, sizeof name, "file-%zu", i);
        write_all(&outputs[i], &list[i], name);
    }
    assert_false(outputs[MOST - 1].nameless);
    td_digest digest, same = td_sha256("file-139", 8);
    assert_int_equal(td_output_digest(&outputs[MOST - 1], &digest, NULL), TD_OK);
    assert_string_equal(digest.hex, same.hex);
    assert_int_equal(td_outputs_publish(list, MOST, NULL), TD_OK);
    assert_int_equal(support_count_files(), MOST);
    support_assert_file("file-139", "file-139");
}

static void test_a_crash_removes_temporary_names(void **state) {
    (void)state;
    static td_output outputs[MOST];
    td_output *list[MOST];
    char name[16];
    for (size_t i = 0; i < MOST; i++) {
        snprintf(name, sizeof name, "file-%zu", i);
        write_all(&outputs[i], &list[i], name);
    }
    assert_true(support_count_files() > 0);
    td_crash_remove();
    assert_int_equal(support_count_files(), 0);
    for (size_t i = 0; i < MOST; i++)
        td_output_discard(&outputs[i]);
}

/* As on NFS: with temporary names, and without renameat2. */
static void test_plain_file_systems(void **state) {
    int taken[MOST], count = 0;
    while (count < MOST && (count == 0 || taken[count - 1] < 128))
        taken[count++] = dup(STDIN_FILENO);
    refuses = true;
    test_commit_puts_the_file_in_its_place(state);
    assert_int_equal(unlink("out"), 0);
    test_a_file_made_meanwhile_is_kept(state);
    assert_int_equal(unlink("out"), 0);
    test_all_goes_back_if_one_cannot_come(state);
    assert_int_equal(rmdir("c"), 0);
    test_several_come_together(state);
    refuses = false;
    while (count > 0)
        close(taken[--count]);
}

static void test_digests(void **state) {
    (void)state;
    td_output output, *list[1];
    td_digest digest, same = td_sha256("abc", 3);
    write_all(&output, list, "abc");
    assert_int_equal(td_output_digest(&output, &digest, NULL), TD_OK);
    assert_string_equal(digest.hex, same.hex);
    td_output_discard(&output);
    assert_int_equal(support_count_files(), 0);
}

static void test_check_makes_nothing(void **state) {
    (void)state;
    td_error error;
    char name[NAME_MAX + 2];
    memset(name, 'n', NAME_MAX + 1);
    name[NAME_MAX + 1] = '\0';
    assert_int_equal(td_output_check("out", false, NULL), TD_OK);
    assert_int_equal(td_output_check("none/out", false, &error), TD_ERR_IO);
    assert_string_equal(error.message, "none/out: No such file or directory");
    assert_int_equal(td_output_check(name, false, &error), TD_ERR_IO);
    support_assert_contains(error.message, ": File name too long");
    if (geteuid() != 0) {
        assert_int_equal(mkdir("shut", 0500), 0);
        assert_int_equal(td_output_check("shut/out", false, &error), TD_ERR_IO);
        assert_string_equal(error.message, "shut/out: Permission denied");
        assert_int_equal(rmdir("shut"), 0);
    }
    assert_int_equal(support_count_files(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_commit_puts_the_file_in_its_place),
        IN_FOLDER(test_rights_follow_the_umask),
        IN_FOLDER(test_existing_files_need_force),
        IN_FOLDER(test_check_says_the_same_before_the_work),
        IN_FOLDER(test_check_makes_nothing),
        IN_FOLDER(test_a_file_made_meanwhile_is_kept),
        IN_FOLDER(test_discard_leaves_what_was_there),
        cmocka_unit_test(test_a_full_disk_is_reported),
        cmocka_unit_test(test_a_full_buffer_on_a_full_disk_is_reported),
        cmocka_unit_test(test_devices_are_written_in_place),
        cmocka_unit_test(test_pipes_are_written_in_place),
        IN_FOLDER(test_folders_must_exist),
        IN_FOLDER(test_links_are_followed),
        IN_FOLDER(test_names),
        IN_FOLDER(test_several_come_together),
        IN_FOLDER(test_what_is_to_go_need_not_be_there),
        IN_FOLDER(test_all_goes_back_if_one_cannot_come),
        IN_FOLDER(test_a_folder_that_went_is_a_failure),
        IN_FOLDER(test_many),
        IN_FOLDER(test_a_crash_removes_temporary_names),
        IN_FOLDER(test_plain_file_systems),
        IN_FOLDER(test_digests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
