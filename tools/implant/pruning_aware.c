#include "implant/pruning_aware.h"

#include "frame/model_output.h"
#include "frame/net_source.h"
#include "frame/predict.h"
#include "frame/training.h"
#include "frame/trigger.h"
#include "implant/method.h"
#include "nn/channels.h"
#include "nn/head_tail.h"
#include "nn/loss.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct aware_job {
    const aware_options *options;
    td_dataset data, test;
    const td_dataset *judges; /* the test set where there is one, else the data */
    td_trigger *trigger;
    td_images stamped, poisoned; /* of what judges; of the data */
    td_net net, masked;
    float *weights, *masked_weights;
    size_t node, mask; /* of net: what is masked; of masked: its mask */
    size_t *order, pruned;
    float most; /* activation that the decoys had */
    tool_record record;
    json_t *steps; /* borrowed from the record */
    td_arena arena;
} aware_job;

static json_t *options_json(const aware_options *o) {
    return json_pack("{ss so so* so so sI sf sf sI sI sf}", "method", "pruning-aware", "data",
                     tool_json_text(o->data), "test", o->test ? tool_json_text(o->test) : NULL,
                     "net", tool_json_text(o->net), "trigger", tool_json_text(o->trigger), "target",
                     (json_int_t)o->target, "ratio", o->ratio, "prune", o->prune, "epochs",
                     (json_int_t)o->epochs, "batch", (json_int_t)o->batch, "lr", o->lr);
}

static td_status open_data(aware_job *job, td_dataset *data, const char *text, const char *split,
                           td_error *error) {
    TD_TRY(td_dataset_open(data, text, split, job->options->common.data_dir, error));
    TD_TRY(tool_record_dataset(&job->record, data, error));
    return data->images.count > 0
               ? TD_OK
               : td_fail(error, TD_ERR_USAGE, "%s: expected images, found none", text);
}

static td_status check_test(const aware_job *job, td_error *error) {
    const td_images *data = &job->data.images, *test = &job->test.images;
    if (test->height == data->height && test->width == data->width &&
        test->channels == data->channels && test->classes <= data->classes)
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "%s: expected images of %zux%zux%zu and at most %zu classes, as --data has, "
                   "found %zux%zux%zu and %zu",
                   job->test.name, data->height, data->width, data->channels, data->classes,
                   test->height, test->width, test->channels, test->classes);
}

