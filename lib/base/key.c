/* SPDX-License-Identifier: MIT */
#include "base/key.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const anchor_names[] = {
    [TD_AT_TOP_LEFT] = "top-left",       [TD_AT_TOP_RIGHT] = "top-right",
    [TD_AT_BOTTOM_LEFT] = "bottom-left", [TD_AT_BOTTOM_RIGHT] = "bottom-right",
    [TD_AT_CENTER] = "center",
};

/* Largest whole number up to which all are exact doubles, the type of a key's range. */
static const double largest_count = 9007199254740992.0;

const td_key *td_key_find(const td_key *keys, const char *name) {
    for (; keys && keys->name; keys++)
        if (strcmp(keys->name, name) == 0)
            return keys;
    return NULL;
}

/* --- reading --- */

/* Decimal digits only, up to `most`; returns the rest of the text, or NULL. */
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

static bool in_range(const td_key *key, double value) {
    return value >= key->least && value <= key->most && !(key->above && value == key->least) &&
           !(key->below && value == key->most);
}

static const char *read_count(const td_key *key, const char *text, size_t *out) {
    const char *rest = read_digits(text, (size_t)fmin(key->most, largest_count), out);
    return rest && in_range(key, (double)*out) ? rest : NULL;
}

/* Parses up to one of `ends` or the end of the text; returns the rest, or NULL. strtod alone also
 * accepts blanks, "inf", "nan" and hexadecimal numbers. */
static const char *read_real(const char *text, const char *ends, double *out) {
    const size_t length = strspn(text, "0123456789+-.eE");
    char *end;
    *out = strtod(text, &end);
    if (length == 0 || end != text + length || (*end && !strchr(ends, *end)) || !isfinite(*out))
        return NULL;
    return end;
}

static bool read_fraction(const char *text, double *out) {
    double below;
    const char *rest = read_real(text, "/", out);
    if (!rest || *rest == '\0')
        return rest;
    rest = read_real(rest + 1, "", &below);
    if (!rest || below == 0)
        return false;
    *out /= below;
    return isfinite(*out);
}

static bool read_word(const td_key *key, const char *text, size_t *out) {
    for (*out = 0; key->words[*out]; ++*out)
        if (strcmp(key->words[*out], text) == 0)
            return true;
    return false;
}

static bool read_pair(const td_key *key, const char *text, size_t *first, size_t *second) {
    const char *rest = read_count(key, text, first);
    *second = *first;
    if (rest && *rest == 'x')
        rest = read_count(key, rest + 1, second);
    return rest && *rest == '\0';
}

static bool read_sides(const td_key *key, const char *text, td_setting *out) {
    size_t value[4], count = 0;
    for (;;) {
        text = read_count(key, text, &value[count++]);
        if (!text || (*text && *text != 'x'))
            return false;
        if (*text++ == '\0')
            break;
        if (count == 4)
            return false;
    }
    if (count == 3)
        return false;
    const size_t left = value[count > 1], bottom = value[count > 2 ? 2 : 0];
    out->sides.top = value[0];
    out->sides.left = left;
    out->sides.bottom = bottom;
    out->sides.right = count > 2 ? value[3] : left;
    return true;
}

static bool read_list(const td_key *key, const char *text, td_setting *out) {
    for (out->list.count = 0; out->list.count < TD_KEY_LIST_SIZE;) {
        double *value = &out->list.values[out->list.count++];
        text = read_real(text, ",", value);
        if (!text || !in_range(key, *value))
            return false;
        if (*text++ == '\0')
            return true;
    }
    return false;
}

static bool read_position(const char *text, td_position *out) {
    for (int anchor = 0; anchor < TD_AT_POINT; anchor++)
        if (strcmp(text, anchor_names[anchor]) == 0) {
            *out = (td_position){(td_anchor)anchor, 0, 0};
            return true;
        }
    out->anchor = TD_AT_POINT;
    const char *rest = read_digits(text, TD_KEY_EXTENT, &out->x);
    if (!rest || *rest != '+')
        return false;
    rest = read_digits(rest + 1, TD_KEY_EXTENT, &out->y);
    return rest && *rest == '\0';
}

