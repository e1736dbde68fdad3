#include "data/npy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Version 1.0: the header's text, with the ten bytes before it, ends at a multiple of 64. */
td_status td_npy_write(FILE *stream, const uint8_t *values, const size_t *dims, size_t rank,
                       td_error *error) {
    enum { BEFORE = 10, UNIT = 64 };
    char text[UNIT * 8];
    size_t count = 1;
    int used = snprintf(text, sizeof text, "{'descr': '|u1', 'fortran_order': False, 'shape': (");
    for (size_t i = 0; i < rank; i++) {
        used += snprintf(text + used, sizeof text - (size_t)used, "%zu%s", dims[i],
                         i + 1 < rank ? ", "
                         : rank == 1  ? ","
                                      : "");
        count *= dims[i];
    }
    used += snprintf(text + used, sizeof text - (size_t)used, "), }");
    while ((BEFORE + used + 1) % UNIT != 0)
        text[used++] = ' ';
    text[used++] = '\n';
    const uint8_t begin[BEFORE] = {
        0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (uint8_t)(used & 255), (uint8_t)(used >> 8)};
    const size_t length = (size_t)used;
    return fwrite(begin, 1, sizeof begin, stream) == sizeof begin &&
                   fwrite(text, 1, length, stream) == length &&
                   fwrite(values, 1, count, stream) == count
               ? TD_OK
               : td_fail(error, TD_ERR_IO, "%s", strerror(errno));
}
