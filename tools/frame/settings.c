/* SPDX-License-Identifier: MIT */
#include "frame/settings.h"

#include "data/classes.h"
#include "frame/record.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct tool_place {
    const td_key *key;
    const tool_keys *group;
    void *block; /* the struct with the key's field */
    bool given;
} tool_place;

static size_t count_keys(const tool_keys *groups) {
    size_t count = 0;
    for (; groups && groups->keys; groups++)
        for (const td_key *key = groups->keys; key->name; key++)
            count++;
    return count;
}

static td_status open_groups(tool_settings *s, const tool_keys *groups, void *block,
                             td_error *error) {
    for (; groups && groups->keys; groups++) {
        void *fields = (char *)block + groups->offset;
        for (const td_key *key = groups->keys; key->name; key++) {
            tool_place **place = &s->places[s->key_count++];
            TD_TRY(TD_ARENA_NEW(&s->arena, 1, place, "the settings", error));
            **place = (tool_place){key, groups, fields, false};
        }
        TD_TRY(td_key_store_defaults(groups->keys, fields, &s->arena, error));
    }
    return TD_OK;
}

static td_status open_all(tool_settings *s, td_error *error) {
    static const char what[] = "the settings";
    const tool_method *method = s->method;
    const size_t count = count_keys(method->family->groups) + count_keys(method->groups);
    TD_TRY(TD_ARENA_NEW(&s->arena, count, &s->places, what, error));
    TD_TRY(td_arena_alloc(&s->arena, 1, method->family->size, &s->family, what, error));
    TD_TRY(td_arena_alloc(&s->arena, 1, method->size, &s->own, what, error));
    TD_TRY(open_groups(s, method->family->groups, s->family, error));
    return open_groups(s, method->groups, s->own, error);
}

td_status tool_settings_open(tool_settings *s, const char *tool, const tool_method *method,
                             td_error *error) {
    *s = (tool_settings){.method = method, .tool = tool, .common = {.seed = 1}};
    td_status status = open_all(s, error);
    if (status != TD_OK)
        tool_settings_close(s);
    return status;
}

void tool_settings_close(tool_settings *s) {
    if (s->guest)
        tool_settings_close(s->guest);
    td_arena_free(&s->arena);
    *s = (tool_settings){0};
}

/* Whether the method that runs a guest sets this key itself. */
static bool is_withheld(const tool_method *host, const char *name) {
    for (const char *const *key = host->withheld; key && *key; key++)
        if (strcmp(*key, name) == 0)
            return true;
    return false;
}

td_status tool_settings_invite(tool_settings *s, const tool_method *guest, td_error *error) {
    tool_place **places;
    TD_TRY(TD_ARENA_NEW(&s->arena, 1, &s->guest, "the settings", error));
    TD_TRY(tool_settings_open(s->guest, s->tool, guest, error));
    const size_t most = s->key_count + s->guest->key_count;
    TD_TRY(TD_ARENA_NEW(&s->arena, most, &places, "the settings", error));
    memcpy(places, s->places, s->key_count * sizeof *places);
    s->places = places;
    for (size_t i = 0; i < s->guest->key_count; i++)
        if (!is_withheld(s->method, s->guest->places[i]->key->name))
            s->places[s->key_count++] = s->guest->places[i];
    return TD_OK;
}

void tool_settings_copy(tool_settings *s, const tool_settings *from) {
    if (s->method->family->size > 0)
        memcpy(s->family, from->family, s->method->family->size);
    if (s->method->size > 0)
        memcpy(s->own, from->own, s->method->size);
    for (size_t i = 0; i < s->key_count; i++)
        s->places[i]->given = from->places[i]->given;
}

const td_key *tool_settings_key(const tool_settings *s, size_t i, const tool_keys **group) {
    if (i >= s->key_count)
        return NULL;
    if (group)
        *group = s->places[i]->group;
    return s->places[i]->key;
}

static tool_place *find(const tool_settings *s, const char *name, size_t length) {
    for (size_t i = 0; i < s->key_count; i++)
        if (strncmp(s->places[i]->key->name, name, length) == 0 &&
            s->places[i]->key->name[length] == '\0')
            return s->places[i];
    return NULL;
}

