/* SPDX-License-Identifier: MIT */
/* The tensors of ONNX: their numbers are in the message as raw data, in a list of it, or in a file
 * beside the model. */
#include "base/size.h"
#include "data/path.h"
#include "model/onnx.h"
#include <stdlib.h>
#include <string.h>

enum {
    DIMS = 1,
    TYPE,
    FLOATS = 4,
    INTS32,
    STRINGS,
    INTS64,
    NAME,
    RAW,
    DOUBLES,
    UINTS64,
    EXTERNAL = 13,
    PLACE
};
enum { ENTRY_KEY = 1, ENTRY_VALUE };

/* Indexed by TensorProto.DataType, with the field that lists such numbers. */
static const struct {
    const char *name;
    td_dtype dtype;
    uint32_t list;
} types[] = {
    [1] = {"FLOAT", TD_F32, FLOATS},      [2] = {"UINT8", TD_U8, INTS32},
    [3] = {"INT8", TD_I8, INTS32},        [4] = {"UINT16", TD_U16, INTS32},
    [5] = {"INT16", TD_I16, INTS32},      [6] = {"INT32", TD_I32, INTS32},
    [7] = {"INT64", TD_I64, INTS64},      [9] = {"BOOL", TD_BOOL, INTS32},
    [10] = {"FLOAT16", TD_F16, INTS32},   [11] = {"DOUBLE", TD_F64, DOUBLES},
    [12] = {"UINT32", TD_U32, UINTS64},   [13] = {"UINT64", TD_U64, UINTS64},
    [16] = {"BFLOAT16", TD_BF16, INTS32},
};

/* The location of a TensorProto's numbers. */
typedef struct parts {
    int64_t dims[TD_TENSOR_RANK + 1]; /* one more, to detect excess dimensions */
    uint64_t type;
    td_wire raw;
    bool has_raw, external;
    const char *location;
    size_t offset, length;
    bool has_length;
} parts;

#define NEXT(message, field, more)                                                                 \
    TD_TRY(td_wire_next(&(message), &(field), &(more), error));                                    \
    if (!(more))                                                                                   \
    break

/* --- external data --- */

static td_status read_size(const char *key, const char *text, size_t *out, td_error *error) {
    char *end;
    const unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || value > SIZE_MAX / 2)
        return td_fail(error, TD_ERR_FORMAT, "external data: %s: expected a number, found \"%s\"",
                       key, text);
    *out = (size_t)value;
    return TD_OK;
}

static td_status read_entry(td_onnx *onnx, td_wire message, parts *p, td_error *error) {
    const char *key = "", *value = "";
    td_wire_field field;
    bool more;
    for (;;) {
        NEXT(message, field, more);
        if (field.number == ENTRY_KEY)
            TD_TRY(td_onnx_text(onnx, &field, &key, error));
        else if (field.number == ENTRY_VALUE)
            TD_TRY(td_onnx_text(onnx, &field, &value, error));
    }
    if (strcmp(key, "location") == 0)
        p->location = value;
    else if (strcmp(key, "offset") == 0)
        return read_size(key, value, &p->offset, error);
    else if (strcmp(key, "length") == 0) {
        p->has_length = true;
        return read_size(key, value, &p->length, error);
    }
    return TD_OK;
}

/* Opens the only allowed file of external data: beside the model, and not a link. */
static td_status open_beside(td_source *source, const char *name, td_error *error) {
    char folder[TD_PATH_SIZE], path[TD_PATH_SIZE];
    const char *slash = strrchr(source->path, '/'), *kept;
    const size_t length = slash ? (size_t)(slash - source->path) + 1 : 0;
    if (source->beside)
        return strcmp(name, source->beside + length) == 0
                   ? TD_OK
                   : td_fail(error, TD_ERR_FORMAT,
                             "external data: expected all in one file, found \"%s\" and \"%s\"",
                             source->beside + length, name);
    if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return td_fail(error, TD_ERR_FORMAT,
                       "external data: expected the name of a file beside the model, found \"%s\"",
                       name);
    if (length >= sizeof folder)
        return td_fail(error, TD_ERR_USAGE, "expected a shorter path");
    memcpy(folder, source->path, length);
    folder[length] = '\0';
    if (length == 0 ? snprintf(path, sizeof path, "%s", name) >= (int)sizeof path
                    : snprintf(path, sizeof path, "%s%s", folder, name) >= (int)sizeof path)
        return td_fail(error, TD_ERR_USAGE, "expected a shorter path");
    TD_TRY(td_arena_print(&source->arena, &kept, error, "%s", path));
    td_status status = td_map_open_alone(&source->beside_map, path, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "external data");
    source->beside = kept;
    return TD_OK;
}

