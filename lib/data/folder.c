/* SPDX-License-Identifier: MIT */
#include "data/folder.h"

#include "base/utf8.h"
#include "data/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_passed_over(const char *name) {
    static const char *const names[] = {"Thumbs.db", "ehthumbs.db", "desktop.ini",
                                        "__MACOSX",  "@eaDir",      "$RECYCLE.BIN"};
    if (name[0] == '.')
        return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

typedef struct reading {
    td_folder *folder;
    td_arena *arena;
} reading;

/* Adds a name to the folder's, which grow by doubling. */
static td_status take_name(void *context, const char *name, td_error *error) {
    const reading *r = context;
    const size_t count = r->folder->count;
    if (is_passed_over(name))
        return TD_OK;
    if ((count & (count - 1)) == 0) {
        char **names;
        TD_TRY(TD_ARENA_NEW(r->arena, count ? 2 * count : 1, &names, "file names", error));
        if (count > 0)
            memcpy(names, r->folder->names, count * sizeof *names);
        r->folder->names = names;
    }
    TD_TRY(td_arena_text(r->arena, name, strlen(name), &r->folder->names[count], error));
    r->folder->count++;
    return TD_OK;
}

td_status td_folder_read(td_folder *out, const char *path, td_arena *arena, td_error *error) {
    *out = (td_folder){0};
    TD_TRY(td_entry_list(path, take_name, &(reading){out, arena}, error));
    if (out->count > 0)
        qsort(out->names, out->count, sizeof *out->names, compare);
    return TD_OK;
}

td_status td_folder_read_folders(td_folder *out, const char *path, td_arena *arena,
                                 td_error *error) {
    TD_TRY(td_folder_read(out, path, arena, error));
    size_t count = 0;
    for (size_t i = 0; i < out->count; i++) {
        char entry[TD_PATH_SIZE];
        td_entry kind;
        TD_TRY(td_folder_join(entry, path, out->names[i], error));
        TD_TRY(td_folder_look(&kind, entry, error));
        if (kind == TD_ENTRY_FOLDER)
            out->names[count++] = out->names[i];
    }
    out->count = count;
    return TD_OK;
}

td_status td_folder_join(char *out, const char *folder, const char *name, td_error *error) {
    if (td_path_join(out, folder, name))
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE, "%s: expected paths of less than %d bytes below it", folder,
                   TD_PATH_SIZE);
}

td_status td_folder_look(td_entry *out, const char *path, td_error *error) {
    *out = td_entry_look(path);
    return *out == TD_ENTRY_NONE ? td_entry_fail(error, path) : TD_OK;
}

td_status td_folder_check_name(const char *folder, const char *name, td_error *error) {
    if (td_text_is_plain(name) && td_utf8_is_valid(name))
        return TD_OK;
    char shown[256];
    size_t used = 0;
    for (; *name && used + 5 < sizeof shown; name++) {
        unsigned char byte = (unsigned char)*name;
        bool plain = byte >= ' ' && byte < 0x7f;
        used += (size_t)snprintf(shown + used, sizeof shown - used, plain ? "%c" : "\\x%02x", byte);
    }
    return td_fail(error, TD_ERR_FORMAT,
                   "%s: expected names in UTF-8 without control characters, found \"%s\"", folder,
                   shown);
}
