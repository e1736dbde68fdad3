/* Writing: the outputs, a picture, the manifest and the record, and only when all are complete,
 * into place. */
#include "poison.h"

#include "base/json.h"
#include "data/path.h"
#include <string.h>

static const char *const other_files[] = {"preview.png", "manifest.json"};

enum { OTHER_FILES = sizeof other_files / sizeof *other_files };

/* The name of file `number` of those written: the outputs, then the others. */
static td_status file_name(const poison_request *request, size_t number, td_arena *arena,
                           char **out, td_error *error) {
    size_t outputs = poison_output_count(request);
    if (number < outputs)
        return poison_output_name(request, number, ".safetensors", arena, out, error);
    const char *name = other_files[number - outputs];
    return td_arena_text(arena, name, strlen(name), out, error);
}

size_t poison_file_count(const poison_request *request) {
    return poison_output_count(request) + OTHER_FILES;
}

td_status poison_write_check(const poison_request *request, td_error *error) {
    td_arena arena = {0};
    td_status status = TD_OK;
    for (size_t i = 0; i < poison_file_count(request) && status == TD_OK; i++) {
        char *name, path[TD_PATH_SIZE];
        status = file_name(request, i, &arena, &name, error);
        if (status == TD_OK && td_path_join(path, request->common.output, name))
            status = td_output_check(path, request->common.force, error);
    }
    td_arena_free(&arena);
    return status;
}

typedef struct writing {
    poison_plan *plan;
    tool_record *record;
    json_t *manifest;
    tool_files *files;
    tool_progress progress;
    size_t done; /* images */
} writing;

static td_status open_file(writing *w, FILE **stream, td_error *error) {
    td_arena arena = {0};
    char *name;
    TD_TRY(poison_poll(error));
    td_status status = file_name(w->plan->request, w->files->count, &arena, &name, error);
    if (status == TD_OK)
        status = tool_files_add(w->files, name, stream, error);
    td_arena_free(&arena);
    return status;
}

static td_status write_output(writing *w, size_t number, td_error *error) {
    const poison_output *output = &w->plan->outputs[number];
    FILE *stream;
    TD_TRY(open_file(w, &stream, error));
    TD_TRY(poison_render_output(w->plan, output, stream, &w->progress, w->done, error));
    w->done += output->count;
    return tool_files_finish(w->files, w->record, error);
}

static td_status write_preview(writing *w, td_error *error) {
    FILE *stream;
    td_bitmap bitmap = {0};
    TD_TRY(open_file(w, &stream, error));
    TD_TRY(poison_preview(w->plan, &bitmap, error));
    td_status status = td_png_write(stream, &bitmap, error);
    td_bitmap_free(&bitmap);
    TD_TRY(status);
    return tool_files_finish(w->files, w->record, error);
}

static td_status write_manifest(writing *w, td_error *error) {
    FILE *stream;
    TD_TRY(open_file(w, &stream, error));
    TD_TRY(td_json_write(stream, w->manifest, error));
    return tool_files_finish(w->files, w->record, error);
}

/* What the record says of the result; the rest of the truth is in the manifest. */
static td_status add_result(writing *w, td_error *error) {
    json_t *sets = json_array();
    for (size_t i = 0; i < w->plan->output_count; i++) {
        const poison_output *output = &w->plan->outputs[i];
        json_array_append_new(sets, json_pack("{ss sI sI}", "name", output->name, "count",
                                              (json_int_t)output->count, "poisoned",
                                              (json_int_t)output->poisoned));
    }
    if (json_object_set_new(w->record->root, "sets", sets) != 0 ||
        json_object_set(w->record->root, "triggers", json_object_get(w->manifest, "triggers")) != 0)
        return td_fail_memory(error, "the record");
    return TD_OK;
}

static td_status write_all(writing *w, td_error *error) {
    const poison_plan *plan = w->plan;
    size_t total = 0;
    for (size_t i = 0; i < plan->output_count; i++)
        total += plan->outputs[i].count;
    w->progress = tool_progress_start("writing", "images", total, plan->request->common.quiet);
    for (size_t i = 0; i < plan->output_count; i++)
        TD_TRY(write_output(w, i, error));
    TD_TRY(poison_manifest(plan, w->record, &w->manifest, error));
    TD_TRY(write_preview(w, error));
    TD_TRY(write_manifest(w, error));
    TD_TRY(add_result(w, error));
    TD_TRY(poison_poll(error));
    TD_TRY(tool_record_write(w->record, &plan->request->common, error));
    return tool_files_publish(w->files, error);
}

td_status poison_write(poison_plan *plan, tool_record *record, tool_files *files, td_error *error) {
    writing w = {.plan = plan, .record = record, .files = files};
    td_status status = write_all(&w, error);
    tool_progress_end(&w.progress);
    json_decref(w.manifest);
    return status;
}
