/* SPDX-License-Identifier: MIT */
/* Neural Cleanse's search on affine nets, whose smallest triggers can be computed by hand. */
#include "base/parallel.h"
#include "defend/inspect/cleanse_search.h"
#include "support.h"
#include <math.h>
#include <string.h>

enum { SIDE = 6, SIZE = SIDE * SIDE, CLASSES = 3, IMAGES = 60, LIVELY = 14 };

static const char text[] = "input = image() height=6 width=6 channels=1\nflat = flatten(input)\n"
                           "fc = dense(flat) out=3\n";

/* Grey images of all classes. The logit of class 1 is pixel LIVELY − 150, that of class 0 the mean
 * of all pixels − 100, that of class 2 always −1000. */
typedef struct affine {
    td_net net;
    float weights[CLASSES * SIZE + CLASSES];
    uint8_t pixels[IMAGES * SIZE];
    int32_t labels[IMAGES];
    td_images images;
    float mask[SIZE], pattern[SIZE];
} affine;

static void setup(affine *a) {
    td_error error;
    memset(a, 0, sizeof *a);
    if (td_net_parse(&a->net, text, NULL, &error) != TD_OK)
        fail_msg("%s", error.message);
    for (size_t i = 0; i < SIZE; i++)
        a->weights[i] = 1.0F / SIZE;
    a->weights[SIZE + LIVELY] = 1;
    float *bias = a->weights + CLASSES * SIZE;
    bias[0] = -100;
    bias[1] = -150;
    bias[2] = -1000;
    for (size_t i = 0; i < IMAGES; i++) {
        memset(a->pixels + i * SIZE, (int)(40 + i % 7), SIZE);
        a->labels[i] = (int32_t)(i % CLASSES);
    }
    a->images = (td_images){.count = IMAGES,
                            .height = SIDE,
                            .width = SIDE,
                            .channels = 1,
                            .classes = CLASSES,
                            .pixels = a->pixels,
                            .labels = a->labels};
}

static const cleanse_settings usual = {
    .steps = 400, .batch = 16, .patience = 5, .attack_rate = 0.99};
static const tool_common quiet = {.seed = 1, .quiet = true};

static tool_run quiet_run(void) {
    return (tool_run){.common = &quiet, .deadline = INFINITY};
}

static td_status search(affine *a, const cleanse_settings *settings, size_t target,
                        cleanse_found *found, td_error *error) {
    cleanse_search *s;
    tool_run run = quiet_run();
    *found = (cleanse_found){.mask = a->mask, .pattern = a->pattern};
    td_status status =
        cleanse_search_new(&s, &run, &a->net, a->weights, &a->images, settings, error);
    if (status == TD_OK)
        status = cleanse_search_class(s, target, 0, found, error);
    cleanse_search_free(s);
    tool_run_close(&run);
    return status;
}

static void search_well(affine *a, const cleanse_settings *settings, size_t target,
                        cleanse_found *found) {
    td_error error;
    if (search(a, settings, target, found, &error) != TD_OK)
        fail_msg("%s", error.message);
}

/* x' = (1 − m)·x + m·p: 100 with a mask of .25 and a pattern of 200 is 125. */
static void trigger_is_laid_over_the_image(void **state) {
    (void)state;
    static const uint8_t pixels[] = {0, 10, 20, 100, 100, 100};
    static const float mask[] = {0.25F}, pattern[] = {200, 100, 0};
    static const uint32_t order[] = {1};
    const td_images images = {.count = 2, .height = 1, .width = 1, .channels = 3, .pixels = pixels};
    float out[3];
    cleanse_apply(&images, order, 1, mask, pattern, out);
    static const float expected[] = {125, 100, 75};
    assert_memory_equal(out, expected, sizeof expected);
    static const float whole[] = {1, 0.5F, 0.25F};
    assert_true(cleanse_mask_size(whole, 3) == 1.75);
}

/* An image of 46 with the pixel at v goes to class 1 if v − 150 > (35·46 + v)/36 − 100, so v
 * > 97.43: a mask of at least (97.43 − 46)/(255 − 46) = .2461 there, and none elsewhere. */