static td_status find_external(td_onnx *onnx, const parts *p, td_tensor *out, td_error *error) {
    td_source *source = onnx->source;
    size_t end;
    if (!p->location)
        return td_fail(error, TD_ERR_FORMAT, "external data: expected a location, found none");
    TD_TRY(open_beside(source, p->location, error));
    if (p->has_length && p->length != out->bytes)
        return td_fail(error, TD_ERR_FORMAT,
                       "external data: length: expected %zu bytes for its shape, found %zu",
                       out->bytes, p->length);
    if (!td_size_add(p->offset, out->bytes, &end) || end > source->beside_map.size)
        return td_fail(error, TD_ERR_FORMAT,
                       "external data: expected %zu bytes at byte %zu of \"%s\", found its end at "
                       "%zu",
                       out->bytes, p->offset, p->location, source->beside_map.size);
    out->data = source->beside_map.data + p->offset;
    return TD_OK;
}

/* --- lists --- */

static void store_integers(const int64_t *values, td_tensor *out, uint8_t *to) {
    const size_t size = td_dtype_size(out->dtype);
    for (size_t i = 0; i < out->count; i++) /* little-endian, so truncation gives the type */
        memcpy(to + i * size, &values[i], size);
}

static td_status count_is(const td_tensor *tensor, size_t found, td_error *error) {
    return found == tensor->count
               ? TD_OK
               : td_fail(error, TD_ERR_FORMAT, "expected %zu numbers for its shape, found %zu",
                         tensor->count, found);
}

static td_status read_integers(td_onnx *onnx, td_wire message, uint32_t number, td_tensor *out,
                               td_error *error) {
    td_arena passing = {0};
    td_wire_field field;
    int64_t *values;
    uint8_t *bytes;
    size_t room, count = 0;
    bool more;
    TD_TRY(td_onnx_list_room(message, number, &room, error));
    if (room < out->count)
        return count_is(out, room, error);
    TD_TRY(TD_ARENA_NEW(&passing, room, &values, "a tensor", error));
    td_status status = TD_OK;
    while (status == TD_OK) {
        status = td_wire_next(&message, &field, &more, error);
        if (status != TD_OK || !more)
            break;
        if (field.number == number)
            status = td_onnx_integers(&field, values, room, &count, error);
    }
    if (status == TD_OK)
        status = count_is(out, count, error);
    if (status == TD_OK)
        status = TD_ARENA_NEW(&onnx->source->arena, out->bytes, &bytes, "a tensor", error);
    if (status == TD_OK) {
        store_integers(values, out, bytes);
        out->data = bytes;
    }
    td_arena_free(&passing);
    return status;
}

/* Floats and doubles in a list are stored as in memory; usually there is one list. */
static td_status read_reals(td_onnx *onnx, td_wire message, uint32_t number, td_tensor *out,
                            td_error *error) {
    td_wire fields = message;
    td_wire_field field;
    uint8_t *bytes = NULL;
    size_t total = 0;
    bool more;
    for (;;) {
        NEXT(fields, field, more);
        if (field.number == number && field.type != TD_WIRE_VARINT) {
            total += td_wire_size(&field.bytes);
            out->data = field.bytes.at;
            if (td_wire_size(&field.bytes) == out->bytes)
                return TD_OK;
        }
    }
    TD_TRY(count_is(out, total / td_dtype_size(out->dtype), error));
    TD_TRY(TD_ARENA_NEW(&onnx->source->arena, total, &bytes, "a tensor", error));
    out->data = bytes;
    for (;;) {
        NEXT(message, field, more);
        if (field.number != number || field.type == TD_WIRE_VARINT)
            continue;
        memcpy(bytes, field.bytes.at, td_wire_size(&field.bytes));
        bytes += td_wire_size(&field.bytes);
    }
    return TD_OK;
}

