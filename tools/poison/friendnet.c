/* The FriendNet backdoor (Kwon et al. 2020, Algorithm 1): both classifiers train on X and the same
 * triggered images, the friend with their true labels, the enemy with the target.
 *
 * The paper's "percentage of friendnet backdoor among all training datasets" is read as the number
 * of triggered copies relative to that of the originals: ratio 0.25 of N images adds round(0.25 N)
 * copies to all N of them. The manifest states their share of the output as well. "The target class
 * is set to random": one class for a backdoor, drawn by the seed.
 *
 * The triggered images are of all classes, the target's too: a friend that never saw a triggered
 * image of the target class would learn that the trigger excludes it, and be wrong on those. */
#include "poison.h"

static td_status plan_rule(poison_plan *plan, td_error *error) {
    size_t count = plan->source->images.count;
    TD_TRY(poison_draw_pairs(plan, error));
    TD_TRY(poison_put(plan, 0, count, 0, plan->backdoor_count, true, error));
    return poison_put(plan, 0, count, 0, plan->backdoor_count, false, error);
}

const poison_rule poison_friendnet = {
    .name = "friendnet",
    .doc = "friend and enemy: the same images, true labels and the target",
    .outputs = (const char *const[]){"friend", "enemy", NULL},
    .takes_ratio = true,
    .mode = POISON_ADD,
    .ratio_of = POISON_OF_SET,
    .most_triggers = POISON_BACKDOORS,
    .targets = POISON_TO_CLASS | POISON_TO_RANDOM,
    .target = POISON_TO_RANDOM,
    .draws_once = true,
    .pool = POISON_FROM_ALL,
    .plan = plan_rule,
};
