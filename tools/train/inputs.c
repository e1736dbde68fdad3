/* What a training reads: data, validation data, and the net with its first weights. */
#include "frame/net_source.h"
#include "frame/trigger.h"
#include "train/job.h"
#include <fnmatch.h>
#include <stdio.h>

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

/* A model as it is. */
static td_status open_model(train_job *job, td_error *error) {
    const train_options *o = job->options;
    bool is_checkpoint = false;
    TD_TRY(train_checkpoint_start(job, o->from, &is_checkpoint, error));
    if (is_checkpoint)
        return TD_OK;
    TD_TRY(td_model_load(&job->from, o->from, error));
    job->net = &job->from.net;
    job->weights = job->from.weights;
    return TD_OK;
}

/* What another model has for this net; the rest stays random, which is said. */
static td_status adopt(train_job *job, td_error *error) {
    const train_options *o = job->options;
    bool *taken;
    TD_TRY(TD_ARENA_NEW(&job->arena, job->net->param_count, &taken, "parameters", error));
    TD_TRY(td_model_adopt(job->net, job->weights, o->from, taken, error));
    for (size_t i = 0; i < job->net->param_count && !o->common.quiet; i++)
        if (!taken[i])
            fprintf(stderr, "%s: not in %s with this shape; starts at random\n",
                    job->net->params[i].name, o->from);
    return TD_OK;
}

static td_status open_net(train_job *job, td_error *error) {
    const train_options *o = job->options;
    job->net = &job->own_net;
    if (!o->net) {
        TD_TRY(open_model(job, error));
    } else {
        TD_TRY(tool_net_open(job->net, o->net, &job->data.images, error));
        TD_TRY(TD_ARENA_NEW(&job->arena, job->net->weight_count, &job->weights, "weights", error));
        td_net_init(job->net, o->common.seed, job->weights);
        if (o->from)
            TD_TRY(adopt(job, error));
    }
    for (size_t i = 0; i < o->freeze_count; i++)
        TD_TRY(freeze(job->net, o->freeze[i], error));
    return TD_OK;
}

static td_status open_watched(train_job *job, size_t number, td_error *error) {
    const train_options *o = job->options;
    const td_images *images = &job->validation.images;
    train_watched *watched = &job->watched[number];
    if (o->targets[number] >= images->classes)
        return td_fail(error, TD_ERR_USAGE, "--target: expected a class of 0 to %zu, found %zu",
                       images->classes - 1, o->targets[number]);
    TD_TRY(td_trigger_parse(&watched->trigger, o->watched[number], error));
    TD_TRY(tool_trigger_record(watched->trigger, &job->record, error));
    TD_TRY(tool_trigger_bind(watched->trigger, images, o->common.quiet, error));
    td_stamp first = {o->common.seed, job->validation.first};
    return td_trigger_stamp(watched->trigger, images, first, &job->arena, &watched->stamped, error);
}

td_status train_open_inputs(train_job *job, td_error *error) {
    const train_options *o = job->options;
    const char *folder = o->common.data_dir;
    TD_TRY(td_dataset_open(&job->data, o->data, "train", folder, error));
    TD_TRY(tool_record_dataset(&job->record, &job->data, error));
    if (o->validate) {
        TD_TRY(td_dataset_open(&job->validation, o->validate, "test", folder, error));
        TD_TRY(tool_record_dataset(&job->record, &job->validation, error));
    }
    if (o->from)
        TD_TRY(tool_record_input(&job->record, o->from, error));
    for (size_t i = 0; i < o->watched_count; i++)
        TD_TRY(open_watched(job, i, error));
    return open_net(job, error);
}
