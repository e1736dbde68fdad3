/* A folder with MNIST's four files: images and labels of the training set and of the test set. */
#include "data/format.h"
#include "data/idx.h"
#include "data/path.h"
#include <stdio.h>
#include <string.h>

static const char *prefix_of(const char *split) {
    return strcmp(split, "test") == 0 ? "t10k" : "train";
}

/* Finds FOLDER/PREFIX-KIND, or the same with .gz. */
static bool find_file(char *path, const char *folder, const char *prefix, const char *kind) {
    static const char *const endings[] = {"", ".gz"};
    for (size_t i = 0; i < 2; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s-%s%s", prefix, kind, endings[i]);
        if (td_path_join(path, folder, name) && td_path_is_file(path))
            return true;
    }
    return false;
}

static bool recognise(const char *path) {
    char file[TD_PATH_SIZE];
    return find_file(file, path, "train", "images-idx3-ubyte") ||
           find_file(file, path, "t10k", "images-idx3-ubyte");
}

static td_status read_file(td_idx *idx, td_dataset *set, const td_source *source, const char *kind,
                           size_t rank, td_error *error) {
    char path[TD_PATH_SIZE];
    const char *prefix = prefix_of(source->split);
    if (!find_file(path, source->path, prefix, kind))
        return td_fail(error, TD_ERR_USAGE,
                       "%s: split %s: expected a file %s-%s, plain or .gz, found none",
                       source->path, source->split, prefix, kind);
    TD_TRY(td_dataset_add_file(set, path, error));
    return td_idx_read(idx, path, rank, &set->arena, error);
}

static td_status read_labels(td_dataset *set, const td_source *source, td_error *error) {
    td_idx labels;
    TD_TRY(read_file(&labels, set, source, "labels-idx1-ubyte", 1, error));
    int32_t *values;
    td_status status = TD_OK;
    if (labels.count != set->images.count)
        status = td_fail(error, TD_ERR_FORMAT,
                         "%s: header: expected as many labels as %s has images, %zu, found %zu",
                         set->files[1], set->files[0], set->images.count, labels.count);
    else
        status = TD_ARENA_NEW(&set->arena, labels.count, &values, "labels", error);
    if (status == TD_OK) {
        for (size_t i = 0; i < labels.count; i++)
            values[i] = labels.values[i];
        set->images.labels = values;
    }
    td_idx_close(&labels);
    return status;
}

static td_status open_set(td_dataset *set, const td_source *source, td_error *error) {
    td_idx images;
    TD_TRY(read_file(&images, set, source, "images-idx3-ubyte", 3, error));
    set->map = images.map;
    set->images = (td_images){.count = images.dims[0],
                              .height = images.dims[1],
                              .width = images.dims[2],
                              .channels = 1,
                              .pixels = images.values};
    set->split = source->split;
    return read_labels(set, source, error);
}

const td_format td_format_idx = {"a folder of IDX files", recognise, open_set, NULL};
