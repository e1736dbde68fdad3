/* SPDX-License-Identifier: MIT */
/* The common settings of all rules, and their run. */
#include "poison.h"

#include "frame/trigger.h"

const char *const poison_mode_names[] = {[POISON_ADD] = "add", [POISON_REPLACE] = "replace", NULL};
const char *const poison_base_names[] = {
    [POISON_OF_SET] = "set", [POISON_OF_CLASS] = "class", NULL};
const char *const poison_role_names[] = {
    [POISON_ROLE_POISON] = "poison", [POISON_ROLE_COVER] = "cover", NULL};

/* The family's only setting is the name of the clean set. */
static const td_key keys[] = {
    {"data", TD_KEY_TEXT, 0, .required = true, .value = "DATA",
     .help = "The clean set: NAME[:SPLIT[:A-B]] or PATH[:SPLIT[:A-B]] (split train)"},
    {0},
};

static td_status make_and_write(poison_plan *plan, td_error *error) {
    TD_TRY(poison_plan_read(plan, error));
    TD_TRY(poison_write_check(plan, error));
    TD_TRY(poison_plan_make(plan, error));
    poison_record_options(plan);
    return poison_write(plan, error);
}

static td_status poison(tool_run *run, td_error *error) {
    poison_plan plan = {.run = run,
                        .settings = run->own,
                        .rule = run->method->math,
                        .data = *(const char *const *)run->family};
    td_status status = make_and_write(&plan, error);
    poison_plan_free(&plan);
    return status;
}

const tool_family poison_rules = {
    .name = "rule",
    .word = "rule",
    .usage = "--data DATA -o DIR",
    .groups = (const tool_keys[]){{.keys = keys}, {0}},
    .prints = (const tool_print[]){TOOL_PRINT_TRIGGERS, {0}},
    .size = sizeof(const char *),
    .run = poison,
    .output = TOOL_OUTPUT_FOLDER,
    .needs_output = true,
    .output_what = "the folder to write to",
};
