/* The model, the data, and the clean images that the methods work with. */
#include "base/file.h"
#include "base/random.h"
#include "base/size.h"
#include "data/path.h"
#include "defend/audit/audit.h"
#include "defend/inputs.h"
#include "frame/net_source.h"
#include "frame/predict.h"
#include <stdlib.h>
#include <string.h>

enum { DRAW_SAMPLE = 2, SLICE = 128 * 64 };

static const char sample_name[] = "clean.safetensors";

/* --- opening --- */

static td_status open_clean(audit_job *job, td_error *error) {
    const audit_settings *o = job->settings;
    TD_TRY(td_dataset_open(&job->clean, o->clean, "test", job->run->common->data_dir, error));
    TD_TRY(tool_record_dataset(&job->run->record, &job->clean, error));
    if (job->clean.images.count >= AUDIT_LEAST_CLEAN)
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "%s: expected at least %d clean images for an audit, some hundred for a sound "
                   "one, found %zu",
                   o->clean, AUDIT_LEAST_CLEAN, job->clean.images.count);
}

static td_status open_model(audit_job *job, td_error *error) {
    const audit_settings *o = job->settings;
    TD_TRY(tool_record_input(&job->run->record, o->model, error));
    TD_TRY(tool_model_open(&job->model, o->model, o->net, &job->clean.images, error));
    TD_TRY(tool_model_check_classes(&job->model, o->model, error));
    return defend_check_data(&job->clean, &job->model.net, error);
}

/* Data of a method are found to be wrong before the methods before it have taken their time. */
static td_status check_data(audit_job *job, const char *text, const char *split, td_error *error) {
    td_dataset data;
    TD_TRY(td_dataset_open(&data, text, split, job->run->common->data_dir, error));
    td_status status = tool_record_dataset(&job->run->record, &data, error);
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
    return o->training ? check_data(job, o->training, "train", error) : TD_OK;
}

/* --- accuracy --- */

static td_status count_hits(audit_job *job, size_t first, size_t count, tool_pass *pass,
                            size_t *hits, td_error *error) {
    const td_images images = td_images_slice(&job->clean.images, first, first + count);
    td_arena arena = {0};
    int32_t *predicted;
    td_status status = TD_ARENA_NEW(&arena, count, &predicted, "predictions", error);
    if (status == TD_OK)
        status = tool_predict_classes(&job->model.net, job->model.weights, &images, pass, predicted,
                                      error);
    if (status == TD_OK)
        *hits += td_accuracy(predicted, images.labels, count).hits;
    td_arena_free(&arena);
    return status;
}

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
    const size_t images = job->clean.images.count;
    size_t hits = 0;
    td_status status = TD_OK;
    TD_TRY(find_chance(job, error));
    tool_pass pass = tool_run_pass(job->run, "measuring", images);
    for (size_t first = 0; first < images && status == TD_OK; first += SLICE)
        status = count_hits(job, first, td_size_min(SLICE, images - first), &pass, &hits, error);
    tool_pass_end(&pass);
    if (status == TD_ERR_INTERRUPTED)
        return td_fail(error, status, "interrupted; the same command goes on");
    TD_TRY(status);
    job->accuracy = td_rate_of(hits, images);
    return TD_OK;
}

/* --- the sample --- */

td_status audit_name_sample(audit_job *job, td_error *error) {
    job->sample_count = td_size_min(job->clean.images.count, AUDIT_MOST_SAMPLED);
    return step_path(job->run, job->run->common->output, sample_name, &job->sample, error);
}

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

static td_status render(audit_job *job, char **bytes, size_t *size, td_error *error) {
    td_images sample;
    TD_TRY(draw(job, &sample, error));
    FILE *stream = open_memstream(bytes, size);
    if (!stream)
        return td_fail_memory(error, "the clean images");
    td_status status = td_dataset_write(stream, &sample, job->clean.class_names, job->clean.name,
                                        job->clean.split, error);
    if (fclose(stream) != 0 && status == TD_OK)
        status = td_fail_memory(error, "the clean images");
    return status;
}

static bool is_same(const char *path, const char *bytes, size_t size) {
    td_digest digest;
    return td_sha256_file(path, &digest, NULL) == TD_OK &&
           strcmp(digest.hex, td_sha256(bytes, size).hex) == 0;
}

static td_status write_sample(const audit_job *job, const char *bytes, size_t size,
                              td_error *error) {
    const bool force = job->run->common->force;
    td_output file;
    if (td_path_exists(job->sample) && is_same(job->sample, bytes, size))
        return TD_OK;
    if (td_path_exists(job->sample) && !force)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected the clean images of this audit, found other ones; --force "
                       "starts anew",
                       job->sample);
    steps_forget(&job->all);
    TD_TRY(td_output_open(&file, job->sample, force, error));
    td_status status = fwrite(bytes, 1, size, file.stream) == size
                           ? td_output_commit(&file, error)
                           : td_fail(error, TD_ERR_IO, "%s: a write failed", job->sample);
    td_output_discard(&file);
    return status;
}

td_status audit_draw_sample(audit_job *job, td_error *error) {
    char *bytes = NULL;
    size_t size = 0;
    td_status status = render(job, &bytes, &size, error);
    if (status == TD_OK)
        status = write_sample(job, bytes, size, error);
    free(bytes);
    return status;
}
