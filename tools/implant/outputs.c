/* The model, a picture of each trigger, the manifest and the record: all are completed before any
 * is put into place. */
#include "implant/implant.h"

#include "base/json.h"
#include "data/path.h"
#include "data/png.h"
#include <stdio.h>
#include <string.h>

/* What stands beside -o carries its name; what stands in --triggers need not. */
static const char *name_of(const implant_job *job, const char *own, char name[TD_PATH_SIZE]) {
    size_t length;
    const char *base = td_path_base(job->common->output, &length);
    if (job->folder)
        snprintf(name, TD_PATH_SIZE, "%s", own);
    else
        snprintf(name, TD_PATH_SIZE, "%.*s.%s", (int)length, base, own);
    return name;
}

static const char *trigger_name(const implant_job *job, size_t number, char name[TD_PATH_SIZE]) {
    char own[48];
    snprintf(own, sizeof own, "trigger-%zu.png", job->triggers[number].target);
    return name_of(job, own, name);
}

static tool_files *files_of_triggers(implant_job *job) {
    return job->folder ? &job->apart : &job->beside;
}

/* The folder of -o, as a path that names can be joined to. */
static td_status output_folder(implant_job *job, char **folder, td_error *error) {
    const char *output = job->common->output, *slash = strrchr(output, '/');
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

static td_status open_folders(implant_job *job, td_error *error) {
    const size_t pictures = job->trigger_count + job->picture_count;
    const bool force = job->common->force;
    char *folder;
    TD_TRY(output_folder(job, &folder, error));
    TD_TRY(tool_files_open(&job->beside, folder, force, pictures + 2, error));
    if (job->folder)
        TD_TRY(tool_files_open(&job->apart, job->folder, force, pictures + 1, error));
    return TD_OK;
}

td_status implant_check_outputs(implant_job *job, td_error *error) {
    const tool_common *o = job->common;
    char name[TD_PATH_SIZE];
    TD_TRY(tool_record_check(o, error));
    if (!is_regular_or_new(o->output))
        return td_fail(error, TD_ERR_USAGE,
                       "-o: expected a file, beside which others can stand, "
                       "found %s",
                       o->output);
    TD_TRY(td_output_check(o->output, o->force, error));
    TD_TRY(open_folders(job, error));
    const tool_files *files = files_of_triggers(job);
    for (size_t i = 0; i < job->trigger_count; i++)
        if (!job->triggers[i].text)
            TD_TRY(check_file(files, trigger_name(job, i, name), error));
    for (size_t i = 0; i < job->picture_count; i++)
        TD_TRY(check_file(files, name_of(job, job->pictures[i].name, name), error));
    return check_file(files, name_of(job, "manifest.json", name), error);
}

static td_status write_model(implant_job *job, td_error *error) {
    size_t length;
    char name[TD_PATH_SIZE];
    FILE *stream;
    const char *base = td_path_base(job->common->output, &length);
    snprintf(name, sizeof name, "%.*s", (int)length, base);
    TD_TRY(tool_files_add(&job->beside, name, &stream, error));
    TD_TRY(td_model_write(stream, &job->net, job->weights, job->training, error));
    return tool_files_finish(&job->beside, &job->record, error);
}

static td_status write_picture(implant_job *job, const char *name, const td_bitmap *bitmap,
                               td_error *error) {
    tool_files *files = files_of_triggers(job);
    FILE *stream;
    TD_TRY(tool_files_add(files, name, &stream, error));
    TD_TRY(td_png_write(stream, bitmap, error));
    return tool_files_finish(files, &job->record, error);
}

/* Writes a trigger's picture; `text` becomes the TRIGGER that pastes it. */
static td_status write_trigger_picture(implant_job *job, size_t number, char *text, size_t size,
                                       td_error *error) {
    const implant_trigger *trigger = &job->triggers[number];
    const char *folder = files_of_triggers(job)->folder;
    char name[TD_PATH_SIZE], path[TD_PATH_SIZE];
    TD_TRY(write_picture(job, trigger_name(job, number, name), &trigger->picture, error));
    if (strcmp(folder, ".") == 0)
        snprintf(path, sizeof path, "%s", name);
    else if (!td_path_join(path, folder, name))
        return td_fail(error, TD_ERR_USAGE, "%s: the path is too long", folder);
    snprintf(text, size, "image:file=%s,at=%zu+%zu", path, trigger->left, trigger->top);
    return TD_OK;
}

/* Adds what a user says of the trigger to `list`. */
static td_status write_trigger(implant_job *job, size_t number, json_t *list, td_error *error) {
    const implant_trigger *trigger = &job->triggers[number];
    char text[TD_PATH_SIZE + 80];
    if (!trigger->text)
        TD_TRY(write_trigger_picture(job, number, text, sizeof text, error));
    return json_array_append_new(list,
                                 json_pack("{so sI}", "trigger",
                                           tool_json_text(trigger->text ? trigger->text : text),
                                           "target", (json_int_t)trigger->target)) == 0
               ? TD_OK
               : td_fail_memory(error, "the manifest");
}

/* The manifest says which model the triggers are for; trapdoor-eval refuses another one. */
static td_status write_manifest(implant_job *job, json_t *triggers, td_error *error) {
    const json_t *model = json_array_get(json_object_get(job->record.root, "outputs"), 0);
    tool_files *files = files_of_triggers(job);
    char name[TD_PATH_SIZE];
    FILE *stream;
    json_t *root = json_pack("{ss ss sI sO sO s[O]}", "method", job->method, "version", TD_VERSION,
                             "seed", (json_int_t)job->common->seed, job->method, job->about,
                             "triggers", triggers, "outputs", model);
    if (!root)
        return td_fail_memory(error, "the manifest");
    td_status status = tool_files_add(files, name_of(job, "manifest.json", name), &stream, error);
    if (status == TD_OK)
        status = td_json_write(stream, root, error);
    json_decref(root);
    return status == TD_OK ? tool_files_finish(files, &job->record, error) : status;
}

static td_status write_pictures(implant_job *job, json_t *triggers, td_error *error) {
    char name[TD_PATH_SIZE];
    for (size_t i = 0; i < job->trigger_count; i++)
        TD_TRY(write_trigger(job, i, triggers, error));
    for (size_t i = 0; i < job->picture_count; i++)
        TD_TRY(write_picture(job, name_of(job, job->pictures[i].name, name),
                             &job->pictures[i].bitmap, error));
    json_object_set(job->record.root, "triggers", triggers);
    return write_manifest(job, triggers, error);
}

/* Each trigger as trapdoor-eval takes it. */
static void print_triggers(const implant_job *job) {
    const json_t *trigger;
    size_t i;
    if (!implant_prints(job))
        return;
    json_array_foreach(json_object_get(job->record.root, "triggers"), i, trigger)
        printf("  --trigger %s --target %zu\n",
               json_string_value(json_object_get(trigger, "trigger")), job->triggers[i].target);
}

td_status implant_write(implant_job *job, td_error *error) {
    TD_TRY(write_model(job, error));
    json_t *triggers = json_array();
    td_status status = write_pictures(job, triggers, error);
    json_decref(triggers);
    if (status != TD_OK)
        return status;
    TD_TRY(tool_record_write(&job->record, job->common, error));
    TD_TRY(tool_files_publish(&job->apart, error));
    TD_TRY(tool_files_publish(&job->beside, error));
    print_triggers(job);
    return TD_OK;
}
