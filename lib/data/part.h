/* SPDX-License-Identifier: MIT */
/* A folder of labelled pictures, which is a data set or a split of one: class folders, or pictures
 * with an index (index.h). */
#ifndef TD_DATA_PART_H
#define TD_DATA_PART_H

#include "data/format.h"
#include "data/index.h"

typedef struct td_part {
    const char *path;
    bool indexed;
    td_index index;     /* where indexed */
    const char **names; /* of its classes, [count], sorted by their bytes or as td_index_classes */
    size_t count;
} td_part;

/* Whether the folder is one: it has an index, or folders with pictures in them, or in a folder
 * `images` of theirs, that are not a single one called so. */
td_status td_part_is_here(bool *out, const char *path, td_error *error) TD_MUST_USE;

/* Copies the name of the first folder of `path` that has pictures and is not called as a split to
 * name[0, TD_PATH_SIZE); "" where none has. */
td_status td_part_find_class(char *name, const char *path, td_error *error) TD_MUST_USE;

/* Reads the names of its classes; they and the index belong to the arena. */
td_status td_part_open(td_part *part, const char *path, td_arena *arena,
                       td_error *error) TD_MUST_USE;

/* Adds its pictures to a listing whose class names hold all of the part's. */
td_status td_part_list(const td_part *part, td_listing *listing, td_error *error) TD_MUST_USE;

#endif
