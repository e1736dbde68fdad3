/* Which files lie below the folder. */
#include "report/report.h"

#include "frame/interrupt.h"
#include "data/path.h"
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

static bool ends(const char *name, const char *ending) {
    size_t length = strlen(name), least = strlen(ending);
    return length > least && strcmp(name + length - least, ending) == 0;
}

static bool is_wanted(const char *name) {
    return ends(name, ".json") || ends(name, ".log.jsonl") || ends(name, ".png");
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

static int compare(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in a folder that are not hidden, in order; freed with free_names. */
static bool read_names(const char *path, char ***names, size_t *count) {
    DIR *folder = opendir(path);
    size_t room = 0;
    *names = NULL;
    *count = 0;
    if (!folder)
        return false;
    const struct dirent *entry;
    while ((entry = readdir(folder))) {
        if (entry->d_name[0] == '.')
            continue;
        if (*count == room) {
            size_t more = room ? 2 * room : 64;
            char **longer = realloc(*names, more * sizeof *longer);
            if (!longer)
                break;
            *names = longer;
            room = more;
        }
        char *copy = strdup(entry->d_name);
        if (!copy)
            break;
        (*names)[(*count)++] = copy;
    }
    bool whole = !entry;
    closedir(folder);
    if (*count > 0)
        qsort(*names, *count, sizeof **names, compare);
    return whole;
}

static void free_names(char **names, size_t count) {
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
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
    char **names, inner[TD_PATH_SIZE];
    size_t count;
    td_status status = TD_OK;
    if (tool_interrupted())
        return td_fail(error, TD_ERR_INTERRUPTED, "interrupted");
    if (depth > REPORT_DEPTH) {
        report_trouble_add(w->r, path + strlen(w->r->folder) + 1,
                           "too many folders below each other: this one is left out");
        return TD_OK;
    }
    errno = 0;
    if (!read_names(path, &names, &count)) {
        const char *reason = strerror(errno ? errno : ENOMEM);
        if (depth == 0)
            status = td_fail(error, TD_ERR_IO, "%s: %s", path, reason);
        else
            report_trouble_add(w->r, path + strlen(w->r->folder) + 1, reason);
    }
    for (size_t i = 0; i < count && status == TD_OK; i++)
        if (td_path_join(inner, path, names[i]))
            status = walk_entry(w, inner, depth, error);
    free_names(names, count);
    return status;
}

td_status report_walk(report *r, report_file **files, size_t *count, td_error *error) {
    walk w = {.r = r};
    TD_TRY(TD_ARENA_NEW(&r->arena, REPORT_FILES, &w.files, "a list of files", error));
    TD_TRY(walk_folder(&w, r->folder, 0, error));
    *files = w.files;
    *count = w.count;
    return TD_OK;
}
