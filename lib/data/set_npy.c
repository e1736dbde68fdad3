/* SPDX-License-Identifier: MIT */
/* A folder with images and labels as NumPy arrays in separate files. */
#include "data/array_names.h"
#include "data/arrays.h"
#include "data/format.h"
#include <string.h>
#include <strings.h>

/* The .npy files of a folder. */
static td_status read_names(td_folder *out, const char *path, td_arena *arena, td_error *error) {
    size_t count = 0;
    TD_TRY(td_folder_read(out, path, arena, error));
    for (size_t i = 0; i < out->count; i++) {
        const size_t length = strlen(out->names[i]);
        if (length > 4 && strcmp(out->names[i] + length - 4, ".npy") == 0)
            out->names[count++] = out->names[i];
    }
    out->count = count;
    return TD_OK;
}

static td_status recognise(bool *out, const char *path, td_error *error) {
    td_arena arena = {0};
    td_folder names = {0};
    *out = false;
    const td_status status =
        td_path_is_folder(path) ? read_names(&names, path, &arena, error) : TD_OK;
    for (size_t i = 0; i < names.count && status == TD_OK && !*out; i++)
        *out = td_array_is_images(names.names[i]);
    td_arena_free(&arena);
    return status;
}

static td_status open_array(td_npy *npy, td_dataset *set, const td_source *source, const char *name,
                            td_error *error) {
    char path[TD_PATH_SIZE];
    *npy = (td_npy){0};
    TD_TRY(td_folder_join(path, source->path, name, error));
    TD_TRY(td_dataset_add_file(set, path, error));
    return td_npy_open(npy, path, error);
}

/* Images stay in the file unless they are planar. */
static td_status read_images(td_dataset *set, const td_source *source, const char *name,
                             td_error *error) {
    td_npy npy;
    bool stay = false;
    TD_TRY(open_array(&npy, set, source, name, error));
    td_status status = td_arrays_take_images(set, &npy, &stay, error);
    if (status == TD_OK && stay) {
        set->map = npy.map;
        npy.map = (td_map){0};
    }
    td_npy_close(&npy);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", set->files[0]);
}

static td_status open_set(td_dataset *set, const td_source *source, td_error *error) {
    td_folder names;
    td_array_pair pair;
    td_npy labels;
    TD_TRY(read_names(&names, source->path, &set->arena, error));
    TD_TRY(td_array_find(&pair, &names, source->split, source->path, "a file", error));
    set->split = pair.split != TD_SPLIT_NONE || source->split_given ? source->split : "";
    TD_TRY(read_images(set, source, names.names[pair.images], error));
    TD_TRY(open_array(&labels, set, source, names.names[pair.labels], error));
    td_status status = td_arrays_take_labels(set, &labels, error);
    td_npy_close(&labels);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", set->files[1]);
}

const td_format td_format_npy = {
    .name = "NumPy arrays",
    .needs =
        "`images.npy` and `labels.npy`, `x_train.npy` and `y_train.npy`, `train_images.npy` and "
        "`train_labels.npy`, or the like, in any case",
    .recognise = recognise,
    .open = open_set};
