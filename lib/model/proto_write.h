/* SPDX-License-Identifier: MIT */
/* Messages of Protocol Buffers, written field by field to a stream: the part of the wire format
 * that an ONNX file needs (protobuf.dev, "Encoding"). What cannot be written shows at the stream's
 * end, as with stdio. */
#ifndef TD_MODEL_PROTO_WRITE_H
#define TD_MODEL_PROTO_WRITE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A whole number, a float, and bytes, such as a text or a message that was written before. */
void td_proto_number(FILE *out, unsigned field, uint64_t value);
void td_proto_float(FILE *out, unsigned field, float value);
void td_proto_bytes(FILE *out, unsigned field, const void *bytes, size_t size);
void td_proto_text(FILE *out, unsigned field, const char *text);

/* The head of a field of `size` bytes, which the caller writes then, and the bytes of the head and
 * them together. */
void td_proto_head(FILE *out, unsigned field, size_t size);
size_t td_proto_whole(unsigned field, size_t size);

#endif
