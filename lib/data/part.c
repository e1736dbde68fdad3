/* SPDX-License-Identifier: MIT */
#include "data/part.h"

#include "data/picture.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Whether the name is usual for a folder with pictures of all classes. */
static bool is_for_images(const char *name) {
    static const char *const names[] = {"images", "image", "imgs", "img", "pictures", "data"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

/* Whether a folder with this name contains a picture. */
static td_status has_picture(bool *out, const char *path, td_error *error) {
    td_arena arena = {0};
    td_folder folder;
    *out = false;
    const td_status status = td_folder_read(&folder, path, &arena, error);
    for (size_t i = 0; status == TD_OK && i < folder.count && !*out; i++)
        *out = td_picture_is_name(folder.names[i]);
    td_arena_free(&arena);
    return status;
}

/* Whether a class has a folder `images`, whose path goes to inner[0, TD_PATH_SIZE). */
static td_status find_inner(bool *out, char *inner, const char *path, td_error *error) {
    td_arena arena = {0};
    td_folder folder;
    *out = false;
    const td_status status = td_folder_read(&folder, path, &arena, error);
    for (size_t i = 0; status == TD_OK && i < folder.count && !*out; i++)
        *out = is_for_images(folder.names[i]) && td_path_join(inner, path, folder.names[i]) &&
               td_path_is_folder(inner);
    td_arena_free(&arena);
    return status;
}

/* The folder with the pictures of a class, in place[0, TD_PATH_SIZE); "" if it has none. */
static td_status find_pictures(char *place, const char *path, td_error *error) {
    char inner[TD_PATH_SIZE];
    bool here, nested = false;
    TD_TRY(has_picture(&here, path, error));
    if (!here)
        TD_TRY(find_inner(&nested, inner, path, error));
    if (nested)
        TD_TRY(has_picture(&nested, inner, error));
    snprintf(place, TD_PATH_SIZE, "%s", here ? path : nested ? inner : "");
    return TD_OK;
}

/* The number of names in `path` that are classes, up to 2, and the first one's name. */
static td_status count_named(size_t *count, char *name, const td_folder *folder, const char *path,
                             bool splits, td_error *error) {
    for (size_t i = 0; i < folder->count && *count < 2; i++) {
        char entry[TD_PATH_SIZE], place[TD_PATH_SIZE];
        const char *own = folder->names[i];
        if ((!splits && td_split_named(own, strlen(own), NULL) != TD_SPLIT_NONE) ||
            !td_path_join(entry, path, own) || !td_path_is_folder(entry))
            continue;
        TD_TRY(find_pictures(place, entry, error));
        if (*place && (*count)++ == 0)
            snprintf(name, TD_PATH_SIZE, "%s", own);
    }
    return TD_OK;
}

static td_status count_classes(size_t *count, char *name, const char *path, bool splits,
                               td_error *error) {
    td_arena arena = {0};
    td_folder folder;
    *count = 0;
    *name = '\0';
    td_status status = td_folder_read(&folder, path, &arena, error);
    if (status == TD_OK)
        status = count_named(count, name, &folder, path, splits, error);
    td_arena_free(&arena);
    return status;
}

td_status td_part_find_class(char *name, const char *path, td_error *error) {
    size_t count;
    return count_classes(&count, name, path, false, error);
}

td_status td_part_is_here(bool *out, const char *path, td_error *error) {
    char name[TD_PATH_SIZE];
    size_t classes;
    *out = false;
    if (!td_path_is_folder(path))
        return TD_OK;
    TD_TRY(td_index_exists(out, path, error));
    if (*out)
        return TD_OK;
    TD_TRY(count_classes(&classes, name, path, true, error));
    *out = classes > 1 || (classes == 1 && !is_for_images(name));
    return TD_OK;
}

static int compare_letters(const void *a, const void *b) {
    const int order = strcasecmp(*(const char *const *)a, *(const char *const *)b);
    return order ? order : strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Letters that differ in case are different classes, as in handwriting sets; words that do are two
 * spellings of one. */
static td_status check_letters(const td_folder *classes, const char *path, td_arena *arena,
                               td_error *error) {
    const char **sorted;
    TD_TRY(TD_ARENA_NEW(arena, classes->count, &sorted, "class names", error));
    for (size_t i = 0; i < classes->count; i++)
        sorted[i] = classes->names[i];
    qsort(sorted, classes->count, sizeof *sorted, compare_letters);
    for (size_t i = 1; i < classes->count; i++)
        if (strcasecmp(sorted[i - 1], sorted[i]) == 0 && strlen(sorted[i]) > 1)
            return td_fail(error, TD_ERR_FORMAT,
                           "%s: expected class folders whose names differ by more than case, found "
                           "\"%.60s\" and \"%.60s\"",
                           path, sorted[i - 1], sorted[i]);
    return TD_OK;
}

static td_status read_folders(td_part *part, td_arena *arena, td_error *error) {
    td_folder classes;
    TD_TRY(td_folder_read_folders(&classes, part->path, arena, error));
    if (classes.count < 1 || classes.count > TD_MOST_CLASSES)
        return td_fail(error, TD_ERR_FORMAT, "%s: expected 1 to %d class folders, found %zu",
                       part->path, TD_MOST_CLASSES, classes.count);
    for (size_t i = 0; i < classes.count; i++)
        TD_TRY(td_folder_check_name(part->path, classes.names[i], error));
    TD_TRY(check_letters(&classes, part->path, arena, error));
    part->names = (const char **)classes.names;
    part->count = classes.count;
    return TD_OK;
}

td_status td_part_open(td_part *part, const char *path, td_arena *arena, td_error *error) {
    td_index_files files;
    char *copy;
    *part = (td_part){0};
    TD_TRY(td_arena_text(arena, path, strlen(path), &copy, error));
    part->path = copy;
    TD_TRY(td_index_find(&files, path, arena, error));
    const char *file = NULL;
    for (int i = 0; i <= TD_SPLITS && !file; i++)
        file = files.files[i];
    if (!file)
        return read_folders(part, arena, error);
    part->indexed = true;
    TD_TRY(td_index_read(&part->index, file, path, arena, error));
    return td_index_classes(&part->index, 1, &part->names, &part->count, arena, error);
}

static td_status refuse_entry(const char *file, td_entry kind, td_error *error) {
    return td_fail(error, TD_ERR_FORMAT, "%s: expected a picture in a class folder, found %s", file,
                   kind == TD_ENTRY_FOLDER ? "a folder"
                   : kind == TD_ENTRY_FILE ? "a file with another ending"
                                           : "no regular file");
}

/* Adds the pictures of one class. */
static td_status list_class(td_listing *listing, const char *path, int32_t label, td_error *error) {
    td_folder folder;
    TD_TRY(td_folder_read(&folder, path, &listing->arena, error));
    for (size_t i = 0; i < folder.count; i++) {
        char file[TD_PATH_SIZE];
        td_entry kind;
        TD_TRY(td_folder_check_name(path, folder.names[i], error));
        TD_TRY(td_folder_join(file, path, folder.names[i], error));
        TD_TRY(td_folder_look(&kind, file, error));
        if (kind != TD_ENTRY_FILE || !td_picture_is_name(file))
            return refuse_entry(file, kind, error);
        TD_TRY(td_listing_add(listing, &(td_listed){.path = file, .label = label}, error));
    }
    if (folder.count == 0)
        return td_fail(error, TD_ERR_FORMAT, "%s: expected pictures in a class folder, found none",
                       path);
    return TD_OK;
}

static td_status list_folders(const td_part *part, td_listing *listing, td_error *error) {
    for (size_t i = 0; i < part->count; i++) {
        char folder[TD_PATH_SIZE], place[TD_PATH_SIZE];
        TD_TRY(td_folder_join(folder, part->path, part->names[i], error));
        TD_TRY(find_pictures(place, folder, error));
        const size_t label = td_index_class(part->names[i], listing->class_names, listing->classes);
        TD_TRY(list_class(listing, *place ? place : folder, (int32_t)label, error));
    }
    return TD_OK;
}

td_status td_part_list(const td_part *part, td_listing *listing, td_error *error) {
    if (!part->indexed)
        return list_folders(part, listing, error);
    TD_TRY(td_listing_add_index(listing, part->index.file, &part->index.digest, error));
    for (size_t i = 0; i < part->index.count; i++) {
        const td_index_row *row = &part->index.rows[i];
        const size_t label = td_index_class(row->label, listing->class_names, listing->classes);
        const td_listed image = {.path = row->path, .label = (int32_t)label};
        TD_TRY(td_listing_add(listing, &image, error));
    }
    return TD_OK;
}
