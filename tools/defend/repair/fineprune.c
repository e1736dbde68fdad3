/* SPDX-License-Identifier: MIT */
/* Fine-pruning: pruning, then fine-tuning, which restores the accuracy and defeats an attacker who
 * anticipates the pruning (trapdoor-implant pruning-aware). */
#include "defend/repair/fineprune.h"
#include "defend/method.h"

typedef struct fineprune_settings {
    prune_settings prune;
    td_train_options tune;
} fineprune_settings;

static td_status run(repair_job *job, td_error *error) {
    const fineprune_settings *s = job->run->own;
    size_t mask;
    TD_TRY(prune_channels(job, &s->prune, &mask, error));
    TD_TRY(finetune_model(job, &s->tune, error));
    return prune_shrink(job, &s->prune, mask, error);
}

static const repair fineprune = {.selects = true, .run = run};

static const tool_keys groups[] = {
    {.keys = repair_selection_keys},
    {.keys = prune_keys},
    {.keys = repair_tune_keys, .offset = offsetof(fineprune_settings, tune), .object = "tune"},
    {0},
};

static const char help[] =
    "prunes the model like trapdoor-defend prune, then fine-tunes it like trapdoor-defend "
    "finetune, by its learning rates, on the images that ranked the channels. The masks stay."
    "\v"
    "Example:\n"
    "  trapdoor-defend fineprune --model model.safetensors \\\n"
    "    --clean fashion-mnist:test:0-5000 --test fashion-mnist:test:5000-10000 \\\n"
    "    --trigger square:size=4 --target 0 -o repaired.safetensors\n";

const tool_method defend_fineprune = {
    .name = "fineprune",
    .title = "Fine-pruning",
    .source = "Liu et al., RAID 2018",
    .doc = "prunes, then fine-tunes",
    .help = help,
    .family = &repairs,
    .groups = groups,
    .size = sizeof(fineprune_settings),
    .math = &fineprune,
};
