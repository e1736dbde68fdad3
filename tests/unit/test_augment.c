/* SPDX-License-Identifier: MIT */
#include "data/augment.h"

#include "../golden/augmented.h"
#include "base/parallel.h"
#include "net_support.h"
#include "nn/feed.h"
#include <math.h>
#include <string.h>

static void assert_sampled(td_affine map, const uint8_t *from, size_t height, size_t width,
                           size_t channels, const float *expected, double tolerance) {
    float found[64];
    assert_true(height * width * channels <= sizeof found / sizeof *found);
    td_affine_sample(map, from, height, width, channels, found);
    for (size_t i = 0; i < height * width * channels; i++)
        net_assert_near(found[i], expected[i], tolerance);
}

static const uint8_t grey[] = {1, 2, 3, 4, 5, 6}; /* 2 × 3 */

static void whole_shifts_move_exactly(void **state) {
    (void)state;
    assert_sampled(td_affine_identity(), grey, 2, 3, 1, (const float[]){1, 2, 3, 4, 5, 6}, 0);
    assert_sampled(td_affine_translate(1, 0), grey, 2, 3, 1, (const float[]){0, 1, 2, 0, 4, 5}, 0);
    assert_sampled(td_affine_translate(-2, 0), grey, 2, 3, 1, (const float[]){3, 0, 0, 6, 0, 0}, 0);
    assert_sampled(td_affine_translate(0, 1), grey, 2, 3, 1, (const float[]){0, 0, 0, 1, 2, 3}, 0);
    assert_sampled(td_affine_translate(1, -1), grey, 2, 3, 1, (const float[]){0, 4, 5, 0, 0, 0}, 0);
    assert_sampled(td_affine_translate(3, 0), grey, 2, 3, 1, (const float[6]){0}, 0);
    assert_sampled(td_affine_translate(0, 1e9), grey, 2, 3, 1, (const float[6]){0}, 0);
}

static void mirrors_exactly_with_its_channels(void **state) {
    const uint8_t colours[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}; /* 2 × 2 × 3 */
    (void)state;
    assert_sampled(td_affine_mirror(), grey, 2, 3, 1, (const float[]){3, 2, 1, 6, 5, 4}, 0);
    assert_sampled(td_affine_mirror(), colours, 2, 2, 3,
                   (const float[]){4, 5, 6, 1, 2, 3, 10, 11, 12, 7, 8, 9}, 0);
}

