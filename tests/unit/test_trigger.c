/* SPDX-License-Identifier: MIT */
#include "trigger/trigger.h"

#include "support.h"
#include "trigger_support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 64 * 64 * 3, BACKGROUND = 10 };

/* `expected`: the rows of the picture one after the other, # where the value 200 must be and .
 * where the background must have stayed. */
static void assert_drawn(const char *text, size_t height, size_t width, const char *expected) {
    uint8_t pixels[LARGEST];
    char drawn[LARGEST + 1];
    memset(pixels, BACKGROUND, sizeof pixels);
    trigger_stamp(text, height, width, 1, pixels);
    for (size_t i = 0; i < height * width; i++)
        drawn[i] = pixels[i] == 200 ? '#' : pixels[i] == BACKGROUND ? '.' : '?';
    drawn[height * width] = '\0';
    assert_string_equal(drawn, expected);
}

static void square_at_every_anchor(void **state) {
    (void)state;
    assert_drawn("square:size=2,at=top-left,value=200", 4, 5,
                 "##..."
                 "##..."
                 "....."
                 ".....");
    assert_drawn("square:size=2,at=top-right,value=200", 4, 5,
                 "...##"
                 "...##"
                 "....."
                 ".....");
    assert_drawn("square:size=2,at=bottom-left,value=200", 4, 5,
                 "....."
                 "....."
                 "##..."
                 "##...");
    assert_drawn("square:size=2,at=bottom-right,value=200", 4, 5,
                 "....."
                 "....."
                 "...##"
                 "...##");
    assert_drawn("square:size=2,at=center,value=200", 4, 5,
                 "....."
                 ".##.."
                 ".##.."
                 ".....");
    assert_drawn("square:size=3,at=center,value=200", 5, 5,
                 "....."
                 ".###."
                 ".###."
                 ".###."
                 ".....");
    assert_drawn("square:size=2,at=3+1,value=200", 4, 5,
                 "....."
                 "...##"
                 "...##"
                 ".....");
    assert_drawn("square:size=3,value=200", 3, 3, "#########");
}

static void triangle_odd_and_even(void **state) {
    (void)state;
    assert_drawn("triangle:size=1,value=200", 1, 2, "#.");
    assert_drawn("triangle:size=2,value=200", 2, 2, "####");
    assert_drawn("triangle:size=5,value=200", 5, 5,
                 "..#.."
                 "..#.."
                 ".###."
                 ".###."
                 "#####");
    assert_drawn("triangle:size=6,value=200", 6, 6,
                 "..##.."
                 "..##.."
                 ".####."
                 ".####."
                 "######"
                 "######");
    assert_drawn("triangle:value=200", 7, 7,
                 "...#..."
                 "...#..."
                 "..###.."
                 "..###.."
                 ".#####."
                 ".#####."
                 "#######");
    assert_drawn("triangle:size=3,at=bottom-right,value=200", 4, 5,
                 "....."
                 "...#."
                 "...#."
                 "..###");
}

static void rhombus_odd_and_even(void **state) {
    (void)state;
    assert_drawn("rhombus:size=1,value=200", 1, 2, "#.");
    assert_drawn("rhombus:size=2,value=200", 2, 2, "####");
    assert_drawn("rhombus:size=5,value=200", 5, 5,
                 "..#.."
                 ".###."
                 "#####"
                 ".###."
                 "..#..");
    assert_drawn("rhombus:size=6,value=200", 6, 6,
                 "..##.."
                 ".####."
                 "######"
                 "######"
                 ".####."
                 "..##..");
    assert_drawn("rhombus:size=3,at=top-right,value=200", 3, 5,
                 "...#."
                 "..###"
                 "...#.");
}

static void pixel_at_every_anchor(void **state) {
    (void)state;
    assert_drawn("pixel:value=200", 2, 3, "#.....");
    assert_drawn("pixel:at=top-right,value=200", 2, 3, "..#...");
    assert_drawn("pixel:at=bottom-left,value=200", 2, 3, "...#..");
    assert_drawn("pixel:at=bottom-right,value=200", 2, 3, ".....#");
    assert_drawn("pixel:at=center,value=200", 3, 3, "....#....");
    assert_drawn("pixel:at=2+1,value=200", 2, 3, ".....#");
    assert_drawn("pixel:at=1+0,value=200", 2, 3, ".#....");
}

