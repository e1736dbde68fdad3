/* SPDX-License-Identifier: MIT */
/* Fine-tuning on clean images: the model may forget what these do not use. */
#include "defend/method.h"
#include "defend/repair/fineprune.h"
#include "defend/repair/tuning.h"
#include <math.h>

td_status finetune_model(repair_job *job, const td_train_options *options, td_error *error) {
    const repair_tuning how = {.table = "epochs", .title = "Fine-tuning", .doing = "fine-tuning"};
    td_train_options training = tune_options(job->run, options);
    if (!repair_has_norm(job->net) && !tool_settings_given(job->run->settings, "lr"))
        training.step.lr = fmin(training.step.lr, 0.003); /* larger ones cost more than they take */
    tool_run_set(job->run, "tuning", "{sf}", "lr", training.step.lr);
    TD_TRY(repair_tune(job, &how, &training, NULL, error));
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
    "In a net without batch norm --lr is, unless given, 0.003: larger rates cost such a net more "
    "accuracy than they remove of a backdoor. The record has it as tuning.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend finetune --model model.safetensors \\\n"
    "    --clean fashion-mnist:test:0-5000 --test fashion-mnist:test:5000-10000 \\\n"
    "    --trigger square:size=4 --target 0 -o tuned.safetensors\n";

const tool_method defend_finetune = {
    .name = "finetune",
    .title = "Fine-tuning",
    .doc = "continues training on clean images",
    .help = help,
    .family = &repairs,
    .groups = groups,
    .size = sizeof(td_train_options),
    .math = &finetune,
};
