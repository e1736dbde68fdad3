/* SPDX-License-Identifier: MIT */
/* The German Traffic Sign Recognition Benchmark, in three layouts. Its own:
 * Final_Training/Images/000NN/ with the pictures of class NN and GT-000NN.csv, and
 * Final_Test/Images/ with pictures of all classes and GT-final_test.csv. torchvision's, with
 * Training/ instead of Final_Training/Images/. Both are in the given folder or in GTSRB/ within it.
 * The index of the test set, which is published separately, may also be beside Final_Test or GTSRB.
 * Kaggle's: Train.csv and Test.csv with paths of the pictures relative to the folder; its folders
 * Train and Test may also be given. Pictures that no index names are skipped. The order is by class
 * number, then by line of the index.
 *
 * Labels are the benchmark's class numbers; for a known subset (gtsrb16) they are positions in its
 * list of classes, and pictures of other classes are left out. */
#include "base/file.h"
#include "data/folder.h"
#include "data/format.h"
#include "data/gtsrb_csv.h"
#include "data/picture.h"
#include "data/split.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { NOT_LISTED = -1 };

static const char *const training_folders[] = {"Final_Training/Images", "Training"};

/* The location of the benchmark's folders, and the classes to use. */
typedef struct benchmark {
    const char *root; /* the folder with Final_Training and Final_Test */
    bool nested;      /* that is GTSRB within the given one */
    bool kaggle;      /* it has Train.csv and Test.csv instead */
    const td_known_set *set;
    int32_t labels[TD_GTSRB_CLASSES]; /* of each class; NOT_LISTED if it is not in the set */
} benchmark;

static bool has_folder(const char *root, const char *name) {
    char path[TD_PATH_SIZE];
    return td_path_join(path, root, name) && td_path_is_folder(path);
}

/* Whether the folder has a class folder with an index. */
static td_status has_indices(bool *out, const char *root, td_error *error) {
    td_arena arena = {0};
    td_folder folders;
    *out = false;
    const td_status status = td_folder_read_folders(&folders, root, &arena, error);
    for (size_t i = 0; status == TD_OK && i < folders.count && !*out; i++) {
        char folder[TD_PATH_SIZE], path[TD_PATH_SIZE], name[32];
        snprintf(name, sizeof name, "GT-%.5s.csv", folders.names[i]);
        *out = td_path_join(folder, root, folders.names[i]) && td_path_join(path, folder, name) &&
               td_path_is_file(path);
    }
    td_arena_free(&arena);
    return status;
}

static td_status has_parts(bool *out, const char *root, td_error *error) {
    char training[TD_PATH_SIZE];
    *out = has_folder(root, training_folders[0]) || has_folder(root, "Final_Test/Images");
    if (!*out && has_folder(root, training_folders[1]) &&
        td_path_join(training, root, training_folders[1]))
        TD_TRY(has_indices(out, training, error));
    return TD_OK;
}

/* Whether Kaggle's Train.csv or Test.csv exists; its path goes to path[0, TD_PATH_SIZE). */
static td_status find_kaggle(bool *out, char *path, const char *root, td_split split,
                             td_error *error) {
    td_map map;
    *out = false;
    if (!td_path_join(path, root, split == TD_SPLIT_TEST ? "Test.csv" : "Train.csv") ||
        !td_path_is_file(path))
        return TD_OK;
    TD_TRY(td_map_open(&map, path, error));
    *out = td_gtsrb_is_kaggle((const char *)map.data, map.size);
    td_map_close(&map);
    return TD_OK;
}

static td_status is_kaggle(bool *out, const char *root, td_error *error) {
    char path[TD_PATH_SIZE];
    TD_TRY(find_kaggle(out, path, root, TD_SPLIT_TRAIN, error));
    return *out ? TD_OK : find_kaggle(out, path, root, TD_SPLIT_TEST, error);
}

