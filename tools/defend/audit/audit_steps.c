/* SPDX-License-Identifier: MIT */
/* The methods as steps: which apply, with what data, in which order and with how much time. */
#include "defend/audit/audit.h"
#include "defend/inspect/inspect.h"
#include "defend/method.h"
#include "frame/clock.h"
#include <math.h>
#include <string.h>

enum { MOST_OVERLAYS = 100, NUMBER_SIZE = 32 };

/* A method may run briefly beyond its deadline: this share of its time, within these limits in
 * seconds, is reserved for that. */
static const double closing_part = 0.05, closing_least = 0.5, closing_most = 10;

const findings *audit_findings(const audit_step *s) {
    return s->method->family == &inspectors && s->step.done ? s->step.outcome : NULL;
}

const screened *audit_screened(const audit_job *job) {
    for (size_t i = 0; i < job->step_count; i++)
        if (job->steps[i].method->family == &screens && job->steps[i].step.done)
            return job->steps[i].step.outcome;
    return NULL;
}

bool audit_is_cut(const audit_step *s) {
    const findings *found = audit_findings(s);
    return found && found->unsearched > 0;
}

/* --- the data --- */

static td_status set(audit_step *s, const char *key, const char *value, td_error *error) {
    return tool_settings_set(&s->step.settings, key, value, error);
}

/* A number of images from the sample, as DATA. */
static td_status set_range(audit_job *job, audit_step *s, const char *key, size_t begin, size_t end,
                           td_error *error) {
    const char *range;
    TD_TRY(tool_run_text(job->run, &range, error, "%s::%zu-%zu", job->sample, begin, end));
    return set(s, key, range, error);
}

static td_status set_training(audit_job *job, audit_step *s, td_error *error) {
    s->applies = job->settings->training != NULL;
    return s->applies ? set(s, "data", job->settings->training, error) : TD_OK;
}

/* The first half of the sample calibrates, the other half is evaluated with the suspects. */
static td_status set_suspects(audit_job *job, audit_step *s, td_error *error) {
    const td_many *suspects = &job->settings->suspects;
    const size_t half = job->sample_count / 2;
    s->applies = suspects->count > 0;
    TD_TRY(set_range(job, s, "clean", 0, half, error));
    TD_TRY(set_range(job, s, "benign", half, job->sample_count, error));
    for (size_t i = 0; i < suspects->count; i++)
        TD_TRY(set(s, "suspect", suspects->texts[i], error));
    return TD_OK;
}

/* STRIP draws overlays from half of the calibration images. */
static td_status set_overlays(audit_job *job, audit_step *s, td_error *error) {
    const size_t few = job->sample_count / 5;
    char overlays[NUMBER_SIZE];
    snprintf(overlays, sizeof overlays, "%zu", few < MOST_OVERLAYS ? few : MOST_OVERLAYS);
    return set(s, "overlays", overlays, error);
}

/* The given images: if they are the controls' own, the screens see the same ones. */
static td_status set_screen(audit_job *job, audit_step *s, td_error *error) {
    s->applies = job->calibration != NULL;
    s->lacks = "no controls given";
    TD_TRY(set(s, "clean", job->settings->clean, error));
    if (s->applies)
        TD_TRY(set(s, "controls", job->calibration, error));
    return s->applies && job->settings->known ? set(s, "known-recipe", "", error) : TD_OK;
}

/* A set provides the image size for an inspector that needs no images otherwise. */
static td_status set_sample(audit_job *job, audit_step *s, td_error *error) {
    const inspector *math = s->method->math;
    const td_key *key = tool_settings_find(&s->step.settings, "steps");
    char count[NUMBER_SIZE];
    td_setting usual;
    s->applies = !job->calibration || job->settings->slow;
    s->lacks = "not run: see --slow";
    if (math->clean == INSPECT_NEEDS_CLEAN)
        TD_TRY(set(s, "clean", job->sample, error));
    else if (job->settings->model.net)
        TD_TRY(set(s, "test", job->sample, error));
    if (job->settings->effort == 1 || !key || !td_key_standard(key, &usual))
        return TD_OK;
    snprintf(count, sizeof count, "%.0f", fmax(job->settings->effort * (double)usual.count, 1));
    return set(s, "steps", count, error);
}

