#include "frame/files.h"

#include "data/path.h"
#include "frame/outputs.h"
#include <string.h>
#include <unistd.h>

td_status tool_files_open(tool_files *files, const char *folder, bool force, size_t most,
                          td_error *error) {
    *files = (tool_files){.folder = folder, .force = force, .most = most};
    td_status status = TD_ARENA_NEW(&files->arena, most, &files->outputs, "files", error);
    if (status == TD_OK)
        status = TD_ARENA_NEW(&files->arena, most, &files->names, "files", error);
    if (status == TD_OK)
        status = tool_folder_make(folder, &files->made, error);
    if (status != TD_OK)
        tool_files_close(files);
    return status;
}

td_status tool_files_add(tool_files *files, const char *name, FILE **stream, td_error *error) {
    char path[TD_PATH_SIZE], *copy;
    if (!td_path_join(path, files->folder, name))
        return td_fail(error, TD_ERR_USAGE, "%s: expected a path of less than %d bytes",
                       files->folder, TD_PATH_SIZE);
    TD_TRY(td_arena_text(&files->arena, name, strlen(name), &copy, error));
    td_output *output = &files->outputs[files->count];
    TD_TRY(td_output_open(output, path, files->force, error));
    files->names[files->count++] = copy;
    *stream = output->stream;
    return TD_OK;
}

td_status tool_files_finish(tool_files *files, tool_record *record, td_error *error) {
    td_output *output = &files->outputs[files->count - 1];
    TD_TRY(td_output_finish(output, error));
    return tool_record_output(record, files->names[files->count - 1],
                              output->temporary ? output->temporary : output->path, error);
}

static void take_back(const tool_files *files) {
    char path[TD_PATH_SIZE];
    for (size_t i = 0; i < files->published && !files->force; i++)
        if (td_path_join(path, files->folder, files->names[i]))
            unlink(path);
}

td_status tool_files_publish(tool_files *files, td_error *error) {
    for (; files->published < files->count; files->published++) {
        td_status status = td_output_publish(&files->outputs[files->published], error);
        if (status != TD_OK) {
            take_back(files);
            return status;
        }
    }
    files->made = false;
    return TD_OK;
}

void tool_files_close(tool_files *files) {
    for (size_t i = 0; i < files->count; i++)
        td_output_discard(&files->outputs[i]);
    if (files->made)
        rmdir(files->folder);
    td_arena_free(&files->arena);
    *files = (tool_files){0};
}
