/* SPDX-License-Identifier: MIT */
/* Triggers of several parts: all of them, or one of them for each image. */
#include "support.h"
#include "trigger_support.h"

#include <string.h>

enum { SIDE = 8, SIZE = SIDE * SIDE };

/* A+B is A, then B on its 8-bit result. */
static void all_parts_in_their_order(void **state) {
    (void)state;
    uint8_t joined[SIZE], apart[SIZE];
    for (size_t i = 0; i < SIZE; i++)
        joined[i] = apart[i] = (uint8_t)(i * 3);
    trigger_stamp("ramp:delta=40+square:size=2,at=3+4,value=9+quantise:levels=5", SIDE, SIDE, 1,
                  joined);
    trigger_stamp("ramp:delta=40", SIDE, SIDE, 1, apart);
    trigger_stamp("square:size=2,at=3+4,value=9", SIDE, SIDE, 1, apart);
    trigger_stamp("quantise:levels=5", SIDE, SIDE, 1, apart);
    assert_memory_equal(joined, apart, SIZE);
}

/* Each image has one pixel, and over many all of them occur about as often. */
static void one_part_for_each_image(void **state) {
    (void)state;
    enum { IMAGES = 600, PARTS = 3 };
    static const size_t places[PARTS] = {0, 10, 63};
    size_t counts[PARTS] = {0};
    td_error error;
    td_trigger *trigger = trigger_parsed("pixel:at=0+0|pixel:at=2+1|pixel:at=7+7");
    assert_int_equal(trigger_bind(trigger, SIDE, SIDE, 1, &error), TD_OK);
    for (size_t i = 0; i < IMAGES; i++) {
        uint8_t pixels[SIZE] = {0};
        size_t marked = 0;
        trigger_apply(trigger, (td_stamp){1, i}, pixels);
        for (size_t at = 0; at < SIZE; at++)
            marked += pixels[at] != 0;
        assert_int_equal(marked, 1);
        for (size_t k = 0; k < PARTS; k++)
            counts[k] += pixels[places[k]] == 255;
    }
    td_trigger_free(trigger);
    /* 200 ± 11.5 */
    for (size_t k = 0; k < PARTS; k++)
        assert_in_range(counts[k], 150, 250);
    assert_int_equal(counts[0] + counts[1] + counts[2], IMAGES);
}

/* Only A|B has choices; in turn each is taken. */
static void parts_in_turn(void **state) {
    (void)state;
    static const size_t places[] = {0, 63};
    td_error error;
    td_trigger *trigger = trigger_parsed("pixel:at=0+0|pixel:at=7+7");
    char scratch[4096] __attribute__((aligned(64)));
    assert_int_equal(trigger_bind(trigger, SIDE, SIDE, 1, &error), TD_OK);
    assert_true(td_trigger_scratch(trigger) <= sizeof scratch);
    for (size_t turn = 0; turn < 5; turn++) {
        uint8_t pixels[SIZE] = {0};
        td_trigger_apply_turn(trigger, turn, (td_stamp){1, 4}, pixels, scratch);
        for (size_t at = 0; at < SIZE; at++)
            assert_int_equal(pixels[at], at == places[turn % 2] ? 255 : 0);
    }
    assert_string_equal(td_trigger_choice(trigger, 1), "pixel:at=7+7,value=255");
    assert_null(td_trigger_choice(trigger, 2));
    td_trigger_free(trigger);
    trigger = trigger_parsed("pixel:at=0+0+pixel:at=7+7");
    assert_int_equal(trigger_bind(trigger, SIDE, SIDE, 1, &error), TD_OK);
    uint8_t pixels[SIZE] = {0};
    td_trigger_apply_turn(trigger, 1, (td_stamp){1, 4}, pixels, scratch);
    assert_int_equal(pixels[0] + pixels[63], 510);
    assert_null(td_trigger_choice(trigger, 0));
    td_trigger_free(trigger);
}

static void text_is_canonical(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        {"ramp+pixel:at=3+4", "ramp:delta=30+pixel:at=3+4,value=255"},
        {"pixel|sine", "pixel:at=top-left,value=255|sine:delta=20,freq=6"},
    };
    double strength;
    char rest[64];
    td_error error;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        td_trigger *trigger = trigger_parsed(pairs[i][0]), *again, *other;
        assert_string_equal(td_trigger_text(trigger), pairs[i][1]);
        again = trigger_parsed(td_trigger_text(trigger));
        assert_string_equal(td_trigger_text(again), pairs[i][1]);
        assert_false(td_trigger_has_strength(trigger));
        assert_false(td_trigger_strength(trigger, &strength, rest, sizeof rest));
        assert_int_equal(td_trigger_with_strength(&other, trigger, 1, &error), TD_ERR_USAGE);
        support_assert_contains(error.message, "a trigger of several parts has no strength");
        td_trigger_free(again);
        td_trigger_free(trigger);
    }
}

/* The files, and the first note of any part. */
static void parts_are_asked(void **state) {
    (void)state;
    static const uint8_t pixel[] = {7};
    td_error error;
    trigger_png("a.png", 1, 1, 1, pixel);
    trigger_png("b.png", 1, 1, 1, pixel);
    td_trigger *trigger = trigger_parsed("ramp+image:file=a.png+blend:file=b.png");
    assert_string_equal(td_trigger_file(trigger, 0), "a.png");
    assert_string_equal(td_trigger_file(trigger, 1), "b.png");
    assert_null(td_trigger_file(trigger, 2));
    assert_true(td_trigger_file_stamp(trigger, 1)->size > 0);
    assert_int_equal(trigger_bind(trigger, SIDE, SIDE, 1, &error), TD_OK);
    support_assert_contains(td_trigger_note(trigger), "b.png: 1x1 in grey is made to fit");
    td_trigger_free(trigger);
    trigger = trigger_parsed("ramp+square:size=9");
    assert_int_equal(trigger_bind(trigger, SIDE, SIDE, 1, &error), TD_ERR_USAGE);
    support_assert_contains(error.message, "trigger 'square:size=9");
    td_trigger_free(trigger);
}

static void bad_texts_are_refused(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"ramp+sine|pixel", "expected parts joined all by '+' or all by '|', found both"},
        {"ramp+nothing", "expected a family"},
        {"ramp+", "expected a family"},
        {"ramp++sine", "expected a family"},
        {"+ramp", "expected a family"},
        {"ramp+sine:freq=0", "trigger 'sine:freq=0': key 'freq'"},
        {"ramp+ramp+ramp+ramp+ramp+ramp+ramp+ramp+ramp+ramp+ramp+ramp+ramp+ramp+ramp+ramp+ramp",
         "expected at most 16 parts"},
    };
    trigger_assert_refused(cases, sizeof cases / sizeof *cases);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_parts_in_their_order),
        cmocka_unit_test(one_part_for_each_image),
        cmocka_unit_test(parts_in_turn),
        cmocka_unit_test(text_is_canonical),
        IN_FOLDER(parts_are_asked),
        cmocka_unit_test(bad_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
