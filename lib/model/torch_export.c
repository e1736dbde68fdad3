/* SPDX-License-Identifier: MIT */
/* Files of torch.export.save since PyTorch 2.9 (.pt2): the bytes of each weight as an entry
 * data/weights/PATH, a table of them as JSON, and the net as a program in models/model.json, which
 * is not read. (torch/_export/serde/schema.py) */
#include "model/torch.h"

#include "base/json.h"
#include "data/text.h"
#include <stdio.h>
#include <string.h>

#define TABLE "data/weights/model_weights_config.json"

enum {
    LONGEST_NAME = 512,
    LARGEST_TABLE = 64 << 20,
    STRIDED = 7, /* the layout of dense tensors */
};

/* ScalarType of the schema. */
static const struct {
    json_int_t code;
    td_dtype dtype;
} dtypes[] = {
    {1, TD_U8},       {2, TD_I8},       {3, TD_I16},  {4, TD_I32},   {5, TD_I64},   {6, TD_F16},
    {7, TD_F32},      {8, TD_F64},      {10, TD_C64}, {12, TD_BOOL}, {13, TD_BF16}, {28, TD_U16},
    {29, TD_F8_E4M3}, {30, TD_F8_E5M2}, {34, TD_U32}, {35, TD_U64},
};

bool td_torch_is_export(const td_torch_archive *a) {
    return td_torch_entry(a, "models/model.json") && td_torch_entry(a, TABLE);
}

/* --- one weight --- */

/* {"as_int": N}; a size that depends on the input is not a size. */
static bool take_size(const json_t *value, size_t *out) {
    json_int_t number;
    if (!td_json_take_integer(value, "as_int", &number) || number < 0)
        return false;
    *out = (size_t)number;
    return true;
}

static td_status read_sizes(const json_t *meta, const char *key, size_t *out, size_t *rank,
                            td_error *error) {
    const json_t *list = json_object_get(meta, key);
    *rank = json_array_size(list);
    if (!json_is_array(list) || *rank > TD_TENSOR_RANK)
        return td_fail(error, TD_ERR_FORMAT, "%s: expected at most %d numbers, found others", key,
                       TD_TENSOR_RANK);
    for (size_t i = 0; i < *rank; i++)
        if (!take_size(json_array_get(list, i), &out[i]))
            return td_fail(error, TD_ERR_FORMAT,
                           "%s: expected whole numbers of at least 0, found another", key);
    return TD_OK;
}

static td_status read_dtype(const json_t *meta, td_dtype *out, td_error *error) {
    json_int_t code;
    if (!td_json_take_integer(meta, "layout", &code) || code != STRIDED)
        return td_fail(error, TD_ERR_FORMAT, "layout: expected %d, a dense tensor, found another",
                       STRIDED);
    if (td_json_take_integer(meta, "dtype", &code))
        for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
            if (dtypes[i].code == code) {
                *out = dtypes[i].dtype;
                return TD_OK;
            }
    return td_fail(error, TD_ERR_FORMAT, "dtype: expected one that is known here, found another");
}

static td_status find_storage(const td_torch_archive *a, const json_t *weight,
                              td_torch_storage *out, td_error *error) {
    const char *file = json_string_value(json_object_get(weight, "path_name"));
    const json_t *pickled = json_object_get(weight, "use_pickle");
    char name[LONGEST_NAME];
    if (!json_is_false(pickled))
        return td_fail(error, TD_ERR_FORMAT,
                       "use_pickle: expected false, a tensor of plain numbers, found %s",
                       pickled ? "another value" : "none");
    if (!file || !td_text_is_plain(file) ||
        snprintf(name, sizeof name, "data/weights/%s", file) >= (int)sizeof name)
        return td_fail(error, TD_ERR_FORMAT, "path_name: expected the name of an entry");
    td_zip_entry *entry = td_torch_entry(a, name);
    if (!entry)
        return td_fail(error, TD_ERR_FORMAT, "expected an entry \"%s\", found none", name);
    TD_TRY(td_zip_check(entry, error));
    if (entry->size % td_dtype_size(out->dtype) != 0)
        return td_fail(error, TD_ERR_FORMAT, "\"%s\": expected a multiple of %zu bytes, found %zu",
                       name, td_dtype_size(out->dtype), entry->size);
    out->data = entry->data;
    out->bytes = entry->size;
    out->count = entry->size / td_dtype_size(out->dtype);
    return TD_OK;
}

