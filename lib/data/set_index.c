/* SPDX-License-Identifier: MIT */
/* Pictures with an index: a list of them and their labels (index.h), in the folder or beside it.
 * There may be one per split, by its name: train.csv and test.csv. The order is that of the lines.
 */
#include "data/format.h"
#include "data/index.h"
#include <string.h>

static td_status recognise(bool *out, const char *path, td_error *error) {
    bool other = false;
    *out = false;
    if (!td_path_is_folder(path))
        return TD_OK;
    TD_TRY(td_format_is_gtsrb(&other, path, error));
    if (!other)
        TD_TRY(td_format_cub.recognise(&other, path, error));
    return other ? TD_OK : td_index_exists(out, path, error);
}

/* The root of paths in a record: the folder that contains the index. */
static td_status set_root(td_listing *listing, const char *path, const char *file,
                          td_error *error) {
    const char *slash = strrchr(file, '/');
    const size_t above = slash ? (size_t)(slash - file) : 0;
    char *root;
    const bool inside = strncmp(file, path, strlen(path)) == 0;
    TD_TRY(td_arena_text(&listing->arena,
                         inside  ? path
                         : above ? file
                                 : ".",
                         inside  ? strlen(path)
                         : above ? above
                                 : 1,
                         &root, error));
    listing->root = root;
    return TD_OK;
}

/* The indices of a folder, and the requested one. */
typedef struct choice {
    td_index indices[TD_SPLITS];
    size_t count, chosen;
} choice;

/* The split to read: the requested one, or that of the only index if none is requested. */
static td_status choose_split(td_split *out, const td_index_files *files, const td_source *source,
                              td_error *error) {
    const char *all = files->files[TD_SPLIT_NONE];
    const td_split split = td_split_of(source->split), other = (td_split)(1 - (int)split);
    *out = all ? TD_SPLIT_NONE : files->files[split] || source->split_given ? split : other;
    if (all && source->split_given)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: split %s: expected an index file of the split, called train or test, "
                       "found %s alone",
                       source->path, source->split, all);
    if (!files->files[*out])
        return td_fail(error, TD_ERR_USAGE,
                       "%s: split %s: expected an index file called so, found %s alone",
                       source->path, source->split, files->files[other]);
    return TD_OK;
}

static td_status read_indices(choice *c, const td_index_files *files, td_split split,
                              const char *path, td_arena *arena, td_error *error) {
    for (int i = 0; i <= TD_SPLITS; i++) {
        if (!files->files[i])
            continue;
        if (i == (int)split)
            c->chosen = c->count;
        TD_TRY(td_index_read(&c->indices[c->count++], files->files[i], path, arena, error));
    }
    return TD_OK;
}

static td_status list(td_listing *listing, const td_source *source, td_error *error) {
    td_index_files files;
    choice c = {0};
    td_split split;
    TD_TRY(td_index_find(&files, source->path, &listing->arena, error));
    TD_TRY(choose_split(&split, &files, source, error));
    TD_TRY(read_indices(&c, &files, split, source->path, &listing->arena, error));
    const td_index *index = &c.indices[c.chosen];
    TD_TRY(set_root(listing, source->path, index->file, error));
    listing->split = td_split_name(split);
    TD_TRY(td_index_classes(c.indices, c.count, &listing->class_names, &listing->classes,
                            &listing->arena, error));
    for (size_t i = 0; i < c.count; i++) /* classes are collected over all splits */
        TD_TRY(td_listing_add_index(listing, c.indices[i].file, &c.indices[i].digest, error));
    for (size_t i = 0; i < index->count; i++) {
        const td_index_row *row = &index->rows[i];
        const size_t label = td_index_class(row->label, listing->class_names, listing->classes);
        TD_TRY(td_listing_add(listing, &(td_listed){.path = row->path, .label = (int32_t)label},
                              error));
    }
    return TD_OK;
}

const td_format td_format_index = {
    .name = "pictures with an index of their labels",
    .needs =
        "a .csv, .txt or .tsv file of two columns, picture and label (or more, with a header), in "
        "the folder of the pictures, above `images/`, or beside the folder; or one for each "
        "split, called train and test",
    .recognise = recognise,
    .list = list};