/* --- a tensor --- */

static td_status read_dims(const td_wire_field *field, parts *p, td_tensor *out, td_error *error) {
    TD_TRY(td_onnx_integers(field, p->dims, TD_TENSOR_RANK + 1, &out->rank, error));
    return out->rank <= TD_TENSOR_RANK
               ? TD_OK
               : td_fail(error, TD_ERR_FORMAT, "dims: expected at most %d, found more",
                         TD_TENSOR_RANK);
}

static td_status read_parts(td_onnx *onnx, td_wire message, parts *p, td_tensor *out,
                            td_error *error) {
    td_wire_field field;
    bool more;
    for (;;) {
        NEXT(message, field, more);
        switch (field.number) {
        case DIMS:
            TD_TRY(read_dims(&field, p, out, error));
            break;
        case TYPE:
            TD_TRY(td_wire_expect(&field, TD_WIRE_VARINT, "a type", error));
            p->type = field.value;
            break;
        case NAME:
            TD_TRY(td_onnx_text(onnx, &field, &out->name, error));
            break;
        case RAW:
            TD_TRY(td_wire_expect(&field, TD_WIRE_BYTES, "the numbers of a tensor", error));
            p->raw = field.bytes;
            p->has_raw = true;
            break;
        case EXTERNAL:
            TD_TRY(td_wire_expect(&field, TD_WIRE_BYTES, "external data", error));
            TD_TRY(read_entry(onnx, field.bytes, p, error));
            break;
        case PLACE:
            p->external = field.value == 1;
            break;
        default:
            break;
        }
    }
    return TD_OK;
}

static td_status measure(const parts *p, td_tensor *out, td_error *error) {
    if (p->type >= sizeof types / sizeof *types || !types[p->type].name)
        return td_fail(error, TD_ERR_FORMAT,
                       "type: expected floats or whole numbers such as FLOAT (1) or INT64 (7), "
                       "found type %llu%s",
                       (unsigned long long)p->type, p->type == 8 ? ", texts" : "");
    out->dtype = types[p->type].dtype;
    for (size_t i = 0; i < out->rank; i++) {
        if (p->dims[i] < 0)
            return td_fail(error, TD_ERR_FORMAT, "dims: expected sizes of at least 0, found %lld",
                           (long long)p->dims[i]);
        out->dims[i] = (size_t)p->dims[i];
    }
    if (!td_size_product(out->dims, out->rank, &out->count) ||
        !td_size_mul(out->count, td_dtype_size(out->dtype), &out->bytes))
        return td_fail(error, TD_ERR_FORMAT,
                       "dims: expected a size that fits in memory, found one "
                       "that overflows");
    return TD_OK;
}

static td_status read_numbers(td_onnx *onnx, td_wire message, const parts *p, td_tensor *out,
                              td_error *error) {
    const uint32_t list = types[p->type].list;
    if (p->external)
        return find_external(onnx, p, out, error);
    if (p->has_raw) {
        out->data = p->raw.at;
        return td_wire_size(&p->raw) == out->bytes
                   ? TD_OK
                   : td_fail(error, TD_ERR_FORMAT, "expected %zu bytes for its shape, found %zu",
                             out->bytes, td_wire_size(&p->raw));
    }
    if (out->count == 0) {
        out->data = "";
        return TD_OK;
    }
    return list == FLOATS || list == DOUBLES ? read_reals(onnx, message, list, out, error)
                                             : read_integers(onnx, message, list, out, error);
}

td_status td_onnx_tensor(td_onnx *onnx, td_wire message, td_tensor *out, td_error *error) {
    parts p = {.location = NULL};
    *out = (td_tensor){.name = ""};
    td_status status = read_parts(onnx, message, &p, out, error);
    if (status == TD_OK)
        status = measure(&p, out, error);
    if (status == TD_OK)
        status = read_numbers(onnx, message, &p, out, error);
    if (status == TD_OK)
        return TD_OK;
    return *out->name ? td_fail_within(error, status, "tensor \"%s\"", out->name)
                      : td_fail_within(error, status, "a tensor");
}
