#include "frame/training.h"

#include "frame/interrupt.h"
#include "frame/progress.h"
#include <stdio.h>

typedef struct watch {
    const td_train_options *options;
    size_t images;
    tool_progress progress;
} watch;

static bool batch_done(void *context, const td_train_state *state) {
    watch *w = context;
    char note[96];
    snprintf(note, sizeof note, "epoch %zu/%zu  loss %.4f", state->epoch, w->options->epochs,
             state->loss);
    tool_progress_update(&w->progress, (state->epoch - 1) * w->images + state->images, note);
    return !tool_interrupted();
}

static td_status epoch_done(void *context, const td_train_state *state, td_error *error) {
    const td_train_options *options = ((watch *)context)->options;
    return options->epoch_done ? options->epoch_done(options->context, state, error) : TD_OK;
}

td_status tool_train(const td_net *net, float *weights, const td_images *images,
                     const td_train_options *options, const char *what, bool quiet,
                     td_error *error) {
    td_train_options watched = *options;
    watch w = {options, images->count,
               tool_progress_start(what, "images", options->epochs * images->count, quiet)};
    watched.batch_done = batch_done;
    watched.epoch_done = epoch_done;
    watched.context = &w;
    td_status status = td_train(net, weights, images, &watched, error);
    tool_progress_end(&w.progress);
    return status;
}
