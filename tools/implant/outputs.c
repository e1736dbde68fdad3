/* SPDX-License-Identifier: MIT */
/* Writes the files beside the model: a picture of each trigger, another picture, and the manifest.
 */
#include "implant/implant.h"

#include "base/json.h"
#include "data/npy.h"
#include "data/path.h"
#include "data/png.h"
#include "frame/model_output.h"
#include <stdio.h>
#include <string.h>

static const tool_column trigger_columns[] = {
    {"trigger", "trigger", TOOL_TEXT, offsetof(implant_trigger, text)},
    TOOL_TARGET_COLUMNS(implant_trigger, target, "target", "target"),
    {"role", "role", TOOL_TEXT, offsetof(implant_trigger, role)},
    {0},
};

static const tool_table_kind trigger_table = {.name = "triggers",
                                              .title = "Triggers, as trapdoor-eval takes them",
                                              .columns = trigger_columns,
                                              .row = sizeof(implant_trigger)};

/* Files beside the model carry its name; files in --triggers do not. */
static td_status path_of(const implant_job *job, const char *name, char path[TD_PATH_SIZE],
                         td_error *error) {
    const char *folder = job->own ? job->own->folder : NULL, *model = job->run->common->output;
    if (folder ? td_path_join(path, folder, name)
               : snprintf(path, TD_PATH_SIZE, "%s.%s", model, name) < TD_PATH_SIZE)
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE, "%s: expected a path of less than %d bytes",
                   folder ? folder : model, TD_PATH_SIZE);
}

static td_status check_file(const implant_job *job, const char *name, td_error *error) {
    char path[TD_PATH_SIZE];
    TD_TRY(path_of(job, name, path, error));
    return tool_outputs_check(&job->run->outputs, path, error);
}

