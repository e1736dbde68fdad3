/* SPDX-License-Identifier: MIT */
/* Draws the images of a backdoor, and their labels. All draws are made here. */
#include "poison.h"

#include "base/random.h"
#include "frame/classes.h"
#include <math.h>
#include <stdio.h>

/* The label of image `source` under backdoor `number`. */
static int32_t label_for(const poison_plan *plan, size_t number, size_t source) {
    const td_images *images = &plan->source.images;
    const poison_target *target = &plan->backdoors[number].target;
    int32_t own = images->labels[source];
    if (target->kind == POISON_TO_CLASS)
        return target->label;
    if (target->kind == POISON_TO_MAP)
        return target->map[own];
    td_random random =
        td_random_for(plan->run->common->seed, TD_FOR_TARGET, (uint32_t)number, (uint32_t)source);
    if (target->kind == POISON_TO_ANY)
        return (int32_t)td_random_below(&random, (uint32_t)images->classes);
    int32_t other = (int32_t)td_random_below(&random, (uint32_t)(images->classes - 1));
    return other + (other >= own);
}

static void fix_target(poison_plan *plan, size_t number) {
    poison_backdoor *backdoor = &plan->backdoors[number];
    if (backdoor->target.kind != POISON_TO_RANDOM || !plan->rule->draws_once)
        return;
    td_random random = td_random_for(plan->run->common->seed, TD_FOR_TARGET, 0, (uint32_t)number);
    uint32_t classes = (uint32_t)plan->source.images.classes;
    backdoor->target = (poison_target){.kind = POISON_TO_CLASS,
                                       .label = (int32_t)td_random_below(&random, classes)};
    backdoor->drawn = 1;
}

size_t poison_class_size(const poison_plan *plan, int32_t label, size_t begin, size_t end) {
    size_t count = 0;
    for (size_t i = begin; i < end; i++)
        count += plan->source.images.labels[i] == label;
    return count;
}

/* If images of the target class are poisoned, the source classes are those on which the trigger
 * works. */
static bool restricts(const poison_plan *plan) {
    return plan->source_classes && plan->rule->pool != POISON_FROM_TARGET;
}

static bool may_take(const poison_plan *plan, size_t number, size_t source) {
    int32_t own = plan->source.images.labels[source];
    if (plan->backdoors[number].role == POISON_ROLE_COVER)
        return !plan->taken[source] && (!plan->cover_classes || plan->cover_classes[own]) &&
               label_for(plan, number, source) != own;
    if (plan->taken[source] || (restricts(plan) && !plan->source_classes[own]))
        return false;
    switch (plan->rule->pool) {
    case POISON_FROM_OTHERS:
        return label_for(plan, number, source) != own;
    case POISON_FROM_TARGET:
        return label_for(plan, number, source) == own;
    case POISON_FROM_ALL:
        break;
    }
    return true;
}

/* The number of images for the ratio. */
static td_status count_wanted(const poison_plan *plan, const poison_backdoor *backdoor, size_t *out,
                              td_error *error) {
    const double ratio = plan->settings->ratio;
    bool of_class = plan->settings->ratio_of == POISON_OF_CLASS;
    char text[16];
    if (of_class && backdoor->target.kind != POISON_TO_CLASS)
        return td_fail(error, TD_ERR_USAGE,
                       "--ratio-of class: expected one class as --target, found \"%s\"",
                       poison_target_text(&backdoor->target, text));
    size_t base = of_class ? backdoor->class_size : backdoor->set_size;
    *out = (size_t)llround(ratio * (double)base);
    if (*out > 0)
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "--ratio: expected a share of at least one image, found %.10g of %zu images%s",
                   ratio, base, of_class ? " of the target class" : "");
}

