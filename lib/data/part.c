#include "data/part.h"

#include "data/picture.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Called as folders are in which pictures stand whatever their class. */
static bool is_for_images(const char *name) {
    static const char *const names[] = {"images", "image", "imgs", "img", "pictures", "data"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

/* Whether a folder of this name holds a picture. */
static bool has_picture(const char *path) {
    td_arena arena = {0};
    td_folder folder;
    bool found = false;
    if (td_folder_read(&folder, path, &arena, NULL) == TD_OK)
        for (size_t i = 0; i < folder.count && !found; i++)
            found = td_picture_is_name(folder.names[i]);
    td_arena_free(&arena);
    return found;
}

/* The folder `images` of a class, in out[0, TD_PATH_SIZE); false where there is none. */
static bool find_inner(char *out, const char *path) {
    td_arena arena = {0};
    td_folder folder;
    bool found = false;
    if (td_folder_read(&folder, path, &arena, NULL) == TD_OK)
        for (size_t i = 0; i < folder.count && !found; i++)
            found = is_for_images(folder.names[i]) && td_path_join(out, path, folder.names[i]) &&
                    td_path_is_folder(out);
    td_arena_free(&arena);
    return found;
}

static bool is_class(const char *path) {
    char inner[TD_PATH_SIZE];
    return td_path_is_folder(path) &&
           (has_picture(path) || (find_inner(inner, path) && has_picture(inner)));
}

/* How many folders of `path` are classes, up to 2, and the first one's name. */
static size_t count_classes(char *name, const char *path, bool splits) {
    td_arena arena = {0};
    td_folder folder;
    size_t count = 0;
    *name = '\0';
    if (td_folder_read(&folder, path, &arena, NULL) == TD_OK)
        for (size_t i = 0; i < folder.count && count < 2; i++) {
            char entry[TD_PATH_SIZE];
            const char *own = folder.names[i];
            if ((!splits && td_split_named(own, strlen(own), NULL) != TD_SPLIT_NONE) ||
                !td_path_join(entry, path, own) || !is_class(entry))
                continue;
            if (count++ == 0)
                snprintf(name, TD_PATH_SIZE, "%s", own);
        }
    td_arena_free(&arena);
    return count;
}

bool td_part_find_class(char *name, const char *path) {
    return count_classes(name, path, false) > 0;
}

bool td_part_is_here(const char *path) {
    char name[TD_PATH_SIZE];
    if (!td_path_is_folder(path))
        return false;
    if (td_index_exists(path))
        return true;
    const size_t classes = count_classes(name, path, true);
    return classes > 1 || (classes == 1 && !is_for_images(name));
}

static td_status read_folders(td_part *part, td_arena *arena, td_error *error) {
    td_folder classes;
    TD_TRY(td_folder_read_folders(&classes, part->path, arena, error));
    if (classes.count < 1 || classes.count > TD_MOST_CLASSES)
        return td_fail(error, TD_ERR_FORMAT, "%s: expected 1 to %d class folders, found %zu",
                       part->path, TD_MOST_CLASSES, classes.count);
    for (size_t i = 0; i < classes.count; i++)
        TD_TRY(td_folder_check_name(part->path, classes.names[i], error));
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
        char folder[TD_PATH_SIZE], inner[TD_PATH_SIZE];
        TD_TRY(td_folder_join(folder, part->path, part->names[i], error));
        const bool nested = !has_picture(folder) && find_inner(inner, folder) && has_picture(inner);
        const size_t label = td_index_class(part->names[i], listing->class_names, listing->classes);
        TD_TRY(list_class(listing, nested ? inner : folder, (int32_t)label, error));
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
