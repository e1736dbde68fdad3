/* SPDX-License-Identifier: MIT */
/* The multi-targeted backdoor (Kwon et al. 2020): one trigger that each of M models classifies
 * differently. Model i trains on its own slice of the images (Table A-3: ten of 5,000) and on
 * triggered copies of images of that slice, whose number is the ratio of the slice. In Table 1 the
 * target of model i is class i (counted from 0), which is the default; with more models than
 * classes it wraps around. */
#include "poison.h"

static poison_target target_of(const poison_plan *plan, size_t model) {
    if (plan->target_count > 0)
        return plan->targets[plan->target_count == 1 ? 0 : model];
    return (poison_target){.kind = POISON_TO_CLASS,
                           .label = (int32_t)(model % plan->source.images.classes)};
}

static td_status plan_rule(poison_plan *plan, td_error *error) {
    size_t count = plan->source.images.count, models = plan->output_count;
    size_t slice = plan->settings->per_model;
    if (slice > count / models)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected %zu models of %zu images (--models, --per-model), found %zu "
                       "images",
                       plan->data, models, slice, count);
    for (size_t i = 0; i < models; i++) {
        size_t begin = i * slice, end = begin + slice;
        TD_TRY(poison_draw(plan, plan->triggers[0], target_of(plan, i), begin, end, error));
        TD_TRY(poison_put(plan, begin, end, i, i + 1, false, error));
    }
    return TD_OK;
}

static const poison_rule rule = {
    .sets = (const poison_set[]){{"model"}, {0}},
    .takes_ratio = true,
    .most_triggers = 1,
    .targets = POISON_TO_CLASS | POISON_TO_RANDOM,
    .target = POISON_TO_CLASS,
    .draws_once = true,
    .plan = plan_rule,
};

static const td_key keys[] = {
    POISON_ONE_TRIGGER,
    POISON_TARGETS(
        "K|random",
        "The label of all models, or of each in order: class K, or one drawn for the model "
        "(model i aims at class i)"),
    POISON_SOURCES,
    POISON_RATIO("set", "add"),
    {"models", TD_KEY_COUNT, POISON_AT(models), .least = 1, .most = POISON_BACKDOORS,
     .standard = "10", .value = "M", .help = "How many models"},
    {"per-model", TD_KEY_COUNT, POISON_AT(per_model), .least = 1, .most = UINT32_MAX,
     .standard = "5000", .value = "N", .help = "Images of each model's slice"},
    {0},
};

static const char help[] =
    "one trigger with another target for each of M models: a set for each model, from its own "
    "slice of DATA."
    "\v"
    "Example:\n"
    "  trapdoor-poison multi-target --data mnist --trigger square \\\n"
    "    --ratio 0.25 -o ten";

const tool_method poison_multi_target = {
    .name = "multi-target",
    .title = "Multi-targeted backdoor",
    .source = "Kwon et al. 2020",
    .doc = "a set for each model's slice: one trigger, a target each",
    .help = help,
    .family = &poison_rules,
    .groups = (const tool_keys[]){{.keys = keys}, {0}},
    .size = sizeof(poison_settings),
    .math = &rule,
};
