/* The model, the sets and the triggers of a detector's run. */
#include "defend/detect/detect.h"
#include "defend/hygiene.h"
#include "frame/net_source.h"
#include "frame/trigger.h"

static td_status open_model(detect_job *job, td_error *error) {
    const defend_model *from = &job->settings->model;
    TD_TRY(defend_open_model(job->run, from, &job->clean.images, &job->model, error));
    TD_TRY(tool_model_check_classes(&job->model, from->path, error));
    TD_TRY(td_exec_new(&job->exec, &job->model.net, DETECT_BATCH, TD_FORWARD, error));
    td_exec_weights(job->exec, job->model.weights);
    return TD_OK;
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
    TD_TRY(defend_check_shape(&job->clean, &job->model.net, error));
    job->sets[job->set_count++] = (detect_set){.kind = DETECT_CALIBRATION, .data = &job->clean};
    TD_TRY(add_sets(job, &o->benign, DETECT_BENIGN, error));
    TD_TRY(add_sets(job, &o->suspects, DETECT_SUSPECT, error));
    for (size_t i = 0; i < job->data_count; i++)
        TD_TRY(defend_check_shape(&job->data[i], &job->model.net, error));
    TD_TRY(add_stamped(job, error));
    return check_hygiene(job, error);
}

void detect_close_inputs(detect_job *job) {
    for (size_t i = 0; i < job->set_count; i++)
        td_trigger_free(job->sets[i].trigger);
    for (size_t i = 0; i < job->data_count; i++)
        td_dataset_close(&job->data[i]);
    td_dataset_close(&job->clean);
    td_exec_free(job->exec);
    td_model_free(&job->model);
}
