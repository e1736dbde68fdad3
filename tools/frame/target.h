/* SPDX-License-Identifier: MIT */
/* What a trigger is to make of an image: a class, the class after its own, or a map of classes. */
#ifndef TOOLS_FRAME_TARGET_H
#define TOOLS_FRAME_TARGET_H

#include "frame/run.h"
#include "measure/rates.h"

typedef struct tool_target {
    td_target of;
    size_t class;     /* TOOL_NO_COUNT where it is not one for all */
    const char *rule; /* then "next" or "A=B,..."; else NULL */
    tool_list map;    /* then the target of each class, by index; else none */
} tool_target;

/* The value of --target, for its row of keys. */
#define TOOL_TARGET_VALUE "K|next|A=B,..."
#define TOOL_TARGET_HELP "a class, \"next\" (the one after an image's), or B for each A"

/* The columns of a table whose rows have a tool_target `field` of a struct; without titles they are
 * in the record alone. */
#define TOOL_TARGET_COLUMNS(type, field, class_title, rule_title)                                  \
    {"target", class_title, TOOL_CLASS, offsetof(type, field.class)},                              \
        {"target_rule", rule_title, TOOL_TEXT, offsetof(type, field.rule)}, {                      \
        "targets", NULL, TOOL_LIST, offsetof(type, field.map)                                      \
    }

/* The one for all. */
tool_target tool_target_class(size_t class);

/* No target, for a row without one. */
tool_target tool_target_none(void);

/* Reads an option's text by the run's classes, `around` of which "next" goes around. The class
 * after the last is the first. Classes that a map does not name stay what they are. TD_ERR_USAGE
 * for what is no class, and for a map that changes none. Lives as long as the run. */
td_status tool_run_target(tool_run *run, const char *option, const char *text, size_t around,
                          tool_target *out, td_error *error) TD_MUST_USE;

/* The same of a map of all the run's classes; `rule` is what it is called. */
td_status tool_run_target_map(tool_run *run, const char *rule, const int32_t *map, size_t around,
                              tool_target *out, td_error *error) TD_MUST_USE;

enum { TOOL_TARGET_SIZE = 96 };

/* `2 "stop"`, or "next", for titles. Returns `out`. */
const char *tool_target_text(const tool_run *run, const tool_target *target,
                             char out[TOOL_TARGET_SIZE]);

/* Sets the fields of the columns above in an object. */
void tool_target_json(td_json *json, const tool_run *run, const tool_target *target,
                      json_t *object);

#endif
