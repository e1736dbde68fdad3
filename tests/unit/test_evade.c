/* SPDX-License-Identifier: MIT */
/* The methods of trapdoor-evade on affine nets, whose answers can be computed by hand. */
#include "evade/attack.h"
#include "nn/loss.h"
#include "support.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 6, SIZE = SIDE * SIDE, MOST_CLASSES = 3, IMAGES = 3 };

static const char *const texts[] = {
    [2] = "input = image() height=6 width=6 channels=1\nflat = flatten(input)\n"
          "fc = dense(flat) out=2\n",
    [3] = "input = image() height=6 width=6 channels=1\nflat = flatten(input)\n"
          "fc = dense(flat) out=3\n",
};

/* An affine net and some images for it. */
typedef struct affine {
    td_net net;
    float weights[MOST_CLASSES * SIZE + MOST_CLASSES];
    float clean[IMAGES * SIZE];
    int32_t labels[IMAGES], targets[IMAGES];
    uint32_t numbers[IMAGES];
    uint8_t out[IMAGES * SIZE];
    tool_settings settings;
    size_t classes, count;
    uint64_t seed;
} affine;

static float *row(affine *a, size_t class) {
    return a->weights + class * SIZE;
}

static float *bias(affine *a, size_t class) {
    return a->weights + a->classes * SIZE + class;
}

/* Weights 0, images grey 128. */
static void setup(affine *a, size_t classes, const tool_method *method) {
    td_error error;
    *a = (affine){.classes = classes, .count = 1, .seed = 1};
    if (td_net_parse(&a->net, texts[classes], NULL, &error) != TD_OK)
        fail_msg("%s", error.message);
    assert_int_equal(a->net.weight_count, classes * (SIZE + 1));
    for (size_t i = 0; i < IMAGES * SIZE; i++)
        a->clean[i] = 128;
    for (size_t i = 0; i < IMAGES; i++) {
        a->targets[i] = EVADE_NO_TARGET;
        a->numbers[i] = (uint32_t)i;
    }
    assert_int_equal(tool_settings_open(&a->settings, "trapdoor-evade", method, &error), TD_OK);
}

static void teardown(affine *a) {
    tool_settings_close(&a->settings);
    td_net_free(&a->net);
}

static void set(affine *a, const char *name, const char *value) {
    td_error error;
    if (tool_settings_set(&a->settings, name, value, &error) != TD_OK)
        fail_msg("%s", error.message);
}

/* Runs the attack. */
static void evade(affine *a) {
    const tool_method *method = a->settings.method;
    const attack *math = method->math;
    td_error error;
    evade_net net;
    if (method->check)
        assert_int_equal(method->check(&a->settings, a->settings.own, &error), TD_OK);
    assert_int_equal(evade_net_open(&net, &a->net, a->weights, math->gradients, &error), TD_OK);
    evade_batch batch = {.net = &net,
                         .settings = a->settings.own,
                         .seed = a->seed,
                         .shape = td_net_input(&a->net),
                         .count = a->count,
                         .clean = a->clean,
                         .out = a->out};
    memcpy(batch.labels, a->labels, sizeof a->labels);
    memcpy(batch.targets, a->targets, sizeof a->targets);
    memcpy(batch.numbers, a->numbers, sizeof a->numbers);
    for (size_t i = 0; i < a->count * SIZE; i++)
        a->out[i] = (uint8_t)a->clean[i];
    evade_batch_restart(&batch);
    if (math->run(&batch, &error) != TD_OK)
        fail_msg("%s", error.message);
    td_arena_free(&batch.arena);
    evade_net_close(&net);
}

static int32_t answer(affine *a, size_t image) {
    float logits[MOST_CLASSES];
    for (size_t c = 0; c < a->classes; c++) {
        logits[c] = *bias(a, c);
        for (size_t i = 0; i < SIZE; i++)
            logits[c] += row(a, c)[i] * (float)a->out[image * SIZE + i];
    }
    return td_argmax(logits, a->classes);
}

static int change(const affine *a, size_t image, size_t value) {
    return a->out[image * SIZE + value] - (int)a->clean[image * SIZE + value];
}

static size_t changed(const affine *a, size_t image) {
    size_t count = 0;
    for (size_t i = 0; i < SIZE; i++)
        count += change(a, image, i) != 0;
    return count;
}

