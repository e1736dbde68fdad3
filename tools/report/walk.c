/* Which files lie below the folder. */
#include "report/report.h"

#include "data/path.h"
#include "frame/interrupt.h"
#include "report/html.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct walk {
    report *r;
    report_file *files;
    size_t count;
    bool full;
} walk;

static bool is_wanted(const char *name) {
    return html_ends(name, ".json") || html_ends(name, ".log.jsonl") || html_ends(name, ".png");
}

static td_status copy_text(walk *w, const char *text, const char **copy, td_error *error) {
    char *made;
    TD_TRY(td_arena_text(&w->r->arena, text, strlen(text), &made, error));
    *copy = made;
    return TD_OK;
}

static td_status add_file(walk *w, const char *path, td_error *error) {
    if (w->count == REPORT_FILES) {
        if (!w->full)
            report_trouble_add(w->r, path + strlen(w->r->folder) + 1,
                               "too many files: this one and those after it are left out");
        w->full = true;
        return TD_OK;
    }
    report_file *file = &w->files[w->count];
    TD_TRY(copy_text(w, path, &file->path, error));
    file->name = file->path + strlen(w->r->folder) + 1;
    w->count++;
    return TD_OK;
}

static int is_visible(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

static int compare(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static td_status walk_folder(walk *w, const char *path, size_t depth, td_error *error);

static td_status walk_entry(walk *w, const char *path, size_t depth, td_error *error) {
    struct stat info;
    if (lstat(path, &info) != 0)
        return TD_OK;
    if (S_ISREG(info.st_mode) && is_wanted(path))
        return add_file(w, path, error);
    return S_ISDIR(info.st_mode) ? walk_folder(w, path, depth + 1, error) : TD_OK;
}

static td_status walk_folder(walk *w, const char *path, size_t depth, td_error *error) {
    char inner[TD_PATH_SIZE];
    struct dirent **entries;
    td_status status = TD_OK;
    if (tool_interrupted())
        return td_fail(error, TD_ERR_INTERRUPTED, "interrupted");
    if (depth > REPORT_DEPTH) {
        report_trouble_add(w->r, path + strlen(w->r->folder) + 1,
                           "too many folders below each other: this one is left out");
        return TD_OK;
    }
    const int count = scandir(path, &entries, is_visible, compare);
    if (count < 0 && depth == 0)
        return td_fail(error, TD_ERR_IO, "%s: %s", path, strerror(errno));
    if (count < 0)
        report_trouble_add(w->r, path + strlen(w->r->folder) + 1, strerror(errno));
    for (int i = 0; i < count; i++) {
        if (status == TD_OK && td_path_join(inner, path, entries[i]->d_name))
            status = walk_entry(w, inner, depth, error);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return status;
}

td_status report_walk(report *r, td_error *error) {
    walk w = {.r = r};
    TD_TRY(TD_ARENA_NEW(&r->arena, REPORT_FILES, &w.files, "a list of files", error));
    TD_TRY(walk_folder(&w, r->folder, 0, error));
    r->files = w.files;
    r->file_count = w.count;
    return TD_OK;
}
