/* The model, the data, and the clean images that the methods work with. */
#include "base/file.h"
#include "base/random.h"
#include "base/size.h"
#include "data/path.h"
#include "defend/audit/audit.h"
#include "frame/net_source.h"
#include "frame/predict.h"
#include <string.h>

enum { LEAST_CLEAN = 50, MOST_SAMPLED = 2000, DRAW_SAMPLE = 2 };

static const char sample_name[] = "clean.safetensors";

/* --- opening --- */

static td_status open_clean(audit_job *job, td_error *error) {
    const char *name = job->settings->clean;
    TD_TRY(defend_open_data(job->run, name, "test", &job->clean, error));
    if (job->clean.images.count >= LEAST_CLEAN)
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "%s: expected at least %d clean images for an audit, some hundred for a sound "
                   "one, found %zu",
                   name, LEAST_CLEAN, job->clean.images.count);
}

static td_status open_model(audit_job *job, td_error *error) {
    const defend_model *from = &job->settings->model;
    TD_TRY(defend_open_model(job->run, from, &job->clean.images, &job->model, error));
    TD_TRY(tool_model_check_classes(&job->model, from->path, error));
    return defend_check_data(&job->clean, &job->model.net, error);
}

/* Data of a method are found to be wrong before the methods before it have taken their time. */
static td_status check_data(audit_job *job, const char *text, const char *split, td_error *error) {
    td_dataset data;
    td_status status = defend_open_data(job->run, text, split, &data, error);
    if (status == TD_OK)
        status = defend_check_data(&data, &job->model.net, error);
    td_dataset_close(&data);
    return status;
}

td_status audit_open(audit_job *job, td_error *error) {
    const audit_settings *o = job->settings;
    TD_TRY(open_clean(job, error));
    TD_TRY(open_model(job, error));
    for (size_t i = 0; i < o->suspects.count; i++)
        TD_TRY(check_data(job, o->suspects.texts[i], "test", error));
    if (o->training)
        TD_TRY(check_data(job, o->training, "train", error));
    job->sample_count = td_size_min(job->clean.images.count, MOST_SAMPLED);
    return step_path(job->run, job->run->common->output, sample_name, &job->sample, error);
}

/* --- accuracy --- */

/* The share of the commonest label, which a model that does not look would reach. */
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
        return td_fail(error, status, "interrupted; the same command goes on");
    TD_TRY(status);
    job->accuracy = td_accuracy(predicted, images->labels, images->count);
    return TD_OK;
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

/* Whether the sample that was written is the one that is there already. */
static bool is_there(const audit_job *job, const tool_outputs *outputs) {
    td_digest old;
    return td_path_exists(job->sample) && td_sha256_file(job->sample, &old, NULL) == TD_OK &&
           strcmp(tool_outputs_digest(outputs)->hex, old.hex) == 0;
}

/* Puts the sample into place unless it is there. */
static td_status place_sample(const audit_job *job, const td_images *sample, tool_outputs *outputs,
                              td_error *error) {
    FILE *stream;
    TD_TRY(tool_outputs_add_path(outputs, job->sample, &stream, error));
    TD_TRY(td_dataset_write(stream, sample, job->clean.class_names, job->clean.name,
                            job->clean.split, error));
    TD_TRY(tool_outputs_finish(outputs, NULL, error));
    if (is_there(job, outputs))
        return TD_OK;
    if (td_path_exists(job->sample) && !job->run->common->force)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected the clean images of this audit, found other ones; --force "
                       "starts anew",
                       job->sample);
    TD_TRY(steps_forget(&job->all, outputs, error));
    return tool_outputs_publish(outputs, error);
}

/* The steps read the sample, which therefore is no file of the run's own. */
td_status audit_draw_sample(audit_job *job, td_error *error) {
    td_images sample;
    tool_outputs outputs = {.force = true};
    TD_TRY(draw(job, &sample, error));
    td_status status = place_sample(job, &sample, &outputs, error);
    tool_outputs_close(&outputs);
    return status;
}
