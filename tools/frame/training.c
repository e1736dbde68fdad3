#include "frame/training.h"

#include <stdio.h>

typedef struct watch {
    const td_train_options *options;
    size_t images;
    tool_run *run; /* NULL: the progress is this one */
    tool_progress progress;
} watch;

static bool batch_done(void *context, const td_train_state *state) {
    watch *w = context;
    const size_t done = (state->epoch - 1) * w->images + state->images;
    char note[96];
    snprintf(note, sizeof note, "epoch %zu/%zu  loss %.4f", state->epoch, w->options->epochs,
             state->loss);
    if (w->run) {
        tool_run_show(w->run, done, note);
        return !tool_run_stops(w->run);
    }
    tool_progress_update(&w->progress, done, note);
    return !tool_interrupted();
}

static td_status epoch_done(void *context, const td_train_state *state, td_error *error) {
    const td_train_options *options = ((watch *)context)->options;
    return options->epoch_done ? options->epoch_done(options->context, state, error) : TD_OK;
}

static td_status train(watch *w, const td_net *net, float *weights, const td_images *images,
                       td_error *error) {
    td_train_options watched = *w->options;
    watched.batch_done = batch_done;
    watched.epoch_done = epoch_done;
    watched.context = w;
    return td_train(net, weights, images, &watched, error);
}

td_status tool_train(const td_net *net, float *weights, const td_images *images,
                     const td_train_options *options, const char *what, bool quiet,
                     td_error *error) {
    watch w = {options, images->count, NULL,
               tool_progress_start(what, "images", options->epochs * images->count, quiet)};
    td_status status = train(&w, net, weights, images, error);
    tool_progress_end(&w.progress);
    return status;
}

td_status tool_run_train(tool_run *run, const td_net *net, float *weights, const td_images *images,
                         const td_train_options *options, const char *what, td_error *error) {
    watch w = {options, images->count, run, {0}};
    tool_run_begin(run, what, "images", options->epochs * images->count);
    td_status status = train(&w, net, weights, images, error);
    tool_run_end(run);
    return status;
}
