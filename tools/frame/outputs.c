/* SPDX-License-Identifier: MIT */
#include "frame/outputs.h"

#include "data/entry.h"
#include "data/path.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct tool_file {
    td_output output;
    tool_claim *claim;       /* NULL if it is written in place */
    const char *name, *path; /* in the record; the final path */
    td_digest digest;        /* once it is finished */
    struct tool_file *next;
} tool_file;

/* A folder's name is on the disk once its parent is synced. */
static td_status sync_new_folder(const char *folder, td_error *error) {
    char path[TD_PATH_SIZE];
    size_t length;
    const char *base = td_path_base(folder, &length);
    snprintf(path, sizeof path, "%.*s", (int)(base - folder) + (int)length, folder);
    return td_output_sync_folder(path, error);
}

td_status tool_folder_make(const char *folder, bool *made, td_error *error) {
    *made = mkdir(folder, 0777) == 0;
    if (*made) {
        const td_status status = sync_new_folder(folder, error);
        *made = status == TD_OK || rmdir(folder) != 0;
        return status;
    }
    if (errno == EEXIST && td_path_is_folder(folder))
        return TD_OK;
    if (errno == EEXIST)
        return td_fail(error, TD_ERR_USAGE, "%s: expected a folder to write to, found a file",
                       folder);
    return td_fail(error, TD_ERR_IO, "%s: cannot make the folder: %s", folder, strerror(errno));
}

/* --- before the work --- */

/* Claims that are held: each takes a descriptor. The names of further files, such as a picture of
 * each of a thousand classes, are only compared with the run's others. */
enum { MOST_HELD = 64 };

static tool_claim *find_claim(const tool_outputs *outputs, const td_digest *name) {
    tool_claim *claim = outputs->claims;
    while (claim && strcmp(claim->name.hex, name->hex) != 0)
        claim = claim->next;
    return claim;
}

static td_status fail_twice(const char *path, td_error *error) {
    return td_fail(error, TD_ERR_USAGE,
                   "%s: expected a file of its own for each output, found two of this name", path);
}

static td_status claim_name(tool_outputs *outputs, const td_digest *name, const char *path,
                            tool_claim **out, td_error *error) {
    tool_claim *claim;
    TD_TRY(TD_ARENA_NEW(&outputs->arena, 1, &claim, "files", error));
    claim->name = *name;
    TD_TRY(tool_claim_take(claim, path, error));
    if (outputs->claim_count++ >= MOST_HELD)
        tool_claim_release(claim);
    claim->next = outputs->claims;
    outputs->claims = claim;
    if (out)
        *out = claim;
    return TD_OK;
}

static bool is_in_place(const char *path) {
    return strcmp(path, "-") == 0 || (td_path_exists(path) && !td_path_is_file(path));
}

static td_status check(tool_outputs *outputs, const char *path, bool force, td_error *error) {
    td_digest name;
    if (strcmp(path, "-") == 0)
        return TD_OK;
    TD_TRY(td_output_check(path, force, error));
    if (is_in_place(path))
        return TD_OK;
    TD_TRY(tool_claim_name(&name, path, error));
    return find_claim(outputs, &name) ? fail_twice(path, error)
                                      : claim_name(outputs, &name, path, NULL, error);
}

td_status tool_outputs_check(tool_outputs *outputs, const char *path, td_error *error) {
    return check(outputs, path, outputs->force, error);
}

td_status tool_outputs_check_replaced(tool_outputs *outputs, const char *path, td_error *error) {
    return check(outputs, path, true, error);
}

td_status tool_outputs_check_own(tool_outputs *outputs, const char *path, td_error *error) {
    const td_entry there = td_entry_look_unfollowed(path);
    if (there == TD_ENTRY_OTHER)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected a file of the run's own, or none, found a link or a device",
                       path);
    return tool_outputs_check_replaced(outputs, path, error);
}

static td_status join(const tool_outputs *outputs, const char *name, char path[TD_PATH_SIZE],
                      td_error *error) {
    return td_path_join(path, outputs->folder, name)
               ? TD_OK
               : td_fail(error, TD_ERR_USAGE, "%s: expected a path of less than %d bytes",
                         outputs->folder, TD_PATH_SIZE);
}

static td_status claim_folder(tool_outputs *outputs, td_error *error) {
    char path[TD_PATH_SIZE];
    td_digest name;
    TD_TRY(join(outputs, ".", path, error));
    TD_TRY(tool_claim_name(&name, path, error));
    TD_TRY(claim_name(outputs, &name, outputs->folder, NULL, error));
    outputs->claimed = true;
    return TD_OK;
}

td_status tool_outputs_folder(tool_outputs *outputs, const char *folder, td_error *error) {
    if (outputs->folder)
        return TD_OK;
    outputs->folder = folder;
    TD_TRY(tool_folder_make(folder, &outputs->made, error));
    if (outputs->shared)
        return TD_OK;
    if (outputs->made)
        outputs->unwanted = td_crash_unwanted(folder);
    return claim_folder(outputs, error);
}

