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
    if (end == text || *end != '\0' || !(value >= key->least && value <= key->most) ||
        (key->above && value == key->least))
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

static bool read_shift(const char *text, size_t *x, size_t *y) {
    const char *rest = read_digits(text, TD_TRIGGER_EXTENT, x);
    *y = *x;
    if (rest && *rest == '+')
        rest = read_digits(rest + 1, TD_TRIGGER_EXTENT, y);
    return rest && *rest == '\0';
}

static bool read_word(const td_key *key, const char *text, size_t *out) {
    for (*out = 0; key->words[*out]; ++*out)
        if (strcmp(key->words[*out], text) == 0)
            return true;
    return false;
}

static void describe_words(const td_key *key, char *out, size_t size) {
    size_t used = 0;
    for (size_t i = 0; key->words[i]; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s",
                                 i == 0              ? ""
                                 : key->words[i + 1] ? ", "
                                                     : " or ",
                                 key->words[i]);
}

/* What a key's value may be, for messages. */
static void describe(const td_key *key, char *out, size_t size) {
    switch (key->kind) {
    case TD_KEY_NUMBER:
        snprintf(out, size, "a %snumber %s %.10g %sto %.10g", key->whole ? "whole " : "",
                 key->above ? "above" : "from", key->least, key->above ? "up " : "", key->most);
        break;
    case TD_KEY_POSITION:
        snprintf(out, size, "top-left, top-right, bottom-left, bottom-right, center or X+Y");
        break;
    case TD_KEY_COLOUR:
        snprintf(out, size, "V or R/G/B, whole numbers from 0 to 255");
        break;
    case TD_KEY_FILE:
        snprintf(out, size, "%s", key->expected);
        break;
    case TD_KEY_WORD:
        describe_words(key, out, size);
        break;
    case TD_KEY_SHIFT:
        snprintf(out, size, "S or X+Y, whole numbers from 0 to %d", TD_TRIGGER_EXTENT);
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
        out->text = value;
        return *value != '\0';
    case TD_KEY_WORD:
        return read_word(key, value, &out->word);
    case TD_KEY_SHIFT:
        return read_shift(value, &out->shift.x, &out->shift.y);
    }
    return false;
}

/* In ten digits where they are enough to read the same number again. */
static int print_number(double number, char *out, size_t size) {
    int length = snprintf(out, size, "%.10g", number);
    return strtod(out, NULL) == number ? length : snprintf(out, size, "%.17g", number);
}

static int print_setting(const td_key *key, const td_setting *setting, char *out, size_t size) {
    const td_position *position = &setting->position;
    const uint8_t *rgb = setting->colour.rgb;
    switch (key->kind) {
    case TD_KEY_NUMBER:
        return print_number(setting->number, out, size);
    case TD_KEY_POSITION:
        if (position->anchor != TD_AT_POINT)
            return snprintf(out, size, "%s", anchor_names[position->anchor]);
        return snprintf(out, size, "%zu+%zu", position->x, position->y);
    case TD_KEY_COLOUR:
        if (setting->colour.grey)
            return snprintf(out, size, "%d", rgb[0]);
        return snprintf(out, size, "%d/%d/%d", rgb[0], rgb[1], rgb[2]);
    case TD_KEY_FILE:
        return snprintf(out, size, "%s", setting->text);
    case TD_KEY_WORD:
        return snprintf(out, size, "%s", key->words[setting->word]);
    case TD_KEY_SHIFT:
        if (setting->shift.x == setting->shift.y)
            return snprintf(out, size, "%zu", setting->shift.x);
        return snprintf(out, size, "%zu+%zu", setting->shift.x, setting->shift.y);
    }
    return 0;
}

static bool is_standard(const td_key *key, const td_setting *setting) {
    char own[64], standard[64];
    td_setting by_default;
    if (!key->standard || !read_setting(key, key->standard, &by_default))
        return false;
    print_setting(key, setting, own, sizeof own);
    print_setting(key, &by_default, standard, sizeof standard);
    return strcmp(own, standard) == 0;
}

void td_keys_print(const td_family *family, const td_setting *settings, char *out) {
    enum { SIZE = TD_TRIGGER_TEXT_MAX };
    size_t used = (size_t)snprintf(out, SIZE, "%s", family->name);
    char mark = ':';
    for (size_t i = 0; i < family->key_count; i++) {
        const td_key *key = &family->keys[i];
        if (!settings[i].given || (key->optional && is_standard(key, &settings[i])))
            continue;
        used += (size_t)snprintf(out + used, SIZE - used, "%c%s=", mark, key->name);
        used += (size_t)print_setting(key, &settings[i], out + used, SIZE - used);
        mark = ',';
    }
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

/* The value of one key: `value`, else the default. */
static td_status settle(td_trigger *trigger, size_t number, const char *value, const char *whole,
                        td_error *error) {
    const td_key *key = &trigger->family->keys[number];
    td_setting *setting = &trigger->settings[number];
    char allowed[128];
    describe(key, allowed, sizeof allowed);
    if (!value)
        value = key->standard;
    if (!value && key->optional)
        return TD_OK;
    if (!value)
        return td_fail(error, TD_ERR_USAGE, "trigger '%s': key '%s' is missing: expected %s", whole,
                       key->name, allowed);
    if (!read_setting(key, value, setting))
        return td_fail(error, TD_ERR_USAGE, "trigger '%s': key '%s': expected %s, found '%s'",
                       whole, key->name, allowed, value);
    setting->given = true;
    return TD_OK;
}

td_status td_keys_parse(td_trigger *trigger, const char *text, const char *whole, td_error *error) {
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
    for (size_t i = 0; i < trigger->family->key_count; i++)
        TD_TRY(settle(trigger, i, given[i], whole, error));
    return TD_OK;
}

td_status td_keys_one_of(const td_trigger *trigger, size_t first, size_t count, td_error *error) {
    char names[128] = "";
    size_t used = 0, given = 0;
    for (size_t i = first; i < first + count; i++) {
        given += trigger->settings[i].given;
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s",
                                 i == first              ? ""
                                 : i < first + count - 1 ? ", "
                                                         : " or ",
                                 trigger->family->keys[i].name);
    }
    if (given == 1)
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE, "trigger '%s': expected one of the keys %s, found %s",
                   trigger->text, names, given == 0 ? "none" : "more");
}

td_status td_keys_goes_with(const td_trigger *trigger, size_t key, bool fits, const char *with,
                            td_error *error) {
    const td_key *which = &trigger->family->keys[key];
    if (fits || !trigger->settings[key].given || is_standard(which, &trigger->settings[key]))
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE, "trigger '%s': key '%s' goes with %s only", trigger->text,
                   which->name, with);
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
