/* SPDX-License-Identifier: MIT */
/* Index files: lists of pictures with their labels, one a line, as data sets have them beside or
 * above the pictures (val_annotations.txt, labels.csv, train.txt). A line has a column with the
 * picture and one with the label, parted by tabs, semicolons, commas or blanks; fields may be in
 * double quotes, but for blanks. The first line may be a header.
 *
 * Which column is the picture's is told by what stands on disk: it names a file in the folder, in a
 * folder within it that is called images, as a split or as the index, or in the only one there;
 * with its ending or without. The label's is the other of two, the one that the header calls label,
 * class, category, breed or the like, or, in a longer list without a header, the next.
 *
 * Names are an attacker's: absolute paths, "..", control characters and what is not UTF-8 are
 * refused, as is a picture that is listed twice. */
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
    td_digest digest;   /* of what was read */
    td_index_row *rows; /* [count], in the order of the lines */
    size_t count;
} td_index;

/* The index files of a folder with pictures, by what they are named for; NULL where there is none.
 * Where one is for a split, those for none are not looked at. */
typedef struct td_index_files {
    const char *files[TD_SPLITS + 1]; /* [TD_SPLIT_NONE]: for all of it */
} td_index_files;

/* Finds the index files that stand in `folder` and name pictures that are there, or that stand
 * beside it, where it has pictures in it and nothing else. TD_ERR_FORMAT for two of one split. */
td_status td_index_find(td_index_files *out, const char *folder, td_arena *arena,
                        td_error *error) TD_MUST_USE;

/* Whether td_index_find finds one, or two. */
td_status td_index_exists(bool *out, const char *folder, td_error *error) TD_MUST_USE;

/* Whether a file that looks like a list of pictures stands in `folder` though none of them is
 * there. Its name is copied to file[0, TD_PATH_SIZE), for messages. */
bool td_index_is_lost(const char *folder, char *file);

/* Reads an index file of the pictures in `folder`. Messages name the file and the line. The rows
 * belong to the arena. */
td_status td_index_read(td_index *out, const char *file, const char *folder, td_arena *arena,
                        td_error *error) TD_MUST_USE;

/* Makes the labels of one or two indices classes. *names [*count]: sorted by their bytes, but for
 * labels that are all whole numbers: these are the classes' indices, from 0 on, or from 1 on where
 * 0 is missing and no other. TD_ERR_FORMAT for more than TD_MOST_CLASSES, and where each of very
 * many pictures has a label of its own. */
td_status td_index_classes(const td_index *indices, size_t index_count, const char ***names,
                           size_t *count, td_arena *arena, td_error *error) TD_MUST_USE;

/* The class of a label: its place among the names; `count` where it is none of them. */
size_t td_index_class(const char *label, const char *const *names, size_t count);

#endif
