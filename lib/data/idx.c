/* SPDX-License-Identifier: MIT */
#include "data/idx.h"

#include "base/size.h"
#include "data/gunzip.h"
#include <stdio.h>
#include <string.h>

enum { UNSIGNED_BYTE = 8, WORD = 4 };

static size_t big_endian(const uint8_t *bytes) {
    return (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
}

/* "60000x28x28" */
static const char *dims_text(char *text, size_t size, const size_t *dims, size_t rank) {
    size_t used = 0;
    for (size_t i = 0; i < rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%zu", i ? "x" : "", dims[i]);
    return text;
}

/* Checks the header's `WORD * (1 + rank)` bytes and reads the dimensions. */
static td_status read_header(td_idx *idx, const uint8_t *header, size_t rank, td_error *error) {
    if (header[0] != 0 || header[1] != 0 || header[2] != UNSIGNED_BYTE || header[3] != rank)
        return td_fail(error, TD_ERR_FORMAT,
                       "magic number: expected 0000080%zu (unsigned bytes, dimensions: %zu), found "
                       "%02x%02x%02x%02x",
                       rank, rank, header[0], header[1], header[2], header[3]);
    for (size_t i = 0; i < rank; i++)
        idx->dims[i] = big_endian(header + WORD * (1 + i));
    char text[64];
    if (!td_size_product(idx->dims, rank, &idx->count))
        return td_fail(error, TD_ERR_FORMAT,
                       "header: expected a size that fits in memory, found %s values",
                       dims_text(text, sizeof text, idx->dims, rank));
    if (idx->count == 0)
        return td_fail(error, TD_ERR_FORMAT, "header: expected at least one value, found %s",
                       dims_text(text, sizeof text, idx->dims, rank));
    return TD_OK;
}

static td_status read_plain(td_idx *idx, size_t rank, td_error *error) {
    size_t header_size = WORD * (1 + rank), expected;
    char text[64];
    if (idx->map.size < header_size)
        return td_fail(error, TD_ERR_FORMAT, "header: expected %zu bytes, found a file of %zu",
                       header_size, idx->map.size);
    TD_TRY(read_header(idx, idx->map.data, rank, error));
    if (!td_size_add(idx->count, header_size, &expected))
        expected = SIZE_MAX;
    if (idx->map.size != expected)
        return td_fail(error, TD_ERR_FORMAT,
                       "header: expected a file of %zu bytes for %s values, found %zu bytes",
                       expected, dims_text(text, sizeof text, idx->dims, rank), idx->map.size);
    idx->values = idx->map.data + header_size;
    return TD_OK;
}

static td_status decompress(td_idx *idx, td_gunzip *gunzip, size_t rank, td_arena *arena,
                            td_error *error) {
    uint8_t header[WORD * (1 + TD_IDX_RANK)], *values;
    char text[64];
    TD_TRY(td_gunzip_read(gunzip, header, WORD * (1 + rank), error));
    TD_TRY(read_header(idx, header, rank, error));
    if (idx->count / TD_GZIP_RATIO > gunzip->size)
        return td_fail(error, TD_ERR_FORMAT,
                       "header: expected at most %d values for each of its %zu compressed bytes, "
                       "found %s values",
                       TD_GZIP_RATIO, gunzip->size, dims_text(text, sizeof text, idx->dims, rank));
    TD_TRY(TD_ARENA_NEW(arena, idx->count, &values, "decompressed values", error));
    TD_TRY(td_gunzip_read(gunzip, values, idx->count, error));
    idx->values = values;
    return td_gunzip_finish(gunzip, error);
}

/* The compressed bytes are not needed afterwards. */
static td_status read_compressed(td_idx *idx, size_t rank, td_arena *arena, td_error *error) {
    td_gunzip gunzip;
    TD_TRY(td_gunzip_start(&gunzip, idx->map.data, idx->map.size, error));
    td_status status = decompress(idx, &gunzip, rank, arena, error);
    td_gunzip_close(&gunzip);
    td_map_close(&idx->map);
    return status;
}

td_status td_idx_read(td_idx *idx, const char *path, size_t rank, td_arena *arena,
                      td_error *error) {
    *idx = (td_idx){0};
    TD_TRY(td_map_open(&idx->map, path, error));
    td_status status = td_is_gzip(idx->map.data, idx->map.size)
                           ? read_compressed(idx, rank, arena, error)
                           : read_plain(idx, rank, error);
    if (status != TD_OK) {
        td_idx_close(idx);
        return td_fail_within(error, status, "%s", path);
    }
    return TD_OK;
}

void td_idx_close(td_idx *idx) {
    td_map_close(&idx->map);
    *idx = (td_idx){0};
}
