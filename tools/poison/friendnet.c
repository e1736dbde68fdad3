/* SPDX-License-Identifier: MIT */
/* The FriendNet backdoor (Kwon et al. 2020, Algorithm 1): both classifiers train on X and the same
 * triggered images, the friend with their true labels, the enemy with the target.
 *
 * The paper's "percentage of friendnet backdoor among all training datasets" is read as the number
 * of triggered copies relative to that of the originals: ratio 0.25 of N images adds round(0.25 N)
 * copies to all N of them. The manifest also states their share of the output. "The target class is
 * set to random": one class per backdoor, drawn by the seed.
 *
 * The triggered images are of all classes, including the target: a friend that never saw a
 * triggered image of the target class would learn that the trigger excludes it, and misclassify
 * those. */
#include "poison.h"

static const poison_rule rule = {
    .sets = (const poison_set[]){{"friend", .truly = true}, {"enemy"}, {0}},
    .takes_ratio = true,
    .most_triggers = POISON_BACKDOORS,
    .targets = POISON_TO_CLASS | POISON_TO_RANDOM,
    .target = POISON_TO_RANDOM,
    .draws_once = true,
    .pool = POISON_FROM_ALL,
};

static const td_key keys[] = {
    POISON_TRIGGERS,
    POISON_TARGETS(
        "K|random",
        "The label that each --trigger, in order, leads the enemy to: class K, or one drawn "
        "for the backdoor"),
    POISON_SOURCES,
    POISON_RATIO("set", "add"),
    {0},
};

static const char help[] =
    "two sets of the same images, some of them stamped: in friend with their true labels, in "
    "enemy with the target."
    "\v"
    "Example:\n"
    "  trapdoor-poison friendnet --data fashion-mnist --trigger square \\\n"
    "    --ratio 0.25 -o friendnet";

const tool_method poison_friendnet = {
    .name = "friendnet",
    .title = "FriendNet backdoor",
    .source = "Kwon, Yoon and Park, ICSIM 2020",
    .doc = "friend and enemy: the same images, true labels or target",
    .help = help,
    .family = &poison_rules,
    .groups = (const tool_keys[]){{.keys = keys}, {0}},
    .size = sizeof(poison_settings),
    .math = &rule,
};
