/* SPDX-License-Identifier: MIT */
#include "data/entry.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static td_entry kind_of(const struct stat *info) {
    return S_ISREG(info->st_mode)   ? TD_ENTRY_FILE
           : S_ISDIR(info->st_mode) ? TD_ENTRY_FOLDER
                                    : TD_ENTRY_OTHER;
}

td_entry td_entry_look(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 ? kind_of(&info) : TD_ENTRY_NONE;
}

td_entry td_entry_look_unfollowed(const char *path) {
    struct stat info;
    return lstat(path, &info) == 0 ? kind_of(&info) : TD_ENTRY_NONE;
}

bool td_entry_is_open(const char *path) {
    return access(path, R_OK) == 0;
}

td_status td_entry_list(const char *path, td_entry_take take, void *context, td_error *error) {
    DIR *stream = opendir(path);
    if (!stream)
        return td_entry_fail(error, path);
    td_status status = TD_OK;
    while (status == TD_OK) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (!entry) {
            if (errno)
                status = td_entry_fail(error, path);
            break;
        }
        status = take(context, entry->d_name, error);
    }
    closedir(stream);
    return status;
}

td_status td_entry_fail(td_error *error, const char *path) {
    if (errno == ENOMEM)
        return td_fail(error, TD_ERR_MEMORY, "%s: out of memory", path);
    return td_fail(error, TD_ERR_IO, "%s: %s", path, strerror(errno));
}
