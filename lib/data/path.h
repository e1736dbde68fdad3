/* SPDX-License-Identifier: MIT */
/* Paths of the files that make up a data set. */
#ifndef TD_DATA_PATH_H
#define TD_DATA_PATH_H

#include <stdbool.h>
#include <stddef.h>

enum { TD_PATH_SIZE = 4096 };

/* "FOLDER/NAME" in out[0, TD_PATH_SIZE); false, with out empty, if it is too long. */
bool td_path_join(char *out, const char *folder, const char *name);

/* Follows symbolic links. */
bool td_path_exists(const char *path);
bool td_path_is_folder(const char *path);
bool td_path_is_file(const char *path);

/* Where the last component starts, and its length without slashes at the end. */
const char *td_path_base(const char *path, size_t *length);

#endif
