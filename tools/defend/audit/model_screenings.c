/* SPDX-License-Identifier: MIT */
#include "defend/audit/model_screenings.h"

#include "defend/audit/model_folder.h"
#include "defend/method.h"
#include <math.h>

td_status model_screenings_open(model_screenings *m, size_t most, td_error *error) {
    return TD_ARENA_NEW(&m->all.run->arena, most, &m->list, "models", error);
}

static td_status set(step *s, const char *key, const char *value, td_error *error) {
    return tool_settings_set(&s->settings, key, value, error);
}

td_status model_screenings_add(model_screenings *m, const char *folder, const char *file,
                               const char *kind, td_error *error) {
    const char *path;
    model_screening *model = &m->list[m->count++];
    step *s = &model->step;
    TD_TRY(step_path(m->all.run, folder, file, &path, error));
    TD_TRY(tool_run_text(m->all.run, &model->name, error, "%s%s%.*s", kind ? kind : "",
                         kind ? "/" : "", (int)model_folder_stem(file), file));
    TD_TRY(step_open(s, &m->all, &defend_screen, NULL, model->name, error));
    TD_TRY(set(s, "model", path, error));
    TD_TRY(set(s, "clean", m->clean, error));
    if (m->controls)
        TD_TRY(set(s, "controls", m->controls, error));
    if (m->known)
        TD_TRY(set(s, "known-recipe", "", error));
    return step_look(s, &m->all, error);
}

static void tick(void *context, double share) {
    const model_screenings *m = context;
    (void)share;
    tool_run_show(m->all.run, m->done, m->list[m->done].name);
}

td_status model_screenings_run(model_screenings *m, td_error *error) {
    tool_run *run = m->all.run;
    tool_run_begin(run, "screening", "models", m->count);
    for (; m->done < m->count; m->done++) {
        step *s = &m->list[m->done].step;
        td_status status = s->done ? TD_OK : step_run(s, &m->all, INFINITY, tick, m, error);
        if (status == TD_ERR_INTERRUPTED)
            return td_fail(error, status,
                           "interrupted after %zu of %zu models; the same command resumes", m->done,
                           m->count);
        TD_TRY(status);
        if (s->failed)
            tool_run_note(run, "%s: %s", m->list[m->done].name, s->failed);
    }
    tool_run_end(run);
    return TD_OK;
}

const screened *model_screening_found(const model_screening *of) {
    return of->step.done ? of->step.outcome : NULL;
}

void model_screenings_close(model_screenings *m) {
    for (size_t i = 0; i < m->count; i++) {
        m->all.run->failed |= m->list[i].step.failed != NULL;
        step_close(&m->list[i].step);
    }
    json_decref(m->all.digests);
}
