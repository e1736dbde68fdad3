/* SPDX-License-Identifier: MIT */
/* The contents of a folder. */
#ifndef TD_DATA_FOLDER_H
#define TD_DATA_FOLDER_H

#include "base/arena.h"
#include "base/error.h"
#include "data/entry.h"
#include "data/path.h"

typedef struct td_folder {
    char **names; /* [count], sorted bytewise */
    size_t count;
} td_folder;

/* Reads the names in the folder at `path`, except hidden ones (".x") and files that operating
 * systems create: Thumbs.db, ehthumbs.db, desktop.ini, __MACOSX, @eaDir, $RECYCLE.BIN. The names
 * belong to the arena. */
td_status td_folder_read(td_folder *out, const char *path, td_arena *arena,
                         td_error *error) TD_MUST_USE;

/* The same, but only the names of folders. */
td_status td_folder_read_folders(td_folder *out, const char *path, td_arena *arena,
                                 td_error *error) TD_MUST_USE;

/* Joins a folder and a name into out[0, TD_PATH_SIZE); TD_ERR_USAGE if the result is too long. */
td_status td_folder_join(char *out, const char *folder, const char *name,
                         td_error *error) TD_MUST_USE;

/* The kind of entry at `path`, after following links. TD_ERR_IO, naming the path, for a broken or
 * circular link. */
td_status td_folder_look(td_entry *out, const char *path, td_error *error) TD_MUST_USE;

/* TD_ERR_FORMAT, with the offending bytes as \xHH, unless the name is UTF-8 without control
 * characters: it goes into records, which are JSON. */
td_status td_folder_check_name(const char *folder, const char *name, td_error *error) TD_MUST_USE;

#endif
