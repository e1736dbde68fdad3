/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include "data/text.h"
#include <stdlib.h>
#include <string.h>

_Noreturn void fuzz_fail(const char *file, int line, const char *text) {
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, text);
    abort();
}

bool fuzz_succeeded(td_status status, const td_error *error) {
    if (status == TD_OK)
        return true;
    const char *message = error->message;
    size_t length = strlen(message);
    if (length == 0 || !td_text_is_plain(message) || status == TD_ERR_MEMORY)
        fprintf(stderr, "message: \"%s\"\n", message);
    FUZZ_ASSERT(length > 0);
    FUZZ_ASSERT(td_text_is_plain(message));
    FUZZ_ASSERT(status != TD_ERR_MEMORY);
    return false;
}

void fuzz_expect(td_status status, const td_error *error) {
    if (status != TD_OK)
        fuzz_fail(__FILE__, __LINE__, error->message);
}

char *fuzz_text(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    FUZZ_ASSERT(text);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    size_t length = strlen(text);
    char *exact = realloc(text, length + 1); /* makes a read one byte too far out of bounds */
    FUZZ_ASSERT(exact);
    return exact;
}

void fuzz_output_open(fuzz_output *output) {
    *output = (fuzz_output){0};
    output->stream = open_memstream(&output->bytes, &output->size);
    FUZZ_ASSERT(output->stream);
}

void fuzz_output_close(fuzz_output *output) {
    FUZZ_ASSERT(fclose(output->stream) == 0);
    output->stream = NULL;
}

void fuzz_output_free(fuzz_output *output) {
    free(output->bytes);
    *output = (fuzz_output){0};
}

bool fuzz_same(const fuzz_output *a, const fuzz_output *b) {
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

void fuzz_touch(const void *bytes, size_t size) {
    static volatile unsigned char sink;
    const unsigned char *byte = bytes;
    unsigned char sum = 0;
    for (size_t i = 0; i < size; i++)
        sum = (unsigned char)(sum + byte[i]);
    sink = sum;
    (void)sink;
}
