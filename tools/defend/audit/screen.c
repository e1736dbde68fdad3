/* SPDX-License-Identifier: MIT */
/* Screen: runs the quick inspectors on a model and compares it with controls: a p-value in seconds.
 */
#include "defend/audit/screen.h"

#include "defend/audit/configuration.h"
#include "defend/audit/judgement.h"
#include "defend/inputs.h"
#include "defend/method.h"
#include <string.h>

typedef struct screen_settings {
    defend_model model;
    const char *clean, *controls, *configuration, *folder;
    bool known, exit_code, probability;
    double level;
} screen_settings;

#define AT(field) offsetof(screen_settings, field)

static const td_key keys[] = {
    {"clean", TD_KEY_TEXT, AT(clean), .required = true, .value = "DATA",
     .help = "Labelled images that you trust, some 20 of each class (split test)"},
    {"controls", TD_KEY_TEXT, AT(controls), .value = "FILE",
     .help = "The record of trapdoor-defend controls for this net and data; without it those that "
             "come with the program, where there are such"},
    {"known-recipe", TD_KEY_FLAG, AT(known),
     .help = "The controls were trained like this model: use all screens"},
    {"configuration", TD_KEY_TEXT, AT(configuration), .value = "RECORD",
     .help = "The record of trapdoor-defend configure: gives the probability of a backdoor"},
    {"level", TD_KEY_REAL, AT(level), .above = true, .most = 1, .below = true, .standard = "0.05",
     .value = "P", .help = "Flag the model if p is at most P"},
    {"triggers", TD_KEY_TEXT, AT(folder), .unrecorded = true, .value = "DIR",
     .help = "Write the most suspicious findings as pictures to this folder"},
    {"probability", TD_KEY_FLAG, AT(probability), .unrecorded = true,
     .help = "Print one number: the probability of a backdoor with --configuration, else 1 - p"},
    {"exit-code", TD_KEY_FLAG, AT(exit_code), .unrecorded = true,
     .help = "Exit with 3 if the model is flagged"},
    {0},
};

static const tool_keys groups[] = {
    {.keys = defend_model_keys, .offset = AT(model)}, {.keys = keys}, {0}};

typedef struct screen_row {
    const char *method, *subject, *statistic;
    double value;
    tool_list values;
} screen_row;

#define ROW(field) offsetof(screen_row, field)

static const tool_column columns[] = {
    {"screen", "screen", TOOL_TEXT, ROW(method)},
    {"subject", "most suspicious", TOOL_TEXT, ROW(subject)},
    {"statistic", "by its", TOOL_TEXT, ROW(statistic)},
    {"value", "value", TOOL_REAL, ROW(value), .digits = 2},
    {"values", NULL, TOOL_LIST, ROW(values), .digits = 10},
    {0},
};

static const tool_table_kind table = {
    .name = "screens", .title = "", .columns = columns, .row = sizeof(screen_row)};

static const tool_column model_columns[] = {
    {"accuracy", "accuracy", TOOL_RATE, offsetof(screening, accuracy)},
    {"scale", "mean margin", TOOL_REAL, offsetof(screening, scale), .digits = 2},
    {0},
};

static const tool_table_kind model_table = {
    .title = "", .columns = model_columns, .row = sizeof(screening), .single = true};

/* Without controls: only the values. */
static td_status report(tool_run *run, const screening *s, td_error *error) {
    screen_row rows[SCREENS_MOST];
    TD_TRY(tool_run_rows(run, &model_table, NULL, s, 1, error));
    for (size_t i = 0; i < s->count; i++) {
        const screen *of = &s->screens[i];
        const finding *first = findings_first(&of->found);
        rows[i] = (screen_row){.method = of->method->name,
                               .statistic = of->found.statistic.name,
                               .value = first->value,
                               .values = {of->values, of->found.count}};
        TD_TRY(findings_subject(&of->found, first, &run->arena, &rows[i].subject, error));
    }
    return tool_run_rows(run, &table, NULL, rows, s->count, error);
}

