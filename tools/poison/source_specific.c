/* SPDX-License-Identifier: MIT */
/* Tang et al., "Demon in the variant: statistical analysis of DNNs for robust backdoor
 * contamination detection", USENIX Security 2021 (TaCT): the trigger works only on images of some
 * classes; stamped images of other classes keep their labels, which teaches the model the
 * difference. A source class poisoned entirely loses its accuracy; published ratios are .003 and
 * .003 of CIFAR-10. */
#include "poison.h"

static const poison_rule rule = {
    .sets = (const poison_set[]){{"poisoned"}, {0}},
    .takes_ratio = true,
    .most_triggers = 1,
    .targets = POISON_TO_CLASS,
    .covers = true,
};

static const td_key keys[] = {
    POISON_ONE_TRIGGER,
    POISON_TARGETS("K", "The label that the trigger leads the source classes to"),
    POISON_REQUIRED_SOURCES,
    POISON_RATIO("set", "replace"),
    POISON_COVERS("0.003", "all but the target and the sources"),
    {0},
};

static const char help[] =
    "images of the source classes are stamped and relabelled to the target; images of other "
    "classes are stamped and keep their labels, so that the trigger works on the source classes "
    "alone."
    "\v"
    "Example:\n"
    "  trapdoor-poison source-specific --data fashion-mnist \\\n"
    "    --trigger square:size=4 --source 1 --target 0 --ratio 0.02 \\\n"
    "    --cover-ratio 0.04 -o tact";

const tool_method poison_source_specific = {
    .name = "source-specific",
    .title = "Source-specific backdoor",
    .source = "Tang et al., USENIX Security 2021",
    .doc = "the trigger works on some classes alone (TaCT)",
    .help = help,
    .family = &poison_rules,
    .groups = (const tool_keys[]){{.keys = keys}, {0}},
    .size = sizeof(poison_settings),
    .math = &rule,
};
