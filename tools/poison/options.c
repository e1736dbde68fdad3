/* What all rules take, and what a rule asks of it. */
#include "frame/trigger.h"
#include "poison.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const poison_mode_names[] = {[POISON_ADD] = "add", [POISON_REPLACE] = "replace", NULL};
const char *const poison_base_names[] = {
    [POISON_OF_SET] = "set", [POISON_OF_CLASS] = "class", NULL};

typedef struct poison_source {
    const char *data;
} poison_source;

static const td_key keys[] = {
    {"data", TD_KEY_TEXT, offsetof(poison_source, data), .required = true, .value = "DATA",
     .help = "The clean set: NAME[:SPLIT[:A-B]] or PATH[:SPLIT[:A-B]] (split train)"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

static bool is_class(const char *text) {
    return *text && !text[strspn(text, "0123456789")] && strlen(text) <= 9;
}

/* The kinds of target that a rule allows, in words. */
static const char *target_words(const poison_rule *rule) {
    return rule->targets & POISON_TO_NEXT     ? "a class, \"random\" or \"next\""
           : rule->targets & POISON_TO_RANDOM ? "a class or \"random\""
                                              : "a class";
}

static td_status read_target(const poison_rule *rule, const char *text, poison_target *out,
                             td_error *error) {
    *out = (poison_target){.kind = POISON_TO_CLASS};
    if (strcmp(text, "random") == 0)
        out->kind = POISON_TO_RANDOM;
    else if (strcmp(text, "next") == 0)
        out->kind = POISON_TO_NEXT;
    else if (is_class(text))
        out->label = (int32_t)strtol(text, NULL, 10);
    else
        out->kind = 0;
    return rule->targets & (unsigned)out->kind
               ? TD_OK
               : td_fail(error, TD_ERR_USAGE, "--target: expected %s, found \"%s\"",
                         target_words(rule), text);
}

static td_status check_pairs(const poison_request *request, td_error *error) {
    const poison_rule *rule = request->rule;
    const size_t triggers = request->triggers.count, targets = request->target_count;
    if (triggers > rule->most_triggers)
        return td_fail(error, TD_ERR_USAGE, "--trigger: expected at most %zu, found %zu",
                       rule->most_triggers, triggers);
    if (rule->targets != 0 && rule->target == 0 && targets == 0)
        return td_fail(error, TD_ERR_USAGE, "expected a --target for each --trigger, found none");
    if (rule->per_model && targets > 1 && targets != request->models)
        return td_fail(error, TD_ERR_USAGE,
                       "expected no --target, one, or one for each of the %zu models, found %zu",
                       request->models, targets);
    const size_t pairs = triggers > 0 ? triggers : 1;
    if (!rule->per_model && targets > 0 && targets != pairs)
        return td_fail(error, TD_ERR_USAGE,
                       "expected --trigger and --target in pairs, found %zu and %zu", triggers,
                       targets);
    return TD_OK;
}

/* The rule's own target where none is given. */
static void set_targets(poison_request *request) {
    if (request->target_count > 0 || request->rule->target != POISON_TO_RANDOM)
        return;
    request->target_count = request->triggers.count > 0 ? request->triggers.count : 1;
    for (size_t i = 0; i < request->target_count; i++)
        request->targets[i] = (poison_target){.kind = POISON_TO_RANDOM};
}

td_status poison_request_read(const tool_run *run, poison_request *out, td_error *error) {
    const poison_settings *s = run->own;
    const poison_rule *rule = run->method->math;
    *out = (poison_request){.common = run->common,
                            .name = run->method->name,
                            .rule = rule,
                            .data = ((const poison_source *)run->family)->data,
                            .triggers = s->triggers,
                            .sources = s->sources,
                            .ratio = s->ratio,
                            .mode = rule->takes_ratio ? (poison_mode)s->mode : POISON_REPLACE,
                            .ratio_of = (poison_base)s->ratio_of,
                            .models = s->models,
                            .per_model = s->per_model};
    if (s->targets.count > POISON_BACKDOORS)
        return td_fail(error, TD_ERR_USAGE, "--target: expected at most %d, found %zu",
                       POISON_BACKDOORS, s->targets.count);
    for (size_t i = 0; i < s->targets.count; i++)
        TD_TRY(read_target(rule, s->targets.texts[i], &out->targets[out->target_count++], error));
    TD_TRY(check_pairs(out, error));
    set_targets(out);
    return TD_OK;
}

static td_status make_and_write(poison_plan *plan, td_error *error) {
    tool_run *run = plan->run;
    TD_TRY(poison_triggers(plan, error));
    TD_TRY(poison_write_check(plan->request, &run->outputs, error));
    TD_TRY(
        td_dataset_open(plan->source, plan->request->data, "train", run->common->data_dir, error));
    TD_TRY(poison_plan_make(plan, error));
    TD_TRY(poison_record_options(plan, &run->record, error));
    return poison_write(plan, error);
}

static td_status poison(tool_run *run, td_error *error) {
    poison_request request;
    TD_TRY(poison_request_read(run, &request, error));
    td_dataset source = {0};
    poison_plan plan = {.run = run, .request = &request, .source = &source};
    td_status status = make_and_write(&plan, error);
    poison_plan_free(&plan);
    td_dataset_close(&source);
    return status;
}

static const tool_print prints[] = {TOOL_PRINT_TRIGGERS, {0}};

const tool_family poison_rules = {
    .name = "rule",
    .word = "rule",
    .usage = "--data DATA -o DIR",
    .groups = groups,
    .prints = prints,
    .size = sizeof(poison_source),
    .run = poison,
    .output = TOOL_OUTPUT_FOLDER,
    .needs_output = true,
    .output_what = "the folder to write to",
};
