/* SPDX-License-Identifier: MIT */
/* Common code of the fuzz targets. A target is one file, fuzz_NAME.c, that defines
 * LLVMFuzzerTestOneInput: it passes the bytes to a reader and aborts if a property of the reader is
 * violated. It is linked with libFuzzer (-Dfuzz=true) or with replay.c, which runs the corpus. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Never compiled out. */
#define FUZZ_ASSERT(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))

_Noreturn void fuzz_fail(const char *file, int line, const char *text);

/* Whether `status` is TD_OK. If not, the message must be one line without control characters, and
 * the reason must not be memory: no input is large enough for that. */
bool fuzz_succeeded(td_status status, const td_error *error);

/* Aborts, with the message, unless `status` is TD_OK. */
void fuzz_expect(td_status status, const td_error *error);

/* The bytes up to the first 0, as a string. The caller frees it. */
char *fuzz_text(const uint8_t *data, size_t size);

/* The path of a file with this content, valid until the next call. */
const char *fuzz_file(const uint8_t *data, size_t size);

/* The path of a folder; like all files of the targets it is in memory only. */
const char *fuzz_folder(void);

/* Removes all its contents. */
void fuzz_folder_clear(void);

/* From now on paths that do not begin with / are in it. */
void fuzz_folder_enter(void);

/* Writes a file in it, creating folders; false if the name is invalid. */
bool fuzz_folder_write(const char *name, const uint8_t *data, size_t size);

/* The output of a writer. */
typedef struct fuzz_output {
    FILE *stream; /* NULL when closed */
    char *bytes;
    size_t size;
} fuzz_output;

void fuzz_output_open(fuzz_output *output);
void fuzz_output_close(fuzz_output *output); /* `bytes` are there from now on */
void fuzz_output_free(fuzz_output *output);
bool fuzz_same(const fuzz_output *a, const fuzz_output *b);

/* Reads every byte, so that AddressSanitizer checks them all. */
void fuzz_touch(const void *bytes, size_t size);

#endif