/* The error for `wanted` images when only `count` exist. */
static td_status fail_wanted(const poison_plan *plan, const poison_backdoor *backdoor,
                             uint32_t count, size_t wanted, td_error *error) {
    const double ratio = plan->settings->ratio;
    static const char *const pools[] = {[POISON_FROM_OTHERS] = "not of the target class",
                                        [POISON_FROM_ALL] = "of all classes",
                                        [POISON_FROM_TARGET] = "of the target class"};
    char those[96];
    snprintf(those, sizeof those, "%s%s%s", pools[plan->rule->pool],
             restricts(plan) ? ", of the source classes" : "",
             plan->mode == POISON_REPLACE && plan->backdoor_count > 1
                 ? " and not of another backdoor"
                 : "");
    if (plan->rule->pool == POISON_FROM_TARGET && plan->settings->ratio_of == POISON_OF_SET)
        return td_fail(error, TD_ERR_USAGE,
                       "--ratio: expected at most %.4g of the set, which is %u of %zu images "
                       "(those %s), found %.10g, which is %zu",
                       (double)count / (double)backdoor->set_size, count, backdoor->set_size, those,
                       ratio, wanted);
    return td_fail(error, TD_ERR_USAGE,
                   "--ratio: expected at most %u images to poison (those %s), found %.10g, which "
                   "is %zu",
                   count, those, ratio, wanted);
}

static td_status fail_covers(const poison_plan *plan, uint32_t count, size_t wanted,
                             td_error *error) {
    return td_fail(error, TD_ERR_USAGE,
                   "--cover-ratio: expected at most %u cover images (those %snot of the target "
                   "class, and not of a backdoor), found %.10g, which is %zu",
                   count, plan->cover_classes ? "of the cover classes, " : "",
                   plan->settings->cover_ratio, wanted);
}

/* Draws `wanted` images from those in [begin, end) that the backdoor may use. A larger ratio draws
 * the same images and more. */
static td_status draw_items(poison_plan *plan, size_t number, size_t begin, size_t end,
                            size_t wanted, td_error *error) {
    poison_backdoor *backdoor = &plan->backdoors[number];
    uint32_t *eligible, *order, count = 0;
    TD_TRY(TD_ARENA_NEW(&plan->arena, end - begin, &eligible, "the plan", error));
    for (size_t i = begin; i < end; i++)
        if (may_take(plan, number, i))
            eligible[count++] = (uint32_t)i;
    if (wanted > count)
        return backdoor->role == POISON_ROLE_COVER
                   ? fail_covers(plan, count, wanted, error)
                   : fail_wanted(plan, backdoor, count, wanted, error);
    TD_TRY(TD_ARENA_NEW(&plan->arena, count, &order, "the plan", error));
    td_random random = td_random_for(plan->run->common->seed, TD_FOR_POISON, 0, (uint32_t)number);
    td_random_permutation(&random, order, count);
    TD_TRY(TD_ARENA_NEW(&plan->arena, wanted, &backdoor->items, "the plan", error));
    const bool keeps = backdoor->role == POISON_ROLE_COVER;
    for (size_t i = 0; i < wanted; i++) {
        size_t source = eligible[order[i]];
        int32_t label =
            keeps ? plan->source.images.labels[source] : label_for(plan, number, source);
        backdoor->items[i] = (poison_item){
            .source = source, .label = label, .backdoor = (int32_t)number, .turn = i + 1};
        plan->taken[source] = plan->mode == POISON_REPLACE || plan->rule->covers;
    }
    return TD_OK;
}

/* The next backdoor, without images yet. */
static td_status start(poison_plan *plan, const td_trigger *trigger, poison_target target,
                       size_t begin, size_t end, td_error *error) {
    size_t number = plan->backdoor_count++;
    poison_backdoor *backdoor = &plan->backdoors[number];
    char text[16];
    *backdoor = (poison_backdoor){
        .role = POISON_ROLE_POISON,
        .role_name = plan->rule->covers ? poison_role_names[POISON_ROLE_POISON] : NULL,
        .trigger = trigger,
        .trigger_text = trigger ? td_trigger_text(trigger) : NULL,
        .target = target,
        .drawn = -1,
        .set_size = end - begin};
    fix_target(plan, number);
    if (backdoor->target.kind == POISON_TO_CLASS)
        backdoor->target_name = tool_run_class_name(plan->run, (size_t)backdoor->target.label);
    if (backdoor->target.kind == POISON_TO_CLASS)
        backdoor->class_size = poison_class_size(plan, backdoor->target.label, begin, end);
    return backdoor->target.kind == 0
               ? TD_OK
               : td_arena_print(&plan->arena, &backdoor->target_text, error, "%s",
                                poison_target_text(&backdoor->target, text));
}

