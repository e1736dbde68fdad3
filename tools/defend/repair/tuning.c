/* SPDX-License-Identifier: MIT */
#include "defend/repair/tuning.h"

#include "frame/classes.h"
#include "nn/op.h"

typedef struct epoch {
    size_t number;
    double loss, accuracy;
    td_rate validation;
} epoch;

static const tool_column columns[] = {
    {"epoch", "epoch", TOOL_COUNT, offsetof(epoch, number)},
    {"loss", "loss", TOOL_REAL, offsetof(epoch, loss)},
    {"accuracy", "training accuracy", TOOL_REAL, offsetof(epoch, accuracy)},
    {"validation_accuracy", "validation accuracy", TOOL_RATE, offsetof(epoch, validation)},
    {0},
};

static const tool_chart charts[] = {
    {"Loss", TOOL_CHART_LINES, "epoch", {"loss"}},
    {"Accuracy on validation images", TOOL_CHART_LINES, "epoch", {"validation_accuracy"}},
    {0},
};

typedef struct watch {
    const repair_job *job;
    tool_table *table;
    size_t epochs;
} watch;

static td_status epoch_done(void *context, const td_train_state *state, td_error *error) {
    watch *w = context;
    epoch row = {.number = state->epoch, .loss = state->loss, .accuracy = state->accuracy};
    w->epochs = state->epoch;
    if (w->job->held_out.count > 0)
        TD_TRY(repair_validate(w->job, w->job->net, w->job->weights, &row.validation, error));
    return tool_run_fill(w->job->run, w->table, &row, error);
}

static td_status open_table(repair_job *job, const repair_tuning *how, tool_table **out,
                            td_error *error) {
    tool_table_kind *kind;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, 1, &kind, "a table", error));
    *kind = (tool_table_kind){.name = how->table,
                              .title = how->title,
                              .columns = columns,
                              .row = sizeof(epoch),
                              .charts = charts,
                              .drawn = true};
    return tool_run_open(job->run, kind, NULL, out, error);
}

td_status repair_tune(repair_job *job, const repair_tuning *how, const td_train_options *options,
                      size_t *epochs, td_error *error) {
    watch w = {.job = job};
    td_train_options watched = *options;
    watched.epoch_done = epoch_done;
    watched.context = &w;
    TD_TRY(open_table(job, how, &w.table, error));
    TD_TRY(tool_run_train(job->run, how->net ? how->net : job->net, job->weights,
                          how->images ? how->images : &job->learned, &watched, how->doing, error));
    if (epochs)
        *epochs = w.epochs;
    return TD_OK;
}

td_status repair_warn_missing(repair_job *job, td_error *error) {
    const size_t classes = td_net_classes(job->net);
    size_t missing = 0, first = 0;
    char text[TOOL_CLASS_SIZE];
    bool *seen;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, classes, &seen, "classes", error));
    for (size_t i = 0; i < job->learned.count; i++)
        seen[job->learned.labels[i]] = true;
    for (size_t c = classes; c-- > 0;)
        if (!seen[c]) {
            missing++;
            first = c;
        }
    if (missing > 0)
        tool_run_note(job->run,
                      "warning: --clean has no image of %zu of the %zu classes, the first of them "
                      "%s: the repaired model may forget them",
                      missing, classes, tool_run_class_text(job->run, first, text));
    return TD_OK;
}

bool repair_has_norm(const td_net *net) {
    for (size_t i = 0; i < net->node_count; i++)
        if (net->nodes[i].op->batch_deviation)
            return true;
    return false;
}
