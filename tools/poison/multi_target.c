/* The multi-targeted backdoor (Kwon et al. 2020): one trigger that each of M models takes for
 * another class. Model i trains on its own slice of the images (Table A-3: ten of 5,000) and on
 * triggered copies of images of that slice, whose number is the ratio of the slice. Table 1 has
 * model i aim at class i (counted from 0), which is the default; with more models than classes it
 * begins again. */
#include "poison.h"

static poison_target target_of(const poison_plan *plan, size_t model) {
    const poison_request *request = plan->request;
    if (request->target_count > 0)
        return request->targets[request->target_count == 1 ? 0 : model];
    return (poison_target){POISON_TO_CLASS, (int32_t)(model % plan->source->images.classes)};
}

static td_status plan_rule(poison_plan *plan, td_error *error) {
    const poison_request *request = plan->request;
    size_t count = plan->source->images.count, slice = request->per_model;
    if (slice > count / request->models)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected %zu models of %zu images (--models, --per-model), found %zu "
                       "images",
                       request->data, request->models, slice, count);
    for (size_t i = 0; i < request->models; i++) {
        size_t begin = i * slice, end = begin + slice;
        TD_TRY(poison_draw(plan, plan->triggers[0], target_of(plan, i), begin, end, error));
        TD_TRY(poison_put(plan, begin, end, i, i + 1, false, error));
    }
    return TD_OK;
}

const poison_rule poison_multi_target = {
    .name = "multi-target",
    .doc = "one set for each model's slice: one trigger, a target each",
    .outputs = (const char *const[]){"model", NULL},
    .per_model = true,
    .takes_ratio = true,
    .mode = POISON_ADD,
    .ratio_of = POISON_OF_SET,
    .most_triggers = 1,
    .targets = POISON_TO_CLASS | POISON_TO_RANDOM,
    .target = POISON_TO_CLASS,
    .draws_once = true,
    .plan = plan_rule,
};
