/* SPDX-License-Identifier: MIT */
/* Rates: runs an inspector over models with known ground truth. */
#include "defend/audit/rates.h"

#include "data/path.h"
#include "defend/method.h"
#include <unistd.h>

static const char record_name[] = "rates.json";

static const td_key keys[] = {
    {"models", TD_KEY_TEXT, offsetof(rates_settings, models), .required = true, .value = "DIR",
     .help = "The models: DIR/clean and DIR/backdoored"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

/* Detects records of other requests before hours of work. */
static td_status look(rates_job *job, td_error *error) {
    for (size_t i = 0; i < job->count; i++)
        TD_TRY(step_look(&job->models[i].step, &job->all, error));
    return TD_OK;
}

static const char *const kinds[] = {"clean", "backdoored", NULL};

static td_status make_folders(rates_job *job, td_error *error) {
    char path[TD_PATH_SIZE];
    bool made;
    for (size_t i = 0; kinds[i]; i++)
        if (td_path_join(path, job->run->common->output, kinds[i])) {
            TD_TRY(tool_folder_make(path, &made, error));
            if (made)
                job->unwanted[i] = td_crash_unwanted(path);
        }
    return TD_OK;
}

static void remove_empty(rates_job *job) {
    char path[TD_PATH_SIZE];
    for (size_t i = 0; kinds[i]; i++) {
        td_crash_forget(&job->unwanted[i]);
        if (td_path_join(path, job->run->common->output, kinds[i]))
            rmdir(path);
    }
}

static void tick(void *context, double share) {
    const rates_job *job = context;
    (void)share; /* the progress of one of the inspector's loops */
    tool_run_show(job->run, job->done, job->models[job->done].name);
}

/* The failure of a model is not a failure of the run until the end. */
static td_status inspect(rates_job *job, rated_model *model, td_error *error) {
    step *s = &model->step;
    if (s->done)
        return TD_OK;
    td_status status = step_run(s, &job->all, INFINITY, tick, job, error);
    if (status == TD_ERR_INTERRUPTED)
        return td_fail(error, status,
                       "interrupted after %zu of %zu models; the same command resumes", job->done,
                       job->count);
    if (status == TD_OK && !s->done && !s->failed)
        s->failed = "no record, and no reason for it";
    if (s->failed)
        tool_run_note(job->run, "%s: %s", model->name, s->failed);
    return status;
}

static td_status inspect_all(rates_job *job, td_error *error) {
    tool_run_begin(job->run, "inspecting", "models", job->count);
    for (; job->done < job->count; job->done++)
        TD_TRY(inspect(job, &job->models[job->done], error));
    tool_run_end(job->run);
    return TD_OK;
}

/* If an option is wrong for all models, the user should not need --force after correcting it. */
static td_status check_any(const rates_job *job, td_error *error) {
    for (size_t i = 0; i < job->count; i++)
        if (job->models[i].step.done)
            return TD_OK;
    return td_fail(error, TD_ERR_IO, "%s: expected models that can be inspected, found none of %zu",
                   job->settings->models, job->count);
}

static td_status rate_all(rates_job *job, td_error *error) {
    TD_TRY(steps_check_folder(job->run, record_name, NULL, error));
    TD_TRY(rates_models(job, error));
    TD_TRY(look(job, error));
    TD_TRY(make_folders(job, error));
    TD_TRY(inspect_all(job, error));
    TD_TRY(check_any(job, error));
    return rates_report(job, error);
}

static td_status run(tool_run *run, td_error *error) {
    static const char *const own[] = {record_name, NULL};
    rates_job job = {.run = run,
                     .settings = run->own,
                     .inspector = run->settings->guest,
                     .all = {run, td_json_object(&run->record.json), own}};
    run->record_name = record_name;
    td_status status = rate_all(&job, error);
    for (size_t i = 0; i < job.count; i++) {
        run->failed |= job.models[i].step.failed != NULL;
        step_close(&job.models[i].step);
    }
    remove_empty(&job);
    json_decref(job.all.digests);
    return status;
}

static const tool_family rates = {
    .name = "rates",
    .usage = "INSPECTOR --models DIR -o OUT",
    .run = run,
    .output = TOOL_OUTPUT_FOLDER,
    .needs_output = true,
    .output_what = "the folder for the record of all, and those of the models",
};

/* The ground truth must not reach the inspector, and its files are named here. */
static const char *const withheld[] = {"model",  "trigger",   "target", "triggers",
                                       "resume", "exit-code", NULL};

static const char help[] =
    "Run an inspector on models of known truth. Counts the backdoored and clean models that it "
    "flags, checks whether the flagged class is the right one, and shows the spread of its "
    "anomaly index. trapdoor-defend audit --controls takes error rates from its record."
    "\v"
    "The models are DIR/clean/*.safetensors and DIR/backdoored/*.safetensors. They should differ "
    "in their seeds. A backdoored model M.safetensors may have a manifest beside it, "
    "M.manifest.json, of trapdoor-poison or trapdoor-implant: the targets of its triggers are the "
    "infected labels. The inspector does not see this truth.\n"
    "\n"
    "INSPECTOR comes first; its options may follow, except for those on files (trapdoor-defend "
    "rates INSPECTOR --help lists them). They are the same for each model. OUT/clean/M and "
    "OUT/backdoored/M get the record and pictures of a model M, OUT/rates.json is the record of "
    "all. The same command resumes an interrupted one and skips models whose record has the same "
    "options. A model that fails is named, the others are still inspected, and the exit status is "
    "1.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend rates cleanse --models models -o rates \\\n"
    "    --clean mnist:test:0-1000\n";

const tool_method defend_rates = {
    .name = "rates",
    .title = "Error rates",
    .doc = "error rates of an inspector on models of known truth",
    .help = help,
    .family = &rates,
    .groups = groups,
    .size = sizeof(rates_settings),
    .guests = "inspector",
    .withheld = withheld,
};
