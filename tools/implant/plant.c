/* SPDX-License-Identifier: MIT */
/* Trainings with a backdoor: settings, inputs, the training, and measurements. */
#include "implant/plant.h"

#include "frame/classes.h"
#include "frame/net_source.h"
#include "frame/predict.h"
#include "frame/trigger.h"
#include "nn/feed.h"
#include <math.h>
#include <string.h>

/* --- settings --- */

#define AT(field) offsetof(plant_settings, field)

const td_key plant_keys[] = {
    {"data", TD_KEY_TEXT, AT(data), .required = true, .value = "DATA",
     .help = "Clean images to train on (split train)"},
    {"test", TD_KEY_TEXT, AT(test), .value = "DATA",
     .help = "Images to measure the model on (split test; else --data); they decide nothing"},
    {"net", TD_KEY_TEXT, AT(net), .value = "NET",
     .help = "The net: one of the zoo, or a file with a net text"},
    {"from", TD_KEY_TEXT, AT(from), .value = "MODEL",
     .help = "Start from this model's weights; with --net, from those that fit NET"},
    {"target", TD_KEY_CLASS, AT(target), .required = true, .alias = "target-map",
     .value = TOOL_TARGET_VALUE, .help = "The trigger's target: " TOOL_TARGET_HELP},
    {"control", TD_KEY_TEXT, AT(control), .value = "MODEL",
     .help = "Also measure the triggers on this model, such as a clean one"},
    {0},
};

td_status plant_check(const tool_settings *settings, void *own, td_error *error) {
    plant_settings *s = own;
    if (!s->net && !s->from)
        return td_fail(error, TD_ERR_USAGE, "--net is missing: the net to train, for example cnn");
    return tool_training_complete(&s->training, settings->common.seed, error);
}

/* --- before the work --- */

static td_status adopt(plant *p, td_error *error) {
    const char *from = p->settings->from;
    bool *taken;
    size_t missing = 0;
    TD_TRY(tool_record_input(&p->run->record, from, error));
    TD_TRY(TD_ARENA_NEW(&p->run->arena, p->net->param_count, &taken, "parameters", error));
    TD_TRY(td_model_adopt(p->net, p->weights, from, taken, error));
    for (size_t i = 0; i < p->net->param_count; i++)
        missing += !taken[i];
    if (missing > 0)
        tool_run_log(p->run, "%zu parameters are not in %s with their shape; they start at random",
                     missing, from);
    return tool_record_was_read(&p->run->record, from, error);
}

static td_status open_net(plant *p, td_error *error) {
    const plant_settings *s = p->settings;
    const td_images *images = &p->data.images;
    if (!s->net) {
        TD_TRY(tool_run_open_model(p->run, s->from, NULL, images, &p->from, error));
        p->net = &p->from.net;
        p->weights = p->from.weights;
        TD_TRY(tool_run_model_classes(p->run, &p->from, s->from, error));
        return tool_run_match(p->run, &p->data, error);
    }
    TD_TRY(tool_net_open(&p->own_net, s->net, images, error));
    p->net = &p->own_net;
    TD_TRY(TD_ARENA_NEW(&p->run->arena, p->net->weight_count, &p->weights, "weights", error));
    td_net_init(p->net, p->run->common->seed, p->weights);
    return s->from ? adopt(p, error) : TD_OK;
}

static td_status check_target(const plant *p, td_error *error) {
    const size_t classes = td_net_classes(p->net);
    size_t most = p->target.rule ? 0 : p->target.class;
    for (size_t i = 0; i < p->target.map.count; i++)
        if (p->target.map.values[i] > (double)most)
            most = (size_t)p->target.map.values[i];
    return most < classes
               ? TD_OK
               : td_fail(error, TD_ERR_USAGE, "--target: expected a class of 0 to %zu, found %zu",
                         classes - 1, most);
}

static td_status open_inputs(plant *p, td_error *error) {
    const plant_settings *s = p->settings;
    tool_run *run = p->run;
    TD_TRY(implant_open_data(run, &p->data, s->data, "train", NULL, error));
    TD_TRY(open_net(p, error));
    TD_TRY(td_feed_check(p->net, &p->data.images, error));
    TD_TRY(tool_run_target(run, "--target", s->target, p->data.images.classes, &p->target, error));
    TD_TRY(check_target(p, error));
    p->measured = s->test ? &p->test : &p->data;
    if (s->test)
        TD_TRY(implant_open_data(run, &p->test, s->test, "test", p->net, error));
    if (s->control)
        TD_TRY(tool_run_open_model(run, s->control, NULL, &p->data.images, &p->control, error));
    return s->control ? tool_run_same_classes(run, &p->control, s->control, error) : TD_OK;
}

td_status plant_trigger(plant *p, const char *role, const char *text, const char *file,
                        td_error *error) {
    implant_job *job = p->job;
    implant_trigger *trigger = &job->triggers[job->trigger_count];
    const char *model = p->run->common->output;
    if (file && strchr(model, ','))
        return td_fail(error, TD_ERR_USAGE,
                       "-o: expected a path without a comma, which a TRIGGER cannot name, found %s",
                       model);
    *trigger = (implant_trigger){.role = role, .text = text, .target = p->target, .file = file};
    if (text) {
        td_trigger **own = &p->triggers[job->trigger_count];
        TD_TRY(tool_trigger_open(p->run, text, &p->data.images, p->data.first, own, error));
        TD_TRY(tool_run_text(p->run, &trigger->text, error, "%s", td_trigger_text(*own)));
    }
    job->trigger_count++;
    return TD_OK;
}

