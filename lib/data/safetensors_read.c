/* SPDX-License-Identifier: MIT */
#include "data/safetensors.h"

#include "base/json.h"
#include "base/size.h"
#include "data/text.h"
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8 };

/* The state of the reader: the parts of the file, and the output. */
typedef struct reader {
    td_safetensors *file;
    const uint8_t *data; /* the bytes after the header */
    size_t data_size;
    td_error *error;
} reader;

static const struct {
    const char *name;
    size_t size;
} dtypes[TD_DTYPES] = {
    [TD_BOOL] = {"BOOL", 1},       [TD_U8] = {"U8", 1},           [TD_I8] = {"I8", 1},
    [TD_F8_E5M2] = {"F8_E5M2", 1}, [TD_F8_E4M3] = {"F8_E4M3", 1}, [TD_I16] = {"I16", 2},
    [TD_U16] = {"U16", 2},         [TD_F16] = {"F16", 2},         [TD_BF16] = {"BF16", 2},
    [TD_I32] = {"I32", 4},         [TD_U32] = {"U32", 4},         [TD_F32] = {"F32", 4},
    [TD_F64] = {"F64", 8},         [TD_I64] = {"I64", 8},         [TD_U64] = {"U64", 8},
    [TD_C64] = {"C64", 8}};

const char *td_dtype_name(td_dtype dtype) {
    return dtypes[dtype].name;
}

size_t td_dtype_size(td_dtype dtype) {
    return dtypes[dtype].size;
}

