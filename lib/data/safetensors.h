/* SPDX-License-Identifier: MIT */
/* The safetensors container, read strictly: a little-endian 64-bit header length of at most 1 MiB,
 * a JSON object with unique names, tensors that tile the rest of the file exactly; at most 8
 * dimensions. Names contain no control characters. `__metadata__` may be null, as MLX writes it.
 * The caller checks that numbers are finite. */
#ifndef TD_DATA_SAFETENSORS_H
#define TD_DATA_SAFETENSORS_H

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The types of the format. */
typedef enum td_dtype {
    TD_BOOL,
    TD_U8,
    TD_I8,
    TD_F8_E5M2,
    TD_F8_E4M3,
    TD_I16,
    TD_U16,
    TD_F16,
    TD_BF16,
    TD_I32,
    TD_U32,
    TD_F32,
    TD_F64,
    TD_I64,
    TD_U64,
    TD_C64,
    TD_DTYPES, /* how many there are */
} td_dtype;

enum { TD_TENSOR_RANK = 8, TD_SAFETENSORS_HEADER = 1 << 20 };

/* "F32"; bytes of one element. */
const char *td_dtype_name(td_dtype dtype);
size_t td_dtype_size(td_dtype dtype);

typedef struct td_tensor {
    const char *name;
    td_dtype dtype;
    size_t rank, dims[TD_TENSOR_RANK];
    size_t count, bytes;   /* elements; bytes of data */
    const void *data;      /* little-endian; in a mapped file it need not be aligned to the type */
    const size_t *strides; /* [rank], in elements; NULL: contiguous rows. Only for PyTorch's files;
                              safetensors have no strides */
    const struct td_pieces *pieces; /* for writing: the source of the data, or NULL */
} td_tensor;

/* Data generated while it is written, so that only one piece at a time is in memory. */
typedef struct td_pieces {
    /* Returns the next piece, at least one byte, valid until the next call. Called until the tensor
     * is complete. */
    td_status (*next)(void *context, const void **piece, size_t *bytes, td_error *error);
    void *context;
} td_pieces;

typedef struct td_metadata {
    const char *key, *value;
} td_metadata;

typedef struct td_safetensors {
    td_tensor *tensors; /* in the order of their data; empty tensors before others */
    size_t tensor_count;
    td_metadata *metadata;
    size_t metadata_count;
    td_arena arena; /* owns names and tables */
    td_map map;     /* owns the data when opened from a file */
} td_safetensors;

/* Maps and checks a file. Messages name the file and the tensor. On failure *file is zeroed. */
td_status td_safetensors_open(td_safetensors *file, const char *path, td_error *error) TD_MUST_USE;

/* The same for bytes in memory, which the caller owns and keeps longer than *file. */
td_status td_safetensors_parse(td_safetensors *file, const uint8_t *bytes, size_t size,
                               td_error *error) TD_MUST_USE;

void td_safetensors_close(td_safetensors *file);

/* NULL if there is none. */
const td_tensor *td_safetensors_find(const td_safetensors *file, const char *name);
const char *td_safetensors_metadata(const td_safetensors *file, const char *key);

/* Writes a container: tensors by alignment (largest first) then name, metadata by key, header
 * padded with spaces to a multiple of 8, so that the same content gives the same bytes. Computes
 * `bytes` and `count` of the tensors from dtype and dims. TD_ERR_USAGE for a file that could not be
 * read back: pieces that do not add up to the tensor; names that are repeated, reserved, not UTF-8
 * or with control characters; more than 8 dimensions; a header above 1 MiB. */
td_status td_safetensors_write(FILE *stream, const td_tensor *tensors, size_t tensor_count,
                               const td_metadata *metadata, size_t metadata_count,
                               td_error *error) TD_MUST_USE;

#endif
