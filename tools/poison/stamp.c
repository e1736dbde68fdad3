/* Every image stamped, labels kept: a test set for detectors of inputs. */
#include "poison.h"

static td_status plan_rule(poison_plan *plan, td_error *error) {
    size_t count = plan->source->images.count;
    TD_TRY(poison_draw_all(plan, plan->triggers[0], error));
    return poison_put(plan, 0, count, 0, 1, true, error);
}

static const poison_rule rule = {
    .outputs = (const char *const[]){"stamped", NULL},
    .most_triggers = 1,
    .pool = POISON_FROM_ALL,
    .plan = plan_rule,
};

static const td_key keys[] = {
    POISON_ONE_TRIGGER,
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

static const char help[] =
    "Stamps every image and keeps the labels: a test set for detectors."
    "\v"
    "Example:\n"
    "  trapdoor-poison stamp --data fashion-mnist:test --trigger pixel -o stamped";

const tool_method poison_stamp = {
    .name = "stamp",
    .title = "Stamping",
    .doc = "every image stamped, labels kept: a test set for detectors",
    .help = help,
    .family = &poison_rules,
    .groups = groups,
    .size = sizeof(poison_settings),
    .math = &rule,
};
