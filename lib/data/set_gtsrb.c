/* The German Traffic Sign Recognition Benchmark in its own layout: Final_Training/Images/000NN/
 * with the pictures of class NN and GT-000NN.csv, and Final_Test/Images/ with pictures of all
 * classes and GT-final_test.csv. These stand in the folder given or in GTSRB/ within it. The index
 * of the test set, which is published apart from the pictures, may also stand beside Final_Test or
 * GTSRB. What the indices do not name is passed over. The order is that of the classes' numbers and
 * of the indices' lines.
 *
 * Labels are the benchmark's class numbers; for a part of the benchmark that is known by name
 * (gtsrb16) they are the positions in its list of classes, and what is of other classes is left
 * out. */
#include "base/file.h"
#include "data/folder.h"
#include "data/format.h"
#include "data/gtsrb_csv.h"
#include <stdio.h>
#include <string.h>

enum { NOT_LISTED = -1 };

/* Where the benchmark's folders are, and which of its classes are meant. */
typedef struct benchmark {
    const char *root; /* the folder with Final_Training and Final_Test */
    bool nested;      /* whether that is GTSRB within the one that was given */
    const td_known_set *set;
    int32_t labels[TD_GTSRB_CLASSES]; /* of each class; NOT_LISTED where it is not in the set */
} benchmark;

static bool has_folder(const char *root, const char *name) {
    char path[TD_PATH_SIZE];
    return td_path_join(path, root, name) && td_path_is_folder(path);
}

static bool has_parts(const char *root) {
    return has_folder(root, "Final_Training/Images") || has_folder(root, "Final_Test/Images");
}

static bool recognise(const char *path) {
    char inner[TD_PATH_SIZE];
    return has_parts(path) || (td_path_join(inner, path, "GTSRB") && has_parts(inner));
}

static td_status locate(benchmark *b, td_listing *listing, const td_source *source,
                        td_error *error) {
    char path[TD_PATH_SIZE], *root;
    b->nested = !has_parts(source->path);
    if (b->nested)
        TD_TRY(td_folder_join(path, source->path, "GTSRB", error));
    else
        snprintf(path, sizeof path, "%s", source->path);
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

/* Adds what an index lists of the pictures in `folder`. `only`: the class that all of them must
 * have, or NULL. */
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

static td_status list(td_listing *listing, const td_source *source, td_error *error) {
    benchmark b;
    char images[TD_PATH_SIZE];
    bool test = strcmp(source->split, "test") == 0;
    const char *part = test ? "Final_Test/Images" : "Final_Training/Images";
    TD_TRY(locate(&b, listing, source, error));
    TD_TRY(choose_classes(&b, listing, source, error));
    listing->split = test ? "test" : "train";
    TD_TRY(td_folder_join(images, b.root, part, error));
    if (!td_path_is_folder(images))
        return td_fail(error, TD_ERR_USAGE, "%s: split %s: expected a folder %s, found none",
                       b.root, source->split, part);
    TD_TRY((test ? list_test : list_training)(listing, &b, images, error));
    if (listing->count == 0)
        return td_fail(error, TD_ERR_FORMAT,
                       "%s: expected pictures of the classes of %s, found none", images,
                       b.set->name);
    return TD_OK;
}

const td_format td_format_gtsrb = {"GTSRB's folders", recognise, NULL, list};
