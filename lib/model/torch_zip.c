/* SPDX-License-Identifier: MIT */
/* torch.save's container since 1.6, and TorchScript's: a zip archive of one folder, with the pickle
 * in data.pkl and each storage as an entry data/KEY. torch.export.save's has neither. */
#include "model/torch.h"
#include <stdio.h>
#include <string.h>

enum { LONGEST_FOLDER = 512 };

td_zip_entry *td_torch_entry(const td_torch_archive *a, const char *name) {
    char path[LONGEST_FOLDER + 128];
    const int length = snprintf(path, sizeof path, "%s%s", a->folder, name);
    return length > 0 && (size_t)length < sizeof path ? td_zip_find(&a->zip, path) : NULL;
}

static td_status find_storage(void *context, const char *key, td_torch_storage *storage,
                              td_error *error) {
    char name[128];
    snprintf(name, sizeof name, "data/%s", key);
    td_zip_entry *entry = td_torch_entry(context, name);
    if (!entry)
        return td_fail(error, TD_ERR_FORMAT, "expected an entry \"%s\", found none", name);
    TD_TRY(td_zip_check(entry, error));
    if (entry->size != storage->bytes)
        return td_fail(error, TD_ERR_FORMAT,
                       "expected the %zu bytes of its %zu numbers, found %zu in \"%s\"",
                       storage->bytes, storage->count, entry->size, name);
    storage->data = entry->data;
    return TD_OK;
}

/* Names other kinds of zip archive without FOLDER/data.pkl. */
static td_status refuse_archive(const td_zip *zip, td_error *error) {
    static const struct {
        const char *ending, *words;
    } known[] = {
        {"models/model.json",
         "a program of torch.export (.pt2) without the weights of one model: save the state_dict "
         "of its module, or export it as ONNX"},
        {"model.weights.h5", "a Keras model (.keras): export it as ONNX, model.export(FILE, "
                             "format=\"onnx\")"},
        {".npy", "arrays of NumPy (.npz): save them as safetensors, named as the net's parameters"},
        {"/saved_model.pb", "a TensorFlow model: export it as ONNX with tf2onnx"},
        {".pth", "a zip archive with models in it: unpack it first"},
        {".pt", "a zip archive with models in it: unpack it first"},
        {".onnx", "a zip archive with models in it: unpack it first"},
        {".safetensors", "a zip archive with models in it: unpack it first"},
        {"/data.pkl", "a zip archive with models in it: unpack it first"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        for (size_t k = 0; k < zip->count; k++) {
            const size_t length = strlen(zip->entries[k].name), end = strlen(known[i].ending);
            if (length >= end && strcmp(zip->entries[k].name + length - end, known[i].ending) == 0)
                return td_fail(error, TD_ERR_FORMAT, "expected a model, found %s", known[i].words);
        }
    return td_fail(error, TD_ERR_FORMAT, "expected a model, found a zip archive without one");
}

/* All entries must be in one folder: a loader uses the first one's, another may look elsewhere. */
static td_status check_folder(td_torch_archive *a, td_arena *arena, td_error *error) {
    const td_zip *zip = &a->zip;
    const char *slash = zip->count ? strchr(zip->entries[0].name, '/') : NULL;
    const size_t length = slash ? (size_t)(slash + 1 - zip->entries[0].name) : 0;
    char *folder;
    if (length == 0 || length > LONGEST_FOLDER)
        return refuse_archive(zip, error);
    TD_TRY(td_arena_text(arena, zip->entries[0].name, length, &folder, error));
    a->folder = folder;
    if (!td_torch_entry(a, "data.pkl") && !td_torch_is_export(a))
        return refuse_archive(zip, error);
    for (size_t i = 0; i < zip->count; i++)
        if (strncmp(zip->entries[i].name, folder, length) != 0)
            return td_fail(error, TD_ERR_FORMAT,
                           "zip: expected all entries in the folder \"%s\", found \"%s\"", folder,
                           zip->entries[i].name);
    return TD_OK;
}

static td_status check_order(const td_torch_archive *a, td_error *error) {
    static const char little[] = "little";
    td_zip_entry *order = td_torch_entry(a, "byteorder");
    if (!order)
        return TD_OK;
    TD_TRY(td_zip_check(order, error));
    return order->size == strlen(little) && memcmp(order->data, little, order->size) == 0
               ? TD_OK
               : td_fail(error, TD_ERR_FORMAT,
                         "byteorder: expected little-endian numbers, found others");
}

td_status td_read_torch_zip(td_source *source, td_error *error) {
    td_torch_archive a = {0};
    td_torch torch = {.source = source, .find = find_storage, .context = &a};
    TD_TRY(td_zip_read(&a.zip, source->map.data, source->map.size, &source->arena, error));
    TD_TRY(check_folder(&a, &source->arena, error));
    TD_TRY(check_order(&a, error));
    if (td_torch_is_export(&a))
        return td_torch_read_export(source, &a, error);
    td_zip_entry *pickle = td_torch_entry(&a, "data.pkl");
    TD_TRY(td_zip_check(pickle, error));
    TD_TRY(td_pickle_read(&torch.pickle, pickle->data, pickle->size, &td_torch_pickles,
                          &source->arena, error));
    if (torch.pickle.size != pickle->size)
        return td_fail(error, TD_ERR_FORMAT,
                       "data.pkl: expected one pickle, found %zu bytes after its end",
                       pickle->size - torch.pickle.size);
    return td_torch_read(&torch, error);
}