static td_status read_weight(const td_torch_archive *a, const json_t *weight, td_tensor *tensor,
                             td_arena *arena, td_error *error) {
    const json_t *meta = json_object_get(weight, "tensor_meta");
    size_t strides[TD_TENSOR_RANK], rank, offset;
    td_torch_storage storage = {0};
    TD_TRY(read_dtype(meta, &storage.dtype, error));
    TD_TRY(read_sizes(meta, "sizes", tensor->dims, &tensor->rank, error));
    TD_TRY(read_sizes(meta, "strides", strides, &rank, error));
    if (rank != tensor->rank)
        return td_fail(error, TD_ERR_FORMAT, "strides: expected %zu numbers, found %zu",
                       tensor->rank, rank);
    if (!take_size(json_object_get(meta, "storage_offset"), &offset))
        return td_fail(error, TD_ERR_FORMAT,
                       "storage_offset: expected a whole number of at least 0, found another");
    TD_TRY(find_storage(a, weight, &storage, error));
    return td_torch_lay(tensor, &storage, offset, strides, arena, error);
}

/* --- the table --- */

static td_status read_table(td_source *source, const td_torch_archive *a, json_t *weights,
                            td_error *error) {
    const char *name;
    json_t *weight;
    char *copy;
    const size_t count = json_object_size(weights);
    if (count == 0 || count > TD_SOURCE_TENSORS)
        return td_fail(error, TD_ERR_FORMAT,
                       "%s: config: expected 1 to %d weights by name, found %zu", TABLE,
                       TD_SOURCE_TENSORS, count);
    TD_TRY(TD_ARENA_NEW(&source->arena, count, &source->tensors, "tensors", error));
    json_object_foreach(weights, name, weight) {
        td_tensor *tensor = &source->tensors[source->tensor_count];
        const size_t length = strlen(name);
        if (length == 0 || length > LONGEST_NAME || !td_text_is_plain(name))
            return td_fail(error, TD_ERR_FORMAT,
                           "%s: expected names of 1 to %d bytes without control characters", TABLE,
                           LONGEST_NAME);
        TD_TRY(td_arena_text(&source->arena, name, length, &copy, error));
        *tensor = (td_tensor){.name = copy};
        td_status status = read_weight(a, weight, tensor, &source->arena, error);
        if (status != TD_OK)
            return td_fail_within(error, status, "tensor \"%s\"", copy);
        source->tensor_count++;
    }
    return TD_OK;
}

td_status td_torch_read_export(td_source *source, const td_torch_archive *a, td_error *error) {
    td_zip_entry *entry = td_torch_entry(a, TABLE);
    json_t *table;
    source->kind = "PyTorch exported program";
    source->advice =
        "the weights of a program of torch.export are read, but not the program: name the net with "
        "--net, or export it as ONNX, torch.onnx.export(model, example, \"model.onnx\")";
    TD_TRY(td_zip_check(entry, error));
    if (entry->size > LARGEST_TABLE)
        return td_fail(error, TD_ERR_FORMAT, "%s: expected at most %d bytes, found %zu", TABLE,
                       LARGEST_TABLE, entry->size);
    td_status status = td_json_parse((const char *)entry->data, entry->size, &table, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", TABLE);
    status = read_table(source, a, json_object_get(table, "config"), error);
    json_decref(table);
    return status;
}
