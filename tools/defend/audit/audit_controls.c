/* SPDX-License-Identifier: MIT */
/* The error rates of inspectors, from --controls. */
#include "base/json.h"
#include "defend/audit/audit.h"
#include "defend/audit/controls.h"
#include <string.h>

/* No trials if there were no such models. */
static bool take_rate(const json_t *record, const char *name, td_rate *out) {
    return !json_object_get(record, name) || tool_json_take_rate(record, name, out);
}

/* Whether the inspector had the same options, except files. */
static td_status compare(const audit_step *of, const json_t *options, bool *same, td_error *error) {
    static const char *const files[] = {"model", "clean", "test", "net"};
    td_json json = {0};
    json_t *own = td_json_copy(&json, json_object_get(of->step.identity, "options"));
    json_t *theirs = td_json_copy(&json, options);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        json_object_del(own, files[i]);
        json_object_del(theirs, files[i]);
    }
    *same = json_equal(own, theirs);
    json_decref(own);
    json_decref(theirs);
    return td_json_end(&json, NULL, "options", error);
}

static audit_step *find_inspector(audit_job *job, const char *name) {
    for (size_t i = 0; i < job->step_count; i++)
        if (job->steps[i].kind->source == SOURCE_MODEL &&
            strcmp(job->steps[i].method->name, name) == 0)
            return &job->steps[i];
    return NULL;
}

static bool is_of(const json_t *record, const char *method) {
    const char *found = json_string_value(json_object_get(record, "method"));
    return found && strcmp(found, method) == 0;
}

static td_status take(audit_job *job, const char *path, const json_t *record, td_error *error) {
    (void)path;
    const char *name = json_string_value(json_object_get(record, "inspector"));
    if (is_of(record, "controls"))
        return TD_OK;
    if (!is_of(record, "rates") || !name)
        return td_fail(error, TD_ERR_FORMAT,
                       "expected a record of trapdoor-defend controls or rates");
    audit_step *s = find_inspector(job, name);
    if (!s)
        return td_fail(error, TD_ERR_USAGE, "inspector: expected one that is run here, found %s",
                       name);
    if (s->rates.known)
        return td_fail(error, TD_ERR_USAGE,
                       "expected one record of each inspector, found two of %s", name);
    if (!take_rate(record, "false_positives", &s->rates.false_positives) ||
        !take_rate(record, "detected", &s->rates.detected))
        return td_fail(error, TD_ERR_FORMAT,
                       "\"false_positives_count\", \"detected_count\": expected [hits, trials]");
    s->rates.known = true;
    const json_t *options = json_object_get(record, "inspector_options");
    return json_is_object(options) ? compare(s, options, &s->rates.same, error) : TD_OK;
}

static td_status note_controls(audit_job *job, const char *path, const json_t *record,
                               td_error *error) {
    if (!is_of(record, "controls"))
        return TD_OK;
    if (job->calibration)
        return td_fail(error, TD_ERR_USAGE, "expected one record of controls, found %s as well",
                       job->calibration);
    job->calibration = path;
    return TD_OK;
}

/* Calls `look` for each of --controls. */
static td_status each_file(audit_job *job,
                           td_status (*look)(audit_job *, const char *, const json_t *, td_error *),
                           td_error *error) {
    const td_many *files = &job->settings->controls;
    for (size_t i = 0; i < files->count; i++) {
        json_t *record;
        TD_TRY(td_json_read(files->texts[i], &record, error));
        td_status status = look(job, files->texts[i], record, error);
        json_decref(record);
        if (status != TD_OK)
            return td_fail_within(error, status, "%s", files->texts[i]);
        TD_TRY(tool_record_was_read(&job->run->record, files->texts[i], error));
    }
    return TD_OK;
}

td_status audit_find_controls(audit_job *job, td_error *error) {
    TD_TRY(each_file(job, note_controls, error));
    if (job->calibration)
        return TD_OK;
    TD_TRY(controls_find_shipped(job->run, &job->model.net, &job->calibration, error));
    job->shipped = job->calibration != NULL;
    return TD_OK;
}

td_status audit_read_rates(audit_job *job, td_error *error) {
    for (size_t i = 0; i < job->settings->controls.count; i++)
        TD_TRY(tool_record_input(&job->run->record, job->settings->controls.texts[i], error));
    return each_file(job, take, error);
}
