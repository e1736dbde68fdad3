/* SPDX-License-Identifier: MIT */
/* Keys: accepted and refused values of each kind, ranges and their descriptions, canonical texts,
 * defaults, and struct fields. */
#include "base/key.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const words[] = {"noise", "checkerboard", NULL};

static const td_key flag = {.name = "flag", .kind = TD_KEY_FLAG};
static const td_key count = {.name = "count", .kind = TD_KEY_COUNT, .least = 1, .most = 1000};
static const td_key any_count = {.name = "any", .kind = TD_KEY_COUNT, .most = INFINITY};
static const td_key real = {.name = "real", .kind = TD_KEY_REAL, .least = -2, .most = 1e6};
static const td_key any_real = {
    .name = "any", .kind = TD_KEY_REAL, .least = -INFINITY, .most = INFINITY};
static const td_key share = {.name = "share", .kind = TD_KEY_REAL, .most = 1, .above = true};
static const td_key open_share = {
    .name = "share", .kind = TD_KEY_REAL, .most = 1, .above = true, .below = true};
static const td_key fraction = {
    .name = "fraction", .kind = TD_KEY_FRACTION, .least = -10, .most = 10};
static const td_key word = {.name = "word", .kind = TD_KEY_WORD, .words = words};
static const td_key text = {.name = "text", .kind = TD_KEY_TEXT, .expected = "the name of a file"};
static const td_key pair = {.name = "pair", .kind = TD_KEY_PAIR, .least = 1, .most = 1024};
static const td_key sides = {.name = "sides", .kind = TD_KEY_SIDES, .most = 512};
static const td_key list = {.name = "list", .kind = TD_KEY_LIST, .least = 1e-6, .most = 1e6};
static const td_key position = {.name = "position", .kind = TD_KEY_POSITION};
static const td_key colour = {.name = "colour", .kind = TD_KEY_COLOUR};
static const td_key shift = {.name = "shift", .kind = TD_KEY_SHIFT};

/* Accepted values, and their canonical text, which must parse to itself. */
static const struct {
    const td_key *key;
    const char *read, *printed;
} canonical[] = {
    {&flag, "", ""},
    {&count, "1", "1"},
    {&count, "1000", "1000"},
    {&count, "0000000000000000000000000007", "7"},
    {&any_count, "9007199254740992", "9007199254740992"},
    {&real, "0.1", "0.1"},
    {&real, "-2", "-2"},
    {&real, "1e6", "1000000"},
    {&real, "+.5e1", "5"},
    {&real, "5.", "5"},
    {&real, "0.30000000000000004", "0.30000000000000004"},
    {&real, "0.1234567890123", "0.1234567890123"},
    {&real, "0.10000000000000000555111512312578270211815834", "0.1"},
    {&real, "1e-400", "0"},
    {&any_real, "-1.7976931348623157e308", "-1.797693134862316e+308"},
    {&share, "1", "1"},
    {&share, "1e-300", "1e-300"},
    {&fraction, "1/3", "0.3333333333333333"},
    {&fraction, "-1/.5", "-2"},
    {&fraction, "1/255", "0.00392156862745098"},
    {&fraction, "7", "7"},
    {&word, "checkerboard", "checkerboard"},
    {&text, "a, b=c", "a, b=c"},
    {&pair, "3", "3"},
    {&pair, "3x3", "3"},
    {&pair, "3x1024", "3x1024"},
    {&sides, "0", "0"},
    {&sides, "1x2", "1x2"},
    {&sides, "1x2x1x2", "1x2"},
    {&sides, "3x3x3x3", "3"},
    {&sides, "0x0x1x512", "0x0x1x512"},
    {&list, "1", "1"},
    {&list, "1,1.50,1e-6,1000000", "1,1.5,1e-06,1000000"},
    {&position, "bottom-right", "bottom-right"},
    {&position, "3+004", "3+4"},
    {&position, "16384+0", "16384+0"},
    {&colour, "007", "7"},
    {&colour, "8/8/8", "8"},
    {&colour, "black", "0"},
    {&colour, "white", "255"},
    {&colour, "0/128/255", "0/128/255"},
    {&shift, "4", "4"},
    {&shift, "4+4", "4"},
    {&shift, "4+0", "4+0"},
};

static void canonical_texts(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof canonical / sizeof *canonical; i++) {
        td_setting first, again;
        char out[128], second[128];
        if (!td_key_read(canonical[i].key, canonical[i].read, &first))
            fail_msg("%s: %s", canonical[i].key->name, canonical[i].read);
        assert_true(first.given);
        const int length = td_key_print(canonical[i].key, &first, out, sizeof out);
        assert_int_equal(length, strlen(out));
        if (canonical[i].key != &any_real)
            assert_string_equal(out, canonical[i].printed);
        assert_true(td_key_read(canonical[i].key, out, &again));
        td_key_print(canonical[i].key, &again, second, sizeof second);
        assert_string_equal(out, second);
    }
}

