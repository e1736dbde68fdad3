#define _GNU_SOURCE /* asprintf */
#include "train/train.h"

#include "base/file.h"
#include "common/net_source.h"
#include "common/progress.h"
#include "common/record.h"
#include "measure/rates.h"
#include "nn/loss.h"
#include "nn/model.h"
#include "nn/predict.h"
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

/* All that one run holds; released by run_free whatever happened. */
typedef struct train_job {
    const train_options *options;
    td_dataset data, validation; /* the second zeroed where there is none */
    td_model from;               /* zeroed where training starts from random weights */
    td_net own_net;
    td_net *net;
    float *weights;
    td_output model_file, log_file;
    tool_record record;
    tool_progress progress;
    json_t *epochs; /* borrowed from the record */
    td_arena arena;
} train_job;

static void job_free(train_job *job) {
    td_output_discard(&job->model_file);
    td_output_discard(&job->log_file);
    td_dataset_close(&job->data);
    td_dataset_close(&job->validation);
    td_model_free(&job->from);
    td_net_free(&job->own_net);
    tool_record_free(&job->record);
    td_arena_free(&job->arena);
}

static json_t *options_json(const train_options *o) {
    const td_train_options *t = &o->training;
    json_t *freeze = json_array();
    for (size_t i = 0; i < o->freeze_count; i++)
        json_array_append_new(freeze, tool_json_text(o->freeze[i]));
    return json_pack(
        "{s:o, s:s*, s:o*, s:o*, s:o, s:I, s:I, s:s, s:f, s:f, s:f, s:f, s:f, s:s, s:I}", "data",
        tool_json_text(o->data), "net", o->net, "validate",
        o->validate ? tool_json_text(o->validate) : NULL, "from",
        o->from ? tool_json_text(o->from) : NULL, "freeze", freeze, "epochs", (json_int_t)t->epochs,
        "batch", (json_int_t)t->batch, "optimizer", t->optimizer->name, "lr", t->step.lr,
        "momentum", t->step.momentum, "beta1", t->step.beta1, "beta2", t->step.beta2,
        "weight_decay", t->step.weight_decay, "schedule", t->schedule->name, "warmup",
        (json_int_t)t->warmup);
}

/* What the model file says of its training: the record's head, with the files known by their
 * digests and not by where they lay. */
