/* What a training reads: data, validation data, and the net with its first weights. */
#include "common/net_source.h"
#include "train/job.h"
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

static td_status open_net(train_job *job, td_error *error) {
    const train_options *o = job->options;
    bool is_checkpoint = false;
    job->net = &job->own_net;
    if (o->from)
        TD_TRY(train_checkpoint_start(job, o->from, &is_checkpoint, error));
    if (o->from && !is_checkpoint) {
        TD_TRY(td_model_load(&job->from, o->from, error));
        job->net = &job->from.net;
        job->weights = job->from.weights;
    } else if (!o->from) {
        TD_TRY(tool_net_open(job->net, o->net, &job->data.images, error));
        TD_TRY(TD_ARENA_NEW(&job->arena, job->net->weight_count, &job->weights, "weights", error));
        td_net_init(job->net, o->common.seed, job->weights);
    }
    for (size_t i = 0; i < o->freeze_count; i++)
        TD_TRY(freeze(job->net, o->freeze[i], error));
    return TD_OK;
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
    return open_net(job, error);
}
