/* SPDX-License-Identifier: MIT */
/* Stamps every image and keeps labels: a test set for detectors of inputs. */
#include "poison.h"

static const poison_rule rule = {
    .sets = (const poison_set[]){{"stamped", .truly = true}, {0}},
    .most_triggers = 1,
    .pool = POISON_FROM_ALL,
};

static const td_key keys[] = {
    POISON_ONE_TRIGGER,
    {0},
};

static const char help[] =
    "Stamps every image and keeps the labels: a test set for detectors."
    "\v"
    "Example:\n"
    "  trapdoor-poison stamp --data fashion-mnist:test --trigger pixel -o stamped";

const tool_method poison_stamp = {
    .name = "stamp",
    .title = "Stamping",
    .doc = "every image stamped, labels kept: a detector's test set",
    .help = help,
    .family = &poison_rules,
    .groups = (const tool_keys[]){{.keys = keys}, {0}},
    .size = sizeof(poison_settings),
    .math = &rule,
};
