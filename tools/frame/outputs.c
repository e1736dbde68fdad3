#include "frame/outputs.h"

#include "data/path.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct tool_file {
    td_output output;
    const char *name, *path; /* in the record; where it will stand */
    bool existed;            /* another stood there */
    bool published;
    struct tool_file *next;
} tool_file;

td_status tool_folder_make(const char *folder, bool *made, td_error *error) {
    *made = mkdir(folder, 0777) == 0;
    if (*made || (errno == EEXIST && td_path_is_folder(folder)))
        return TD_OK;
    if (errno == EEXIST)
        return td_fail(error, TD_ERR_USAGE, "%s: expected a folder to write to, found a file",
                       folder);
    return td_fail(error, TD_ERR_IO, "%s: cannot make the folder: %s", folder, strerror(errno));
}

td_status tool_outputs_check(const tool_outputs *outputs, const char *path, td_error *error) {
    td_output trial;
    if (strcmp(path, "-") == 0)
        return TD_OK;
    TD_TRY(td_output_check(path, outputs->force, error));
    if (td_path_exists(path) && !td_path_is_file(path))
        return TD_OK;
    TD_TRY(td_output_open(&trial, path, outputs->force, error));
    td_output_discard(&trial);
    return TD_OK;
}

td_status tool_outputs_folder(tool_outputs *outputs, const char *folder, td_error *error) {
    if (outputs->folder)
        return TD_OK;
    outputs->folder = folder;
    return tool_folder_make(folder, &outputs->made, error);
}

static td_status join(const tool_outputs *outputs, const char *name, char path[TD_PATH_SIZE],
                      td_error *error) {
    return td_path_join(path, outputs->folder, name)
               ? TD_OK
               : td_fail(error, TD_ERR_USAGE, "%s: expected a path of less than %d bytes",
                         outputs->folder, TD_PATH_SIZE);
}

td_status tool_outputs_check_name(const tool_outputs *outputs, const char *name, td_error *error) {
    char path[TD_PATH_SIZE];
    TD_TRY(join(outputs, name, path, error));
    return td_output_check(path, outputs->force, error);
}

static td_status add(tool_outputs *outputs, const char *path, const char *name, FILE **stream,
                     td_error *error) {
    tool_file *file;
    char *path_copy, *name_copy;
    for (file = outputs->first; file; file = file->next)
        if (file->output.path && strcmp(file->path, path) == 0)
            return td_fail(error, TD_ERR_USAGE,
                           "%s: expected a file of its own for each output, "
                           "found two of this name",
                           path);
    TD_TRY(TD_ARENA_NEW(&outputs->arena, 1, &file, "files", error));
    TD_TRY(td_arena_text(&outputs->arena, path, strlen(path), &path_copy, error));
    TD_TRY(td_arena_text(&outputs->arena, name, strlen(name), &name_copy, error));
    if (strcmp(path, "-") == 0) {
        outputs->printed = true;
        *stream = stdout;
    } else {
        TD_TRY(td_output_open(&file->output, path, outputs->force, error));
        *stream = file->output.stream;
    }
    file->path = path_copy;
    file->name = name_copy;
    file->existed = td_path_exists(path);
    *(outputs->last ? &outputs->last->next : &outputs->first) = file;
    outputs->last = file;
    return TD_OK;
}

td_status tool_outputs_add(tool_outputs *outputs, const char *name, FILE **stream,
                           td_error *error) {
    char path[TD_PATH_SIZE];
    TD_TRY(join(outputs, name, path, error));
    return add(outputs, path, name, stream, error);
}

td_status tool_outputs_add_path(tool_outputs *outputs, const char *path, FILE **stream,
                                td_error *error) {
    const char *slash = strrchr(path, '/');
    return add(outputs, path, slash ? slash + 1 : path, stream, error);
}

td_status tool_outputs_finish(tool_outputs *outputs, tool_record *record, td_error *error) {
    tool_file *file = outputs->last;
    if (!file->output.path)
        return TD_OK; /* standard output, which is flushed at the end */
    TD_TRY(td_output_finish(&file->output, error));
    return record && file->output.temporary
               ? tool_record_output(record, file->name, file->output.temporary, error)
               : TD_OK;
}

void tool_outputs_drop(tool_outputs *outputs) {
    td_output_discard(&outputs->last->output);
    outputs->last->existed = true;
}

td_status tool_outputs_supersede(tool_outputs *outputs, const char *path, td_error *error) {
    char *copy;
    TD_TRY(td_arena_text(&outputs->arena, path, strlen(path), &copy, error));
    outputs->superseded = copy;
    return TD_OK;
}

td_status tool_outputs_publish(tool_outputs *outputs, td_error *error) {
    for (tool_file *file = outputs->first; file; file = file->next) {
        td_status status = td_output_publish(&file->output, error);
        file->published = status == TD_OK;
        if (status == TD_OK)
            continue;
        for (file = outputs->first; file; file = file->next)
            if (file->published && !file->existed)
                unlink(file->path);
        return status;
    }
    outputs->made = false;
    if (!outputs->superseded || unlink(outputs->superseded) == 0 || errno == ENOENT)
        return TD_OK;
    return td_fail(error, TD_ERR_IO, "%s: %s", outputs->superseded, strerror(errno));
}

void tool_outputs_close(tool_outputs *outputs) {
    for (tool_file *file = outputs->first; file; file = file->next)
        td_output_discard(&file->output);
    if (outputs->made)
        rmdir(outputs->folder);
    td_arena_free(&outputs->arena);
    *outputs = (tool_outputs){0};
}
