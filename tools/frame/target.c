/* SPDX-License-Identifier: MIT */
#include "frame/target.h"

#include "frame/classes.h"
#include <string.h>

tool_target tool_target_class(size_t class) {
    return (tool_target){.of = td_target_class(class), .class = class};
}

tool_target tool_target_none(void) {
    return (tool_target){.of = {.class = TD_NO_CLASS}, .class = TOOL_NO_COUNT};
}

td_status tool_run_target_map(tool_run *run, const char *rule, const int32_t *map, size_t around,
                              tool_target *out, td_error *error) {
    int32_t *of_label;
    double *values;
    TD_TRY(TD_ARENA_NEW(&run->arena, run->classes.count, &of_label, "targets", error));
    TD_TRY(TD_ARENA_NEW(&run->arena, around, &values, "targets", error));
    memcpy(of_label, map, run->classes.count * sizeof *of_label);
    for (size_t i = 0; i < around; i++)
        values[i] = of_label[i];
    *out = (tool_target){.of = {TD_NO_CLASS, of_label},
                         .class = TOOL_NO_COUNT,
                         .map = {.values = values, .count = around}};
    return tool_run_text(run, &out->rule, error, "%s", rule);
}

static td_status read_next(tool_run *run, const char *option, size_t around, int32_t *map,
                           td_error *error) {
    if (around < 2)
        return td_fail(error, TD_ERR_USAGE, "%s next: expected at least 2 classes, found %zu",
                       option, around);
    for (size_t i = 0; i < run->classes.count; i++)
        map[i] = (int32_t)(i < around ? (i + 1) % around : i);
    return TD_OK;
}

/* One A=B of a list; advances *at past it. */
static td_status read_pair(const tool_run *run, const char *option, const char **at, int32_t *map,
                           td_error *error) {
    const char *begin = *at;
    size_t from, to;
    TD_TRY(td_class_take(&from, &run->classes, option, at, "=", error));
    if (**at != '=')
        return td_fail(error, TD_ERR_USAGE, "%s: expected A=B, found \"%.64s\"", option, begin);
    ++*at;
    TD_TRY(td_class_take(&to, &run->classes, option, at, ",", error));
    if (map[from] != (int32_t)from)
        return td_fail(error, TD_ERR_USAGE, "%s: expected each class A once, found %zu twice",
                       option, from);
    map[from] = (int32_t)to;
    return TD_OK;
}

static td_status read_pairs(const tool_run *run, const char *option, const char *text, int32_t *map,
                            td_error *error) {
    size_t changed = 0;
    for (size_t i = 0; i < run->classes.count; i++)
        map[i] = (int32_t)i;
    for (const char *at = text; at; at = *at ? at + 1 : NULL)
        TD_TRY(read_pair(run, option, &at, map, error));
    for (size_t i = 0; i < run->classes.count; i++)
        changed += map[i] != (int32_t)i;
    return changed > 0 ? TD_OK
                       : td_fail(error, TD_ERR_USAGE,
                                 "%s: expected a class that becomes another, found \"%.64s\"",
                                 option, text);
}

td_status tool_run_target(tool_run *run, const char *option, const char *text, size_t around,
                          tool_target *out, td_error *error) {
    const bool next = strcmp(text, "next") == 0;
    size_t class;
    if (!next && (!strchr(text, '=') || tool_run_class(run, option, text, &class, NULL) == TD_OK)) {
        TD_TRY(tool_run_class(run, option, text, &class, error));
        *out = tool_target_class(class);
        return TD_OK;
    }
    td_arena arena = {0};
    int32_t *map;
    td_status status = TD_ARENA_NEW(&arena, run->classes.count, &map, "targets", error);
    if (status == TD_OK)
        status = next ? read_next(run, option, around, map, error)
                      : read_pairs(run, option, text, map, error);
    if (status == TD_OK)
        status = tool_run_target_map(run, text, map, around, out, error);
    td_arena_free(&arena);
    return status;
}

const char *tool_target_text(const tool_run *run, const tool_target *target,
                             char out[TOOL_TARGET_SIZE]) {
    if (target->rule)
        snprintf(out, TOOL_TARGET_SIZE, "%s", target->rule);
    else
        tool_run_class_text(run, target->class, out);
    return out;
}

void tool_target_json(td_json *json, const tool_run *run, const tool_target *target,
                      json_t *object) {
    const char *name = tool_run_class_name(run, target->class);
    if (!target->rule) {
        td_json_set(json, object, "target", td_json_count(json, target->class));
        if (name)
            td_json_set(json, object, "target_name", td_json_text(json, name));
        return;
    }
    td_json_set(json, object, "target_rule", td_json_text(json, target->rule));
    json_t *map = td_json_set(json, object, "targets", td_json_array(json));
    for (size_t i = 0; i < target->map.count; i++)
        td_json_append(json, map, td_json_count(json, (size_t)target->map.values[i]));
}
