/* The plain poisoning attack that the papers compare backdoors with: labels are changed, and
 * nothing else. */
#include "poison.h"

static td_status plan_rule(poison_plan *plan, td_error *error) {
    size_t count = plan->source->images.count;
    TD_TRY(poison_draw(plan, NULL, plan->request->targets[0], 0, count, error));
    return poison_put(plan, 0, count, 0, 1, false, error);
}

static const poison_rule rule = {
    .outputs = (const char *const[]){"poisoned", NULL},
    .takes_ratio = true,
    .targets = POISON_TO_CLASS | POISON_TO_RANDOM | POISON_TO_NEXT,
    .target = POISON_TO_RANDOM,
    .plan = plan_rule,
};

static const td_key keys[] = {
    POISON_TARGETS("K|random|next", "The new label (random, for every image)"),
    POISON_SOURCES,
    POISON_RATIO("set", "replace"),
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

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
    .groups = groups,
    .size = sizeof(poison_settings),
    .math = &rule,
};
