/* SPDX-License-Identifier: MIT */
/* Caltech-UCSD Birds and sets in its layout: images.txt (number and path below images/),
 * image_class_labels.txt (number and class), and optionally classes.txt (class and name) and
 * train_test_split.txt (number, and 1 for a picture of the training set). Columns are separated by
 * blanks. The order is that of images.txt. */
#include "base/file.h"
#include "data/folder.h"
#include "data/format.h"
#include "data/index_lines.h"
#include "data/picture.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DIGITS = 8 };

static bool has_file(const char *folder, const char *name) {
    char path[TD_PATH_SIZE];
    return td_path_join(path, folder, name) && td_path_is_file(path);
}

static td_status recognise(bool *out, const char *path, td_error *error) {
    (void)error;
    *out = has_file(path, "images.txt") && has_file(path, "image_class_labels.txt");
    return TD_OK;
}

/* A file of lines "NUMBER TEXT" with consecutive numbers from 1. */
typedef struct column {
    const char **texts; /* [count] */
    size_t count;
} column;

static bool read_number(const char *text, size_t *out) {
    const size_t length = strlen(text);
    *out = strtoul(text, NULL, 10);
    return length > 0 && length <= MOST_DIGITS && strspn(text, "0123456789") == length;
}

static td_status add(column *out, const td_index_line *line, td_arena *arena, td_error *error) {
    size_t number;
    char *copy, shown[TD_INDEX_SHOWN + 1];
    if (line->count != 2 || !read_number(line->fields[0], &number) || number != out->count + 1)
        return td_fail(error, TD_ERR_FORMAT,
                       "line %zu: expected the number %zu and one word, found %zu columns, the "
                       "first \"%s\"",
                       line->number, out->count + 1, line->count,
                       td_index_show(shown, line->count ? line->fields[0] : ""));
    if ((out->count & (out->count - 1)) == 0) {
        const char **texts;
        TD_TRY(TD_ARENA_NEW(arena, out->count ? 2 * out->count : 1, &texts, "an index", error));
        if (out->count > 0)
            memcpy(texts, out->texts, out->count * sizeof *texts);
        out->texts = texts;
    }
    TD_TRY(td_arena_text(arena, line->fields[1], strlen(line->fields[1]), &copy, error));
    out->texts[out->count++] = copy;
    return TD_OK;
}

static td_status read_lines(column *out, const td_map *map, td_arena *arena, td_error *error) {
    td_index_lines lines = td_index_lines_start((const char *)map->data, map->size);
    td_index_line line;
    bool more;
    lines.separator = ' ';
    for (;;) {
        TD_TRY(td_index_lines_next(&lines, &line, &more, error));
        if (!more)
            return TD_OK;
        if (line.count > 0)
            TD_TRY(add(out, &line, arena, error));
    }
}

static td_status read_column(column *out, td_listing *listing, const char *name, td_error *error) {
    char path[TD_PATH_SIZE];
    td_map map;
    *out = (column){0};
    TD_TRY(td_folder_join(path, listing->root, name, error));
    TD_TRY(td_map_open(&map, path, error));
    const td_digest digest = td_sha256(map.data, map.size);
    td_status status = td_listing_add_index(listing, path, &digest, error);
    if (status == TD_OK)
        status = read_lines(out, &map, &listing->arena, error);
    td_map_close(&map);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", path);
}

typedef struct birds {
    column images, labels, classes, parts; /* the last two may be empty */
} birds;

static td_status check_count(const td_listing *listing, const column *other, const char *name,
                             size_t expected, td_error *error) {
    if (other->count == expected)
        return TD_OK;
    return td_fail(error, TD_ERR_FORMAT, "%s/%s: expected %zu lines as images.txt has, found %zu",
                   listing->root, name, expected, other->count);
}

static td_status read_birds(birds *b, td_listing *listing, const td_source *source,
                            td_error *error) {
    TD_TRY(read_column(&b->images, listing, "images.txt", error));
    TD_TRY(read_column(&b->labels, listing, "image_class_labels.txt", error));
    TD_TRY(check_count(listing, &b->labels, "image_class_labels.txt", b->images.count, error));
    if (has_file(listing->root, "classes.txt"))
        TD_TRY(read_column(&b->classes, listing, "classes.txt", error));
    if (!has_file(listing->root, "train_test_split.txt"))
        return source->split_given
                   ? td_fail(error, TD_ERR_USAGE,
                             "%s: split %s: expected a file train_test_split.txt, found none",
                             source->path, source->split)
                   : TD_OK;
    TD_TRY(read_column(&b->parts, listing, "train_test_split.txt", error));
    return check_count(listing, &b->parts, "train_test_split.txt", b->images.count, error);
}

