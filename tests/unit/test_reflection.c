/* SPDX-License-Identifier: MIT */
/* Reflections: hand-worked optics (gamma=1 makes light the pixel value), sources and draws. */
#include "support.h"
#include "trigger_support.h"

#include "base/parallel.h"
#include "base/random.h"
#include "trigger/gamma.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void assert_stamped(const char *keys, size_t height, size_t width, const uint8_t *before,
                           const uint8_t *expected) {
    char text[256];
    uint8_t pixels[64];
    snprintf(text, sizeof text, "reflection:file=r.png,%s", keys);
    memcpy(pixels, before, height * width);
    trigger_stamp(text, height, width, 1, pixels);
    for (size_t i = 0; i < height * width; i++)
        if (pixels[i] != expected[i])
            fail_msg("%s: pixel %zu: expected %d, found %d", text, i, expected[i], pixels[i]);
}

/* T + alpha·R, clipped. */
static void focus(void **state) {
    (void)state;
    static const uint8_t picture[] = {0, 100, 200, 255}, before[] = {50, 50, 50, 200};
    static const uint8_t expected[] = {50, 80, 110, 255};
    trigger_png("r.png", 2, 2, 1, picture);
    assert_stamped("type=focus,gamma=1,alpha=0.3", 2, 2, before, expected);
    /* (.5^2.2 + .3·.8^2.2) ^ (1/2.2), of values 127.5 and 204 here 128 and 204. */
    static const uint8_t light[] = {204, 204, 204, 204}, grey[] = {128, 128, 128, 128};
    trigger_png("r.png", 2, 2, 1, light);
    double sum = pow(128 / 255.0, 2.2) + .3 * pow(204 / 255.0, 2.2);
    uint8_t value = (uint8_t)lround(255 * pow(sum, 1 / 2.2));
    uint8_t linear[] = {value, value, value, value};
    assert_stamped("type=focus,alpha=0.3", 2, 2, grey, linear);
}

/* (1 − a)T + a(bR + (1 − b)R shifted), the border continued. */
static void ghost(void **state) {
    (void)state;
    static const uint8_t picture[] = {10, 20, 40, 60, 80, 100};
    static const uint8_t before[] = {100, 100, 100, 100, 100, 100};
    trigger_png("r.png", 3, 2, 1, picture);
    static const uint8_t unshifted[] = {55, 60, 70, 80, 90, 100};
    assert_stamped("gamma=1,alpha=0.5,balance=1,shift=1", 2, 3, before, unshifted);
    static const uint8_t right[] = {55, 55, 60, 80, 80, 90};
    assert_stamped("type=ghost,gamma=1,alpha=0.5,balance=0,shift=1+0", 2, 3, before, right);
    static const uint8_t down[] = {55, 60, 70, 55, 60, 70};
    assert_stamped("type=ghost,gamma=1,alpha=0.5,balance=0,shift=0+1", 2, 3, before, down);
    static const uint8_t corner[] = {55, 55, 55, 55, 55, 55};
    assert_stamped("type=ghost,gamma=1,alpha=0.5,balance=0,shift=9", 2, 3, before, corner);
    /* A quarter of the first copy and three of the second: (10, 12.5, 25; 60, 65, 85) times .5. */
    static const uint8_t both[] = {55, 56, 63, 80, 83, 93};
    assert_stamped("type=ghost,gamma=1,alpha=0.5,balance=0.25,shift=1+0", 2, 3, before, both);
}

/* At the centre the window is 1: (1 − a)T + (1 + a)/2·B. */
static void blur(void **state) {
    (void)state;
    static const uint8_t dim[] = {120}, bright[] = {155}, expected[] = {140, 134};
    trigger_png("r.png", 1, 1, 1, dim);
    assert_stamped("type=blur,gamma=1,alpha=0.5,sigma=2", 1, 1, (uint8_t[]){100}, expected);
    /* 200 + 155 is 100 too much: B = 155 − 110, and 100 + .75·45 = 133.75. */
    trigger_png("r.png", 1, 1, 1, bright);
    assert_stamped("type=blur,gamma=1,alpha=0.5,sigma=2", 1, 1, (uint8_t[]){200}, expected + 1);
    /* One bright row of 3, sigma .5, reaching 1 pixel: weights 1 : e^-2 : e^-2 of the sum 1.270671.
     * Before black, alpha 1: B is 200/1.270671 = 157.4 in the middle and 21.3 beside it, where
     * v = ±2 and the window is e^-1: 7.8. */
    static const uint8_t line[] = {0, 200, 0}, black[] = {0, 0, 0}, blurred[] = {8, 157, 8};
    trigger_png("r.png", 1, 3, 1, line);
    assert_stamped("type=blur,gamma=1,alpha=1,sigma=0.5", 3, 1, black, blurred);
    trigger_png("r.png", 3, 1, 1, line);
    assert_stamped("type=blur,gamma=1,alpha=1,sigma=0.5", 1, 3, black, blurred);
}