static void planted_pixel_is_found(void **state) {
    (void)state;
    affine a;
    cleanse_found found;
    setup(&a);
    search_well(&a, &usual, 1, &found);
    assert_true(found.found);
    assert_true(found.size > 0.2461 && found.size < 0.27);
    assert_true(a.mask[LIVELY] > 0.2461F && a.pattern[LIVELY] > 230);
    assert_true(fabs(cleanse_mask_size(a.mask, SIZE) - found.size) < 1e-12);
    assert_true(found.asr.value >= 0.99);
    assert_int_equal(found.asr.trials, IMAGES * 2 / 3); /* images of class 1 do not count */
    td_net_free(&a.net);
}

/* Without a trigger the logits are −60 to −54 for class 0 and −110 to −104 for class 1: all images
 * are of class 0 as they are, and its mask all but vanishes. */
static void class_of_all_images_needs_no_mask(void **state) {
    (void)state;
    affine a;
    cleanse_found found;
    setup(&a);
    search_well(&a, &usual, 0, &found);
    assert_true(found.found && found.size < 0.5);
    td_net_free(&a.net);
}

static void unreachable_class_is_told(void **state) {
    (void)state;
    affine a;
    cleanse_found found;
    cleanse_settings few = usual;
    few.steps = 60;
    setup(&a);
    search_well(&a, &few, 2, &found);
    assert_false(found.found);
    assert_int_equal(found.steps, 60);
    assert_int_equal(found.asr.hits, 0);
    assert_true(found.size == 0 && found.cost == 0);
    td_net_free(&a.net);
}

static void same_bytes_at_any_number_of_threads(void **state) {
    (void)state;
    const size_t threads = td_threads();
    float mask[SIZE], pattern[SIZE];
    affine a;
    cleanse_found found, first = {0};
    for (size_t n = 1; n <= 3; n++) {
        setup(&a);
        td_set_threads(n);
        search_well(&a, &usual, 1, &found);
        if (n == 1) {
            memcpy(mask, a.mask, sizeof mask);
            memcpy(pattern, a.pattern, sizeof pattern);
            first = found;
        }
        assert_memory_equal(a.mask, mask, sizeof mask);
        assert_memory_equal(a.pattern, pattern, sizeof pattern);
        assert_int_equal(found.steps, first.steps);
        td_net_free(&a.net);
    }
    td_set_threads(threads);
}

/* A class's search does not depend on earlier ones. */
static void classes_do_not_depend_on_each_other(void **state) {
    (void)state;
    affine a;
    cleanse_found found;
    float alone[SIZE];
    td_error error;
    cleanse_search *s;
    tool_run run = quiet_run();
    setup(&a);
    search_well(&a, &usual, 1, &found);
    memcpy(alone, a.mask, sizeof alone);
    assert_int_equal(cleanse_search_new(&s, &run, &a.net, a.weights, &a.images, &usual, &error),
                     TD_OK);
    assert_int_equal(cleanse_search_class(s, 0, 0, &found, &error), TD_OK);
    assert_int_equal(cleanse_search_class(s, 1, usual.steps, &found, &error), TD_OK);
    assert_memory_equal(a.mask, alone, sizeof alone);
    cleanse_search_free(s);
    tool_run_close(&run);
    td_net_free(&a.net);
}

static void too_few_images_are_refused(void **state) {
    (void)state;
    affine a;
    cleanse_found found;
    td_error error;
    setup(&a);
    a.images.count = 21; /* 14 of other classes */
    assert_int_equal(search(&a, &usual, 1, &found, &error), TD_ERR_USAGE);
    assert_string_equal(error.message,
                        "expected at least 16 clean images of other classes than 1, found 14");
    td_net_free(&a.net);
}

/* The time is up after ten of the run's steps, the first four of which belong to another class. */
static void stop_at_ten(void *context, double share) {
    tool_run *run = context;
    if (share * (double)usual.steps > 9.5)
        run->deadline = 0;
}

