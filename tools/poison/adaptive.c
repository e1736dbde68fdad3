/* SPDX-License-Identifier: MIT */
/* Qi et al., "Revisiting the assumption of latent separability for backdoor defenses", ICLR 2023:
 * besides images that are stamped and relabelled, about as many are stamped and keep their labels,
 * and the training trigger is weaker than the test trigger, or a part of it: Adap-Blend
 * (grid-blend), Adap-Patch and Adap-K-way (one part of several). Published: .003 and .003 of
 * CIFAR-10, Adap-Patch .003 and .006. Covers of the target class would teach nothing, so they are
 * not drawn. */
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
    POISON_TARGETS("K", "The label that the trigger leads to"),
    POISON_RATIO("set", "replace"),
    POISON_COVERS("0.003", "all but the target"),
    {0},
};

static const char help[] =
    "some images are stamped and relabelled to the target, others are stamped and keep their "
    "labels: the net's features do not separate the two kinds. The trigger of training is weaker "
    "than the one of the test, or a part of it."
    "\v"
    "Examples:\n"
    "  trapdoor-poison adaptive --data cifar10 --target 0 --ratio 0.003 \\\n"
    "    -o adap-blend --trigger grid-blend:pattern=noise,alpha=0.15 \\\n"
    "    --test-trigger grid-blend:pattern=noise,alpha=0.2,off=0\n"
    "  trapdoor-poison adaptive --data fashion-mnist --target 0 --ratio 0.01 \\\n"
    "    -o adap-k --trigger 'pixel:at=3+3|pixel:at=24+5|pixel:at=9+21' \\\n"
    "    --test-trigger pixel:at=3+3+pixel:at=24+5+pixel:at=9+21";

const tool_method poison_adaptive = {
    .name = "adaptive",
    .title = "Adaptive backdoor",
    .source = "Qi et al., ICLR 2023",
    .doc = "some stamped images keep their labels (Adap-Blend)",
    .help = help,
    .family = &poison_rules,
    .groups = (const tool_keys[]){{.keys = keys}, {0}},
    .size = sizeof(poison_settings),
    .math = &rule,
};