/* Every value is recovered from its light, and any light is rounded to the nearest value. */
static void gamma_and_back(void **state) {
    (void)state;
    static const double gammas[] = {1, 1.7, 2.2, 4};
    for (size_t g = 0; g < sizeof gammas / sizeof *gammas; g++) {
        td_gamma gamma;
        td_gamma_make(&gamma, gammas[g]);
        for (int value = 0; value < 256; value++)
            assert_int_equal(td_gamma_value(&gamma, gamma.light[value]), value);
        assert_int_equal(td_gamma_value(&gamma, 1.5F), 255);
        td_random random = td_random_for(1, TD_FOR_TEST, 0, 0);
        for (size_t i = 0; i < 20000; i++) {
            float seen = td_random_unit(&random), light = powf(seen, (float)gammas[g]);
            double distance =
                255 * pow((double)light, 1 / gammas[g]) - td_gamma_value(&gamma, light);
            assert_true(fabs(distance) < .5001);
        }
    }
}

/* A scene and a picture with something in them, of 16×16 pixels. */
enum { SIDE = 16, SIZE = SIDE * SIDE };

static void make_scene(uint8_t *pixels, size_t number) {
    for (size_t i = 0; i < SIZE; i++)
        pixels[i] = (uint8_t)(60 + 8 * (i % SIDE) + (i / SIDE + number) % 7 * 9);
}

static void make_picture(const char *name) {
    uint8_t pixels[SIZE];
    for (size_t i = 0; i < SIZE; i++)
        pixels[i] = (uint8_t)(i / SIDE / 3 % 2 == 0 ? 180 : 20 + 5 * (i % SIDE));
    trigger_png(name, SIDE, SIDE, 1, pixels);
}

static void draws_follow_seed_and_index(void **state) {
    (void)state;
    static const char *const types[] = {"focus", "blur", "ghost"};
    make_picture("r.png");
    for (size_t t = 0; t < 3; t++) {
        char text[64];
        td_error error;
        uint8_t pixels[4][SIZE];
        static const td_stamp stamps[] = {{1, 0}, {1, 0}, {1, 1}, {2, 0}};
        snprintf(text, sizeof text, "reflection:file=r.png,type=%s", types[t]);
        td_trigger *trigger = trigger_parsed(text);
        assert_string_equal(td_trigger_text(trigger), text);
        assert_int_equal(trigger_bind(trigger, SIDE, SIDE, 1, &error), TD_OK);
        assert_null(td_trigger_note(trigger));
        for (size_t i = 0; i < 4; i++) {
            make_scene(pixels[i], 0);
            trigger_apply(trigger, stamps[i], pixels[i]);
        }
        td_trigger_free(trigger);
        assert_memory_equal(pixels[0], pixels[1], SIZE);
        assert_memory_not_equal(pixels[0], pixels[2], SIZE);
        assert_memory_not_equal(pixels[0], pixels[3], SIZE);
    }
}

/* All drawn parameters can be given: then nothing depends on the seed. */
static void given_keys_are_not_drawn(void **state) {
    (void)state;
    static const char *const keys[] = {
        "type=focus,alpha=0.2",
        "type=blur,alpha=0.2,sigma=1.5",
        "type=ghost,alpha=0.2,shift=3+4,balance=0.3",
    };
    make_picture("r.png");
    for (size_t k = 0; k < 3; k++) {
        char text[96];
        td_error error;
        uint8_t one[SIZE], other[SIZE];
        snprintf(text, sizeof text, "reflection:file=r.png,%s", keys[k]);
        td_trigger *trigger = trigger_parsed(text);
        assert_string_equal(td_trigger_text(trigger), text);
        assert_int_equal(trigger_bind(trigger, SIDE, SIDE, 1, &error), TD_OK);
        make_scene(one, 0);
        make_scene(other, 0);
        trigger_apply(trigger, (td_stamp){1, 0}, one);
        trigger_apply(trigger, (td_stamp){9, 9}, other);
        assert_memory_equal(one, other, SIZE);
        td_trigger_free(trigger);
    }
}

