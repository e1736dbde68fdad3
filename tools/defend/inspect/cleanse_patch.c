/* Removes what was found: which classes are patched, and the model before and after. */
#include "frame/model_output.h"
#include "defend/inspect/cleanse.h"

static td_status choose_patched(cleanse_job *job, td_error *error) {
    const cleanse_options *o = job->options;
    size_t *numbers, count = 0;
    TD_TRY(TD_ARENA_NEW(&job->arena, job->count, &job->patched, "classes", error));
    if (o->patch_classes)
        TD_TRY(cleanse_list_classes("--patch-classes", o->patch_classes,
                                    td_net_classes(&job->model.net), &job->arena, &numbers, &count,
                                    error));
    for (size_t i = 0; i < job->count; i++) {
        bool wanted = !o->patch_classes && job->classes[i].flagged;
        for (size_t k = 0; k < count; k++)
            wanted |= numbers[k] == job->classes[i].number;
        if (wanted && job->found[i].found)
            job->patched[job->patched_count++] = i;
    }
    if (o->patch_classes && job->patched_count < count)
        return td_fail(error, TD_ERR_USAGE,
                       "--patch-classes: expected classes that have a recovered trigger, found "
                       "only %zu of %zu",
                       job->patched_count, count);
    return TD_OK;
}

json_t *cleanse_patched_json(const cleanse_job *job) {
    json_t *numbers = json_array();
    for (size_t i = 0; i < job->patched_count; i++)
        json_array_append_new(numbers,
                              json_integer((json_int_t)job->classes[job->patched[i]].number));
    return numbers;
}

/* With -o's place taken by --patched. */
static td_status write_patched(cleanse_job *job, const td_net *net, const float *weights,
                               td_error *error) {
    tool_common common = job->options->repair.common;
    common.output = job->options->patched;
    return tool_model_write(net, weights, job->model.training, &common, &job->record, error);
}

static td_status patch_model(cleanse_job *job, td_error *error) {
    const bool prunes = job->options->patch == CLEANSE_PRUNE;
    const td_net *net = prunes ? &job->pruned : &job->model.net;
    repair_figures before, after;
    float *weights;
    TD_TRY(repair_measure(&job->judge, "measuring before", &job->model.net, job->model.weights,
                          &before, error));
    TD_TRY(prunes ? cleanse_prune(job, &job->pruned, &weights, error)
                  : cleanse_unlearn(job, &weights, error));
    TD_TRY(repair_measure(&job->judge, "measuring after", net, weights, &after, error));
    TD_TRY(repair_tell(&job->judge, &before, &after, &job->record, error));
    return write_patched(job, net, weights, error);
}

td_status cleanse_apply_patch(cleanse_job *job, td_error *error) {
    const cleanse_options *o = job->options;
    if (o->patch != CLEANSE_NO_PATCH)
        TD_TRY(choose_patched(job, error));
    if (job->patched_count > 0 && o->patch != CLEANSE_FILTER)
        return patch_model(job, error);
    if (job->patched_count > 0)
        TD_TRY(cleanse_filter(job, error));
    else if (o->patch != CLEANSE_NO_PATCH)
        tool_note("note: no class is flagged, so there is nothing to patch; --patch-classes LIST "
                  "names classes");
    return tool_record_write(&job->record, &o->repair.common, error);
}
