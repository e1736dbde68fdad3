/* SPDX-License-Identifier: MIT */
/* The plan, the common part of the rules: checks the settings against the data, and lays out the
 * draws as outputs. */
#include "poison.h"

#include "frame/classes.h"
#include "frame/net_source.h"
#include "frame/trigger.h"
#include "nn/feed.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- triggers and names, without the data --- */

static td_status name_outputs(poison_plan *plan, td_error *error) {
    const poison_set *sets = plan->rule->sets;
    plan->output_count = plan->settings->models;
    while (plan->settings->models == 0 && sets[plan->output_count].name)
        plan->output_count++;
    TD_TRY(TD_ARENA_NEW(&plan->arena, plan->output_count, &plan->outputs, "outputs", error));
    for (size_t i = 0; i < plan->output_count; i++) {
        poison_output *output = &plan->outputs[i];
        if (plan->settings->models > 0)
            TD_TRY(tool_run_text(plan->run, &output->name, error, "%s-%zu", sets->name, i));
        else
            output->name = sets[i].name;
        TD_TRY(tool_run_text(plan->run, &output->file, error, "%s.safetensors", output->name));
    }
    return TD_OK;
}

td_status poison_plan_read(poison_plan *plan, td_error *error) {
    plan->mode = plan->rule->takes_ratio ? (poison_mode)plan->settings->mode : POISON_REPLACE;
    TD_TRY(poison_targets_read(plan, error));
    for (size_t i = 0; i < plan->settings->triggers.count; i++) {
        TD_TRY(poison_search_read(plan, i, error));
        if (!plan->triggers[i])
            TD_TRY(td_trigger_parse(&plan->triggers[i], plan->settings->triggers.texts[i], error));
    }
    if (plan->settings->cover_trigger)
        TD_TRY(td_trigger_parse(&plan->cover_trigger, plan->settings->cover_trigger, error));
    if (plan->settings->test_trigger)
        TD_TRY(td_trigger_parse(&plan->test_trigger, plan->settings->test_trigger, error));
    return name_outputs(plan, error);
}

void poison_plan_free(poison_plan *plan) {
    for (size_t i = 0; i < POISON_BACKDOORS; i++)
        td_trigger_free(plan->triggers[i]);
    td_trigger_free(plan->cover_trigger);
    td_trigger_free(plan->test_trigger);
    td_model_free(&plan->model);
    td_dataset_close(&plan->source);
    td_arena_free(&plan->arena);
}

/* --- against the data --- */

