/* SPDX-License-Identifier: MIT */
/* Tensors from files of torch.save: a pickled state_dict, a checkpoint that contains one, a whole
 * module, or TorchScript. The two containers (torch_zip.c, torch_legacy.c) store the numbers in
 * different places. Files of torch.export.save have no pickle (torch_export.c). */
#ifndef TD_MODEL_TORCH_H
#define TD_MODEL_TORCH_H

#include "data/pickle.h"
#include "model/source.h"
#include "model/zip.h"

/* The numbers that several tensors may share: `count` of one type at `data`. */
typedef struct td_torch_storage {
    td_dtype dtype;
    const uint8_t *data;
    size_t count, bytes;
} td_torch_storage;

typedef struct td_torch {
    td_source *source;
    td_pickle pickle;
    /* Finds a storage's data by its key; `storage` is complete except for them. The message need
     * not name the key. */
    td_status (*find)(void *context, const char *key, td_torch_storage *storage, td_error *error);
    void *context;
} td_torch;

/* The functions that PyTorch's files call. */
extern const td_pickle_user td_torch_pickles;

/* Fills source->tensors, source->kind and notes from torch->pickle. */
td_status td_torch_read(td_torch *torch, td_error *error) TD_MUST_USE;

/* Parses a storage's persistent id: ('storage', class, key, place, count, view). Copies the key to
 * the source's arena. */
td_status td_torch_storage_read(const td_torch *torch, const td_pickle_value *value,
                                const char **key, td_torch_storage *out,
                                td_error *error) TD_MUST_USE;

/* Maps a tensor, whose name and sizes are set, to a storage, with `offset` and strides [rank] in
 * elements. All its elements must be within the storage. Strides other than row-major are copied to
 * `arena`. */
td_status td_torch_lay(td_tensor *tensor, const td_torch_storage *storage, size_t offset,
                       const size_t *strides, td_arena *arena, td_error *error) TD_MUST_USE;

/* --- zip archives --- */

/* An archive whose entries are all in one folder. */
typedef struct td_torch_archive {
    td_zip zip;
    const char *folder; /* with the slash */
} td_torch_archive;

/* The entry FOLDER/NAME, or NULL. */
td_zip_entry *td_torch_entry(const td_torch_archive *a, const char *name);

/* Whether torch.export.save wrote the archive, and its tensors. */
bool td_torch_is_export(const td_torch_archive *a);
td_status td_torch_read_export(td_source *source, const td_torch_archive *a,
                               td_error *error) TD_MUST_USE;

#endif
