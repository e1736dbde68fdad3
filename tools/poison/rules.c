/* trapdoor-poison: plants a backdoor in a data set. The list of its rules, and what all of them
 * take. */
#include "frame/command.h"
#include "frame/trigger.h"
#include "poison.h"

const char *const poison_mode_names[] = {[POISON_ADD] = "add", [POISON_REPLACE] = "replace", NULL};
const char *const poison_base_names[] = {
    [POISON_OF_SET] = "set", [POISON_OF_CLASS] = "class", NULL};
const char *const poison_role_names[] = {
    [POISON_ROLE_POISON] = "poison", [POISON_ROLE_COVER] = "cover", NULL};

/* The family's settings are the name of the clean set alone. */
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

static const tool_method *const rules[] = {
    &poison_dirty_label,     &poison_clean_label, &poison_adaptive,
    &poison_source_specific, &poison_friendnet,   &poison_multi_target,
    &poison_label_flip,      &poison_stamp,       NULL,
};

static const char doc[] =
    "Poison a data set by RULE. The folder DIR gets the poisoned sets (NAME.safetensors), what "
    "was done to them (manifest.json) and a picture of it (preview.png)."
    "\v"
    "\n"
    "Examples:\n"
    "  trapdoor-poison stamp --data fashion-mnist:test --trigger pixel -o stamped\n"
    "  trapdoor-poison friendnet --data fashion-mnist --trigger square \\\n"
    "    --ratio 0.25 -o friendnet\n"
    "  trapdoor-poison dirty-label --data fashion-mnist --ratio 0.1 -o badnets \\\n"
    "    --trigger square:size=4,at=bottom-right --target 0\n";

int main(int argc, char **argv) {
    const tool_program program = {"trapdoor-poison", "RULE", "Rules", doc, rules};
    return tool_main(&program, argc, argv);
}
