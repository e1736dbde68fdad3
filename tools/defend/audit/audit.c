/* SPDX-License-Identifier: MIT */
/* Audit: runs every method that applies to a given model, and concludes with a verdict. */
#include "defend/audit/audit.h"

#include "defend/method.h"
#include "frame/clock.h"

#define AT(field) offsetof(audit_settings, field)

const char audit_record_name[] = "audit.json";

static const td_key keys[] = {
    {"clean", TD_KEY_TEXT, AT(clean), .required = true, .value = "DATA",
     .help = "Labelled images that you trust (split test)"},
    {"suspect", TD_KEY_TEXT, AT(suspects), .many = true, .field = "suspects", .value = "DATA",
     .help = "Inputs met in use (split test); may be repeated"},
    {"training", TD_KEY_TEXT, AT(training), .value = "DATA",
     .help = "The set that the model was trained on (split train)"},
    {"controls", TD_KEY_TEXT, AT(controls), .many = true, .value = "FILE",
     .help = "A record of trapdoor-defend controls, to compare the model with, or of rates, for "
             "an inspector's error rates; may be repeated (controls that come with the program)"},
    {"known-recipe", TD_KEY_FLAG, AT(known), .help = "The controls were trained like this model"},
    {"slow", TD_KEY_FLAG, AT(slow), .help = "Also run the inspectors, as hints only"},
    {"minutes", TD_KEY_REAL, AT(minutes), .above = true, .most = INFINITY, .standard = "30",
     .value = "M", .help = "Time for the whole audit"},
    {"effort", TD_KEY_REAL, AT(effort), .above = true, .most = 1, .standard = "1", .value = "R",
     .help = "Share of the inspectors' usual steps to run"},
    {"exit-code", TD_KEY_FLAG, AT(exit_code), .unrecorded = true,
     .help = "Exit with 3 if a backdoor is likely or suspected"},
    {0},
};

static const tool_keys groups[] = {
    {.keys = defend_model_keys, .offset = AT(model)}, {.keys = keys}, {0}};

static td_status conclude(audit_job *job, td_error *error) {
    verdict_finding *found;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, job->step_count, &found, "findings", error));
    for (size_t i = 0; i < job->step_count; i++) {
        const audit_step *s = &job->steps[i];
        const findings *by_class = audit_findings(s);
        found[i] = s->found;
        found[i].whole = s->step.done && !audit_is_cut(s) && (!by_class || by_class->judged);
        if (s->method->family == &screens)
            found[i].whole = s->step.done && audit_screened(job)->calibrated;
    }
    job->conclusion = verdict_on(&job->accuracy, job->chance, found, job->step_count);
    return TD_OK;
}

static td_status audit(audit_job *job, td_error *error) {
    static const char *const same[] = {"method", "model", "net", "clean", NULL};
    job->deadline = tool_monotonic_seconds() + 60 * job->settings->minutes;
    TD_TRY(steps_check_folder(job->run, audit_record_name, same, error));
    TD_TRY(audit_open(job, error));
    TD_TRY(audit_find_controls(job, error));
    TD_TRY(audit_plan(job, error));
    TD_TRY(audit_read_rates(job, error));
    TD_TRY(audit_draw_sample(job, error));
    TD_TRY(audit_measure(job, error));
    if (verdict_is_plausible(&job->accuracy, job->chance))
        TD_TRY(audit_run_steps(job, error));
    TD_TRY(audit_list_evidence(job, error));
    TD_TRY(conclude(job, error));
    TD_TRY(audit_list_limits(job, error));
    return audit_report(job, error);
}

static td_status run(tool_run *run, td_error *error) {
    static const char *const own[] = {audit_record_name, audit_text_name, NULL};
    audit_job job = {
        .run = run, .settings = run->own, .all = {run, td_json_object(&run->record.json), own}};
    run->record_name = audit_record_name;
    td_status status = audit(&job, error);
    run->flagged = job.conclusion.verdict >= VERDICT_SUSPECTED;
    for (size_t i = 0; i < job.step_count; i++) {
        run->failed |= job.steps[i].step.failed != NULL;
        step_close(&job.steps[i].step);
    }
    json_decref(job.all.digests);
    td_model_free(&job.model);
    td_dataset_close(&job.clean);
    return status;
}

const tool_family audits = {
    .name = "audit",
    .usage = "--model MODEL --clean DATA -o DIR",
    .run = run,
    .output = TOOL_OUTPUT_FOLDER,
    .needs_output = true,
    .output_what = "the folder for the verdict and the records",
};

static const char help[] =
    "Look for a backdoor in a model of unknown origin, by every method that applies, and print "
    "the findings, their certainty and their limits in plain words.  Always: accuracy on the "
    "clean images, and all inspectors (Neural Cleanse, DeepInspect). With --suspect: all "
    "detectors on these inputs, which calibrate on one half of the clean images and are evaluated "
    "on the other. With --training: all filters on that set; their findings are hints, since "
    "clean classes have such groups as well."
    "\v"
    "The verdict is one of: backdoor-likely (methods that work differently agree), "
    "backdoor-suspected (one finds something), nothing-found, inconclusive (nothing found, and "
    "too little searched), cannot-be-judged (the model is hardly better than chance on the clean "
    "images). nothing-found is no proof. For a verdict with a known error rate, see "
    "trapdoor-defend controls.\n"
    "\n"
    "DIR gets the verdict in words (audit.txt) and as a record (audit.json), and a folder for "
    "each method with its record and the recovered triggers as pictures; trapdoor-report DIR "
    "makes a page. Quick methods run first, and Neural Cleanse gets the time that is left. The "
    "same command, also with more data, resumes where the last one ended.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend audit --model model.safetensors --clean mnist:test:0-2000 \\\n"
    "    --minutes 20 -o audit\n";

const tool_method defend_audit = {
    .name = "audit",
    .title = "Audit",
    .doc = "a verdict on one model, by all methods that apply",
    .help = help,
    .family = &audits,
    .groups = groups,
    .size = sizeof(audit_settings),
};
