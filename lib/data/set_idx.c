/* SPDX-License-Identifier: MIT */
/* A folder with MNIST's four files: images and labels of the training set and of the test set,
 * under their various names: train-images-idx3-ubyte, train-images.idx3-ubyte,
 * t10k-labels.idx1-ubyte.gz, emnist-letters-test-images-idx3-ubyte.gz; each may also be a folder
 * that contains the file with its own name. */
#include "data/emnist.h"
#include "data/folder.h"
#include "data/format.h"
#include "data/idx.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { NAME_SIZE = 128, SPLITS = 3 };

static const struct split_name {
    const char *split, *name;
} split_names[SPLITS] = {{"train", "train"}, {"test", "t10k"}, {"test", "test"}};

/* A name in lower case, with - for dots and underscores, without ".gz". */
static void simplify(char out[NAME_SIZE], const char *name) {
    size_t length = strlen(name), used = 0;
    if (length > 3 && strcmp(name + length - 3, ".gz") == 0)
        length -= 3;
    for (; used < length && used + 1 < NAME_SIZE; used++)
        out[used] =
            (char)(name[used] == '.' || name[used] == '_' ? '-'
                                                          : tolower((unsigned char)name[used]));
    out[used] = '\0';
}

/* Whether a file's name is [PREFIX-]SPLIT-KIND[-idxN][-ubyte]; PREFIX, with its -, has *length
 * bytes. */
static bool is_called(const char *name, const char *split, const char *kind, size_t *length) {
    static const char *const endings[] = {"-idx1-ubyte", "-idx3-ubyte", "-idx1",
                                          "-idx3",       "-ubyte",      ""};
    char plain[NAME_SIZE], wanted[NAME_SIZE];
    simplify(plain, name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        const size_t size =
            (size_t)snprintf(wanted, sizeof wanted, "%s-%s%s", split, kind, endings[i]);
        const size_t all = strlen(plain);
        if (all < size || strcmp(plain + all - size, wanted) != 0)
            continue;
        *length = all - size;
        return *length == 0 || plain[*length - 1] == '-';
    }
    return false;
}

/* The file for a name, in path[0, TD_PATH_SIZE): itself, or the one with its name inside it. */
static bool find_file(char *path, const char *folder, const char *name) {
    char inner[TD_PATH_SIZE];
    if (!td_path_join(path, folder, name))
        return false;
    if (td_path_is_file(path))
        return true;
    if (!td_path_join(inner, path, name) || !td_path_is_file(inner))
        return false;
    memcpy(path, inner, TD_PATH_SIZE);
    return true;
}

/* A file of a kind and split. */
typedef struct found {
    char path[TD_PATH_SIZE];
    const char *name; /* the folder's */
    size_t prefix;    /* the length of the part of its name before the split */
} found;

/* Finds it; f->name is NULL if there is none. Takes the first in name order, which is not
 * compressed; TD_ERR_FORMAT for files of two sets. */
static td_status find(found *f, const td_folder *names, const char *folder, const char *split,
                      const char *kind, td_error *error) {
    f->name = NULL;
    f->prefix = 0;
    for (size_t i = 0; i < names->count; i++)
        for (size_t j = 0; j < SPLITS; j++) {
            const char *name = names->names[i];
            char path[TD_PATH_SIZE];
            size_t prefix;
            if (strcmp(split_names[j].split, split) != 0 ||
                !is_called(name, split_names[j].name, kind, &prefix) ||
                !find_file(path, folder, name))
                continue;
            if (f->name && (prefix != f->prefix || strncmp(name, f->name, prefix) != 0))
                return td_fail(error, TD_ERR_FORMAT,
                               "%s: split %s: expected the files of one set, found %s and %s; give "
                               "each set a folder",
                               folder, split, f->name, name);
            if (f->name)
                continue;
            memcpy(f->path, path, sizeof path);
            f->name = name;
            f->prefix = prefix;
        }
    return TD_OK;
}

static td_status recognise(bool *out, const char *path, td_error *error) {
    td_arena arena = {0};
    td_folder names = {0};
    *out = false;
    const td_status status =
        td_path_is_folder(path) ? td_folder_read(&names, path, &arena, error) : TD_OK;
    for (size_t i = 0; i < SPLITS && status == TD_OK && !*out; i++) {
        found f;
        *out =
            find(&f, &names, path, split_names[i].split, "images", NULL) != TD_OK || f.name != NULL;
    }
    td_arena_free(&arena);
    return status;
}

static td_status read_file(td_idx *idx, td_dataset *set, const td_source *source, const char *kind,
                           size_t rank, found *f, td_error *error) {
    td_folder names;
    TD_TRY(td_folder_read(&names, source->path, &set->arena, error));
    TD_TRY(find(f, &names, source->path, source->split, kind, error));
    if (!f->name)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: split %s: expected a file %s-%s-idx%zu-ubyte, plain or .gz, found none",
                       source->path, source->split,
                       strcmp(source->split, "test") == 0 ? "t10k" : "train", kind, rank);
    TD_TRY(td_dataset_add_file(set, f->path, error));
    return td_idx_read(idx, f->path, rank, &set->arena, error);
}

static td_status read_labels(td_dataset *set, const td_source *source, td_error *error) {
    td_idx labels;
    found f;
    TD_TRY(read_file(&labels, set, source, "labels", 1, &f, error));
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
    found f;
    TD_TRY(read_file(&images, set, source, "images", 3, &f, error));
    set->map = images.map;
    set->images = (td_images){.count = images.dims[0],
                              .height = images.dims[1],
                              .width = images.dims[2],
                              .channels = 1,
                              .pixels = images.values};
    set->split = source->split;
    set->remarks.transposed = f.prefix >= 6 && strncmp(f.name, "emnist", 6) == 0;
    TD_TRY(read_labels(set, source, error));
    return set->remarks.transposed
               ? td_emnist_name_classes(set, source->path, f.name, f.prefix, error)
               : TD_OK;
}

/* Whether a name is that of an IDX file at all. */
static bool is_idx_name(const char *name) {
    char plain[NAME_SIZE];
    simplify(plain, name);
    return strstr(plain, "idx1") || strstr(plain, "idx3");
}

static bool near(const char *path, char *text, size_t size) {
    td_arena arena = {0};
    td_folder names;
    bool any = false;
    if (td_path_is_folder(path) && td_folder_read(&names, path, &arena, NULL) == TD_OK)
        for (size_t i = 0; i < names.count && !any; i++)
            if (is_idx_name(names.names[i])) {
                any = true;
                snprintf(
                    text, size,
                    "an IDX file, %.200s, which is not called train-images-idx3-ubyte, "
                    "train-labels-idx1-ubyte, t10k-images-idx3-ubyte or t10k-labels-idx1-ubyte",
                    names.names[i]);
            }
    td_arena_free(&arena);
    return any;
}

const td_format td_format_idx = {
    .name = "IDX files (MNIST, Fashion-MNIST, EMNIST)",
    .needs =
        "train-images-idx3-ubyte, train-labels-idx1-ubyte, and the same with t10k or test; also "
        "with dots, .gz, or a name before (emnist-letters-train-..., whose classes "
        "emnist-letters-mapping.txt names)",
    .recognise = recognise,
    .open = open_set,
    .near = near};
