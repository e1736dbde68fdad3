/* SPDX-License-Identifier: MIT */
#include "defend/audit/step.h"

#include "base/json.h"
#include "base/parallel.h"
#include "data/path.h"
#include "defend/inspect/inspect.h"
#include "frame/identity.h"
#include "nn/kernel/kernel.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char start_over[] = "--force starts over";

td_status step_path(tool_run *run, const char *folder, const char *name, const char **out,
                    td_error *error) {
    char path[TD_PATH_SIZE];
    return td_path_join(path, folder, name)
               ? tool_run_text(run, out, error, "%s", path)
               : td_fail(error, TD_ERR_USAGE, "%s: expected a path of less than %d bytes", folder,
                         TD_PATH_SIZE);
}

/* --- making --- */

/* Pictures of triggers, and an inspector's resume state, are stored beside the record. */
static td_status set_pictures(step *s, const steps *all, td_error *error) {
    const tool_method *method = s->settings.method;
    const inspector *math = method->family == &inspectors ? method->math : NULL;
    if (tool_settings_find(&s->settings, "triggers") && (!math || math->pictures))
        TD_TRY(tool_settings_set(&s->settings, "triggers", s->folder, error));
    return math && math->resumes && !all->run->common->force
               ? tool_settings_set(&s->settings, "resume", "", error)
               : TD_OK;
}

td_status step_open(step *s, const steps *all, const tool_method *method,
                    const tool_settings *values, const char *name, td_error *error) {
    const tool_common *common = all->run->common;
    *s = (step){.name = name};
    TD_TRY(tool_settings_open(&s->settings, all->run->settings->tool, method, error));
    if (values)
        tool_settings_copy(&s->settings, values);
    TD_TRY(step_path(all->run, common->output, name, &s->folder, error));
    TD_TRY(step_path(all->run, s->folder, "record.json", &s->record, error));
    s->settings.common = (tool_common){
        .data_dir = common->data_dir,
        .json = s->record,
        .seed = common->seed,
        .threads = common->threads,
        .quiet = true,
        .force = true, /* what it replaces was checked before, or is a partial result */
    };
    return set_pictures(s, all, error);
}

void step_close(step *s) {
    tool_settings_close(&s->settings);
    json_decref(s->identity);
    *s = (step){0};
}

/* The value as a record has it after writing and reading; takes ownership of `value`. */
static td_status as_written(td_json *json, json_t *value, json_t **out, td_error *error) {
    char *text = td_json_print(json, value, JSON_COMPACT | JSON_REAL_PRECISION(10));
    json_decref(value);
    *out = NULL;
    td_status status = td_json_end(json, NULL, "a request", error);
    if (status == TD_OK)
        status = td_json_parse(text, strlen(text), out, error);
    free(text);
    return status;
}

static td_status identify(step *s, td_error *error) {
    td_json json = {0};
    json_t *options;
    if (s->identity)
        return TD_OK;
    TD_TRY(tool_settings_check(&s->settings, error));
    TD_TRY(tool_settings_json(&s->settings, &options, error));
    TD_TRY(as_written(&json, options, &options, error));
    s->identity = td_json_pack(&json, "{ss ss ss sI so}", "version", TD_VERSION, "kernel",
                               td_kernel_used()->name, "blas_core", td_blas_core(), "seed",
                               (json_int_t)s->settings.common.seed, "options", options);
    return td_json_end(&json, &s->identity, "a request", error);
}

/* --- looking --- */

/* All keys if `keys` is NULL; empty if it is not an object. */
static json_t *pick(td_json *json, const json_t *object, const char *const *keys) {
    if (!keys && json_is_object(object))
        return td_json_copy(json, object);
    json_t *picked = td_json_object(json), *value;
    for (; keys && *keys; keys++)
        if ((value = json_object_get(object, *keys)))
            td_json_set(json, picked, *keys, json_incref(value));
    return picked;
}

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* The current digest of a file; "" if it no longer exists. */
static td_status digest_of(const steps *all, const char *path, const char **out, td_error *error) {
    td_json *json = &all->run->record.json;
    td_digest digest = {""};
    if (!json_object_get(all->digests, path)) {
        if (td_path_exists(path))
            TD_TRY(td_sha256_file(path, &digest, error));
        td_json_set(json, all->digests, path, td_json_text(json, digest.hex));
        TD_TRY(tool_record_check(&all->run->record, error));
    }
    *out = text_of(all->digests, path);
    return TD_OK;
}

/* Pictures in a folder are identified by the checksum of their listing, which only the run itself
 * computes. */
