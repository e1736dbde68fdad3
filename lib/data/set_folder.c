/* SPDX-License-Identifier: MIT */
/* A folder of class folders with pictures: ROOT/CLASS/PICTURE, or ROOT/CLASS/images/PICTURE, or the
 * same below folders for the splits, which may also be pictures with an index (part.h). Classes are
 * named after the folders and sorted bytewise (so 10 comes before 2), and so are the pictures of a
 * class. Hidden files and files beside the class folders are skipped; a class folder may contain
 * only pictures. If one split lacks classes of the other, labels are those of the other. */
#include "data/folder.h"
#include "data/format.h"
#include "data/part.h"
#include "data/picture.h"
#include <stdio.h>
#include <string.h>

/* The split folders with labelled pictures; missing ones are empty strings. */
typedef struct split_folders {
    char path[TD_SPLITS][TD_PATH_SIZE];
} split_folders;

/* Whether the folder is divided into splits. Otherwise a folder `train` may be a class with that
 * name. */
static td_status find_splits(split_folders *found, const char *root, td_arena *arena,
                             td_error *error) {
    td_folder folders, kept = {0};
    *found = (split_folders){0};
    TD_TRY(td_folder_read_folders(&folders, root, arena, error));
    kept.names = folders.names;
    for (size_t i = 0; i < folders.count; i++) {
        char path[TD_PATH_SIZE];
        const char *name = folders.names[i];
        bool part = false;
        if (td_split_named(name, strlen(name), NULL) != TD_SPLIT_NONE &&
            td_path_join(path, root, name))
            TD_TRY(td_part_is_here(&part, path, error));
        if (part)
            kept.names[kept.count++] = folders.names[i];
    }
    for (int split = 0; split < TD_SPLITS; split++) {
        size_t place;
        TD_TRY(td_split_find(&place, &kept, (td_split)split, root, error));
        if (place < kept.count)
            TD_TRY(td_folder_join(found->path[split], root, kept.names[place], error));
    }
    return TD_OK;
}

static bool has_splits(const split_folders *in) {
    return in->path[TD_SPLIT_TRAIN][0] || in->path[TD_SPLIT_TEST][0];
}

/* Two folders for the same split are also taken as splits. */
static td_status is_cut(bool *out, const char *path, td_error *error) {
    td_arena arena = {0};
    split_folders in;
    const td_status status = find_splits(&in, path, &arena, error);
    *out = status == TD_ERR_FORMAT || has_splits(&in);
    td_arena_free(&arena);
    return status == TD_ERR_FORMAT ? TD_OK : status;
}

static td_status recognise(bool *out, const char *path, td_error *error) {
    bool other = false;
    *out = false;
    if (!td_path_is_folder(path))
        return TD_OK;
    TD_TRY(td_format_is_gtsrb(&other, path, error));
    if (!other)
        TD_TRY(td_format_cub.recognise(&other, path, error));
    if (!other)
        TD_TRY(td_index_exists(&other, path, error));
    if (other)
        return TD_OK;
    TD_TRY(is_cut(out, path, error));
    return *out ? TD_OK : td_part_is_here(out, path, error);
}

/* The first of a part's classes that is not in another, or NULL. */
static const char *find_missing(const td_part *part, const td_part *other) {
    for (size_t i = 0; i < part->count; i++)
        if (td_index_class(part->names[i], other->names, other->count) == other->count)
            return part->names[i];
    return NULL;
}

/* Labels mean the same in both splits: those of the split that has all classes. */
static td_status choose_classes(td_listing *listing, const td_part *parts, const char *root,
                                td_error *error) {
    const td_part *larger = &parts[TD_SPLIT_TRAIN];
    const char *extra = find_missing(&parts[TD_SPLIT_TEST], larger);
    if (extra) {
        const char *missing = find_missing(larger, &parts[TD_SPLIT_TEST]);
        if (missing && larger->count > 0)
            return td_fail(error, TD_ERR_FORMAT,
                           "%s: expected the same classes in both splits, or all of one in the "
                           "other, found \"%s\" only in train and \"%s\" only in test",
                           root, missing, extra);
        larger = &parts[TD_SPLIT_TEST];
    }
    listing->class_names = larger->names;
    listing->classes = larger->count;
    return TD_OK;
}

