/* What stands beside the model: a picture of each trigger, another for people to look at, and the
 * manifest. */
#include "implant/implant.h"

#include "base/json.h"
#include "data/path.h"
#include "data/png.h"
#include <stdio.h>
#include <string.h>

static const tool_column trigger_columns[] = {
    {"trigger", "trigger", TOOL_TEXT, offsetof(implant_trigger, text)},
    {"target", "target", TOOL_CLASS, offsetof(implant_trigger, target)},
    {0},
};

static const tool_table_kind trigger_table = {.name = "triggers",
                                              .title = "Triggers, as trapdoor-eval takes them",
                                              .columns = trigger_columns,
                                              .row = sizeof(implant_trigger)};

/* What stands beside the model carries its name; what stands in --triggers need not. */
static td_status path_of(const implant_job *job, const char *name, char path[TD_PATH_SIZE],
                         td_error *error) {
    const char *folder = job->own->folder, *model = job->run->common->output;
    if (folder ? td_path_join(path, folder, name)
               : snprintf(path, TD_PATH_SIZE, "%s.%s", model, name) < TD_PATH_SIZE)
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE, "%s: expected a path of less than %d bytes",
                   folder ? folder : model, TD_PATH_SIZE);
}

static td_status trigger_path(const implant_job *job, size_t number, char path[TD_PATH_SIZE],
                              td_error *error) {
    char name[48];
    snprintf(name, sizeof name, "trigger-%zu.png", job->triggers[number].target);
    return path_of(job, name, path, error);
}

static td_status check_file(const implant_job *job, const char *name, td_error *error) {
    char path[TD_PATH_SIZE];
    TD_TRY(path_of(job, name, path, error));
    return tool_outputs_check(&job->run->outputs, path, error);
}

td_status implant_check_outputs(const implant_job *job, td_error *error) {
    const char *model = job->run->common->output;
    char path[TD_PATH_SIZE];
    if (strcmp(model, "-") == 0 || (td_path_exists(model) && !td_path_is_file(model)))
        return td_fail(error, TD_ERR_USAGE,
                       "-o: expected a file, beside which others can stand, found %s", model);
    if (job->own->folder)
        TD_TRY(tool_outputs_folder(&job->run->outputs, job->own->folder, error));
    for (size_t i = 0; i < job->trigger_count; i++) {
        TD_TRY(trigger_path(job, i, path, error));
        TD_TRY(tool_outputs_check(&job->run->outputs, path, error));
    }
    if (job->math->picture)
        TD_TRY(check_file(job, job->math->picture, error));
    return check_file(job, "manifest.json", error);
}

static td_status write_picture(tool_run *run, const char *path, const td_bitmap *bitmap,
                               td_error *error) {
    FILE *stream;
    TD_TRY(tool_outputs_add_path(&run->outputs, path, &stream, error));
    TD_TRY(td_name_stream(error, td_png_write(stream, bitmap, error), stream, path));
    return tool_outputs_finish(&run->outputs, &run->record, error);
}

/* The manifest says which model the triggers are for; trapdoor-eval refuses another one. */
static td_status write_manifest(const implant_job *job, td_error *error) {
    tool_run *run = job->run;
    const char *method = run->method->name;
    const json_t *record = run->record.root;
    char path[TD_PATH_SIZE];
    FILE *stream;
    TD_TRY(path_of(job, "manifest.json", path, error));
    TD_TRY(tool_outputs_add_path(&run->outputs, path, &stream, error));
    td_json json = run->record.json; /* where the record lacks a field, so does this */
    json_t *root =
        td_json_pack(&json, "{ss ss sI sO sO s[O]}", "method", method, "version", TD_VERSION,
                     "seed", (json_int_t)run->common->seed, method, json_object_get(record, method),
                     "triggers", json_object_get(record, "triggers"), "outputs",
                     json_array_get(json_object_get(record, "outputs"), 0));
    td_status status = td_json_end(&json, &root, "the manifest", error);
    if (status == TD_OK)
        status = td_name_stream(error, td_json_write(stream, root, error), stream, path);
    json_decref(root);
    return status == TD_OK ? tool_outputs_finish(&run->outputs, &run->record, error) : status;
}

td_status implant_write_triggers(implant_job *job, td_error *error) {
    tool_run *run = job->run;
    char path[TD_PATH_SIZE];
    for (size_t i = 0; i < job->trigger_count; i++) {
        implant_trigger *trigger = &job->triggers[i];
        TD_TRY(trigger_path(job, i, path, error));
        TD_TRY(write_picture(run, path, &trigger->picture, error));
        TD_TRY(tool_run_text(run, &trigger->text, error, "image:file=%s,at=%zu+%zu", path,
                             job->left, job->top));
    }
    if (job->math->picture) {
        TD_TRY(path_of(job, job->math->picture, path, error));
        TD_TRY(write_picture(run, path, &job->picture, error));
    }
    TD_TRY(tool_run_rows(run, &trigger_table, NULL, job->triggers, job->trigger_count, error));
    tool_tables_json(&run->tables, &run->record.json, run->record.root); /* for the manifest */
    return write_manifest(job, error);
}
