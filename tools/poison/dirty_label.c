/* SPDX-License-Identifier: MIT */
/* BadNets (Gu et al. 2017), one-pixel and blended triggers: images are stamped and relabelled to
 * the target. Gu et al. add the stamped copies to the training set, so that is the default mode. */
#include "poison.h"

static const poison_rule rule = {
    .sets = (const poison_set[]){{"poisoned"}, {0}},
    .takes_ratio = true,
    .most_triggers = POISON_BACKDOORS,
    .targets = POISON_TO_CLASS | POISON_TO_RANDOM | POISON_TO_MAP,
};

static const td_key keys[] = {
    POISON_TRIGGERS,
    POISON_TARGET_MAPS("The label that each --trigger, in order, leads to"),
    POISON_SOURCES,
    POISON_RATIO("set", "add"),
    {0},
};

static const char help[] =
    "images are stamped and relabelled to the target. Images whose label would not change are not "
    "poisoned. With --mode add, ratio 0.25 of 1000 images adds 250 to all of them; the manifest "
    "states their share of the 1250, too."
    "\v"
    "--target-map is another name of --target. With a map, each class has its own target: next "
    "and permutation are all-to-all, 3=0,5=0,7=1 is three to two. Images of a class without a "
    "pair are not poisoned.\n"
    "\n"
    "pixel:at=auto finds the place and the colour (or either: value=auto, value=255) that the "
    "fewest images of DATA resemble there; several such triggers keep a pixel between them.\n"
    "\n"
    "Examples:\n"
    "  trapdoor-poison dirty-label --data fashion-mnist --ratio 0.1 -o badnets \\\n"
    "    --trigger square:size=4,at=bottom-right --target 0\n"
    "  trapdoor-poison dirty-label --data fashion-mnist --ratio 0.01 -o one-pixel \\\n"
    "    --trigger pixel:at=auto --target 0 --trigger pixel:at=auto --target 1\n"
    "  trapdoor-poison dirty-label --data fashion-mnist --ratio 0.1 -o all-to-all \\\n"
    "    --trigger square:size=4 --target-map next --mode replace";

const tool_method poison_dirty_label = {
    .name = "dirty-label",
    .title = "BadNets",
    .source = "Gu et al. 2017",
    .doc = "stamped and relabelled to the target (BadNets, one-pixel)",
    .help = help,
    .family = &poison_rules,
    .groups = (const tool_keys[]){{.keys = keys}, {0}},
    .size = sizeof(poison_settings),
    .math = &rule,
};