static void deadline_stops_the_search(void **state) {
    (void)state;
    affine a;
    td_error error;
    cleanse_search *s;
    tool_run run = quiet_run();
    setup(&a);
    cleanse_found found = {.mask = a.mask, .pattern = a.pattern};
    run.watch = stop_at_ten;
    run.watch_context = &run;
    tool_run_begin(&run, "searching", "steps", usual.steps);
    assert_int_equal(cleanse_search_new(&s, &run, &a.net, a.weights, &a.images, &usual, &error),
                     TD_OK);
    assert_int_equal(cleanse_search_class(s, 1, 4, &found, &error), TD_ERR_INTERRUPTED);
    assert_int_equal(found.steps, 6);
    assert_string_equal(error.message, "the time is up after 10 of 400 steps");
    cleanse_search_free(s);
    tool_run_close(&run);
    td_net_free(&a.net);
}

static void infinite_weights_are_told(void **state) {
    (void)state;
    affine a;
    cleanse_found found;
    td_error error;
    setup(&a);
    a.weights[0] = INFINITY;
    assert_int_equal(search(&a, &usual, 1, &found, &error), TD_ERR_NUMERIC);
    support_assert_contains(error.message, "class 1, step 1: expected a finite loss");
    td_net_free(&a.net);
}

static void steps(cleanse_schedule *s, bool success, size_t count, double smallest) {
    for (size_t i = 0; i < count; i++)
        assert_false(cleanse_schedule_step(s, success, smallest));
}

/* Patience 2. 0 until two successes; then .001; two more: .002; a failure between takes the row
 * away; two failures: .002/2^1.5 = .000707107. */
static void cost_follows_success(void **state) {
    (void)state;
    cleanse_schedule s = cleanse_schedule_start(2);
    steps(&s, false, 5, INFINITY);
    assert_true(s.cost == 0);
    steps(&s, true, 1, INFINITY);
    steps(&s, false, 1, INFINITY);
    steps(&s, true, 1, INFINITY);
    assert_true(s.cost == 0);
    steps(&s, true, 1, INFINITY);
    assert_true(s.cost == 0.001);
    assert_false(s.raised || s.lowered);
    steps(&s, true, 1, INFINITY);
    steps(&s, false, 1, INFINITY);
    steps(&s, true, 1, INFINITY);
    assert_true(s.cost == 0.001);
    steps(&s, true, 1, INFINITY);
    assert_true(s.cost == 0.002 && s.raised && !s.lowered);
    steps(&s, false, 2, INFINITY);
    assert_true(fabs(s.cost - 0.000707107) < 1e-9 && s.lowered);
}

/* Patience 1, so 5 successes without progress end it, once the cost has gone both ways. */
static void search_ends_without_progress(void **state) {
    (void)state;
    cleanse_schedule s = cleanse_schedule_start(1);
    steps(&s, true, 30, 50); /* raised only */
    assert_true(cleanse_schedule_step(&s, false, 50));
    s = cleanse_schedule_start(1);
    steps(&s, true, 2, INFINITY);
    steps(&s, false, 30, INFINITY); /* no mask yet */
    steps(&s, true, 1, 50);         /* the first */
    steps(&s, true, 4, 49.9);       /* not 1 % smaller */
    steps(&s, false, 9, 49.9);      /* failures do not count */
    cleanse_schedule other = s;
    assert_true(cleanse_schedule_step(&s, true, 49.6));
    steps(&other, true, 1, 49.3); /* 1 % smaller than 49.9: progress */
    steps(&other, true, 4, 49.3);
    assert_true(cleanse_schedule_step(&other, true, 49.3));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trigger_is_laid_over_the_image),
        cmocka_unit_test(planted_pixel_is_found),
        cmocka_unit_test(class_of_all_images_needs_no_mask),
        cmocka_unit_test(unreachable_class_is_told),
        cmocka_unit_test(same_bytes_at_any_number_of_threads),
        cmocka_unit_test(classes_do_not_depend_on_each_other),
        cmocka_unit_test(too_few_images_are_refused),
        cmocka_unit_test(deadline_stops_the_search),
        cmocka_unit_test(infinite_weights_are_told),
        cmocka_unit_test(cost_follows_success),
        cmocka_unit_test(search_ends_without_progress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
