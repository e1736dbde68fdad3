/* SPDX-License-Identifier: MIT */
/* Finds the records among the files, and assigns pictures to them. */
#include "report/report.h"

#include "base/file.h"
#include "base/json.h"
#include "base/json_build.h"
#include "frame/interrupt.h"
#include "frame/options.h"
#include "report/html.h"
#include <stdlib.h>
#include <string.h>

/* The message without the path at its beginning, because the page shows the name. */
static const char *without_path(const td_error *error, const char *path) {
    size_t length = strlen(path);
    return strncmp(error->message, path, length) == 0 &&
                   strncmp(error->message + length, ": ", 2) == 0
               ? error->message + length + 2
               : error->message;
}

/* One line of a log; empty ones are skipped. */
static td_status parse_line(const char *line, size_t size, size_t number, td_json *json,
                            json_t *epochs, td_error *error) {
    json_t *epoch;
    if (size == 0)
        return TD_OK;
    td_status status = td_json_parse(line, size, &epoch, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "row %zu", number);
    if (!json_object_get(epoch, "epoch")) {
        json_decref(epoch);
        return td_fail(error, TD_ERR_FORMAT, "row %zu: expected \"epoch\", found none", number);
    }
    td_json_append(json, epochs, epoch);
    return TD_OK;
}

td_status report_log_parse(const char *text, size_t size, json_t **out, td_error *error) {
    td_json json = {0};
    *out = td_json_object(&json);
    json_t *epochs = td_json_set(&json, *out, "epochs", td_json_array(&json));
    td_status status = TD_OK;
    for (size_t begin = 0, number = 1; begin < size && status == TD_OK; number++) {
        const char *newline = memchr(text + begin, '\n', size - begin);
        size_t length = newline ? (size_t)(newline - text) - begin : size - begin;
        status = parse_line(text + begin, length, number, &json, epochs, error);
        begin += length + 1;
    }
    if (status == TD_OK)
        return td_json_end(&json, out, "a log", error);
    json_decref(*out);
    *out = NULL;
    return status;
}

static td_status parse(const report_file *file, const td_map *map, size_t *bytes, json_t **root,
                       td_error *error) {
    if (map->size > REPORT_RECORD_BYTES)
        return td_fail(error, TD_ERR_FORMAT, "expected at most %d MiB, found %zu bytes",
                       REPORT_RECORD_BYTES >> 20, map->size);
    *bytes += map->size;
    if (*bytes > REPORT_ALL_BYTES)
        return td_fail(error, TD_ERR_FORMAT, "left out: all records may have %d MiB",
                       REPORT_ALL_BYTES >> 20);
    const char *text = (const char *)map->data;
    return html_ends(file->name, ".jsonl") ? report_log_parse(text, map->size, root, error)
                                           : td_json_parse(text, map->size, root, error);
}

/* Adds a file if it is a record; a broken record is a trouble. */
static void read_record(report *r, const report_file *file, size_t *bytes) {
    td_error error;
    td_map map = {0};
    json_t *root = NULL;
    td_status status = td_map_open(&map, file->path, &error);
    if (status == TD_OK)
        status = parse(file, &map, bytes, &root, &error);
    if (report_is_fatal(status)) {
        report_trouble_failed(r, file->name, status, &error);
    } else if (status != TD_OK) {
        report_trouble_add(r, file->name, without_path(&error, file->path));
    } else {
        const report_kind *kind = report_kind_of(root);
        if (!kind && strcmp(html_get_text(root, "tool"), "trapdoor-report") != 0)
            r->strangers[r->stranger_count++] = file->name;
        else if (kind)
            r->records[r->record_all++] = (report_record){.file = *file,
                                                          .kind = kind,
                                                          .root = json_incref(root),
                                                          .digest = td_sha256(map.data, map.size)};
    }
    json_decref(root);
    td_map_close(&map);
}

static int compare_records(const void *a, const void *b) {
    const report_record *x = a, *y = b;
    return x->kind != y->kind ? (x->kind < y->kind ? -1 : 1) : strcmp(x->file.name, y->file.name);
}

/* Indexes the outputs of the page's records, and drops a log whose training has a record, which
 * comes earlier, so that it is not shown twice. */