static td_status training_text(const train_job *job, char **out, td_error *error) {
    json_t *text = json_object();
    static const char *const keys[] = {"tool", "version", "blas_core", "seed", "options"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        json_object_set_new(text, keys[i],
                            json_deep_copy(json_object_get(job->record.root, keys[i])));
    json_t *options = json_object_get(text, "options"), *digests = json_array(), *input;
    static const char *const places[] = {"data", "validate", "from"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        json_object_del(options, places[i]);
    size_t i;
    json_array_foreach(json_object_get(job->record.root, "inputs"), i, input) {
        json_array_append(digests, json_object_get(input, "sha256"));
    }
    json_object_set_new(text, "inputs_sha256", digests);
    *out = json_dumps(text, JSON_COMPACT | JSON_REAL_PRECISION(10));
    json_decref(text);
    return *out ? TD_OK : td_fail_memory(error, "the model's metadata");
}

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
    if (o->from) {
        TD_TRY(td_model_load(&job->from, o->from, error));
        job->net = &job->from.net;
        job->weights = job->from.weights;
    } else {
        job->net = &job->own_net;
        TD_TRY(tool_net_open(job->net, o->net, &job->data.images, error));
        TD_TRY(TD_ARENA_NEW(&job->arena, job->net->weight_count, &job->weights, "weights", error));
        td_net_init(job->net, o->common.seed, job->weights);
    }
    for (size_t i = 0; i < o->freeze_count; i++)
        TD_TRY(freeze(job->net, o->freeze[i], error));
    return TD_OK;
}

static td_status open_inputs(train_job *job, td_error *error) {
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

static bool batch_done(void *context, const td_train_state *state) {
    train_job *job = context;
    char note[96];
    snprintf(note, sizeof note, "epoch %zu/%zu  loss %.4f", state->epoch,
             job->options->training.epochs, state->loss);
    tool_progress_update(&job->progress,
                         (state->epoch - 1) * job->data.images.count + state->images, note);
    return !tool_interrupted();
}

static bool keep_predicting(void *context, size_t images) {
    (void)context, (void)images;
    return !tool_interrupted();
}

static td_status validate(train_job *job, json_t *line, td_error *error) {
    const td_images *images = &job->validation.images;
    td_arena arena = {0};
    float *logits;
    int32_t *predicted;
    td_status status =
        td_predict(job->net, job->weights, images, (td_predict_watch){keep_predicting, NULL},
                   &arena, &logits, error);
    if (status == TD_OK)
        status = TD_ARENA_NEW(&arena, images->count, &predicted, "predictions", error);
    if (status == TD_OK) {
        size_t classes = td_net_classes(job->net);
        for (size_t i = 0; i < images->count; i++)
            predicted[i] = td_argmax(logits + i * classes, classes);
        td_rate accuracy = td_accuracy(predicted, images->labels, images->count);
        tool_json_rate(line, "validation_accuracy", &accuracy);
    }
    td_arena_free(&arena);
    return status;
}

static td_status epoch_done(void *context, const td_train_state *state, td_error *error) {
    train_job *job = context;
    json_t *line = json_pack("{s:I, s:f, s:f, s:f}", "epoch", (json_int_t)state->epoch, "loss",
                             state->loss, "accuracy", state->accuracy, "lr", state->lr);
    if (!line || json_array_append_new(job->epochs, line) != 0)
        return td_fail_memory(error, "the log");
    if (job->options->validate)
        TD_TRY(validate(job, line, error));
    json_dumpf(line, job->log_file.stream, JSON_COMPACT | JSON_REAL_PRECISION(10));
    fputc('\n', job->log_file.stream);
    tool_progress_end(&job->progress);
    if (!job->options->common.quiet) {
        fprintf(stderr, "epoch %zu/%zu  loss %.4f  accuracy %.2f %%", state->epoch,
                job->options->training.epochs, state->loss, 100 * state->accuracy);
        if (job->options->validate)
            fprintf(stderr, "  validation %.2f %%",
                    100 * json_real_value(json_object_get(line, "validation_accuracy")));
        fputc('\n', stderr);
    }
    return TD_OK;
}

static td_status train(train_job *job, td_error *error) {
    td_train_options options = job->options->training;
    options.batch_done = batch_done;
    options.epoch_done = epoch_done;
    options.context = job;
    job->progress = tool_progress_start(
        "training", "images", options.epochs * job->data.images.count, job->options->common.quiet);
    td_status status = td_train(job->net, job->weights, &job->data.images, &options, error);
    tool_progress_end(&job->progress);
    return status;
}

/* Finishes every file before the first is put in its place. */
static td_status write_outputs(train_job *job, td_error *error) {
    const tool_common *common = &job->options->common;
    const char *slash = strrchr(common->output, '/');
    const char *name = slash ? slash + 1 : common->output;
    char *training, *log_name = NULL;
    TD_TRY(training_text(job, &training, error));
    td_status status =
        td_model_write(job->model_file.stream, job->net, job->weights, training, error);
    free(training);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", job->options->common.output);
    TD_TRY(td_output_finish(&job->model_file, error));
    TD_TRY(td_output_finish(&job->log_file, error));
    if (asprintf(&log_name, "%s.log.jsonl", name) < 0)
        return td_fail_memory(error, "a file name");
    if (job->model_file.temporary) /* not a device */
        status = tool_record_output(&job->record, name, job->model_file.temporary, error);
    if (status == TD_OK && job->log_file.temporary)
        status = tool_record_output(&job->record, log_name, job->log_file.temporary, error);
    free(log_name);
    TD_TRY(status);
    TD_TRY(tool_record_write(&job->record, common, error));
    TD_TRY(td_output_publish(&job->model_file, error));
    return td_output_publish(&job->log_file, error);
}

static td_status open_outputs(train_job *job, td_error *error) {
    const tool_common *common = &job->options->common;
    char *log_path;
    TD_TRY(tool_record_check(common, error));
    TD_TRY(td_output_open(&job->model_file, common->output, common->force, error));
    if (asprintf(&log_path, "%s.log.jsonl", common->output) < 0)
        return td_fail_memory(error, "a file name");
    td_status status = td_output_open(&job->log_file, log_path, common->force, error);
    free(log_path);
    return status;
}

static td_status run(train_job *job, td_error *error) {
    TD_TRY(open_outputs(job, error));
    TD_TRY(tool_record_start(&job->record, "trapdoor-train", &job->options->common,
                             options_json(job->options), error));
    TD_TRY(open_inputs(job, error));
    job->epochs = json_array();
    json_object_set_new(job->record.root, "net_parameters",
                        json_integer((json_int_t)job->net->weight_count));
    json_object_set_new(job->record.root, "epochs", job->epochs);
    TD_TRY(train(job, error));
    TD_TRY(write_outputs(job, error));
    printf("%s: %zu parameters, %zu epochs on %zu images\n", job->options->common.output,
           job->net->weight_count, job->options->training.epochs, job->data.images.count);
    return TD_OK;
}

td_status train_run(const train_options *options, td_error *error) {
    train_job job = {.options = options};
    td_status status = run(&job, error);
    job_free(&job);
    return status;
}
