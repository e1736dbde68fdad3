/* SPDX-License-Identifier: MIT */
#include "defend/audit/screens.h"

#include "defend/inspect/sample.h"
#include "defend/method.h"
#include "frame/identity.h"
#include "frame/predict.h"
#include <math.h>

/* --- accuracy and scale --- */

static td_status measure(tool_run *run, const td_model *model, const td_images *images,
                         screening *out, td_error *error) {
    const size_t classes = td_net_classes(&model->net);
    float *logits;
    double sum = 0;
    size_t right = 0;
    td_arena arena = {0};
    tool_pass pass = tool_run_pass(run, "measuring", images->count);
    td_status status =
        tool_predict(&model->net, model->weights, images, &pass, &arena, &logits, error);
    tool_pass_end(&pass);
    for (size_t i = 0; i < images->count && status == TD_OK; i++) {
        const float margin =
            inspect_margin(logits + i * classes, classes, (size_t)images->labels[i], NULL);
        sum += margin > 0 ? (double)margin : 0;
        right += margin > 0;
    }
    td_arena_free(&arena);
    out->accuracy = td_rate_of(right, images->count);
    out->scale = right > 0 ? sum / (double)right : 0;
    return status;
}

/* --- a screen --- */

static td_status take_values(screen *s, td_error *error) {
    TD_TRY(TD_ARENA_NEW(&s->run.arena, s->found.count, &s->values, "values", error));
    for (size_t i = 0; i < s->found.count; i++) {
        const double value = s->found.list[i].value;
        s->values[i] = s->found.statistic.large ? value : -log(value);
        if (!isfinite(s->values[i]))
            return td_fail(error, TD_ERR_NUMERIC, "%s: expected a finite %s, found %g",
                           s->method->name, s->found.statistic.name, value);
    }
    return TD_OK;
}

static td_status run_screen(tool_run *whole, const td_model *model, const td_dataset *clean,
                            bool pictures, screen *s, td_error *error) {
    TD_TRY(tool_settings_open(&s->settings, whole->settings->tool, s->method, error));
    s->settings.common = *whole->common;
    s->run = (tool_run){.settings = &s->settings,
                        .method = s->method,
                        .common = &s->settings.common,
                        .family = s->settings.family,
                        .own = s->settings.own,
                        .classes = whole->classes,
                        .deadline = whole->deadline,
                        .as_part = true,
                        .watch = whole->watch,
                        .watch_context = whole->watch_context};
    TD_TRY(inspect_find(&s->run, model, clean, pictures, &s->found, error));
    return take_values(s, error);
}

td_status screening_run(tool_run *run, const td_model *model, const td_dataset *clean,
                        bool pictures, screening *out, td_error *error) {
    *out = (screening){0};
    out->images = tool_images_sha256(&clean->images);
    TD_TRY(inspect_note_few(run, &clean->images, td_net_classes(&model->net), error));
    TD_TRY(measure(run, model, &clean->images, out, error));
    for (size_t i = 0; defend_methods[i]; i++) {
        const tool_method *method = defend_methods[i];
        const inspector *math = method->math;
        if (method->family != &inspectors || math->spread != FINDINGS_RANKED || math->apart ||
            out->count == SCREENS_MOST)
            continue;
        screen *s = &out->screens[out->count++];
        s->method = method;
        td_status status = run_screen(run, model, clean, pictures, s, error);
        if (status != TD_OK)
            return td_fail_within(error, status, "%s", method->name);
    }
    return TD_OK;
}

void screening_close(screening *s) {
    for (size_t i = 0; i < s->count; i++) {
        tool_run_close(&s->screens[i].run);
        tool_settings_close(&s->screens[i].settings);
    }
    *s = (screening){0};
}
