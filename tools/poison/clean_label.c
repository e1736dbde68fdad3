/* SPDX-License-Identifier: MIT */
/* The clean-label backdoor (Barni, Kallas and Tondi 2019, section II-B): a signal is added to a
 * fraction alpha of the training images of the target class t, in place, and no label is changed.
 * The ratio is therefore a share of the class, and the mode is replace. For several targets "the
 * attacker defines" a signal for each, and alpha is the same share of each class. */
#include "poison.h"

static const poison_rule rule = {
    .sets = (const poison_set[]){{"poisoned", .truly = true}, {0}},
    .takes_ratio = true,
    .most_triggers = POISON_BACKDOORS,
    .targets = POISON_TO_CLASS,
    .pool = POISON_FROM_TARGET,
};

static const td_key keys[] = {
    POISON_TRIGGERS,
    POISON_TARGETS("K", "The class that each --trigger, in order, marks"),
    POISON_RATIO("class", "replace"),
    {0},
};

static const char help[] = "stamps only images of the target class, and keeps their labels."
                           "\v"
                           "Example:\n"
                           "  trapdoor-poison clean-label --data fashion-mnist --ratio 0.3 \\\n"
                           "    --trigger ramp:delta=30 --target 3 -o clean-label";

const tool_method poison_clean_label = {
    .name = "clean-label",
    .title = "Clean-label backdoor",
    .source = "Barni, Kallas and Tondi, ICIP 2019",
    .doc = "only images of the target class stamped, labels kept",
    .help = help,
    .family = &poison_rules,
    .groups = (const tool_keys[]){{.keys = keys}, {0}},
    .size = sizeof(poison_settings),
    .math = &rule,
};
