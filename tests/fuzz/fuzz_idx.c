/* SPDX-License-Identifier: MIT */
/* IDX files, plain and gzip. A plain file that can be read is compressed here, and must then give
 * the same values: mutation alone rarely gives a valid gzip stream. */
#include "data/gunzip.h"
#include "data/idx.h"
#include "fuzz.h"
#include <stdlib.h>
#include <string.h>

enum { GZIP_WINDOW = 15 + 16, MEMORY_LEVEL = 8 };

/* The caller frees *out. */
static void compress_gzip(const uint8_t *data, size_t size, uint8_t **out, size_t *out_size) {
    z_stream stream = {0};
    FUZZ_ASSERT(deflateInit2(&stream, 1, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL,
                             Z_DEFAULT_STRATEGY) == Z_OK);
    uLong bound = deflateBound(&stream, (uLong)size);
    *out = malloc(bound);
    FUZZ_ASSERT(*out);
    stream.next_in = (z_const Bytef *)data;
    stream.avail_in = (uInt)size;
    stream.next_out = *out;
    stream.avail_out = (uInt)bound;
    FUZZ_ASSERT(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    *out_size = bound - stream.avail_out;
    deflateEnd(&stream);
}

static void check_compressed(const td_idx *plain, const uint8_t *data, size_t size, size_t rank) {
    td_error error = {""};
    td_arena arena = {0};
    td_idx idx;
    uint8_t *gzip;
    size_t gzip_size;
    compress_gzip(data, size, &gzip, &gzip_size);
    fuzz_expect(td_idx_read(&idx, fuzz_file(gzip, gzip_size), rank, &arena, &error), &error);
    FUZZ_ASSERT(idx.count == plain->count);
    FUZZ_ASSERT(memcmp(idx.dims, plain->dims, sizeof idx.dims) == 0);
    FUZZ_ASSERT(memcmp(idx.values, plain->values, idx.count) == 0);
    td_idx_close(&idx);
    td_arena_free(&arena);
    free(gzip);
}

static void read_rank(const uint8_t *data, size_t size, size_t rank) {
    td_error error = {""};
    td_arena arena = {0};
    td_idx idx;
    if (fuzz_succeeded(td_idx_read(&idx, fuzz_file(data, size), rank, &arena, &error), &error)) {
        size_t count = 1;
        for (size_t i = 0; i < rank; i++)
            count *= idx.dims[i];
        FUZZ_ASSERT(idx.count == count && count > 0);
        fuzz_touch(idx.values, count);
        if (!td_is_gzip(data, size))
            check_compressed(&idx, data, size, rank);
    }
    td_idx_close(&idx);
    td_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    for (size_t rank = 1; rank <= TD_IDX_RANK; rank++)
        read_rank(data, size, rank);
    return 0;
}
