/* SPDX-License-Identifier: MIT */
#include "frame/run.h"

#include "base/parallel.h"
#include "data/path.h"
#include "frame/classes.h"
#include "frame/clock.h"
#include "nn/kernel/kernel.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --- progress --- */

bool tool_run_is_quiet(const tool_run *run) {
    return run->common->quiet || run->as_part;
}

void tool_run_begin(tool_run *run, const char *what, const char *unit, size_t total) {
    tool_run_end(run);
    run->progress = tool_progress_start(what, unit, total, tool_run_is_quiet(run));
}

void tool_run_show(tool_run *run, size_t done, const char *note) {
    tool_progress_update(&run->progress, done, note);
    if (run->watch && run->progress.total > 0)
        run->watch(run->watch_context, (double)done / (double)run->progress.total);
}

void tool_run_end(tool_run *run) {
    tool_progress_end(&run->progress);
}

bool tool_run_is_late(const tool_run *run) {
    return tool_monotonic_seconds() >= run->deadline;
}

bool tool_run_stops(const tool_run *run) {
    return tool_interrupted() || tool_run_is_late(run);
}

td_status tool_run_go_on(tool_run *run, size_t done, const char *note, td_error *error) {
    tool_run_show(run, done, note);
    if (!tool_run_stops(run))
        return TD_OK;
    return td_fail(error, TD_ERR_INTERRUPTED, "%s after %zu of %zu %s",
                   tool_interrupted() ? "interrupted" : "the time is up", done, run->progress.total,
                   run->progress.unit);
}

