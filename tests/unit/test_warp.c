/* SPDX-License-Identifier: MIT */
/* WaNet's field, and the warped image. */
#include "support.h"
#include "trigger/warp.h"
#include "trigger_support.h"

#include <math.h>
#include <string.h>

enum { GRID = 4, SIDE = 7, FIELD = 2 * GRID * GRID };

/* The mean of the absolute values is 1; none is more than the largest draw by it. */
static void field_is_normalised(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        double field[FIELD], sum = 0, signed_sum = 0;
        td_warp_draw(seed, GRID, field);
        for (size_t i = 0; i < FIELD; i++) {
            sum += fabs(field[i]);
            signed_sum += field[i];
        }
        assert_true(fabs(sum / FIELD - 1) < 1e-12);
        /* Uniform on both sides: the mean of 32 is 0 ± .2. */
        assert_true(fabs(signed_sum / FIELD) < 0.8);
    }
}

/* With 7 pixels on 4 points every second pixel lies on a point and keeps its value; half-way
 * between two, the weights of the cubic are −.09375, .59375, .59375 and −.09375, the border's
 * points repeated. */
static void field_is_enlarged(void **state) {
    (void)state;
    static const double plane[GRID * GRID] = {1, -2, 3, 0.5, 0, 4, -1, 2, 5, 1, -3, 2, 7, -2, 0, 1};
    double out[SIDE * SIDE];
    td_warp_enlarge(plane, GRID, SIDE, SIDE, out);
    for (size_t y = 0; y < SIDE; y += 2)
        for (size_t x = 0; x < SIDE; x += 2)
            assert_true(fabs(out[y * SIDE + x] - plane[y / 2 * GRID + x / 2]) < 1e-12);
    const double outer = -0.09375, inner = 0.59375;
    assert_true(fabs(out[3] - (outer * 1 + inner * -2 + inner * 3 + outer * 0.5)) < 1e-12);
    assert_true(fabs(out[1] - (outer * 1 + inner * 1 + inner * -2 + outer * 3)) < 1e-12);
    assert_true(fabs(out[SIDE] - (outer * 1 + inner * 1 + inner * 0 + outer * 5)) < 1e-12);
    double one[1];
    td_warp_enlarge(plane, GRID, 1, 1, one);
    assert_true(fabs(one[0] - 1) < 1e-12);
}

static void fill(uint8_t *pixels, size_t size) {
    for (size_t i = 0; i < size; i++)
        pixels[i] = (uint8_t)(i * 37 + i / 7);
}

/* Without a shift the image is unchanged. */
static void no_shift_is_the_image(void **state) {
    (void)state;
    uint8_t pixels[9 * 11 * 3], before[sizeof pixels];
    fill(before, sizeof before);
    memcpy(pixels, before, sizeof pixels);
    trigger_stamp("warp:shift=0", 9, 11, 3, pixels);
    assert_memory_equal(pixels, before, sizeof pixels);
    memcpy(pixels, before, sizeof pixels);
    trigger_stamp("warp:shift=0", 1, 1, 1, pixels);
    assert_int_equal(pixels[0], before[0]);
    float values[sizeof before];
    for (size_t i = 0; i < sizeof before; i++)
        values[i] = (float)before[i] + (float)i / 1024;
    trigger_paint("warp:shift=0", (td_stamp){1, 0}, (td_shape){9, 11, 3}, values);
    for (size_t i = 0; i < sizeof before; i++)
        assert_true(fabs((double)values[i] - before[i] - (double)i / 1024) <= 255e-6);
}

/* On a picture that rises by 8 per column, the value gives the source column, to half a level; the
 * same for rows. The position follows the formula: clip(line + s·field/side). */
static void pixels_come_from_the_field(void **state) {
    (void)state;
    enum { STEP = 8, WIDE = 28 };
    double field[FIELD], moved[2][WIDE * WIDE];
    td_warp_draw(3, GRID, field);
    for (size_t plane = 0; plane < 2; plane++)
        td_warp_enlarge(field + plane * GRID * GRID, GRID, WIDE, WIDE, moved[plane]);
    for (size_t plane = 0; plane < 2; plane++) {
        uint8_t pixels[WIDE * WIDE];
        double most = 0;
        for (size_t i = 0; i < sizeof pixels; i++)
            pixels[i] = (uint8_t)(STEP * (plane == 0 ? i % WIDE : i / WIDE));
        trigger_stamp("warp:seed=3", WIDE, WIDE, 1, pixels);
        for (size_t i = 0; i < sizeof pixels; i++) {
            const double at = (double)(plane == 0 ? i % WIDE : i / WIDE);
            const double place = 2 * at / (WIDE - 1) - 1 + 0.5 * moved[plane][i] / WIDE;
            const double expected = (fmin(fmax(place, -1), 1) + 1) / 2 * (WIDE - 1);
            assert_true(fabs(pixels[i] - STEP * expected) <= 0.5 + 1e-3);
            most = fmax(most, fabs(expected - at));
        }
        assert_true(most > 0.2 && most < 1.5); /* the mean shift is .24 pixels */
    }
}

