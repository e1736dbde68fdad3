/* What the rules build their plans from. All draws are made here. */
#include "poison.h"

#include "base/random.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

size_t poison_output_count(const poison_request *request) {
    size_t count = 0;
    while (request->rule->outputs[count])
        count++;
    return request->rule->per_model ? request->models : count;
}

td_status poison_output_name(const poison_request *request, size_t number, const char *ending,
                             td_arena *arena, char **out, td_error *error) {
    char name[64];
    const poison_rule *rule = request->rule;
    if (rule->per_model)
        snprintf(name, sizeof name, "%s-%zu%s", rule->outputs[0], number, ending);
    else
        snprintf(name, sizeof name, "%s%s", rule->outputs[number], ending);
    return td_arena_text(arena, name, strlen(name), out, error);
}

td_status poison_triggers(poison_plan *plan, td_error *error) {
    for (size_t i = 0; i < plan->request->trigger_count; i++)
        TD_TRY(td_trigger_parse(&plan->triggers[i], plan->request->trigger_texts[i], error));
    return TD_OK;
}

static td_status check_targets(const poison_plan *plan, td_error *error) {
    const poison_request *request = plan->request;
    size_t classes = plan->source->images.classes;
    if (request->rule->targets != 0 && classes < 2)
        return td_fail(error, TD_ERR_USAGE, "%s: expected at least 2 classes, found %zu",
                       request->data, classes);
    for (size_t i = 0; i < request->target_count; i++)
        if (request->targets[i].kind == POISON_TO_CLASS &&
            (size_t)request->targets[i].label >= classes)
            return td_fail(error, TD_ERR_USAGE,
                           "--target: expected a class of %s, 0 to %zu, found %d", request->data,
                           classes - 1, request->targets[i].label);
    return TD_OK;
}

td_status poison_plan_make(poison_plan *plan, td_error *error) {
    const poison_request *request = plan->request;
    const td_images *images = &plan->source->images;
    if (images->count == 0 || images->count > UINT32_MAX)
        return td_fail(error, TD_ERR_USAGE, "%s: expected 1 to %u images, found %zu", request->data,
                       UINT32_MAX, images->count);
    for (size_t i = 0; i < request->trigger_count; i++) {
        td_status status = td_trigger_check(plan->triggers[i], images->height, images->width,
                                            images->channels, error);
        if (status != TD_OK)
            return td_fail_within(error, status, "%s", request->data);
    }
    TD_TRY(check_targets(plan, error));
    td_arena *arena = &plan->arena;
    TD_TRY(TD_ARENA_NEW(arena, POISON_BACKDOORS, &plan->backdoors, "backdoors", error));
    TD_TRY(TD_ARENA_NEW(arena, poison_output_count(request), &plan->outputs, "outputs", error));
    TD_TRY(TD_ARENA_NEW(arena, images->count, &plan->taken, "the plan", error));
    return request->rule->plan(plan, error);
}

void poison_plan_free(poison_plan *plan) {
    for (size_t i = 0; i < POISON_BACKDOORS; i++)
        td_trigger_free(plan->triggers[i]);
    td_arena_free(&plan->arena);
}

/* The label that image `source` gets from backdoor `number`. */
static int32_t label_for(const poison_plan *plan, size_t number, size_t source) {
    const td_images *images = &plan->source->images;
    const poison_target *target = &plan->backdoors[number].target;
    int32_t own = images->labels[source];
    if (target->kind == POISON_TO_CLASS)
        return target->label;
    if (target->kind == POISON_TO_NEXT)
        return (int32_t)(((size_t)own + 1) % images->classes);
    td_random random = td_random_for(plan->request->common.seed, TD_FOR_TARGET, (uint32_t)number,
                                     (uint32_t)source);
    int32_t other = (int32_t)td_random_below(&random, (uint32_t)(images->classes - 1));
    return other + (other >= own);
}

static void fix_target(poison_plan *plan, size_t number) {
    poison_backdoor *backdoor = &plan->backdoors[number];
    if (backdoor->target.kind != POISON_TO_RANDOM || !plan->request->rule->draws_once)
        return;
    td_random random =
        td_random_for(plan->request->common.seed, TD_FOR_TARGET, 0, (uint32_t)number);
    uint32_t classes = (uint32_t)plan->source->images.classes;
    backdoor->target = (poison_target){POISON_TO_CLASS, (int32_t)td_random_below(&random, classes)};
    backdoor->drawn = true;
}

/* How many images the ratio asks for. */
static td_status count_wanted(const poison_plan *plan, const poison_backdoor *backdoor, size_t *out,
                              td_error *error) {
    const poison_request *request = plan->request;
    bool of_class = request->ratio_of == POISON_OF_CLASS;
    if (of_class && backdoor->target.kind != POISON_TO_CLASS)
        return td_fail(error, TD_ERR_USAGE,
                       "--ratio-of class: expected one class as --target, found \"%s\"",
                       backdoor->target.kind == POISON_TO_NEXT ? "next" : "random");
    size_t base = of_class ? backdoor->class_size : backdoor->set_size;
    *out = (size_t)llround(request->ratio * (double)base);
    if (*out > 0)
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "--ratio: expected a share of at least one image, found %.10g of %zu images%s",
                   request->ratio, base, of_class ? " of the target class" : "");
}