/* Sets the number of classes and their names. */
static td_status name_classes(td_listing *listing, const birds *b, td_error *error) {
    size_t most = b->classes.count;
    for (size_t i = 0; i < b->labels.count; i++) {
        size_t number;
        char shown[TD_INDEX_SHOWN + 1];
        if (!read_number(b->labels.texts[i], &number) || number < 1 ||
            number > (b->classes.count ? b->classes.count : TD_MOST_CLASSES))
            return td_fail(error, TD_ERR_FORMAT,
                           "%s/image_class_labels.txt: image %zu: expected a class from 1 to %zu, "
                           "found \"%s\"",
                           listing->root, i + 1,
                           b->classes.count ? b->classes.count : (size_t)TD_MOST_CLASSES,
                           td_index_show(shown, b->labels.texts[i]));
        most = number > most ? number : most;
    }
    if (most > TD_MOST_CLASSES)
        return td_fail(error, TD_ERR_FORMAT,
                       "%s/classes.txt: expected at most %d classes, found %zu", listing->root,
                       TD_MOST_CLASSES, most);
    listing->classes = most;
    TD_TRY(TD_ARENA_NEW(&listing->arena, most, &listing->class_names, "class names", error));
    for (size_t i = 0; i < most; i++) {
        if (b->classes.count == 0) {
            TD_TRY(td_arena_print(&listing->arena, &listing->class_names[i], error, "%zu", i + 1));
            continue;
        }
        TD_TRY(td_folder_check_name(listing->root, b->classes.texts[i], error));
        listing->class_names[i] = b->classes.texts[i];
    }
    return TD_OK;
}

static bool leads_out(const char *name) {
    for (const char *part = name; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
            return true;
    return *name == '/';
}

static td_status add_picture(td_listing *listing, const birds *b, const char *images, size_t i,
                             td_error *error) {
    char path[TD_PATH_SIZE], shown[TD_INDEX_SHOWN + 1];
    const char *name = b->images.texts[i];
    if (leads_out(name) || !td_picture_is_name(name) || !td_path_join(path, images, name) ||
        !td_path_is_file(path))
        return td_fail(error, TD_ERR_FORMAT,
                       "%s/images.txt: image %zu: expected a picture in %s, found no such file: "
                       "\"%s\"",
                       listing->root, i + 1, images, td_index_show(shown, name));
    TD_TRY(td_folder_check_name(images, name, error));
    size_t number;
    read_number(b->labels.texts[i], &number);
    return td_listing_add(listing, &(td_listed){.path = path, .label = (int32_t)number - 1}, error);
}

static td_status list(td_listing *listing, const td_source *source, td_error *error) {
    char *root, images[TD_PATH_SIZE];
    birds b = {0};
    TD_TRY(td_arena_text(&listing->arena, source->path, strlen(source->path), &root, error));
    listing->root = root;
    TD_TRY(read_birds(&b, listing, source, error));
    TD_TRY(name_classes(listing, &b, error));
    TD_TRY(td_folder_join(images, root, "images", error));
    const char *wanted = strcmp(source->split, "test") == 0 ? "0" : "1";
    listing->split = b.parts.count ? source->split : "";
    for (size_t i = 0; i < b.images.count; i++)
        if (b.parts.count == 0 || strcmp(b.parts.texts[i], wanted) == 0)
            TD_TRY(add_picture(listing, &b, images, i, error));
    if (listing->count == 0)
        return td_fail(error, TD_ERR_FORMAT, "%s: expected pictures of the split %s, found none",
                       root, source->split);
    return TD_OK;
}

const td_format td_format_cub = {
    .name = "Caltech-UCSD Birds",
    .needs =
        "images.txt, image_class_labels.txt and images/; classes.txt and train_test_split.txt are "
        "used where they are",
    .recognise = recognise,
    .list = list};
