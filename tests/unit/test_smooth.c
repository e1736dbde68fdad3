/* SPDX-License-Identifier: MIT */
/* A smooth cloud: its range, its smoothness, its seed. */
#include "support.h"
#include "trigger_support.h"

#include <stdlib.h>
#include <string.h>

enum { SIDE = 32, SIZE = SIDE * SIDE * 3 };

static void stamp_black(const char *text, uint8_t *pixels) {
    memset(pixels, 0, SIZE);
    trigger_stamp(text, SIDE, SIDE, 3, pixels);
}

static void spans_its_range(void **state) {
    (void)state;
    static uint8_t pixels[SIZE], half[SIZE];
    uint8_t least = 255, most = 0;
    stamp_black("smooth:peak=100", pixels);
    stamp_black("smooth:peak=50", half);
    for (size_t i = 0; i < SIZE; i++) {
        least = pixels[i] < least ? pixels[i] : least;
        most = pixels[i] > most ? pixels[i] : most;
        assert_in_range(2 * half[i] + 2, pixels[i], pixels[i] + 3);
    }
    assert_int_equal(least, 0);
    assert_int_equal(most, 100);
}

/* A filter of 6 pixels leaves no large step between neighbours; one of .1 leaves the noise. */
static void is_smooth(void **state) {
    (void)state;
    static uint8_t pixels[SIZE];
    int steps[2] = {0};
    static const char *const texts[] = {"smooth:peak=255", "smooth:peak=255,sigma=0.1"};
    for (size_t k = 0; k < 2; k++) {
        stamp_black(texts[k], pixels);
        for (size_t i = 3; i < SIZE; i++)
            if (i % (SIDE * 3) >= 3 && abs(pixels[i] - pixels[i - 3]) > steps[k])
                steps[k] = abs(pixels[i] - pixels[i - 3]);
    }
    assert_in_range(steps[0], 1, 40);
    assert_in_range(steps[1], 90, 255);
}

static void seeds_differ(void **state) {
    (void)state;
    static uint8_t first[SIZE], again[SIZE], other[SIZE];
    stamp_black("smooth", first);
    stamp_black("smooth:seed=1,peak=51,sigma=6", again);
    stamp_black("smooth:seed=2", other);
    assert_memory_equal(first, again, SIZE);
    assert_memory_not_equal(first, other, SIZE);
    uint8_t pixel = 9;
    trigger_stamp("smooth", 1, 1, 1, &pixel);
    assert_int_equal(pixel, 9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_its_range),
        cmocka_unit_test(is_smooth),
        cmocka_unit_test(seeds_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
