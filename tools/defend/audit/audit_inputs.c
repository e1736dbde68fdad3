/* SPDX-License-Identifier: MIT */
/* The model, the data, and the clean images for the methods. */
#include "base/file.h"
#include "base/random.h"
#include "base/size.h"
#include "data/path.h"
#include "defend/audit/audit.h"
#include "frame/classes.h"
#include "frame/net_source.h"
#include "frame/predict.h"
#include <string.h>

enum { LEAST_CLEAN = 50, MOST_SAMPLED = 2000, DRAW_SAMPLE = 2 };

static const char sample_name[] = "clean.safetensors";

/* --- opening --- */

static td_status open_clean(audit_job *job, td_error *error) {
    const char *name = job->settings->clean;
    TD_TRY(tool_run_dataset(job->run, name, "test", &job->clean, error));
    if (job->clean.images.count >= LEAST_CLEAN)
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "%s: expected at least %d clean images for an audit, some hundred for a sound "
                   "one, found %zu",
                   name, LEAST_CLEAN, job->clean.images.count);
}

static td_status open_model(audit_job *job, td_error *error) {
    const defend_model *from = &job->settings->model;
    TD_TRY(defend_open_model_for(job->run, from, &job->clean, &job->model, error));
    TD_TRY(tool_model_check_classes(&job->model, from->path, error));
    return defend_check_data(&job->clean, &job->model.net, error);
}

/* Detects errors in a method's data before earlier methods have used their time. */
static td_status check_suspect(audit_job *job, const char *text, td_error *error) {
    td_dataset data;
    td_status status = tool_run_images(job->run, text, "test", &data, error);
    if (status == TD_OK)
        status = defend_check_shape(&data, &job->model.net, error);
    td_dataset_close(&data);
    return status;
}

/* A filter opens only its set, without the clean images: if the model does not name its classes,
 * both must have the same order. */
static td_status check_training(audit_job *job, const char *text, td_error *error) {
    td_dataset data;
    const int32_t *labels = NULL;
    td_status status = td_dataset_open(&data, text, "train", job->run->common->data_dir, error);
    if (status == TD_OK) {
        labels = data.images.labels;
        status = tool_record_dataset(&job->run->record, &data, error);
    }
    if (status == TD_OK)
        status = tool_run_match(job->run, &data, error);
    if (status == TD_OK)
        status = defend_check_data(&data, &job->model.net, error);
    if (status == TD_OK && !job->model.class_names && data.images.labels != labels)
        status = td_fail(error, TD_ERR_USAGE,
                         "%s: expected the classes of %s in the same order, since %s does not say "
                         "which is its own",
                         text, job->settings->clean, job->settings->model.path);
    td_dataset_close(&data);
    return status;
}

td_status audit_open(audit_job *job, td_error *error) {
    const audit_settings *o = job->settings;
    TD_TRY(open_clean(job, error));
    TD_TRY(open_model(job, error));
    for (size_t i = 0; i < o->suspects.count; i++)
        TD_TRY(check_suspect(job, o->suspects.texts[i], error));
    if (o->training)
        TD_TRY(check_training(job, o->training, error));
    job->sample_count = td_size_min(job->clean.images.count, MOST_SAMPLED);
    return step_path(job->run, job->run->common->output, sample_name, &job->sample, error);
}

/* --- accuracy --- */

/* The share of the most frequent label: the accuracy of a constant prediction. */
static td_status find_chance(audit_job *job, td_error *error) {
    const td_images *images = &job->clean.images;
    const double even = 1 / (double)td_net_classes(&job->model.net);
    size_t *counts, most = 0;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, images->classes, &counts, "labels", error));
    for (size_t i = 0; i < images->count; i++)
        most = td_size_max(most, ++counts[images->labels[i]]);
    const double share = (double)most / (double)images->count;
    job->chance = share > even ? share : even;
    return TD_OK;
}

/* The most frequent prediction for each class's images: given[classes]. */
static td_status find_given(audit_job *job, const int32_t *predicted, size_t *given,
                            td_error *error) {
    const td_images *images = &job->clean.images;
    const size_t classes = td_net_classes(&job->model.net);
    size_t *counts;
    TD_TRY(td_arena_alloc(&job->run->arena, classes, classes * sizeof *counts, (void **)&counts,
                          "counts", error));
    td_confusion(predicted, images->labels, images->count, classes, counts);
    for (size_t c = 0; c < classes; c++) {
        const size_t *row = counts + c * classes;
        given[c] = 0;
        for (size_t k = 1; k < classes; k++)
            if (row[k] > row[given[c]])
                given[c] = k;
    }
    return TD_OK;
}

