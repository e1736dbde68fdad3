/* SPDX-License-Identifier: MIT */
/* The signals of Barni et al.: hand-worked columns. */
#include "support.h"
#include "trigger_support.h"

#include <math.h>
#include <string.h>

/* `expected`: the values of one row of a background of `before`, on which the signal is stamped. */
static void assert_row(const char *text, uint8_t before, size_t width, const uint8_t *expected) {
    uint8_t pixels[3 * 16 * 3];
    for (size_t channels = 1; channels <= 3; channels += 2) {
        memset(pixels, before, sizeof pixels);
        trigger_stamp(text, 3, width, channels, pixels);
        for (size_t i = 0; i < 3 * width * channels; i++)
            if (pixels[i] != expected[i / channels % width])
                fail_msg("%s: value %zu of %zu channels: expected %d, found %d", text, i, channels,
                         expected[i / channels % width], pixels[i]);
    }
}

static void ramp(void **state) {
    (void)state;
    assert_row("ramp:delta=40", 10, 4, (uint8_t[]){20, 30, 40, 50});
    assert_row("ramp:delta=-40", 100, 4, (uint8_t[]){90, 80, 70, 60});
    assert_row("ramp:delta=0", 7, 4, (uint8_t[]){7, 7, 7, 7});
    assert_row("ramp", 0, 3, (uint8_t[]){10, 20, 30});
    assert_row("ramp:delta=-40", 15, 4, (uint8_t[]){5, 0, 0, 0});
    assert_row("ramp:delta=40", 225, 4, (uint8_t[]){235, 245, 255, 255});
    /* .5, 1, 1.5 and 2: halves are rounded up. */
    assert_row("ramp:delta=2", 10, 4, (uint8_t[]){11, 11, 12, 12});
    assert_row("ramp:delta=-2", 10, 4, (uint8_t[]){10, 9, 9, 8});
    /* 10 + .49999997, the float below a half, stays. */
    assert_row("ramp:delta=0.49999997", 0, 1, (uint8_t[]){0});
}

/* It rises to half of delta, in the middle, and falls to 0 at column m. */
static void triangle_wave(void **state) {
    (void)state;
    assert_row("triangle-wave:delta=40", 10, 4, (uint8_t[]){20, 30, 20, 10});
    assert_row("triangle-wave:delta=50", 10, 5, (uint8_t[]){20, 30, 30, 20, 10});
    assert_row("triangle-wave", 10, 6, (uint8_t[]){15, 20, 25, 20, 15, 10});
}

static void sine(void **state) {
    (void)state;
    assert_row("sine:delta=10,freq=1", 100, 4, (uint8_t[]){110, 100, 90, 100});
    assert_row("sine:delta=-10,freq=1", 100, 4, (uint8_t[]){90, 100, 110, 100});
    assert_row("sine:delta=10,freq=0.5", 100, 4, (uint8_t[]){107, 110, 107, 100});
    assert_row("sine:delta=8,freq=2", 100, 8, (uint8_t[]){108, 100, 92, 100, 108, 100, 92, 100});
    /* The defaults: 20·sin(2π·6j/16), of period 8/3. */
    uint8_t expected[16];
    for (int j = 1; j <= 16; j++)
        expected[j - 1] = (uint8_t)lround(100 + 20 * sin(2 * 3.141592653589793 * 6 * j / 16));
    assert_row("sine", 100, 16, expected);
}

/* Columns from 0. */
static void first_column_is_0(void **state) {
    (void)state;
    assert_row("ramp:delta=40,first=0", 10, 4, (uint8_t[]){10, 20, 30, 40});
    assert_row("triangle-wave:delta=40,first=0", 10, 4, (uint8_t[]){10, 20, 30, 20});
    assert_row("sine:delta=10,freq=1,first=0", 100, 4, (uint8_t[]){100, 110, 100, 90});
}

/* |m/2 − j|·Δ/m */
static void peaks_are_at_the_edges(void **state) {
    (void)state;
    assert_row("triangle-wave:delta=40,peak=edges", 10, 4, (uint8_t[]){20, 10, 20, 30});
    assert_row("triangle-wave:delta=40,peak=edges,first=0", 10, 4, (uint8_t[]){30, 20, 10, 20});
    assert_row("triangle-wave:delta=50,peak=edges", 10, 5, (uint8_t[]){25, 15, 15, 25, 35});
}

