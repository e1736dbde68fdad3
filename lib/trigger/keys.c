/* SPDX-License-Identifier: MIT */
/* The keys of a trigger: key=value,... parsed by a family's table. */
#include "trigger/family.h"

#include <stdio.h>
#include <string.h>

void td_keys_print(const td_family *family, const td_setting *settings, char *out) {
    enum { SIZE = TD_TRIGGER_TEXT_MAX };
    size_t used = (size_t)snprintf(out, SIZE, "%s", family->name);
    char mark = ':';
    for (size_t i = 0; family->keys[i].name; i++) {
        const td_key *key = &family->keys[i];
        if (!settings[i].given || (key->optional && td_key_is_standard(key, &settings[i])))
            continue;
        used += (size_t)snprintf(out + used, SIZE - used, "%c%s=", mark, key->name);
        used += (size_t)td_key_print(key, &settings[i], out + used, SIZE - used);
        mark = ',';
    }
}

static td_status fail_unknown(const td_family *family, const char *key, const char *whole,
                              td_error *error) {
    char allowed[256];
    size_t used = 0;
    for (size_t i = 0; family->keys[i].name; i++)
        used += (size_t)snprintf(allowed + used, sizeof allowed - used, "%s%s", i ? ", " : "",
                                 family->keys[i].name);
    return td_fail(error, TD_ERR_USAGE, "trigger '%s': expected one of %s's keys (%s), found '%s'",
                   whole, family->name, allowed, key);
}

/* One "key=value", NUL-terminated; the function may modify it. */
static td_status parse_one(td_part *part, char *item, const char **given, const char *whole,
                           td_error *error) {
    const td_family *family = part->family;
    char *equals = strchr(item, '=');
    if (equals)
        *equals = '\0';
    const td_key *key = td_key_find(family->keys, item);
    if (!key)
        return fail_unknown(family, item, whole, error);
    const char **value = &given[key - family->keys];
    if (*value)
        return td_fail(error, TD_ERR_USAGE, "trigger '%s': key '%s' is given twice", whole, item);
    *value = equals ? equals + 1 : "";
    return TD_OK;
}

/* The value of one key: `value` or the default. */
static td_status settle(td_part *part, size_t number, const char *value, const char *whole,
                        td_error *error) {
    const td_key *key = &part->family->keys[number];
    td_setting *setting = &part->settings[number];
    char allowed[128];
    if (value ? td_key_read(key, value, setting) : td_key_standard(key, setting) || !key->required)
        return TD_OK;
    td_key_describe(key, allowed, sizeof allowed);
    if (!value)
        return td_fail(error, TD_ERR_USAGE, "trigger '%s': key '%s' is missing: expected %s", whole,
                       key->name, allowed);
    return td_fail(error, TD_ERR_USAGE, "trigger '%s': key '%s': expected %s, found '%s'", whole,
                   key->name, allowed, value);
}

/* Whether the settings have "KEY=WORD". */
static bool holds(const td_part *part, const char *needs) {
    const td_key *keys = part->family->keys;
    for (size_t i = 0; keys[i].name; i++) {
        const size_t length = strlen(keys[i].name);
        if (strncmp(needs, keys[i].name, length) == 0 && needs[length] == '=')
            return part->settings[i].given &&
                   strcmp(keys[i].words[part->settings[i].word], needs + length + 1) == 0;
    }
    return false;
}

static td_status check_needs(const td_part *part, const char *whole, td_error *error) {
    const td_key *keys = part->family->keys;
    for (size_t i = 0; keys[i].name; i++)
        if (keys[i].needs && part->settings[i].given &&
            !td_key_is_standard(&keys[i], &part->settings[i]) && !holds(part, keys[i].needs))
            return td_fail(error, TD_ERR_USAGE, "trigger '%s': key '%s' goes with %s only", whole,
                           keys[i].name, keys[i].needs);
    return TD_OK;
}

td_status td_keys_parse(td_part *part, const char *text, const char *whole, td_error *error) {
    const char *given[TD_TRIGGER_KEYS] = {0};
    if (text) {
        char *item;
        TD_TRY(td_arena_text(&part->arena, text, strlen(text), &item, error));
        for (char *next; item; item = next) {
            next = strchr(item, ',');
            if (next)
                *next++ = '\0';
            TD_TRY(parse_one(part, item, given, whole, error));
        }
    }
    for (size_t i = 0; part->family->keys[i].name; i++)
        TD_TRY(settle(part, i, given[i], whole, error));
    return check_needs(part, whole, error);
}

td_status td_keys_one_of(const td_part *part, size_t first, size_t count, td_error *error) {
    char names[128] = "";
    size_t used = 0, given = 0;
    for (size_t i = first; i < first + count; i++) {
        given += part->settings[i].given;
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s",
                                 i == first              ? ""
                                 : i < first + count - 1 ? ", "
                                                         : " or ",
                                 part->family->keys[i].name);
    }
    if (given == 1)
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE, "trigger '%s': expected one of the keys %s, found %s",
                   part->text, names, given == 0 ? "none" : "more");
}

td_status td_position_resolve(const td_position *position, size_t patch_height, size_t patch_width,
                              td_shape shape, size_t *top, size_t *left, td_error *error) {
    if (patch_height > shape.height || patch_width > shape.width)
        return td_fail(error, TD_ERR_USAGE, "expected at most the images' %zux%zu, found %zux%zu",
                       shape.width, shape.height, patch_width, patch_height);
    size_t down = shape.height - patch_height, right = shape.width - patch_width;
    bool point = position->anchor == TD_AT_POINT;
    if (point && (position->y > down || position->x > right))
        return td_fail(error, TD_ERR_USAGE,
                       "expected a position up to %zu+%zu, to lie within the images, found %zu+%zu",
                       right, down, position->x, position->y);
    static const struct {
        uint8_t down, right; /* halves of the free space */
    } halves[] = {
        [TD_AT_TOP_LEFT] = {0, 0},     [TD_AT_TOP_RIGHT] = {0, 2}, [TD_AT_BOTTOM_LEFT] = {2, 0},
        [TD_AT_BOTTOM_RIGHT] = {2, 2}, [TD_AT_CENTER] = {1, 1},
    };
    *top = point ? position->y : down * halves[position->anchor].down / 2;
    *left = point ? position->x : right * halves[position->anchor].right / 2;
    return TD_OK;
}
