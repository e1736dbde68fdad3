/* SPDX-License-Identifier: MIT */
/* The models, and their ground truth. */
#include "base/json.h"
#include "data/dataset.h"
#include "data/path.h"
#include "defend/audit/model_folder.h"
#include "defend/audit/rates.h"
#include <string.h>

static td_status add(rates_job *job, const char *folder, const char *kind, const char *name,
                     td_error *error) {
    if (job->count == RATES_MOST_MODELS)
        return td_fail(error, TD_ERR_USAGE, "%s: expected at most %d models", job->settings->models,
                       RATES_MOST_MODELS);
    rated_model *model = &job->models[job->count++];
    const int stem = (int)model_folder_stem(name);
    model->backdoored = strcmp(kind, "backdoored") == 0;
    TD_TRY(step_path(job->run, folder, name, &model->path, error));
    TD_TRY(tool_run_text(job->run, &model->name, error, "%s/%.*s", kind, stem, name));
    if (!model->backdoored)
        return TD_OK;
    TD_TRY(tool_run_text(job->run, &model->manifest, error, "%s/%.*s.manifest.json", folder, stem,
                         name));
    if (!td_path_exists(model->manifest))
        model->manifest = NULL;
    return TD_OK;
}

static td_status list(rates_job *job, const char *kind, td_error *error) {
    char folder[TD_PATH_SIZE];
    const char **names;
    size_t count;
    if (!td_path_join(folder, job->settings->models, kind))
        return TD_OK;
    TD_TRY(model_folder_list(folder, &job->run->arena, &names, &count, error));
    for (size_t i = 0; i < count; i++)
        TD_TRY(add(job, folder, kind, names[i], error));
    return TD_OK;
}

/* --- ground truth --- */

/* A trigger without a single target, such as an all-to-all attack's, gives no infected class. */
static td_status take_target(rated_model *model, const json_t *trigger, size_t number,
                             td_error *error) {
    const json_t *target = json_object_get(trigger, "target");
    const json_int_t label = json_integer_value(target);
    if (json_is_string(target))
        return TD_OK;
    if (!json_is_integer(target) || label < 0 || label >= TD_MOST_CLASSES)
        return td_fail(error, TD_ERR_FORMAT,
                       "triggers[%zu]: expected \"target\", a class from 0 to %d, found %s", number,
                       TD_MOST_CLASSES - 1, target ? "another value" : "none");
    if (rated_is_infected(model, (size_t)label))
        return TD_OK;
    size_t place = model->infected_count++;
    for (; place > 0 && model->infected[place - 1] > (double)label; place--)
        model->infected[place] = model->infected[place - 1];
    model->infected[place] = (double)label;
    return TD_OK;
}

static td_status take_targets(rates_job *job, rated_model *model, const json_t *manifest,
                              td_error *error) {
    const json_t *triggers = json_object_get(manifest, "triggers"), *trigger;
    size_t i;
    if (!json_is_array(triggers))
        return td_fail(error, TD_ERR_FORMAT, "expected a list under \"triggers\", found none");
    TD_TRY(TD_ARENA_NEW(&job->run->arena, json_array_size(triggers), &model->infected, "labels",
                        error));
    json_array_foreach(triggers, i, trigger) {
        TD_TRY(take_target(model, trigger, i, error));
    }
    return TD_OK;
}

static td_status read_manifest(rates_job *job, rated_model *model, td_error *error) {
    json_t *manifest;
    if (!model->manifest)
        return TD_ARENA_NEW(&job->run->arena, 0, &model->infected, "labels", error);
    TD_TRY(tool_record_input(&job->run->record, model->manifest, error));
    TD_TRY(td_json_read(model->manifest, &manifest, error));
    td_status status = take_targets(job, model, manifest, error);
    json_decref(manifest);
    return status == TD_OK ? tool_record_was_read(&job->run->record, model->manifest, error)
                           : td_fail_within(error, status, "%s", model->manifest);
}

/* --- all --- */

static td_status open_step(rates_job *job, rated_model *model, td_error *error) {
    step *s = &model->step;
    TD_TRY(step_open(s, &job->all, job->inspector->method, job->inspector, model->name, error));
    return tool_settings_set(&s->settings, "model", model->path, error);
}

td_status rates_models(rates_job *job, td_error *error) {
    TD_TRY(TD_ARENA_NEW(&job->run->arena, RATES_MOST_MODELS, &job->models, "models", error));
    TD_TRY(list(job, "clean", error));
    TD_TRY(list(job, "backdoored", error));
    if (job->count == 0)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected models, clean/*.safetensors and backdoored/*.safetensors, "
                       "found none",
                       job->settings->models);
    for (size_t i = 0; i < job->count; i++) {
        TD_TRY(tool_record_input(&job->run->record, job->models[i].path, error));
        if (job->models[i].backdoored)
            TD_TRY(read_manifest(job, &job->models[i], error));
        TD_TRY(open_step(job, &job->models[i], error));
    }
    return TD_OK;
}

bool rated_is_infected(const rated_model *model, size_t label) {
    for (size_t i = 0; i < model->infected_count; i++)
        if (model->infected[i] == (double)label)
            return true;
    return false;
}

const findings *rated_found(const rated_model *model) {
    return model->step.done ? model->step.outcome : NULL;
}