static bool read_colour(const char *text, td_colour *out) {
    size_t value[3], count = 0;
    if (strcmp(text, "black") == 0 || strcmp(text, "white") == 0) {
        memset(out->rgb, *text == 'w' ? 255 : 0, sizeof out->rgb);
        return out->grey = true;
    }
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
    const char *rest = read_digits(text, TD_KEY_EXTENT, x);
    *y = *x;
    if (rest && *rest == '+')
        rest = read_digits(rest + 1, TD_KEY_EXTENT, y);
    return rest && *rest == '\0';
}

static bool read_value(const td_key *key, const char *text, td_setting *out) {
    const char *rest;
    switch (key->kind) {
    case TD_KEY_FLAG:
        return *text == '\0';
    case TD_KEY_COUNT:
        rest = read_count(key, text, &out->count);
        return rest && *rest == '\0';
    case TD_KEY_REAL:
        return read_real(text, "", &out->number) && in_range(key, out->number);
    case TD_KEY_FRACTION:
        return read_fraction(text, &out->number) && in_range(key, out->number);
    case TD_KEY_WORD:
        return read_word(key, text, &out->word);
    case TD_KEY_TEXT:
    case TD_KEY_CLASS:
        out->text = text;
        return *text != '\0';
    case TD_KEY_PAIR:
        return read_pair(key, text, &out->pair.first, &out->pair.second);
    case TD_KEY_SIDES:
        return read_sides(key, text, out);
    case TD_KEY_LIST:
        return read_list(key, text, out);
    case TD_KEY_POSITION:
        return read_position(text, &out->position);
    case TD_KEY_COLOUR:
        return read_colour(text, &out->colour);
    case TD_KEY_SHIFT:
        return read_shift(text, &out->shift.x, &out->shift.y);
    }
    return false;
}

bool td_key_class_is_number(const char *text) {
    enum { MOST_DIGITS = 9 };
    const size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits <= MOST_DIGITS && text[digits] == '\0';
}

bool td_key_read(const td_key *key, const char *text, td_setting *out) {
    *out = (td_setting){0};
    return out->given = read_value(key, text, out);
}

/* --- words --- */

