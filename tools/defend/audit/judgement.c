/* SPDX-License-Identifier: MIT */
#include "defend/audit/judgement.h"

#include "base/json.h"
#include <math.h>
#include <string.h>

/* Whether a screen takes part in the joint score. */
static bool takes_part(const screen *s, bool all) {
    const inspector *math = s->method->math;
    return all || math->steady;
}

/* --- the controls --- */

td_status judge_open_controls(tool_run *run, const char *path, controls_file *out,
                              td_error *error) {
    json_t *record;
    TD_TRY(tool_record_input(&run->record, path, error));
    TD_TRY(td_json_read(path, &record, error));
    td_status status = controls_file_read(record, path, out, &run->arena, error);
    json_decref(record);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", path);
}

/* Classes must be comparable by name. */
static td_status check_names(const td_classes *own, const controls_file *controls,
                             td_error *error) {
    for (size_t i = 0; own->names && controls->class_names && i < controls->classes; i++)
        if (strcmp(own->names[i], controls->class_names[i]) != 0)
            return td_fail(error, TD_ERR_USAGE,
                           "%s: expected controls whose class %zu is \"%s\", as that of %s, found "
                           "\"%s\"",
                           controls->path, i, own->names[i], own->of, controls->class_names[i]);
    return TD_OK;
}

static td_status check_controls(const td_net *net, const td_classes *own,
                                const controls_file *controls, td_error *error) {
    td_net theirs;
    const size_t classes = td_net_classes(net);
    if (strcmp(controls->version, TD_VERSION) != 0)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected controls of version %s, whose numbers are these, found those "
                       "of %s; make them again",
                       controls->path, TD_VERSION, controls->version);
    if (controls->count < CALIBRATION_LEAST)
        return td_fail(error, TD_ERR_USAGE, "%s: expected at least %d controls, found %zu",
                       controls->path, CALIBRATION_LEAST, controls->count);
    if (controls->classes != classes)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected controls of %zu classes, as the model has, found %zu",
                       controls->path, classes, controls->classes);
    td_status status = td_net_parse(&theirs, controls->net, NULL, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", controls->path);
    const bool same = td_net_is_same(net, &theirs);
    td_net_free(&theirs);
    if (!same)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected controls of the model's net, found those of another one",
                       controls->path);
    return check_names(own, controls, error);
}

static const struct control_screen *find_screen(const control_scores *control, const char *method) {
    for (size_t i = 0; i < control->count; i++)
        if (strcmp(control->screens[i].method, method) == 0)
            return &control->screens[i];
    return NULL;
}

/* The values of all controls, followed by the audited model's. */
static td_status gather(const screen *s, const controls_file *controls, td_arena *arena,
                        calibration_screen *out, td_error *error) {
    const size_t units = s->found.count, models = controls->count + 1;
    out->units = units;
    TD_TRY(TD_ARENA_NEW(arena, models * units, &out->values, "scores", error));
    TD_TRY(TD_ARENA_NEW(arena, models, &out->scores, "scores", error));
    for (size_t i = 0; i < controls->count; i++) {
        const struct control_screen *of = find_screen(&controls->list[i], s->method->name);
        if (!of || of->units != units)
            return td_fail(
                error, TD_ERR_USAGE,
                "%s: control %zu: expected %zu numbers of %s, found %zu: it was made "
                "with clean images of other classes than --clean has (%s), or by another "
                "version",
                controls->path, i, units, s->method->name, of ? of->units : 0, controls->clean);
        memcpy(out->values + i * units, of->values, units * sizeof *out->values);
    }
    memcpy(out->values + controls->count * units, s->values, units * sizeof *out->values);
    return TD_OK;
}

/* --- whether the controls are representative of the model --- */

typedef struct range {
    double least, most;
} range;

/* The range is widened by its own length on each side: of n + 1 similar models, one lies outside
 * the range of the others in 2 of n + 1 cases. */
static bool lies_in(range r, double value) {
    const double margin = r.most - r.least;
    return value >= r.least - margin && value <= r.most + margin;
}

/* The searches see the images, so that the scores of clean models on others have another
 * distribution. */
static td_status check_images(const screening *s, const controls_file *controls, td_arena *arena,
                              judgement *out, td_error *error) {
    return strcmp(s->images.hex, controls->clean_images) == 0
               ? TD_OK
               : td_arena_print(arena, &out->why, error,
                                "the clean images are not those of the controls (%s, to be given "
                                "as --clean)",
                                controls->clean);
}