/* For Kaggle's folder Train or Test: the split, and the parent folder. TD_SPLIT_NONE for others. */
static td_status find_above(td_split *out, char *above, const char *path, td_error *error) {
    size_t length;
    const char *base = td_path_base(path, &length);
    const td_split split = length == 5 && strncmp(base, "Train", 5) == 0  ? TD_SPLIT_TRAIN
                           : length == 4 && strncmp(base, "Test", 4) == 0 ? TD_SPLIT_TEST
                                                                          : TD_SPLIT_NONE;
    const size_t before = (size_t)(base - path);
    bool kaggle;
    *out = TD_SPLIT_NONE;
    if (split == TD_SPLIT_NONE || before >= TD_PATH_SIZE)
        return TD_OK;
    snprintf(above, TD_PATH_SIZE, "%.*s", before ? (int)before : 1, before ? path : ".");
    TD_TRY(is_kaggle(&kaggle, above, error));
    if (kaggle)
        *out = split;
    return TD_OK;
}

td_status td_format_is_gtsrb(bool *out, const char *path, td_error *error) {
    char above[TD_PATH_SIZE];
    td_split split = TD_SPLIT_NONE;
    TD_TRY(has_parts(out, path, error));
    if (!*out)
        TD_TRY(is_kaggle(out, path, error));
    if (!*out)
        TD_TRY(find_above(&split, above, path, error));
    *out = *out || split != TD_SPLIT_NONE;
    return TD_OK;
}

static td_status recognise(bool *out, const char *path, td_error *error) {
    char inner[TD_PATH_SIZE];
    TD_TRY(td_format_is_gtsrb(out, path, error));
    if (!*out && td_path_join(inner, path, "GTSRB"))
        TD_TRY(has_parts(out, inner, error));
    return TD_OK;
}

static td_status locate(benchmark *b, td_listing *listing, const td_source *source,
                        td_error *error) {
    char path[TD_PATH_SIZE], *root;
    td_split above;
    bool own = false;
    TD_TRY(find_above(&above, path, source->path, error));
    b->kaggle = above != TD_SPLIT_NONE;
    if (!b->kaggle) {
        TD_TRY(is_kaggle(&b->kaggle, source->path, error));
        if (!b->kaggle)
            TD_TRY(has_parts(&own, source->path, error));
        b->nested = !b->kaggle && !own;
        if (b->nested)
            TD_TRY(td_folder_join(path, source->path, "GTSRB", error));
        else
            snprintf(path, sizeof path, "%s", source->path);
    }
    TD_TRY(td_arena_text(&listing->arena, path, strlen(path), &root, error));
    b->root = listing->root = root;
    return TD_OK;
}

static td_status choose_classes(benchmark *b, td_listing *listing, const td_source *source,
                                td_error *error) {
    bool part = source->known && source->known->numbers;
    b->set = part ? source->known : td_known_set_find("gtsrb", strlen("gtsrb"));
    for (size_t i = 0; i < TD_GTSRB_CLASSES; i++)
        b->labels[i] = part ? NOT_LISTED : (int32_t)i;
    for (size_t i = 0; part && i < b->set->classes; i++)
        b->labels[b->set->numbers[i]] = (int32_t)i;
    listing->classes = b->set->classes;
    TD_TRY(TD_ARENA_NEW(&listing->arena, listing->classes, &listing->class_names, "class names",
                        error));
    for (size_t i = 0; i < listing->classes; i++)
        listing->class_names[i] = b->set->class_names[i];
    return TD_OK;
}

static td_status add_row(td_listing *listing, const char *folder, const td_gtsrb_row *row,
                         int32_t label, td_error *error) {
    char path[TD_PATH_SIZE];
    TD_TRY(td_folder_join(path, folder, row->name, error));
    if (!td_path_is_file(path))
        return td_fail(error, TD_ERR_FORMAT, "line %zu: expected a picture %s, found none",
                       row->line, path);
    const td_listed image = {path, label, row->box, row->width, row->height};
    return td_listing_add(listing, &image, error);
}

/* Adds the pictures in `folder` that an index lists. `only`: the class that all of them must have,
 * or NULL. */