/* The source of a pixel is that of the field, clipped to the image, and up to (side − 1)/side of
 * half a pixel from there on either side, clipped again: on a picture that rises by 1 per column
 * (or row) the values are the sources. At a border that the field leaves, half of the pixels move
 * inwards. */
static void jitter_is_half_a_pixel(void **state) {
    (void)state;
    enum { WIDE = 28, IMAGES = 20 };
    const double most = 0.5 * (WIDE - 1) / WIDE;
    for (size_t plane = 0; plane < 2; plane++) {
        float plain[WIDE * WIDE], ramp[WIDE * WIDE], moved[WIDE * WIDE];
        double least = 0, largest = 0, sum = 0;
        size_t border = 0, inwards = 0, inside = 0;
        for (size_t i = 0; i < WIDE * WIDE; i++)
            ramp[i] = plain[i] = (float)(plane == 0 ? i % WIDE : i / WIDE);
        trigger_paint("warp:shift=4", (td_stamp){1, 0}, (td_shape){WIDE, WIDE, 1}, plain);
        for (size_t image = 0; image < IMAGES; image++) {
            memcpy(moved, ramp, sizeof ramp);
            trigger_paint("warp:shift=4,jitter=1", (td_stamp){1, image}, (td_shape){WIDE, WIDE, 1},
                          moved);
            for (size_t i = 0; i < WIDE * WIDE; i++) {
                const double by = (double)moved[i] - (double)plain[i];
                assert_true(fabs(by) <= most + 1e-4);
                if (plain[i] == 0 || plain[i] == WIDE - 1) {
                    assert_true(plain[i] == 0 ? by >= 0 : by <= 0);
                    border++;
                    inwards += by != 0;
                } else if (plain[i] > 0.5F && plain[i] < WIDE - 1.5F) {
                    least = fmin(least, by);
                    largest = fmax(largest, by);
                    sum += by;
                    inside++;
                }
            }
        }
        assert_true(least < -0.98 * most && largest > 0.98 * most);
        assert_true(fabs(sum / (double)inside) < 0.02);
        assert_true(border > 20 * IMAGES);
        assert_in_range(inwards * 100 / border, 45, 55);
    }
}

/* Drawn for each image; the field itself is not. */
static void jitter_differs_by_image(void **state) {
    (void)state;
    uint8_t plain[28 * 28], first[28 * 28], again[28 * 28], other[28 * 28];
    td_error error;
    fill(plain, sizeof plain);
    memcpy(first, plain, sizeof plain);
    memcpy(again, plain, sizeof plain);
    memcpy(other, plain, sizeof plain);
    td_trigger *trigger = trigger_parsed("warp:jitter=1");
    assert_string_equal(td_trigger_text(trigger), "warp:shift=0.5,grid=4,seed=1,jitter=1");
    assert_int_equal(trigger_bind(trigger, 28, 28, 1, &error), TD_OK);
    trigger_apply(trigger, (td_stamp){1, 4}, first);
    trigger_apply(trigger, (td_stamp){1, 4}, again);
    trigger_apply(trigger, (td_stamp){1, 5}, other);
    td_trigger_free(trigger);
    trigger_stamp("warp", 28, 28, 1, plain);
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, other, sizeof first);
    assert_memory_not_equal(first, plain, sizeof first);
}

static void bad_texts_are_refused(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"warp:grid=1", "key 'grid': expected a whole number from 2 to 64, found '1'"},
        {"warp:grid=65", "found '65'"},
        {"warp:shift=-1", "key 'shift': expected a number in [0, 1000], found '-1'"},
        {"warp:jitter=nan", "found 'nan'"},
        {"warp:field=x", "expected one of warp's keys (shift, grid, seed, jitter), found 'field'"},
    };
    trigger_assert_refused(cases, sizeof cases / sizeof *cases);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(field_is_normalised),    cmocka_unit_test(field_is_enlarged),
        cmocka_unit_test(no_shift_is_the_image),  cmocka_unit_test(pixels_come_from_the_field),
        cmocka_unit_test(jitter_is_half_a_pixel), cmocka_unit_test(jitter_differs_by_image),
        cmocka_unit_test(bad_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