/* The accuracies' intervals do not matter: all are measured on the same images and err together. */
static td_status check_range(const screening *s, const controls_file *controls, td_arena *arena,
                             judgement *out, td_error *error) {
    range accuracy = {INFINITY, -INFINITY}, scale = {INFINITY, -INFINITY};
    for (size_t i = 0; i < controls->count; i++) {
        const control_scores *c = &controls->list[i];
        accuracy.least = fmin(accuracy.least, c->accuracy.value);
        accuracy.most = fmax(accuracy.most, c->accuracy.value);
        scale.least = fmin(scale.least, c->scale);
        scale.most = fmax(scale.most, c->scale);
    }
    if (!lies_in(accuracy, s->accuracy.value))
        return td_arena_print(arena, &out->why, error,
                              "its accuracy is %.1f %%, that of the controls %.1f to %.1f %%",
                              100 * s->accuracy.value, 100 * accuracy.least, 100 * accuracy.most);
    if (!lies_in(scale, s->scale))
        return td_arena_print(arena, &out->why, error,
                              "its mean margin is %.3g, that of the controls %.3g to %.3g",
                              s->scale, scale.least, scale.most);
    return TD_OK;
}

/* --- the judgement --- */

static double p_of(const calibration *c, const calibration_screen *s) {
    size_t as_high = 0;
    for (size_t i = 0; i < c->controls; i++)
        as_high += s->scores[i] >= s->scores[c->controls];
    return (double)(1 + as_high) / (double)(1 + c->controls);
}

static td_status fill_screens(const screening *s, const calibration *c, const size_t *places,
                              td_arena *arena, judgement *out, td_error *error) {
    for (size_t i = 0; i < s->count; i++) {
        const screen *from = &s->screens[i];
        const calibration_screen *by = &c->screens[places[i]];
        out->screens[i] = (judgement_screen){.method = from->method->name,
                                             .title = from->method->title,
                                             .about = from->found.about,
                                             .found = &from->found.list[by->unit],
                                             .z = by->z,
                                             .score = by->scores[c->controls],
                                             .p = p_of(c, by),
                                             .joint = places[i] < c->screen_count};
        TD_TRY(findings_subject(&from->found, out->screens[i].found, arena,
                                &out->screens[i].subject, error));
        if (places[i] == c->carried)
            out->carried = i;
    }
    return TD_OK;
}

/* Puts the screens of the joint score first; the others are scored in the same way but not used. */
static size_t place_screens(const screening *s, bool all, size_t *places) {
    size_t joint = 0, count = 0;
    for (size_t i = 0; i < s->count; i++)
        joint += takes_part(&s->screens[i], all);
    size_t other = joint;
    for (size_t i = 0; i < s->count; i++)
        places[i] = takes_part(&s->screens[i], all) ? count++ : other++;
    return joint;
}

td_status judge_model(const screening *screens, const td_net *net, const td_classes *classes,
                      const controls_file *controls, bool known, td_arena *arena, judgement *out,
                      td_error *error) {
    size_t places[SCREENS_MOST];
    calibration c = {.controls = controls->count};
    *out = (judgement){.probability = NAN,
                       .controls = controls->count,
                       .recipes = controls->mixed ? "mixed" : "one",
                       .file = controls->path,
                       .screen_count = screens->count};
    TD_TRY(check_controls(net, classes, controls, error));
    TD_TRY(td_arena_print(arena, &out->of, error, "%s on %s", controls->net_name, controls->data));
    TD_TRY(TD_ARENA_NEW(arena, screens->count, &c.screens, "scores", error));
    TD_TRY(TD_ARENA_NEW(arena, controls->count + 1, &c.joint, "scores", error));
    TD_TRY(TD_ARENA_NEW(arena, screens->count, &out->screens, "scores", error));
    c.screen_count = screens->count;
    const size_t joint = place_screens(screens, known, places);
    for (size_t i = 0; i < screens->count; i++)
        TD_TRY(gather(&screens->screens[i], controls, arena, &c.screens[places[i]], error));
    TD_TRY(calibrate(&c, joint, error));
    TD_TRY(check_images(screens, controls, arena, out, error));
    if (!out->why)
        TD_TRY(check_range(screens, controls, arena, out, error));
    c.screen_count = joint;
    out->calibrated = !out->why;
    out->joint = c.joint[c.controls];
    out->as_high = c.as_high;
    out->p = c.p;
    return fill_screens(screens, &c, places, arena, out, error);
}

/* --- the report --- */