static td_status list_outputs(report *r, td_error *error) {
    const size_t all = r->record_all;
    r->record_all = 0;
    for (size_t i = 0; i < all; i++) {
        const report_record record = r->records[i];
        if (html_ends(record.file.name, ".jsonl") && report_maker(r, record.digest.hex)) {
            json_decref(record.root);
            continue;
        }
        r->records[r->record_all++] = record;
        if (r->record_all > REPORT_RECORDS) {
            report_trouble_add(r, record.file.name, "left out: too many records for one page");
            continue;
        }
        r->record_count = r->record_all;
        TD_TRY(report_add_outputs(r, r->record_count - 1, error));
    }
    return TD_OK;
}

static bool share_folder(const char *a, const char *b) {
    size_t x = (size_t)(html_base(a) - a), y = (size_t)(html_base(b) - b);
    return x == y && strncmp(a, b, x) == 0;
}

/* The record that lists this picture as an output, by checksum, computed only if a record has an
 * output with its name. */
static const report_record *find_owner(report *r, const report_file *file) {
    td_digest digest;
    td_error error;
    if (!report_maker(r, html_base(file->name)))
        return NULL;
    const td_status status = td_sha256_file(file->path, &digest, &error);
    if (status == TD_OK)
        return report_maker(r, digest.hex);
    report_trouble_failed(r, file->name, status, &error);
    return NULL;
}

/* Whether the picture's folder contains records; *only is the record if it is the only one. */
static bool find_neighbour(const report *r, const report_file *file, const report_record **only) {
    size_t count = 0;
    *only = NULL;
    for (size_t i = 0; i < r->record_count; i++)
        if (share_folder(r->records[i].file.name, file->name))
            *only = count++ == 0 ? &r->records[i] : NULL;
    return count > 0;
}

/* Adds pictures that belong to a record, or lie beside one; others, perhaps of a data set, are left
 * out. */
static void add_picture(report *r, const report_file *file) {
    const report_record *record = find_owner(r, file);
    if (record || find_neighbour(r, file, &record))
        r->pictures[r->picture_count++] = (report_picture){*file, record, false};
}

/* Whose tables are read. */
typedef struct reading {
    report *r;
    const char *name;
} reading;

static void note(void *context, const char *line) {
    const reading *of = context;
    report_trouble_add(of->r, of->name, line);
}

static td_status read_tables(report *r, report_record *record, td_error *error) {
    reading of = {r, record->file.name};
    record->rest = report_derive(record->root);
    if (!record->rest)
        return td_fail_memory(error, "a record");
    TD_TRY(tool_tables_read(&record->tables, record->root, note, &of, error));
    return tool_tables_read(&record->derived, record->rest, note, &of, error);
}

td_status report_collect(report *r, td_error *error) {
    size_t bytes = 0;
    TD_TRY(TD_ARENA_NEW(&r->arena, REPORT_FILES, &r->troubles, "notes", error));
    TD_TRY(report_walk(r, error));
    TD_TRY(TD_ARENA_NEW(&r->arena, r->file_count, &r->records, "records", error));
    TD_TRY(TD_ARENA_NEW(&r->arena, r->file_count, &r->strangers, "names of files", error));
    TD_TRY(TD_ARENA_NEW(&r->arena, r->file_count, &r->pictures, "pictures", error));
    for (size_t i = 0; i < r->file_count; i++) {
        if (tool_interrupted())
            return td_fail(error, TD_ERR_INTERRUPTED, "interrupted");
        if (!html_ends(r->files[i].name, ".png"))
            read_record(r, &r->files[i], &bytes);
    }
    TD_TRY(report_check(r, error));
    if (r->record_all == 0)
        return td_fail(error, TD_ERR_FORMAT,
                       "%s: expected records, which the tools write with --json, found none",
                       r->folder);
    qsort(r->records, r->record_all, sizeof *r->records, compare_records);
    TD_TRY(list_outputs(r, error));
    for (size_t i = 0; i < r->record_count; i++)
        TD_TRY(read_tables(r, &r->records[i], error));
    for (size_t i = 0; i < r->file_count; i++)
        if (html_ends(r->files[i].name, ".png"))
            add_picture(r, &r->files[i]);
    return report_check(r, error);
}
