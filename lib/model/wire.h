/* SPDX-License-Identifier: MIT */
/* Reads Protocol Buffers messages in place, field by field: copies nothing, and never reads past
 * the file. An ONNX reader needs only this small part of the wire format (protobuf.dev,
 * "Encoding"): numbers, bytes, and skipping the rest. A library would copy all weights before our
 * checks see them, and would add its schema compiler to the build. */
#ifndef TD_MODEL_WIRE_H
#define TD_MODEL_WIRE_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum td_wire_type {
    TD_WIRE_VARINT = 0,
    TD_WIRE_FIXED64 = 1,
    TD_WIRE_BYTES = 2,
    TD_WIRE_FIXED32 = 5,
} td_wire_type;

/* A message, or the rest of one. */
typedef struct td_wire {
    const uint8_t *at, *end;
    const uint8_t *file; /* start of the file, for offsets in messages */
} td_wire;

typedef struct td_wire_field {
    uint32_t number;
    td_wire_type type;
    uint64_t value; /* of a number; only as many bytes as the type has */
    td_wire bytes;  /* of TD_WIRE_BYTES; otherwise the bytes of the number */
} td_wire_field;

/* Reads the next field; *more is false at the end. TD_ERR_FORMAT, with the place, for an invalid
 * field, and for one that extends past the message. */
td_status td_wire_next(td_wire *message, td_wire_field *field, bool *more,
                       td_error *error) TD_MUST_USE;

/* Reads one number of a packed list. */
td_status td_wire_varint(td_wire *list, uint64_t *out, td_error *error) TD_MUST_USE;

/* TD_ERR_FORMAT, with the place, unless the field is of that type. */
td_status td_wire_expect(const td_wire_field *field, td_wire_type type, const char *what,
                         td_error *error) TD_MUST_USE;

/* The number of fields with that number in the message. */
td_status td_wire_count(td_wire message, uint32_t number, size_t *out, td_error *error) TD_MUST_USE;

static inline size_t td_wire_size(const td_wire *message) {
    return (size_t)(message->end - message->at);
}

#endif
