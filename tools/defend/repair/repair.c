/* SPDX-License-Identifier: MIT */
#include "defend/repair/repair.h"

#include "base/random.h"
#include "base/size.h"
#include "defend/hygiene.h"
#include "frame/model_output.h"
#include "frame/predict.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define AT(field) offsetof(repair_settings, field)

enum { LEAST_IMAGES = 20 }; /* fewest images in each part of the clean images */

static const td_key clean_keys[] = {
    {"clean", TD_KEY_TEXT, AT(clean), .required = true, .value = "DATA",
     .help = "Clean images to work with (split train)"},
    {0},
};

static const td_key validate_keys[] = {
    {"validate", TD_KEY_TEXT, AT(validate), .value = "DATA",
     .help = "Clean images to validate the accuracy on (split train)"},
    {0},
};

static const tool_keys groups[] = {{.keys = defend_model_keys, .offset = AT(model)},
                                   {.keys = clean_keys},
                                   {.keys = validate_keys},
                                   REPAIR_TRUTH(AT(truth)),
                                   {0}};

static const tool_keys groups_without_clean[] = {{.keys = defend_model_keys, .offset = AT(model)},
                                                 {.keys = validate_keys},
                                                 REPAIR_TRUTH(AT(truth)),
                                                 {0}};

const td_key repair_selection_keys[] = {REPAIR_HOLD_OUT, {0}};

/* --- inputs --- */

/* Holds out random clean images; both parts keep their order. */
static td_status hold_out(repair_job *job, td_error *error) {
    const td_images all = job->learned;
    const repair_selection *selection = job->run->own;
    const size_t held = (size_t)((double)all.count * selection->hold_out + 0.5);
    td_arena *arena = &job->run->arena;
    uint32_t *order, *numbers;
    bool *is_held;
    TD_TRY(TD_ARENA_NEW(arena, all.count, &order, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, all.count, &numbers, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, all.count, &is_held, "images", error));
    td_random random = td_random_for(job->run->common->seed, TD_FOR_REPAIR, 0, 0);
    td_random_permutation(&random, order, (uint32_t)all.count);
    for (size_t i = 0; i < held; i++)
        is_held[order[i]] = true;
    size_t first = 0, second = held;
    for (size_t i = 0; i < all.count; i++)
        numbers[is_held[i] ? first++ : second++] = (uint32_t)i;
    TD_TRY(defend_gather(&all, numbers, held, arena, &job->held_out, error));
    return defend_gather(&all, numbers + held, all.count - held, arena, &job->learned, error);
}

static td_status open_validation(repair_job *job, td_error *error) {
    if (job->settings->clean)
        TD_TRY(
            tool_run_dataset(job->run, job->settings->validate, "train", &job->validation, error));
    TD_TRY(defend_check_data(&job->validation, job->net, error));
    json_object_del(json_object_get(job->run->record.root, "options"), "hold_out");
    job->held_out_first = job->validation.first;
    return repair_clean(&job->truth, &job->validation, "--validate", NULL, &job->held_out, error);
}

static td_status check_count(const char *name, const char *what, size_t found, td_error *error) {
    return found >= LEAST_IMAGES
               ? TD_OK
               : td_fail(error, TD_ERR_USAGE, "%s: expected at least %d images to %s, found %zu",
                         name, LEAST_IMAGES, what, found);
}

/* Opens the model and the first set of clean images, if any, which is matched with it. */
static td_status open_model(repair_job *job, td_error *error) {
    const repair_settings *s = job->settings;
    td_dataset *first = s->clean ? &job->clean : &job->validation;
    const char *name = s->clean ? s->clean : s->validate;
    if (!name && s->model.net)
        return td_fail(error, TD_ERR_USAGE,
                       "--net: expected --validate with it, whose images have the net's shape, "
                       "found none");
    if (name)
        TD_TRY(tool_run_dataset(job->run, name, "train", first, error));
    TD_TRY(name ? defend_open_model_for(job->run, &s->model, first, &job->model, error)
                : defend_open_model(job->run, &s->model, NULL, &job->model, error));
    job->net = &job->model.net;
    job->weights = job->model.weights;
    return name ? defend_check_data(first, job->net, error) : TD_OK;
}

/* Opens the images to learn from, and holds out some of them. */
static td_status open_clean(repair_job *job, const repair *with, td_error *error) {
    const repair_settings *s = job->settings;
    TD_TRY(repair_clean(&job->truth, &job->clean, "--clean", s->validate ? &job->validation : NULL,
                        &job->learned, error));
    job->all = job->learned;
    if (with->selects && !s->validate)
        TD_TRY(hold_out(job, error));
    return check_count(s->clean, "work with", job->learned.count, error);
}