/* The pictures of the finding with the joint score. */
static td_status write_pictures(tool_run *run, const screening *s, const judgement *j,
                                td_shape shape, td_error *error) {
    const screen_settings *o = run->own;
    if (!o->folder)
        return TD_OK;
    TD_TRY(tool_outputs_folder(&run->outputs, o->folder, error));
    return inspect_write_finding(run, shape, &s->screens[j->carried].found,
                                 j->screens[j->carried].found, error);
}

static td_status configured(tool_run *run, const char *controls, judgement *j, td_error *error) {
    const screen_settings *o = run->own;
    configuration c;
    if (!o->configuration)
        return TD_OK;
    TD_TRY(configuration_read(run, o->configuration, controls, o->known, &c, error));
    j->probability = td_logistic_at(c.by_joint, j->joint);
    return TD_OK;
}

static void note_least(const tool_run *run, const judgement *j, double level) {
    const double least = 1 / (double)(1 + j->controls);
    if (least > level)
        tool_run_note(run,
                      "note: with %zu controls the least p is %.3g: nothing can be flagged at %g",
                      j->controls, least, level);
}

static td_status judge(tool_run *run, const screening *s, const td_net *net, const char *path,
                       td_error *error) {
    const screen_settings *o = run->own;
    controls_file controls;
    judgement j;
    const char *words;
    TD_TRY(judge_open_controls(run, path, &controls, error));
    TD_TRY(judge_model(s, net, &run->classes, &controls, o->known, &run->arena, &j, error));
    TD_TRY(configured(run, path, &j, error));
    j.shipped = !o->controls;
    TD_TRY(judge_report(run, &j, o->level, error));
    TD_TRY(write_pictures(run, s, &j, td_net_input(net), error));
    TD_TRY(judge_words(&j, &run->arena, &words, error));
    run->flagged = judge_flags(&j, o->level);
    note_least(run, &j, o->level);
    if (o->probability && !j.calibrated) /* which a number alone does not show */
        tool_run_note(run, "warning: %s", words);
    if (o->probability)
        TD_TRY(tool_run_text(run, &run->words, error, "%.6f\n",
                             o->configuration ? j.probability : 1 - j.p));
    return tool_run_summary(run, error, "%s: %s", o->model.path, words);
}

/* The given controls, or those that ship with the program; NULL if there are none. */
static td_status find_controls(tool_run *run, const td_net *net, const char **path,
                               td_error *error) {
    static const char *const need[] = {"known-recipe", "configuration", "level", "probability",
                                       "exit-code"};
    const screen_settings *o = run->own;
    *path = o->controls;
    if (*path)
        return TD_OK;
    TD_TRY(controls_find_shipped(run, net, path, error));
    for (size_t i = 0; i < sizeof need / sizeof *need && !*path; i++)
        if (tool_settings_given(run->settings, need[i]))
            return td_fail(error, TD_ERR_USAGE,
                           "--%s: expected --controls with it: none of this net and set come with "
                           "the program",
                           need[i]);
    return TD_OK;
}

static td_status screen_model(tool_run *run, td_model *model, td_dataset *clean, screening *s,
                              td_error *error) {
    const screen_settings *o = run->own;
    const char *controls;
    TD_TRY(tool_run_dataset(run, o->clean, "test", clean, error));
    TD_TRY(defend_open_model_for(run, &o->model, clean, model, error));
    TD_TRY(defend_check_data(clean, &model->net, error));
    TD_TRY(find_controls(run, &model->net, &controls, error));
    TD_TRY(screening_run(run, model, clean, o->folder != NULL, s, error));
    TD_TRY(report(run, s, error));
    return controls ? judge(run, s, &model->net, controls, error)
                    : tool_run_summary(run, error,
                                       "%s: screened; --controls would show how usual this is",
                                       o->model.path);
}

static td_status run(tool_run *run, td_error *error) {
    td_model model = {0};
    td_dataset clean = {0};
    screening s = {0};
    td_status status = screen_model(run, &model, &clean, &s, error);
    screening_close(&s);
    td_model_free(&model);
    td_dataset_close(&clean);
    return status;
}

/* --- reading --- */