/* Counter-clockwise as seen: the right column becomes the top row. */
static void rotates_about_the_centre(void **state) {
    const uint8_t square[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, even[] = {10, 20, 30, 40};
    (void)state;
    assert_sampled(td_affine_rotate(0), square, 3, 3, 1, (const float[]){1, 2, 3, 4, 5, 6, 7, 8, 9},
                   0);
    assert_sampled(td_affine_rotate(90), square, 3, 3, 1,
                   (const float[]){3, 6, 9, 2, 5, 8, 1, 4, 7}, 1e-5);
    assert_sampled(td_affine_rotate(-90), square, 3, 3, 1,
                   (const float[]){7, 4, 1, 8, 5, 2, 9, 6, 3}, 1e-5);
    assert_sampled(td_affine_rotate(90), even, 2, 2, 1, (const float[]){20, 40, 10, 30}, 1e-5);
    assert_sampled(td_affine_rotate(180), grey, 2, 3, 1, (const float[]){6, 5, 4, 3, 2, 1}, 1e-5);
}

/* Half a pixel to the right: each pixel is the mean of two, the outermost of one and black. */
static void samples_bilinearly(void **state) {
    const uint8_t row[] = {10, 20, 40}, square[] = {100, 0, 0, 0};
    (void)state;
    assert_sampled(td_affine_translate(0.5, 0), row, 1, 3, 1, (const float[]){5, 15, 30}, 0);
    assert_sampled(td_affine_translate(-0.25, 0), row, 1, 3, 1, (const float[]){12.5f, 25, 30}, 0);
    assert_sampled(td_affine_translate(0.5, 0.5), square, 2, 2, 1, (const float[]){25, 25, 25, 25},
                   0);
}

/* Enlarged twice, points −1, 0, 1 come from −1/2, 0, 1/2; halved, from −2, 0, 2. */
static void scales_about_the_centre(void **state) {
    const uint8_t row[] = {10, 20, 40};
    (void)state;
    assert_sampled(td_affine_scale(2), row, 1, 3, 1, (const float[]){15, 20, 30}, 0);
    assert_sampled(td_affine_scale(0.5), row, 1, 3, 1, (const float[]){0, 20, 0}, 0);
}

/* To the right and then mirrored gives the left. */
static void what_comes_first_happens_first(void **state) {
    const uint8_t row[] = {1, 2, 3};
    td_affine right = td_affine_translate(1, 0), mirror = td_affine_mirror();
    (void)state;
    assert_sampled(td_affine_then(right, mirror), row, 1, 3, 1, (const float[]){2, 1, 0}, 0);
    assert_sampled(td_affine_then(mirror, right), row, 1, 3, 1, (const float[]){0, 3, 2}, 0);
    assert_sampled(td_affine_then(td_affine_scale(2), td_affine_translate(2, 0)), row, 1, 3, 1,
                   (const float[]){0.5f, 1, 1.5f}, 0);
    /* Turned to the left and then moved down: the 3 at the top reaches the middle. */
    const uint8_t square[] = {0, 0, 0, 0, 0, 3, 0, 0, 0};
    assert_sampled(td_affine_then(td_affine_rotate(90), td_affine_translate(0, 1)), square, 3, 3, 1,
                   (const float[]){0, 0, 0, 0, 3, 0, 0, 0, 0}, 1e-5);
}

/* A point outside takes the nearest border pixel; computed by hand. */
static void samples_the_nearest_outside(void **state) {
    const uint8_t row[] = {10, 20, 40};
    const struct {
        td_affine map;
        float expected[3];
    } cases[] = {
        {td_affine_translate(1, 0), {10, 10, 20}},    {td_affine_translate(0.5, 0), {10, 15, 30}},
        {td_affine_translate(-1e9, 0), {40, 40, 40}}, {td_affine_stretch(2, 1), {10, 20, 40}},
        {td_affine_stretch(0.5, 1), {15, 20, 30}},    {td_affine_translate(0, 7), {10, 20, 40}},
    };
    float found[3];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        td_affine_sample_nearest(cases[i].map, row, 1, 3, 1, found);
        for (size_t k = 0; k < 3; k++)
            net_assert_near(found[k], cases[i].expected[k], 0);
    }
}

enum { MADE = 6 };

/* The picture of make_augment.py. */
static void made(uint8_t picture[MADE * MADE]) {
    for (size_t i = 0; i < MADE * (size_t)MADE; i++)
        picture[i] = (uint8_t)(i * i * 7 + i * 31);
}

static void composes_as_scipy_does(void **state) {
    uint8_t picture[MADE * MADE];
    float found[MADE * MADE];
    (void)state;
    made(picture);
    for (size_t i = 0; i < sizeof augmented / sizeof *augmented; i++) {
        td_affine map = td_affine_rotate(augmented[i].theta);
        map = td_affine_then(map, td_affine_translate(-augmented[i].tx, -augmented[i].ty));
        map = td_affine_then(map, td_affine_shear(augmented[i].shear));
        map = td_affine_then(map, td_affine_stretch(augmented[i].zx, augmented[i].zy));
        td_affine_sample_nearest(map, picture, MADE, MADE, 1, found);
        for (size_t k = 0; k < MADE * (size_t)MADE; k++)
            net_assert_near(found[k], augmented[i].values[k], 1e-3);
    }
}

static size_t kind_of(const char *name) {
    for (size_t i = 0; i < TD_AUGMENT_KINDS; i++)
        if (strcmp(td_augment_kinds[i].name, name) == 0)
            return i;
    fail_msg("no kind is called %s", name);
    return 0;
}

static void assert_text(const char *text, const char *expected) {
    td_augment augment;
    td_error error = {{0}};
    char found[TD_AUGMENT_TEXT];
    assert_int_equal(td_augment_parse(&augment, text, &error), TD_OK);
    td_augment_text(&augment, found);
    assert_string_equal(found, expected);
}

static void reads_and_writes_its_text(void **state) {
    (void)state;
    assert_text("shift=3", "shift=3");
    assert_text("flip,crop", "crop=4,flip");
    assert_text("flip,crop=1,shift,rotate,zoom", "zoom=0.1,rotate=15,shift=2,crop=1,flip");
    assert_text("zoom=.25,rotate=1e1", "zoom=0.25,rotate=10");
    assert_text("keras:zoom,shear,shift=.1,rotate", "keras:rotate=8,shift=0.1,shear=0.3,zoom=0.08");
    assert_text("keras:black,flip", "keras:flip,black");
}

