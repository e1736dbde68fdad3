/* The files that a run writes into one folder: all of them or none. */
#ifndef TOOLS_FRAME_FILES_H
#define TOOLS_FRAME_FILES_H

#include "base/file.h"
#include "frame/outputs.h"
#include "frame/record.h"

typedef struct tool_files {
    const char *folder;
    bool force, made; /* whether files may be replaced; whether the folder was made here */
    td_output *outputs;
    const char **names;
    size_t count, most, published;
    td_arena arena;
} tool_files;

/* Makes the folder unless it is there. At most `most` files will follow. `folder` must outlive
 * *files. On failure *files is zeroed. */
td_status tool_files_open(tool_files *files, const char *folder, bool force, size_t most,
                          td_error *error) TD_MUST_USE;

/* The next file, FOLDER/NAME, to be written to *stream. TD_ERR_USAGE if it is there already,
 * without `force`. */
td_status tool_files_add(tool_files *files, const char *name, FILE **stream,
                         td_error *error) TD_MUST_USE;

/* Completes the file added last, and takes its digest into the record's outputs. */
td_status tool_files_finish(tool_files *files, tool_record *record, td_error *error) TD_MUST_USE;

/* Puts all files into place. If one cannot be, those before it go again, unless `force` let them
 * replace others. */
td_status tool_files_publish(tool_files *files, td_error *error) TD_MUST_USE;

/* Removes what is not published, and then a folder made here; takes zeroed files as well. */
void tool_files_close(tool_files *files);

#endif
