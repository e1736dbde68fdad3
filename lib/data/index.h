/* SPDX-License-Identifier: MIT */
/* Index files: lists of pictures with their labels, one per line, stored beside or above the
 * pictures (val_annotations.txt, labels.csv, train.txt). A line has a picture column and a label
 * column, separated by tabs, semicolons, commas or blanks; fields may be in double quotes unless
 * blanks separate them. The first line may be a header.
 *
 * The picture column is the one whose fields name existing files: in the folder, in a folder within
 * it called images, like a split or like the index, or in its only folder; with or without the
 * extension. The label column is the other of two; of more, the one that the header calls label,
 * class, category, breed or similar, or, without a header, the next.
 *
 * Names are untrusted: absolute paths, "..", control characters, invalid UTF-8 and pictures listed
 * twice are refused. */
#ifndef TD_DATA_INDEX_H
#define TD_DATA_INDEX_H

#include "base/arena.h"
#include "base/error.h"
#include "base/sha256.h"
#include "data/folder.h"
#include "data/split.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct td_index_row {
    const char *path;  /* of the picture */
    const char *label; /* as it is written */
    size_t line;       /* from 1 on */
} td_index_row;

typedef struct td_index {
    const char *file;
    td_digest digest;   /* of the file that was read */
    td_index_row *rows; /* [count], in the order of the lines */
    size_t count;
} td_index;

/* The index files of a folder with pictures, by split; NULL if there is none. If one names a split,
 * those without a split are ignored. */
typedef struct td_index_files {
    const char *files[TD_SPLITS + 1]; /* [TD_SPLIT_NONE]: for the whole set */
} td_index_files;

/* Finds the index files in `folder` that list pictures there, or those beside `folder` if it
 * contains only pictures. TD_ERR_FORMAT for two of the same split. */
td_status td_index_find(td_index_files *out, const char *folder, td_arena *arena,
                        td_error *error) TD_MUST_USE;

/* Whether td_index_find would find one or more. */
td_status td_index_exists(bool *out, const char *folder, td_error *error) TD_MUST_USE;

/* Whether `folder` contains a file that looks like a list of pictures although none of those exists
 * there. Copies its name to file[0, TD_PATH_SIZE), for messages. */
bool td_index_is_lost(const char *folder, char *file);

/* Reads an index file of the pictures in `folder`. Messages name the file and the line. The rows
 * belong to the arena. */
td_status td_index_read(td_index *out, const char *file, const char *folder, td_arena *arena,
                        td_error *error) TD_MUST_USE;

/* Maps the labels of one or two indices to classes. *names [*count] are sorted bytewise, except
 * labels that are all whole numbers: these are the class indices, from 0, or from 1 if only 0 is
 * missing. TD_ERR_FORMAT for more than TD_MOST_CLASSES, and if each of very many pictures has its
 * own label. */
td_status td_index_classes(const td_index *indices, size_t index_count, const char ***names,
                           size_t *count, td_arena *arena, td_error *error) TD_MUST_USE;

/* The class of a label: its index among the names; `count` if it is not there. */
size_t td_index_class(const char *label, const char *const *names, size_t count);

#endif