static void assert_refused(const char *text, const char *message) {
    td_augment augment;
    td_error error = {{0}};
    assert_int_equal(td_augment_parse(&augment, text, &error), TD_ERR_USAGE);
    assert_string_equal(error.message, message);
}

static void refuses_what_it_cannot_mean(void **state) {
    const char unknown[] = "expected one of zoom, rotate, shift, crop, flip, found \"%s\"";
    const char *const names[] = {"", "mirror", "flips", "shif"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        td_error expected;
        td_fail(&expected, TD_ERR_USAGE, unknown, names[i]);
        assert_refused(names[i], expected.message);
    }
    assert_refused("flip,", "expected one of zoom, rotate, shift, crop, flip, found \"\"");
    assert_refused("flip,crop=1,flip", "\"flip\" is given twice");
    assert_refused("flip=0.5", "flip: expected no amount, found \"0.5\"");
    assert_refused("shift=0,flip", "shift: expected a whole number in (0, 1024], found \"0\"");
    assert_refused("shift=1.5", "shift: expected a whole number in (0, 1024], found \"1.5\"");
    assert_refused("crop=1025", "crop: expected a whole number in (0, 1024], found \"1025\"");
    assert_refused("rotate=181", "rotate: expected a number in (0, 180], found \"181\"");
    assert_refused("rotate=-5", "rotate: expected a number in (0, 180], found \"-5\"");
    assert_refused("zoom=", "zoom: expected a number in (0, 0.9], found \"\"");
    assert_refused("zoom=1", "zoom: expected a number in (0, 0.9], found \"1\"");
    assert_refused("zoom=nan", "zoom: expected a number in (0, 0.9], found \"nan\"");
    assert_refused("zoom=0x1p-2", "zoom: expected a number in (0, 0.9], found \"0x1p-2\"");
    assert_refused("zoom=0.1=2", "zoom: expected a number in (0, 0.9], found \"0.1=2\"");
    assert_refused("torch:flip", "expected keras before the colon, found \"torch\"");
    assert_refused(":flip", "expected keras before the colon, found \"\"");
    assert_refused("keras:crop=2", "expected one of rotate, shift, shear, zoom, flip, black, found "
                                   "\"crop\"");
    assert_refused("keras:", "expected one of rotate, shift, shear, zoom, flip, black, found \"\"");
    assert_refused("keras:shift=2", "shift: expected a number in (0, 0.9], found \"2\"");
    assert_refused("keras:black=1", "black: expected no amount, found \"1\"");
}

static void refuses_to_move_images_out_of_sight(void **state) {
    const td_images images = {.count = 1, .height = 28, .width = 8, .channels = 1};
    td_augment augment;
    td_error error;
    (void)state;
    assert_int_equal(td_augment_parse(&augment, "crop=7,rotate=90", &error), TD_OK);
    assert_int_equal(td_augment_check(&augment, &images, &error), TD_OK);
    assert_int_equal(td_augment_parse(&augment, "crop=8", &error), TD_OK);
    assert_int_equal(td_augment_check(&augment, &images, &error), TD_ERR_USAGE);
    assert_string_equal(error.message, "augmentation: crop: expected less than the images' 8 "
                                       "pixels, found 8");
}

enum { DRAWS = 2000 };

static td_affine drawn(const char *kind, double amount, uint32_t index) {
    td_random random = td_random_for(1, TD_FOR_TEST, 0, index);
    return td_augment_kinds[kind_of(kind)].draw(&random, amount);
}

/* Every whole shift of −2 … 2 in both directions occurs, about equally often. */
static void assert_shifts(const char *kind) {
    size_t seen[5][5] = {{0}};
    for (uint32_t i = 0; i < DRAWS; i++) {
        td_affine map = drawn(kind, 2, i);
        assert_true(map.xx == 1 && map.yy == 1 && map.xy == 0 && map.yx == 0);
        assert_true(fabs(map.dx) <= 2 && fabs(map.dy) <= 2);
        assert_true(map.dx == floor(map.dx) && map.dy == floor(map.dy));
        seen[(int)map.dy + 2][(int)map.dx + 2]++;
    }
    for (size_t i = 0; i < 25; i++) /* 80 expected, standard deviation 8.8 */
        net_assert_near((double)seen[i / 5][i % 5], DRAWS / 25.0, 40);
}