static void same_bytes_at_any_thread_count(void **state) {
    (void)state;
    enum { COUNT = 150 };
    static uint8_t pixels[COUNT * SIZE];
    static int32_t labels[COUNT];
    td_images images = {COUNT, SIDE, SIDE, 1, 2, pixels, labels}, one, three;
    td_arena arena = {0};
    td_error error;
    for (size_t i = 0; i < COUNT; i++) {
        make_scene(pixels + i * SIZE, i);
        labels[i] = i % 3 == 0;
    }
    td_trigger *trigger = trigger_parsed("reflection:class=1,type=blur");
    assert_int_equal(td_trigger_bind(trigger, &images, 0, &error), TD_OK);
    td_set_threads(1);
    assert_int_equal(td_trigger_stamp(trigger, &images, (td_stamp){1, 5}, &arena, &one, &error),
                     TD_OK);
    td_set_threads(3);
    assert_int_equal(td_trigger_stamp(trigger, &images, (td_stamp){1, 5}, &arena, &three, &error),
                     TD_OK);
    td_set_threads(0);
    assert_memory_equal(one.pixels, three.pixels, sizeof pixels);
    /* Image 7 of this set is image 12 of its split. */
    uint8_t alone[SIZE];
    make_scene(alone, 7);
    trigger_apply(trigger, (td_stamp){1, 12}, alone);
    assert_memory_equal(alone, one.pixels + 7 * SIZE, SIZE);
    td_trigger_free(trigger);
    td_arena_free(&arena);
}

/* Before black, in focus and at full weight, the result is the reflection itself: image 1, 2 or 4
 * of the class, and in 30 draws each of them. */
static void a_class_gives_its_images(void **state) {
    (void)state;
    static const uint8_t pixels[] = {10, 20, 30, 40, 50};
    static const int32_t labels[] = {0, 3, 3, 1, 3};
    size_t seen[256] = {0};
    td_images images = {5, 1, 1, 1, 4, pixels, labels};
    td_error error;
    td_trigger *trigger = trigger_parsed("reflection:class=3,type=focus,gamma=1,alpha=1,tries=1");
    assert_null(td_trigger_file(trigger, 0));
    assert_int_equal(td_trigger_bind(trigger, &images, 0, &error), TD_OK);
    for (size_t i = 0; i < 30; i++) {
        uint8_t pixel = 0;
        trigger_apply(trigger, (td_stamp){1, i}, &pixel);
        seen[pixel]++;
    }
    assert_true(seen[20] > 0 && seen[30] > 0 && seen[50] > 0);
    assert_int_equal(seen[20] + seen[30] + seen[50], 30);
    td_trigger_free(trigger);
    trigger = trigger_parsed("reflection:class=2");
    assert_int_equal(td_trigger_bind(trigger, &images, 0, &error), TD_ERR_USAGE);
    support_assert_contains(error.message, "expected images of class 2 in the data");
    td_trigger_free(trigger);
}

/* A black picture reflects nothing: one draw in two takes it, ten draws do not. */
static void invisible_reflections_are_drawn_again(void **state) {
    (void)state;
    static const uint8_t black[SIZE];
    assert_int_equal(mkdir("pictures", 0777), 0);
    trigger_png("pictures/a.png", SIDE, SIDE, 1, black);
    make_picture("pictures/b.png");
    support_write_text("pictures/notes.txt", "not a picture");
    size_t unchanged[2] = {0};
    for (size_t k = 0; k < 2; k++) {
        td_error error;
        td_trigger *trigger = trigger_parsed(k ? "reflection:folder=pictures,type=focus,alpha=0.3"
                                               : "reflection:folder=pictures,type=focus,alpha=0.3,"
                                                 "tries=1");
        assert_string_equal(td_trigger_file(trigger, 0), "pictures/a.png");
        assert_string_equal(td_trigger_file(trigger, 1), "pictures/b.png");
        assert_null(td_trigger_file(trigger, 2));
        assert_int_equal(trigger_bind(trigger, SIDE, SIDE, 1, &error), TD_OK);
        for (size_t i = 0; i < 100; i++) {
            uint8_t clean[SIZE], pixels[SIZE];
            make_scene(clean, 0);
            make_scene(pixels, 0);
            trigger_apply(trigger, (td_stamp){1, i}, pixels);
            unchanged[k] += memcmp(clean, pixels, SIZE) == 0;
        }
        td_trigger_free(trigger);
    }
    assert_in_range(unchanged[0], 30, 70);
    assert_in_range(unchanged[1], 0, 2);
}

