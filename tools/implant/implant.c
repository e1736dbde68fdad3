/* SPDX-License-Identifier: MIT */
#include "implant/implant.h"

#include "frame/classes.h"
#include "frame/model_output.h"
#include "frame/net_source.h"
#include "frame/predict.h"
#include "nn/feed.h"
#include "trigger/trigger.h"
#include <stdlib.h>
#include <string.h>

/* --- settings --- */

#define AT(field) offsetof(implant_own, field)

const td_key implant_keys[] = {
    {"model", TD_KEY_TEXT, AT(model), .required = true, .value = "MODEL",
     .help = "The model to put a backdoor into"},
    {"target", TD_KEY_CLASS, AT(targets), .required = true, .many = true, .field = "targets",
     .value = "K|all",
     .help = "The class of the trigger, by name or index, or one trigger for each class; may be "
             "repeated"},
    {"at", TD_KEY_TEXT, AT(at), .standard = "bottom-right", .value = "PLACE",
     .help = "Position of the triggers: top-left, top-right, bottom-left, bottom-right, center or "
             "X+Y"},
    {"triggers", TD_KEY_TEXT, AT(folder), .unrecorded = true, .value = "DIR",
     .help = "Write DIR/trigger-K.png and DIR/manifest.json (else M2.trigger-K.png and "
             "M2.manifest.json)"},
    {0},
};

td_status implant_check_one(const implant_own *own, td_error *error) {
    return own->all || own->targets.count > 1
               ? td_fail(error, TD_ERR_USAGE, "--target: expected one class, found %s",
                         own->all ? "all" : "several")
               : TD_OK;
}

td_status implant_read_place(const char *at, td_position *out, td_error *error) {
    static const td_key key = {"at", TD_KEY_POSITION};
    td_setting place;
    char expected[128];
    if (!td_key_read(&key, at, &place))
        return td_fail(error, TD_ERR_USAGE, "--at: expected %s, found \"%s\"",
                       td_key_describe(&key, expected, sizeof expected), at);
    *out = place.position;
    return TD_OK;
}

/* Text that goes into a TRIGGER must not contain its separators. */
static td_status check_folder(const implant_own *own, const tool_common *common, td_error *error) {
    const char *folder = own->folder ? own->folder : common->output;
    if (!strchr(folder, ','))
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "%s: expected a path without a comma, which a TRIGGER cannot name, found %s",
                   own->folder ? "--triggers" : "-o", folder);
}

static td_status check(const tool_settings *settings, void *family, td_error *error) {
    (void)family;
    if (((const implant *)settings->method->math)->trains)
        return TD_OK;
    implant_own *own = settings->own;
    size_t all = 0;
    for (size_t i = 0; i < own->targets.count; i++)
        all += strcmp(own->targets.texts[i], "all") == 0;
    own->all = all > 0;
    if (own->all && all < own->targets.count)
        return td_fail(error, TD_ERR_USAGE, "--target: expected all or classes, found both");
    if (!own->all && own->targets.count > IMPLANT_MOST_TARGETS)
        return td_fail(error, TD_ERR_USAGE, "--target: expected at most %d", IMPLANT_MOST_TARGETS);
    TD_TRY(check_folder(own, &settings->common, error));
    return implant_read_place(own->at, &own->position, error);
}

/* --- inputs --- */

static td_status choose_targets(implant_job *job, td_error *error) {
    const implant_own *own = job->own;
    const size_t classes = td_net_classes(&job->model.net);
    if (own->all && classes > IMPLANT_MOST_TARGETS)
        return td_fail(error, TD_ERR_USAGE,
                       "--target all: expected a model of at most %d classes, found %zu",
                       IMPLANT_MOST_TARGETS, classes);
    job->trigger_count = own->all ? classes : own->targets.count;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, job->trigger_count, &job->triggers, "triggers", error));
    for (size_t i = 0; i < job->trigger_count; i++) {
        implant_trigger *trigger = &job->triggers[i];
        size_t target = i;
        if (!own->all)
            TD_TRY(tool_run_class(job->run, "--target", own->targets.texts[i], &target, error));
        for (size_t k = 0; k < i; k++)
            if (job->triggers[k].target.class == target)
                return td_fail(error, TD_ERR_USAGE,
                               "--target: expected each class once, found %zu twice", target);
        trigger->role = "poison";
        trigger->target = tool_target_class(target);
        TD_TRY(tool_run_text(job->run, &trigger->file, error, "trigger-%zu.png", target));
    }
    return TD_OK;
}

static td_status open_model(implant_job *job, td_error *error) {
    job->own = job->run->own;
    if (job->own->all) { /* a text, not a list of one */
        td_json *json = &job->run->record.json;
        td_json_set(json, json_object_get(job->run->record.root, "options"), "targets",
                    td_json_text(json, "all"));
    }
    TD_TRY(tool_run_open_model(job->run, job->own->model, NULL, NULL, &job->model, error));
    TD_TRY(tool_run_model_classes(job->run, &job->model, job->own->model, error));
    job->class_names = job->model.class_names;
    return choose_targets(job, error);
}