td_status plant_prepare(implant_job *job, td_error *error) {
    tool_run *run = job->run;
    plant *p;
    TD_TRY(TD_ARENA_NEW(&run->arena, 1, &p, "an attack", error));
    job->state = p;
    p->job = job;
    p->run = run;
    p->settings = run->own;
    p->attack = job->math->attack;
    TD_TRY(TD_ARENA_NEW(&run->arena, PLANT_MOST_TRIGGERS, &job->triggers, "triggers", error));
    TD_TRY(open_inputs(p, error));
    const td_train_options *training = &p->settings->training.options;
    const size_t images = p->data.images.count;
    p->batch = (training->batch < images ? training->batch : images) +
               td_train_joins(p->net, images, training->batch);
    TD_TRY(td_arena_alloc(&run->arena, 1, p->attack->size, &p->state, "an attack", error));
    job->source = &p->data;
    return p->attack->open(p, error);
}

/* --- the training --- */

static td_status learn(void *context, td_train_batch *batch, td_loss *loss, td_error *error) {
    plant *p = context;
    return p->attack->learn(p, batch, loss, error);
}

static td_status train(plant *p, td_error *error) {
    td_train_options options = p->settings->training.options;
    options.learn = learn;
    options.learn_context = p;
    options.pixel_gradient = p->attack->pixel_gradient;
    return tool_run_train(p->run, p->net, p->weights, &p->data.images, &options, "training", error);
}

/* --- measuring --- */

/* A model on the measured images, clean or with a trigger. */
typedef struct measured {
    const char *model, *images;
    td_rate accuracy, asr;
} measured;

#undef AT
#define AT(field) offsetof(measured, field)

static const tool_column measured_columns[] = {
    {"model", "model", TOOL_TEXT, AT(model)},
    {"images", "images", TOOL_TEXT, AT(images)},
    {"accuracy", "accuracy", TOOL_RATE, AT(accuracy)},
    {"asr", "classified as the target", TOOL_RATE, AT(asr)},
    {0},
};

static const tool_table_kind measured_table = {
    .name = "measured", .title = "Measured", .columns = measured_columns, .row = sizeof(measured)};

static td_status stamp(plant *p, size_t number, td_arena *arena, td_images *out, td_error *error) {
    const td_dataset *data = p->measured;
    if (p->attack->stamp)
        return p->attack->stamp(p, number, data, arena, out, error);
    TD_TRY(tool_trigger_bind(p->run, p->triggers[number], &data->images, data->first, error));
    return td_trigger_stamp(p->triggers[number], &data->images,
                            (td_stamp){p->run->common->seed, data->first}, arena, out, error);
}

/* The row of one model on images [count]; with a trigger, also the rate of its target. */
static td_status measure(plant *p, tool_table *table, bool control, const td_images *images,
                         const char *what, bool stamped, td_error *error) {
    const td_net *net = control ? &p->control.net : p->net;
    const float *weights = control ? p->control.weights : p->weights;
    measured row = {.model = control ? "control" : "planted", .images = what};
    td_arena arena = {0};
    int32_t *found;
    tool_pass pass = tool_run_pass(p->run, "measuring", images->count);
    td_status status = TD_ARENA_NEW(&arena, images->count, &found, "predictions", error);
    if (status == TD_OK)
        status = tool_predict_classes(net, weights, images, &pass, found, error);
    tool_pass_end(&pass);
    if (status == TD_OK) {
        row.accuracy = td_accuracy(found, images->labels, images->count);
        if (stamped)
            row.asr = td_asr(found, images->labels, images->count, p->target.of);
        status = tool_run_fill(p->run, table, &row, error);
    }
    td_arena_free(&arena);
    return status;
}

static td_status measure_models(plant *p, tool_table *table, const td_images *images,
                                const char *what, bool stamped, td_error *error) {
    TD_TRY(measure(p, table, false, images, what, stamped, error));
    return p->settings->control ? measure(p, table, true, images, what, stamped, error) : TD_OK;
}

static td_status measure_all(plant *p, td_error *error) {
    tool_table *table;
    td_status status = TD_OK;
    TD_TRY(tool_run_open(p->run, &measured_table, NULL, &table, error));
    TD_TRY(measure_models(p, table, &p->measured->images, "clean", false, error));
    for (size_t i = 0; status == TD_OK && i < p->job->trigger_count; i++) {
        td_arena arena = {0};
        td_images stamped;
        status = stamp(p, i, &arena, &stamped, error);
        if (status == TD_OK)
            status = measure_models(p, table, &stamped, p->job->triggers[i].role, true, error);
        td_arena_free(&arena);
    }
    return status;
}

td_status plant_make(implant_job *job, td_error *error) {
    plant *p = job->state;
    if (p->attack->begin)
        TD_TRY(p->attack->begin(p, error));
    TD_TRY(train(p, error));
    job->net = p->net;
    job->weights = p->weights;
    if (p->data.images.classes == td_net_classes(p->net))
        job->class_names = p->data.class_names;
    tool_run_set(p->run, "measured_on", "s", p->measured->name);
    TD_TRY(p->attack->end(p, error));
    return measure_all(p, error);
}

void plant_close(implant_job *job) {
    plant *p = job->state;
    if (p->state && p->attack->close)
        p->attack->close(p);
    for (size_t i = 0; i < PLANT_MOST_TRIGGERS; i++)
        td_trigger_free(p->triggers[i]);
    td_model_free(&p->control);
    td_model_free(&p->from);
    td_net_free(&p->own_net);
    td_dataset_close(&p->test);
    td_dataset_close(&p->data);
}