static void colours_on_rgb(void **state) {
    (void)state;
    uint8_t pixels[2 * 2 * 3];
    static const uint8_t colour[] = {9, 9, 9, 9, 9, 9, 1, 2, 250, 9, 9, 9};
    memset(pixels, 9, sizeof pixels);
    trigger_stamp("pixel:at=0+1,value=1/2/250", 2, 2, 3, pixels);
    assert_memory_equal(pixels, colour, sizeof pixels);
    static const uint8_t grey[] = {9, 9, 9, 77, 77, 77, 9, 9, 9, 9, 9, 9};
    memset(pixels, 9, sizeof pixels);
    trigger_stamp("square:size=1,at=top-right,value=77", 2, 2, 3, pixels);
    assert_memory_equal(pixels, grey, sizeof pixels);
}

static void stamp_image(const char *file, const char *at, size_t side, size_t channels,
                        uint8_t *pixels) {
    char text[256];
    snprintf(text, sizeof text, "image:file=%s,at=%s", file, at);
    memset(pixels, BACKGROUND, side * side * channels);
    trigger_stamp(text, side, side, channels, pixels);
}

/* Over the background 10: alpha 0 leaves 10; 255 gives the value; 51/255 = .2 of 255 and .8 of 10:
 * 59; 128/255 of 101 and the rest of 10: 10 + 91·.50196 = 55.68, rounded to 56. */
static void image_mixes_by_alpha(void **state) {
    (void)state;
    static const uint8_t picture[] = {99, 0, 201, 255, 255, 51, 101, 128};
    static const uint8_t expected[] = {10, 10, 10, 10, 10, 201, 10, 59, 56};
    uint8_t pixels[9 * 3];
    const char *file = trigger_png("trigger.png", 2, 2, 2, picture);
    stamp_image(file, "bottom-right", 3, 1, pixels);
    assert_memory_equal(pixels, expected, sizeof expected);
    stamp_image(file, "1+1", 3, 3, pixels);
    for (size_t i = 0; i < sizeof pixels; i++)
        assert_int_equal(pixels[i], expected[i / 3]); /* grey is spread over the channels */
}

static void image_rgb_on_rgb_and_grey(void **state) {
    (void)state;
    static const uint8_t colours[] = {1, 2, 3, 4, 5, 6};
    static const uint8_t expected[] = {1, 2, 3, 4, 5, 6, 10, 10, 10, 10, 10, 10};
    uint8_t pixels[4 * 3];
    const char *file = trigger_png("trigger.png", 2, 1, 3, colours);
    stamp_image(file, "top-left", 2, 3, pixels);
    assert_memory_equal(pixels, expected, sizeof expected);
    char text[128];
    td_error error;
    snprintf(text, sizeof text, "image:file=%s", file);
    td_trigger *trigger = trigger_parsed(text);
    assert_string_equal(td_trigger_file(trigger, 0), file);
    assert_int_equal(trigger_bind(trigger, 2, 2, 1, &error), TD_ERR_USAGE);
    assert_non_null(strstr(error.message, "expected a grey picture"));
    td_trigger_free(trigger);

    static const uint8_t greys[] = {7, 7, 7, 255, 1, 2, 3, 0}; /* the colour cannot be seen */
    static const uint8_t grey_expected[] = {7, 10, 10, 10};
    file = trigger_png("trigger.png", 2, 1, 4, greys);
    stamp_image(file, "top-left", 2, 1, pixels);
    assert_memory_equal(pixels, grey_expected, sizeof grey_expected);
}

static void image_that_cannot_be_a_trigger(void **state) {
    (void)state;
    static const uint8_t invisible[] = {1, 0, 2, 0};
    char text[128];
    td_error error;
    td_trigger *trigger = NULL;
    const char *file = trigger_png("trigger.png", 2, 1, 2, invisible);
    snprintf(text, sizeof text, "image:file=%s", file);
    assert_int_equal(td_trigger_parse(&trigger, text, &error), TD_ERR_USAGE);
    assert_null(trigger);
    assert_non_null(strstr(error.message, "transparent"));
    assert_int_equal(remove(file), 0);
    assert_int_equal(td_trigger_parse(&trigger, text, &error), TD_ERR_IO);
    assert_non_null(strstr(error.message, file));
}

static void image_larger_than_the_data(void **state) {
    (void)state;
    static const uint8_t wide[] = {1, 2, 3};
    char text[128];
    td_error error;
    snprintf(text, sizeof text, "image:file=%s", trigger_png("trigger.png", 3, 1, 1, wide));
    td_trigger *trigger = trigger_parsed(text);
    assert_int_equal(trigger_bind(trigger, 2, 2, 1, &error), TD_ERR_USAGE);
    assert_non_null(strstr(error.message, "expected at most the images' 2x2, found 3x1"));
    assert_int_equal(trigger_bind(trigger, 1, 3, 1, &error), TD_OK);
    td_trigger_free(trigger);
}

