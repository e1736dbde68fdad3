/* SPDX-License-Identifier: MIT */
/* The model files of a folder. */
#ifndef TOOLS_DEFEND_AUDIT_MODEL_FOLDER_H
#define TOOLS_DEFEND_AUDIT_MODEL_FOLDER_H

#include "base/arena.h"

/* The names of the models in the folder by their endings, sorted, in `arena`; none if there is no
 * such folder. TD_ERR_IO. */
td_status model_folder_list(const char *folder, td_arena *arena, const char ***names, size_t *count,
                            td_error *error) TD_MUST_USE;

/* The names of the subfolders, sorted, in `arena`. TD_ERR_USAGE for more than `most`, TD_ERR_IO. */
td_status model_folder_kinds(const char *folder, size_t most, td_arena *arena, const char ***names,
                             size_t *count, td_error *error) TD_MUST_USE;

/* The length of a name without ".safetensors"; of another format's the whole, since a model may be
 * there in both. */
size_t model_folder_stem(const char *name);

#endif
