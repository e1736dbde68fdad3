/* SPDX-License-Identifier: MIT */
/* The blended injection: hand-worked mixes, and what its pictures may be. */
#include "support.h"
#include "trigger_support.h"

#include <string.h>

enum { SIDE = 32 };

/* .8·100 and .2 of 200, 0, 50 and 53 (10.6). */
static void mixes_a_picture(void **state) {
    (void)state;
    static const uint8_t picture[] = {200, 0, 50, 53}, expected[] = {120, 80, 90, 91};
    uint8_t pixels[4 * 3];
    trigger_png("p.png", 2, 2, 1, picture);
    memset(pixels, 100, sizeof pixels);
    trigger_stamp("blend:file=p.png", 2, 2, 1, pixels);
    assert_memory_equal(pixels, expected, sizeof expected);
    memset(pixels, 100, sizeof pixels);
    trigger_stamp("blend:file=p.png", 2, 2, 3, pixels);
    for (size_t i = 0; i < sizeof pixels; i++)
        assert_int_equal(pixels[i], expected[i / 3]);
    memset(pixels, 100, sizeof pixels);
    trigger_stamp("blend:file=p.png,alpha=1", 2, 2, 1, pixels);
    assert_memory_equal(pixels, picture, sizeof picture);
}

static void checkerboard(void **state) {
    (void)state;
    uint8_t pixels[3 * 4] = {0};
    static const uint8_t ones[] = {51, 0, 51, 0, 0, 51, 0, 51, 51, 0, 51, 0};
    trigger_stamp("blend:pattern=checkerboard", 3, 4, 1, pixels);
    assert_memory_equal(pixels, ones, sizeof ones);
    static const uint8_t twos[] = {102, 102, 0, 0, 102, 102, 0, 0, 0, 0, 102, 102};
    memset(pixels, 0, sizeof pixels);
    trigger_stamp("blend:pattern=checkerboard,cell=2,alpha=0.4", 3, 4, 1, pixels);
    assert_memory_equal(pixels, twos, sizeof twos);
    uint8_t colour[2 * 3] = {0};
    static const uint8_t channels[] = {255, 255, 255, 0, 0, 0};
    trigger_stamp("blend:pattern=checkerboard,alpha=1", 1, 2, 3, colour);
    assert_memory_equal(colour, channels, sizeof channels);
}

/* The same for all images and all seeds of a tool; another for another seed of its own. */
static void noise(void **state) {
    (void)state;
    uint8_t first[SIDE * SIDE * 3] = {0}, other[SIDE * SIDE * 3] = {0};
    trigger_stamp("blend:pattern=noise,alpha=1", SIDE, SIDE, 3, first);
    td_error error;
    td_trigger *trigger = trigger_parsed("blend:pattern=noise,alpha=1,seed=1");
    assert_int_equal(trigger_bind(trigger, SIDE, SIDE, 3, &error), TD_OK);
    trigger_apply(trigger, (td_stamp){7, 5}, other);
    td_trigger_free(trigger);
    assert_memory_equal(first, other, sizeof first);
    memset(other, 0, sizeof other);
    trigger_stamp("blend:pattern=noise,alpha=1,seed=2", SIDE, SIDE, 3, other);
    size_t sum = 0, equal = 0;
    for (size_t i = 0; i < sizeof first; i++) {
        sum += first[i];
        equal += first[i] == other[i];
    }
    /* The mean of 3072 uniform values is 127.5 ± 1.33; one in 256 is equal: 12 ± 3.5. */
    assert_in_range(sum / sizeof first, 122, 133);
    assert_in_range(equal, 1, 30);
}

static void another_size_is_noted(void **state) {
    (void)state;
    static const uint8_t grey[4 * 2] = {90, 90, 90, 90, 90, 90, 90, 90};
    static const uint8_t red[] = {255, 0, 0};
    td_error error;
    trigger_png("grey.png", 4, 2, 1, grey);
    trigger_png("red.png", 1, 1, 3, red);
    td_trigger *trigger = trigger_parsed("blend:file=grey.png,alpha=1");
    assert_int_equal(trigger_bind(trigger, 2, 4, 1, &error), TD_OK);
    assert_null(td_trigger_note(trigger));
    assert_int_equal(trigger_bind(trigger, 3, 3, 3, &error), TD_OK);
    assert_string_equal(td_trigger_note(trigger), "grey.png: 4x2 in grey is made to fit the "
                                                  "images, 3x3 in colour");
    uint8_t pixels[3 * 3 * 3] = {0};
    trigger_apply(trigger, (td_stamp){1, 0}, pixels);
    for (size_t i = 0; i < sizeof pixels; i++)
        assert_int_equal(pixels[i], 90);
    td_trigger_free(trigger);
    /* Luma of pure red: .299 · 255 = 76.2. */
    uint8_t pixel = 0;
    trigger_stamp("blend:file=red.png,alpha=1", 1, 1, 1, &pixel);
    assert_int_equal(pixel, 76);
}