static void pictures_of_other_sizes_are_noted(void **state) {
    (void)state;
    static const uint8_t grey[] = {90, 90};
    td_error error;
    assert_int_equal(mkdir("pictures", 0777), 0);
    trigger_png("pictures/a.png", 2, 1, 1, grey);
    trigger_png("pictures/b.png", 1, 1, 1, grey);
    td_trigger *trigger = trigger_parsed("reflection:folder=pictures");
    assert_int_equal(trigger_bind(trigger, 1, 2, 1, &error), TD_OK);
    assert_string_equal(td_trigger_note(trigger), "pictures: 1 of 2 pictures are made to fit the "
                                                  "images, 2x1 in grey");
    support_write_text("pictures/b.png", "broken");
    assert_int_not_equal(trigger_bind(trigger, 1, 2, 1, &error), TD_OK);
    support_assert_contains(error.message, "pictures/b.png");
    td_trigger_free(trigger);
    trigger = trigger_parsed("reflection:file=pictures/a.png");
    assert_int_equal(trigger_bind(trigger, 2, 2, 3, &error), TD_OK);
    assert_string_equal(td_trigger_note(trigger), "pictures/a.png: 2x1 in grey is made to fit the "
                                                  "images, 2x2 in colour");
    td_trigger_free(trigger);
}

static void text_and_strength(void **state) {
    (void)state;
    td_error error;
    td_trigger *trigger = trigger_parsed("reflection:class=3,tries=10,shift=4+4,gamma=2.20"),
               *other;
    assert_string_equal(td_trigger_text(trigger), "reflection:class=3,type=ghost,shift=4");
    assert_true(td_trigger_has_strength(trigger));
    assert_int_equal(td_trigger_with_strength(&other, trigger, 0.4, &error), TD_OK);
    assert_string_equal(td_trigger_text(other), "reflection:class=3,type=ghost,alpha=0.4,shift=4");
    double strength;
    char rest[64];
    assert_false(td_trigger_strength(trigger, &strength, rest, sizeof rest)); /* it is drawn */
    assert_true(td_trigger_strength(other, &strength, rest, sizeof rest));
    assert_true(strength == 0.4);
    td_trigger_free(other);
    td_trigger_free(trigger);
}

static void bad_texts_are_refused(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"reflection", "expected one of the keys file, folder or class, found none"},
        {"reflection:file=F.png,class=3", "expected one of the keys file, folder or class, found "
                                          "more"},
        {"reflection:class=3,type=mirror", "key 'type': expected one of focus, blur, ghost, found "
                                           "'mirror'"},
        {"reflection:class=", "key 'class': expected a class"},
        {"reflection:class=1,alpha=0", "key 'alpha': expected a number in (0, 1]"},
        {"reflection:class=1,shift=", "key 'shift': expected S or X+Y, whole numbers from 0"},
        {"reflection:class=1,shift=1+", "found '1+'"},
        {"reflection:class=1,shift=1+2+3", "found '1+2+3'"},
        {"reflection:class=1,type=blur,shift=3", "key 'shift' goes with type=ghost only"},
        {"reflection:class=1,type=focus,balance=.5", "key 'balance' goes with type=ghost only"},
        {"reflection:class=1,sigma=3", "key 'sigma' goes with type=blur only"},
        {"reflection:class=1,type=blur,sigma=0", "key 'sigma': expected a number in [0.1, 50]"},
        {"reflection:class=1,gamma=0", "key 'gamma': expected a number in [1, 4]"},
        {"reflection:class=1,tries=0", "key 'tries': expected a whole number from 1 to 1000"},
        {"reflection:folder=empty", "empty: expected a folder of pictures, found none in it"},
    };
    assert_int_equal(mkdir("empty", 0777), 0);
    trigger_assert_refused(cases, sizeof cases / sizeof *cases);
    td_trigger *trigger;
    td_error error;
    assert_int_equal(td_trigger_parse(&trigger, "reflection:file=absent.png", &error), TD_ERR_IO);
    support_assert_contains(error.message, "absent.png");
    assert_int_equal(td_trigger_parse(&trigger, "reflection:folder=absent", &error), TD_ERR_IO);
    support_assert_contains(error.message, "absent");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(focus),
        IN_FOLDER(ghost),
        IN_FOLDER(blur),
        cmocka_unit_test(gamma_and_back),
        IN_FOLDER(draws_follow_seed_and_index),
        IN_FOLDER(given_keys_are_not_drawn),
        cmocka_unit_test(same_bytes_at_any_thread_count),
        cmocka_unit_test(a_class_gives_its_images),
        IN_FOLDER(invisible_reflections_are_drawn_again),
        IN_FOLDER(pictures_of_other_sizes_are_noted),
        cmocka_unit_test(text_and_strength),
        IN_FOLDER(bad_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