/* Describes a value of the wrong kind. */
static const char *kind_of(const json_t *value) {
    static const char *const kinds[] = {
        [JSON_OBJECT] = "an object",   [JSON_ARRAY] = "an array",     [JSON_STRING] = "a string",
        [JSON_INTEGER] = "an integer", [JSON_REAL] = "a real number", [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",        [JSON_NULL] = "null"};
    return value ? kinds[json_typeof(value)] : "nothing";
}

static td_status check_name(const char *name, td_error *error) {
    if (!td_text_is_plain(name))
        return td_fail(error, TD_ERR_FORMAT,
                       "header: expected names without control characters, found one with them");
    return TD_OK;
}

static td_status read_natural(const json_t *value, size_t *out, const char *name, const char *what,
                              td_error *error) {
    if (!json_is_integer(value))
        return td_fail(error, TD_ERR_FORMAT, "tensor \"%s\": %s: expected an integer, found %s",
                       name, what, kind_of(value));
    if (json_integer_value(value) < 0)
        return td_fail(error, TD_ERR_FORMAT, "tensor \"%s\": %s: expected at least 0, found %lld",
                       name, what, (long long)json_integer_value(value));
    *out = (size_t)json_integer_value(value);
    return TD_OK;
}

static td_status read_dtype(td_tensor *tensor, const json_t *value, td_error *error) {
    const char *text = json_string_value(value);
    if (!text)
        return td_fail(error, TD_ERR_FORMAT, "tensor \"%s\": dtype: expected a string, found %s",
                       tensor->name, kind_of(value));
    for (size_t i = 0; i < TD_DTYPES; i++)
        if (strcmp(text, dtypes[i].name) == 0) {
            tensor->dtype = (td_dtype)i;
            return TD_OK;
        }
    TD_TRY(check_name(text, error));
    return td_fail(error, TD_ERR_FORMAT,
                   "tensor \"%s\": dtype: expected one of the format's, such as F32, found %s",
                   tensor->name, text);
}

static td_status read_shape(td_tensor *tensor, const json_t *value, td_error *error) {
    if (!json_is_array(value))
        return td_fail(error, TD_ERR_FORMAT, "tensor \"%s\": shape: expected an array, found %s",
                       tensor->name, kind_of(value));
    tensor->rank = json_array_size(value);
    if (tensor->rank > TD_TENSOR_RANK)
        return td_fail(error, TD_ERR_FORMAT,
                       "tensor \"%s\": shape: expected at most %d dimensions, found %zu",
                       tensor->name, TD_TENSOR_RANK, tensor->rank);
    for (size_t i = 0; i < tensor->rank; i++)
        TD_TRY(
            read_natural(json_array_get(value, i), &tensor->dims[i], tensor->name, "shape", error));
    if (!td_size_product(tensor->dims, tensor->rank, &tensor->count) ||
        !td_size_mul(tensor->count, td_dtype_size(tensor->dtype), &tensor->bytes))
        return td_fail(
            error, TD_ERR_FORMAT,
            "tensor \"%s\": shape: expected a size that fits in memory, found dimensions "
            "whose product overflows",
            tensor->name);
    return TD_OK;
}

static td_status read_offsets(reader *r, td_tensor *tensor, const json_t *value) {
    size_t begin = 0, end = 0;
    const char *name = tensor->name;
    if (!json_is_array(value) || json_array_size(value) != 2)
        return td_fail(r->error, TD_ERR_FORMAT,
                       "tensor \"%s\": data_offsets: expected [begin, end], found %s", name,
                       json_is_array(value) ? "an array of another length" : kind_of(value));
    TD_TRY(read_natural(json_array_get(value, 0), &begin, name, "data_offsets", r->error));
    TD_TRY(read_natural(json_array_get(value, 1), &end, name, "data_offsets", r->error));
    if (begin > end || end > r->data_size)
        return td_fail(
            r->error, TD_ERR_FORMAT,
            "tensor \"%s\": data_offsets: expected begin <= end <= %zu, the bytes of data "
            "in the file, found [%zu, %zu]",
            name, r->data_size, begin, end);
    if (end - begin != tensor->bytes)
        return td_fail(
            r->error, TD_ERR_FORMAT,
            "tensor \"%s\": data_offsets: expected the %zu bytes of its shape, found %zu", name,
            tensor->bytes, end - begin);
    tensor->data = r->data + begin;
    return TD_OK;
}

static td_status read_tensor(reader *r, td_tensor *tensor, const char *name, const json_t *value) {
    char *copy;
    TD_TRY(check_name(name, r->error));
    TD_TRY(td_arena_text(&r->file->arena, name, strlen(name), &copy, r->error));
    tensor->name = copy;
    if (!json_is_object(value))
        return td_fail(r->error, TD_ERR_FORMAT, "tensor \"%s\": expected an object, found %s", name,
                       kind_of(value));
    TD_TRY(read_dtype(tensor, json_object_get(value, "dtype"), r->error));
    TD_TRY(read_shape(tensor, json_object_get(value, "shape"), r->error));
    TD_TRY(read_offsets(r, tensor, json_object_get(value, "data_offsets")));
    if (json_object_size(value) != 3)
        return td_fail(r->error, TD_ERR_FORMAT,
                       "tensor \"%s\": expected dtype, shape and data_offsets only, found %zu keys",
                       name, json_object_size(value));
    return TD_OK;
}

static td_status read_metadata(reader *r, json_t *value) {
    td_safetensors *file = r->file;
    if (json_is_null(value))
        return TD_OK;
    if (!json_is_object(value))
        return td_fail(r->error, TD_ERR_FORMAT, "__metadata__: expected an object, found %s",
                       kind_of(value));
    TD_TRY(
        TD_ARENA_NEW(&file->arena, json_object_size(value), &file->metadata, "metadata", r->error));
    const char *key;
    json_t *text;
    json_object_foreach(value, key, text) {
        char *key_copy, *text_copy;
        TD_TRY(check_name(key, r->error));
        if (!json_is_string(text))
            return td_fail(r->error, TD_ERR_FORMAT,
                           "__metadata__: \"%s\": expected a string, found %s", key, kind_of(text));
        TD_TRY(td_arena_text(&file->arena, key, strlen(key), &key_copy, r->error));
        TD_TRY(td_arena_text(&file->arena, json_string_value(text), json_string_length(text),
                             &text_copy, r->error));
        file->metadata[file->metadata_count++] = (td_metadata){key_copy, text_copy};
    }
    return TD_OK;
}

/* By offset in the file. Empty tensors share their offset with a neighbour: they come first, sorted
 * by name. */
static int by_place(const void *left, const void *right) {
    const td_tensor *a = left, *b = right;
    if (a->data != b->data)
        return (const uint8_t *)a->data < (const uint8_t *)b->data ? -1 : 1;
    if (!a->bytes != !b->bytes)
        return a->bytes ? 1 : -1;
    return strcmp(a->name, b->name);
}

static td_status check_tiling(reader *r) {
    td_safetensors *file = r->file;
    if (file->tensor_count > 0)
        qsort(file->tensors, file->tensor_count, sizeof *file->tensors, by_place);
    size_t end = 0;
    for (size_t i = 0; i < file->tensor_count; i++) {
        const td_tensor *tensor = &file->tensors[i];
        size_t begin = (size_t)((const uint8_t *)tensor->data - r->data);
        if (begin != end)
            return td_fail(r->error, TD_ERR_FORMAT,
                           "tensor \"%s\": data_offsets: expected to begin at %zu, where %s ends, "
                           "found %zu: %s",
                           tensor->name, end, i ? "the tensor before it" : "the header", begin,
                           begin > end ? "a hole" : "an overlap");
        end += tensor->bytes;
    }
    if (end != r->data_size)
        return td_fail(r->error, TD_ERR_FORMAT,
                       "data: expected the file to end with its last tensor, after %zu bytes of "
                       "data, found %zu more",
                       end, r->data_size - end);
    return TD_OK;
}

static td_status read_header(reader *r, json_t *header) {
    td_safetensors *file = r->file;
    TD_TRY(TD_ARENA_NEW(&file->arena, json_object_size(header), &file->tensors, "the tensor table",
                        r->error));
    const char *name;
    json_t *value;
    json_object_foreach(header, name, value) {
        if (strcmp(name, "__metadata__") == 0)
            TD_TRY(read_metadata(r, value));
        else
            TD_TRY(read_tensor(r, &file->tensors[file->tensor_count++], name, value));
    }
    return check_tiling(r);
}

/* Splits the file into the header's text and the data. */
static td_status split_file(reader *r, const uint8_t *bytes, size_t size, size_t *header_size) {
    if (size < LENGTH_BYTES)
        return td_fail(r->error, TD_ERR_FORMAT,
                       "header length: expected at least %d bytes of file, found %zu", LENGTH_BYTES,
                       size);
    uint64_t length = 0;
    for (int i = LENGTH_BYTES - 1; i >= 0; i--)
        length = length << 8 | bytes[i];
    if (length > TD_SAFETENSORS_HEADER)
        return td_fail(r->error, TD_ERR_FORMAT,
                       "header length: expected at most %d bytes, found %llu",
                       TD_SAFETENSORS_HEADER, (unsigned long long)length);
    if (length > size - LENGTH_BYTES)
        return td_fail(r->error, TD_ERR_FORMAT,
                       "header length: expected at most the %zu bytes that follow it, found %llu",
                       size - LENGTH_BYTES, (unsigned long long)length);
    if (length == 0 || bytes[LENGTH_BYTES] != '{')
        return td_fail(r->error, TD_ERR_FORMAT, "header: expected a JSON object starting with {");
    *header_size = (size_t)length;
    r->data = bytes + LENGTH_BYTES + length;
    r->data_size = size - LENGTH_BYTES - *header_size;
    return TD_OK;
}

td_status td_safetensors_parse(td_safetensors *file, const uint8_t *bytes, size_t size,
                               td_error *error) {
    *file = (td_safetensors){0};
    reader r = {.file = file, .error = error};
    size_t header_size = 0;
    TD_TRY(split_file(&r, bytes, size, &header_size));
    json_t *header;
    td_status status =
        td_json_parse((const char *)bytes + LENGTH_BYTES, header_size, &header, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "header");
    status = read_header(&r, header);
    json_decref(header);
    if (status != TD_OK)
        td_safetensors_close(file);
    return status;
}

td_status td_safetensors_open(td_safetensors *file, const char *path, td_error *error) {
    *file = (td_safetensors){0};
    td_map map;
    TD_TRY(td_map_open(&map, path, error));
    td_status status = td_safetensors_parse(file, map.data, map.size, error);
    if (status != TD_OK) {
        td_map_close(&map);
        return td_fail_within(error, status, "%s", path);
    }
    file->map = map;
    return TD_OK;
}

void td_safetensors_close(td_safetensors *file) {
    td_map_close(&file->map);
    td_arena_free(&file->arena);
    *file = (td_safetensors){0};
}

const td_tensor *td_safetensors_find(const td_safetensors *file, const char *name) {
    for (size_t i = 0; i < file->tensor_count; i++)
        if (strcmp(file->tensors[i].name, name) == 0)
            return &file->tensors[i];
    return NULL;
}

const char *td_safetensors_metadata(const td_safetensors *file, const char *key) {
    for (size_t i = 0; i < file->metadata_count; i++)
        if (strcmp(file->metadata[i].key, key) == 0)
            return file->metadata[i].value;
    return NULL;
}