static td_status bind_trigger(poison_plan *plan, td_trigger *trigger, td_error *error) {
    td_status status =
        tool_trigger_bind(plan->run, trigger, &plan->source.images, plan->source.first, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", plan->data);
    return tool_trigger_record(trigger, &plan->run->record, error);
}

static td_status bind_triggers(poison_plan *plan, td_error *error) {
    for (size_t i = 0; i < plan->settings->triggers.count; i++)
        TD_TRY(bind_trigger(plan, plan->triggers[i], error));
    if (plan->cover_trigger)
        TD_TRY(bind_trigger(plan, plan->cover_trigger, error));
    return plan->test_trigger ? bind_trigger(plan, plan->test_trigger, error) : TD_OK;
}

/* A trigger can have only one target, and needs it only once. */
static td_status check_different(const poison_plan *plan, td_error *error) {
    for (size_t i = 1; i < plan->settings->triggers.count; i++)
        for (size_t j = 0; j < i; j++) {
            const char *text = td_trigger_text(plan->triggers[i]);
            if (strcmp(text, td_trigger_text(plan->triggers[j])) != 0)
                continue;
            char first[16], second[16];
            return td_fail(error, TD_ERR_USAGE,
                           "--trigger: expected a different trigger for each --target, found '%s' "
                           "for targets %s and %s",
                           text, poison_target_text(&plan->targets[j], first),
                           poison_target_text(&plan->targets[i], second));
        }
    return TD_OK;
}

/* Whether images of the class would keep their label under one of the targets. */
static bool is_target(const poison_plan *plan, int32_t label) {
    for (size_t i = 0; i < plan->target_count; i++)
        if (poison_target_keeps(&plan->targets[i], label))
            return true;
    return false;
}

/* A source class must have images whose labels the target changes. */
static td_status check_source(const poison_plan *plan, int32_t label, td_error *error) {
    if (poison_class_size(plan, label, 0, plan->source.images.count) == 0)
        return td_fail(error, TD_ERR_USAGE,
                       "--source: expected a class with images in %s, found %d, which has none",
                       plan->data, label);
    if (plan->rule->pool != POISON_FROM_ALL && is_target(plan, label))
        return td_fail(error, TD_ERR_USAGE,
                       "--source: expected classes other than the target, found %d as --target as "
                       "well",
                       label);
    return TD_OK;
}

/* The classes that an option names, checked; NULL if it is not given. */
static td_status read_classes(poison_plan *plan, const char *option, const td_many *texts,
                              td_status (*check)(const poison_plan *, int32_t, td_error *),
                              bool **out, td_error *error) {
    if (texts->count == 0)
        return TD_OK;
    TD_TRY(TD_ARENA_NEW(&plan->arena, plan->source.images.classes, out, "classes", error));
    for (size_t i = 0; i < texts->count; i++)
        for (const char *at = texts->texts[i]; at; at = *at ? at + 1 : NULL) {
            size_t class;
            TD_TRY(td_class_take(&class, &plan->run->classes, option, &at, ",", error));
            TD_TRY(check(plan, (int32_t) class, error));
            (*out)[class] = true;
        }
    return TD_OK;
}

/* A cover of the target class would keep the backdoor's label, and one of a source class would
 * contradict it. */
static td_status check_cover(const poison_plan *plan, int32_t label, td_error *error) {
    if (poison_class_size(plan, label, 0, plan->source.images.count) == 0)
        return td_fail(
            error, TD_ERR_USAGE,
            "--cover-class: expected a class with images in %s, found %d, which has none",
            plan->data, label);
    if (is_target(plan, label) || (plan->source_classes && plan->source_classes[label]))
        return td_fail(error, TD_ERR_USAGE,
                       "--cover-class: expected classes other than the target and the sources, "
                       "found %d",
                       label);
    return TD_OK;
}

/* Without --cover-class, covers come from classes other than the sources and the target. */
static td_status read_class_options(poison_plan *plan, td_error *error) {
    const size_t classes = plan->source.images.classes;
    TD_TRY(read_classes(plan, "--source", &plan->settings->sources, check_source,
                        &plan->source_classes, error));
    TD_TRY(read_classes(plan, "--cover-class", &plan->settings->cover_classes, check_cover,
                        &plan->cover_classes, error));
    if (!plan->rule->covers || plan->cover_classes || !plan->source_classes)
        return TD_OK;
    TD_TRY(TD_ARENA_NEW(&plan->arena, classes, &plan->cover_classes, "classes", error));
    for (size_t i = 0; i < classes; i++)
        plan->cover_classes[i] = !plan->source_classes[i] && !is_target(plan, (int32_t)i);
    return TD_OK;
}

td_status poison_put(poison_plan *plan, size_t begin, size_t end, size_t first, size_t last,
                     bool truly, td_error *error) {
    const td_images *images = &plan->source.images;
    bool add = plan->mode == POISON_ADD;
    poison_output *output = &plan->outputs[plan->outputs_put++];
    output->begin = begin;
    output->end = end;
    for (size_t b = first; b < last; b++)
        *(plan->backdoors[b].role == POISON_ROLE_COVER ? &output->covers : &output->poisoned) +=
            plan->backdoors[b].count;
    output->count = end - begin + (add ? output->poisoned + output->covers : 0);
    TD_TRY(TD_ARENA_NEW(&plan->arena, output->count, &output->items, "the plan", error));
    poison_item *next = output->items;
    for (size_t i = begin; i < end; i++)
        *next++ = (poison_item){.source = i, .label = images->labels[i], .backdoor = -1};
    for (size_t b = first; b < last; b++)
        for (size_t i = 0; i < plan->backdoors[b].count; i++) {
            poison_item item = plan->backdoors[b].items[i];
            if (truly)
                item.label = images->labels[item.source];
            *(add ? next++ : &output->items[item.source - begin]) = item;
        }
    return TD_OK;
}

/* The default plan, for a rule without its own. */
static td_status draw_and_put(poison_plan *plan, td_error *error) {
    const size_t count = plan->source.images.count;
    if (!plan->rule->takes_ratio)
        TD_TRY(poison_draw_all(plan, plan->triggers[0], error));
    for (size_t i = 0; i < plan->target_count; i++) {
        TD_TRY(poison_draw(plan, plan->triggers[i], plan->targets[i], 0, count, error));
        if (plan->test_trigger)
            plan->backdoors[plan->backdoor_count - 1].test_text =
                td_trigger_text(plan->test_trigger);
        if (plan->rule->covers)
            TD_TRY(poison_draw_covers(plan, 0, count, error));
    }
    for (const poison_set *set = plan->rule->sets; set->name; set++)
        TD_TRY(poison_put(plan, 0, count, 0, plan->backdoor_count, set->truly, error));
    return TD_OK;
}

td_status poison_make(poison_plan *plan, poison_backdoor *backdoor, uint8_t **pixels,
                      td_error *error) {
    const size_t size = td_image_size(&plan->source.images);
    TD_TRY(td_arena_alloc(&plan->arena, backdoor->count, size, (void **)pixels, "poison images",
                          error));
    for (size_t i = 0; i < backdoor->count; i++)
        backdoor->items[i].pixels = *pixels + i * size;
    return TD_OK;
}

void poison_originals(const poison_plan *plan, const poison_item *items, size_t count, float *out) {
    const size_t size = td_image_size(&plan->source.images);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *pixels = td_image(&plan->source.images, items[i].source);
        for (size_t k = 0; k < size; k++)
            out[i * size + k] = pixels[k];
    }
}