static void draws_stay_in_their_ranges(void **state) {
    size_t mirrored = 0, enlarged = 0, left = 0;
    double least = 1, most = 1;
    (void)state;
    assert_shifts("shift");
    assert_shifts("crop");
    for (uint32_t i = 0; i < DRAWS; i++) {
        mirrored += drawn("flip", 1, i).xx < 0;
        td_affine zoom = drawn("zoom", 0.25, i), turn = drawn("rotate", 30, i);
        assert_true(zoom.xx == zoom.yy && zoom.xy == 0 && zoom.dx == 0);
        least = fmin(least, 1 / zoom.xx);
        most = fmax(most, 1 / zoom.xx);
        enlarged += zoom.xx < 1;
        assert_true(turn.xx >= cos(30 * 3.14159266 / 180) && turn.dx == 0 && turn.dy == 0);
        left += turn.yx > 0;
    }
    assert_true(least >= 0.75 && least < 0.76 && most <= 1.25 && most > 1.24);
    net_assert_near((double)mirrored, DRAWS / 2, 112); /* five standard deviations */
    net_assert_near((double)enlarged, DRAWS / 2, 112);
    net_assert_near((double)left, DRAWS / 2, 112);
}

enum { COUNT = 40, SIDE = 6, SIZE = SIDE * SIDE * 3 };

typedef struct fixture {
    uint8_t pixels[COUNT * SIZE];
    td_images images;
    td_augment augment;
} fixture;

static void set_up(fixture *f, const char *text) {
    td_random random = td_random_for(1, TD_FOR_TEST, 1, 0);
    td_error error;
    for (size_t i = 0; i < sizeof f->pixels; i++)
        f->pixels[i] = (uint8_t)td_random_below(&random, 256);
    f->images = (td_images){COUNT, SIDE, SIDE, 3, 1, f->pixels, NULL};
    assert_int_equal(td_augment_parse(&f->augment, text, &error), TD_OK);
}

static void same_bytes_at_any_thread_count_and_order(void **state) {
    static float first[COUNT * SIZE], other[COUNT * SIZE];
    fixture f;
    uint32_t order[COUNT];
    (void)state;
    set_up(&f, "zoom,rotate,shift,crop,flip");
    const td_augment_epoch epoch = {&f.augment, 7, 3};
    for (size_t threads = 1; threads <= 4; threads++) {
        td_set_threads(threads);
        td_feed_augmented(&f.images, NULL, 0, COUNT, &epoch, threads == 1 ? first : other);
        if (threads > 1)
            assert_memory_equal(first, other, sizeof first);
    }
    for (uint32_t i = 0; i < COUNT; i++)
        order[i] = COUNT - 1 - i;
    td_feed_augmented(&f.images, order, 5, 20, &epoch, other);
    for (size_t i = 0; i < 20; i++)
        assert_memory_equal(other + i * SIZE, first + (COUNT - 6 - i) * SIZE, SIZE * sizeof *other);
}

static void each_epoch_seed_and_image_has_its_own_draw(void **state) {
    float found[4][SIZE];
    fixture f;
    (void)state;
    set_up(&f, "rotate=90");
    memcpy(f.pixels + SIZE, f.pixels, SIZE);
    td_augment_image(&(td_augment_epoch){&f.augment, 1, 1}, &f.images, 0, found[0]);
    td_augment_image(&(td_augment_epoch){&f.augment, 1, 2}, &f.images, 0, found[1]);
    td_augment_image(&(td_augment_epoch){&f.augment, 2, 1}, &f.images, 0, found[2]);
    td_augment_image(&(td_augment_epoch){&f.augment, 1, 1}, &f.images, 1, found[3]);
    for (size_t i = 1; i < 4; i++)
        assert_memory_not_equal(found[0], found[i], sizeof *found);
}

/* An image results from its kinds' draws, in the order of the table. */
static void composes_its_kinds_in_order(void **state) {
    const char *const kinds[] = {"zoom", "rotate", "shift", "crop", "flip"};
    const double amounts[] = {0.2, 20, 2, 1, 1};
    float found[SIZE], expected[SIZE];
    fixture f;
    (void)state;
    set_up(&f, "flip,crop=1,shift=2,rotate=20,zoom=0.2");
    for (uint32_t image = 0; image < 10; image++) {
        td_random random = td_random_for(5, TD_FOR_AUGMENT, 2, image);
        td_affine map = td_affine_identity();
        for (size_t i = 0; i < 5; i++)
            map =
                td_affine_then(map, td_augment_kinds[kind_of(kinds[i])].draw(&random, amounts[i]));
        td_affine_sample(map, td_image(&f.images, image), SIDE, SIDE, 3, expected);
        td_augment_image(&(td_augment_epoch){&f.augment, 5, 2}, &f.images, image, found);
        assert_memory_equal(found, expected, sizeof found);
    }
}

