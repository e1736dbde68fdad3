/* SPDX-License-Identifier: MIT */
/* Common code of the unit tests: a temporary folder, and files in it. */
#ifndef TESTS_UNIT_SUPPORT_H
#define TESTS_UNIT_SUPPORT_H

/* Required before cmocka.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* cmocka's setup and teardown: makes an empty temporary folder the current one, and removes it with
 * its contents. Tests name files relative to it. */
int support_enter_folder(void **state);
int support_leave_folder(void **state);

/* A test in its own folder. */
#define IN_FOLDER(test)                                                                            \
    cmocka_unit_test_setup_teardown((test), support_enter_folder, support_leave_folder)

/* These fail the test on an error. */
void support_write(const char *path, const void *bytes, size_t size);
void support_write_text(const char *path, const char *text);

/* The whole file with a terminating 0; *size may be NULL. The caller frees it. */
char *support_read(const char *path, size_t *size);

void support_assert_file(const char *path, const char *text);

/* Creates a folder and its parents. */
void support_make_folder(const char *path);

/* Writes a PPM file (3 channels) or PGM file (1), creating folders; the values count up from
 * `first`, modulo 256. */
void support_write_picture(const char *path, size_t width, size_t height, size_t channels,
                           unsigned first);

/* For error messages. */
void support_assert_contains(const char *text, const char *part);

/* Files and folders in the current folder, including hidden ones. */
size_t support_count_files(void);

#endif