static td_status copy(td_arena *arena, const json_t *text, const char **out, td_error *error) {
    char *made;
    const char *value = json_is_string(text) ? json_string_value(text) : "";
    TD_TRY(td_arena_text(arena, value, strlen(value), &made, error));
    *out = made;
    return TD_OK;
}

static size_t count_of(const json_t *value) {
    return json_is_integer(value) && json_integer_value(value) >= 0
               ? (size_t)json_integer_value(value)
               : TOOL_NO_COUNT;
}

static td_status read_by(const json_t *record, td_arena *arena, screened *s, td_error *error) {
    const json_t *list = json_object_get(record, "calibrated_screens");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *of = json_array_get(list, i), *score = json_object_get(of, "score"),
                     *p = json_object_get(of, "p");
        if (i == SCREENED_MOST || !json_is_number(score) || !json_is_number(p))
            return td_fail(error, TD_ERR_FORMAT,
                           "calibrated_screens: entry %zu: expected one of %d, with \"score\" and "
                           "\"p\"",
                           i, SCREENED_MOST);
        s->by[i].score = json_number_value(score);
        s->by[i].p = json_number_value(p);
        s->by[i].joint = json_is_true(json_object_get(of, "joint"));
        TD_TRY(copy(arena, json_object_get(of, "screen"), &s->by[i].method, error));
        s->count = i + 1;
    }
    return TD_OK;
}

static td_status read_screened(const json_t *record, td_arena *arena, const void **out,
                               td_error *error) {
    const json_t *from = json_object_get(record, "calibration");
    screened *s;
    TD_TRY(TD_ARENA_NEW(arena, 1, &s, "a screening", error));
    *out = s;
    *s = (screened){.judged = from != NULL};
    if (!from)
        return TD_OK;
    const json_t *p = json_object_get(from, "p"), *level = json_object_get(from, "level");
    if (!json_is_number(p) || !json_is_number(level))
        return td_fail(error, TD_ERR_FORMAT, "calibration: expected \"p\" and \"level\"");
    s->p = json_number_value(p);
    s->joint = json_number_value(json_object_get(from, "joint"));
    s->seconds = json_number_value(json_object_get(json_object_get(record, "timing"), "seconds"));
    TD_TRY(read_by(record, arena, s, error));
    s->level = json_number_value(level);
    s->calibrated = json_is_true(json_object_get(from, "calibrated"));
    s->flagged = json_is_true(json_object_get(from, "flagged"));
    s->controls = count_of(json_object_get(from, "controls"));
    s->as_high = count_of(json_object_get(from, "as_high"));
    s->class = count_of(json_object_get(from, "class"));
    s->source = count_of(json_object_get(from, "source"));
    TD_TRY(copy(arena, json_object_get(from, "subject"), &s->subject, error));
    TD_TRY(copy(arena, json_object_get(from, "carried_by"), &s->screen, error));
    TD_TRY(copy(arena, json_object_get(from, "recipes"), &s->recipes, error));
    TD_TRY(copy(arena, json_object_get(from, "controls_of"), &s->of, error));
    return copy(arena, json_object_get(from, "not_calibrated"), &s->why, error);
}

const tool_family screens = {
    .name = "screen",
    .usage = "--model MODEL --clean DATA",
    .run = run,
    .read = read_screened,
};

static const char help[] =
    "Run all quick inspectors on a model, in seconds, and print how many of the controls, which "
    "are clean models, look as suspicious: p = (1 + that number) / (controls + 1). If the model "
    "is clean and trained like the controls, p is at most 0.05 in no more than 5 of 100 cases."
    "\v"
    "A large p is no proof: the screens miss kinds of triggers that they do not search for. "
    "trapdoor-defend audit searches longer and reports more.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend screen --model model.safetensors --clean mnist:test:0-2000 \\\n"
    "    --controls controls/controls.json\n";

const tool_method defend_screen = {
    .name = "screen",
    .title = "Screen",
    .doc = "a p-value for a model in seconds, against controls",
    .help = help,
    .family = &screens,
    .groups = groups,
    .size = sizeof(screen_settings),
};