static td_status add_rows(td_listing *listing, const benchmark *b, const char *folder,
                          const size_t *only, const td_map *index, td_error *error) {
    td_gtsrb_row *rows;
    size_t count;
    TD_TRY(td_gtsrb_parse(&rows, &count, (const char *)index->data, index->size, &listing->arena,
                          error));
    for (size_t i = 0; i < count; i++) {
        if (only && rows[i].class_number != *only)
            return td_fail(error, TD_ERR_FORMAT,
                           "line %zu: ClassId: expected %zu, the folder's, found %zu", rows[i].line,
                           *only, rows[i].class_number);
        int32_t label = b->labels[rows[i].class_number];
        if (label != NOT_LISTED)
            TD_TRY(add_row(listing, folder, &rows[i], label, error));
    }
    return TD_OK;
}

static td_status read_index(td_listing *listing, const benchmark *b, const char *folder,
                            const size_t *only, const char *path, td_error *error) {
    td_map map;
    TD_TRY(td_map_open(&map, path, error));
    const td_digest digest = td_sha256(map.data, map.size);
    td_status status = td_listing_add_index(listing, path, &digest, error);
    if (status == TD_OK)
        status = add_rows(listing, b, folder, only, &map, error);
    td_map_close(&map);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", path);
}

static td_status list_training_class(td_listing *listing, const benchmark *b, const char *images,
                                     size_t number, td_error *error) {
    char folder[TD_PATH_SIZE], path[TD_PATH_SIZE], name[32];
    snprintf(name, sizeof name, "%05zu", number);
    TD_TRY(td_folder_join(folder, images, name, error));
    if (!td_path_is_folder(folder))
        return TD_OK;
    snprintf(name, sizeof name, "GT-%05zu.csv", number);
    TD_TRY(td_folder_join(path, folder, name, error));
    return read_index(listing, b, folder, &number, path, error);
}

static td_status check_training_folders(const char *images, td_arena *arena, td_error *error) {
    td_folder folders;
    TD_TRY(td_folder_read_folders(&folders, images, arena, error));
    for (size_t i = 0; i < folders.count; i++) {
        const char *name = folders.names[i];
        TD_TRY(td_folder_check_name(images, name, error));
        if (strlen(name) != 5 || strspn(name, "0123456789") != 5 || strcmp(name, "00042") > 0)
            return td_fail(error, TD_ERR_FORMAT,
                           "%s: expected class folders 00000 to 00042, found \"%.100s\"", images,
                           name);
    }
    return TD_OK;
}

static td_status list_training(td_listing *listing, const benchmark *b, const char *images,
                               td_error *error) {
    TD_TRY(check_training_folders(images, &listing->arena, error));
    for (size_t number = 0; number < TD_GTSRB_CLASSES; number++)
        if (b->labels[number] != NOT_LISTED)
            TD_TRY(list_training_class(listing, b, images, number, error));
    return TD_OK;
}

static td_status list_test(td_listing *listing, const benchmark *b, const char *images,
                           td_error *error) {
    static const char *const places[] = {"Final_Test/GT-final_test.csv",
                                         "Final_Test/Images/GT-final_test.csv", "GT-final_test.csv",
                                         "../GT-final_test.csv"};
    static const char unlabelled[] = "GT-final_test.test.csv";
    char path[TD_PATH_SIZE];
    for (size_t i = 0; i < (b->nested ? 4 : 3); i++)
        if (td_path_join(path, b->root, places[i]) && td_path_is_file(path))
            return read_index(listing, b, images, NULL, path, error);
    bool other = td_path_join(path, images, unlabelled) && td_path_is_file(path);
    return td_fail(
        error, TD_ERR_USAGE,
        "%s: expected an index %s with the column ClassId (from GTSRB_Final_Test_GT.zip), "
        "found %s",
        b->root, places[0], other ? "GT-final_test.test.csv, which lacks it" : "none");
}