static const char *describe_words(const td_key *key, char *out, size_t size) {
    size_t used = (size_t)snprintf(out, size, "one of ");
    for (size_t i = 0; key->words[i] && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", key->words[i]);
    return out;
}

/* "a whole number from 1 to 1000", "a number in (0, 1]", "a number above 0". */
static const char *describe_number(const td_key *key, const char *what, bool whole, char *out,
                                   size_t size) {
    if (isinf(key->most) && isinf(key->least))
        snprintf(out, size, "%s", what);
    else if (isinf(key->most))
        snprintf(out, size, "%s %s %.10g", what, key->above ? "above" : "of at least", key->least);
    else if (whole)
        snprintf(out, size, "%s from %.16g to %.16g", what, key->least,
                 fmin(key->most, largest_count));
    else
        snprintf(out, size, "%s in %c%.10g, %.10g%c", what, key->above ? '(' : '[', key->least,
                 key->most, key->below ? ')' : ']');
    return out;
}

const char *td_key_describe(const td_key *key, char *out, size_t size) {
    switch (key->kind) {
    case TD_KEY_FLAG:
        snprintf(out, size, "no value");
        break;
    case TD_KEY_COUNT:
        return describe_number(key, "a whole number", true, out, size);
    case TD_KEY_REAL:
        return describe_number(key, "a number", false, out, size);
    case TD_KEY_FRACTION:
        return describe_number(key, "a number or a fraction A/B", false, out, size);
    case TD_KEY_PAIR:
        return describe_number(key, "a whole number or a pair AxB", true, out, size);
    case TD_KEY_SIDES:
        return describe_number(key, "a whole number, AxB or TOPxLEFTxBOTTOMxRIGHT", true, out,
                               size);
    case TD_KEY_LIST:
        return describe_number(key, "one to four numbers A,B,...", false, out, size);
    case TD_KEY_WORD:
        return describe_words(key, out, size);
    case TD_KEY_TEXT:
        snprintf(out, size, "%s", key->expected ? key->expected : key->value ? key->value : "text");
        break;
    case TD_KEY_CLASS:
        snprintf(out, size, "a class: its name or its index");
        break;
    case TD_KEY_POSITION:
        snprintf(out, size, "top-left, top-right, bottom-left, bottom-right, center or X+Y");
        break;
    case TD_KEY_COLOUR:
        snprintf(out, size, "black, white, V or R/G/B, whole numbers from 0 to 255");
        break;
    case TD_KEY_SHIFT:
        snprintf(out, size, "S or X+Y, whole numbers from 0 to %d", TD_KEY_EXTENT);
        break;
    }
    return out;
}

/* --- writing --- */

/* The fewest digits, at least ten, that parse to the same number. */
static int print_number(double number, char *out, size_t size) {
    char text[32];
    for (int digits = 10; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    return snprintf(out, size, "%s", text);
}

static int print_two(const char *between, size_t first, size_t second, char *out, size_t size) {
    return first == second ? snprintf(out, size, "%zu", first)
                           : snprintf(out, size, "%zu%s%zu", first, between, second);
}

static int print_sides(const td_setting *setting, char *out, size_t size) {
    const size_t top = setting->sides.top, left = setting->sides.left;
    const size_t bottom = setting->sides.bottom, right = setting->sides.right;
    return top == bottom && left == right
               ? print_two("x", top, left, out, size)
               : snprintf(out, size, "%zux%zux%zux%zu", top, left, bottom, right);
}

static int print_list(const td_setting *setting, char *out, size_t size) {
    size_t used = 0;
    for (size_t i = 0; i < setting->list.count; i++) {
        const size_t left = used < size ? size - used : 0;
        if (i > 0)
            used += (size_t)snprintf(left ? out + used : NULL, left, ",");
        const size_t after = used < size ? size - used : 0;
        used += (size_t)print_number(setting->list.values[i], after ? out + used : NULL, after);
    }
    return (int)used;
}

int td_key_print(const td_key *key, const td_setting *setting, char *out, size_t size) {
    const td_position *position = &setting->position;
    const uint8_t *rgb = setting->colour.rgb;
    switch (key->kind) {
    case TD_KEY_FLAG:
        return snprintf(out, size, "%s", "");
    case TD_KEY_COUNT:
        return snprintf(out, size, "%zu", setting->count);
    case TD_KEY_REAL:
    case TD_KEY_FRACTION:
        return print_number(setting->number, out, size);
    case TD_KEY_WORD:
        return snprintf(out, size, "%s", key->words[setting->word]);
    case TD_KEY_TEXT:
        return snprintf(out, size, "%s", setting->text);
    case TD_KEY_CLASS: /* one text for 3 and 03 */
        if (td_key_class_is_number(setting->text))
            return snprintf(out, size, "%lu", strtoul(setting->text, NULL, 10));
        return snprintf(out, size, "%s", setting->text);
    case TD_KEY_PAIR:
        return print_two("x", setting->pair.first, setting->pair.second, out, size);
    case TD_KEY_SIDES:
        return print_sides(setting, out, size);
    case TD_KEY_LIST:
        return print_list(setting, out, size);
    case TD_KEY_POSITION:
        if (position->anchor != TD_AT_POINT)
            return snprintf(out, size, "%s", anchor_names[position->anchor]);
        return snprintf(out, size, "%zu+%zu", position->x, position->y);
    case TD_KEY_COLOUR:
        if (setting->colour.grey)
            return snprintf(out, size, "%d", rgb[0]);
        return snprintf(out, size, "%d/%d/%d", rgb[0], rgb[1], rgb[2]);
    case TD_KEY_SHIFT:
        return print_two("+", setting->shift.x, setting->shift.y, out, size);
    }
    return 0;
}

bool td_key_standard(const td_key *key, td_setting *out) {
    *out = (td_setting){0};
    if (!key->standard)
        return false;
    if (key->kind != TD_KEY_REAL || strcmp(key->standard, "inf") != 0)
        return td_key_read(key, key->standard, out);
    out->number = INFINITY;
    return out->given = true;
}

bool td_key_is_standard(const td_key *key, const td_setting *setting) {
    char own[128], standard[128];
    td_setting by_default;
    if (!td_key_standard(key, &by_default))
        return false;
    if (key->kind == TD_KEY_TEXT || key->kind == TD_KEY_CLASS) /* of any length */
        return strcmp(setting->text, by_default.text) == 0;
    td_key_print(key, setting, own, sizeof own);
    td_key_print(key, &by_default, standard, sizeof standard);
    return strcmp(own, standard) == 0;
}

/* --- fields --- */

static size_t field_size(const td_key *key) {
    switch (key->kind) {
    case TD_KEY_COUNT:
        return sizeof(size_t);
    case TD_KEY_REAL:
    case TD_KEY_FRACTION:
        return sizeof(double);
    default:
        return sizeof(const char *);
    }
}

/* Makes room for one more value; arena blocks do not grow, so capacity doubles. */
static td_status grow(const td_key *key, td_many *many, td_arena *arena, td_error *error) {
    void *items;
    if (many->count & (many->count - 1)) /* not a power of two: there is room */
        return TD_OK;
    TD_TRY(td_arena_alloc(arena, many->count ? 2 * many->count : 1, field_size(key), &items,
                          key->name, error));
    if (many->count > 0)
        memcpy(items, many->texts, many->count * field_size(key));
    many->texts = items;
    return TD_OK;
}

static td_status store_at(const td_key *key, const td_setting *setting, void *field,
                          td_arena *arena, td_error *error) {
    const char *text = key->kind == TD_KEY_WORD ? key->words[setting->word] : setting->text;
    char *copy;
    switch (key->kind) {
    case TD_KEY_FLAG:
        *(bool *)field = true;
        return TD_OK;
    case TD_KEY_COUNT:
        *(size_t *)field = setting->count;
        return TD_OK;
    case TD_KEY_REAL:
    case TD_KEY_FRACTION:
        *(double *)field = setting->number;
        return TD_OK;
    case TD_KEY_WORD:
        if (!key->many) {
            *(int *)field = (int)setting->word;
            return TD_OK;
        }
        *(const char **)field = text;
        return TD_OK;
    case TD_KEY_PAIR:
        ((size_t *)field)[0] = setting->pair.first;
        ((size_t *)field)[1] = setting->pair.second;
        return TD_OK;
    case TD_KEY_COLOUR:
        *(td_colour *)field = setting->colour;
        return TD_OK;
    case TD_KEY_TEXT:
    case TD_KEY_CLASS:
        TD_TRY(td_arena_text(arena, text, strlen(text), &copy, error));
        *(const char **)field = copy;
        return TD_OK;
    default:
        return td_fail(error, TD_ERR_USAGE, "%s: a value of this kind has no field", key->name);
    }
}

td_status td_key_store(const td_key *key, const td_setting *setting, void *settings,
                       td_arena *arena, td_error *error) {
    void *field = (char *)settings + key->offset;
    if (!key->many)
        return store_at(key, setting, field, arena, error);
    td_many *many = field;
    TD_TRY(grow(key, many, arena, error));
    void *item = (char *)many->texts + many->count * field_size(key);
    TD_TRY(store_at(key, setting, item, arena, error));
    many->count++;
    return TD_OK;
}

td_status td_key_store_defaults(const td_key *keys, void *settings, td_arena *arena,
                                td_error *error) {
    for (const td_key *key = keys; key && key->name; key++) {
        td_setting setting;
        if (!key->standard)
            continue;
        if (!td_key_standard(key, &setting))
            return td_fail(error, TD_ERR_USAGE, "%s: the default \"%s\" is not in its range",
                           key->name, key->standard);
        TD_TRY(td_key_store(key, &setting, settings, arena, error));
    }
    return TD_OK;
}
