/* SPDX-License-Identifier: MIT */
#include "model/wire.h"

#include "model/bytes.h"

static td_status wrong(const td_wire *w, td_error *error, const char *expected) {
    return td_fail(error, TD_ERR_FORMAT, "byte %zu: expected %s", (size_t)(w->at - w->file),
                   expected);
}

td_status td_wire_varint(td_wire *w, uint64_t *out, td_error *error) {
    const uint8_t *at = w->at;
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (at == w->end)
            return wrong(w, error, "a number, found the end of the message that has it");
        const uint64_t bits = *at & 127;
        if (shift == 63 && bits > 1)
            break;
        value |= bits << shift;
        if (*at++ < 128) {
            w->at = at;
            *out = value;
            return TD_OK;
        }
    }
    return wrong(w, error, "a number of at most 64 bits, found a longer one");
}

/* The bytes of a field; at most the rest of the message. */
static td_status take(td_wire *w, uint64_t size, td_wire *out, td_error *error) {
    if (size > td_wire_size(w))
        return td_fail(error, TD_ERR_FORMAT,
                       "byte %zu: expected %llu bytes of a field, found %zu to the end",
                       (size_t)(w->at - w->file), (unsigned long long)size, td_wire_size(w));
    *out = (td_wire){w->at, w->at + size, w->file};
    w->at += size;
    return TD_OK;
}

td_status td_wire_next(td_wire *w, td_wire_field *field, bool *more, td_error *error) {
    uint64_t tag;
    *more = w->at < w->end;
    if (!*more)
        return TD_OK;
    const td_wire begin = *w;
    TD_TRY(td_wire_varint(w, &tag, error));
    *field = (td_wire_field){.number = (uint32_t)(tag >> 3), .type = (td_wire_type)(tag & 7)};
    if (tag >> 32 || field->number == 0)
        return wrong(&begin, error, "a field of a message of Protocol Buffers, found another byte");
    const uint8_t *number = w->at;
    switch (tag & 7) {
    case TD_WIRE_VARINT:
        TD_TRY(td_wire_varint(w, &field->value, error));
        field->bytes = (td_wire){number, w->at, w->file};
        return TD_OK;
    case TD_WIRE_FIXED64:
        TD_TRY(take(w, 8, &field->bytes, error));
        field->value = td_bytes_u64(field->bytes.at);
        return TD_OK;
    case TD_WIRE_FIXED32:
        TD_TRY(take(w, 4, &field->bytes, error));
        field->value = td_bytes_u32(field->bytes.at);
        return TD_OK;
    case TD_WIRE_BYTES:
        TD_TRY(td_wire_varint(w, &field->value, error));
        return take(w, field->value, &field->bytes, error);
    default:
        return wrong(&begin, error,
                     "a field of a message of Protocol Buffers, found one of another type");
    }
}

td_status td_wire_expect(const td_wire_field *field, td_wire_type type, const char *what,
                         td_error *error) {
    if (field->type == type)
        return TD_OK;
    return td_fail(
        error, TD_ERR_FORMAT, "byte %zu: %s: expected a field of wire type %d, found type %d",
        (size_t)(field->bytes.at - field->bytes.file), what, (int)type, (int)field->type);
}

td_status td_wire_count(td_wire w, uint32_t number, size_t *out, td_error *error) {
    td_wire_field field;
    bool more;
    for (*out = 0;; *out += field.number == number) {
        TD_TRY(td_wire_next(&w, &field, &more, error));
        if (!more)
            return TD_OK;
    }
}