static double length(const affine *a, size_t image) {
    double squares = 0;
    for (size_t i = 0; i < SIZE; i++)
        squares += (double)change(a, image, i) * change(a, image, i);
    return sqrt(squares);
}

/* Class 1's logit is w·(x − 128) − margin, class 0's is 0, with a w that differs in every value. */
static double tilt(affine *a, double margin, double *norm1) {
    double squares = 0, sum = 0, at_grey = 0;
    for (size_t i = 0; i < SIZE; i++) {
        float w = 0.01F * (float)(i % 7 + 1) * (i % 2 ? 1 : -1);
        row(a, 1)[i] = w;
        squares += (double)w * (double)w;
        sum += fabs((double)w);
        at_grey += 128 * (double)w;
    }
    *bias(a, 1) = (float)(-margin - at_grey);
    if (norm1)
        *norm1 = sum;
    return sqrt(squares);
}

static void fgsm_steps_by_the_sign(void **state) {
    affine a;
    (void)state;
    for (int targeted = 0; targeted < 2; targeted++) {
        setup(&a, 2, &evade_fgsm);
        tilt(&a, 5, NULL);
        row(&a, 1)[4] = 0;
        a.clean[1] = 250;
        a.clean[2] = 3;
        a.targets[0] = targeted ? 1 : EVADE_NO_TARGET;
        evade(&a); /* 0.3 of 255 is 76.5 */
        for (size_t i = 5; i < SIZE; i++)
            assert_int_equal(change(&a, 0, i), i % 2 ? 76 : -76);
        assert_int_equal(a.out[0], 128 - 76);
        assert_int_equal(a.out[1], 255);
        assert_int_equal(a.out[2], 0);
        assert_int_equal(a.out[4], 128);
        teardown(&a);
    }
}

/* So certain that in float the softmax gives the other class 0. */
static void a_sure_net_has_a_gradient(void **state) {
    affine a;
    (void)state;
    setup(&a, 2, &evade_fgsm);
    tilt(&a, 500, NULL);
    evade(&a);
    assert_int_equal(changed(&a, 0), SIZE);
    teardown(&a);
}

static void l2_steps_stay_within(void **state) {
    affine a;
    (void)state;
    setup(&a, 2, &evade_pgd);
    tilt(&a, 5, NULL);
    set(&a, "norm", "l2");
    set(&a, "epsilon", "0.5");
    set(&a, "step-size", "0.1");
    evade(&a);
    assert_true(length(&a, 0) <= 0.5 * 255 + 1e-3);
    assert_true(length(&a, 0) > 0.48 * 255);
    /* Along w. */
    double dot = 0;
    for (size_t i = 0; i < SIZE; i++)
        dot += change(&a, 0, i) * (double)row(&a, 1)[i];
    double w = tilt(&a, 5, NULL);
    assert_true(dot / length(&a, 0) / w > 0.99);
    teardown(&a);
}

/* An image's result depends on its number and the seed, not on its position or on the others. */
static void images_are_attacked_alone(void **state) {
    static const tool_method *const methods[] = {&evade_pgd, &evade_one_pixel};
    affine a;
    uint8_t together[SIZE];
    (void)state;
    for (size_t m = 0; m < 2; m++) {
        setup(&a, 2, methods[m]);
        tilt(&a, 2, NULL);
        for (size_t i = 0; i < IMAGES * SIZE; i++)
            a.clean[i] = (float)(100 + i * 7 % 50);
        if (methods[m] == &evade_pgd) {
            set(&a, "steps", "2"); /* so early that the start is still to be seen */
        } else {
            set(&a, "generations", "1");
            set(&a, "population", "4");
        }
        a.count = IMAGES;
        evade(&a);
        memcpy(together, a.out + 2 * SIZE, SIZE);
        memcpy(a.clean, a.clean + 2 * SIZE, SIZE * sizeof *a.clean);
        a.numbers[0] = 2;
        a.count = 1;
        evade(&a);
        assert_memory_equal(a.out, together, SIZE);
        a.seed = 2;
        evade(&a);
        assert_memory_not_equal(a.out, together, SIZE);
        teardown(&a);
    }
}

/* Algorithm 1 of the paper: the way to the boundary of an affine classifier is -f/‖w‖² w, here with
 * an overshoot of 0.02, and then rounded. */
