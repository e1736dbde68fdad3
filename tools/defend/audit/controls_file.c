/* Controls as JSON. */
#include "base/json.h"
#include "defend/audit/controls.h"
#include "frame/record.h"
#include <math.h>
#include <string.h>

control_scores control_of(const screening *s) {
    control_scores c = {.count = s->count, .accuracy = s->accuracy, .scale = s->scale};
    for (size_t i = 0; i < s->count; i++)
        c.screens[i] = (struct control_screen){s->screens[i].method->name, s->screens[i].values,
                                               s->screens[i].found.count};
    return c;
}

static json_t *values_json(const struct control_screen *s) {
    json_t *list = json_array();
    for (size_t i = 0; i < s->units; i++)
        json_array_append_new(list, json_real(s->values[i]));
    return list;
}

json_t *control_json(const control_scores *c) {
    json_t *scores = json_object();
    for (size_t i = 0; i < c->count; i++)
        json_object_set_new(scores, c->screens[i].method, values_json(&c->screens[i]));
    json_t *out = json_pack("{ss sI ss sf so}", "recipe", c->recipe, "seed", (json_int_t)c->seed,
                            "model_sha256", c->model, "scale", c->scale, "scores", scores);
    tool_json_rate(out, "accuracy", &c->accuracy);
    return out;
}

/* --- reading --- */

static td_status copy(td_arena *arena, const char *text, const char **out, td_error *error) {
    char *made;
    TD_TRY(td_arena_text(arena, text, strlen(text), &made, error));
    *out = made;
    return TD_OK;
}

static td_status read_values(const json_t *list, const char *method, struct control_screen *out,
                             td_arena *arena, td_error *error) {
    const size_t count = json_array_size(list);
    double *values;
    if (count == 0 || count > FINDINGS_MOST)
        return td_fail(error, TD_ERR_FORMAT, "scores: %s: expected a list of numbers", method);
    TD_TRY(copy(arena, method, &out->method, error));
    TD_TRY(TD_ARENA_NEW(arena, count, &values, "scores", error));
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_array_get(list, i);
        if (!json_is_number(value) || !isfinite(json_number_value(value)))
            return td_fail(error, TD_ERR_FORMAT, "scores: %s: entry %zu: expected a number", method,
                           i);
        values[i] = json_number_value(value);
    }
    out->values = values;
    out->units = count;
    return TD_OK;
}

td_status control_read(const json_t *json, control_scores *out, td_arena *arena, td_error *error) {
    const char *recipe, *model, *method;
    json_int_t seed;
    json_t *scores, *list;
    *out = (control_scores){0};
    if (json_unpack((json_t *)json, "{ss sI ss sF so}", "recipe", &recipe, "seed", &seed,
                    "model_sha256", &model, "scale", &out->scale, "scores", &scores) != 0 ||
        !json_is_object(scores) || !tool_json_take_rate(json, "accuracy", &out->accuracy))
        return td_fail(error, TD_ERR_FORMAT,
                       "expected \"recipe\", \"seed\", \"model_sha256\", \"accuracy_count\", "
                       "\"scale\" and \"scores\" of a control");
    out->seed = (uint64_t)seed;
    TD_TRY(copy(arena, recipe, &out->recipe, error));
    TD_TRY(copy(arena, model, &out->model, error));
    json_object_foreach(scores, method, list) {
        if (out->count == SCREENS_MOST)
            return td_fail(error, TD_ERR_FORMAT, "scores: expected at most %d lists", SCREENS_MOST);
        TD_TRY(read_values(list, method, &out->screens[out->count++], arena, error));
    }
    return TD_OK;
}

td_status controls_file_read(const json_t *record, const char *path, controls_file *out,
                             td_arena *arena, td_error *error) {
    const char *net, *data, *recipes;
    json_int_t classes;
    json_t *list;
    *out = (controls_file){.path = path};
    if (json_unpack((json_t *)record, "{ss sI s{ss ss} so}", "net_text", &net, "classes", &classes,
                    "options", "data", &data, "recipes", &recipes, "controls", &list) != 0 ||
        classes < 1 || classes > TD_MOST_CLASSES || !json_is_array(list) ||
        json_array_size(list) > CONTROLS_MOST)
        return td_fail(error, TD_ERR_FORMAT,
                       "expected a record of trapdoor-defend controls, with \"net_text\", "
                       "\"classes\" and \"controls\"");
    TD_TRY(copy(arena, net, &out->net, error));
    TD_TRY(copy(arena, data, &out->data, error));
    out->mixed = strcmp(recipes, "mixed") == 0;
    out->classes = (size_t)classes;
    out->count = json_array_size(list);
    TD_TRY(TD_ARENA_NEW(arena, out->count, &out->list, "controls", error));
    for (size_t i = 0; i < out->count; i++) {
        td_status status = control_read(json_array_get(list, i), &out->list[i], arena, error);
        if (status != TD_OK)
            return td_fail_within(error, status, "\"controls\": entry %zu", i);
    }
    return TD_OK;
}