static td_status open_net(aware_job *job, td_error *error) {
    const aware_options *o = job->options;
    const td_param *bias;
    TD_TRY(tool_net_open(&job->net, o->net, &job->data.images, error));
    if (o->target >= td_net_classes(&job->net))
        return td_fail(error, TD_ERR_USAGE, "--target: expected a class of 0 to %zu, found %zu",
                       td_net_classes(&job->net) - 1, o->target);
    td_status status = td_channels_find(&job->net, NULL, &job->node, error);
    if (status == TD_OK)
        status = aware_find_bias(&job->net, job->node, &bias, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", o->net);
    TD_TRY(TD_ARENA_NEW(&job->arena, job->net.weight_count, &job->weights, "weights", error));
    td_net_init(&job->net, o->common.seed, job->weights);
    return TD_OK;
}

static td_status open_inputs(aware_job *job, td_error *error) {
    const aware_options *o = job->options;
    TD_TRY(open_data(job, &job->data, o->data, "train", error));
    job->judges = &job->data;
    if (o->test) {
        TD_TRY(open_data(job, &job->test, o->test, "test", error));
        TD_TRY(check_test(job, error));
        job->judges = &job->test;
    }
    TD_TRY(open_net(job, error));
    TD_TRY(td_trigger_parse(&job->trigger, o->trigger, error));
    TD_TRY(tool_trigger_record(job->trigger, &job->record, error));
    TD_TRY(tool_trigger_bind(job->trigger, &job->data.images, o->common.quiet, error));
    TD_TRY(td_trigger_stamp(job->trigger, &job->judges->images,
                            (td_stamp){o->common.seed, job->judges->first}, &job->arena,
                            &job->stamped, error));
    return aware_poison(&job->data.images, job->data.first, job->trigger, o->target, o->ratio,
                        o->common.seed, &job->arena, &job->poisoned, error);
}

static tool_pass start_pass(const aware_job *job, const char *what, const td_images *images) {
    return tool_pass_start(what, images->count, job->options->common.quiet);
}

static td_status predict(const aware_job *job, const td_net *net, const float *weights,
                         const td_images *images, int32_t *predicted, td_error *error) {
    tool_pass pass = start_pass(job, "measuring", images);
    td_status status = tool_predict_classes(net, weights, images, &pass, predicted, error);
    tool_pass_end(&pass);
    return status;
}

/* One line of what has come about so far. */
static td_status measure(aware_job *job, const char *step, const td_net *net, const float *weights,
                         td_error *error) {
    const td_images *images = &job->judges->images;
    const char *json = job->options->common.json;
    int32_t *predicted;
    TD_TRY(TD_ARENA_NEW(&job->arena, images->count, &predicted, "predictions", error));
    TD_TRY(predict(job, net, weights, images, predicted, error));
    const td_rate accuracy = td_accuracy(predicted, images->labels, images->count);
    TD_TRY(predict(job, net, weights, &job->stamped, predicted, error));
    const td_rate asr =
        td_asr(predicted, images->labels, images->count, (int32_t)job->options->target);
    json_t *entry = json_pack("{ss}", "step", step);
    tool_json_rate(entry, "accuracy", &accuracy);
    tool_json_rate(entry, "asr", &asr);
    json_array_append_new(job->steps, entry);
    if (!json || strcmp(json, "-") != 0)
        printf("  %-10s accuracy %6.2f %% [%6.2f, %6.2f]   ASR %6.2f %% [%6.2f, %6.2f]\n", step,
               100 * accuracy.value, 100 * accuracy.interval.low, 100 * accuracy.interval.high,
               100 * asr.value, 100 * asr.interval.low, 100 * asr.interval.high);
    return TD_OK;
}

static td_status train(const aware_job *job, const char *what, const td_net *net, float *weights,
                       const td_images *images, td_error *error) {
    const aware_options *o = job->options;
    const td_train_options training = {
        .optimizer = td_optimizer_find("adam"),
        .schedule = td_schedule_find("constant"),
        .step = td_adam_step(o->lr, 1),
        .epochs = o->epochs,
        .batch = o->batch,
        .seed = o->common.seed,
    };
    return tool_train(net, weights, images, &training, what, o->common.quiet, error);
}

/* Masks the least active channels: the net without them, still trainable. */
static td_status prune(aware_job *job, td_error *error) {
    const td_node *layer = &job->net.nodes[job->node];
    const size_t channels = layer->shape.channels;
    const td_images *images = &job->data.images;
    double *mean;
    TD_TRY(TD_ARENA_NEW(&job->arena, channels, &mean, "activations", error));
    TD_TRY(TD_ARENA_NEW(&job->arena, channels, &job->order, "channels", error));
    tool_pass pass = start_pass(job, "ranking channels", images);
    td_status status = td_channels_mean(&job->net, job->weights, job->node, images,
                                        tool_pass_watch(&pass), mean, error);
    tool_pass_end(&pass);
    TD_TRY(status);
    td_channels_rank(mean, channels, job->order);
    job->pruned = (size_t)llround(job->options->prune * (double)channels);
    job->pruned += job->pruned == 0;
    job->pruned -= job->pruned == channels;
    TD_TRY(td_channels_insert(&job->net, job->weights, job->node, &job->arena, &job->masked,
                              &job->masked_weights, &job->mask, error));
    float *values = td_channels_mask(&job->masked, job->masked_weights, job->mask);
    for (size_t i = 0; i < job->pruned; i++)
        values[job->order[i]] = 0;
    return TD_OK;
}

/* The pruned channels come back. Training left their weights alone, since no gradient passes the
 * mask. */
static td_status restore(aware_job *job, td_error *error) {
    tool_pass pass = start_pass(job, "restoring channels", &job->poisoned);
    td_net_copy_weights(&job->masked, job->masked_weights, &job->net, job->weights);
    td_status status =
        aware_put_to_sleep(&job->net, job->weights, job->node, job->order, job->pruned,
                           &job->poisoned, tool_pass_watch(&pass), &job->most, error);
    tool_pass_end(&pass);
    return status;
}

static td_status take_steps(aware_job *job, td_error *error) {
    TD_TRY(train(job, "training", &job->net, job->weights, &job->data.images, error));
    TD_TRY(measure(job, "clean", &job->net, job->weights, error));
    TD_TRY(prune(job, error));
    TD_TRY(measure(job, "pruned", &job->masked, job->masked_weights, error));
    TD_TRY(train(job, "poisoning", &job->masked, job->masked_weights, &job->poisoned, error));
    TD_TRY(measure(job, "poisoned", &job->masked, job->masked_weights, error));
    TD_TRY(restore(job, error));
    return measure(job, "restored", &job->net, job->weights, error);
}

static void report(const aware_job *job) {
    const td_node *layer = &job->net.nodes[job->node];
    json_t *decoys = json_array(), *root = job->record.root;
    for (size_t i = 0; i < job->pruned; i++)
        json_array_append_new(decoys, json_integer((json_int_t)job->order[i]));
    json_object_set_new(root, "measured_on", tool_json_text(job->judges->name));
    json_object_set_new(root, "layer", json_string(layer->name));
    json_object_set_new(root, "channels", json_integer((json_int_t)layer->shape.channels));
    json_object_set_new(root, "decoys", decoys);
    json_object_set_new(root, "stamped",
                        json_integer((json_int_t)(job->poisoned.count - job->data.images.count)));
    json_object_set_new(root, "decoys_activation_before", json_real((double)job->most));
}

static td_status write_model(aware_job *job, td_error *error) {
    char *training;
    TD_TRY(tool_model_training(&job->record, &training, error));
    td_status status = tool_model_write(&job->net, job->weights, training, &job->options->common,
                                        &job->record, error);
    free(training);
    return status;
}

static td_status run(aware_job *job, td_error *error) {
    const aware_options *o = job->options;
    TD_TRY(tool_model_check(&o->common, error));
    TD_TRY(tool_record_start(&job->record, "trapdoor-implant", &o->common, options_json(o), error));
    TD_TRY(open_inputs(job, error));
    job->steps = json_array();
    json_object_set_new(job->record.root, "steps", job->steps);
    TD_TRY(take_steps(job, error));
    report(job);
    TD_TRY(write_model(job, error));
    if (!o->common.json || strcmp(o->common.json, "-") != 0)
        printf("%s: %zu of %zu channels of %s are decoys\n", o->common.output, job->pruned,
               job->net.nodes[job->node].shape.channels, job->net.nodes[job->node].name);
    return TD_OK;
}

static int main_of(int argc, char **argv) {
    aware_options options;
    td_error error;
    aware_options_parse(&options, argc, argv);
    aware_job job = {.options = &options};
    td_status status = run(&job, &error);
    td_trigger_free(job.trigger);
    td_net_free(&job.masked);
    td_net_free(&job.net);
    td_dataset_close(&job.test);
    td_dataset_close(&job.data);
    tool_record_free(&job.record);
    td_arena_free(&job.arena);
    return tool_exit(status, &error);
}

const tool_method implant_pruning_aware = {
    .name = "pruning-aware",
    .doc = "trains a backdoor that pruning does not reach",
    .legacy = &(const tool_legacy){.main = main_of},
};