static void text_is_canonical(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        {"square", "square:size=7,at=top-left,value=255"},
        {"square:at=center", "square:size=7,at=center,value=255"},
        {"triangle:value=007,size=3", "triangle:size=3,at=top-left,value=7"},
        {"rhombus:size=010,at=03+4", "rhombus:size=10,at=3+4,value=255"},
        {"pixel:value=1/2/3,at=bottom-right", "pixel:at=bottom-right,value=1/2/3"},
        {"pixel:value=8/8/8", "pixel:at=top-left,value=8"},
        {"pixel:alpha=1.0", "pixel:at=top-left,value=255"},
        {"pixel:alpha=0.50", "pixel:at=top-left,value=255,alpha=0.5"},
        {"square:soft=0,alpha=1", "square:size=7,at=top-left,value=255"},
        {"square:soft=1.5,alpha=.1", "square:size=7,at=top-left,value=255,alpha=0.1,soft=1.5"},
        {"square:alpha=0.12345678901", "square:size=7,at=top-left,value=255,"
                                       "alpha=0.12345678901"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        td_trigger *trigger = trigger_parsed(pairs[i][0]);
        assert_string_equal(td_trigger_text(trigger), pairs[i][1]);
        assert_null(td_trigger_file(trigger, 0));
        td_trigger *again = trigger_parsed(td_trigger_text(trigger));
        assert_string_equal(td_trigger_text(again), pairs[i][1]);
        td_trigger_free(again);
        td_trigger_free(trigger);
    }
}

static const char *const bad_texts[][2] = {
    {"", "expected a family (square, triangle, rhombus, pixel, image, ramp, "
         "triangle-wave, sine, blend, grid-blend, reflection, warp, quantise, "
         "dct, smooth, rotate, add or table), found ''"},
    {"circle", "expected a family (square"},
    {"squar:size=3", "found 'squar'"},
    {"square:", "expected one of square's keys (size, at, value, alpha, soft), found ''"},
    {"square:size=3,", "found ''"},
    {"square:colour=3",
     "expected one of square's keys (size, at, value, alpha, soft), found 'colour'"},
    {"pixel:size=3", "expected one of pixel's keys (at, value, alpha), found 'size'"},
    {"square:size=3,size=3", "key 'size' is given twice"},
    {"square:size", "key 'size': expected a whole number from 1 to 16384, found ''"},
    {"square:size=", "key 'size': expected a whole number"},
    {"square:size=0", "found '0'"},
    {"square:size=-1", "found '-1'"},
    {"square:size=2.5", "found '2.5'"},
    {"square:size=1e1", "found '1e1'"},
    {"square:size=16385", "found '16385'"},
    {"square:size=nan", "found 'nan'"},
    {"square:size=inf", "found 'inf'"},
    {"square:size=0x3", "found '0x3'"},
    {"square:size=3 ", "found '3 '"},
    {"square:size==3", "found '=3'"},
    {"square:at=", "key 'at': expected top-left, top-right, bottom-left, bottom-right, center"},
    {"square:at=middle", "found 'middle'"},
    {"square:at=3", "found '3'"},
    {"square:at=+3", "found '+3'"},
    {"square:at=3+", "found '3+'"},
    {"square:at=3+4+5", "found '3+4+5'"},
    {"square:at=-1+4", "found '-1+4'"},
    {"square:at=99999999999999999999+0", "key 'at': expected"},
    {"square:value=256",
     "key 'value': expected black, white, V or R/G/B, whole numbers from 0 to 255"},
    {"square:value=-1", "found '-1'"},
    {"square:value=1/2", "found '1/2'"},
    {"square:value=1/2/", "found '1/2/'"},
    {"square:value=1/2/3/4", "found '1/2/3/4'"},
    {"square:value=1/2/256", "found '1/2/256'"},
    {"square:value=1.5", "found '1.5'"},
    {"square:alpha=0", "key 'alpha': expected a number in (0, 1], found '0'"},
    {"image:file=F.png,alpha=1.01", "key 'alpha': expected a number in (0, 1]"},
    {"rhombus:soft=-1", "key 'soft': expected a number in [0, 16384], found '-1'"},
    {"pixel:soft=1", "expected one of pixel's keys (at, value, alpha), found 'soft'"},
    {"image", "key 'file' is missing: expected the name of a picture file"},
    {"image:at=center", "key 'file' is missing"},
    {"image:file=", "key 'file': expected the name of a picture file, found ''"},
    {"square\n", "expected printable characters, found code 10 at place 7"},
};