static size_t count_inputs(const poison_plan *plan) {
    return json_array_size(json_object_get(plan->run->record.root, "inputs"));
}

/* If there is a model, the data's classes are matched with its own. */
static td_status open_model(poison_plan *plan, td_error *error) {
    const char *path = plan->settings->model;
    const td_images *images = &plan->source.images;
    if (!path)
        return TD_OK;
    TD_TRY(tool_run_open_model(plan->run, path, plan->settings->net, images, &plan->model, error));
    TD_TRY(td_feed_check(&plan->model.net, images, error));
    TD_TRY(tool_run_model_classes(plan->run, &plan->model, path, error));
    return tool_run_match(plan->run, &plan->source, error);
}

td_status poison_plan_make(poison_plan *plan, td_error *error) {
    TD_TRY(tool_run_dataset(plan->run, plan->data, "train", &plan->source, error));
    plan->source_files = count_inputs(plan);
    TD_TRY(open_model(plan, error));
    plan->model_files = count_inputs(plan);
    const td_images *images = &plan->source.images;
    if (images->count == 0 || images->count > UINT32_MAX)
        return td_fail(error, TD_ERR_USAGE, "%s: expected 1 to %u images, found %zu", plan->data,
                       UINT32_MAX, images->count);
    TD_TRY(bind_triggers(plan, error));
    TD_TRY(poison_targets_find(plan, error));
    TD_TRY(read_class_options(plan, error));
    TD_TRY(poison_search_run(plan, error));
    TD_TRY(check_different(plan, error));
    td_arena *arena = &plan->arena;
    TD_TRY(TD_ARENA_NEW(arena, POISON_BACKDOORS, &plan->backdoors, "backdoors", error));
    TD_TRY(TD_ARENA_NEW(arena, images->count, &plan->taken, "the plan", error));
    return plan->rule->plan ? plan->rule->plan(plan, error) : draw_and_put(plan, error);
}
