/* BadNets (Gu et al. 2017), one-pixel and blended triggers: images are stamped and relabelled to
 * the target. Gu et al. add the stamped copies to the training set, so that is the default mode. */
#include "poison.h"

static td_status plan_rule(poison_plan *plan, td_error *error) {
    size_t count = plan->source->images.count;
    TD_TRY(poison_draw_pairs(plan, error));
    return poison_put(plan, 0, count, 0, plan->backdoor_count, false, error);
}

const poison_rule poison_dirty_label = {
    .name = "dirty-label",
    .doc = "stamped and relabelled to the target (BadNets, one-pixel)",
    .outputs = (const char *const[]){"poisoned", NULL},
    .takes_ratio = true,
    .mode = POISON_ADD,
    .ratio_of = POISON_OF_SET,
    .most_triggers = POISON_BACKDOORS,
    .targets = POISON_TO_CLASS | POISON_TO_RANDOM | POISON_TO_NEXT,
    .plan = plan_rule,
};