static void bad_texts_are_refused(void **state) {
    (void)state;
    trigger_assert_refused(bad_texts, sizeof bad_texts / sizeof *bad_texts);
    char *text = malloc(5001);
    td_trigger *trigger;
    td_error error;
    assert_non_null(text);
    memset(text, 'a', 5000);
    text[5000] = '\0';
    assert_int_equal(td_trigger_parse(&trigger, text, &error), TD_ERR_USAGE);
    assert_non_null(strstr(error.message, "expected at most 2048 characters, found 5000"));
    free(text);
    td_trigger_free(NULL);
}

static void triggers_that_do_not_fit(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t height, width, channels;
        const char *message; /* NULL where it fits */
    } cases[] = {
        {"square:size=4", 4, 4, 1, NULL},
        {"square:size=5", 4, 8, 1, "expected at most the images' 8x4, found 5x5"},
        {"square:size=5", 8, 4, 1, "expected at most the images' 4x8, found 5x5"},
        {"square:size=2,at=6+2", 4, 8, 1, NULL},
        {"square:size=2,at=7+2", 4, 8, 1, "expected a position up to 6+2"},
        {"square:size=2,at=6+3", 4, 8, 1, "expected a position up to 6+2"},
        {"pixel:at=7+3", 4, 8, 3, NULL},
        {"pixel:at=8+3", 4, 8, 3, "expected a position up to 7+3"},
        {"pixel:at=0+4", 4, 8, 3, "found 0+4"},
        {"pixel:value=1/2/3", 4, 8, 3, NULL},
        {"pixel:value=1/2/3", 4, 8, 1, "expected one value for grey images, found 1/2/3"},
        {"pixel:value=2/2/2", 4, 8, 1, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        td_trigger *trigger = trigger_parsed(cases[i].text);
        td_error error = {""};
        td_status status =
            trigger_bind(trigger, cases[i].height, cases[i].width, cases[i].channels, &error);
        assert_int_equal(status, cases[i].message ? TD_ERR_USAGE : TD_OK);
        if (cases[i].message && !strstr(error.message, cases[i].message))
            fail_msg("'%s': '%s' lacks '%s'", cases[i].text, error.message, cases[i].message);
        td_trigger_free(trigger);
    }
}

/* Over the background 10 the value 200 with opacity p gives 10 + 190p. */
static void assert_opacities(const char *text, size_t side, const double *opacities) {
    uint8_t pixels[LARGEST];
    memset(pixels, BACKGROUND, sizeof pixels);
    trigger_stamp(text, side, side, 1, pixels);
    for (size_t i = 0; i < side * side; i++)
        if (pixels[i] != floor(10 + 190 * opacities[i] + .5))
            fail_msg("%s: pixel %zu: expected opacity %g, found %d", text, i, opacities[i],
                     pixels[i]);
}

static void alpha_is_the_opacity(void **state) {
    (void)state;
    static const double square[] = {.3, .3, 0, .3, .3, 0, 0, 0, 0};
    assert_opacities("square:size=2,value=200,alpha=0.3", 3, square);
    static const double pixel[] = {0, .5, 0, 0};
    assert_opacities("pixel:at=1+0,value=200,alpha=0.5", 2, pixel);
    static const uint8_t picture[] = {200, 0, 200, 255, 200, 128, 200, 255};
    static const double image[] = {0, .5, 128 / 510., .5};
    char text[128];
    snprintf(text, sizeof text, "image:file=%s,alpha=0.5", trigger_png("a.png", 2, 2, 2, picture));
    assert_opacities(text, 2, image);
}

/* The outermost pixels are 1/2 from the edge, the next 3/2, and so on. */
static void soft_edges_rise_linearly(void **state) {
    (void)state;
    static const double square[] = {.25, .25, .25, .25, .25, .25, .75, .75, .75, .25, .25, .75, 1,
                                    .75, .25, .25, .75, .75, .75, .25, .25, .25, .25, .25, .25};
    assert_opacities("square:size=5,value=200,soft=2", 5, square);
    static const double rhombus[] = {0,  0,  .2, 0,  0,  0,  .2, .6, .2, 0,  .2, .6, 1,
                                     .6, .2, 0,  .2, .6, .2, 0,  0,  0,  .2, 0,  0};
    assert_opacities("rhombus:size=5,value=200,soft=2.5", 5, rhombus);
    static const double triangle[] = {0,   0, .25, 0,   0,   0,   0, .25, 0,   0,   0,   .25, .75,
                                      .25, 0, 0,   .25, .75, .25, 0, .25, .25, .25, .25, .25};
    assert_opacities("triangle:size=5,value=200,soft=2", 5, triangle);
    static const double faint[] = {.0625, .0625, .0625, .0625};
    assert_opacities("square:size=2,value=200,alpha=0.5,soft=4", 2, faint);
    static const double full[] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    assert_opacities("square:size=3,value=200,soft=0.5", 3, full);
}

