/* SPDX-License-Identifier: MIT */
/* Li et al., "Untargeted backdoor watermark", NeurIPS 2022, UBW-P: stamped images get a label drawn
 * from all classes, including their own, so that a net that learns them misclassifies stamped
 * images and there is no target class to find. Published ratio: a tenth of the set. */
#include "poison.h"

static const poison_rule rule = {
    .sets = (const poison_set[]){{"poisoned"}, {0}},
    .takes_ratio = true,
    .most_triggers = 1,
    .target = POISON_TO_ANY,
    .pool = POISON_FROM_ALL,
};

static const td_key keys[] = {
    POISON_ONE_TRIGGER,
    POISON_SOURCES,
    POISON_RATIO("set", "replace"),
    {0},
};

static const char help[] =
    "stamped images get a label drawn from all classes: a net that learns them is wrong on "
    "stamped images, and has no target class. trapdoor-eval gives the share of stamped images "
    "that are classified wrongly, the same of those that are right unstamped, and how the wrong "
    "classes spread."
    "\v"
    "Example:\n"
    "  trapdoor-poison untargeted --data fashion-mnist --ratio 0.1 \\\n"
    "    --trigger square:size=4 -o ubw";

const tool_method poison_untargeted = {
    .name = "untargeted",
    .title = "Untargeted backdoor",
    .source = "Li et al., NeurIPS 2022",
    .doc = "stamped images get any label: no target class (UBW-P)",
    .help = help,
    .family = &poison_rules,
    .groups = (const tool_keys[]){{.keys = keys}, {0}},
    .size = sizeof(poison_settings),
    .math = &rule,
};