static void finish(poison_backdoor *backdoor, size_t count) {
    backdoor->count = count;
    backdoor->of_set = (double)count / (double)backdoor->set_size;
    backdoor->of_class =
        backdoor->class_size > 0 ? (double)count / (double)backdoor->class_size : NAN;
}

td_status poison_draw(poison_plan *plan, const td_trigger *trigger, poison_target target,
                      size_t begin, size_t end, td_error *error) {
    size_t number = plan->backdoor_count, wanted;
    poison_backdoor *backdoor = &plan->backdoors[number];
    TD_TRY(start(plan, trigger, target, begin, end, error));
    if (plan->rule->pool == POISON_FROM_TARGET && backdoor->class_size == 0)
        return td_fail(error, TD_ERR_USAGE,
                       "--target: expected a class with images in %s, found %d, which has none",
                       plan->data, backdoor->target.label);
    TD_TRY(count_wanted(plan, backdoor, &wanted, error));
    TD_TRY(draw_items(plan, number, begin, end, wanted, error));
    finish(backdoor, wanted);
    return TD_OK;
}

/* Only the class of the backdoor's target matters; a random target must not be drawn again. */
td_status poison_draw_covers(poison_plan *plan, size_t begin, size_t end, td_error *error) {
    const size_t number = plan->backdoor_count;
    const poison_backdoor *covered = &plan->backdoors[number - 1];
    poison_backdoor *cover = &plan->backdoors[number];
    const size_t wanted = (size_t)llround(plan->settings->cover_ratio * (double)covered->set_size);
    TD_TRY(start(plan, plan->cover_trigger ? plan->cover_trigger : covered->trigger,
                 covered->target, begin, end, error));
    cover->role = POISON_ROLE_COVER;
    cover->role_name = poison_role_names[POISON_ROLE_COVER];
    if (wanted == 0)
        return td_fail(error, TD_ERR_USAGE,
                       "--cover-ratio: expected a share of at least one image, found %.10g of %zu "
                       "images",
                       plan->settings->cover_ratio, covered->set_size);
    TD_TRY(draw_items(plan, number, begin, end, wanted, error));
    finish(cover, wanted);
    return TD_OK;
}

td_status poison_draw_sources(poison_plan *plan, uint32_t **sources, size_t *count,
                              td_error *error) {
    const td_images *images = &plan->source.images;
    uint32_t *all, *order, found = 0;
    TD_TRY(TD_ARENA_NEW(&plan->arena, images->count, &all, "the plan", error));
    for (size_t i = 0; i < images->count; i++)
        if (plan->source_classes[images->labels[i]])
            all[found++] = (uint32_t)i;
    TD_TRY(TD_ARENA_NEW(&plan->arena, found, &order, "the plan", error));
    TD_TRY(TD_ARENA_NEW(&plan->arena, found, sources, "the plan", error));
    td_random random = td_random_for(plan->run->common->seed, TD_FOR_CRAFT, 0, 1);
    td_random_permutation(&random, order, found);
    for (size_t i = 0; i < found; i++)
        (*sources)[i] = all[order[i]];
    *count = found;
    return TD_OK;
}

td_status poison_draw_all(poison_plan *plan, const td_trigger *trigger, td_error *error) {
    const td_images *images = &plan->source.images;
    size_t number = plan->backdoor_count;
    poison_backdoor *backdoor = &plan->backdoors[number];
    TD_TRY(start(plan, trigger, (poison_target){0}, 0, images->count, error));
    TD_TRY(TD_ARENA_NEW(&plan->arena, images->count, &backdoor->items, "the plan", error));
    for (size_t i = 0; i < images->count; i++)
        backdoor->items[i] =
            (poison_item){.source = i, .label = images->labels[i], .backdoor = (int32_t)number};
    finish(backdoor, images->count);
    return TD_OK;
}
