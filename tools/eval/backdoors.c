/* SPDX-License-Identifier: MIT */
/* Chooses the triggers to measure, and their strengths. */
#include "eval/eval.h"
#include "frame/trigger.h"
#include <string.h>

static td_status next_place(const eval_job *job, td_error *error) {
    if (job->backdoor_count == EVAL_MOST_TRIGGERS)
        return td_fail(error, TD_ERR_USAGE, "--trigger: expected at most %d in all, with strengths",
                       EVAL_MOST_TRIGGERS);
    return TD_OK;
}

static td_status add_pair(eval_job *job, const eval_pair *pair, td_error *error) {
    TD_TRY(next_place(job, error));
    eval_backdoor *backdoor = &job->backdoors[job->backdoor_count];
    *backdoor = (eval_backdoor){.target = pair->target,
                                .output = pair->output,
                                .role = pair->role,
                                .sources = pair->sources,
                                .covers = pair->covers,
                                .origin = job->backdoor_count};
    TD_TRY(td_trigger_parse(&backdoor->trigger, pair->trigger, error));
    job->backdoor_count++;
    return TD_OK;
}

/* NULL without --source. */
static td_status read_sources(eval_job *job, const bool **out, td_error *error) {
    const td_many *sources = &job->settings->sources;
    const tool_run *run = job->run;
    bool *chosen;
    *out = NULL;
    if (sources->count == 0)
        return TD_OK;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, run->classes.count, &chosen, "classes", error));
    for (size_t i = 0; i < sources->count; i++)
        for (const char *at = sources->texts[i]; at; at = *at ? at + 1 : NULL) {
            size_t class;
            TD_TRY(td_class_take(&class, &run->classes, "--source", &at, ",", error));
            chosen[class] = true;
        }
    *out = chosen;
    return TD_OK;
}

static td_status add_given(eval_job *job, td_error *error) {
    const eval_settings *s = job->settings;
    const bool *sources;
    TD_TRY(read_sources(job, &sources, error));
    for (size_t i = 0; i < s->triggers.count; i++) {
        eval_pair pair = {.trigger = s->triggers.texts[i], .sources = sources};
        TD_TRY(tool_run_target(job->run, "--target", s->targets.texts[i], job->data.images.classes,
                               &pair.target, error));
        TD_TRY(add_pair(job, &pair, error));
    }
    return TD_OK;
}

static td_status add_manifest(eval_job *job, const char *path, td_error *error) {
    eval_pair *pairs;
    size_t count;
    TD_TRY(tool_record_input(&job->run->record, path, error));
    TD_TRY(eval_manifest_read(job, path, &pairs, &count, error));
    TD_TRY(tool_record_was_read(&job->run->record, path, error));
    for (size_t i = 0; i < count; i++) {
        td_status status = add_pair(job, &pairs[i], error);
        if (status != TD_OK)
            return td_fail_within(error, status, "%s: triggers[%zu]", path, i);
    }
    return TD_OK;
}

static td_status add_strength(eval_job *job, size_t number, double strength, td_error *error) {
    const eval_backdoor *own = &job->backdoors[number];
    eval_backdoor other = *own;
    TD_TRY(next_place(job, error));
    td_status status = td_trigger_with_strength(&other.trigger, own->trigger, strength, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "--strength");
    if (strcmp(td_trigger_text(other.trigger), td_trigger_text(own->trigger)) == 0)
        td_trigger_free(other.trigger);
    else
        job->backdoors[job->backdoor_count++] = other;
    return TD_OK;
}

td_status eval_backdoors(eval_job *job, td_error *error) {
    const td_many *strengths = &job->settings->strengths;
    TD_TRY(add_given(job, error));
    if (job->settings->manifest)
        TD_TRY(add_manifest(job, job->settings->manifest, error));
    const size_t given = job->backdoor_count;
    for (size_t i = 0; i < given; i++)
        for (size_t k = 0; k < strengths->count; k++)
            TD_TRY(add_strength(job, i, strengths->reals[k], error));
    for (size_t i = 0; i < job->backdoor_count; i++) {
        td_trigger *trigger = job->backdoors[i].trigger;
        TD_TRY(tool_trigger_bind(job->run, trigger, &job->data.images, job->data.first, error));
        TD_TRY(tool_trigger_record(trigger, &job->run->record, error));
    }
    return TD_OK;
}
