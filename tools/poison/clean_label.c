/* The clean-label backdoor (Barni, Kallas and Tondi 2019, section II-B): a signal is added to a
 * fraction alpha of the training images of the target class t, in place, and no label is changed.
 * The ratio is therefore a share of the class, and the mode is replace. With several targets "the
 * attacker defines" a signal for each, and alpha is the same share of each class. */
#include "poison.h"

static td_status plan_rule(poison_plan *plan, td_error *error) {
    size_t count = plan->source->images.count;
    TD_TRY(poison_draw_pairs(plan, error));
    return poison_put(plan, 0, count, 0, plan->backdoor_count, true, error);
}

const poison_rule poison_clean_label = {
    .name = "clean-label",
    .doc = "only images of the target class stamped, labels kept",
    .outputs = (const char *const[]){"poisoned", NULL},
    .takes_ratio = true,
    .mode = POISON_REPLACE,
    .ratio_of = POISON_OF_CLASS,
    .most_triggers = POISON_BACKDOORS,
    .targets = POISON_TO_CLASS,
    .pool = POISON_FROM_TARGET,
    .plan = plan_rule,
};