/* Fast families come first. */
static const audit_kind kinds[] = {
    {"filter", SOURCE_TRAINING, WEIGHT_HINT, 1, set_training, audit_report_filter},
    {"detector", SOURCE_INPUTS, WEIGHT_SIGN, 1, set_suspects, audit_report_detector},
    {"screen", SOURCE_MODEL, WEIGHT_SIGN, 1, set_screen, audit_report_screen},
    {"inspector", SOURCE_MODEL, WEIGHT_SIGN, 4, set_sample, audit_report_inspector},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

/* --- exceptions --- */

/* Neural Cleanse can use any amount of time. */
static const audit_row rows[] = {
    {"squeeze", .weak = true, .flagged = "get another answer once they are filtered"},
    {"strip", .share = 2, .flagged = "keep their class whatever is laid over them",
     .set = set_overlays},
    {"spectral"},
    {"activation-clustering"},
    {"deepinspect", .unit = "values from black to white", .by_channel = true,
     .images = "images that were made from the model alone become",
     .change = "by changes that add up to", .rated_before = "", .rated_behind = "of them do"},
    {"cleanse", .share = 8, .unit = "pixels", .images = "images of any class can be made",
     .change = "by changing about", .rated_before = "it works on ",
     .rated_behind = "of the clean images"},
    {0},
};

static const audit_row *find_row(const char *method) {
    const audit_row *row = rows;
    while (row->method && strcmp(row->method, method) != 0)
        row++;
    return row;
}

/* --- the plan --- */

/* Inspectors that only rank are part of the screening. Only detectors and filters with a row above
 * run: others need inputs that an audit does not have, or were not evaluated with them. */
static const audit_kind *kind_of(const tool_method *method) {
    const inspector *math = method->family == &inspectors ? method->math : NULL;
    if (math && math->spread == FINDINGS_RANKED)
        return NULL;
    for (size_t i = 0; i < KINDS && method->family && method->family->read; i++)
        if (strcmp(method->family->name, kinds[i].family) == 0)
            return kinds[i].source == SOURCE_MODEL || find_row(method->name)->method ? &kinds[i]
                                                                                     : NULL;
    return NULL;
}

/* Inserts after those of its kind with a share at least as large. */
static void add_step(audit_job *job, const tool_method *method, const audit_kind *kind) {
    const audit_row *row = find_row(method->name);
    audit_step made = {
        .method = method,
        .kind = kind,
        .row = row,
        .share = row->share > 0 ? row->share : kind->share,
        .found = {.source = kind->source, .weight = row->weak ? WEIGHT_WEAK : kind->weight}};
    if (job->calibration && method->family == &inspectors) /* clean models have outliers too */
        made.found.weight = WEIGHT_HINT;
    size_t place = job->step_count++;
    for (; place > 0 &&
           (job->steps[place - 1].kind > kind ||
            (job->steps[place - 1].kind == kind && job->steps[place - 1].share > made.share));
         place--)
        job->steps[place] = job->steps[place - 1];
    job->steps[place] = made;
}

static td_status plan(audit_job *job, audit_step *s, td_error *error) {
    TD_TRY(step_open(&s->step, &job->all, s->method, NULL, s->method->name, error));
    TD_TRY(set(s, "model", job->settings->model.path, error));
    if (job->settings->model.net)
        TD_TRY(set(s, "net", job->settings->model.net, error));
    TD_TRY(s->kind->set(job, s, error));
    if (s->row->set)
        TD_TRY(s->row->set(job, s, error));
    return s->applies ? step_look(&s->step, &job->all, error) : TD_OK;
}

td_status audit_plan(audit_job *job, td_error *error) {
    size_t count = 0;
    while (defend_methods[count])
        count++;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, count, &job->steps, "methods", error));
    for (size_t i = 0; i < count; i++) {
        const audit_kind *kind = kind_of(defend_methods[i]);
        if (kind)
            add_step(job, defend_methods[i], kind);
    }
    for (size_t i = 0; i < job->step_count; i++)
        TD_TRY(plan(job, &job->steps[i], error));
    return TD_OK;
}

/* --- running --- */

static bool is_open(const audit_step *s) {
    return s->applies && !s->step.failed && (!s->step.done || audit_is_cut(s));
}

/* The step's part of the remaining time, by the shares of the remaining steps. */
static double time_for(const audit_job *job, size_t number) {
    const double left = job->deadline - tool_monotonic_seconds();
    double shares = 0;
    for (size_t i = number; i < job->step_count; i++)
        if (is_open(&job->steps[i]))
            shares += job->steps[i].share;
    return left * job->steps[number].share / shares;
}

static void tick(void *context, double share) {
    const audit_job *job = context;
    (void)share; /* the progress of one of the method's loops; the time is more informative */
    tool_run_show(job->run, (size_t)(tool_monotonic_seconds() - job->began), NULL);
}

static td_status run_step(audit_job *job, audit_step *s, double seconds, td_error *error) {
    const double closing = fmin(fmax(closing_part * seconds, closing_least), closing_most);
    job->began = tool_monotonic_seconds();
    tool_run_begin(job->run, s->method->name, "seconds at most", (size_t)(seconds + 0.5));
    td_status status =
        step_run(&s->step, &job->all, job->began + fmax(seconds - closing, 0), tick, job, error);
    tool_run_end(job->run);
    if (status == TD_ERR_INTERRUPTED)
        return td_fail(error, status, "interrupted; the same command resumes");
    if (s->step.failed)
        tool_run_note(job->run, "%s: %s", s->method->name, s->step.failed);
    return status;
}

/* Runs the steps in order; `again`: only those with more time now than in their failed attempt. */
static td_status run_round(audit_job *job, bool again, td_error *error) {
    for (size_t i = 0; i < job->step_count; i++) {
        audit_step *s = &job->steps[i];
        const double seconds = is_open(s) ? time_for(job, i) : 0;
        if (seconds > (again ? s->given : 0)) {
            s->given = seconds;
            TD_TRY(run_step(job, s, seconds, error));
        }
    }
    return TD_OK;
}

/* Time left over by others may be enough for a step that did not finish. */
td_status audit_run_steps(audit_job *job, td_error *error) {
    TD_TRY(run_round(job, false, error));
    return run_round(job, true, error);
}
