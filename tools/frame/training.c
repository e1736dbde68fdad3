#include "frame/training.h"

#include <stdio.h>

typedef struct watch {
    tool_run *run;
    const td_train_options *options;
    size_t images;
} watch;

static bool batch_done(void *context, const td_train_state *state) {
    watch *w = context;
    char note[96];
    snprintf(note, sizeof note, "epoch %zu/%zu  loss %.4f", state->epoch, w->options->epochs,
             state->loss);
    const size_t epochs = state->epoch - 1 - w->options->epochs_done;
    tool_run_show(w->run, epochs * w->images + state->images, note);
    return !tool_run_stops(w->run);
}

static td_status epoch_done(void *context, const td_train_state *state, td_error *error) {
    const td_train_options *options = ((watch *)context)->options;
    return options->epoch_done ? options->epoch_done(options->context, state, error) : TD_OK;
}

td_status tool_run_train(tool_run *run, const td_net *net, float *weights, const td_images *images,
                         const td_train_options *options, const char *what, td_error *error) {
    watch w = {run, options, images->count};
    td_train_options watched = *options;
    watched.batch_done = batch_done;
    watched.epoch_done = epoch_done;
    watched.context = &w;
    tool_run_begin(run, what, "images", (options->epochs - options->epochs_done) * images->count);
    td_status status = td_train(net, weights, images, &watched, error);
    tool_run_end(run);
    return status;
}
