/* Writing: every file to a temporary beside its place, and only when all are complete, the record
 * among them, into place. */
#include "poison.h"

#include "base/file.h"
#include "base/json.h"
#include "common/progress.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const other_files[] = {"preview.png", "manifest.json"};

enum { OTHER_FILES = sizeof other_files / sizeof *other_files, IMAGES_PER_POLL = 256 };

static td_status join(td_arena *arena, const char *folder, const char *name, char **out,
                      td_error *error) {
    size_t length = strlen(folder);
    const char *slash = length > 0 && folder[length - 1] == '/' ? "" : "/";
    size_t size = length + strlen(name) + 2;
    TD_TRY(TD_ARENA_NEW(arena, size, out, "a file name", error));
    snprintf(*out, size, "%s%s%s", folder, slash, name);
    return TD_OK;
}

/* The name of file `number` of those written: the outputs, then the others. */
static td_status file_name(const poison_request *request, size_t number, td_arena *arena,
                           char **out, td_error *error) {
    size_t outputs = poison_output_count(request);
    if (number < outputs)
        return poison_output_name(request, number, ".safetensors", arena, out, error);
    const char *name = other_files[number - outputs];
    return td_arena_text(arena, name, strlen(name), out, error);
}

td_status poison_write_check(const poison_request *request, td_error *error) {
    td_arena arena = {0};
    td_status status = TD_OK;
    size_t count = poison_output_count(request) + OTHER_FILES;
    for (size_t i = 0; i < count && status == TD_OK; i++) {
        char *name, *path;
        status = file_name(request, i, &arena, &name, error);
        if (status == TD_OK)
            status = join(&arena, request->common.output, name, &path, error);
        if (status == TD_OK)
            status = td_output_check(path, request->common.force, error);
    }
    td_arena_free(&arena);
    return status;
}

td_status poison_folder_make(const char *folder, bool *made, td_error *error) {
    struct stat info;
    *made = mkdir(folder, 0777) == 0;
    if (*made)
        return TD_OK;
    if (errno != EEXIST)
        return td_fail(error, TD_ERR_IO, "%s: cannot make the folder: %s", folder, strerror(errno));
    if (stat(folder, &info) == 0 && S_ISDIR(info.st_mode))
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE, "%s: expected a folder to write to, found a file", folder);
}

/* All the files of one run. */
typedef struct writing {
    const poison_plan *plan;
    tool_record *record;
    json_t *manifest;
    td_output *files;
    size_t count; /* opened so far */
    tool_progress progress;
    size_t done; /* images */
    td_arena arena;
} writing;

static td_status open_file(writing *w, char **name, td_error *error) {
    const tool_common *common = &w->plan->request->common;
    char *path;
    TD_TRY(poison_poll(error));
    TD_TRY(file_name(w->plan->request, w->count, &w->arena, name, error));
    TD_TRY(join(&w->arena, common->output, *name, &path, error));
    TD_TRY(td_output_open(&w->files[w->count], path, common->force, error));
    w->count++;
    return TD_OK;
}

/* Closes the file opened last and takes its digest into the record. */
static td_status close_file(writing *w, const char *name, td_error *error) {
    td_output *file = &w->files[w->count - 1];
    TD_TRY(td_output_finish(file, error));
    return tool_record_output(w->record, name, file->temporary ? file->temporary : file->path,
                              error);
}

/* `arena` is for this output only. */
static td_status write_images(writing *w, const poison_output *output, FILE *stream,
                              td_arena *arena, td_error *error) {
    const td_dataset *source = w->plan->source;
    size_t size = td_image_size(&source->images);
    uint8_t *pixels;
    int32_t *labels;
    float *canvas;
    TD_TRY(td_arena_alloc(arena, output->count, size, (void **)&pixels, "the images", error));
    TD_TRY(TD_ARENA_NEW(arena, output->count, &labels, "the labels", error));
    TD_TRY(TD_ARENA_NEW(arena, size, &canvas, "an image", error));
    for (size_t i = 0; i < output->count; i++) {
        if (i % IMAGES_PER_POLL == 0) {
            TD_TRY(poison_poll(error));
            tool_progress_update(&w->progress, w->done + i, output->name);
        }
        poison_render(w->plan, &output->items[i], pixels + i * size, canvas);
        labels[i] = output->items[i].label;
    }
    w->done += output->count;
    td_images images = source->images;
    images.count = output->count;
    images.pixels = pixels;
    images.labels = labels;
    return td_dataset_write(stream, &images, source->class_names, source->name, source->split,
                            error);
}