const td_key *tool_settings_find(const tool_settings *s, const char *name) {
    const tool_place *place = find(s, name, strlen(name));
    return place ? place->key : NULL;
}

/* The name of a key in messages: "--clean", or "DIR" for a positional one. */
static const char *call(const td_key *key, char *out, size_t size) {
    snprintf(out, size, "%s%s", key->argument ? "" : "--", key->argument ? key->value : key->name);
    return out;
}

static td_status store(tool_settings *s, tool_place *place, const char *value, td_error *error) {
    td_setting setting;
    char called[64], allowed[512];
    if (td_key_read(place->key, value, &setting))
        return td_key_store(place->key, &setting, place->block, &s->arena, error);
    return td_fail(error, TD_ERR_USAGE, "%s: expected %s, found \"%s\"",
                   call(place->key, called, sizeof called),
                   td_key_describe(place->key, allowed, sizeof allowed), value);
}

/* Whether a value is comma-separated numbers, each of which counts as given separately. A list of
 * classes is one only if all are indices, because names may contain commas. */
static bool is_list(const td_key *key, const char *value) {
    return key->many && (key->kind == TD_KEY_COUNT || key->kind == TD_KEY_REAL ||
                         (key->kind == TD_KEY_CLASS && td_class_is_index(value)));
}

/* Stores a number for a key that may be given several times: "1,2,3" is three values. */
static td_status store_all(tool_settings *s, tool_place *place, const char *value,
                           td_error *error) {
    char number[64];
    if (!is_list(place->key, value))
        return store(s, place, value, error);
    for (size_t length;; value += length + 1) {
        length = strcspn(value, ",");
        snprintf(number, sizeof number, "%.*s", (int)length, value);
        TD_TRY(store(s, place, number, error));
        if (!value[length])
            return TD_OK;
    }
}

td_status tool_settings_set(tool_settings *s, const char *name, const char *value,
                            td_error *error) {
    tool_place *place = find(s, name, strlen(name));
    char called[64], allowed[512];
    if (!place)
        return td_fail(error, TD_ERR_USAGE, "%s has no option --%s",
                       s->method->name ? s->method->name : s->tool, name);
    if (place->given && !place->key->many && place->key->kind != TD_KEY_FLAG)
        return td_fail(error, TD_ERR_USAGE, "%s: expected it once, %s, found it again with \"%s\"",
                       call(place->key, called, sizeof called),
                       td_key_describe(place->key, allowed, sizeof allowed), value);
    TD_TRY(store_all(s, place, value, error));
    place->given = true;
    return TD_OK;
}

td_status tool_settings_preset(const tool_settings *s, const tool_preset *preset, td_error *error) {
    for (; preset->key; preset++) {
        const tool_place *place = find(s, preset->key, strlen(preset->key));
        td_setting setting;
        if (!place || !td_key_read(place->key, preset->value, &setting))
            return td_fail(error, TD_ERR_USAGE, "preset: \"%s\" cannot be %s", preset->key,
                           preset->value);
        if (!place->given) /* numbers and words need no arena */
            TD_TRY(td_key_store(place->key, &setting, place->block, NULL, error));
    }
    return TD_OK;
}

bool tool_settings_given(const tool_settings *s, const char *name) {
    const tool_place *place = find(s, name, strlen(name));
    return place && place->given;
}

/* --- dependencies between keys --- */

static const void *field_of(const tool_place *place) {
    return (const char *)place->block + place->key->offset;
}

/* The current word of the key's field, given or default. */
static const char *word_of(const tool_place *place) {
    return place->key->words[*(const int *)field_of(place)];
}

