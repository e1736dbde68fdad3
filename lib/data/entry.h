/* SPDX-License-Identifier: MIT */
/* What the file system says about paths. Everything that reads data sets asks it here. */
#ifndef TD_DATA_ENTRY_H
#define TD_DATA_ENTRY_H

#include "base/error.h"
#include <stdbool.h>

typedef enum td_entry { TD_ENTRY_NONE, TD_ENTRY_FILE, TD_ENTRY_FOLDER, TD_ENTRY_OTHER } td_entry;

/* The kind of entry at `path`, or of what a symbolic link there leads to. TD_ENTRY_NONE, with the
 * reason in errno, if there is none. */
td_entry td_entry_look(const char *path);

/* The same, but a symbolic link is TD_ENTRY_OTHER. */
td_entry td_entry_look_unfollowed(const char *path);

/* Whether the user may list the folder at `path`. */
bool td_entry_is_open(const char *path);

/* Takes the name of an entry, valid until it returns. */
typedef td_status (*td_entry_take)(void *context, const char *name, td_error *error);

/* Passes the names in the folder at `path` to `take`, in any order, until it fails. TD_ERR_IO or
 * TD_ERR_MEMORY, naming the folder, if it cannot be read. */
td_status td_entry_list(const char *path, td_entry_take take, void *context,
                        td_error *error) TD_MUST_USE;

/* TD_ERR_IO, or TD_ERR_MEMORY, with the reason in errno. */
td_status td_entry_fail(td_error *error, const char *path);

#endif
