/* The plan around what a rule does: what was asked is checked against the data, and what was drawn
 * is laid out as outputs. */
#include "poison.h"

#include "frame/trigger.h"
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
    for (size_t i = 0; i < plan->request->triggers.count; i++) {
        const char *text = plan->request->triggers.texts[i];
        td_trigger **trigger = &plan->triggers[i];
        TD_TRY(poison_search_read(text, &plan->searches[i], trigger, error));
        if (!*trigger)
            TD_TRY(td_trigger_parse(trigger, text, error));
    }
    return TD_OK;
}

static td_status bind_triggers(poison_plan *plan, td_error *error) {
    const poison_request *request = plan->request;
    for (size_t i = 0; i < request->triggers.count; i++) {
        td_status status = tool_trigger_bind(plan->triggers[i], &plan->source->images,
                                             tool_run_is_quiet(plan->run), error);
        if (status != TD_OK)
            return td_fail_within(error, status, "%s", request->data);
    }
    return TD_OK;
}

/* One trigger cannot lead to two classes, nor need it lead to one twice. */
static td_status check_different(const poison_plan *plan, td_error *error) {
    const poison_request *request = plan->request;
    for (size_t i = 1; i < request->triggers.count; i++)
        for (size_t j = 0; j < i; j++) {
            const char *text = td_trigger_text(plan->triggers[i]);
            if (strcmp(text, td_trigger_text(plan->triggers[j])) != 0)
                continue;
            char first[16], second[16];
            return td_fail(error, TD_ERR_USAGE,
                           "--trigger: expected a different trigger for each --target, found '%s' "
                           "for targets %s and %s",
                           text, poison_target_text(&request->targets[j], first),
                           poison_target_text(&request->targets[i], second));
        }
    return TD_OK;
}

static td_status check_class(const poison_plan *plan, const char *option, int32_t label,
                             td_error *error) {
    size_t classes = plan->source->images.classes;
    if ((size_t)label < classes)
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE, "%s: expected a class of %s, 0 to %zu, found %d", option,
                   plan->request->data, classes - 1, label);
}

static td_status check_targets(const poison_plan *plan, td_error *error) {
    const poison_request *request = plan->request;
    size_t classes = plan->source->images.classes;
    if (request->rule->targets != 0 && classes < 2)
        return td_fail(error, TD_ERR_USAGE, "%s: expected at least 2 classes, found %zu",
                       request->data, classes);
    for (size_t i = 0; i < request->target_count; i++)
        if (request->targets[i].kind == POISON_TO_CLASS)
            TD_TRY(check_class(plan, "--target", request->targets[i].label, error));
    return TD_OK;
}

/* A source class must have images, and images whose labels the target changes. */
static td_status check_source(const poison_plan *plan, int32_t label, td_error *error) {
    const poison_request *request = plan->request;
    TD_TRY(check_class(plan, "--source", label, error));
    if (poison_class_size(plan, label, 0, plan->source->images.count) == 0)
        return td_fail(error, TD_ERR_USAGE,
                       "--source: expected a class with images in %s, found %d, which has none",
                       request->data, label);
    for (size_t i = 0; i < request->target_count; i++)
        if (request->rule->pool == POISON_FROM_OTHERS &&
            request->targets[i].kind == POISON_TO_CLASS && request->targets[i].label == label)
            return td_fail(error, TD_ERR_USAGE,
                           "--source: expected classes other than the target, found %d as --target "
                           "as well",
                           label);
    return TD_OK;
}

static td_status read_sources(poison_plan *plan, td_error *error) {
    const poison_request *request = plan->request;
    if (request->sources.count == 0)
        return TD_OK;
    TD_TRY(TD_ARENA_NEW(&plan->arena, plan->source->images.classes, &plan->source_classes,
                        "classes", error));
    for (size_t i = 0; i < request->sources.count; i++) {
        TD_TRY(check_source(plan, (int32_t)request->sources.counts[i], error));
        plan->source_classes[request->sources.counts[i]] = true;
    }
    return TD_OK;
}

td_status poison_plan_make(poison_plan *plan, td_error *error) {
    const poison_request *request = plan->request;
    const td_images *images = &plan->source->images;
    if (images->count == 0 || images->count > UINT32_MAX)
        return td_fail(error, TD_ERR_USAGE, "%s: expected 1 to %u images, found %zu", request->data,
                       UINT32_MAX, images->count);
    TD_TRY(bind_triggers(plan, error));
    TD_TRY(check_targets(plan, error));
    TD_TRY(read_sources(plan, error));
    TD_TRY(poison_search_run(plan, error));
    TD_TRY(check_different(plan, error));
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

td_status poison_put(poison_plan *plan, size_t begin, size_t end, size_t first, size_t last,
                     bool truly, td_error *error) {
    const td_images *images = &plan->source->images;
    bool add = plan->request->mode == POISON_ADD;
    size_t number = plan->output_count++;
    poison_output *output = &plan->outputs[number];
    char *name;
    TD_TRY(poison_output_name(plan->request, number, "", &plan->arena, &name, error));
    *output = (poison_output){.name = name, .begin = begin, .end = end, .count = end - begin};
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
