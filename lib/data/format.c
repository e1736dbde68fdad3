/* SPDX-License-Identifier: MIT */
#include "data/format.h"

#include "data/folder.h"
#include <string.h>

const td_format *const td_formats[] = {&td_format_safetensors,  &td_format_idx,    &td_format_cifar,
                                       &td_format_cifar_python, &td_format_stl10,  &td_format_npy,
                                       &td_format_npz,          &td_format_gtsrb,  &td_format_cub,
                                       &td_format_index,        &td_format_folder, NULL};

/* "a folder of other things (a, b, c, ...)" */
static void describe_folder(const char *path, char *out, size_t size) {
    enum { SHOWN = 3 };
    td_arena arena = {0};
    td_folder folder;
    if (td_folder_read(&folder, path, &arena, NULL) != TD_OK || folder.count == 0) {
        snprintf(out, size, "an empty folder");
    } else {
        size_t used = (size_t)snprintf(out, size, "a folder of other things (");
        for (size_t i = 0; i < folder.count && i < SHOWN && used < size; i++)
            used += (size_t)snprintf(out + used, size - used, "%s%.80s", i ? ", " : "",
                                     folder.names[i]);
        if (used < size)
            snprintf(out + used, size - used, folder.count > SHOWN ? ", ...)" : ")");
    }
    td_arena_free(&arena);
}

static td_status fail_unknown(const char *path, td_error *error) {
    char found[800] = "a file of another format";
    bool near = false;
    for (const td_format *const *format = td_formats; *format && !near; format++)
        near = (*format)->near && (*format)->near(path, found, sizeof found);
    if (!near && td_path_is_folder(path))
        describe_folder(path, found, sizeof found);
    return td_fail(error, TD_ERR_FORMAT,
                   "%s: expected a data set, found %s; `trapdoor-data info --help-data` lists what "
                   "is read",
                   path, found);
}

td_status td_format_find(const td_format **out, const char *path, td_error *error) {
    td_error words, reason;
    td_status unclear = TD_OK;
    *out = NULL;
    for (const td_format *const *format = td_formats; *format; format++) {
        bool recognised = false;
        const td_status status = (*format)->recognise(&recognised, path, &words);
        if (status == TD_ERR_MEMORY)
            return td_fail(error, status, "%s", words.message);
        if (status != TD_OK && unclear == TD_OK) {
            unclear = status;
            reason = words;
        }
        if (status != TD_OK || !recognised)
            continue;
        if (*out)
            return td_fail(error, TD_ERR_FORMAT, "%s: two layouts: expected one, found %s and %s",
                           path, (*out)->name, (*format)->name);
        *out = *format;
    }
    if (*out)
        return TD_OK;
    return unclear == TD_OK ? fail_unknown(path, error)
                            : td_fail(error, unclear, "%s", reason.message);
}
