/* Which triggers are measured, and at which strengths. */
#include "frame/trigger.h"
#include "eval/eval.h"

#include <math.h>
#include <string.h>

static td_status next_place(const eval_job *job, td_error *error) {
    if (job->backdoor_count == EVAL_MOST_TRIGGERS)
        return td_fail(error, TD_ERR_USAGE, "--trigger: expected at most %d in all, with strengths",
                       EVAL_MOST_TRIGGERS);
    return TD_OK;
}

td_status eval_add_backdoor(eval_job *job, const char *trigger, size_t target, const char *output,
                            td_error *error) {
    TD_TRY(next_place(job, error));
    if (target >= job->data.images.classes)
        return td_fail(error, TD_ERR_USAGE, "--target: expected a class of 0 to %zu, found %zu",
                       job->data.images.classes - 1, target);
    eval_backdoor *backdoor = &job->backdoors[job->backdoor_count];
    char *copy = NULL;
    if (output)
        TD_TRY(td_arena_text(&job->arena, output, strlen(output), &copy, error));
    TD_TRY(td_trigger_parse(&backdoor->trigger, trigger, error));
    backdoor->target = target;
    backdoor->output = copy;
    job->backdoor_count++;
    return TD_OK;
}

static td_status add_strengths(eval_job *job, td_error *error) {
    const eval_options *o = job->options;
    size_t given = job->backdoor_count;
    for (size_t i = 0; i < given; i++)
        for (size_t k = 0; k < o->strength_count; k++) {
            const eval_backdoor *own = &job->backdoors[i];
            td_trigger *other;
            TD_TRY(next_place(job, error));
            td_status status =
                td_trigger_with_strength(&other, own->trigger, o->strengths[k], error);
            if (status != TD_OK)
                return td_fail_within(error, status, "--strength");
            if (strcmp(td_trigger_text(other), td_trigger_text(own->trigger)) == 0)
                td_trigger_free(other);
            else
                job->backdoors[job->backdoor_count++] =
                    (eval_backdoor){other, own->target, own->output};
        }
    return TD_OK;
}

static td_status bind(eval_job *job, td_trigger *trigger, td_error *error) {
    TD_TRY(tool_trigger_bind(trigger, &job->data.images, job->options->common.quiet, error));
    return tool_trigger_record(trigger, &job->record, error);
}

td_status eval_backdoors(eval_job *job, td_error *error) {
    const eval_options *o = job->options;
    for (size_t i = 0; i < o->trigger_count; i++)
        TD_TRY(eval_add_backdoor(job, o->triggers[i], o->targets[i], NULL, error));
    if (o->manifest) {
        TD_TRY(tool_record_input(&job->record, o->manifest, error));
        TD_TRY(eval_manifest(job, o->manifest, error));
    }
    TD_TRY(add_strengths(job, error));
    for (size_t i = 0; i < job->backdoor_count; i++)
        TD_TRY(bind(job, job->backdoors[i].trigger, error));
    return TD_OK;
}
