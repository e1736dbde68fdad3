/* SPDX-License-Identifier: MIT */
#include "frame/predict.h"

#include "frame/interrupt.h"
#include "nn/loss.h"

tool_pass tool_run_pass(tool_run *run, const char *what, size_t images) {
    tool_run_begin(run, what, "images", images);
    return (tool_pass){.run = run};
}

void tool_pass_end(tool_pass *pass) {
    tool_run_end(pass->run);
}

static bool batch_done(void *context, size_t images) {
    tool_pass *pass = context;
    if (!pass)
        return !tool_interrupted();
    tool_run_show(pass->run, pass->done + images, NULL);
    return !tool_run_stops(pass->run);
}

td_predict_watch tool_pass_watch(tool_pass *pass) {
    return (td_predict_watch){batch_done, pass};
}

td_status tool_predict(const td_net *net, const float *weights, const td_images *images,
                       tool_pass *pass, td_arena *arena, float **logits, td_error *error) {
    TD_TRY(td_predict(net, weights, images, tool_pass_watch(pass), arena, logits, error));
    if (pass)
        pass->done += images->count;
    return TD_OK;
}

td_status tool_predict_classes(const td_net *net, const float *weights, const td_images *images,
                               tool_pass *pass, int32_t *predicted, td_error *error) {
    const size_t classes = td_net_classes(net);
    td_arena arena = {0};
    float *logits;
    td_status status = tool_predict(net, weights, images, pass, &arena, &logits, error);
    for (size_t i = 0; status == TD_OK && i < images->count; i++)
        predicted[i] = td_argmax(logits + i * classes, classes);
    td_arena_free(&arena);
    return status;
}