/* The value of a one-channel picture at a point, with clamped coordinates. */
static double value_at(const uint8_t *pixels, double x, double y) {
    x = fmin(fmax(x, 0), SIDE - 1);
    y = fmin(fmax(y, 0), SIDE - 1);
    double sum = 0;
    for (int row = 0; row < SIDE; row++)
        for (int column = 0; column < SIDE; column++)
            sum += fmax(0, 1 - fabs(x - column)) * fmax(0, 1 - fabs(y - row)) *
                   pixels[row * SIDE + column];
    return sum;
}

/* Each image from its own draws, by Keras's formulas, point by point. */
static void draws_as_keras_does(void **state) {
    fixture f;
    float found[SIDE * SIDE];
    double turned = 0, moved = 0;
    (void)state;
    set_up(&f, "keras:rotate=20,shift=0.2,shear=10,zoom=0.3");
    f.images.channels = 1;
    for (uint32_t image = 0; image < COUNT; image++) {
        td_random random = td_random_for(5, TD_FOR_AUGMENT, 2, image);
        double u[6];
        for (size_t i = 0; i < 6; i++)
            u[i] = 2 * (double)td_random_unit(&random) - 1;
        const double theta = 20 * u[0] * 3.141592653589793 / 180, tx = 0.2 * u[1] * SIDE,
                     ty = 0.2 * u[2] * SIDE, shear = 10 * u[3] * 3.141592653589793 / 180,
                     zx = 1 + 0.3 * u[4], zy = 1 + 0.3 * u[5], middle = (SIDE - 1) / 2.0;
        turned = fmax(turned, fabs(u[0]));
        moved = fmax(moved, fabs(u[1] - u[2]));
        td_augment_image(&(td_augment_epoch){&f.augment, 5, 2}, &f.images, image, found);
        for (int i = 0; i < SIDE * SIDE; i++) {
            const double x = zx * (i % SIDE - middle), y = zy * (i / SIDE - middle);
            const double sx = x - sin(shear) * y + tx, sy = cos(shear) * y + ty;
            const double expected =
                value_at(td_image(&f.images, image), cos(theta) * sx - sin(theta) * sy + middle,
                         sin(theta) * sx + cos(theta) * sy + middle);
            net_assert_near(found[i], expected, 1e-3);
        }
    }
    assert_true(turned > 0.8 && moved > 0.8);
}

/* Black outside instead of the border: with shifts of up to 0.9 sides some pixels are black. */
static void keras_can_be_black_outside(void **state) {
    fixture f;
    float found[SIZE];
    size_t dark = 0;
    (void)state;
    set_up(&f, "keras:shift=0.9,black");
    memset(f.pixels, 200, sizeof f.pixels);
    for (uint32_t image = 0; image < COUNT; image++) {
        td_augment_image(&(td_augment_epoch){&f.augment, 1, 1}, &f.images, image, found);
        for (size_t i = 0; i < SIZE; i++)
            dark += found[i] == 0;
    }
    assert_true(dark > COUNT * SIZE / 4);
    set_up(&f, "keras:shift=0.9");
    memset(f.pixels, 200, sizeof f.pixels);
    td_augment_image(&(td_augment_epoch){&f.augment, 1, 1}, &f.images, 0, found);
    for (size_t i = 0; i < SIZE; i++)
        net_assert_near(found[i], 200, 1e-3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_shifts_move_exactly),
        cmocka_unit_test(mirrors_exactly_with_its_channels),
        cmocka_unit_test(rotates_about_the_centre),
        cmocka_unit_test(samples_bilinearly),
        cmocka_unit_test(scales_about_the_centre),
        cmocka_unit_test(what_comes_first_happens_first),
        cmocka_unit_test(samples_the_nearest_outside),
        cmocka_unit_test(composes_as_scipy_does),
        cmocka_unit_test(draws_as_keras_does),
        cmocka_unit_test(keras_can_be_black_outside),
        cmocka_unit_test(reads_and_writes_its_text),
        cmocka_unit_test(refuses_what_it_cannot_mean),
        cmocka_unit_test(refuses_to_move_images_out_of_sight),
        cmocka_unit_test(draws_stay_in_their_ranges),
        cmocka_unit_test(same_bytes_at_any_thread_count_and_order),
        cmocka_unit_test(each_epoch_seed_and_image_has_its_own_draw),
        cmocka_unit_test(composes_its_kinds_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
