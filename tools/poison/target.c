/* SPDX-License-Identifier: MIT */
/* The labels of poisoned images: parses --target, then resolves it to classes of the data. */
#include "poison.h"

#include "base/random.h"
#include "frame/classes.h"
#include "frame/target.h"
#include <stdio.h>
#include <string.h>

static const char permutation[] = "permutation";

/* The allowed kinds of target, as text. */
static const char *target_words(const poison_rule *rule) {
    return rule->targets & POISON_TO_MAP      ? "a class, \"random\" or a map"
           : rule->targets & POISON_TO_RANDOM ? "a class or \"random\""
                                              : "a class";
}

/* Whether it may be a map of classes; a class's name may also contain "=". */
static bool is_map(const poison_rule *rule, const char *text) {
    return strcmp(text, "next") == 0 || strcmp(text, permutation) == 0 ||
           (rule->targets & POISON_TO_MAP && strchr(text, '='));
}

/* The data determine the class (poison_targets_find). */
static td_status read_target(const poison_rule *rule, const char *text, poison_target *out,
                             td_error *error) {
    *out = (poison_target){.kind = POISON_TO_CLASS};
    if (strcmp(text, "random") == 0)
        out->kind = POISON_TO_RANDOM;
    else if (is_map(rule, text))
        *out = (poison_target){.kind = POISON_TO_MAP, .text = text};
    return rule->targets & (unsigned)out->kind
               ? TD_OK
               : td_fail(error, TD_ERR_USAGE, "--target: expected %s, found \"%s\"",
                         target_words(rule), text);
}

static td_status check_pairs(const poison_plan *plan, td_error *error) {
    const poison_rule *rule = plan->rule;
    const size_t models = plan->settings->models;
    const size_t triggers = plan->settings->triggers.count, targets = plan->target_count;
    if (triggers > rule->most_triggers)
        return td_fail(error, TD_ERR_USAGE, "--trigger: expected at most %zu, found %zu",
                       rule->most_triggers, triggers);
    if (rule->targets != 0 && rule->target == 0 && targets == 0)
        return td_fail(error, TD_ERR_USAGE, "expected a --target for each --trigger, found none");
    if (models > 0 && targets > 1 && targets != models)
        return td_fail(error, TD_ERR_USAGE,
                       "expected no --target, one, or one for each of the %zu models, found %zu",
                       models, targets);
    if (models == 0 && targets > 0 && targets != (triggers > 0 ? triggers : 1))
        return td_fail(error, TD_ERR_USAGE,
                       "expected --trigger and --target in pairs, found %zu and %zu", triggers,
                       targets);
    return TD_OK;
}

/* The rule's own target if none is given. */
td_status poison_targets_read(poison_plan *plan, td_error *error) {
    const td_many given = plan->settings->targets;
    if (given.count > POISON_BACKDOORS)
        return td_fail(error, TD_ERR_USAGE, "--target: expected at most %d, found %zu",
                       POISON_BACKDOORS, given.count);
    for (size_t i = 0; i < given.count; i++)
        TD_TRY(read_target(plan->rule, given.texts[i], &plan->targets[i], error));
    plan->target_count = given.count;
    TD_TRY(check_pairs(plan, error));
    if (given.count > 0 || !(plan->rule->target & (POISON_TO_RANDOM | POISON_TO_ANY)))
        return TD_OK;
    do
        plan->targets[plan->target_count++].kind = plan->rule->target;
    while (plan->target_count < plan->settings->triggers.count);
    return TD_OK;
}

/* --- against the data --- */

/* A permutation without fixed points: one in e of all permutations is such, so a few draws find
 * one. */
static td_status draw_permutation(poison_plan *plan, size_t number, tool_target *out,
                                  td_error *error) {
    const size_t classes = plan->source.images.classes;
    td_random random =
        td_random_for(plan->run->common->seed, TD_FOR_TARGET, UINT32_MAX, (uint32_t)number);
    uint32_t *order;
    int32_t *map;
    size_t moved;
    TD_TRY(TD_ARENA_NEW(&plan->arena, classes, &order, "targets", error));
    TD_TRY(TD_ARENA_NEW(&plan->arena, plan->run->classes.count, &map, "targets", error));
    do {
        td_random_permutation(&random, order, (uint32_t)classes);
        for (moved = 0; moved < classes && order[moved] != moved; moved++)
            map[moved] = (int32_t)order[moved];
    } while (moved < classes);
    return tool_run_target_map(plan->run, permutation, map, classes, out, error);
}

/* The classes named by a list of pairs must have images to poison. */
static td_status check_mapped(const poison_plan *plan, const poison_target *target,
                              td_error *error) {
    const td_images *images = &plan->source.images;
    char name[TOOL_CLASS_SIZE];
    for (size_t i = 0; i < images->classes; i++)
        if (target->map[i] != (int32_t)i &&
            poison_class_size(plan, (int32_t)i, 0, images->count) == 0)
            return td_fail(error, TD_ERR_USAGE,
                           "--target %.64s: expected classes with images in %s, found %s, which "
                           "has none",
                           target->text, plan->data, tool_run_class_text(plan->run, i, name));
    return TD_OK;
}

/* A map, or the class whose name looks like one. */
static td_status find_map(poison_plan *plan, size_t number, td_error *error) {
    poison_target *target = &plan->targets[number];
    const size_t classes = plan->source.images.classes;
    tool_target found;
    TD_TRY(strcmp(target->text, permutation) == 0
               ? draw_permutation(plan, number, &found, error)
               : tool_run_target(plan->run, "--target", target->text, classes, &found, error));
    target->map = found.of.of_label;
    if (found.rule)
        return strchr(target->text, '=') ? check_mapped(plan, target, error) : TD_OK;
    *target = (poison_target){.kind = POISON_TO_CLASS, .label = (int32_t)found.class};
    return TD_OK;
}

static td_status find_class(poison_plan *plan, size_t number, td_error *error) {
    size_t class;
    TD_TRY(tool_run_class(plan->run, "--target", plan->settings->targets.texts[number], &class,
                          error));
    plan->targets[number].label = (int32_t) class;
    return TD_OK;
}

td_status poison_targets_find(poison_plan *plan, td_error *error) {
    const size_t classes = plan->source.images.classes;
    if ((plan->rule->targets != 0 || plan->rule->target != 0) && classes < 2)
        return td_fail(error, TD_ERR_USAGE, "%s: expected at least 2 classes, found %zu",
                       plan->data, classes);
    for (size_t i = 0; i < plan->target_count; i++) {
        if (plan->targets[i].kind == POISON_TO_CLASS)
            TD_TRY(find_class(plan, i, error));
        else if (plan->targets[i].kind == POISON_TO_MAP)
            TD_TRY(find_map(plan, i, error));
    }
    return TD_OK;
}

bool poison_target_keeps(const poison_target *target, int32_t label) {
    return (target->kind == POISON_TO_CLASS && target->label == label) ||
           (target->kind == POISON_TO_MAP && target->map[label] == label);
}

const char *poison_target_text(const poison_target *target, char text[16]) {
    if (target->kind == POISON_TO_MAP)
        return target->text;
    if (target->kind == POISON_TO_CLASS)
        snprintf(text, 16, "%d", target->label);
    else
        snprintf(text, 16, target->kind == POISON_TO_ANY ? "any" : "random");
    return text;
}
