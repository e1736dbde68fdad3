/* SPDX-License-Identifier: MIT */
/* Version 1.0 of the format: the header, padded with blanks so that the values begin at a multiple
 * of 64 bytes, then the values. */
#include "data/npy.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum { PREFIX = 10, ALIGNMENT = 64, LONGEST = 256 };

td_status td_npy_write(FILE *stream, td_npy_kind kind, const void *values, const size_t *dims,
                       size_t rank, td_error *error) {
    static const char magic[] = "\x93NUMPY\x01";
    const size_t size = kind == TD_NPY_FLOAT ? sizeof(float) : 1;
    char header[LONGEST];
    size_t count = 1;
    int used = snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                        kind == TD_NPY_FLOAT ? "<f4" : "|u1");
    for (size_t i = 0; i < rank; i++) {
        used += snprintf(header + used, sizeof header - (size_t)used, "%zu, ", dims[i]);
        count *= dims[i];
    }
    used += snprintf(header + used, sizeof header - (size_t)used, "), }");
    const size_t whole = (PREFIX + (size_t)used + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    const int length = (int)(whole - PREFIX);
    const uint8_t prefix[] = {0, (uint8_t)(length & 0xff), (uint8_t)(length >> 8)};
    const bool written = fwrite(magic, 1, 7, stream) == 7 &&
                         fwrite(prefix, 1, sizeof prefix, stream) == sizeof prefix &&
                         fprintf(stream, "%-*s\n", length - 1, header) == length &&
                         fwrite(values, size, count, stream) == count;
    return written ? TD_OK : td_fail(error, TD_ERR_IO, "%s", strerror(errno));
}