typedef struct head_row {
    signed char calibrated, flagged, shipped;
    const char *why, *recipes, *of, *controls_file, *carried, *subject;
    double p, probability, joint, level;
    size_t controls, as_high, class, source;
} head_row;

#define HEAD(field) offsetof(head_row, field)

static const tool_column head_columns[] = {
    {"p", "p", TOOL_REAL, HEAD(p), .digits = 4, .null = true},
    {"controls", "controls", TOOL_COUNT, HEAD(controls)},
    {"as_high", "of them as suspicious", TOOL_COUNT, HEAD(as_high)},
    {"probability", "probability of a backdoor", TOOL_REAL, HEAD(probability), .digits = 4},
    {"joint", "joint score", TOOL_REAL, HEAD(joint), .digits = 4, .null = true},
    {"carried_by", "carried by", TOOL_TEXT, HEAD(carried)},
    {"subject", "stands out", TOOL_TEXT, HEAD(subject)},
    {"class", NULL, TOOL_CLASS, HEAD(class)},
    {"source", NULL, TOOL_CLASS, HEAD(source)},
    {"recipes", "recipes of the controls", TOOL_TEXT, HEAD(recipes)},
    {"controls_of", "controls of", TOOL_TEXT, HEAD(of)},
    {"shipped", "which come with the program", TOOL_FLAG, HEAD(shipped)},
    {"level", NULL, TOOL_REAL, HEAD(level)},
    {"flagged", "verdict", TOOL_FLAG, HEAD(flagged), .flag = "FLAGGED"},
    {"calibrated", NULL, TOOL_FLAG, HEAD(calibrated)},
    {"not_calibrated", "not calibrated", TOOL_TEXT, HEAD(why)},
    {"controls_file", NULL, TOOL_TEXT, HEAD(controls_file)},
    {0},
};

#define ROW(field) offsetof(judgement_screen, field)

static const tool_column columns[] = {
    {"screen", "screen", TOOL_TEXT, ROW(method)},
    {"subject", "stands out most", TOOL_TEXT, ROW(subject)},
    {"z", "z", TOOL_REAL, ROW(z), .digits = 2},
    {"score", "score", TOOL_REAL, ROW(score), .digits = 4},
    {"p", "p", TOOL_REAL, ROW(p), .digits = 4},
    {"joint", "in the joint score", TOOL_FLAG, ROW(joint)},
    {0},
};

static const tool_table_kind head = {.name = "calibration",
                                     .title = "Beside clean models",
                                     .columns = head_columns,
                                     .row = sizeof(head_row),
                                     .single = true};
static const tool_table_kind table = {.name = "calibrated_screens",
                                      .title = "Screens",
                                      .columns = columns,
                                      .row = sizeof(judgement_screen)};

bool judge_flags(const judgement *j, double level) {
    return j->calibrated && j->p <= level;
}

td_status judge_report(tool_run *run, const judgement *j, double level, td_error *error) {
    const judgement_screen *carried = &j->screens[j->carried];
    const bool of_class = carried->about == FINDING_CLASS || carried->about == FINDING_PAIR;
    const head_row row = {.calibrated = j->calibrated,
                          .why = j->why,
                          .recipes = j->recipes,
                          .of = j->of,
                          .shipped = j->shipped,
                          .controls_file = j->file,
                          .carried = carried->method,
                          .subject = carried->subject,
                          .p = j->p,
                          .probability = j->probability,
                          .joint = j->joint,
                          .controls = j->controls,
                          .as_high = j->as_high,
                          .level = level,
                          .flagged = judge_flags(j, level),
                          .class = of_class ? carried->found->class : TOOL_NO_COUNT,
                          .source = carried->found->source};
    TD_TRY(tool_run_rows(run, &head, NULL, &row, 1, error));
    return tool_run_rows(run, &table, NULL, j->screens, j->screen_count, error);
}

td_status judge_words(const judgement *j, td_arena *arena, const char **out, td_error *error) {
    const judgement_screen *carried = &j->screens[j->carried];
    if (!j->calibrated)
        return td_arena_print(arena, out, error,
                              "not calibrated: %s; the controls do not stand for this model "
                              "(beside them, p = %.3f)",
                              j->why, j->p);
    return td_arena_print(arena, out, error,
                          "p = %.3f: %zu of %zu clean models look%s as suspicious; what stands out "
                          "most is %s (%s)",
                          j->p, j->as_high, j->controls, j->as_high == 1 ? "s" : "",
                          carried->subject, carried->title);
}