static bool lists(const char *words, const char *word) {
    const size_t length = strlen(word);
    for (const char *at = words; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
        if (strncmp(at, word, length) == 0 && (at[length] == '|' || at[length] == '\0'))
            return true;
    return false;
}

static const char *needs_of(const tool_place *place) {
    return place->key->needs ? place->key->needs : place->group->needs;
}

/* Whether the key that this one requires is given. */
static bool is_met(const tool_settings *s, const tool_place *place) {
    const char *needs = needs_of(place);
    if (!needs)
        return true;
    const size_t length = strcspn(needs, "=");
    const tool_place *other = find(s, needs, length);
    if (!other || !is_met(s, other))
        return false;
    if (needs[length] == '=' && (other->given || other->key->standard))
        return lists(needs + length + 1, word_of(other));
    return other->given;
}

/* "--patch unlearn or prune" of "patch=unlearn|prune". */
static void say_needs(const char *needs, char *out, size_t size) {
    size_t used = (size_t)snprintf(out, size, "--");
    for (; *needs && used + 5 < size; needs++)
        if (*needs == '|')
            used += (size_t)snprintf(out + used, size - used, " or ");
        else
            used += (size_t)snprintf(out + used, size - used, "%c", *needs == '=' ? ' ' : *needs);
}

static const td_many *many_of(const tool_settings *s, const td_key *key) {
    return field_of(find(s, key->name, strlen(key->name)));
}

/* Parallel keys must be given as often as the first of them. */
static td_status check_counts(const tool_settings *s, const tool_keys *group, td_error *error) {
    const td_key *lead = group->keys;
    const size_t count = many_of(s, lead)->count;
    for (const td_key *key = lead + 1; key->name; key++)
        if (many_of(s, key)->count != count)
            return td_fail(error, TD_ERR_USAGE, "--%s and --%s come in pairs: found %zu and %zu",
                           lead->name, key->name, count, many_of(s, key)->count);
    return TD_OK;
}

static td_status check_place(const tool_settings *s, const tool_place *place, td_error *error) {
    const td_key *key = place->key;
    const char *needs = needs_of(place);
    char called[64], with[160];
    if (place->group->rows && key == place->group->keys)
        TD_TRY(check_counts(s, place->group, error));
    const bool met = is_met(s, place);
    call(key, called, sizeof called);
    if (needs)
        say_needs(needs, with, sizeof with);
    if (place->given && !met)
        return td_fail(error, TD_ERR_USAGE, "%s: expected %s with it, found none", called, with);
    if (!key->required || place->given || !met)
        return TD_OK;
    if (needs)
        return td_fail(error, TD_ERR_USAGE, "%s: expected %s with it, found none", with, called);
    return td_fail(error, TD_ERR_USAGE, "expected %s, found none", called);
}

static td_status check_output(const tool_settings *s, td_error *error) {
    const tool_family *family = s->method->family;
    if (s->common.output && family->output == TOOL_OUTPUT_NONE)
        return td_fail(error, TD_ERR_USAGE,
                       "-o has no meaning here; --json FILE writes the record");
    if (!s->common.output && family->needs_output)
        return td_fail(error, TD_ERR_USAGE, "-o is missing: %s", family->output_what);
    if (s->common.output && *s->common.output == '\0')
        return td_fail(error, TD_ERR_USAGE, "-o: expected a name, found \"\"");
    if (s->common.output && s->common.json && strcmp(s->common.output, s->common.json) == 0)
        return td_fail(error, TD_ERR_USAGE, "-o and --json: expected two files, found %s for both",
                       s->common.json);
    return TD_OK;
}

td_status tool_settings_check(const tool_settings *s, td_error *error) {
    const tool_method *method = s->method;
    if (method->guests && !s->guest)
        return td_fail(error, TD_ERR_USAGE, "%s: expected the name of one (see --help), found none",
                       method->guests);
    for (size_t i = 0; i < s->key_count; i++)
        TD_TRY(check_place(s, s->places[i], error));
    TD_TRY(check_output(s, error));
    if (method->family->check)
        TD_TRY(method->family->check(s, s->family, error));
    return method->check ? method->check(s, s->own, error) : TD_OK;
}

/* --- the record --- */

/* An index is written as a number, as before classes had names. */
static json_t *class_json(td_json *json, const char *text) {
    return td_key_class_is_number(text) ? td_json_count(json, strtoul(text, NULL, 10))
                                        : td_json_text(json, text);
}

static json_t *item_json(td_json *json, const td_key *key, const td_many *many, size_t i) {
    return key->kind == TD_KEY_COUNT   ? td_json_count(json, many->counts[i])
           : key->kind == TD_KEY_REAL  ? td_json_real(json, many->reals[i])
           : key->kind == TD_KEY_CLASS ? class_json(json, many->texts[i])
                                       : td_json_text(json, many->texts[i]);
}

static json_t *many_json(td_json *json, const td_key *key, const td_many *many) {
    if (key->optional && many->count == 0)
        return json_null();
    json_t *list = td_json_array(json);
    for (size_t i = 0; i < many->count; i++)
        td_json_append(json, list, item_json(json, key, many, i));
    return list;
}

static json_t *colour_json(td_json *json, const td_colour *colour) {
    return td_json_pack(json, "[iii]", colour->rgb[0], colour->rgb[1], colour->rgb[2]);
}

/* JSON null for a missing value. */
static json_t *value_json(td_json *json, const tool_place *place) {
    const td_key *key = place->key;
    const void *field = field_of(place);
    if (key->many)
        return many_json(json, key, field);
    const bool unset = !place->given && !key->standard; /* unless a check has set it */
    const size_t *counts = field;
    switch (key->kind) {
    case TD_KEY_FLAG:
        return json_boolean(*(const bool *)field);
    case TD_KEY_COUNT:
        return unset && *counts == 0 ? json_null() : td_json_count(json, *counts);
    case TD_KEY_REAL:
    case TD_KEY_FRACTION:
        return unset && !(*(const double *)field != 0) ? json_null()
                                                       : td_json_real(json, *(const double *)field);
    case TD_KEY_PAIR:
        return unset ? json_null() : td_json_pack(json, "[zz]", counts[0], counts[1]);
    case TD_KEY_WORD:
        return unset ? json_null() : td_json_text(json, word_of(place));
    case TD_KEY_CLASS:
        return *(const char *const *)field ? class_json(json, *(const char *const *)field)
                                           : json_null();
    case TD_KEY_COLOUR:
        return unset ? json_null() : colour_json(json, field);
    default:
        return *(const char *const *)field ? td_json_text(json, *(const char *const *)field)
                                           : json_null();
    }
}

/* Takes ownership of `value`. */
static void set_field(td_json *json, json_t *object, const td_key *key, json_t *value) {
    char name[64];
    snprintf(name, sizeof name, "%s", key->field ? key->field : key->name);
    for (char *at = name; *at && !key->field; at++)
        if (*at == '-')
            *at = '_';
    td_json_set(json, object, name, value);
}

/* The object or array for a group's keys; initially created from `empty`, whose ownership it takes.
 */
static json_t *group_json(td_json *json, json_t *options, const char *name, json_t *empty) {
    json_t *found = json_object_get(options, name);
    if (!found)
        return td_json_set(json, options, name, empty);
    json_decref(empty);
    return found;
}

static void add_rows(td_json *json, json_t *options, const tool_place *place) {
    const td_many *many = field_of(place);
    if (place->group->keys->optional && many->count == 0)
        return;
    json_t *list = group_json(json, options, place->group->object, td_json_array(json));
    for (size_t i = 0; i < many->count; i++) {
        if (i == json_array_size(list))
            td_json_append(json, list, td_json_object(json));
        set_field(json, json_array_get(list, i), place->key, item_json(json, place->key, many, i));
    }
}

static void add_value(td_json *json, json_t *options, const tool_place *place) {
    if (place->group->rows) {
        add_rows(json, options, place);
        return;
    }
    json_t *value = value_json(json, place);
    if (json_is_null(value))
        return;
    if (place->group->object)
        options = group_json(json, options, place->group->object, td_json_object(json));
    set_field(json, options, place->key, value);
}

static void set_name(td_json *json, json_t *options, const char *field, const tool_method *method) {
    if (method->name)
        td_json_set(json, options, field, td_json_text(json, method->name));
}

td_status tool_settings_json(const tool_settings *s, json_t **out, td_error *error) {
    const char *word = s->method->family->word;
    td_json json = {0};
    *out = td_json_object(&json);
    set_name(&json, *out, word ? word : "method", s->method);
    if (s->guest)
        set_name(&json, *out, s->method->guests, s->guest->method);
    for (size_t i = 0; i < s->key_count; i++)
        if (!s->places[i]->key->unrecorded && is_met(s, s->places[i]))
            add_value(&json, *out, s->places[i]);
    return td_json_end(&json, out, "the options", error);
}