static void refused_values(void **state) {
    (void)state;
    static const struct {
        const td_key *key;
        const char *texts[24];
    } cases[] = {
        {&flag, {"1", " ", "yes"}},
        {&count,
         {"", "0", "1001", "-1", "+1", "1.0", "1e1", " 1", "1 ", "1x", "0x1", "nan", "inf",
          "18446744073709551617", "99999999999999999999999999999999999999999", "1,2", "1/1"}},
        {&any_count, {"", "9007199254740993", "18446744073709551616", "-0", "inf"}},
        {&real,
         {"",     "-2.1", "1000001", "nan", "inf",   "-inf", "0x1p3", "0x", " 1",  "1 ", "1,0",
          "1..2", "--1",  "1e",      "e1",  "1e999", ".",    "-",     "+",  "1/2", "1f", "\t1"}},
        {&any_real, {"1e309", "-1e309", "nan", "inf", "infinity"}},
        {&share, {"0", "-0", "0.0", "1e-400", "1.0000000000000002", "-1"}},
        {&open_share, {"0", "1", "1.0"}},
        {&fraction,
         {"", "/", "1/", "/2", "1/0", "1/-0", "1/1e-400", "1/2/3", "1/1e-320", "11", "-21/2",
          "1/ 2", "1 /2", "1/nan", "nan/1", "2x2", "0x1/2"}},
        {&word, {"", "nois", "noise ", "Noise", "noisecheckerboard"}},
        {&text, {""}},
        {&pair,
         {"", "0", "1025", "x", "3x", "x3", "3x0", "0x5", "3x1025", "3x3x3", "1.5x3", "3X3", "-1x2",
          "3 x3", "3,3"}},
        {&sides, {"", "513", "x", "1x", "1x2x3", "1x2x3x", "1x2x3x4x5", "1x2x3x513", "-1", "1X2"}},
        {&list, {"", ",", "1,", ",1", "1,,2", "1,2,3,4,5", "0", "1,0", "1,2000000", "1 ,2", "1;2"}},
        {&position,
         {"", "middle", "3", "3+", "+3", "3+4+5", "-1+4", "16385+0", "0+16385", "top-left ",
          "99999999999999999999+0"}},
        {&colour, {"", "256", "grey", "1/2", "1/2/", "/1/2", "1/2/3/4", "1/2/256", "1.5", "1//2"}},
        {&shift, {"", "+", "1+", "+1", "1+2+3", "16385", "-1", "1x2"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t k = 0; k < 24 && cases[i].texts[k]; k++) {
            td_setting setting = {.given = true};
            if (td_key_read(cases[i].key, cases[i].texts[k], &setting) || setting.given)
                fail_msg("%s: \"%s\" was taken", cases[i].key->name, cases[i].texts[k]);
        }
}

static void values_by_kind(void **state) {
    td_setting s;
    (void)state;
    assert_true(td_key_read(&pair, "3x5", &s));
    assert_true(s.pair.first == 3 && s.pair.second == 5);
    assert_true(td_key_read(&pair, "4", &s));
    assert_true(s.pair.first == 4 && s.pair.second == 4);
    assert_true(td_key_read(&sides, "5x6", &s));
    assert_true(s.sides.top == 5 && s.sides.left == 6 && s.sides.bottom == 5 && s.sides.right == 6);
    assert_true(td_key_read(&sides, "1x2x3x4", &s));
    assert_true(s.sides.top == 1 && s.sides.left == 2 && s.sides.bottom == 3 && s.sides.right == 4);
    assert_true(td_key_read(&fraction, "1/255", &s));
    assert_true(s.number == 1.0 / 255);
    assert_true(td_key_read(&list, "1,2.5,3", &s));
    assert_true(s.list.count == 3 && s.list.values[1] == 2.5);
    assert_true(td_key_read(&position, "3+4", &s));
    assert_true(s.position.anchor == TD_AT_POINT && s.position.x == 3 && s.position.y == 4);
    assert_true(td_key_read(&position, "center", &s));
    assert_int_equal(s.position.anchor, TD_AT_CENTER);
    assert_true(td_key_read(&colour, "9", &s));
    assert_true(s.colour.grey && s.colour.rgb[2] == 9);
    assert_true(td_key_read(&colour, "1/2/3", &s));
    assert_true(!s.colour.grey && s.colour.rgb[0] == 1 && s.colour.rgb[2] == 3);
    assert_true(td_key_read(&shift, "5+6", &s));
    assert_true(s.shift.x == 5 && s.shift.y == 6);
    assert_true(td_key_read(&word, "checkerboard", &s));
    assert_int_equal(s.word, 1);
    assert_true(td_key_read(&text, "F.png", &s));
    assert_string_equal(s.text, "F.png");
}

static void words_for_messages(void **state) {
    (void)state;
    static const td_key at_least = {.kind = TD_KEY_COUNT, .least = 2, .most = INFINITY};
    static const td_key positive = {.kind = TD_KEY_REAL, .most = INFINITY, .above = true};
    static const td_key beyond = {.kind = TD_KEY_COUNT, .most = 1e300};
    static const td_key folder = {.kind = TD_KEY_TEXT, .value = "FOLDER"};
    static const struct {
        const td_key *key;
        const char *text;
    } cases[] = {
        {&flag, "no value"},
        {&count, "a whole number from 1 to 1000"},
        {&at_least, "a whole number of at least 2"},
        {&beyond, "a whole number from 0 to 9007199254740992"},
        {&real, "a number in [-2, 1000000]"},
        {&any_real, "a number"},
        {&positive, "a number above 0"},
        {&share, "a number in (0, 1]"},
        {&open_share, "a number in (0, 1)"},
        {&fraction, "a number or a fraction A/B in [-10, 10]"},
        {&pair, "a whole number or a pair AxB from 1 to 1024"},
        {&list, "one to four numbers A,B,... in [1e-06, 1000000]"},
        {&word, "one of noise, checkerboard"},
        {&text, "the name of a file"},
        {&folder, "FOLDER"},
        {&position, "top-left, top-right, bottom-left, bottom-right, center or X+Y"},
        {&colour, "black, white, V or R/G/B, whole numbers from 0 to 255"},
        {&shift, "S or X+Y, whole numbers from 0 to 16384"},
    };
    char out[128];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(td_key_describe(cases[i].key, out, sizeof out), cases[i].text);
    for (size_t size = 1; size < 30; size++) { /* cut, not overrun */
        memset(out, '#', sizeof out);
        td_key_describe(&word, out, size);
        assert_true(strlen(out) < size && out[size] == '#');
    }
}

static void texts_are_cut_to_size(void **state) {
    td_setting setting;
    char out[64];
    (void)state;
    assert_true(td_key_read(&list, "1,22,333,4444", &setting));
    for (size_t size = 1; size < 16; size++) {
        memset(out, '#', sizeof out);
        assert_int_equal(td_key_print(&list, &setting, out, size), 13);
        assert_true(strlen(out) < size && out[size] == '#');
    }
}

static void defaults(void **state) {
    (void)state;
    static const td_key half = {
        .kind = TD_KEY_FRACTION, .name = "half", .most = 1, .standard = "1/2"};
    static const td_key endless = {
        .kind = TD_KEY_REAL, .name = "end", .most = INFINITY, .standard = "inf"};
    static char path[300];
    td_setting setting;
    assert_false(td_key_standard(&count, &setting));
    assert_false(setting.given);
    assert_true(td_key_standard(&half, &setting));
    assert_true(setting.given && setting.number == 0.5);
    assert_true(td_key_is_standard(&half, &setting));
    assert_true(td_key_read(&half, "0.5", &setting) && td_key_is_standard(&half, &setting));
    assert_true(td_key_read(&half, "0.6", &setting) && !td_key_is_standard(&half, &setting));
    assert_true(td_key_standard(&endless, &setting) && isinf(setting.number));
    assert_true(td_key_is_standard(&endless, &setting));
    assert_true(td_key_read(&count, "1", &setting) && !td_key_is_standard(&count, &setting));
    /* Texts that differ late. */
    memset(path, 'p', sizeof path - 1);
    const td_key file = {.kind = TD_KEY_TEXT, .name = "file", .standard = path};
    char other[sizeof path];
    memcpy(other, path, sizeof path);
    assert_true(td_key_read(&file, other, &setting) && td_key_is_standard(&file, &setting));
    other[298] = 'q';
    assert_true(td_key_read(&file, other, &setting) && !td_key_is_standard(&file, &setting));
}

typedef struct fields {
    bool quiet;
    size_t steps;
    double rate, limit;
    int kind;
    const char *file, *none;
    td_many files, sizes, rates, kinds;
} fields;

static const td_key table[] = {
    {.name = "quiet", .kind = TD_KEY_FLAG, .offset = offsetof(fields, quiet)},
    {.name = "steps",
     .kind = TD_KEY_COUNT,
     .offset = offsetof(fields, steps),
     .most = 99,
     .standard = "10"},
    {.name = "rate",
     .kind = TD_KEY_FRACTION,
     .offset = offsetof(fields, rate),
     .most = 1,
     .standard = "1/4"},
    {.name = "limit",
     .kind = TD_KEY_REAL,
     .offset = offsetof(fields, limit),
     .most = INFINITY,
     .standard = "inf"},
    {.name = "kind",
     .kind = TD_KEY_WORD,
     .offset = offsetof(fields, kind),
     .words = words,
     .standard = "checkerboard"},
    {.name = "file", .kind = TD_KEY_TEXT, .offset = offsetof(fields, file), .standard = "a.png"},
    {.name = "none", .kind = TD_KEY_TEXT, .offset = offsetof(fields, none)},
    {.name = "files", .kind = TD_KEY_TEXT, .offset = offsetof(fields, files), .many = true},
    {.name = "sizes",
     .kind = TD_KEY_COUNT,
     .offset = offsetof(fields, sizes),
     .most = 99,
     .many = true},
    {.name = "rates",
     .kind = TD_KEY_REAL,
     .offset = offsetof(fields, rates),
     .most = 99,
     .many = true},
    {.name = "kinds",
     .kind = TD_KEY_WORD,
     .offset = offsetof(fields, kinds),
     .words = words,
     .many = true},
    {0},
};

static void set(const char *name, const char *value, fields *out, td_arena *arena) {
    const td_key *key = td_key_find(table, name);
    td_setting setting;
    char copy[32]; /* texts must be copied from here */
    assert_non_null(key);
    snprintf(copy, sizeof copy, "%s", value);
    assert_true(td_key_read(key, copy, &setting));
    assert_int_equal(td_key_store(key, &setting, out, arena, NULL), TD_OK);
    memset(copy, '#', sizeof copy);
}

static void fields_of_a_struct(void **state) {
    fields f = {0};
    td_arena arena = {0};
    (void)state;
    assert_int_equal(td_key_store_defaults(table, &f, &arena, NULL), TD_OK);
    assert_true(!f.quiet && f.steps == 10 && f.rate == 0.25 && isinf(f.limit) && f.kind == 1);
    assert_string_equal(f.file, "a.png");
    assert_null(f.none);
    set("quiet", "", &f, &arena);
    set("steps", "7", &f, &arena);
    set("rate", "1/8", &f, &arena);
    set("limit", "2.5", &f, &arena);
    set("kind", "noise", &f, &arena);
    set("file", "b.png", &f, &arena);
    assert_true(f.quiet && f.steps == 7 && f.rate == 0.125 && f.limit == 2.5 && f.kind == 0);
    assert_string_equal(f.file, "b.png");
    assert_null(td_key_find(table, "fil"));
    assert_null(td_key_find(NULL, "file"));
    td_arena_free(&arena);
}

static void keys_given_several_times(void **state) {
    enum { COUNT = 9 };
    fields f = {0};
    td_arena arena = {0};
    char value[16];
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(value, sizeof value, "%zu", i);
        set("files", value, &f, &arena);
        set("sizes", value, &f, &arena);
        set("rates", value, &f, &arena);
        set("kinds", words[i % 2], &f, &arena);
    }
    assert_true(f.files.count == COUNT && f.sizes.count == COUNT && f.kinds.count == COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(value, sizeof value, "%zu", i);
        assert_string_equal(f.files.texts[i], value);
        assert_int_equal(f.sizes.counts[i], i);
        assert_true(f.rates.reals[i] == (double)i);
        assert_string_equal(f.kinds.texts[i], words[i % 2]);
    }
    td_arena_free(&arena);
}

static void a_wrong_default_is_told(void **state) {
    static const td_key keys[] = {
        {.name = "steps", .kind = TD_KEY_COUNT, .least = 1, .most = 9, .standard = "10"}, {0}};
    fields f = {0};
    td_arena arena = {0};
    td_error error;
    (void)state;
    assert_int_equal(td_key_store_defaults(keys, &f, &arena, &error), TD_ERR_USAGE);
    support_assert_contains(error.message, "steps: the default \"10\" is not in its range");
    td_arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_texts),         cmocka_unit_test(refused_values),
        cmocka_unit_test(values_by_kind),          cmocka_unit_test(words_for_messages),
        cmocka_unit_test(texts_are_cut_to_size),   cmocka_unit_test(defaults),
        cmocka_unit_test(fields_of_a_struct),      cmocka_unit_test(keys_given_several_times),
        cmocka_unit_test(a_wrong_default_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
