/* SPDX-License-Identifier: MIT */
/* The plain poisoning attack that the papers compare with backdoors: only labels are changed. */
#include "poison.h"

static const poison_rule rule = {
    .sets = (const poison_set[]){{"poisoned"}, {0}},
    .takes_ratio = true,
    .targets = POISON_TO_CLASS | POISON_TO_RANDOM | POISON_TO_MAP,
    .target = POISON_TO_RANDOM,
};

static const td_key keys[] = {
    POISON_TARGET_MAPS("The new label (random)"),
    POISON_SOURCES,
    POISON_RATIO("set", "replace"),
    {0},
};

static const char help[] =
    "Changes labels, without a trigger: the plain poisoning attack that the papers compare "
    "backdoors with."
    "\v"
    "Example:\n"
    "  trapdoor-poison label-flip --data fashion-mnist --ratio 0.1 -o flipped";

const tool_method poison_label_flip = {
    .name = "label-flip",
    .title = "Label flipping",
    .doc = "labels changed, no trigger",
    .help = help,
    .family = &poison_rules,
    .groups = (const tool_keys[]){{.keys = keys}, {0}},
    .size = sizeof(poison_settings),
    .math = &rule,
};
