/* SPDX-License-Identifier: MIT */
/* Writes Protocol Buffers messages field by field to a stream: the part of the wire format that an
 * ONNX file needs (protobuf.dev, "Encoding"). Write errors show in ferror at the end, as with
 * stdio. */
#ifndef TD_MODEL_PROTO_WRITE_H
#define TD_MODEL_PROTO_WRITE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* An integer, a float, and bytes such as text or a nested message that was written before. */
void td_proto_number(FILE *out, unsigned field, uint64_t value);
void td_proto_float(FILE *out, unsigned field, float value);
void td_proto_bytes(FILE *out, unsigned field, const void *bytes, size_t size);
void td_proto_text(FILE *out, unsigned field, const char *text);

/* The head of a field whose `size` bytes the caller writes next, and the total bytes of both. */
void td_proto_head(FILE *out, unsigned field, size_t size);
size_t td_proto_whole(unsigned field, size_t size);

#endif
