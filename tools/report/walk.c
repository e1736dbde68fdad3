/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* fts */
#include "report/report.h"

#include "frame/interrupt.h"
#include "report/html.h"
#include <errno.h>
#include <fts.h>
#include <string.h>

static int compare(const FTSENT **a, const FTSENT **b) {
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

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

static td_status add_entry(report *r, FTS *tree, FTSENT *entry, td_error *error) {
    const char *name = entry->fts_path + strlen(r->folder) + 1;
    const bool top = entry->fts_level == 0;
    if (top && entry->fts_info != FTS_D && entry->fts_info != FTS_DP)
        return td_fail(error, TD_ERR_IO, "%s: %s", r->folder,
                       strerror(entry->fts_errno ? entry->fts_errno : ENOTDIR));
    if (!top && entry->fts_name[0] == '.')
        fts_set(tree, entry, FTS_SKIP);
    else if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS)
        return td_fail(error, TD_ERR_IO, "%s: %s", entry->fts_path, strerror(entry->fts_errno));
    else if (entry->fts_info == FTS_F)
        return add_file(r, entry->fts_path, error);
    else if (entry->fts_info == FTS_D && entry->fts_level > REPORT_DEPTH) {
        report_trouble_add(r, name, "too many folders below each other: this one is left out");
        fts_set(tree, entry, FTS_SKIP);
    }
    return TD_OK;
}

td_status report_walk(report *r, td_error *error) {
    char *const roots[] = {(char *)r->folder, NULL};
    td_status status = TD_OK;
    TD_TRY(TD_ARENA_NEW(&r->arena, REPORT_FILES, &r->files, "a list of files", error));
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, compare);
    if (!tree)
        return td_fail(error, TD_ERR_IO, "%s: %s", r->folder, strerror(errno));
    for (FTSENT *entry; status == TD_OK && (errno = 0, entry = fts_read(tree));)
        status = tool_interrupted() ? td_fail(error, TD_ERR_INTERRUPTED, "interrupted")
                                    : add_entry(r, tree, entry, error);
    if (status == TD_OK && errno)
        status = td_fail(error, TD_ERR_IO, "%s: %s", r->folder, strerror(errno));
    fts_close(tree);
    return status;
}