static td_status check_inputs(const steps *all, const json_t *record, td_error *error) {
    size_t i;
    const json_t *input;
    json_array_foreach(json_object_get(record, "inputs"), i, input) {
        const char *path = text_of(input, "path");
        if (json_object_get(input, "files"))
            continue;
        const char *digest;
        TD_TRY(digest_of(all, path, &digest, error));
        if (strcmp(digest, text_of(input, "sha256")) != 0)
            return td_fail(error, TD_ERR_USAGE, "not of this request: %s has changed since; %s",
                           path, start_over);
    }
    return TD_OK;
}

static bool has_outputs(const step *s, const json_t *record) {
    size_t i;
    const json_t *output;
    json_array_foreach(json_object_get(record, "outputs"), i, output) {
        char path[TD_PATH_SIZE];
        if (!td_path_join(path, s->folder, text_of(output, "file")) || !td_path_exists(path))
            return false;
    }
    return true;
}

static td_status check_identity(const step *s, const json_t *record, td_error *error) {
    static const char *const keys[] = {"version", "kernel", "blas_core", "seed", "options", NULL};
    td_json json = {0};
    json_t *found = pick(&json, record, keys);
    td_status status = td_json_end(&json, &found, "a request", error);
    if (status == TD_OK)
        status =
            tool_identity_compare(json_object_get(s->identity, "options"),
                                  json_object_get(record, "options"), "request", start_over, error);
    if (status == TD_OK)
        status = tool_identity_compare(s->identity, found, "request", start_over, error);
    json_decref(found);
    return status;
}

static td_status read_record(step *s, const steps *all, const json_t *record, td_error *error) {
    TD_TRY(check_identity(s, record, error));
    TD_TRY(check_inputs(all, record, error));
    if (!has_outputs(s, record))
        return TD_OK;
    const tool_family *family = s->settings.method->family;
    TD_TRY(family->read(record, &all->run->arena, &s->outcome, error));
    s->done = true;
    return TD_OK;
}

static td_status look(step *s, const steps *all, td_error *error) {
    json_t *record;
    if (!td_path_exists(s->record))
        return TD_OK;
    TD_TRY(td_json_read(s->record, &record, error));
    td_status status = read_record(s, all, record, error);
    json_decref(record);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", s->record);
}

td_status step_look(step *s, const steps *all, td_error *error) {
    s->done = false;
    TD_TRY(identify(s, error));
    return all->run->common->force ? TD_OK : look(s, all, error);
}

/* --- running --- */

static td_status execute(step *s, const steps *all, tool_run *part, td_error *error) {
    td_status status = tool_run_execute(part, &s->settings, error);
    if (tool_interrupted())
        return td_fail(error, TD_ERR_INTERRUPTED, "interrupted");
    if (status == TD_ERR_INTERRUPTED) /* its time is up */
        return step_look(s, all, error);
    return status == TD_OK ? look(s, all, error) : status;
}

td_status steps_forget(const steps *all, tool_outputs *outputs, td_error *error) {
    const char *path;
    for (size_t i = 0; all->own[i]; i++) {
        TD_TRY(step_path(all->run, all->run->common->output, all->own[i], &path, error));
        TD_TRY(tool_outputs_withdraw(outputs, path, error));
    }
    return TD_OK;
}

td_status step_run(step *s, const steps *all, double deadline, void (*watch)(void *, double),
                   void *context, td_error *error) {
    tool_run part = {
        .deadline = deadline, .as_part = true, .watch = watch, .watch_context = context};
    bool made;
    s->done = false;
    s->failed = NULL;
    TD_TRY(tool_folder_make(s->folder, &made, error));
    td_crash_entry unwanted = made ? td_crash_unwanted(s->folder) : TD_CRASH_NONE;
    td_status status = steps_forget(all, &part.outputs, error);
    if (status == TD_OK)
        status = execute(s, all, &part, error);
    tool_run_close(&part);
    td_crash_forget(&unwanted);
    if (!s->done && made)
        rmdir(s->folder); /* only if empty */
    if (status == TD_OK || status == TD_ERR_INTERRUPTED || status == TD_ERR_MEMORY)
        return status;
    return tool_run_text(all->run, &s->failed, error, "%s", error->message);
}

/* --- the run's folder --- */

td_status steps_check_folder(tool_run *run, const char *name, const char *const *same,
                             td_error *error) {
    const char *path;
    json_t *record;
    TD_TRY(step_path(run, run->common->output, name, &path, error));
    if (run->record_name)
        TD_TRY(tool_outputs_check_replaced(&run->outputs, path, error));
    if (run->common->force || !td_path_exists(path))
        return TD_OK;
    TD_TRY(td_json_read(path, &record, error));
    td_json json = {0};
    json_t *own = pick(&json, json_object_get(run->record.root, "options"), same);
    json_t *found = pick(&json, json_object_get(record, "options"), same);
    td_status status = as_written(&json, own, &own, error);
    if (status == TD_OK)
        status = tool_identity_compare(own, found, "run", start_over, error);
    json_decref(own);
    json_decref(found);
    json_decref(record);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", path);
}