static td_status open_inputs(repair_job *job, const repair *with, td_error *error) {
    const repair_settings *s = job->settings;
    TD_TRY(open_model(job, error));
    TD_TRY(repair_open(&job->truth, job->run, &s->truth, job->net, error));
    if (s->validate)
        TD_TRY(open_validation(job, error));
    if (s->clean)
        TD_TRY(open_clean(job, with, error));
    return s->validate || (s->clean && with->selects)
               ? check_count(s->validate ? s->validate : s->clean, "validate", job->held_out.count,
                             error)
               : TD_OK;
}

/* --- for repairs --- */

td_status repair_draw(repair_job *job, const td_images *images, size_t count, uint32_t epoch,
                      td_images *out, td_error *error) {
    uint32_t *order;
    td_random random = td_random_for(job->run->common->seed, TD_FOR_REPAIR, epoch, 0);
    TD_TRY(TD_ARENA_NEW(&job->run->arena, images->count, &order, "images", error));
    td_random_permutation(&random, order, (uint32_t)images->count);
    return defend_gather(images, order, td_size_min(count, images->count), &job->run->arena, out,
                         error);
}

td_net *repair_new_net(repair_job *job) {
    return &job->nets[job->net_count++];
}

void repair_say(repair_job *job, const char *format, ...) {
    size_t used = strlen(job->said);
    va_list arguments;
    if (used > 0)
        used += (size_t)snprintf(job->said + used, sizeof job->said - used, "; ");
    if (used >= sizeof job->said)
        return;
    va_start(arguments, format);
    vsnprintf(job->said + used, sizeof job->said - used, format, arguments);
    va_end(arguments);
}

td_status repair_validate(const repair_job *job, const td_net *net, const float *weights,
                          td_rate *accuracy, td_error *error) {
    const td_images *images = &job->held_out;
    td_arena arena = {0};
    int32_t *predicted;
    td_status status = TD_ARENA_NEW(&arena, images->count, &predicted, "predictions", error);
    if (status == TD_OK)
        status = tool_predict_classes(net, weights, images, NULL, predicted, error);
    if (status == TD_OK)
        *accuracy = td_accuracy(predicted, images->labels, images->count);
    td_arena_free(&arena);
    return status;
}

/* --- the run --- */

/* A model is better at images that it learnt than at others. If the held-out ones are such images,
 * a repair that costs nothing on others seems to cost the difference, and is rejected for it. */
static td_status warn_of_learnt(const repair_job *job, const repair_figures *before,
                                td_error *error) {
    td_rate held;
    if (job->held_out.count == 0 || before->accuracy.trials == 0)
        return TD_OK;
    TD_TRY(repair_validate(job, job->net, job->weights, &held, error));
    if (held.interval.low > before->accuracy.interval.high)
        tool_run_note(
            job->run,
            "warning: %s: the model is right on %.2f %% of the held-out images and on "
            "%.2f %% of --test: if it was trained on them, repairs seem to lose more than "
            "they do, and are held back; take clean images that it has not learnt",
            job->settings->validate ? job->settings->validate : job->settings->clean,
            100 * held.value, 100 * before->accuracy.value);
    return TD_OK;
}

static td_status work(repair_job *job, td_error *error) {
    const repair *with = job->run->method->math;
    repair_figures before = {0}, after;
    TD_TRY(open_inputs(job, with, error));
    TD_TRY(repair_measure(&job->truth, job->net, job->weights, NULL, &before, error));
    TD_TRY(warn_of_learnt(job, &before, error));
    TD_TRY(with->run(job, error));
    TD_TRY(repair_measure(&job->truth, job->net, job->weights, &before, &after, error));
    TD_TRY(tool_run_summary(job->run, error, "%s: %s", job->settings->model.path, job->said));
    TD_TRY(repair_report(&job->truth, &before, &after, error));
    return tool_run_model(job->run, job->run->common->output, job->net, job->weights,
                          job->model.class_names, job->model.training, error);
}

static td_status run(tool_run *run, td_error *error) {
    repair_job job = {.run = run, .settings = run->family};
    td_status status = work(&job, error);
    repair_close(&job.truth);
    for (size_t i = 0; i < job.net_count; i++)
        td_net_free(&job.nets[i]);
    td_model_free(&job.model);
    td_dataset_close(&job.validation);
    td_dataset_close(&job.clean);
    return status;
}

const tool_family repairs = {
    .name = "repair",
    .usage = "--model MODEL --clean DATA -o REPAIRED",
    .groups = groups,
    .size = sizeof(repair_settings),
    .run = run,
    .output = TOOL_OUTPUT_FILE,
    .needs_output = true,
    .output_what = "where to write the repaired model",
};

const tool_family repairs_without_clean = {
    .name = "repair",
    .usage = "--model MODEL -o REPAIRED",
    .groups = groups_without_clean,
    .size = sizeof(repair_settings),
    .run = run,
    .output = TOOL_OUTPUT_FILE,
    .needs_output = true,
    .output_what = "where to write the repaired model",
};