/* The pictures of a class folder, whose name is the class's number, sorted by name. */
static td_status list_numbered(td_listing *listing, const char *path, int32_t label,
                               td_error *error) {
    td_folder folder;
    TD_TRY(td_folder_read(&folder, path, &listing->arena, error));
    for (size_t i = 0; i < folder.count; i++) {
        char file[TD_PATH_SIZE];
        TD_TRY(td_folder_check_name(path, folder.names[i], error));
        TD_TRY(td_folder_join(file, path, folder.names[i], error));
        if (!td_picture_is_name(file) || !td_path_is_file(file))
            return td_fail(error, TD_ERR_FORMAT, "%s: expected a picture in a class folder", file);
        TD_TRY(td_listing_add(listing, &(td_listed){.path = file, .label = label}, error));
    }
    return TD_OK;
}

/* Kaggle's training set without its Train.csv: the folders Train/0 to Train/42. */
static td_status list_train_folders(td_listing *listing, const benchmark *b, td_error *error) {
    for (size_t number = 0; number < TD_GTSRB_CLASSES; number++) {
        char name[32], path[TD_PATH_SIZE];
        snprintf(name, sizeof name, "Train/%zu", number);
        TD_TRY(td_folder_join(path, b->root, name, error));
        if (b->labels[number] != NOT_LISTED && td_path_is_folder(path))
            TD_TRY(list_numbered(listing, path, b->labels[number], error));
    }
    return TD_OK;
}

static td_status list_kaggle(td_listing *listing, const benchmark *b, const td_source *source,
                             td_error *error) {
    char path[TD_PATH_SIZE];
    td_split split;
    bool indexed;
    TD_TRY(find_above(&split, path, source->path, error));
    if (split == TD_SPLIT_NONE)
        split = td_split_of(source->split);
    else if (source->split_given && split != td_split_of(source->split))
        return td_fail(error, TD_ERR_USAGE, "%s: expected no split or %s, found %s", source->path,
                       td_split_name(split), source->split);
    listing->split = td_split_name(split);
    TD_TRY(find_kaggle(&indexed, path, b->root, split, error));
    if (!indexed) {
        if (split == TD_SPLIT_TRAIN && has_folder(b->root, "Train"))
            return list_train_folders(listing, b, error);
        return td_fail(error, TD_ERR_USAGE, "%s: split %s: expected a file %s, found none", b->root,
                       listing->split, split == TD_SPLIT_TEST ? "Test.csv" : "Train.csv");
    }
    return read_index(listing, b, b->root, NULL, path, error);
}

static td_status list_own(td_listing *listing, const benchmark *b, const td_source *source,
                          td_error *error) {
    char images[TD_PATH_SIZE];
    bool test = strcmp(source->split, "test") == 0;
    const char *part =
        test ? "Final_Test/Images"
        : has_folder(b->root, training_folders[0]) || !has_folder(b->root, training_folders[1])
            ? training_folders[0]
            : training_folders[1];
    listing->split = test ? "test" : "train";
    TD_TRY(td_folder_join(images, b->root, part, error));
    if (!td_path_is_folder(images))
        return td_fail(error, TD_ERR_USAGE, "%s: split %s: expected a folder %s, found none",
                       b->root, source->split, part);
    return (test ? list_test : list_training)(listing, b, images, error);
}

static td_status list(td_listing *listing, const td_source *source, td_error *error) {
    benchmark b = {0};
    TD_TRY(locate(&b, listing, source, error));
    TD_TRY(choose_classes(&b, listing, source, error));
    TD_TRY((b.kaggle ? list_kaggle : list_own)(listing, &b, source, error));
    if (listing->count == 0)
        return td_fail(error, TD_ERR_FORMAT,
                       "%s: expected pictures of the classes of %s, found none", b.root,
                       b.set->name);
    return TD_OK;
}

const td_format td_format_gtsrb = {
    .name = "the German Traffic Sign benchmark",
    .needs = "Final_Training/Images/000NN/GT-000NN.csv and Final_Test/Images with "
             "GT-final_test.csv, alone "
             "or in GTSRB/; torchvision's Training/; or Kaggle's Train.csv and Test.csv",
    .recognise = recognise,
    .list = list};
