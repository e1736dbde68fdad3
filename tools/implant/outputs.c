/* The model, a picture of each trigger, the manifest and the record: all are completed before any
 * is put into place. */
#include "implant/implant.h"

#include "base/json.h"
#include "data/path.h"
#include "data/png.h"
#include "implant/method.h"
#include <stdio.h>
#include <string.h>

/* What stands beside -o carries its name; what stands in --triggers need not. */
static const char *name_of(const implant_job *job, const char *own, char name[TD_PATH_SIZE]) {
    size_t length;
    const char *base = td_path_base(job->options->common.output, &length);
    if (job->options->triggers)
        snprintf(name, TD_PATH_SIZE, "%s", own);
    else
        snprintf(name, TD_PATH_SIZE, "%.*s.%s", (int)length, base, own);
    return name;
}

static const char *trigger_name(const implant_job *job, size_t number, char name[TD_PATH_SIZE]) {
    char own[48];
    snprintf(own, sizeof own, "trigger-%zu.png", job->targets[number]);
    return name_of(job, own, name);
}

static tool_files *files_of_triggers(implant_job *job) {
    return job->options->triggers ? &job->apart : &job->beside;
}

/* The folder of -o, as a path that names can be joined to. */
static td_status output_folder(implant_job *job, char **folder, td_error *error) {
    const char *output = job->options->common.output, *slash = strrchr(output, '/');
    if (!slash)
        return td_arena_text(&job->arena, ".", 1, folder, error);
    return td_arena_text(&job->arena, output, slash == output ? 1 : (size_t)(slash - output),
                         folder, error);
}

static bool is_regular_or_new(const char *path) {
    return !td_path_exists(path) || td_path_is_file(path);
}

static td_status check_file(const tool_files *files, const char *name, td_error *error) {
    char path[TD_PATH_SIZE];
    if (!td_path_join(path, files->folder, name))
        return td_fail(error, TD_ERR_USAGE, "%s: expected a path of less than %d bytes",
                       files->folder, TD_PATH_SIZE);
    return td_output_check(path, files->force, error);
}

td_status implant_check_outputs(implant_job *job, td_error *error) {
    const implant_options *o = job->options;
    char *folder, name[TD_PATH_SIZE];
    TD_TRY(tool_record_check(&o->common, error));
    if (!is_regular_or_new(o->common.output))
        return td_fail(error, TD_ERR_USAGE,
                       "-o: expected a file, beside which others can stand, "
                       "found %s",
                       o->common.output);
    TD_TRY(td_output_check(o->common.output, o->common.force, error));
    TD_TRY(output_folder(job, &folder, error));
    TD_TRY(tool_files_open(&job->beside, folder, o->common.force, job->target_count + 2, error));
    if (o->triggers)
        TD_TRY(tool_files_open(&job->apart, o->triggers, o->common.force, job->target_count + 1,
                               error));
    const tool_files *files = files_of_triggers(job);
    for (size_t i = 0; i < job->target_count; i++)
        TD_TRY(check_file(files, trigger_name(job, i, name), error));
    return check_file(files, name_of(job, "manifest.json", name), error);
}

static td_status write_model(implant_job *job, td_error *error) {
    size_t length;
    char name[TD_PATH_SIZE];
    FILE *stream;
    const char *base = td_path_base(job->options->common.output, &length);
    snprintf(name, sizeof name, "%.*s", (int)length, base);
    TD_TRY(tool_files_add(&job->beside, name, &stream, error));
    TD_TRY(td_model_write(stream, &job->net, job->weights, job->model.training, error));
    return tool_files_finish(&job->beside, &job->record, error);
}

/* Writes a trigger's picture, and adds what a user says of it to `list`. */
static td_status write_trigger(implant_job *job, size_t number, json_t *list, td_error *error) {
    const implant_trigger *trigger = &job->triggers[number];
    tool_files *files = files_of_triggers(job);
    char name[TD_PATH_SIZE], path[TD_PATH_SIZE], text[TD_PATH_SIZE + 80];
    FILE *stream;
    TD_TRY(tool_files_add(files, trigger_name(job, number, name), &stream, error));
    TD_TRY(td_png_write(stream, &trigger->picture, error));
    TD_TRY(tool_files_finish(files, &job->record, error));
    if (strcmp(files->folder, ".") == 0)
        snprintf(path, sizeof path, "%s", name);
    else if (!td_path_join(path, files->folder, name))
        return td_fail(error, TD_ERR_USAGE, "%s: the path is too long", files->folder);
    snprintf(text, sizeof text, "image:file=%s,at=%zu+%zu", path, trigger->left, trigger->top);
    return json_array_append_new(list, json_pack("{so sI}", "trigger", tool_json_text(text),
                                                 "target", (json_int_t)trigger->target)) == 0
               ? TD_OK
               : td_fail_memory(error, "the manifest");
}

/* The manifest says which model the triggers are for; trapdoor-eval refuses another one. */
static td_status write_manifest(implant_job *job, json_t *triggers, td_error *error) {
    const implant_options *o = job->options;
    const json_t *model = json_array_get(json_object_get(job->record.root, "outputs"), 0);
    tool_files *files = files_of_triggers(job);
    char name[TD_PATH_SIZE];
    FILE *stream;
    json_t *root = json_pack("{ss ss sI sO sO s[O]}", "method", o->method->name, "version",
                             TD_VERSION, "seed", (json_int_t)o->common.seed, o->method->name,
                             job->about, "triggers", triggers, "outputs", model);
    if (!root)
        return td_fail_memory(error, "the manifest");
    td_status status = tool_files_add(files, name_of(job, "manifest.json", name), &stream, error);
    if (status == TD_OK)
        status = td_json_write(stream, root, error);
    json_decref(root);
    return status == TD_OK ? tool_files_finish(files, &job->record, error) : status;
}

static td_status write_triggers(implant_job *job, json_t *triggers, td_error *error) {
    for (size_t i = 0; i < job->target_count; i++)
        TD_TRY(write_trigger(job, i, triggers, error));
    json_object_set(job->record.root, "triggers", triggers);
    return write_manifest(job, triggers, error);
}

td_status implant_write(implant_job *job, td_error *error) {
    TD_TRY(write_model(job, error));
    json_t *triggers = json_array();
    td_status status = write_triggers(job, triggers, error);
    json_decref(triggers);
    if (status != TD_OK)
        return status;
    TD_TRY(tool_record_write(&job->record, &job->options->common, error));
    TD_TRY(tool_files_publish(&job->apart, error));
    return tool_files_publish(&job->beside, error);
}