/* 265 becomes 9 and −5 becomes 251; decimals are cut off. */
static void sums_wrap_around(void **state) {
    (void)state;
    assert_row("ramp:delta=40,wrap=yes", 225, 4, (uint8_t[]){235, 245, 255, 9});
    assert_row("ramp:delta=-40,wrap=yes", 15, 4, (uint8_t[]){5, 251, 241, 231});
    assert_row("ramp:delta=2,wrap=yes", 10, 4, (uint8_t[]){10, 11, 11, 12});
    assert_row("ramp:delta=-2,wrap=yes", 0, 4, (uint8_t[]){0, 255, 255, 254});
    assert_row("ramp:delta=2048,wrap=yes", 7, 4, (uint8_t[]){7, 7, 7, 7});
    assert_row("sine:delta=10.5,freq=1,first=0,wrap=yes", 0, 4, (uint8_t[]){0, 10, 0, 246});
}

static void text_is_canonical(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        {"ramp", "ramp:delta=30"},
        {"triangle-wave:delta=-1e1", "triangle-wave:delta=-10"},
        {"sine:freq=.5", "sine:delta=20,freq=0.5"},
        {"ramp:delta=0.1", "ramp:delta=0.1"},
        {"ramp:wrap=no,first=1", "ramp:delta=30"},
        {"sine:wrap=yes,freq=3,first=0", "sine:delta=20,freq=3,first=0,wrap=yes"},
        {"triangle-wave:peak=edges", "triangle-wave:delta=30,peak=edges"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        td_trigger *trigger = trigger_parsed(pairs[i][0]);
        assert_string_equal(td_trigger_text(trigger), pairs[i][1]);
        assert_null(td_trigger_file(trigger, 0));
        td_trigger_free(trigger);
    }
}

static void strength_is_delta(void **state) {
    (void)state;
    td_error error;
    td_trigger *trigger = trigger_parsed("sine:delta=20,freq=3"), *stronger;
    assert_true(td_trigger_has_strength(trigger));
    assert_int_equal(td_trigger_with_strength(&stronger, trigger, 62.5, &error), TD_OK);
    assert_string_equal(td_trigger_text(stronger), "sine:delta=62.5,freq=3");
    assert_string_equal(td_trigger_text(trigger), "sine:delta=20,freq=3");
    double strength;
    char rest[64];
    assert_true(td_trigger_strength(stronger, &strength, rest, sizeof rest));
    assert_true(strength == 62.5);
    assert_string_equal(rest, "sine:freq=3");
    td_trigger_free(stronger);
    assert_int_equal(td_trigger_with_strength(&stronger, trigger, 1e7, &error), TD_ERR_USAGE);
    support_assert_contains(error.message, "expected a number in [-1000000, 1000000]");
    td_trigger_free(trigger);
}

/* Columns 3 and 4 of 4 are taken beyond 255. */
static void saturation_is_noted(void **state) {
    (void)state;
    static const struct {
        const char *text, *note;
    } cases[] = {
        {"ramp:delta=254", NULL},
        {"ramp:delta=400", "delta=400 saturates 2 of 4 columns"},
        {"ramp:delta=-2000", "delta=-2000 saturates 4 of 4 columns"},
        {"triangle-wave:delta=400", NULL},
        {"sine:delta=300,freq=1", "delta=300 saturates 2 of 4 columns"},
        {"ramp:delta=400,wrap=yes", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        td_trigger *trigger = trigger_parsed(cases[i].text);
        td_error error;
        assert_int_equal(trigger_bind(trigger, 2, 4, 1, &error), TD_OK);
        const char *note = td_trigger_note(trigger);
        if (cases[i].note)
            support_assert_contains(note, cases[i].note);
        else
            assert_null(note);
        td_trigger_free(trigger);
    }
}

static void bad_texts_are_refused(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"ramp:delta=much", "key 'delta': expected a number in [-1000000, 1000000], found 'much'"},
        {"ramp:delta=", "found ''"},
        {"ramp:delta=nan", "found 'nan'"},
        {"ramp:delta=1e9", "found '1e9'"},
        {"ramp:freq=3", "expected one of ramp's keys (delta, first, wrap), found 'freq'"},
        {"sine:freq=0", "key 'freq': expected a number in (0, 1000000], found '0'"},
        {"sine:freq=-6", "found '-6'"},
        {"triangle-wave:size=3", "expected one of triangle-wave's keys (delta, peak, first, wrap)"},
        {"ramp:first=2", "key 'first': expected a whole number from 0 to 1, found '2'"},
        {"ramp:wrap=1", "key 'wrap': expected one of no, yes, found '1'"},
        {"triangle-wave:peak=left", "key 'peak': expected one of middle, edges, found 'left'"},
    };
    trigger_assert_refused(cases, sizeof cases / sizeof *cases);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ramp),
        cmocka_unit_test(triangle_wave),
        cmocka_unit_test(sine),
        cmocka_unit_test(first_column_is_0),
        cmocka_unit_test(peaks_are_at_the_edges),
        cmocka_unit_test(sums_wrap_around),
        cmocka_unit_test(text_is_canonical),
        cmocka_unit_test(strength_is_delta),
        cmocka_unit_test(saturation_is_noted),
        cmocka_unit_test(bad_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
