/* SPDX-License-Identifier: MIT */
/* A square of pixels as the trigger of a training. */
#include "base/parallel.h"
#include "implant/plant.h"
#include <string.h>

td_status plant_mark_open(plant *p, const plant_mark_settings *settings, mark *m, td_error *error) {
    const td_shape shape = td_net_input(p->net);
    const size_t side = settings->size;
    td_position position;
    const char *file;
    TD_TRY(implant_read_place(settings->at, &position, error));
    if (shape.height < side || shape.width < side)
        return td_fail(error, TD_ERR_USAGE,
                       "--size: expected at most the %zux%zu of the images, found %zu", shape.width,
                       shape.height, side);
    td_status status =
        td_position_resolve(&position, side, side, shape, &p->job->top, &p->job->left, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "--at");
    TD_TRY(mark_open(m, shape, side, p->job->top, p->job->left, 127.5F, &p->run->arena, error));
    if (p->target.rule)
        file = "trigger.png";
    else
        TD_TRY(tool_run_text(p->run, &file, error, "trigger-%zu.png", p->target.class));
    return plant_trigger(p, "poison", NULL, file, error);
}

typedef struct pasting {
    const mark *m;
    float *input;
} pasting;

static void paste_one(void *context, size_t i) {
    const pasting *paste = context;
    mark_paste(paste->m, paste->input + i * td_shape_size(paste->m->image));
}

void plant_mark_paste(const mark *m, float *input, size_t count) {
    pasting paste = {m, input};
    td_parallel_each(count, paste_one, &paste);
}
