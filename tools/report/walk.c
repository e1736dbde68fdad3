/* SPDX-License-Identifier: MIT */
#include "report/report.h"

#include "data/folder.h"
#include "frame/interrupt.h"
#include "report/html.h"
#include <string.h>

static td_status add_file(report *r, const char *path, td_error *error) {
    const size_t folder = strlen(r->folder) + 1;
    char *copy;
    if (!html_ends(path, ".json") && !html_ends(path, ".log.jsonl") && !html_ends(path, ".png"))
        return TD_OK;
    if (r->file_count == REPORT_FILES) {
        if (!r->full)
            report_trouble_add(r, path + folder,
                               "too many files: this one and those after it are left out");
        r->full = true;
        return TD_OK;
    }
    TD_TRY(td_arena_text(&r->arena, path, strlen(path), &copy, error));
    r->files[r->file_count++] = (report_file){copy, copy + folder};
    return TD_OK;
}

static td_status walk(report *r, const char *folder, size_t depth, td_error *error);

/* Below the root no links are followed. */
static td_status add_entry(report *r, const char *path, size_t depth, td_error *error) {
    if (tool_interrupted())
        return td_fail(error, TD_ERR_INTERRUPTED, "interrupted");
    const td_entry kind = td_entry_look_unfollowed(path);
    if (kind == TD_ENTRY_NONE)
        return td_entry_fail(error, path);
    if (kind == TD_ENTRY_FILE)
        return add_file(r, path, error);
    if (kind != TD_ENTRY_FOLDER)
        return TD_OK;
    if (depth <= REPORT_DEPTH)
        return walk(r, path, depth, error);
    report_trouble_add(r, path + strlen(r->folder) + 1,
                       "too many folders below each other: this one is left out");
    return TD_OK;
}

static td_status walk_names(report *r, const char *folder, size_t depth, td_arena *arena,
                            td_error *error) {
    td_folder entries;
    char *path;
    TD_TRY(td_folder_read(&entries, folder, arena, error));
    TD_TRY(TD_ARENA_NEW(arena, TD_PATH_SIZE, &path, "a path", error));
    for (size_t i = 0; i < entries.count; i++) {
        TD_TRY(td_folder_join(path, folder, entries.names[i], error));
        TD_TRY(add_entry(r, path, depth + 1, error));
    }
    return TD_OK;
}

/* `depth` folders below the root, in the order of names. */
static td_status walk(report *r, const char *folder, size_t depth, td_error *error) {
    td_arena arena = {0};
    const td_status status = walk_names(r, folder, depth, &arena, error);
    td_arena_free(&arena);
    return status;
}

td_status report_walk(report *r, td_error *error) {
    TD_TRY(TD_ARENA_NEW(&r->arena, REPORT_FILES, &r->files, "a list of files", error));
    return walk(r, r->folder, 0, error);
}
