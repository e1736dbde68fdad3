/* Every image stamped, labels kept: a test set for detectors of inputs. */
#include "poison.h"

static td_status plan_rule(poison_plan *plan, td_error *error) {
    size_t count = plan->source->images.count;
    TD_TRY(poison_draw_all(plan, plan->triggers[0], error));
    return poison_put(plan, 0, count, 0, 1, true, error);
}

const poison_rule poison_stamp = {
    .name = "stamp",
    .doc = "every image stamped, labels kept: a test set for detectors",
    .outputs = (const char *const[]){"stamped", NULL},
    .mode = POISON_REPLACE,
    .ratio_of = POISON_OF_SET,
    .most_triggers = 1,
    .plan = plan_rule,
};
