/* SPDX-License-Identifier: MIT */
#include "detect_support.h"

#include <math.h>
#include <string.h>

static td_images images_of(const subject *s, const uint8_t *pixels, size_t count) {
    const td_shape shape = td_net_input(&s->job.model.net);
    return (td_images){count, shape.height, shape.width, shape.channels, 1, pixels, s->labels};
}

void subject_open(subject *s, const tool_method *method, const char *net, const uint8_t *pixels,
                  size_t count) {
    td_model *model = &s->job.model;
    memset(s, 0, sizeof *s);
    assert_true(count <= SUBJECT_IMAGES);
    assert_int_equal(tool_settings_open(&s->values, "trapdoor-defend", method, NULL), TD_OK);
    subject_set(s, "model", "m.safetensors");
    s->run = (tool_run){.settings = &s->values,
                        .method = method,
                        .common = &s->values.common,
                        .family = s->values.family,
                        .own = s->values.own,
                        .deadline = INFINITY,
                        .as_part = true};
    assert_int_equal(td_net_parse(&model->net, net, NULL, NULL), TD_OK);
    assert_int_equal(
        TD_ARENA_NEW(&s->run.arena, model->net.weight_count, &model->weights, "weights", NULL),
        TD_OK);
    for (size_t i = 0; i < model->net.param_count; i++)
        for (size_t k = 0; k < model->net.params[i].count; k++)
            model->weights[model->net.params[i].offset + k] = model->net.params[i].fill;
    s->job.run = &s->run;
    s->job.settings = s->values.family;
    s->job.detector = method->math;
    s->job.clean = (td_dataset){.images = images_of(s, pixels, count), .name = "clean"};
    for (uint32_t i = 0; i < SUBJECT_IMAGES; i++)
        s->numbers[i] = i;
    s->job.sets[0] = (detect_set){.kind = DETECT_CALIBRATION,
                                  .data = &s->job.clean,
                                  .numbers = s->numbers,
                                  .count = count,
                                  .scores = s->scores,
                                  .classes = s->classes};
    s->job.set_count = 1;
}

void subject_close(subject *s) {
    if (s->job.detector->close)
        s->job.detector->close(&s->job);
    td_exec_free(s->job.exec);
    td_net_free(&s->job.model.net);
    td_arena_free(&s->run.arena);
    tool_settings_close(&s->values);
}

void subject_set(subject *s, const char *key, const char *value) {
    td_error error = {0};
    if (tool_settings_set(&s->values, key, value, &error) != TD_OK)
        fail_msg("%s", error.message);
}

float *subject_weights(subject *s, const char *param) {
    const td_net *net = &s->job.model.net;
    for (size_t i = 0; i < net->param_count; i++)
        if (strcmp(net->params[i].name, param) == 0)
            return s->job.model.weights + net->params[i].offset;
    fail_msg("the net has no %s", param);
    return NULL;
}

td_status subject_prepare(subject *s, td_error *error) {
    detect_job *job = &s->job;
    job->fpr = ((const detect_own *)s->run.own)->fpr;
    assert_int_equal(td_exec_new(&job->exec, &job->model.net, DETECT_BATCH, TD_FORWARD, NULL),
                     TD_OK);
    td_exec_weights(job->exec, job->model.weights);
    td_status status = job->detector->prepare(job, error);
    if (status == TD_OK && job->detector->queries)
        status = detect_query_open(job, error);
    return status;
}

void subject_score(subject *s, const uint8_t *pixels, size_t count, uint32_t first, double *out) {
    const td_images images = images_of(s, pixels, count);
    uint32_t numbers[SUBJECT_IMAGES];
    for (uint32_t i = 0; i < count; i++)
        numbers[i] = first + i;
    assert_int_equal(s->job.detector->score(&s->job, &images, numbers, count, out, NULL), TD_OK);
}

/* --- a net that decides by the mean --- */

const char subject_by_mean[] = "input = image() height=2 width=2 channels=1\n"
                               "n = normalise(input) mean=127.5 deviation=127.5\n"
                               "flat = flatten(n)\n"
                               "fc = dense(flat) out=2\n";

void subject_mean_weights(subject *s) {
    float *w = subject_weights(s, "fc.weight"), *b = subject_weights(s, "fc.bias");
    for (size_t i = 0; i < SUBJECT_PIXELS; i++)
        w[SUBJECT_PIXELS + i] = 1; /* the sum of (x / 255 - .5) / .5 */
    b[0] = (float)SUBJECT_PIXELS * (60.0F / 255 - 0.5F) / 0.5F;
}

const uint8_t subject_clean[SUBJECT_CLEAN * SUBJECT_PIXELS] = {10, 10, 10, 10, 200, 200, 200, 200};