static void deepfool_takes_the_shortest_way(void **state) {
    affine a;
    (void)state;
    setup(&a, 2, &evade_deepfool);
    const double margin = 15, norm = tilt(&a, margin, NULL);
    evade(&a);
    assert_int_equal(answer(&a, 0), 1);
    for (size_t i = 0; i < SIZE; i++) {
        double exact = 1.02 * margin / (norm * norm) * (double)row(&a, 1)[i];
        assert_true(fabs(change(&a, 0, i) - exact) <= 0.501);
    }
    teardown(&a);
}

/* The nearer of two boundaries counts, whichever logit is larger. */
static void deepfool_takes_the_nearest_boundary(void **state) {
    affine a;
    (void)state;
    setup(&a, 3, &evade_deepfool);
    row(&a, 1)[3] = 0.01F; /* 50 / 0.01: too far */
    *bias(&a, 1) = -0.5F - 1.28F;
    row(&a, 2)[8] = 0.1F; /* 1 / 0.1 = 10 */
    *bias(&a, 2) = -1 - 12.8F;
    evade(&a);
    assert_int_equal(answer(&a, 0), 2);
    assert_int_equal(changed(&a, 0), 1);
    assert_int_equal(change(&a, 0, 8), 11); /* more overshoot than 10.2, which rounds back to 10 */
    teardown(&a);
}

/* Values at the end of their range cannot change, so the others change more. */
static void deepfool_stays_in_the_range(void **state) {
    affine a;
    (void)state;
    setup(&a, 2, &evade_deepfool);
    a.clean[0] = 255;
    row(&a, 1)[0] = 10;
    row(&a, 1)[1] = 0.1F;
    *bias(&a, 1) = -2550 - 12.8F - 5;
    evade(&a);
    assert_int_equal(a.out[0], 255);
    assert_int_equal(change(&a, 0, 1), 51); /* 5 / 0.1 and the overshoot */
    teardown(&a);
}

static void jsma_grows_the_most_salient_pairs(void **state) {
    affine a;
    (void)state;
    setup(&a, 2, &evade_jsma);
    a.targets[0] = 1;
    memset(a.clean, 0, sizeof a.clean);
    const float slopes[] = {0.5F, 0.1F, 0.4F, 0.3F, 0.2F};
    for (size_t i = 0; i < 5; i++) {
        row(&a, 1)[i * 5] = slopes[i];
        row(&a, 0)[i * 5] = -slopes[i];
    }
    /* The pair of 0.5 and 0.4 gives 2 · 0.9 · 255 = 459, that of 0.3 and 0.2 another 255. */
    for (int step = 0; step < 3; step++) {
        *bias(&a, 0) = (float)(400 + 300 * step);
        evade(&a);
        assert_int_equal(changed(&a, 0), step == 0 ? 2 : 4);
        assert_int_equal(answer(&a, 0), step < 2 ? 1 : 0); /* 1000 is out of reach: 4 of 36 */
        assert_int_equal(a.out[0], 255);
        assert_int_equal(a.out[10], 255);
        assert_int_equal(a.out[5], 0);
        assert_int_equal(a.out[15], step == 0 ? 0 : 255);
    }
    teardown(&a);
}

static void jsma_gives_up_without_a_pair(void **state) {
    affine a;
    (void)state;
    setup(&a, 2, &evade_jsma);
    a.targets[0] = 1;
    *bias(&a, 0) = 1;
    row(&a, 1)[7] = -1;
    evade(&a);
    assert_int_equal(changed(&a, 0), 0);
    teardown(&a);
}

/* Each value can bring 0.1 · 127 = 12.7: a margin of 30 takes 3 of them, and those with the smaller
 * slopes are not needed. */
static void cw_l0_needs_three(void **state) {
    affine a;
    (void)state;
    setup(&a, 2, &evade_cw_l0);
    set(&a, "iterations", "300");
    set(&a, "learning-rate", "0.05");
    a.targets[0] = 1;
    double at_grey = 0;
    for (size_t i = 0; i < SIZE; i++) {
        row(&a, 1)[i] = i % 9 == 4 ? 0.1F : 0.02F;
        at_grey += 128 * (double)row(&a, 1)[i];
    }
    *bias(&a, 1) = (float)(-30 - at_grey);
    evade(&a);
    assert_int_equal(answer(&a, 0), 1);
    assert_int_equal(changed(&a, 0), 3);
    for (size_t i = 0; i < SIZE; i++)
        assert_true(change(&a, 0, i) == 0 || i % 9 == 4);
    teardown(&a);
}

