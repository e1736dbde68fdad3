/* SPDX-License-Identifier: MIT */
/* IDX, the format of MNIST: two zero bytes, the type (8: unsigned byte), the number of dimensions,
 * each dimension as a big-endian 32-bit number, then the values. As described at the end of
 * http://yann.lecun.com/exdb/mnist/. A file may be gzip-compressed under any name. */
#ifndef TD_DATA_IDX_H
#define TD_DATA_IDX_H

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include <stddef.h>
#include <stdint.h>

enum { TD_IDX_RANK = 3 };

typedef struct td_idx {
    size_t dims[TD_IDX_RANK];
    size_t count;          /* values: the product of the dimensions */
    const uint8_t *values; /* in `map`, or in the arena if the file was compressed */
    td_map map;            /* owns the values of an uncompressed file */
} td_idx;

/* Reads a file of unsigned bytes with exactly `rank` dimensions (1 to 3). Before it allocates, it
 * checks that the header agrees with the file's size, or for a compressed file is possible for it.
 * On failure *idx is zeroed. */
td_status td_idx_read(td_idx *idx, const char *path, size_t rank, td_arena *arena,
                      td_error *error) TD_MUST_USE;

void td_idx_close(td_idx *idx);

#endif
