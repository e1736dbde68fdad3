/* SPDX-License-Identifier: MIT */
/* The target of a trigger: a class, the class after the image's own, or a map of classes. */
#ifndef TOOLS_FRAME_TARGET_H
#define TOOLS_FRAME_TARGET_H

#include "frame/run.h"
#include "measure/rates.h"

typedef struct tool_target {
    td_target of;
    size_t class;     /* TOOL_NO_COUNT if it is not the same for all */
    const char *rule; /* then "next" or "A=B,..."; else NULL */
    tool_list map;    /* then the target of each class, by index; otherwise none */
} tool_target;

/* The value of --target, for its key row. */
#define TOOL_TARGET_VALUE "K|next|A=B,..."
#define TOOL_TARGET_HELP "a class, \"next\" (the one after an image's), or B for each A"

/* Table columns for a tool_target `field` of a row's struct; without titles they are only in the
 * record. */
#define TOOL_TARGET_COLUMNS(type, field, class_title, rule_title)                                  \
    {"target", class_title, TOOL_CLASS, offsetof(type, field.class)},                              \
        {"target_rule", rule_title, TOOL_TEXT, offsetof(type, field.rule)}, {                      \
        "targets", NULL, TOOL_LIST, offsetof(type, field.map)                                      \
    }

/* The same target for all classes. */
tool_target tool_target_class(size_t class);

/* No target, for a row without one. */
tool_target tool_target_none(void);

/* Parses an option's text by the run's classes; "next" wraps around after `around` classes. Classes
 * that a map does not name keep their label. TD_ERR_USAGE for an unknown class, and for a map that
 * changes none. Valid as long as the run. */
td_status tool_run_target(tool_run *run, const char *option, const char *text, size_t around,
                          tool_target *out, td_error *error) TD_MUST_USE;

/* The same from a map of all the run's classes; `rule` is its name. */
td_status tool_run_target_map(tool_run *run, const char *rule, const int32_t *map, size_t around,
                              tool_target *out, td_error *error) TD_MUST_USE;

enum { TOOL_TARGET_SIZE = 96 };

/* `2 "stop"`, or "next", for titles. Returns `out`. */
const char *tool_target_text(const tool_run *run, const tool_target *target,
                             char out[TOOL_TARGET_SIZE]);

/* Sets the fields of these columns in an object. */
void tool_target_json(td_json *json, const tool_run *run, const tool_target *target,
                      json_t *object);

#endif
