/* SPDX-License-Identifier: MIT */
/* The model, the sets and the triggers of a detector's run. */
#include "defend/detect/detect.h"
#include "defend/hygiene.h"
#include "frame/net_source.h"
#include "frame/trigger.h"

const char *detect_subject(const detect_job *job) {
    const detect_settings *s = job->settings;
    return s->model.path ? s->model.path : s->logits ? s->logits : job->clean.name;
}

static td_status open_model(detect_job *job, td_error *error) {
    const defend_model *from = &job->settings->model;
    if (!from->path)
        return TD_OK;
    TD_TRY(defend_open_model(job->run, from, &job->clean.images, &job->model, error));
    TD_TRY(tool_model_check_classes(&job->model, from->path, error));
    TD_TRY(td_exec_new(&job->exec, &job->model.net, DETECT_BATCH, TD_FORWARD, error));
    td_exec_weights(job->exec, job->model.weights);
    return TD_OK;
}

/* The images must be those that the model takes or, without a model, like the calibration images.
 */
static td_status check_shape(const detect_job *job, const td_dataset *data, td_error *error) {
    const td_images *own = &job->clean.images, *images = &data->images;
    if (job->settings->model.path)
        return defend_check_shape(data, &job->model.net, error);
    if (images->count == 0)
        return td_fail(error, TD_ERR_USAGE, "%s: expected images, found none", data->name);
    if (images->height == own->height && images->width == own->width &&
        images->channels == own->channels)
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "%s: expected images of %zu×%zu×%zu (height×width×channels), as those of %s "
                   "are, found %zu×%zu×%zu",
                   data->name, own->height, own->width, own->channels, job->clean.name,
                   images->height, images->width, images->channels);
}

static td_status add_sets(detect_job *job, const td_many *list, detect_kind kind, td_error *error) {
    for (size_t i = 0; i < list->count; i++) {
        td_dataset *data = &job->data[job->data_count++];
        TD_TRY(tool_run_images(job->run, list->texts[i], "test", data, error));
        job->sets[job->set_count++] =
            (detect_set){.kind = kind, .data = data, .count = data->images.count};
    }
    return TD_OK;
}

/* Every benign set once more, stamped with each trigger. */
static td_status add_stamped(detect_job *job, td_error *error) {
    const detect_settings *o = job->settings;
    for (size_t i = 0; i < o->triggers.count; i++)
        for (size_t k = 0; k < o->benign.count; k++) {
            detect_set *set = &job->sets[job->set_count++];
            *set = (detect_set){
                .kind = DETECT_SUSPECT, .data = &job->data[k], .count = job->data[k].images.count};
            TD_TRY(tool_trigger_open(job->run, o->triggers.texts[i], &set->data->images,
                                     set->data->first, &set->trigger, error));
        }
    return TD_OK;
}

static td_status check_hygiene(detect_job *job, td_error *error) {
    const hygiene_words words = {"--clean", "calibrates"};
    detect_set *own = &job->sets[0];
    TD_TRY(hygiene_check(job->run, &job->clean, &words, job->data, job->data_count, &own->numbers,
                         &own->count, error));
    job->left_out = job->clean.images.count - own->count;
    return TD_OK;
}

td_status detect_open_inputs(detect_job *job, td_error *error) {
    const detect_settings *o = job->settings;
    TD_TRY(tool_run_images(job->run, o->clean, "test", &job->clean, error));
    TD_TRY(open_model(job, error));
    TD_TRY(check_shape(job, &job->clean, error));
    job->sets[job->set_count++] = (detect_set){.kind = DETECT_CALIBRATION, .data = &job->clean};
    TD_TRY(add_sets(job, &o->benign, DETECT_BENIGN, error));
    TD_TRY(add_sets(job, &o->suspects, DETECT_SUSPECT, error));
    for (size_t i = 0; i < job->data_count; i++)
        TD_TRY(check_shape(job, &job->data[i], error));
    TD_TRY(add_stamped(job, error));
    return check_hygiene(job, error);
}

void detect_close_inputs(detect_job *job) {
    if (job->detector->close)
        job->detector->close(job);
    for (size_t i = 0; i < job->set_count; i++)
        td_trigger_free(job->sets[i].trigger);
    for (size_t i = 0; i < job->data_count; i++)
        td_dataset_close(&job->data[i]);
    td_dataset_close(&job->clean);
    td_exec_free(job->exec);
    td_model_free(&job->model);
}
