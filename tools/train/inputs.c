/* SPDX-License-Identifier: MIT */
/* The inputs of a training: data, validation data, and the net with its initial weights. */
#include "frame/classes.h"
#include "frame/net_source.h"
#include "frame/trigger.h"
#include "train/train.h"
#include <fnmatch.h>

static td_status freeze(td_net *net, const char *pattern, td_error *error) {
    size_t matches = 0;
    for (size_t i = 0; i < net->param_count; i++)
        if (fnmatch(pattern, net->params[i].name, 0) == 0) {
            net->params[i].frozen = true;
            matches++;
        }
    return matches ? TD_OK
                   : td_fail(error, TD_ERR_USAGE,
                             "--freeze: \"%s\" matches no parameter; the first is called %s",
                             pattern, net->param_count ? net->params[0].name : "nothing");
}

/* Opens a model with its own net. */
static td_status open_model(train_job *job, td_error *error) {
    const train_settings *s = job->settings;
    bool is_checkpoint = false;
    TD_TRY(train_checkpoint_start(job, s->from, &is_checkpoint, error));
    if (is_checkpoint)
        return tool_record_input(&job->run->record, s->from, error);
    TD_TRY(tool_run_open_model(job->run, s->from, NULL, &job->data.images, &job->from, error));
    job->net = &job->from.net;
    job->weights = job->from.weights;
    TD_TRY(tool_run_model_classes(job->run, &job->from, s->from, error));
    return tool_run_match(job->run, &job->data, error);
}

/* Copies what another model has for this net; the rest stays random, with a note. */
static td_status adopt(train_job *job, td_error *error) {
    const train_settings *s = job->settings;
    bool *taken;
    TD_TRY(tool_record_input(&job->run->record, s->from, error));
    TD_TRY(TD_ARENA_NEW(&job->run->arena, job->net->param_count, &taken, "parameters", error));
    TD_TRY(td_model_adopt(job->net, job->weights, s->from, taken, error));
    for (size_t i = 0; i < job->net->param_count; i++)
        if (!taken[i])
            tool_run_log(job->run, "%s: not in %s with this shape; starts at random",
                         job->net->params[i].name, s->from);
    return TD_OK;
}

static td_status open_net(train_job *job, td_error *error) {
    const train_settings *s = job->settings;
    job->net = &job->own_net;
    if (!s->net) {
        TD_TRY(open_model(job, error));
    } else {
        TD_TRY(tool_net_open(job->net, s->net, &job->data.images, error));
        TD_TRY(TD_ARENA_NEW(&job->run->arena, job->net->weight_count, &job->weights, "weights",
                            error));
        td_net_init(job->net, job->run->common->seed, job->weights);
        if (s->from)
            TD_TRY(adopt(job, error));
    }
    for (size_t i = 0; i < s->freeze.count; i++)
        TD_TRY(freeze(job->net, s->freeze.texts[i], error));
    return TD_OK;
}

static td_status open_watched(train_job *job, size_t number, td_error *error) {
    tool_run *run = job->run;
    const td_images *images = &job->validation.images;
    train_watched *watched = &job->watched[number];
    TD_TRY(tool_run_target(run, "--target", job->settings->targets.texts[number], images->classes,
                           &watched->target, error));
    TD_TRY(tool_trigger_open(run, job->settings->triggers.texts[number], images,
                             job->validation.first, &watched->trigger, error));
    td_stamp first = {run->common->seed, job->validation.first};
    return td_trigger_stamp(watched->trigger, images, first, &run->arena, &watched->stamped, error);
}

td_status train_open_inputs(train_job *job, td_error *error) {
    const train_settings *s = job->settings;
    tool_run *run = job->run;
    TD_TRY(tool_run_dataset(run, s->data, "train", &job->data, error));
    TD_TRY(open_net(job, error));
    if (s->validate)
        TD_TRY(tool_run_dataset(run, s->validate, "test", &job->validation, error));
    TD_TRY(TD_ARENA_NEW(&run->arena, s->triggers.count, &job->watched, "triggers", error));
    job->watched_count = s->triggers.count;
    for (size_t i = 0; i < job->watched_count; i++)
        TD_TRY(open_watched(job, i, error));
    return s->from ? tool_record_was_read(&run->record, s->from, error) : TD_OK;
}
