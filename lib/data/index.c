/* SPDX-License-Identifier: MIT */
#include "data/index.h"

#include "base/file.h"
#include "data/dataset.h"
#include "data/index_lines.h"
#include "data/picture.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MOST_FILES = 64, MOST_FOLDERS = 64 };

/* --- locations --- */

/* The columns of a line to use, and the folder of the pictures. */
typedef struct plan {
    char base[TD_PATH_SIZE];
    size_t path_column, label_column, columns;
    bool header;
} plan;

static bool ends_in(const char *name, const char *ending) {
    const size_t length = strlen(name), tail = strlen(ending);
    return length > tail && strcasecmp(name + length - tail, ending) == 0;
}

static bool is_index_name(const char *name) {
    return ends_in(name, ".csv") || ends_in(name, ".txt") || ends_in(name, ".tsv") ||
           ends_in(name, ".lst");
}

/* A picture's name with / between its components, without a leading "./"; false if it leads out of
 * a folder. */
static bool tidy_name(char out[TD_PATH_SIZE], const char *name) {
    if (strlen(name) >= TD_PATH_SIZE || !*name)
        return false;
    memcpy(out, name, strlen(name) + 1);
    for (char *at = out; *at; at++)
        if (*at == '\\')
            *at = '/';
    while (out[0] == '.' && out[1] == '/')
        memmove(out, out + 2, strlen(out + 2) + 1);
    if (*out == '/' || !*out)
        return false;
    for (const char *part = out; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
            return false;
    return true;
}

/* Appends the picture extension for which the file exists, in lower case or capitals. */
static bool find_ending(char path[TD_PATH_SIZE]) {
    const size_t length = strlen(path);
    for (const td_codec *const *codec = td_codecs; *codec; codec++)
        for (const char *const *ending = (*codec)->endings; *ending; ending++)
            for (int capitals = 0; capitals < 2; capitals++) {
                if (length + strlen(*ending) >= TD_PATH_SIZE)
                    return false;
                memcpy(path + length, *ending, strlen(*ending) + 1);
                for (char *at = path + length; capitals && *at; at++)
                    *at = (char)toupper((unsigned char)*at);
                if (td_path_is_file(path))
                    return true;
            }
    return false;
}

/* Resolves a name to a file in a folder, in path[0, TD_PATH_SIZE); false if there is none. */
static bool resolve(char *path, const char *base, const char *name) {
    char tidy[TD_PATH_SIZE];
    if (!tidy_name(tidy, name) || !td_path_join(path, base, tidy))
        return false;
    return td_picture_is_name(tidy) ? td_path_is_file(path) : find_ending(path);
}

/* Whether a folder's name is one of the usual ones for pictures beside their index. */
static bool may_hold(const char *folder, const char *file, bool only) {
    static const char *const known[] = {"images",   "image", "imgs",      "img",
                                        "pictures", "data",  "JPEGImages"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcasecmp(folder, known[i]) == 0)
            return true;
    const char *stem = strrchr(file, '/');
    stem = stem ? stem + 1 : file;
    const char *dot = strrchr(stem, '.');
    const size_t length = dot ? (size_t)(dot - stem) : strlen(stem);
    return only || strncasecmp(folder, stem, length) == 0 ||
           td_split_named(folder, strlen(folder), NULL) != TD_SPLIT_NONE;
}

/* Looks for a name in the folder and its subfolders; sets plan->base to the location. */
static bool place(plan *p, const char *folder, const td_folder *within, const char *file,
                  const char *name) {
    char path[TD_PATH_SIZE];
    snprintf(p->base, sizeof p->base, "%s", folder);
    if (resolve(path, folder, name))
        return true;
    for (size_t i = 0; i < within->count && i < MOST_FOLDERS; i++)
        if (may_hold(within->names[i], file, within->count == 1) &&
            td_path_join(p->base, folder, within->names[i]) && resolve(path, p->base, name))
            return true;
    return false;
}

/* --- columns --- */

static bool find_path_column(plan *p, const td_index_line *line, const char *folder,
                             const td_folder *within, const char *file) {
    for (size_t i = 0; line->count >= 2 && i < line->count; i++)
        if (place(p, folder, within, file, line->fields[i])) {
            p->path_column = i;
            p->columns = line->count;
            return true;
        }
    return false;
}

static bool find_label_column(plan *p, const td_index_line *header) {
    static const char *const known[] = {"label",       "labels",    "class",     "classid",
                                        "class_id",    "category",  "breed",     "species",
                                        "target",      "diagnosis", "classname", "class_name",
                                        "category_id", "y",         "type"};
    if (p->columns == 2) {
        p->label_column = 1 - p->path_column;
        return true;
    }
    if (!p->header) {
        p->label_column = p->path_column + 1 < p->columns ? p->path_column + 1 : p->path_column - 1;
        return true;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        for (size_t column = 0; column < header->count; column++)
            if (strcasecmp(header->fields[column], known[i]) == 0) {
                p->label_column = column;
                return true;
            }
    return false;
}

/* If the first line names a picture it is not a header: that picture is missing. */
static td_status check_header(const plan *p, const td_index_line *first, td_error *error) {
    char shown[TD_INDEX_SHOWN + 1];
    for (size_t i = 0; i < first->count; i++)
        if (td_picture_is_name(first->fields[i]))
            return td_fail(error, TD_ERR_FORMAT,
                           "line %zu: expected a picture in %s, found no such file: \"%s\"",
                           first->number, p->base, td_index_show(shown, first->fields[i]));
    return TD_OK;
}

/* Determines the columns of an index from its first two lines; `first`, which becomes the first
 * data line, has the column names if there is a header. TD_ERR_FORMAT with the reason if it is not
 * an index. */
static td_status make_plan(plan *p, td_index_lines *lines, td_index_line *first, const char *folder,
                           const td_folder *within, const char *file, td_error *error) {
    td_index_line second;
    bool more;
    TD_TRY(td_index_lines_next(lines, first, &more, error));
    if (!more)
        return td_fail(error, TD_ERR_FORMAT, "expected pictures and their labels, found no line");
    if (!find_path_column(p, first, folder, within, file)) {
        char shown[TD_INDEX_SHOWN + 1];
        TD_TRY(td_index_lines_next(lines, &second, &more, error));
        if (!more || !find_path_column(p, &second, folder, within, file))
            return td_fail(error, TD_ERR_FORMAT,
                           "line %zu: expected a picture that is in %s, or in a folder for images "
                           "or splits within it, in one of two or more columns, found none in "
                           "\"%s\"...",
                           more ? second.number : first->number, folder,
                           td_index_show(shown, more ? second.fields[0] : first->fields[0]));
        p->header = true;
        TD_TRY(check_header(p, first, error));
    }
    if (find_label_column(p, first))
        return TD_OK;
    return td_fail(error, TD_ERR_FORMAT,
                   "line %zu: expected two columns, or one called label, class, category or the "
                   "like, found %zu others",
                   first->number, first->count);
}

/* --- finding index files --- */

/* The folders in a folder; none if it cannot be read. */
static td_status read_folders(td_folder *out, const char *folder, td_arena *arena,
                              td_error *error) {
    size_t count = 0;
    TD_TRY(td_folder_read(out, folder, arena, error));
    for (size_t i = 0; i < out->count; i++) {
        char path[TD_PATH_SIZE];
        if (td_path_join(path, folder, out->names[i]) && td_path_is_folder(path))
            out->names[count++] = out->names[i];
    }
    out->count = count;
    return TD_OK;
}

static td_status plan_file(plan *p, td_index_lines *lines, const td_map *map, const char *file,
                           const char *folder, td_error *error) {
    td_arena arena = {0};
    td_folder within;
    td_index_line first;
    *p = (plan){0};
    *lines = td_index_lines_start((const char *)map->data, map->size);
    td_status status = read_folders(&within, folder, &arena, error);
    if (status == TD_OK)
        status = make_plan(p, lines, &first, folder, &within, file, error);
    td_arena_free(&arena);
    *lines = td_index_lines_start((const char *)map->data, map->size);
    return status;
}

/* Whether a file lists pictures of the folder. */
static td_status names_pictures(bool *out, const char *file, const char *folder, td_error *error) {
    td_map map;
    plan p;
    td_index_lines lines;
    TD_TRY(td_map_open(&map, file, error));
    const td_status status = plan_file(&p, &lines, &map, file, folder, error);
    td_map_close(&map);
    *out = status == TD_OK;
    return status == TD_ERR_FORMAT ? TD_OK : status;
}

typedef td_status (*test_fn)(bool *out, const char *file, const char *folder, td_error *error);

/* Finds the files in `where` that a test recognises as indices of `folder`, and their splits. */
static td_status find_files(td_index_files *out, const char *where, const char *folder,
                            test_fn test, td_arena *arena, td_error *error) {
    td_folder names;
    size_t ranks[TD_SPLITS + 1] = {0}, looked_at = 0;
    TD_TRY(td_folder_read(&names, where, arena, error));
    for (size_t i = 0; i < names.count && looked_at < MOST_FILES; i++) {
        char path[TD_PATH_SIZE], *copy;
        size_t rank = 0;
        bool fits;
        if (!is_index_name(names.names[i]) || !td_path_join(path, where, names.names[i]) ||
            !td_path_is_file(path))
            continue;
        looked_at++;
        const td_split split = td_split_in(names.names[i], &rank);
        TD_TRY(test(&fits, path, folder, error));
        if (!fits || (out->files[split] && rank > ranks[split]))
            continue;
        if (out->files[split] && rank == ranks[split])
            return td_fail(error, TD_ERR_FORMAT, "%s: expected one index file%s%s, found %s and %s",
                           where, split == TD_SPLIT_NONE ? "" : " of the split ",
                           td_split_name(split), out->files[split], path);
        TD_TRY(td_arena_text(arena, path, strlen(path), &copy, error));
        out->files[split] = copy;
        ranks[split] = rank;
    }
    if (out->files[TD_SPLIT_TRAIN] || out->files[TD_SPLIT_TEST])
        out->files[TD_SPLIT_NONE] = NULL;
    return TD_OK;
}

static bool has_any(const td_index_files *files) {
    return files->files[TD_SPLIT_TRAIN] || files->files[TD_SPLIT_TEST] ||
           files->files[TD_SPLIT_NONE];
}

/* Whether a folder contains pictures and no folders. */
static td_status is_flat(bool *out, const char *folder, td_error *error) {
    td_arena arena = {0};
    td_folder names, folders = {0};
    td_status status = td_folder_read(&names, folder, &arena, error);
    if (status == TD_OK)
        status = read_folders(&folders, folder, &arena, error);
    *out = false;
    for (size_t i = 0; status == TD_OK && folders.count == 0 && i < names.count && !*out; i++)
        *out = td_picture_is_name(names.names[i]);
    td_arena_free(&arena);
    return status;
}

/* The parent of a folder. */
static bool find_above(char above[TD_PATH_SIZE], const char *folder) {
    size_t length;
    const char *base = td_path_base(folder, &length);
    if (length == 0 || (length <= 2 && strncmp(base, "..", length) == 0))
        return td_path_join(above, folder, "..");
    const size_t before = (size_t)(base - folder);
    if (before >= TD_PATH_SIZE)
        return false;
    memcpy(above, before ? folder : ".", before ? before : 1);
    above[before ? before : 1] = '\0';
    return true;
}

/* An index beside a folder is for the whole set, so its split is none. */
static td_status find_beside(td_index_files *out, const char *folder, test_fn test, td_arena *arena,
                             td_error *error) {
    char above[TD_PATH_SIZE];
    td_index_files found = {0};
    if (!find_above(above, folder) || !td_entry_is_open(above)) /* outside the set */
        return TD_OK;
    TD_TRY(find_files(&found, above, folder, test, arena, error));
    size_t rank, length;
    const char *base = td_path_base(folder, &length);
    const td_split split = td_split_named(base, length, &rank);
    const char *own = found.files[split];
    for (int i = 0; i <= TD_SPLITS && !own; i++)
        own = found.files[i];
    out->files[TD_SPLIT_NONE] = own;
    return TD_OK;
}

static td_status find_by(td_index_files *out, const char *folder, test_fn test, td_arena *arena,
                         td_error *error) {
    bool flat = false;
    *out = (td_index_files){0};
    if (!td_path_is_folder(folder))
        return TD_OK;
    TD_TRY(find_files(out, folder, folder, test, arena, error));
    if (!has_any(out))
        TD_TRY(is_flat(&flat, folder, error));
    return flat ? find_beside(out, folder, test, arena, error) : TD_OK;
}

td_status td_index_find(td_index_files *out, const char *folder, td_arena *arena, td_error *error) {
    return find_by(out, folder, names_pictures, arena, error);
}

td_status td_index_exists(bool *out, const char *folder, td_error *error) {
    td_arena arena = {0};
    td_index_files files;
    const td_status status = td_index_find(&files, folder, &arena, error);
    *out = status == TD_ERR_FORMAT || has_any(&files);
    td_arena_free(&arena);
    return status == TD_ERR_FORMAT ? TD_OK : status;
}

/* Whether a field of a file's first two lines has a picture's name. */
static td_status looks_like_index(bool *out, const char *file, const char *folder,
                                  td_error *error) {
    (void)folder;
    td_map map;
    td_index_line line;
    bool more = true, found = false;
    TD_TRY(td_map_open(&map, file, error));
    td_index_lines lines = td_index_lines_start((const char *)map.data, map.size);
    for (int i = 0; i < 2 && more && !found; i++) {
        if (td_index_lines_next(&lines, &line, &more, NULL) != TD_OK)
            break;
        for (size_t j = 0; more && line.count >= 2 && j < line.count && !found; j++)
            found = td_picture_is_name(line.fields[j]);
    }
    td_map_close(&map);
    *out = found;
    return TD_OK;
}

bool td_index_is_lost(const char *folder, char *file) {
    td_arena arena = {0};
    td_index_files files;
    td_status status = find_by(&files, folder, looks_like_index, &arena, NULL);
    const char *found = NULL;
    for (int i = 0; status == TD_OK && i <= TD_SPLITS && !found; i++)
        found = files.files[i];
    if (found)
        snprintf(file, TD_PATH_SIZE, "%s", found);
    td_arena_free(&arena);
    return found != NULL;
}

/* --- reading --- */

static td_status read_row(td_index_row *row, const plan *p, const td_index_line *line,
                          td_arena *arena, td_error *error) {
    char path[TD_PATH_SIZE], shown[TD_INDEX_SHOWN + 1], *copy, *label;
    if (line->count != p->columns)
        return td_fail(error, TD_ERR_FORMAT, "line %zu: expected %zu columns, found %zu",
                       line->number, p->columns, line->count);
    const char *name = line->fields[p->path_column], *word = line->fields[p->label_column];
    if (!resolve(path, p->base, name))
        return td_fail(error, TD_ERR_FORMAT,
                       "line %zu: expected a picture in %s, found no such file: \"%s\"",
                       line->number, p->base, td_index_show(shown, name));
    td_status status = td_folder_check_name("line", name, error);
    if (status == TD_OK)
        status = td_folder_check_name("line", word, error);
    if (status != TD_OK)
        return td_fail(error, status, "line %zu: expected names in UTF-8, found other bytes",
                       line->number);
    if (!*word)
        return td_fail(error, TD_ERR_FORMAT, "line %zu: expected a label, found none",
                       line->number);
    TD_TRY(td_arena_text(arena, path, strlen(path), &copy, error));
    TD_TRY(td_arena_text(arena, word, strlen(word), &label, error));
    *row = (td_index_row){copy, label, line->number};
    return TD_OK;
}

/* Makes room for one more row; arena blocks do not grow, so capacity doubles. */
static td_status grow(td_index *out, td_arena *arena, td_error *error) {
    td_index_row *rows;
    if (out->count & (out->count - 1))
        return TD_OK;
    TD_TRY(TD_ARENA_NEW(arena, out->count ? 2 * out->count : 1, &rows, "an index file", error));
    if (out->count > 0)
        memcpy(rows, out->rows, out->count * sizeof *rows);
    out->rows = rows;
    return TD_OK;
}

static td_status read_rows(td_index *out, const plan *p, td_index_lines *lines, td_arena *arena,
                           td_error *error) {
    td_index_line line;
    bool more = true, header = p->header;
    for (;;) {
        TD_TRY(td_index_lines_next(lines, &line, &more, error));
        if (!more)
            return TD_OK;
        if (line.count == 0 || header) {
            header = header && line.count == 0;
            continue;
        }
        TD_TRY(grow(out, arena, error));
        TD_TRY(read_row(&out->rows[out->count], p, &line, arena, error));
        out->count++;
    }
}

static int by_path(const void *left, const void *right) {
    const td_index_row *a = *(const td_index_row *const *)left;
    const td_index_row *b = *(const td_index_row *const *)right;
    const int order = strcmp(a->path, b->path);
    return order ? order : (a->line > b->line) - (a->line < b->line);
}

static td_status check_rows(const td_index *index, td_error *error) {
    if (index->count == 0)
        return td_fail(error, TD_ERR_FORMAT, "expected pictures after the header, found none");
    const td_index_row **rows = malloc(index->count * sizeof *rows);
    if (!rows)
        return td_fail_memory(error, "an index file");
    for (size_t i = 0; i < index->count; i++)
        rows[i] = &index->rows[i];
    qsort(rows, index->count, sizeof *rows, by_path);
    td_status status = TD_OK;
    for (size_t i = 1; i < index->count && status == TD_OK; i++)
        if (strcmp(rows[i - 1]->path, rows[i]->path) == 0)
            status = td_fail(error, TD_ERR_FORMAT,
                             "line %zu: expected each picture once, found %s, which line %zu has "
                             "as well",
                             rows[i]->line, rows[i]->path, rows[i - 1]->line);
    free(rows);
    return status;
}

td_status td_index_read(td_index *out, const char *file, const char *folder, td_arena *arena,
                        td_error *error) {
    td_map map;
    plan p;
    td_index_lines lines;
    char *name;
    *out = (td_index){0};
    TD_TRY(td_arena_text(arena, file, strlen(file), &name, error));
    out->file = name;
    TD_TRY(td_map_open(&map, file, error));
    out->digest = td_sha256(map.data, map.size);
    td_status status = plan_file(&p, &lines, &map, file, folder, error);
    if (status == TD_OK)
        status = read_rows(out, &p, &lines, arena, error);
    if (status == TD_OK)
        status = check_rows(out, error);
    td_map_close(&map);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", file);
}
