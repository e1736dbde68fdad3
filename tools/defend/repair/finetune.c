/* Fine-tuning on clean images: what a model does not use on them may be forgotten. */
#include "defend/method.h"
#include "defend/repair/fineprune.h"

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

static const tool_table_kind epoch_table = {.name = "epochs",
                                            .title = "Fine-tuning",
                                            .columns = columns,
                                            .row = sizeof(epoch),
                                            .charts = charts,
                                            .drawn = true};

typedef struct watch {
    const repair_job *job;
    tool_table *table;
} watch;

static td_status epoch_done(void *context, const td_train_state *state, td_error *error) {
    const watch *w = context;
    epoch row = {.number = state->epoch, .loss = state->loss, .accuracy = state->accuracy};
    if (w->job->held_out.count > 0)
        TD_TRY(repair_validate(w->job, w->job->net, w->job->weights, &row.validation, error));
    return tool_run_fill(w->job->run, w->table, &row, error);
}

td_status finetune_model(repair_job *job, const td_train_options *options, td_error *error) {
    watch w = {.job = job};
    td_train_options watched = *options;
    watched.epoch_done = epoch_done;
    watched.context = &w;
    TD_TRY(tool_run_open(job->run, &epoch_table, NULL, &w.table, error));
    TD_TRY(tune_model(job->run, &watched, "fine-tuning", job->net, job->weights, &job->learned,
                      error));
    repair_say(job, "fine-tuned for %zu epochs on %zu images", options->epochs, job->learned.count);
    return TD_OK;
}

static td_status run(repair_job *job, td_error *error) {
    return finetune_model(job, job->run->own, error);
}

static const repair finetune = {.run = run};

static const tool_keys groups[] = {{.keys = repair_tune_keys, .object = "tune"}, {0}};

static const char help[] =
    "Fine-tune a model on all --clean images, by SGD at a small constant learning rate."
    "\v"
    "Example:\n"
    "  trapdoor-defend finetune --model model.safetensors \\\n"
    "    --clean fashion-mnist:train:0-5000 --test fashion-mnist \\\n"
    "    --trigger square:size=4 --target 0 -o tuned.safetensors\n";

const tool_method defend_finetune = {
    .name = "finetune",
    .title = "Fine-tuning",
    .doc = "trains the model on with clean images",
    .help = help,
    .family = &repairs,
    .groups = groups,
    .size = sizeof(td_train_options),
    .math = &finetune,
};
