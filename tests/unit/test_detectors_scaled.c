/* SPDX-License-Identifier: MIT */
/* Detectors that scale pixels or batch norms (SCALE-UP, IBD-PSC) on nets with a few weights, whose
 * answers are computed by hand. */
#include "defend/method.h"
#include "detect_support.h"
#include "measure/roc.h"
#include <math.h>
#include <string.h>

#define IMAGE(side) "input = image() height=" side " width=" side " channels=1\n"

/* --- SCALE-UP --- */

static void scale_up_by_hand(void **state) {
    /* 10: class 0, and 30, 50, 70, 90, 110 -> 0 0 1 1 1. 100: class 1, and so are all. 15: 45, 75
     * -> 0 1 1 1 1. Black and white stay what they are. */
    const uint8_t images[] = {10, 10, 10, 10, 100, 100, 100, 100, 15, 15,  15,  15,
                              0,  0,  0,  0,  255, 255, 255, 255, 0,  255, 255, 0};
    const double expected[] = {0.4, 1, 0.2, 1, 1, 1};
    double scores[6];
    subject s;
    (void)state;
    subject_open(&s, &defend_scale_up, subject_by_mean, subject_clean, SUBJECT_CLEAN);
    subject_mean_weights(&s);
    assert_int_equal(subject_prepare(&s, NULL), TD_OK);
    subject_score(&s, images, 6, 0, scores);
    for (size_t i = 0; i < 6; i++)
        assert_true(fabs(scores[i] - expected[i]) < 1e-12);
    subject_close(&s);
}

/* The multiples are 3, 5, 7, 9 and 11, clipped, without 1. */
static void scale_up_asks_for_multiples(void **state) {
    const uint8_t image[] = {1, 20, 50, 255};
    const unsigned factors[] = {1, 3, 5, 7, 9, 11};
    uint8_t out[SUBJECT_PIXELS];
    subject s;
    (void)state;
    subject_open(&s, &defend_scale_up, subject_by_mean, subject_clean, SUBJECT_CLEAN);
    const detect_queries *queries = s.job.detector->queries;
    assert_int_equal(queries->count, 6);
    for (size_t q = 1; q < queries->count; q++) {
        queries->make(&s.job, image, 0, q, out, NULL);
        for (size_t i = 0; i < SUBJECT_PIXELS; i++)
            assert_int_equal(out[i], factors[q] * image[i] > 255 ? 255 : factors[q] * image[i]);
    }
    subject_close(&s);
}

/* A model with a constant answer: all scores are 1, and carry no information. */
static void scale_up_of_a_constant_model(void **state) {
    uint8_t images[SUBJECT_CLEAN * SUBJECT_PIXELS];
    double scores[SUBJECT_CLEAN];
    td_auroc auroc;
    subject s;
    (void)state;
    for (size_t i = 0; i < sizeof images; i++)
        images[i] = (uint8_t)(37 * i);
    subject_open(&s, &defend_scale_up, subject_by_mean, subject_clean, SUBJECT_CLEAN);
    subject_weights(&s, "fc.bias")[1] = 1;
    assert_int_equal(subject_prepare(&s, NULL), TD_OK);
    subject_score(&s, images, SUBJECT_CLEAN, 0, scores);
    for (size_t i = 0; i < SUBJECT_CLEAN; i++)
        assert_true(scores[i] == 1);
    assert_int_equal(td_auroc_of(scores, 20, scores + 20, 20, &auroc, NULL), TD_OK);
    assert_true(auroc.value == 0.5);
    detect_column column;
    s.job.detector->calibrate(scores, SUBJECT_CLEAN, 0.05, &column);
    assert_int_equal(td_count_flagged(scores, SUBJECT_CLEAN, column.boundary), 0);
    subject_close(&s);
}

/* Class 0 scores .2, .4, .6 (mean .4, deviation .2), class 1 .6 thrice: deviation 0, so that all
 * six are compared with: mean 7/15, deviation by n - 1 of them. */
static void scale_up_per_class(void **state) {
    const double given[] = {0.2, 0.4, 0.6, 0.6, 0.6, 0.6};
    double squares = 0;
    subject s;
    (void)state;
    subject_open(&s, &defend_scale_up, subject_by_mean, subject_clean, 6);
    subject_set(&s, "per-class", "");
    memcpy(s.scores, given, sizeof given);
    memcpy(s.classes, (int32_t[]){0, 0, 0, 1, 1, 1}, 6 * sizeof *s.classes);
    assert_int_equal(s.job.detector->finish(&s.job, &s.job.sets[0], NULL), TD_OK);
    for (size_t i = 0; i < 6; i++)
        squares += (given[i] - 0.5) * (given[i] - 0.5);
    assert_true(fabs(s.scores[0] + 1) < 1e-9 && fabs(s.scores[1]) < 1e-9 &&
                fabs(s.scores[2] - 1) < 1e-9);
    assert_true(fabs(s.scores[4] - 0.1 / sqrt(squares / 5)) < 1e-9);
    /* A class without clean images, in an evaluated set. */
    detect_set judged = s.job.sets[0];
    judged.kind = DETECT_SUSPECT;
    judged.count = 1;
    s.scores[0] = 0.5;
    s.classes[0] = 7;
    assert_int_equal(s.job.detector->finish(&s.job, &judged, NULL), TD_OK);
    assert_true(fabs(s.scores[0]) < 1e-9);
    subject_close(&s);
    /* All alike: the difference is the score. */
    subject_open(&s, &defend_scale_up, subject_by_mean, subject_clean, 6);
    subject_set(&s, "per-class", "");
    for (size_t i = 0; i < 6; i++)
        s.scores[i] = 1;
    assert_int_equal(s.job.detector->finish(&s.job, &s.job.sets[0], NULL), TD_OK);
    for (size_t i = 0; i < 6; i++)
        assert_true(s.scores[i] == 0);
    subject_close(&s);
}

