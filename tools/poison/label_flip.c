/* The plain poisoning attack that the papers compare backdoors with: labels are changed, and
 * nothing else. */
#include "poison.h"

static td_status plan_rule(poison_plan *plan, td_error *error) {
    size_t count = plan->source->images.count;
    TD_TRY(poison_draw(plan, NULL, plan->request->targets[0], 0, count, error));
    return poison_put(plan, 0, count, 0, 1, false, error);
}

const poison_rule poison_label_flip = {
    .name = "label-flip",
    .doc = "labels changed, no trigger",
    .outputs = (const char *const[]){"poisoned", NULL},
    .takes_ratio = true,
    .mode = POISON_REPLACE,
    .ratio_of = POISON_OF_SET,
    .targets = POISON_TO_CLASS | POISON_TO_RANDOM | POISON_TO_NEXT,
    .target = POISON_TO_RANDOM,
    .plan = plan_rule,
};