td_status implant_check_outputs(const implant_job *job, td_error *error) {
    const char *model = job->run->common->output;
    if (strcmp(model, "-") == 0 || (td_path_exists(model) && !td_path_is_file(model)))
        return td_fail(error, TD_ERR_USAGE,
                       "-o: expected a file, beside which others can stand, found %s", model);
    if (job->own && job->own->folder)
        TD_TRY(tool_outputs_folder(&job->run->outputs, job->own->folder, error));
    for (size_t i = 0; i < job->trigger_count; i++)
        if (job->triggers[i].file)
            TD_TRY(check_file(job, job->triggers[i].file, error));
    for (size_t i = 0; i < job->net_count; i++)
        TD_TRY(check_file(job, job->nets[i].file, error));
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

/* A target in the format of poisoned sets' manifests. */
static void set_target(td_json *json, const implant_job *job, const tool_target *target,
                       json_t *entry) {
    if (!target->rule) {
        tool_target_json(json, job->run, target, entry);
    } else if (strcmp(target->rule, "next") == 0) {
        td_json_set(json, entry, "target", td_json_text(json, "next"));
    } else {
        json_t *map = td_json_set(json, entry, "target", td_json_array(json));
        for (size_t i = 0; i < target->map.count; i++)
            td_json_append(json, map, td_json_count(json, (size_t)target->map.values[i]));
    }
}

static json_t *triggers_json(td_json *json, const implant_job *job) {
    json_t *triggers = td_json_array(json);
    for (size_t i = 0; i < job->trigger_count; i++) {
        const implant_trigger *trigger = &job->triggers[i];
        json_t *entry = td_json_append(
            json, triggers,
            td_json_pack(json, "{ss ss}", "role", trigger->role, "trigger", trigger->text));
        set_target(json, job, &trigger->target, entry);
    }
    return triggers;
}

/* NULL if the targets are the model's classes. */
static json_t *source_json(td_json *json, const implant_job *job) {
    const td_dataset *source = job->source;
    if (!source)
        return NULL;
    json_t *names = source->class_names ? td_json_array(json) : NULL;
    for (size_t i = 0; names && i < source->images.classes; i++)
        td_json_append(json, names, td_json_text(json, source->class_names[i]));
    return td_json_pack(json, "{ss ss sz sz sz so*}", "data", source->name, "split", source->split,
                        "first", source->first, "count", source->images.count, "classes",
                        source->images.classes, "class_names", names);
}

/* The manifest names the model of the triggers; trapdoor-eval refuses another one. */
static td_status write_manifest(const implant_job *job, td_error *error) {
    tool_run *run = job->run;
    const char *method = run->method->name;
    const json_t *record = run->record.root;
    char path[TD_PATH_SIZE];
    FILE *stream;
    TD_TRY(path_of(job, "manifest.json", path, error));
    TD_TRY(tool_outputs_add_path(&run->outputs, path, &stream, error));
    td_json json = run->record.json; /* fails if the record lacks a field */
    json_t *root =
        td_json_pack(&json, "{ss ss ss sI sO sO so* so s[O]}", "method", method, "access",
                     job->math->trains ? "training" : "weights", "version", TD_VERSION, "seed",
                     (json_int_t)run->common->seed, "options", json_object_get(record, "options"),
                     method, json_object_get(record, method), "source", source_json(&json, job),
                     "triggers", triggers_json(&json, job), "outputs",
                     json_array_get(json_object_get(record, "outputs"), 0));
    td_status status = td_json_end(&json, &root, "the manifest", error);
    if (status == TD_OK)
        status = td_name_stream(error, td_json_write(stream, root, error), stream, path);
    json_decref(root);
    return status == TD_OK ? tool_outputs_finish(&run->outputs, &run->record, error) : status;
}

static td_status write_table(tool_run *run, const char *path, const td_images *images,
                             td_error *error) {
    const size_t dims[] = {images->count, images->height, images->width, images->channels};
    FILE *stream;
    TD_TRY(tool_outputs_add_path(&run->outputs, path, &stream, error));
    TD_TRY(td_name_stream(error,
                          td_npy_write(stream, TD_NPY_UNSIGNED, images->pixels, dims, 4, error),
                          stream, path));
    return tool_outputs_finish(&run->outputs, &run->record, error);
}

static td_status write_trigger(implant_job *job, implant_trigger *trigger, td_error *error) {
    tool_run *run = job->run;
    char path[TD_PATH_SIZE];
    if (!trigger->file)
        return TD_OK;
    TD_TRY(path_of(job, trigger->file, path, error));
    if (trigger->table) {
        TD_TRY(write_table(run, path, trigger->table, error));
        return tool_run_text(run, &trigger->text, error, "table:file=%s", path);
    }
    TD_TRY(write_picture(run, path, &trigger->picture, error));
    return tool_run_text(run, &trigger->text, error, "image:file=%s,at=%zu+%zu", path, job->left,
                         job->top);
}

static td_status write_nets(const implant_job *job, td_error *error) {
    char path[TD_PATH_SIZE];
    for (size_t i = 0; i < job->net_count; i++) {
        const implant_net *net = &job->nets[i];
        TD_TRY(path_of(job, net->file, path, error));
        TD_TRY(tool_run_model(job->run, path, net->net, net->weights, NULL, NULL, error));
    }
    return TD_OK;
}

td_status implant_write_triggers(implant_job *job, td_error *error) {
    tool_run *run = job->run;
    char path[TD_PATH_SIZE];
    for (size_t i = 0; i < job->trigger_count; i++)
        TD_TRY(write_trigger(job, &job->triggers[i], error));
    TD_TRY(write_nets(job, error));
    if (job->math->picture) {
        TD_TRY(path_of(job, job->math->picture, path, error));
        TD_TRY(write_picture(run, path, &job->picture, error));
    }
    TD_TRY(tool_run_rows(run, &trigger_table, NULL, job->triggers, job->trigger_count, error));
    tool_tables_json(&run->tables, &run->record.json, run->record.root); /* for the manifest */
    return write_manifest(job, error);
}