void tool_run_log(tool_run *run, const char *format, ...) {
    va_list arguments;
    if (tool_run_is_quiet(run))
        return;
    tool_progress shown = run->progress; /* a copy: the next step redraws the line */
    tool_progress_end(&shown);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

/* --- results --- */

void tool_run_note(const tool_run *run, const char *format, ...) {
    char line[sizeof(td_error)];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (run->as_part || (run->common->quiet && strncmp(line, "note:", 5) == 0))
        return;
    tool_note(line);
}

td_status tool_run_text(tool_run *run, const char **out, td_error *error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    td_status status = td_arena_vprint(&run->arena, out, error, format, arguments);
    va_end(arguments);
    return status;
}

void tool_run_leaves(tool_run *run, const char *path, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(run->left.message, sizeof run->left.message, format, arguments);
    va_end(arguments);
    run->left_at = path;
}

json_t *tool_run_set(tool_run *run, const char *name, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    json_t *value = td_json_vpack(&run->record.json, format, arguments);
    va_end(arguments);
    return td_json_set(&run->record.json, run->record.root, name, value);
}

td_status tool_run_summary(tool_run *run, td_error *error, const char *format, ...) {
    const char *text;
    va_list arguments;
    va_start(arguments, format);
    td_status status = td_arena_vprint(&run->arena, &text, error, format, arguments);
    va_end(arguments);
    TD_TRY(status);
    tool_run_set(run, "summary", "s", text);
    return TD_OK;
}

static td_status place(tool_run *run, tool_table *table, const char *path, td_error *error) {
    char *copy = NULL;
    if (path)
        TD_TRY(td_arena_text(&run->tables.arena, path, strlen(path), &copy, error));
    table->path = copy;
    return TD_OK;
}

td_status tool_run_open(tool_run *run, const tool_table_kind *kind, const char *path,
                        tool_table **out, td_error *error) {
    TD_TRY(tool_table_add(&run->tables, kind, out, error));
    return place(run, *out, path, error);
}

td_status tool_run_fill(tool_run *run, tool_table *table, const void *row, td_error *error) {
    return tool_table_fill(&run->tables, table, row, error);
}

td_status tool_run_rows(tool_run *run, const tool_table_kind *kind, const char *path,
                        const void *rows, size_t count, td_error *error) {
    tool_table *table;
    TD_TRY(tool_table_rows(&run->tables, kind, rows, count, &table, error));
    return place(run, table, path, error);
}

td_status tool_run_images(tool_run *run, const char *text, const char *split, td_dataset *out,
                          td_error *error) {
    TD_TRY(td_dataset_open(out, text, split, run->common->data_dir, error));
    tool_run_remarks(run, out->name, &out->remarks);
    return tool_record_dataset(&run->record, out, error);
}

td_status tool_run_dataset(tool_run *run, const char *text, const char *split, td_dataset *out,
                           td_error *error) {
    TD_TRY(tool_run_images(run, text, split, out, error));
    return tool_run_match(run, out, error);
}

/* --- the framework --- */

/* An environment variable that selects an old core makes OpenBLAS several times slower without a
 * message. */
static void note_slow_blas(const tool_run *run) {
    const size_t lanes = td_blas_lanes(td_blas_core()), could = td_kernel_used()->lanes;
    if (lanes > 0 && lanes < could)
        tool_run_note(run,
                      "note: OpenBLAS multiplies by its core %s, %zu numbers at a time where this "
                      "processor has %zu: at 1/%zu of the rate (OPENBLAS_CORETYPE chooses)",
                      td_blas_core(), lanes, could, could / lanes);
}

/* Checks OpenBLAS before a method that runs nets. */
static td_status check_blas(const tool_run *run, td_error *error) {
    static const char *const keys[] = {"model", "models", "net"};
    bool runs_nets = false;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        runs_nets |= tool_settings_find(run->settings, keys[i]) != NULL;
    if (!runs_nets)
        return TD_OK;
    note_slow_blas(run);
    return td_blas_check_memory(error);
}

static td_status start(tool_run *run, const tool_settings *settings, td_error *error) {
    run->settings = settings;
    run->method = settings->method;
    run->common = &settings->common;
    run->family = settings->family;
    run->own = settings->own;
    run->outputs.force = settings->common.force;
    const char *part = run->method->family->part;
    run->outputs.shared = part && tool_settings_given(settings, part);
    run->tables.classes = &run->classes;
    TD_TRY(check_blas(run, error));
    const char *output = run->common->output;
    if (output && run->method->family->output == TOOL_OUTPUT_FOLDER)
        TD_TRY(tool_outputs_folder(&run->outputs, output, error));
    if (output && run->method->family->output == TOOL_OUTPUT_FILE)
        TD_TRY(tool_outputs_check(&run->outputs, output, error));
    if (run->common->json) /* it may be in that folder */
        TD_TRY(tool_outputs_check(&run->outputs, run->common->json, error));
    json_t *options;
    TD_TRY(tool_settings_json(settings, &options, error));
    TD_TRY(tool_record_start(&run->record, settings->tool, run->common, options, error));
    if (run->method->name && !run->method->family->word)
        tool_run_set(run, "method", "s", run->method->name);
    return tool_record_check(&run->record, error);
}

static td_status write_record(tool_run *run, const char *name, FILE *stream, td_error *error) {
    TD_TRY(tool_record_write(&run->record, stream, name, error));
    return tool_outputs_finish(&run->outputs, NULL, error);
}

static td_status add_record(tool_run *run, td_error *error) {
    FILE *stream;
    TD_TRY(tool_outputs_add_path(&run->outputs, run->common->json, &stream, error));
    return write_record(run, run->common->json, stream, error);
}

static td_status add_own_record(tool_run *run, td_error *error) {
    FILE *stream;
    run->outputs.force = true;
    td_status status = tool_outputs_add(&run->outputs, run->record_name, &stream, error);
    run->outputs.force = run->common->force;
    return status == TD_OK ? write_record(run, run->record_name, stream, error) : status;
}

/* Publishes the record with the other files. */
static td_status publish(tool_run *run, td_error *error) {
    TD_TRY(tool_record_check_inputs(&run->record, error));
    tool_tables_json(&run->tables, &run->record.json, run->record.root);
    TD_TRY(tool_record_time(&run->record, error));
    if (run->record_name)
        TD_TRY(add_own_record(run, error));
    if (run->common->json && !tool_record_to_stdout(run->common))
        TD_TRY(add_record(run, error));
    return tool_outputs_publish(&run->outputs, error);
}

td_status tool_run_execute(tool_run *run, const tool_settings *settings, td_error *error) {
    TD_TRY(start(run, settings, error));
    td_status status = run->method->family->run(run, error);
    tool_run_end(run);
    if (run->record.json.status != TD_OK) /* may be the cause of a later failure */
        status = tool_record_check(&run->record, error);
    if (status == TD_OK)
        status = publish(run, error);
    if (status == TD_OK || !run->left_at || !td_path_exists(run->left_at))
        return status;
    const td_error before = *error;
    return td_fail(error, status, "%s; %s", before.message, run->left.message);
}

void tool_run_print(const tool_run *run, FILE *stream) {
    if (run->outputs.printed)
        return;
    const json_t *summary = json_object_get(run->record.root, "summary");
    if (run->words) {
        fputs(run->words, stream);
        return;
    }
    if (json_is_string(summary))
        fprintf(stream, "%s\n", json_string_value(summary));
    tool_tables_print(&run->tables, stream);
}

void tool_run_close(tool_run *run) {
    tool_outputs_close(&run->outputs);
    tool_tables_free(&run->tables);
    tool_record_free(&run->record);
    td_arena_free(&run->arena);
    *run = (tool_run){0};
}
