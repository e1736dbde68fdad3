/* A folder of class folders with pictures: ROOT/CLASS/PICTURE, or the same below ROOT/train and
 * ROOT/test. The classes are the folders sorted by the bytes of their names (so 10 comes before 2),
 * and are called as the folders; the pictures of a class are sorted likewise. Hidden files are
 * passed over, and so are files beside the class folders; in a class folder there must be nothing
 * but pictures. */
#include "data/folder.h"
#include "data/format.h"
#include "data/picture.h"
#include <stdio.h>
#include <string.h>

static const char *const splits[] = {"train", "test"};

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

/* The first folder in `path` that holds a picture; false, with `name` empty, where none does. */
static bool find_class(char *name, const char *path) {
    td_arena arena = {0};
    td_folder folder;
    *name = '\0';
    if (td_folder_read(&folder, path, &arena, NULL) == TD_OK)
        for (size_t i = 0; i < folder.count && !*name; i++) {
            char entry[TD_PATH_SIZE];
            if (td_path_join(entry, path, folder.names[i]) && td_path_is_folder(entry) &&
                has_picture(entry))
                snprintf(name, TD_PATH_SIZE, "%s", folder.names[i]);
        }
    td_arena_free(&arena);
    return *name != '\0';
}

static bool recognise(const char *path) {
    char name[TD_PATH_SIZE], split[TD_PATH_SIZE];
    if (!td_path_is_folder(path))
        return false;
    for (size_t i = 0; i < 2; i++)
        if (td_path_join(split, path, splits[i]) && find_class(name, split))
            return true;
    return find_class(name, path);
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
            return td_fail(error, TD_ERR_FORMAT,
                           "%s: expected a picture in a class folder, found %s", file,
                           kind == TD_ENTRY_FOLDER ? "a folder"
                           : kind == TD_ENTRY_FILE ? "a file with another ending"
                                                   : "no regular file");
        TD_TRY(td_listing_add(listing, &(td_listed){.path = file, .label = label}, error));
    }
    if (folder.count == 0)
        return td_fail(error, TD_ERR_FORMAT, "%s: expected pictures in a class folder, found none",
                       path);
    return TD_OK;
}

/* The class folders in `path`. */
static td_status read_classes(td_folder *classes, const char *path, td_arena *arena,
                              td_error *error) {
    TD_TRY(td_folder_read_folders(classes, path, arena, error));
    if (classes->count < 1 || classes->count > TD_MOST_CLASSES)
        return td_fail(error, TD_ERR_FORMAT, "%s: expected 1 to %d class folders, found %zu", path,
                       TD_MOST_CLASSES, classes->count);
    for (size_t i = 0; i < classes->count; i++)
        TD_TRY(td_folder_check_name(path, classes->names[i], error));
    return TD_OK;
}

static td_status list_classes(td_listing *listing, const char *path, td_error *error) {
    td_folder classes;
    TD_TRY(read_classes(&classes, path, &listing->arena, error));
    listing->classes = classes.count;
    listing->class_names = (const char **)classes.names;
    for (size_t i = 0; i < classes.count; i++) {
        char folder[TD_PATH_SIZE];
        TD_TRY(td_folder_join(folder, path, classes.names[i], error));
        TD_TRY(list_class(listing, folder, (int32_t)i, error));
    }
    return TD_OK;
}

/* The folders of the splits; absent ones are empty strings. */
typedef struct split_folders {
    char path[2][TD_PATH_SIZE];
} split_folders;

/* Whether the folder is cut into splits: train or test holds folders. Else it may be a class of
 * that name. */
static td_status find_splits(split_folders *found, const char *root, td_arena *arena,
                             td_error *error) {
    bool any = false;
    for (size_t i = 0; i < 2; i++) {
        td_folder inner;
        TD_TRY(td_folder_join(found->path[i], root, splits[i], error));
        if (!td_path_is_folder(found->path[i])) {
            found->path[i][0] = '\0';
            continue;
        }
        TD_TRY(td_folder_read_folders(&inner, found->path[i], arena, error));
        any = any || inner.count > 0;
    }
    if (!any)
        *found = (split_folders){0};
    return TD_OK;
}

/* A label must mean the same in both. */
static td_status compare_classes(const split_folders *in, const char *root, td_arena *arena,
                                 td_error *error) {
    td_folder classes[2];
    for (size_t i = 0; i < 2; i++) {
        if (!in->path[i][0])
            return TD_OK;
        TD_TRY(read_classes(&classes[i], in->path[i], arena, error));
    }
    size_t same = 0;
    while (same < classes[0].count && same < classes[1].count &&
           strcmp(classes[0].names[same], classes[1].names[same]) == 0)
        same++;
    if (same == classes[0].count && same == classes[1].count)
        return TD_OK;
    /* Of the first two names that differ, the lesser one is missing in the other split. */
    bool in_test =
        same == classes[0].count ||
        (same < classes[1].count && strcmp(classes[1].names[same], classes[0].names[same]) < 0);
    return td_fail(error, TD_ERR_FORMAT,
                   "%s: expected the same class folders in train and test, found \"%s\" only in %s",
                   root, classes[in_test].names[same], splits[in_test]);
}

static td_status list_split(td_listing *listing, const td_source *source, const split_folders *in,
                            td_error *error) {
    char name[TD_PATH_SIZE];
    if (find_class(name, source->path))
        return td_fail(error, TD_ERR_FORMAT,
                       "%s: two layouts: expected class folders in train and test, or without "
                       "these, found both (\"%.100s\" holds pictures)",
                       source->path, name);
    TD_TRY(compare_classes(in, source->path, &listing->arena, error));
    bool test = strcmp(source->split, splits[1]) == 0;
    if (!in->path[test][0])
        return td_fail(error, TD_ERR_USAGE, "%s: split %s: expected a folder %s, found none",
                       source->path, source->split, source->split);
    listing->split = splits[test];
    return list_classes(listing, in->path[test], error);
}

static td_status list(td_listing *listing, const td_source *source, td_error *error) {
    char *root;
    split_folders in;
    TD_TRY(td_arena_text(&listing->arena, source->path, strlen(source->path), &root, error));
    listing->root = root;
    TD_TRY(find_splits(&in, source->path, &listing->arena, error));
    if (in.path[0][0] || in.path[1][0])
        return list_split(listing, source, &in, error);
    if (source->split_given)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: split %s: expected folders train and test with the class folders in "
                       "them, found class folders alone",
                       source->path, source->split);
    listing->split = "";
    return list_classes(listing, source->path, error);
}

const td_format td_format_folder = {"a folder of class folders with pictures", recognise, NULL,
                                    list};
