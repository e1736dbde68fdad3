/* SPDX-License-Identifier: MIT */
/* Controls as JSON. */
#include "base/json.h"
#include "data/text.h"
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

static json_t *values_json(td_json *json, const struct control_screen *s) {
    json_t *list = td_json_array(json);
    for (size_t i = 0; i < s->units; i++)
        td_json_append(json, list, td_json_real(json, s->values[i]));
    return list;
}

json_t *control_json(td_json *json, const control_scores *c) {
    json_t *scores = td_json_object(json);
    for (size_t i = 0; i < c->count; i++)
        td_json_set(json, scores, c->screens[i].method, values_json(json, &c->screens[i]));
    json_t *out =
        td_json_pack(json, "{ss sI ss sf so}", "recipe", c->recipe, "seed", (json_int_t)c->seed,
                     "model_sha256", c->model, "scale", c->scale, "scores", scores);
    tool_json_rate(json, out, "accuracy", &c->accuracy);
    return out;
}

/* --- reading --- */

static td_status copy(td_arena *arena, const char *text, const char **out, td_error *error) {
    char *made;
    TD_TRY(td_arena_text(arena, text, strlen(text), &made, error));
    *out = made;
    return TD_OK;
}

/* A text that messages show. */
static td_status copy_line(td_arena *arena, const char *text, const char *key, const char **out,
                           td_error *error) {
    return td_text_is_plain(text)
               ? copy(arena, text, out, error)
               : td_fail(error, TD_ERR_FORMAT,
                         "\"%s\": expected a line of text, found control characters", key);
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
    const char *recipe = json_string_value(json_object_get(json, "recipe")),
               *model = json_string_value(json_object_get(json, "model_sha256")), *method;
    const json_t *scale = json_object_get(json, "scale");
    json_t *scores = json_object_get(json, "scores"), *list;
    json_int_t seed;
    *out = (control_scores){.scale = json_number_value(scale)};
    if (!recipe || !model || !json_is_number(scale) || !json_is_object(scores) ||
        !td_json_take_integer(json, "seed", &seed) ||
        !tool_json_take_rate(json, "accuracy", &out->accuracy))
        return td_fail(error, TD_ERR_FORMAT,
                       "expected \"recipe\", \"seed\", \"model_sha256\", \"accuracy_count\", "
                       "\"scale\" and \"scores\" of a control");
    out->seed = (uint64_t)seed;
    TD_TRY(copy_line(arena, recipe, "recipe", &out->recipe, error));
    TD_TRY(copy_line(arena, model, "model_sha256", &out->model, error));
    json_object_foreach(scores, method, list) {
        if (out->count == SCREENS_MOST)
            return td_fail(error, TD_ERR_FORMAT, "scores: expected at most %d lists", SCREENS_MOST);
        TD_TRY(read_values(list, method, &out->screens[out->count++], arena, error));
    }
    return TD_OK;
}

static td_status read_class_names(const json_t *names, controls_file *out, td_arena *arena,
                                  td_error *error) {
    if (!names)
        return TD_OK;
    if (json_array_size(names) != out->classes)
        return td_fail(error, TD_ERR_FORMAT, "\"class_names\": expected a list of %zu names",
                       out->classes);
    TD_TRY(TD_ARENA_NEW(arena, out->classes, &out->class_names, "class names", error));
    for (size_t i = 0; i < out->classes; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (!name)
            return td_fail(error, TD_ERR_FORMAT, "\"class_names\": entry %zu: expected a text", i);
        TD_TRY(copy_line(arena, name, "class_names", &out->class_names[i], error));
    }
    return TD_OK;
}

td_status controls_file_read(const json_t *record, const char *path, controls_file *out,
                             td_arena *arena, td_error *error) {
    const json_t *options = json_object_get(record, "options"),
                 *list = json_object_get(record, "controls");
    const char *net = json_string_value(json_object_get(record, "net_text")),
               *data = json_string_value(json_object_get(options, "data")),
               *name = json_string_value(json_object_get(options, "net")),
               *clean = json_string_value(json_object_get(options, "clean")),
               *clean_images = json_string_value(json_object_get(record, "clean_images")),
               *version = json_string_value(json_object_get(record, "version")),
               *recipes = json_string_value(json_object_get(options, "recipes"));
    json_int_t classes;
    *out = (controls_file){.path = path};
    if (!net || !data || !name || !clean || !clean_images || !version || !recipes ||
        !td_json_take_integer(record, "classes", &classes) || classes < 1 ||
        classes > TD_MOST_CLASSES || !json_is_array(list) || json_array_size(list) > CONTROLS_MOST)
        return td_fail(error, TD_ERR_FORMAT,
                       "expected a record of trapdoor-defend controls, with \"net_text\", "
                       "\"classes\", \"clean_images\" and \"controls\"");
    TD_TRY(copy(arena, net, &out->net, error));
    TD_TRY(copy_line(arena, data, "data", &out->data, error));
    TD_TRY(copy_line(arena, name, "net", &out->net_name, error));
    TD_TRY(copy_line(arena, clean, "clean", &out->clean, error));
    TD_TRY(copy_line(arena, clean_images, "clean_images", &out->clean_images, error));
    TD_TRY(copy_line(arena, version, "version", &out->version, error));
    out->mixed = strcmp(recipes, "mixed") == 0;
    out->classes = (size_t)classes;
    out->count = json_array_size(list);
    TD_TRY(read_class_names(json_object_get(record, "class_names"), out, arena, error));
    TD_TRY(TD_ARENA_NEW(arena, out->count, &out->list, "controls", error));
    for (size_t i = 0; i < out->count; i++) {
        td_status status = control_read(json_array_get(list, i), &out->list[i], arena, error);
        if (status != TD_OK)
            return td_fail_within(error, status, "\"controls\": entry %zu", i);
    }
    return TD_OK;
}
