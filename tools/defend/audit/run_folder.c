#include "defend/audit/run_folder.h"

#include "base/json.h"
#include "frame/files.h"
#include "frame/identity.h"
#include "data/path.h"
#include <unistd.h>

static td_status find_path(const run_folder *f, char *path, td_error *error) {
    return td_path_join(path, f->common->output, f->name)
               ? TD_OK
               : td_fail(error, TD_ERR_USAGE, "%s: expected a path of less than %d bytes",
                         f->common->output, TD_PATH_SIZE);
}

static json_t *pick(const run_folder *f, const json_t *options) {
    json_t *picked = json_object();
    for (size_t i = 0; f->options[i]; i++)
        json_object_set(picked, f->options[i], json_object_get(options, f->options[i]));
    return picked;
}

td_status run_folder_check(const run_folder *f, const json_t *asked, td_error *error) {
    char path[TD_PATH_SIZE];
    json_t *record;
    TD_TRY(find_path(f, path, error));
    if (f->common->force || !td_path_exists(path))
        return TD_OK;
    TD_TRY(td_json_read(path, &record, error));
    json_t *own = pick(f, asked), *found = pick(f, json_object_get(record, "options"));
    td_status status = tool_identity_compare(own, found, "run", "--force starts anew", error);
    json_decref(own);
    json_decref(found);
    json_decref(record);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", path);
}

td_status run_folder_make(run_folder *f, td_error *error) {
    return tool_folder_make(f->common->output, &f->made, error);
}

td_status run_folder_make_inner(const run_folder *f, const char *name, td_error *error) {
    char path[TD_PATH_SIZE];
    bool made;
    return td_path_join(path, f->common->output, name) ? tool_folder_make(path, &made, error)
                                                       : TD_OK;
}

void run_folder_unmake(const run_folder *f) {
    if (f->made)
        rmdir(f->common->output);
}

void run_folder_unmake_inner(const run_folder *f, const char *name) {
    char path[TD_PATH_SIZE];
    if (td_path_join(path, f->common->output, name))
        rmdir(path);
}

td_status run_folder_write(const run_folder *f, tool_record *record, td_error *error) {
    char path[TD_PATH_SIZE];
    tool_common own = *f->common;
    TD_TRY(find_path(f, path, error));
    own.json = path;
    own.force = true;
    TD_TRY(tool_record_write(record, &own, error));
    return f->common->json ? tool_record_write(record, f->common, error) : TD_OK;
}
