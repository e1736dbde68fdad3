/* The model, the sets and the triggers of a detector's run. */
#include "defend/detect/detect.h"
#include "defend/hygiene.h"
#include "frame/net_source.h"
#include "frame/trigger.h"
#include "nn/feed.h"

static td_status open_model(detect_job *job, td_error *error) {
    const detect_settings *o = job->settings;
    TD_TRY(tool_record_input(&job->run->record, o->model, error));
    TD_TRY(tool_model_open(&job->model, o->model, o->net, &job->clean.images, error));
    TD_TRY(tool_model_check_classes(&job->model, o->model, error));
    TD_TRY(td_exec_new(&job->exec, &job->model.net, DETECT_BATCH, TD_FORWARD, error));
    td_exec_weights(job->exec, job->model.weights);
    return TD_OK;
}

static td_status open_data(detect_job *job, td_dataset *data, const char *text, td_error *error) {
    TD_TRY(td_dataset_open(data, text, "test", job->run->common->data_dir, error));
    TD_TRY(tool_record_dataset(&job->run->record, data, error));
    return data->images.count > 0
               ? TD_OK
               : td_fail(error, TD_ERR_USAGE, "%s: expected images, found none", text);
}

static td_status add_sets(detect_job *job, const td_many *list, bool suspect, td_error *error) {
    for (size_t i = 0; i < list->count; i++) {
        td_dataset *data = &job->data[job->data_count++];
        TD_TRY(open_data(job, data, list->texts[i], error));
        job->sets[job->set_count++] = (detect_set){.data = data, .suspect = suspect};
    }
    return TD_OK;
}

/* Every benign set once more, stamped with each trigger. */
static td_status add_stamped(detect_job *job, td_error *error) {
    const detect_settings *o = job->settings;
    for (size_t i = 0; i < o->triggers.count; i++)
        for (size_t k = 0; k < o->benign.count; k++) {
            detect_set *set = &job->sets[job->set_count++];
            *set = (detect_set){.data = &job->data[k], .suspect = true};
            TD_TRY(td_trigger_parse(&set->trigger, o->triggers.texts[i], error));
            TD_TRY(tool_trigger_bind(set->trigger, &set->data->images, job->run->common->quiet,
                                     error));
            TD_TRY(tool_trigger_record(set->trigger, &job->run->record, error));
        }
    return TD_OK;
}

static td_status check_shape(const detect_job *job, const td_dataset *data, td_error *error) {
    td_status status = td_feed_check(&job->model.net, &data->images, error);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", data->name);
}

td_status detect_open_inputs(detect_job *job, td_error *error) {
    const detect_settings *o = job->settings;
    TD_TRY(open_data(job, &job->clean, o->clean, error));
    TD_TRY(open_model(job, error));
    TD_TRY(check_shape(job, &job->clean, error));
    TD_TRY(add_sets(job, &o->benign, false, error));
    TD_TRY(add_sets(job, &o->suspects, true, error));
    for (size_t i = 0; i < job->data_count; i++)
        TD_TRY(check_shape(job, &job->data[i], error));
    return add_stamped(job, error);
}

td_status detect_check_hygiene(detect_job *job, td_error *error) {
    const hygiene_words words = {"--clean", "calibrates", job->run->common->quiet};
    TD_TRY(hygiene_check(&job->clean, &words, job->data, job->data_count, &job->run->arena,
                         &job->calibration, &job->calibration_count, error));
    job->left_out = job->clean.images.count - job->calibration_count;
    return TD_OK;
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
