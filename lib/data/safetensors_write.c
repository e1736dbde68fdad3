/* SPDX-License-Identifier: MIT */
#include "data/safetensors.h"

#include "base/json_build.h"
#include "base/size.h"
#include "base/utf8.h"
#include "data/text.h"
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_ALIGNMENT = 8 };

/* Tensor data is written directly from memory. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "safetensors data is little-endian");

static int by_alignment_and_name(const void *left, const void *right) {
    const td_tensor *a = left, *b = right;
    size_t size_a = td_dtype_size(a->dtype), size_b = td_dtype_size(b->dtype);
    if (size_a != size_b)
        return size_a > size_b ? -1 : 1;
    return strcmp(a->name, b->name);
}

static int by_key(const void *left, const void *right) {
    const td_metadata *a = left, *b = right;
    return strcmp(a->key, b->key);
}

static td_status measure_tensor(td_tensor *tensor, td_error *error) {
    if (tensor->rank > TD_TENSOR_RANK)
        return td_fail(error, TD_ERR_USAGE,
                       "tensor \"%s\": expected at most %d dimensions, found %zu", tensor->name,
                       TD_TENSOR_RANK, tensor->rank);
    if (strcmp(tensor->name, "__metadata__") == 0)
        return td_fail(error, TD_ERR_USAGE, "tensor \"%s\": the name is reserved", tensor->name);
    if (!td_size_product(tensor->dims, tensor->rank, &tensor->count) ||
        !td_size_mul(tensor->count, td_dtype_size(tensor->dtype), &tensor->bytes))
        return td_fail_memory(error, tensor->name);
    return TD_OK;
}

/* Refuses a name that could not be read back; jansson would replace the value of a duplicate. */
static td_status check_name(const json_t *object, const char *key, td_error *error) {
    if (!td_utf8_is_valid(key))
        return td_fail(error, TD_ERR_USAGE, "\"%s\": expected UTF-8 text", key);
    const char *wrong = !td_text_is_plain(key)         ? "one with control characters"
                        : json_object_get(object, key) ? "it twice"
                                                       : NULL;
    return wrong ? td_fail(error, TD_ERR_USAGE,
                           "\"%s\": expected plain names that differ, found %s", key, wrong)
                 : TD_OK;
}

static td_status describe_metadata(td_json *json, json_t *header, const td_metadata *metadata,
                                   size_t count, td_error *error) {
    if (count == 0)
        return TD_OK;
    json_t *object = td_json_set(json, header, "__metadata__", td_json_object(json));
    for (size_t i = 0; i < count; i++) {
        TD_TRY(check_name(object, metadata[i].key, error));
        if (!td_utf8_is_valid(metadata[i].value))
            return td_fail(error, TD_ERR_USAGE, "\"%s\": expected UTF-8 text", metadata[i].key);
        td_json_set(json, object, metadata[i].key, td_json_text(json, metadata[i].value));
    }
    return TD_OK;
}

static td_status describe_tensor(td_json *json, json_t *header, const td_tensor *tensor,
                                 size_t *offset, td_error *error) {
    size_t end;
    if (!td_size_add(*offset, tensor->bytes, &end))
        return td_fail_memory(error, tensor->name);
    TD_TRY(check_name(header, tensor->name, error));
    json_t *shape = td_json_array(json);
    for (size_t i = 0; i < tensor->rank; i++)
        td_json_append(json, shape, td_json_count(json, tensor->dims[i]));
    td_json_set(json, header, tensor->name,
                td_json_pack(json, "{ss so s[zz]}", "dtype", td_dtype_name(tensor->dtype), "shape",
                             shape, "data_offsets", *offset, end));
    *offset = end;
    return TD_OK;
}

static td_status describe(td_json *json, json_t *header, const td_tensor *tensors,
                          size_t tensor_count, const td_metadata *metadata, size_t metadata_count,
                          td_error *error) {
    TD_TRY(describe_metadata(json, header, metadata, metadata_count, error));
    size_t offset = 0;
    for (size_t i = 0; i < tensor_count; i++)
        TD_TRY(describe_tensor(json, header, &tensors[i], &offset, error));
    return TD_OK;
}