/* --- IBD-PSC --- */

/* y = the mean of the pixels / 255 through three batch norms; class 1 where it is above the bias.
 */
static const char three_norms[] = IMAGE("1") "x = scale(input) by=1/255\n"
                                             "bn1 = batch-norm(x) epsilon=1e-12\n"
                                             "bn2 = batch-norm(bn1) epsilon=1e-12\n"
                                             "bn3 = batch-norm(bn2) epsilon=1e-12\n"
                                             "flat = flatten(bn3)\n"
                                             "fc = dense(flat) out=2\n";

static void open_norms(subject *s, float bias, const uint8_t *pixels) {
    subject_open(s, &defend_ibd_psc, three_norms, pixels, SUBJECT_CLEAN);
    subject_weights(s, "fc.weight")[1] = 1;
    subject_weights(s, "fc.bias")[0] = bias;
}

/* At scale 1 the score is the model's confidence; its weights stay what they are. */
static void ibd_psc_unscaled(void **state) {
    const uint8_t images[] = {0, 51, 255};
    uint8_t white[SUBJECT_CLEAN];
    double scores[3];
    float before[64];
    subject s;
    (void)state;
    memset(white, 255, sizeof white);
    open_norms(&s, 0.5F, white);
    subject_set(&s, "scale", "1");
    subject_set(&s, "first", "1");
    subject_set(&s, "models", "3");
    assert_int_equal(subject_prepare(&s, NULL), TD_OK);
    memcpy(before, s.job.model.weights, s.job.model.net.weight_count * sizeof *before);
    subject_score(&s, images, 3, 0, scores);
    for (size_t i = 0; i < 3; i++) {
        const double gap = fabs(images[i] / 255.0 - 0.5);
        assert_true(fabs(scores[i] - 1 / (1 + exp(-gap))) < 1e-5);
    }
    assert_memory_equal(before, s.job.model.weights, s.job.model.net.weight_count * sizeof *before);
    subject_close(&s);
}

/* The score of a white image, y = 1, by models of which the first scales `first` batch norms (NULL:
 * those that change the class of white, all clean images). The last norm's bias is `last`. */
static double score_of_white(float bias, float last, const char *first, const char *models) {
    uint8_t white[SUBJECT_CLEAN];
    double score;
    subject s;
    memset(white, 255, sizeof white);
    open_norms(&s, bias, white);
    subject_weights(&s, "bn3.bias")[0] = last;
    subject_set(&s, "models", models);
    if (first)
        subject_set(&s, "first", first);
    assert_int_equal(subject_prepare(&s, NULL), TD_OK);
    subject_score(&s, white, 1, 0, &score);
    subject_close(&s);
    return score;
}

/* White is class 0 at bias 2. Scaling one batch norm gives 1.5, which changes nothing, two 2.25,
 * class 1: k = 2, and the score is the probability of class 0 by two scaled. With two models the
 * other has three scaled: 3.375. */
static void ibd_psc_searches(void **state) {
    const double by_two = 1 / (1 + exp(0.25)), by_three = 1 / (1 + exp(1.375));
    (void)state;
    assert_true(fabs(score_of_white(2, 0, NULL, "1") - by_two) < 1e-4);
    assert_true(fabs(score_of_white(2, 0, NULL, "2") - (by_two + by_three) / 2) < 1e-4);
}

/* The last norms are scaled. The last bias makes 2 of white: scaled, the last one alone gives 3,
 * the last two 1.5² + 1.5; the first one alone would give 2.5, the first two 3.25. */
static void ibd_psc_scales_the_last(void **state) {
    (void)state;
    assert_true(fabs(score_of_white(4, 1, "1", "1") - 1 / (1 + exp(3 - 4))) < 1e-4);
    assert_true(fabs(score_of_white(4, 1, "2", "1") - 1 / (1 + exp(3.75 - 4))) < 1e-4);
}

static void ibd_psc_refuses(void **state) {
    uint8_t white[SUBJECT_CLEAN];
    td_error error;
    subject s;
    (void)state;
    memset(white, 255, sizeof white);
    open_norms(&s, 100, white); /* 1.5³ is far from it */
    subject_set(&s, "models", "1");
    assert_int_equal(subject_prepare(&s, &error), TD_ERR_USAGE);
    support_assert_contains(error.message,
                            "up to 3 of its 3 batch norms by 1.5 to change the class");
    subject_close(&s);
    open_norms(&s, 2, white);
    assert_int_equal(subject_prepare(&s, &error), TD_ERR_USAGE);
    support_assert_contains(error.message, "at least 5 batch norms");
    subject_close(&s);
    subject_open(&s, &defend_ibd_psc, subject_by_mean, subject_clean, SUBJECT_CLEAN);
    assert_int_equal(subject_prepare(&s, &error), TD_ERR_USAGE);
    support_assert_contains(error.message, "expected a net with batch norms");
    subject_close(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scale_up_by_hand),
        cmocka_unit_test(scale_up_asks_for_multiples),
        cmocka_unit_test(scale_up_of_a_constant_model),
        cmocka_unit_test(scale_up_per_class),
        cmocka_unit_test(ibd_psc_unscaled),
        cmocka_unit_test(ibd_psc_searches),
        cmocka_unit_test(ibd_psc_scales_the_last),
        cmocka_unit_test(ibd_psc_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
