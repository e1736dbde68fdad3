/* SPDX-License-Identifier: MIT */
/* NumPy's .npy files (versions 1.0, 2.0 and 3.0 of the format, described in numpy.lib.format): a
 * magic string, a header that is the text of a Python dict, the values. The reader is as strict as
 * the description allows, and reads only arrays that can be used in place: numbers, little-endian,
 * in C order. It never runs a pickle. */
#ifndef TD_DATA_NPY_H
#define TD_DATA_NPY_H

#include "base/error.h"
#include "base/file.h"
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { TD_NPY_RANK = 8, TD_NPY_HEADER = 65535, TD_NPY_TEXT = 24 * TD_NPY_RANK };

typedef enum td_npy_kind { TD_NPY_UNSIGNED, TD_NPY_SIGNED, TD_NPY_FLOAT } td_npy_kind;

typedef struct td_npy {
    const char *descr; /* "|u1": NumPy's name of the type */
    td_npy_kind kind;
    size_t size; /* bytes of a value: 1, 2, 4 or 8 */
    size_t rank, dims[TD_NPY_RANK];
    size_t count;        /* values: the product of the dimensions */
    const uint8_t *data; /* little-endian; need not be aligned to the type */
    td_map map;          /* owns the data when opened from a file */
} td_npy;

/* Parses a whole file in memory, which the caller owns and keeps longer than *npy. TD_ERR_FORMAT
 * with the place. On failure *npy is zeroed. */
td_status td_npy_parse(td_npy *npy, const uint8_t *bytes, size_t size, td_error *error) TD_MUST_USE;

/* Maps a file and parses it; messages name it. On failure *npy is zeroed. */
td_status td_npy_open(td_npy *npy, const char *path, td_error *error) TD_MUST_USE;

/* Writes an array with 1 to TD_NPY_RANK dimensions: floats as "<f4" for TD_NPY_FLOAT, bytes as
 * "|u1" for TD_NPY_UNSIGNED. TD_ERR_IO gives the system's reason without the file's name. */
td_status td_npy_write(FILE *stream, td_npy_kind kind, const void *values, const size_t *dims,
                       size_t rank, td_error *error) TD_MUST_USE;

/* Accepts a zeroed array. */
void td_npy_close(td_npy *npy);

/* The shape as Python prints it, "(60000, 28, 28)". */
const char *td_npy_shape(const td_npy *npy, char text[TD_NPY_TEXT]);

#endif