/* Writes the data's classes in the model's order as a list for import --classes. */
static bool list_in_order(const audit_job *job, const size_t *given, char *out, size_t size) {
    const size_t classes = td_net_classes(&job->model.net);
    size_t used = 0;
    for (size_t m = 0; m < classes; m++) {
        size_t from = classes;
        for (size_t c = 0; c < classes; c++)
            if (given[c] == m)
                from = from == classes ? c : SIZE_MAX;
        if (from >= classes || used + 16 >= size)
            return false; /* no class or several map to the model's class m */
        used += (size_t)snprintf(out + used, size - used, "%s#%zu", m ? "," : "", from);
    }
    return true;
}

/* A model at chance level that still separates the classes has them in another order. */
static td_status look_for_order(audit_job *job, const int32_t *predicted, td_error *error) {
    const td_images *images = &job->clean.images;
    const size_t classes = td_net_classes(&job->model.net);
    size_t *given, hits = 0;
    char order[512];
    const char *clean = job->settings->clean;
    const bool says = strchr(clean, ':') || *job->clean.split == '\0'; /* which split */
    if (verdict_is_plausible(&job->accuracy, job->chance) || images->classes != classes)
        return TD_OK;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, classes, &given, "classes", error));
    TD_TRY(find_given(job, predicted, given, error));
    for (size_t i = 0; i < images->count; i++)
        hits += (size_t)predicted[i] == given[images->labels[i]];
    const td_rate rate = td_rate_of(hits, images->count);
    if (!verdict_is_plausible(&rate, job->chance) ||
        !list_in_order(job, given, order, sizeof order))
        return TD_OK;
    return tool_run_text(
        job->run, &job->reordered, error,
        "The model knows these classes in another order: %.1f %% would "
        "be right. trapdoor-data import %s%s%s --classes '%s' -o SET puts them in the "
        "model's.",
        100 * rate.value, clean, says ? "" : ":", says ? "" : job->clean.split, order);
}

td_status audit_measure(audit_job *job, td_error *error) {
    const td_images *images = &job->clean.images;
    int32_t *predicted;
    TD_TRY(find_chance(job, error));
    TD_TRY(TD_ARENA_NEW(&job->run->arena, images->count, &predicted, "predictions", error));
    tool_pass pass = tool_run_pass(job->run, "measuring", images->count);
    td_status status =
        tool_predict_classes(&job->model.net, job->model.weights, images, &pass, predicted, error);
    tool_pass_end(&pass);
    if (status == TD_ERR_INTERRUPTED)
        return td_fail(error, status, "interrupted; the same command resumes");
    TD_TRY(status);
    job->accuracy = td_accuracy(predicted, images->labels, images->count);
    return look_for_order(job, predicted, error);
}

/* --- the sample --- */

static td_status draw(audit_job *job, td_images *sample, td_error *error) {
    const td_images *images = &job->clean.images;
    uint32_t *order;
    if (images->count > UINT32_MAX)
        return td_fail(error, TD_ERR_USAGE, "%s: expected at most %u images, found %zu",
                       job->settings->clean, UINT32_MAX, images->count);
    td_random random = td_random_for(job->run->common->seed, TD_FOR_DEFEND, DRAW_SAMPLE, 0);
    TD_TRY(TD_ARENA_NEW(&job->run->arena, images->count, &order, "images", error));
    td_random_permutation(&random, order, (uint32_t)images->count);
    return defend_gather(images, order, job->sample_count, &job->run->arena, sample, error);
}

/* Whether the existing sample is the same as the one just written. */
static bool is_there(const audit_job *job, const tool_outputs *outputs) {
    td_digest old;
    return td_path_exists(job->sample) && td_sha256_file(job->sample, &old, NULL) == TD_OK &&
           strcmp(tool_outputs_digest(outputs)->hex, old.hex) == 0;
}

/* Moves the sample into place unless it exists. */
static td_status place_sample(const audit_job *job, const td_images *sample, tool_outputs *outputs,
                              td_error *error) {
    FILE *stream;
    TD_TRY(tool_outputs_add_path(outputs, job->sample, &stream, error));
    TD_TRY(td_name_stream(error,
                          td_dataset_write(stream, sample, job->clean.class_names, job->clean.name,
                                           job->clean.split, error),
                          stream, job->sample));
    TD_TRY(tool_outputs_finish(outputs, NULL, error));
    if (is_there(job, outputs))
        return TD_OK;
    if (td_path_exists(job->sample) && !job->run->common->force)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected the clean images of this audit, found other ones; --force "
                       "starts over",
                       job->sample);
    TD_TRY(steps_forget(&job->all, outputs, error));
    return tool_outputs_publish(outputs, error);
}

/* The steps read the sample, so it is not one of the run's own files. */
td_status audit_draw_sample(audit_job *job, td_error *error) {
    td_images sample;
    tool_outputs outputs = {.force = true};
    TD_TRY(draw(job, &sample, error));
    td_status status = place_sample(job, &sample, &outputs, error);
    tool_outputs_close(&outputs);
    return status;
}
