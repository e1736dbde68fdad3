/* SPDX-License-Identifier: MIT */
/* A folder of labelled pictures: a data set or one of its splits, as class folders or as pictures
 * with an index (index.h). */
#ifndef TD_DATA_PART_H
#define TD_DATA_PART_H

#include "data/format.h"
#include "data/index.h"

typedef struct td_part {
    const char *path;
    bool indexed;
    td_index index;     /* if indexed */
    const char **names; /* class names, [count], sorted bytewise or as td_index_classes does */
    size_t count;
} td_part;

/* Whether the folder is such a part: it has an index, or folders that contain pictures (or an
 * `images` folder with pictures), other than a single folder called images. */
td_status td_part_is_here(bool *out, const char *path, td_error *error) TD_MUST_USE;

/* Copies to name[0, TD_PATH_SIZE) the name of the first folder of `path` that contains pictures and
 * is not named like a split; "" if there is none. */
td_status td_part_find_class(char *name, const char *path, td_error *error) TD_MUST_USE;

/* Reads the class names; they and the index belong to the arena. */
td_status td_part_open(td_part *part, const char *path, td_arena *arena,
                       td_error *error) TD_MUST_USE;

/* Adds the pictures to a listing whose class names include all of the part's. */
td_status td_part_list(const td_part *part, td_listing *listing, td_error *error) TD_MUST_USE;

#endif