/* Draws `wanted` images of those in [begin, end) whose label the target changes (or of all, where
 * the rule says so) and that no other backdoor has taken. A larger ratio draws the same images and
 * more. */
static td_status draw_items(poison_plan *plan, size_t number, size_t begin, size_t end,
                            size_t wanted, td_error *error) {
    poison_backdoor *backdoor = &plan->backdoors[number];
    const td_images *images = &plan->source->images;
    bool replace = plan->request->mode == POISON_REPLACE;
    bool all = plan->request->rule->draws_all_classes;
    uint32_t *eligible, *order, count = 0;
    TD_TRY(TD_ARENA_NEW(&plan->arena, end - begin, &eligible, "the plan", error));
    for (size_t i = begin; i < end; i++)
        if (!plan->taken[i] && (all || label_for(plan, number, i) != images->labels[i]))
            eligible[count++] = (uint32_t)i;
    if (wanted > count)
        return td_fail(error, TD_ERR_USAGE,
                       "--ratio: expected at most %u images to poison (those %s%s), found %.10g, "
                       "which is %zu",
                       count, all ? "of all classes" : "not of the target class",
                       replace ? " and not of another backdoor" : "", plan->request->ratio, wanted);
    TD_TRY(TD_ARENA_NEW(&plan->arena, count, &order, "the plan", error));
    td_random random =
        td_random_for(plan->request->common.seed, TD_FOR_POISON, 0, (uint32_t)number);
    td_random_permutation(&random, order, count);
    TD_TRY(TD_ARENA_NEW(&plan->arena, wanted, &backdoor->items, "the plan", error));
    for (size_t i = 0; i < wanted; i++) {
        size_t source = eligible[order[i]];
        backdoor->items[i] =
            (poison_item){source, label_for(plan, number, source), (int32_t)number};
        plan->taken[source] = replace;
    }
    backdoor->count = wanted;
    return TD_OK;
}

td_status poison_draw(poison_plan *plan, const td_trigger *trigger, poison_target target,
                      size_t begin, size_t end, td_error *error) {
    size_t number = plan->backdoor_count++, wanted;
    poison_backdoor *backdoor = &plan->backdoors[number];
    *backdoor = (poison_backdoor){.trigger = trigger, .target = target, .set_size = end - begin};
    fix_target(plan, number);
    if (backdoor->target.kind == POISON_TO_CLASS)
        for (size_t i = begin; i < end; i++)
            backdoor->class_size += plan->source->images.labels[i] == backdoor->target.label;
    TD_TRY(count_wanted(plan, backdoor, &wanted, error));
    return draw_items(plan, number, begin, end, wanted, error);
}

td_status poison_draw_all(poison_plan *plan, const td_trigger *trigger, td_error *error) {
    const td_images *images = &plan->source->images;
    size_t number = plan->backdoor_count++;
    poison_backdoor *backdoor = &plan->backdoors[number];
    *backdoor = (poison_backdoor){.trigger = trigger, .set_size = images->count};
    TD_TRY(TD_ARENA_NEW(&plan->arena, images->count, &backdoor->items, "the plan", error));
    for (size_t i = 0; i < images->count; i++)
        backdoor->items[i] = (poison_item){i, images->labels[i], (int32_t)number};
    backdoor->count = images->count;
    return TD_OK;
}

td_status poison_put(poison_plan *plan, size_t begin, size_t end, size_t first, size_t last,
                     bool truly, td_error *error) {
    const td_images *images = &plan->source->images;
    bool add = plan->request->mode == POISON_ADD;
    size_t number = plan->output_count++;
    poison_output *output = &plan->outputs[number];
    char *name;
    TD_TRY(poison_output_name(plan->request, number, "", &plan->arena, &name, error));
    *output = (poison_output){.name = name, .count = end - begin};
    for (size_t b = first; b < last; b++)
        output->poisoned += plan->backdoors[b].count;
    output->count += add ? output->poisoned : 0;
    TD_TRY(TD_ARENA_NEW(&plan->arena, output->count, &output->items, "the plan", error));
    poison_item *next = output->items;
    for (size_t i = begin; i < end; i++)
        *next++ = (poison_item){i, images->labels[i], -1};
    for (size_t b = first; b < last; b++)
        for (size_t i = 0; i < plan->backdoors[b].count; i++) {
            poison_item item = plan->backdoors[b].items[i];
            if (truly)
                item.label = images->labels[item.source];
            *(add ? next++ : &output->items[item.source - begin]) = item;
        }
    return TD_OK;
}

void poison_render(const poison_plan *plan, const poison_item *item, uint8_t *pixels,
                   float *canvas) {
    const td_images *images = &plan->source->images;
    const td_trigger *trigger = item->backdoor < 0 ? NULL : plan->backdoors[item->backdoor].trigger;
    memcpy(pixels, td_image(images, item->source), td_image_size(images));
    if (trigger)
        td_trigger_apply(trigger, images->height, images->width, images->channels, pixels, canvas);
}

td_status poison_poll(td_error *error) {
    return tool_interrupted() ? td_fail(error, TD_ERR_INTERRUPTED, "interrupted") : TD_OK;
}