/* Of 4 cells of 2 × 2 pixels, 1 is unchanged, a different one for other images; with none off the
 * whole picture is mixed in. */
static void some_cells_only(void **state) {
    (void)state;
    bool seen[4] = {false};
    td_error error;
    td_trigger *trigger = trigger_parsed("grid-blend:pattern=noise,alpha=0.5,cells=2,off=1,seed=3");
    assert_int_equal(trigger_bind(trigger, 4, 4, 3, &error), TD_OK);
    uint8_t whole[4 * 4 * 3];
    memset(whole, 100, sizeof whole);
    trigger_stamp("grid-blend:pattern=noise,alpha=0.5,cells=2,off=0,seed=3", 4, 4, 3, whole);
    for (size_t image = 0; image < 40; image++) {
        uint8_t pixels[4 * 4 * 3];
        size_t left = 0;
        memset(pixels, 100, sizeof pixels);
        trigger_apply(trigger, (td_stamp){1, image}, pixels);
        for (size_t cell = 0; cell < 4; cell++) {
            size_t same = 0;
            for (size_t i = 0; i < 2 * 2 * 3; i++) {
                const size_t at =
                    ((cell / 2 * 2 + i / 6) * 4 + cell % 2 * 2 + i / 3 % 2) * 3 + i % 3;
                assert_true(pixels[at] == 100 || pixels[at] == whole[at]);
                same += pixels[at] == 100;
            }
            left += same == 2 * 2 * 3;
            seen[cell] |= same == 2 * 2 * 3;
        }
        assert_int_equal(left, 1);
    }
    td_trigger_free(trigger);
    assert_true(seen[0] && seen[1] && seen[2] && seen[3]);
    uint8_t blend[4 * 4 * 3];
    memset(blend, 100, sizeof blend);
    trigger_stamp("blend:pattern=noise,alpha=0.5,seed=3", 4, 4, 3, blend);
    assert_memory_equal(whole, blend, sizeof whole);
}

static void strength_is_alpha(void **state) {
    (void)state;
    static const uint8_t picture[] = {200};
    td_error error;
    trigger_png("p.png", 1, 1, 1, picture);
    td_trigger *trigger = trigger_parsed("blend:file=p.png"), *other;
    assert_string_equal(td_trigger_text(trigger), "blend:file=p.png,alpha=0.2");
    assert_string_equal(td_trigger_file(trigger, 0), "p.png");
    assert_null(td_trigger_file(trigger, 1));
    assert_true(td_trigger_has_strength(trigger));
    assert_int_equal(td_trigger_with_strength(&other, trigger, 0.75, &error), TD_OK);
    assert_string_equal(td_trigger_text(other), "blend:file=p.png,alpha=0.75");
    td_trigger_free(other);
    td_trigger_free(trigger);
}

static void bad_texts_are_refused(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"blend", "expected one of the keys file or pattern, found none"},
        {"blend:alpha=0.5", "expected one of the keys file or pattern, found none"},
        {"blend:file=F.png,pattern=noise", "expected one of the keys file or pattern, found more"},
        {"blend:pattern=stripes",
         "key 'pattern': expected one of noise, checkerboard, found 'stripes'"},
        {"blend:pattern=noise,alpha=0", "key 'alpha': expected a number in (0, 1], found '0'"},
        {"blend:pattern=noise,alpha=1.5", "found '1.5'"},
        {"blend:pattern=noise,alpha=-0.2", "found '-0.2'"},
        {"blend:pattern=noise,cell=2", "key 'cell' goes with pattern=checkerboard only"},
        {"blend:pattern=checkerboard,seed=2", "key 'seed' goes with pattern=noise only"},
        {"blend:file=F.png,seed=2", "key 'seed' goes with pattern=noise only"},
        {"blend:pattern=checkerboard,cell=0", "key 'cell': expected a whole number from 1"},
        {"blend:pattern=noise,seed=1.5", "key 'seed': expected a whole number"},
        {"grid-blend:pattern=noise,cells=2,off=4", "key 'off': expected less than the 4 cells"},
        {"grid-blend:cells=2,off=1", "expected one of the keys file or pattern, found none"},
    };
    trigger_assert_refused(cases, sizeof cases / sizeof *cases);
    td_trigger *trigger;
    td_error error;
    assert_int_equal(td_trigger_parse(&trigger, "blend:file=absent.png", &error), TD_ERR_IO);
    support_assert_contains(error.message, "absent.png");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(mixes_a_picture),        cmocka_unit_test(checkerboard),
        cmocka_unit_test(noise),           IN_FOLDER(another_size_is_noted),
        IN_FOLDER(strength_is_alpha),      IN_FOLDER(bad_texts_are_refused),
        cmocka_unit_test(some_cells_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