static td_status write_output(writing *w, size_t number, td_error *error) {
    char *name;
    TD_TRY(open_file(w, &name, error));
    td_arena arena = {0};
    td_status status =
        write_images(w, &w->plan->outputs[number], w->files[w->count - 1].stream, &arena, error);
    td_arena_free(&arena);
    TD_TRY(status);
    TD_TRY(close_file(w, name, error));
    const json_t *recorded = json_array_get(json_object_get(w->record->root, "outputs"), number);
    json_t *output = json_array_get(json_object_get(w->manifest, "outputs"), number);
    return json_object_set(output, "sha256", json_object_get(recorded, "sha256")) == 0
               ? TD_OK
               : td_fail_memory(error, "the manifest");
}

static td_status write_preview(writing *w, td_error *error) {
    char *name;
    td_bitmap bitmap = {0};
    TD_TRY(open_file(w, &name, error));
    TD_TRY(poison_preview(w->plan, &bitmap, error));
    td_status status = td_png_write(w->files[w->count - 1].stream, &bitmap, error);
    td_bitmap_free(&bitmap);
    TD_TRY(status);
    return close_file(w, name, error);
}

static td_status write_manifest(writing *w, td_error *error) {
    char *name;
    TD_TRY(open_file(w, &name, error));
    TD_TRY(td_json_write(w->files[w->count - 1].stream, w->manifest, error));
    return close_file(w, name, error);
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

/* What this run has put into place goes again if a later file cannot; what was there before it, it
 * has replaced only with --force. */
static td_status publish_all(writing *w, td_error *error) {
    bool force = w->plan->request->common.force;
    char *name, *path;
    for (size_t i = 0; i < w->count; i++) {
        td_status status = td_output_publish(&w->files[i], error);
        for (size_t j = 0; status != TD_OK && !force && j < i; j++)
            if (file_name(w->plan->request, j, &w->arena, &name, NULL) == TD_OK &&
                join(&w->arena, w->plan->request->common.output, name, &path, NULL) == TD_OK)
                unlink(path);
        TD_TRY(status);
    }
    return TD_OK;
}

static td_status write_all(writing *w, td_error *error) {
    const poison_plan *plan = w->plan;
    size_t total = 0;
    for (size_t i = 0; i < plan->output_count; i++)
        total += plan->outputs[i].count;
    TD_TRY(TD_ARENA_NEW(&w->arena, plan->output_count + OTHER_FILES, &w->files, "files", error));
    TD_TRY(poison_manifest(plan, w->record, &w->manifest, error));
    w->progress = tool_progress_start("writing", "images", total, plan->request->common.quiet);
    for (size_t i = 0; i < plan->output_count; i++)
        TD_TRY(write_output(w, i, error));
    TD_TRY(write_preview(w, error));
    TD_TRY(write_manifest(w, error));
    TD_TRY(add_result(w, error));
    TD_TRY(poison_poll(error));
    TD_TRY(tool_record_write(w->record, &plan->request->common, error));
    return publish_all(w, error);
}

td_status poison_write(const poison_plan *plan, tool_record *record, td_error *error) {
    writing w = {.plan = plan, .record = record};
    td_status status = write_all(&w, error);
    tool_progress_end(&w.progress);
    for (size_t i = 0; i < w.count; i++)
        td_output_discard(&w.files[i]);
    json_decref(w.manifest);
    td_arena_free(&w.arena);
    return status;
}