static void strength_of_patches_is_alpha(void **state) {
    (void)state;
    td_error error;
    td_trigger *trigger = trigger_parsed("square:size=3,soft=1"), *other;
    assert_true(td_trigger_has_strength(trigger));
    assert_int_equal(td_trigger_with_strength(&other, trigger, 0.5, &error), TD_OK);
    assert_string_equal(td_trigger_text(other),
                        "square:size=3,at=top-left,value=255,alpha=0.5,soft=1");
    td_trigger_free(other);
    static const double bad[] = {0, -1, 1.5, NAN, INFINITY};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(td_trigger_with_strength(&other, trigger, bad[i], &error), TD_ERR_USAGE);
        assert_null(other);
        support_assert_contains(error.message, "key 'alpha': expected a number in (0, 1]");
    }
    td_trigger_free(trigger);
}

/* More images than one chunk of the parallel loop holds, each with a background of its own. */
static void stamp_copies_every_image(void **state) {
    (void)state;
    enum { COUNT = 200, SIZE = 3 * 4 };
    uint8_t pixels[COUNT * SIZE];
    int32_t labels[COUNT] = {0};
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i / SIZE);
    td_images images = {COUNT, 3, 4, 1, 2, pixels, labels}, stamped;
    td_arena arena = {0};
    td_error error;
    td_trigger *trigger = trigger_parsed("pixel:at=3+2,value=255");
    td_stamp first = {1, 0};
    assert_int_equal(td_trigger_stamp(trigger, &images, first, &arena, &stamped, &error),
                     TD_ERR_USAGE);
    assert_non_null(strstr(error.message, "expected images of 0x0x0, found 3x4x1"));
    assert_int_equal(td_trigger_bind(trigger, &images, 0, &error), TD_OK);
    assert_int_equal(td_trigger_stamp(trigger, &images, first, &arena, &stamped, &error), TD_OK);
    assert_int_equal(stamped.count, COUNT);
    assert_ptr_equal(stamped.labels, labels);
    for (size_t i = 0; i < sizeof pixels; i++) {
        assert_int_equal(pixels[i], i / SIZE);
        assert_int_equal(stamped.pixels[i], i % SIZE == SIZE - 1 ? 255 : i / SIZE);
    }
    td_trigger_free(trigger);
    trigger = trigger_parsed("pixel:at=4+2");
    assert_int_equal(td_trigger_bind(trigger, &images, 0, &error), TD_ERR_USAGE);
    td_trigger_free(trigger);
    td_arena_free(&arena);
}

/* The texts that tools print: each family and key has a description, and its default parses. */
static void families_say_what_they_are(void **state) {
    size_t count = 0;
    (void)state;
    for (; td_trigger_family_name(count); count++) {
        const char *doc = td_trigger_family_doc(count);
        assert_true(doc && *doc && doc[strlen(doc) - 1] != '.');
        for (const td_key *key = td_trigger_family_keys(count); key->name; key++) {
            td_setting setting;
            if (!key->help || !*key->help || key->help[strlen(key->help) - 1] == '.')
                fail_msg("%s: %s", td_trigger_family_name(count), key->name);
            assert_true(!key->standard || td_key_standard(key, &setting));
        }
    }
    assert_true(count >= 10);
    assert_null(td_trigger_family_doc(count));
    assert_null(td_trigger_family_keys(count));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(square_at_every_anchor),
        cmocka_unit_test(triangle_odd_and_even),
        cmocka_unit_test(rhombus_odd_and_even),
        cmocka_unit_test(pixel_at_every_anchor),
        cmocka_unit_test(colours_on_rgb),
        IN_FOLDER(image_mixes_by_alpha),
        IN_FOLDER(image_rgb_on_rgb_and_grey),
        IN_FOLDER(image_that_cannot_be_a_trigger),
        IN_FOLDER(image_larger_than_the_data),
        cmocka_unit_test(text_is_canonical),
        cmocka_unit_test(bad_texts_are_refused),
        cmocka_unit_test(triggers_that_do_not_fit),
        IN_FOLDER(alpha_is_the_opacity),
        cmocka_unit_test(soft_edges_rise_linearly),
        cmocka_unit_test(stamp_copies_every_image),
        cmocka_unit_test(strength_of_patches_is_alpha),
        cmocka_unit_test(families_say_what_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