td_status implant_place(const implant_job *job, size_t side, size_t *top, size_t *left,
                        td_error *error) {
    const td_shape shape = td_net_input(&job->model.net);
    const char *model = job->own->model;
    if (shape.height < side || shape.width < side)
        return td_fail(error, TD_ERR_FORMAT,
                       "%s: expected a model of images of at least %zux%zu, found %zux%zu", model,
                       side, side, shape.width, shape.height);
    if (shape.channels != 1 && shape.channels != 3)
        return td_fail(error, TD_ERR_FORMAT,
                       "%s: expected a model of images of 1 or 3 channels, found %zu", model,
                       shape.channels);
    td_status status =
        td_position_resolve(&job->own->position, side, side, shape, top, left, error);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "--at");
}

static td_status check_data(const td_dataset *data, const td_net *net, td_error *error) {
    if (data->images.count == 0)
        return td_fail(error, TD_ERR_USAGE, "expected images, found none");
    if (!net)
        return TD_OK;
    TD_TRY(td_feed_check(net, &data->images, error));
    if (data->images.classes > td_net_classes(net))
        return td_fail(error, TD_ERR_USAGE,
                       "expected at most the %zu classes of the model, found %zu",
                       td_net_classes(net), data->images.classes);
    return TD_OK;
}

td_status implant_open_data(tool_run *run, td_dataset *data, const char *text, const char *split,
                            const td_net *net, td_error *error) {
    TD_TRY(tool_run_dataset(run, text, split, data, error));
    td_status status = check_data(data, net, error);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", text);
}

/* --- measuring --- */

td_status implant_measure(tool_run *run, const td_net *net, const float *weights,
                          const td_images *images, const td_images *stamped, size_t target,
                          implant_figures *out, td_error *error) {
    const size_t count = images->count;
    int32_t *clean, *triggered;
    TD_TRY(TD_ARENA_NEW(&run->arena, count, &clean, "predictions", error));
    TD_TRY(TD_ARENA_NEW(&run->arena, count, &triggered, "predictions", error));
    tool_pass pass = tool_run_pass(run, "measuring", 2 * count);
    td_status status = tool_predict_classes(net, weights, images, &pass, clean, error);
    if (status == TD_OK)
        status = tool_predict_classes(net, weights, stamped, &pass, triggered, error);
    tool_pass_end(&pass);
    TD_TRY(status);
    out->accuracy = td_accuracy(clean, images->labels, count);
    out->asr = td_asr(triggered, images->labels, count, td_target_class(target));
    return TD_OK;
}

#undef AT
#define AT(field) offsetof(implant_figures, field)

static const tool_column change_columns[] = {
    {"accuracy", "accuracy", TOOL_RATE, AT(accuracy)},
    {"asr", "ASR", TOOL_RATE, AT(asr)},
    {0},
};

static const tool_table_kind before_table = {.name = "before",
                                             .title = "On the test images, before",
                                             .columns = change_columns,
                                             .row = sizeof(implant_figures),
                                             .single = true},
                             after_table = {.name = "after",
                                            .title = "On the test images, after",
                                            .columns = change_columns,
                                            .row = sizeof(implant_figures),
                                            .single = true};

td_status implant_measure_change(tool_run *run, const td_model *model, const float *weights,
                                 const td_dataset *data, const td_images *stamped, size_t target,
                                 td_error *error) {
    const td_images *images = &data->images;
    const td_net *net = &model->net;
    implant_figures before, after;
    TD_TRY(implant_measure(run, net, model->weights, images, stamped, target, &before, error));
    TD_TRY(implant_measure(run, net, weights, images, stamped, target, &after, error));
    tool_run_set(run, "test", "{ss sz}", "data", data->name, "images", images->count);
    TD_TRY(tool_run_rows(run, &before_table, "/test", &before, 1, error));
    return tool_run_rows(run, &after_table, "/test", &after, 1, error);
}

/* --- a run --- */

/* A changed model keeps the description of its training. */
static td_status write_model(const implant_job *job, td_error *error) {
    tool_run *run = job->run;
    char *training = NULL;
    if (job->math->trains)
        TD_TRY(tool_model_training(&run->record, &training, error));
    td_status status =
        tool_run_model(run, run->common->output, job->net, job->weights, job->class_names,
                       training ? training : job->model.training, error);
    free(training);
    return status;
}

static td_status work(implant_job *job, td_error *error) {
    const implant *math = job->math;
    if (!math->trains)
        TD_TRY(open_model(job, error));
    TD_TRY(math->prepare(job, error));
    if (job->trigger_count > 0)
        TD_TRY(implant_check_outputs(job, error));
    TD_TRY(math->make(job, error));
    TD_TRY(write_model(job, error));
    return job->trigger_count > 0 ? implant_write_triggers(job, error) : TD_OK;
}

static td_status run(tool_run *run, td_error *error) {
    implant_job job = {.run = run, .math = run->method->math};
    td_status status = work(&job, error);
    if (job.state)
        job.math->close(&job);
    for (size_t i = 0; job.triggers && i < job.trigger_count; i++)
        td_bitmap_free(&job.triggers[i].picture);
    td_bitmap_free(&job.picture);
    td_model_free(&job.model);
    return status;
}

const tool_family implants = {
    .name = "implant",
    .word = "method",
    .usage = "--model MODEL --target K... -o M2",
    .check = check,
    .run = run,
    .output = TOOL_OUTPUT_FILE,
    .needs_output = true,
    .output_what = "where to write the model",
};