td_status tool_outputs_check_name(tool_outputs *outputs, const char *name, td_error *error) {
    char path[TD_PATH_SIZE];
    TD_TRY(join(outputs, name, path, error));
    return tool_outputs_check(outputs, path, error);
}

/* --- writing --- */

static td_status make_file(tool_outputs *outputs, const char *path, tool_file **out,
                           td_error *error) {
    char *copy;
    TD_TRY(TD_ARENA_NEW(&outputs->arena, 1, out, "files", error));
    TD_TRY(td_arena_text(&outputs->arena, path, strlen(path), &copy, error));
    (*out)->path = copy;
    return TD_OK;
}

/* The claim for an output, which may have been made before the work. */
static td_status claim_output(tool_outputs *outputs, const char *path, tool_claim **out,
                              td_error *error) {
    td_digest name;
    *out = NULL;
    if (is_in_place(path))
        return TD_OK;
    TD_TRY(tool_claim_name(&name, path, error));
    *out = find_claim(outputs, &name);
    if (!*out)
        return claim_name(outputs, &name, path, out, error);
    return (*out)->written ? fail_twice(path, error) : TD_OK;
}

static td_status add(tool_outputs *outputs, const char *path, const char *name, FILE **stream,
                     td_error *error) {
    tool_file *file;
    char *copy;
    TD_TRY(make_file(outputs, path, &file, error));
    TD_TRY(claim_output(outputs, path, &file->claim, error));
    TD_TRY(td_arena_text(&outputs->arena, name, strlen(name), &copy, error));
    file->name = copy;
    if (strcmp(path, "-") == 0) {
        outputs->printed = true;
        *stream = stdout;
    } else {
        TD_TRY(td_output_open(&file->output, path, outputs->force, error));
        *stream = file->output.stream;
    }
    if (file->claim)
        file->claim->written = true;
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
    return add(outputs, path, path + td_output_folder(path), stream, error);
}

td_status tool_outputs_finish(tool_outputs *outputs, tool_record *record, td_error *error) {
    tool_file *file = outputs->last;
    if (!file->output.path)
        return TD_OK; /* standard output, which is flushed at the end */
    TD_TRY(td_output_finish(&file->output, error));
    if (file->output.in_place)
        return TD_OK;
    TD_TRY(td_output_digest(&file->output, &file->digest, error));
    if (record)
        tool_record_output(record, file->name, &file->digest);
    return TD_OK;
}

const td_digest *tool_outputs_digest(const tool_outputs *outputs) {
    return &outputs->last->digest;
}

void tool_outputs_drop(tool_outputs *outputs) {
    td_output_discard(&outputs->last->output);
    if (outputs->last->claim)
        outputs->last->claim->written = false;
}

/* --- publishing --- */

static td_status remove_with(tool_outputs *outputs, const char *path, tool_file **list,
                             td_error *error) {
    tool_file *file;
    TD_TRY(make_file(outputs, path, &file, error));
    TD_TRY(td_output_remove(&file->output, path, error));
    file->next = *list;
    *list = file;
    return TD_OK;
}

td_status tool_outputs_withdraw(tool_outputs *outputs, const char *path, td_error *error) {
    return remove_with(outputs, path, &outputs->withdrawn, error);
}

td_status tool_outputs_supersede(tool_outputs *outputs, const char *path, td_error *error) {
    return remove_with(outputs, path, &outputs->superseded, error);
}

/* Detaches the open outputs; `out` may be NULL. */
static size_t take_files(tool_file *file, td_output **out) {
    size_t count = 0;
    for (; file; file = file->next)
        if (file->output.path) {
            if (out)
                out[count] = &file->output;
            count++;
        }
    return count;
}

td_status tool_outputs_publish(tool_outputs *outputs, td_error *error) {
    tool_file *const lists[] = {outputs->withdrawn, outputs->first, outputs->superseded};
    td_output **all;
    size_t count = 0;
    for (size_t i = 0; i < 3; i++)
        count += take_files(lists[i], NULL);
    TD_TRY(TD_ARENA_NEW(&outputs->arena, count, &all, "files", error));
    count = 0;
    for (size_t i = 0; i < 3; i++)
        count += take_files(lists[i], all + count);
    TD_TRY(td_outputs_publish(all, count, error));
    outputs->made = false;
    td_crash_forget(&outputs->unwanted);
    return TD_OK;
}

void tool_outputs_close(tool_outputs *outputs) {
    tool_file *const lists[] = {outputs->withdrawn, outputs->first, outputs->superseded};
    for (size_t i = 0; i < 3; i++)
        for (tool_file *file = lists[i]; file; file = file->next)
            td_output_discard(&file->output);
    for (tool_claim *claim = outputs->claims; claim; claim = claim->next)
        tool_claim_release(claim);
    if (outputs->made && outputs->claimed) /* else another run may be about to write to it */
        rmdir(outputs->folder);
    td_crash_forget(&outputs->unwanted);
    td_arena_free(&outputs->arena);
    *outputs = (tool_outputs){0};
}
