/* The keys of a trigger: key=value,... read against a family's table. */
#include "trigger/family.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const anchor_names[] = {
    [TD_AT_TOP_LEFT] = "top-left",       [TD_AT_TOP_RIGHT] = "top-right",
    [TD_AT_BOTTOM_LEFT] = "bottom-left", [TD_AT_BOTTOM_RIGHT] = "bottom-right",
    [TD_AT_CENTER] = "center",
};

/* Decimal digits only, up to `most`; returns what follows them, or NULL. */
static const char *read_digits(const char *text, size_t most, size_t *out) {
    size_t value = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        value = value * 10 + (size_t)(*at - '0');
        if (value > most)
            return NULL;
    }
    *out = value;
    return at == text ? NULL : at;
}

static bool read_number(const td_key *key, const char *text, double *out) {
    if (text[strspn(text, "0123456789+-.eE")] != '\0') /* strtod also takes inf, nan and 0x */
        return false;
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= key->least && value <= key->most))
        return false;
    *out = value;
    return !key->whole || value == floor(value);
}

static bool read_position(const char *text, td_position *out) {
    for (int anchor = 0; anchor < TD_AT_POINT; anchor++)
        if (strcmp(text, anchor_names[anchor]) == 0) {
            *out = (td_position){(td_anchor)anchor, 0, 0};
            return true;
        }
    out->anchor = TD_AT_POINT;
    const char *rest = read_digits(text, TD_TRIGGER_EXTENT, &out->x);
    if (!rest || *rest != '+')
        return false;
    rest = read_digits(rest + 1, TD_TRIGGER_EXTENT, &out->y);
    return rest && *rest == '\0';
}

static bool read_colour(const char *text, td_colour *out) {
    size_t value[3], count = 0;
    for (;;) {
        text = read_digits(text, 255, &value[count]);
        if (!text)
            return false;
        count++;
        if (*text == '\0')
            break;
        if (*text++ != '/' || count == 3)
            return false;
    }
    if (count == 2)
        return false;
    for (size_t i = 0; i < 3; i++)
        out->rgb[i] = (uint8_t)value[count == 1 ? 0 : i];
    out->grey = out->rgb[0] == out->rgb[1] && out->rgb[0] == out->rgb[2];
    return true;
}

/* What a key's value may be, for messages. */
static void describe(const td_key *key, char *out, size_t size) {
    switch (key->kind) {
    case TD_KEY_NUMBER:
        snprintf(out, size, "a %snumber from %.10g to %.10g", key->whole ? "whole " : "",
                 key->least, key->most);
        break;
    case TD_KEY_POSITION:
        snprintf(out, size, "top-left, top-right, bottom-left, bottom-right, center or X+Y");
        break;
    case TD_KEY_COLOUR:
        snprintf(out, size, "V or R/G/B, whole numbers from 0 to 255");
        break;
    case TD_KEY_FILE:
        snprintf(out, size, "the name of a PNG file");
        break;
    }
}

static bool read_setting(const td_key *key, const char *value, td_setting *out) {
    switch (key->kind) {
    case TD_KEY_NUMBER:
        return read_number(key, value, &out->number);
    case TD_KEY_POSITION:
        return read_position(value, &out->position);
    case TD_KEY_COLOUR:
        return read_colour(value, &out->colour);
    case TD_KEY_FILE:
        out->file = value;
        return *value != '\0';
    }
    return false;
}

static int print_setting(const td_key *key, const td_setting *setting, char *out, size_t size) {
    const td_position *position = &setting->position;
    const uint8_t *rgb = setting->colour.rgb;
    switch (key->kind) {
    case TD_KEY_NUMBER:
        return snprintf(out, size, "%.10g", setting->number);
    case TD_KEY_POSITION:
        if (position->anchor != TD_AT_POINT)
            return snprintf(out, size, "%s", anchor_names[position->anchor]);
        return snprintf(out, size, "%zu+%zu", position->x, position->y);
    case TD_KEY_COLOUR:
        if (setting->colour.grey)
            return snprintf(out, size, "%d", rgb[0]);
        return snprintf(out, size, "%d/%d/%d", rgb[0], rgb[1], rgb[2]);
    case TD_KEY_FILE:
        return snprintf(out, size, "%s", setting->file);
    }
    return 0;
}

static td_status fail_unknown(const td_family *family, const char *key, const char *whole,
                              td_error *error) {
    char allowed[256];
    size_t used = 0;
    for (size_t i = 0; i < family->key_count; i++)
        used += (size_t)snprintf(allowed + used, sizeof allowed - used, "%s%s", i ? ", " : "",
                                 family->keys[i].name);
    return td_fail(error, TD_ERR_USAGE, "trigger '%s': expected one of %s's keys (%s), found '%s'",
                   whole, family->name, allowed, key);
}

/* One "key=value", NUL-terminated and ours to cut. */
static td_status parse_one(td_trigger *trigger, char *item, const char **given, const char *whole,
                           td_error *error) {
    const td_family *family = trigger->family;
    char *equals = strchr(item, '=');
    if (equals)
        *equals = '\0';
    size_t i = 0;
    while (i < family->key_count && strcmp(family->keys[i].name, item) != 0)
        i++;
    if (i == family->key_count)
        return fail_unknown(family, item, whole, error);
    if (given[i])
        return td_fail(error, TD_ERR_USAGE, "trigger '%s': key '%s' is given twice", whole, item);
    given[i] = equals ? equals + 1 : "";
    return TD_OK;
}

td_status td_keys_parse(td_trigger *trigger, const char *text, const char *whole, char *canonical,
                        td_error *error) {
    const td_family *family = trigger->family;
    const char *given[TD_TRIGGER_KEYS] = {0};
    if (text) {
        char *item;
        TD_TRY(td_arena_text(&trigger->arena, text, strlen(text), &item, error));
        for (char *next; item; item = next) {
            next = strchr(item, ',');
            if (next)
                *next++ = '\0';
            TD_TRY(parse_one(trigger, item, given, whole, error));
        }
    }
    for (size_t i = 0; i < family->key_count; i++) {
        const td_key *key = &family->keys[i];
        const char *value = given[i] ? given[i] : key->standard;
        char allowed[128];
        describe(key, allowed, sizeof allowed);
        if (!value)
            return td_fail(error, TD_ERR_USAGE, "trigger '%s': key '%s' is missing: expected %s",
                           whole, key->name, allowed);
        if (!read_setting(key, value, &trigger->settings[i]))
            return td_fail(error, TD_ERR_USAGE, "trigger '%s': key '%s': expected %s, found '%s'",
                           whole, key->name, allowed, value);
        size_t used = strlen(canonical);
        used += (size_t)snprintf(canonical + used, TD_TRIGGER_TEXT_MAX - used,
                                 "%c%s=", i ? ',' : ':', key->name);
        print_setting(key, &trigger->settings[i], canonical + used, TD_TRIGGER_TEXT_MAX - used);
    }
    return TD_OK;
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
