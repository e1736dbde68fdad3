/* SPDX-License-Identifier: MIT */
/* The safetensors container. A file that parses tiles the bytes exactly, can be written, and is
 * then rewritten to the same bytes. */
#include "data/safetensors.h"
#include "fuzz.h"
#include <string.h>

static void check_tiling(const td_safetensors *file, const uint8_t *end) {
    size_t bytes = 0;
    for (size_t i = 0; i < file->tensor_count; i++)
        bytes += file->tensors[i].bytes;
    const uint8_t *at = end - bytes;
    for (size_t i = 0; i < file->tensor_count; i++) {
        const td_tensor *tensor = &file->tensors[i];
        size_t count = 1;
        for (size_t j = 0; j < tensor->rank; j++)
            count *= tensor->dims[j];
        FUZZ_ASSERT(tensor->data == at);
        FUZZ_ASSERT(tensor->count == count);
        FUZZ_ASSERT(tensor->bytes == count * td_dtype_size(tensor->dtype));
        fuzz_touch(tensor->data, tensor->bytes);
        at += tensor->bytes;
    }
}

static void check_same(const td_safetensors *a, const td_safetensors *b) {
    FUZZ_ASSERT(a->tensor_count == b->tensor_count && a->metadata_count == b->metadata_count);
    for (size_t i = 0; i < a->tensor_count; i++) {
        const td_tensor *one = &a->tensors[i], *other = td_safetensors_find(b, one->name);
        FUZZ_ASSERT(other && one->dtype == other->dtype && one->rank == other->rank);
        FUZZ_ASSERT(memcmp(one->dims, other->dims, one->rank * sizeof *one->dims) == 0);
        FUZZ_ASSERT(one->bytes == 0 || memcmp(one->data, other->data, one->bytes) == 0);
    }
    for (size_t i = 0; i < a->metadata_count; i++) {
        const char *value = td_safetensors_metadata(b, a->metadata[i].key);
        FUZZ_ASSERT(value && strcmp(value, a->metadata[i].value) == 0);
    }
}

static void write_file(const td_safetensors *file, fuzz_output *output) {
    td_error error = {""};
    fuzz_output_open(output);
    fuzz_expect(td_safetensors_write(output->stream, file->tensors, file->tensor_count,
                                     file->metadata, file->metadata_count, &error),
                &error);
    fuzz_output_close(output);
}

static void check_writing(const td_safetensors *file) {
    td_error error = {""};
    td_safetensors again;
    fuzz_output first, second;
    write_file(file, &first);
    fuzz_expect(td_safetensors_parse(&again, (const uint8_t *)first.bytes, first.size, &error),
                &error);
    check_same(file, &again);
    write_file(&again, &second);
    FUZZ_ASSERT(fuzz_same(&first, &second));
    td_safetensors_close(&again);
    fuzz_output_free(&first);
    fuzz_output_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    td_error error = {""};
    td_safetensors file;
    if (!fuzz_succeeded(td_safetensors_parse(&file, data, size, &error), &error)) {
        FUZZ_ASSERT(!file.tensors && !file.arena.blocks);
        return 0;
    }
    check_tiling(&file, data + size);
    check_writing(&file);
    td_safetensors_close(&file);
    return 0;
}
