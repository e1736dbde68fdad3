/* SPDX-License-Identifier: MIT */
/* Lists what was not examined or cannot be detected. */
#include "defend/audit/audit.h"
#include "defend/filter/filter.h"
#include <stdarg.h>

static TD_PRINTF(3, 4) td_status add(audit_job *job, td_error *error, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    td_json_append(&job->run->record.json, job->limits, td_json_text(&job->run->record.json, text));
    return tool_record_check(&job->run->record, error);
}

static td_status list_missing_data(audit_job *job, td_error *error) {
    if (job->settings->suspects.count == 0)
        TD_TRY(add(job, error,
                   "No inputs met in use were given (--suspect), so none were looked at."));
    return job->settings->training
               ? TD_OK
               : add(job, error,
                     "The training set was not given (--training), so it was not searched for "
                     "poisoned images.");
}

static td_status list_left_out(audit_job *job, const audit_step *s, td_error *error) {
    const filter_outcome *found = s->step.outcome;
    return found->left_out == 0
               ? TD_OK
               : add(job, error,
                     "%s left out %zu of the classes of the training set, which %s too few images "
                     "to be judged.",
                     s->method->title, found->left_out, found->left_out == 1 ? "has" : "have");
}

static td_status list_step(audit_job *job, const audit_step *s, td_error *error) {
    const char *title = s->method->title;
    const findings *found = audit_findings(s);
    if (s->step.failed)
        return add(job, error, "%s failed: %s.", title, s->step.failed);
    if (!s->step.done)
        return add(job, error,
                   "%s did not come to an end in its time. The same command, with more --minutes, "
                   "resumes.",
                   title);
    if (s->kind->source == SOURCE_TRAINING)
        return list_left_out(job, s, error);
    if (audit_is_cut(s))
        return add(job, error,
                   "%s searched %zu of %zu classes in its time. The same command resumes.", title,
                   found->count, found->count + found->unsearched);
    if (found && !found->judged && td_net_classes(&job->model.net) < FINDINGS_LEAST)
        return add(job, error,
                   "%s compares classes by an index, which takes %d of them; the model has two.",
                   title, FINDINGS_LEAST);
    if (found && !found->judged)
        return add(job, error,
                   "%s found a trigger for too few classes to compare them, so that none could "
                   "stand out.",
                   title);
    return TD_OK;
}

static td_status list_images(audit_job *job, td_error *error) {
    const size_t images = job->clean.images.count;
    if (images < AUDIT_FEW_CLEAN)
        return add(job, error,
                   "There are only %zu clean images: what changes their class need not change that "
                   "of others, and detectors calibrate on few.",
                   images);
    if (job->sample_count < images)
        return add(job, error, "The methods worked with %zu of the %zu clean images.",
                   job->sample_count, images);
    return TD_OK;
}

/* For classes without images neither the accuracy nor the effect of a trigger is known. */
static td_status list_absent(audit_job *job, td_error *error) {
    const td_images *images = &job->clean.images;
    size_t absent = 0, first = 0;
    bool *there;
    char name[AUDIT_CLASS_SIZE];
    TD_TRY(
        TD_ARENA_NEW(&job->run->arena, td_net_classes(&job->model.net), &there, "classes", error));
    for (size_t i = 0; i < images->count; i++)
        there[images->labels[i]] = true;
    for (size_t c = td_net_classes(&job->model.net); c-- > 0;)
        if (!there[c]) {
            first = c;
            absent++;
        }
    if (absent == 0)
        return TD_OK;
    audit_class(job, first, name);
    return absent == 1
               ? add(job, error,
                     "There is no clean image of %s: a trigger that works on its images alone "
                     "would not be seen.",
                     name)
               : add(job, error,
                     "There is no clean image of %zu of the classes, the first of them %s: a "
                     "trigger that works on their images alone would not be seen.",
                     absent, name);
}

static td_status list_effort(audit_job *job, td_error *error) {
    return job->settings->effort == 1
               ? TD_OK
               : add(job, error,
                     "The inspectors took %.3g of their usual steps (--effort): the triggers that "
                     "they found are larger than they need be, and differ less.",
                     job->settings->effort);
}

/* Rates missing from --controls are unknown; no number replaces them. */
static td_status list_rates(audit_job *job, td_error *error) {
    for (size_t i = job->step_count; i-- > 0;) {
        const audit_step *s = &job->steps[i];
        if (!audit_findings(s))
            continue;
        if (!s->rates.known)
            TD_TRY(add(job, error,
                       "How often %s flags a clean model of this kind, or misses a backdoored one, "
                       "is not known. trapdoor-defend rates measures it (--controls).",
                       s->method->title));
        else if (!s->rates.same)
            TD_TRY(add(job, error,
                       "The control models were inspected by %s with other settings, so that their "
                       "rates need not hold here.",
                       s->method->title));
    }
    return TD_OK;
}

/* The screens detect only what they search for. */
static td_status list_unscreened(audit_job *job, const screened *found, td_error *error) {
    if (!found->calibrated)
        TD_TRY(add(job, error,
                   "The controls do not stand for this model (%s): its p is no error rate. Make "
                   "controls that are trained as it was.",
                   found->why));
    if (1 / (double)(1 + found->controls) > found->level)
        TD_TRY(add(job, error,
                   "With %zu controls the least p is %.3g, so that nothing can be flagged at %g. "
                   "Make more.",
                   found->controls, 1 / (double)(1 + found->controls), found->level));
    return add(job, error,
               "The screens look for one small change, mask, window or wave that many images "
               "share. Warps, patterns that work on one class alone and resemble none of the "
               "windows, and triggers made by an attacker who knows the screens can escape them.");
}

static td_status list_blind_spots(audit_job *job, td_error *error) {
    if (audit_screened(job))
        return list_unscreened(job, audit_screened(job), error);
    TD_TRY(add(job, error,
               "The inspectors look for small changes that send every image to one class. Triggers "
               "that change much of the image or all of it, that work on images of some classes "
               "only, or of which most classes have one, can escape them."));
    return job->conclusion.verdict == VERDICT_SUSPECTED
               ? add(job, error,
                     "A class can stand out without a backdoor: of ten sizes that differ by chance "
                     "alone one has an index above 2 in a third of all cases. Look at its trigger. "
                     "Inputs that differ from the clean images for another reason, as another "
                     "camera, can be flagged as well.")
               : TD_OK;
}

td_status audit_list_limits(audit_job *job, td_error *error) {
    job->limits = tool_run_set(job->run, "limits", "[]");
    if (job->conclusion.verdict == VERDICT_NOT_JUDGED)
        return add(job, error, "No method was run.");
    for (size_t i = job->step_count; i-- > 0;)
        if (job->steps[i].applies)
            TD_TRY(list_step(job, &job->steps[i], error));
    TD_TRY(list_missing_data(job, error));
    TD_TRY(list_images(job, error));
    TD_TRY(list_absent(job, error));
    TD_TRY(list_effort(job, error));
    TD_TRY(list_rates(job, error));
    return list_blind_spots(job, error);
}
