/* SPDX-License-Identifier: MIT */
#include "model/proto_write.h"

#include <string.h>

enum { VARINT = 0, BYTES = 2, FIXED32 = 5 };

static void write_varint(FILE *out, uint64_t value) {
    for (; value > 127; value >>= 7)
        fputc((int)(value & 127) | 128, out);
    fputc((int)value, out);
}

static size_t varint_size(uint64_t value) {
    size_t size = 1;
    for (; value > 127; value >>= 7)
        size++;
    return size;
}

static uint64_t tag_of(unsigned field, unsigned type) {
    return (uint64_t)field << 3 | type;
}

void td_proto_number(FILE *out, unsigned field, uint64_t value) {
    write_varint(out, tag_of(field, VARINT));
    write_varint(out, value);
}

void td_proto_float(FILE *out, unsigned field, float value) {
    write_varint(out, tag_of(field, FIXED32));
    fwrite(&value, sizeof value, 1, out);
}

void td_proto_head(FILE *out, unsigned field, size_t size) {
    write_varint(out, tag_of(field, BYTES));
    write_varint(out, size);
}

size_t td_proto_whole(unsigned field, size_t size) {
    return varint_size(tag_of(field, BYTES)) + varint_size(size) + size;
}

void td_proto_bytes(FILE *out, unsigned field, const void *bytes, size_t size) {
    td_proto_head(out, field, size);
    if (size > 0)
        fwrite(bytes, 1, size, out);
}

void td_proto_text(FILE *out, unsigned field, const char *text) {
    td_proto_bytes(out, field, text, strlen(text));
}