static void cw_l2_comes_near_the_shortest_way(void **state) {
    affine a;
    (void)state;
    for (int targeted = 0; targeted < 2; targeted++) {
        setup(&a, 2, &evade_cw_l2);
        const double margin = 15, norm = tilt(&a, margin, NULL);
        a.targets[0] = targeted ? 1 : EVADE_NO_TARGET;
        evade(&a);
        assert_int_equal(answer(&a, 0), 1);
        assert_true(length(&a, 0) >= margin / norm);
        assert_true(length(&a, 0) <= 1.03 * margin / norm);
        teardown(&a);
    }
}

static void cw_l2_keeps_its_confidence(void **state) {
    affine a;
    (void)state;
    setup(&a, 2, &evade_cw_l2);
    const double norm = tilt(&a, 10, NULL);
    set(&a, "confidence", "5");
    evade(&a);
    assert_true(length(&a, 0) >= 15 / norm);
    assert_true(length(&a, 0) <= 1.03 * 15 / norm);
    teardown(&a);
}

/* The least L∞ change is margin / ‖w‖₁. */
static void cw_linf_comes_near_the_least_change(void **state) {
    affine a;
    double norm1;
    (void)state;
    setup(&a, 2, &evade_cw_linf);
    tilt(&a, 15, &norm1);
    evade(&a);
    assert_int_equal(answer(&a, 0), 1);
    int largest = 0;
    for (size_t i = 0; i < SIZE; i++)
        largest = abs(change(&a, 0, i)) > largest ? abs(change(&a, 0, i)) : largest;
    assert_true(largest >= 15 / norm1);
    assert_true(largest <= ceil(15 / norm1) + 1);
    teardown(&a);
}

/* Only one pixel matters, and only if it is bright. */
static void one_pixel_is_found(void **state) {
    affine a;
    (void)state;
    setup(&a, 3, &evade_one_pixel);
    row(&a, 1)[21] = 1;
    *bias(&a, 1) = -200;
    *bias(&a, 2) = -1000;
    for (int targeted = 0; targeted < 2; targeted++) {
        a.targets[0] = targeted ? 1 : EVADE_NO_TARGET;
        evade(&a);
        assert_int_equal(answer(&a, 0), 1);
        assert_int_equal(changed(&a, 0), 1);
        assert_true(a.out[21] > 200);
    }
    a.targets[0] = 2;
    evade(&a);
    assert_int_equal(answer(&a, 0), 0);
    assert_true(changed(&a, 0) <= 1);
    teardown(&a);
}

/* 60 of each of three pixels do not suffice for one, but for three. */
static void three_pixels_are_found(void **state) {
    affine a;
    (void)state;
    setup(&a, 2, &evade_one_pixel);
    for (size_t i = 0; i < SIZE; i++)
        row(&a, 1)[i] = 1;
    *bias(&a, 1) = -(float)SIZE * 128 - 300;
    evade(&a);
    assert_int_equal(answer(&a, 0), 0);
    set(&a, "pixels", "3");
    evade(&a);
    assert_int_equal(answer(&a, 0), 1);
    assert_int_equal(changed(&a, 0), 3);
    teardown(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fgsm_steps_by_the_sign),
        cmocka_unit_test(a_sure_net_has_a_gradient),
        cmocka_unit_test(l2_steps_stay_within),
        cmocka_unit_test(images_are_attacked_alone),
        cmocka_unit_test(deepfool_takes_the_shortest_way),
        cmocka_unit_test(deepfool_takes_the_nearest_boundary),
        cmocka_unit_test(deepfool_stays_in_the_range),
        cmocka_unit_test(jsma_grows_the_most_salient_pairs),
        cmocka_unit_test(jsma_gives_up_without_a_pair),
        cmocka_unit_test(cw_l0_needs_three),
        cmocka_unit_test(cw_l2_comes_near_the_shortest_way),
        cmocka_unit_test(cw_l2_keeps_its_confidence),
        cmocka_unit_test(cw_linf_comes_near_the_least_change),
        cmocka_unit_test(one_pixel_is_found),
        cmocka_unit_test(three_pixels_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