static td_status write_header(FILE *stream, const char *text, td_error *error) {
    size_t used = strlen(text);
    size_t length = td_size_round_up(used, HEADER_ALIGNMENT);
    if (length > TD_SAFETENSORS_HEADER)
        return td_fail(error, TD_ERR_USAGE, "header: expected at most %d bytes, found %zu",
                       TD_SAFETENSORS_HEADER, length);
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)((uint64_t)length >> (8 * i));
    bool written = fwrite(bytes, sizeof bytes, 1, stream) == 1 &&
                   fwrite(text, 1, used, stream) == used &&
                   fprintf(stream, "%*s", (int)(length - used), "") >= 0;
    return written ? TD_OK : td_fail(error, TD_ERR_IO, "writing the header: %s", strerror(errno));
}

static td_status write_bytes(FILE *stream, const td_tensor *tensor, const void *data, size_t bytes,
                             td_error *error) {
    if (fwrite(data, 1, bytes, stream) == bytes)
        return TD_OK;
    return td_fail(error, TD_ERR_IO, "writing tensor \"%s\": %s", tensor->name, strerror(errno));
}

static td_status write_tensor(FILE *stream, const td_tensor *tensor, td_error *error) {
    const td_pieces *pieces = tensor->pieces;
    if (!pieces)
        return write_bytes(stream, tensor, tensor->data, tensor->bytes, error);
    for (size_t done = 0; done < tensor->bytes;) {
        const void *piece;
        size_t bytes;
        TD_TRY(pieces->next(pieces->context, &piece, &bytes, error));
        if (bytes == 0 || bytes > tensor->bytes - done)
            return td_fail(error, TD_ERR_USAGE,
                           "tensor \"%s\": expected pieces of %zu bytes in all, found one of %zu "
                           "at byte %zu",
                           tensor->name, tensor->bytes, bytes, done);
        TD_TRY(write_bytes(stream, tensor, piece, bytes, error));
        done += bytes;
    }
    return TD_OK;
}

static td_status write_sorted(FILE *stream, const td_tensor *tensors, size_t tensor_count,
                              const td_metadata *metadata, size_t metadata_count, td_error *error) {
    td_json json = {0};
    json_t *header = td_json_object(&json);
    td_status status =
        describe(&json, header, tensors, tensor_count, metadata, metadata_count, error);
    char *text = td_json_print(&json, header, JSON_COMPACT);
    json_decref(header);
    if (status == TD_OK)
        status = td_json_end(&json, NULL, "the header", error);
    if (status == TD_OK)
        status = write_header(stream, text, error);
    free(text);
    for (size_t i = 0; i < tensor_count && status == TD_OK; i++)
        status = write_tensor(stream, &tensors[i], error);
    return status;
}

td_status td_safetensors_write(FILE *stream, const td_tensor *tensors, size_t tensor_count,
                               const td_metadata *metadata, size_t metadata_count,
                               td_error *error) {
    td_arena arena = {0};
    td_tensor *own_tensors;
    td_metadata *own_metadata;
    td_status status = TD_ARENA_NEW(&arena, tensor_count, &own_tensors, "the tensor table", error);
    if (status == TD_OK)
        status = TD_ARENA_NEW(&arena, metadata_count, &own_metadata, "metadata", error);
    for (size_t i = 0; i < tensor_count && status == TD_OK; i++) {
        own_tensors[i] = tensors[i];
        status = measure_tensor(&own_tensors[i], error);
    }
    if (status == TD_OK) {
        for (size_t i = 0; i < metadata_count; i++)
            own_metadata[i] = metadata[i];
        qsort(own_tensors, tensor_count, sizeof *own_tensors, by_alignment_and_name);
        qsort(own_metadata, metadata_count, sizeof *own_metadata, by_key);
        status =
            write_sorted(stream, own_tensors, tensor_count, own_metadata, metadata_count, error);
    }
    td_arena_free(&arena);
    return status;
}
