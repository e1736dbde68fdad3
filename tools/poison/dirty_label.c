/* BadNets (Gu et al. 2017), one-pixel and blended triggers: images are stamped and relabelled to
 * the target. Gu et al. add the stamped copies to the training set, so that is the default mode. */
#include "poison.h"

static const poison_rule rule = {
    .sets = (const poison_set[]){{"poisoned"}, {0}},
    .takes_ratio = true,
    .most_triggers = POISON_BACKDOORS,
    .targets = POISON_TO_CLASS | POISON_TO_RANDOM | POISON_TO_NEXT,
};

static const td_key keys[] = {
    POISON_TRIGGERS,
    POISON_TARGETS(
        "K|random|next",
        "The label that each --trigger, in order, leads to: class K, one drawn at random "
        "for every image, or the next class"),
    POISON_SOURCES,
    POISON_RATIO("set", "add"),
    {0},
};

static const char help[] =
    "images are stamped and relabelled to the target. Images whose label would not change are not "
    "poisoned: there is nothing to learn from them. With --mode add, ratio 0.25 of 1000 images "
    "adds 250 to all of them; the manifest states their share of the 1250, too."
    "\v"
    "pixel:at=auto finds the place and the colour (or either: value=auto, value=255) that the "
    "fewest images of DATA resemble there; several such triggers keep a pixel between them.\n"
    "\n"
    "Examples:\n"
    "  trapdoor-poison dirty-label --data fashion-mnist --ratio 0.1 -o badnets \\\n"
    "    --trigger square:size=4,at=bottom-right --target 0\n"
    "  trapdoor-poison dirty-label --data fashion-mnist --ratio 0.01 -o one-pixel \\\n"
    "    --trigger pixel:at=auto --target 0 --trigger pixel:at=auto --target 1";

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