static td_status list_split(td_listing *listing, const td_source *source, const split_folders *in,
                            td_error *error) {
    char name[TD_PATH_SIZE];
    const td_split split = td_split_of(source->split);
    td_part parts[TD_SPLITS] = {{0}};
    TD_TRY(td_part_find_class(name, source->path, error));
    if (*name)
        return td_fail(error, TD_ERR_FORMAT,
                       "%s: two layouts: expected class folders in train and test, or without "
                       "these, found both (\"%.100s\" holds pictures)",
                       source->path, name);
    if (!in->path[split][0])
        return td_fail(
            error, TD_ERR_USAGE,
            "%s: split %s: expected a folder %s with class folders, or with pictures and "
            "an index, found none",
            source->path, source->split,
            split == TD_SPLIT_TRAIN ? "train or training"
                                    : "test, testing, val, valid or validation");
    for (int i = 0; i < TD_SPLITS; i++)
        if (in->path[i][0])
            TD_TRY(td_part_open(&parts[i], in->path[i], &listing->arena, error));
    TD_TRY(choose_classes(listing, parts, source->path, error));
    listing->split = source->split;
    return td_part_list(&parts[split], listing, error);
}

static td_status list_whole(td_listing *listing, const td_source *source, td_error *error) {
    td_part part;
    if (source->split_given)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: split %s: expected folders train and test with the class folders in "
                       "them, found class folders alone",
                       source->path, source->split);
    listing->split = "";
    TD_TRY(td_part_open(&part, source->path, &listing->arena, error));
    listing->class_names = part.names;
    listing->classes = part.count;
    return td_part_list(&part, listing, error);
}

static td_status list(td_listing *listing, const td_source *source, td_error *error) {
    char *root;
    split_folders in;
    TD_TRY(td_arena_text(&listing->arena, source->path, strlen(source->path), &root, error));
    listing->root = root;
    TD_TRY(find_splits(&in, source->path, &listing->arena, error));
    return has_splits(&in) ? list_split(listing, source, &in, error)
                           : list_whole(listing, source, error);
}

/* --- folders that almost match --- */

/* The first entry of a folder for which a test holds, as "FOLDER/NAME"; false if there is none. */
static bool find_entry(char *out, const char *path, bool (*test)(const char *path)) {
    td_arena arena = {0};
    td_folder folder;
    bool found = false;
    if (td_folder_read(&folder, path, &arena, NULL) == TD_OK)
        for (size_t i = 0; i < folder.count && !found; i++)
            found = td_path_join(out, path, folder.names[i]) && test(out);
    td_arena_free(&arena);
    return found;
}

static bool is_picture(const char *path) {
    return td_picture_is_name(path) && td_path_is_file(path);
}

static bool holds_picture(const char *path) {
    char entry[TD_PATH_SIZE];
    return td_path_is_folder(path) && find_entry(entry, path, is_picture);
}

static bool holds_folder_of_pictures(const char *path) {
    char entry[TD_PATH_SIZE];
    return td_path_is_folder(path) && find_entry(entry, path, holds_picture);
}

static bool near(const char *path, char *found, size_t size) {
    char entry[TD_PATH_SIZE];
    if (td_index_is_lost(path, entry)) {
        td_index index;
        td_arena arena = {0};
        td_error error = {""};
        if (td_index_read(&index, entry, path, &arena, &error) != TD_OK)
            snprintf(found, size, "an index that cannot be used (%.600s)", error.message);
        td_arena_free(&arena);
        if (error.message[0])
            return true;
    }
    if (find_entry(entry, path, is_picture))
        snprintf(found, size, "pictures (%.300s) without folders for their classes or an index",
                 entry);
    else if (find_entry(entry, path, holds_picture))
        snprintf(found, size,
                 "pictures in one folder alone (%.300s), without an index of their labels", entry);
    else if (find_entry(entry, path, holds_folder_of_pictures))
        snprintf(found, size, "pictures one folder too deep (in folders of %.300s)", entry);
    else
        return false;
    return true;
}

const td_format td_format_folder = {
    .name = "class folders with pictures",
    .needs =
        "a folder for each class with pictures (or `images/` with them) and nothing else, alone or "
        "in folders train or training, and test, testing, val, valid or validation, in any case",
    .recognise = recognise,
    .list = list,
    .near = near};
