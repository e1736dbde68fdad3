/* SPDX-License-Identifier: MIT */
/* Detectors of inputs, each on nets with a few weights, whose answers are computed by hand. */
#include "defend/detect/badexpert.h"
#include "defend/detect/corruption.h"
#include "defend/detect/sentinet.h"
#include "defend/detect/spectrum.h"
#include "defend/detect/ted.h"
#include "defend/method.h"
#include "detect_support.h"
#include "trigger/dct.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define IMAGE(side) "input = image() height=" side " width=" side " channels=1\n"

/* --- cognitive distillation --- */

enum { SIDE = 9, PLACES = SIDE * SIDE };

static const char linear[] = IMAGE("9") "x = scale(input) by=1/255\n"
                                        "flat = flatten(x)\n"
                                        "fc = dense(flat) out=2\n";

static uint8_t noise[SUBJECT_CLEAN * PLACES];

static void fill_noise(void) {
    td_random random = td_random_for(1, TD_FOR_TEST, 0, 0);
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)td_random_below(&random, 256);
}

static void open_linear(subject *s, size_t first, size_t last, float weight) {
    fill_noise();
    subject_open(s, &defend_cognitive_distillation, linear, noise, SUBJECT_CLEAN);
    for (size_t y = first; y < last; y++)
        for (size_t x = first; x < last; x++)
            subject_weights(s, "fc.weight")[y * SIDE + x] = (y * 5 + x * 3) % 2 ? weight : -weight;
}

/* A model that ignores its input needs nothing; one that uses 3×3 pixels needs about these; one
 * that uses all needs most. */
static void distillation_finds_what_is_read(void **state) {
    double nothing, few, all;
    subject s;
    (void)state;
    open_linear(&s, 0, 0, 0);
    assert_int_equal(subject_prepare(&s, NULL), TD_OK);
    subject_score(&s, noise, 1, 0, &nothing);
    subject_close(&s);
    open_linear(&s, 3, 6, 20);
    subject_set(&s, "tv", "0");
    assert_int_equal(subject_prepare(&s, NULL), TD_OK);
    subject_score(&s, noise, 1, 0, &few);
    subject_close(&s);
    open_linear(&s, 0, SIDE, 20);
    subject_set(&s, "tv", "0");
    assert_int_equal(subject_prepare(&s, NULL), TD_OK);
    subject_score(&s, noise, 1, 0, &all);
    subject_close(&s);
    assert_true(nothing <= 0 && nothing > -0.01);
    assert_true(few < -5 && few > -12);
    assert_true(all < -60);
}

/* An image alone scores the same as in a batch; another seed gives other colours, and about the
 * same score. */
static void distillation_of_one_image(void **state) {
    double batch[5], alone, again, other;
    subject s;
    (void)state;
    open_linear(&s, 2, 7, 5);
    assert_int_equal(subject_prepare(&s, NULL), TD_OK);
    subject_score(&s, noise, 5, 0, batch);
    subject_score(&s, noise + 3 * PLACES, 1, 3, &alone);
    subject_score(&s, noise + 3 * PLACES, 1, 3, &again);
    s.values.common.seed = 2;
    subject_score(&s, noise + 3 * PLACES, 1, 3, &other);
    assert_true(fabs(batch[3] - alone) < 1e-3);
    assert_true(alone == again && alone != other && fabs(alone - other) < 10);
    subject_close(&s);
}

/* The variation of the mask is a cost: where it is dear, the mask is even, and so as large
 * everywhere as the pixels that are read need it. */
static void distillation_smooths(void **state) {
    double even, sharp;
    subject s;
    (void)state;
    open_linear(&s, 3, 6, 20);
    subject_set(&s, "tv", "1000");
    assert_int_equal(subject_prepare(&s, NULL), TD_OK);
    subject_score(&s, noise, 1, 0, &even);
    subject_close(&s);
    open_linear(&s, 3, 6, 20);
    subject_set(&s, "tv", "0");
    assert_int_equal(subject_prepare(&s, NULL), TD_OK);
    subject_score(&s, noise, 1, 0, &sharp);
    subject_close(&s);
    assert_true(even < 5 * sharp);
}

/* --- TeCo --- */

static void teco_by_hand(void **state) {
    enum { QUERIES = 1 + CORRUPTIONS * CORRUPTION_SEVERITIES };
    int32_t answers[QUERIES];
    subject s;
    (void)state;
    subject_open(&s, &defend_teco, subject_by_mean, subject_clean, SUBJECT_CLEAN);
    const detect_queries *queries = s.job.detector->queries;
    assert_int_equal(queries->count, QUERIES);
    for (size_t i = 0; i < QUERIES; i++)
        answers[i] = 3; /* nothing changes: 6 everywhere */
    assert_true(queries->score(&s.job, answers) == 0);
    for (size_t i = 1; i < QUERIES; i++)
        answers[i] = 4; /* all change at once: 1 everywhere */
    assert_true(queries->score(&s.job, answers) == 0);
    for (size_t i = 1 + CORRUPTION_SEVERITIES; i < QUERIES; i++)
        answers[i] = 3; /* 1 and six times 6: mean 37/7, variance (6·(5/7)² + (30/7)²) / 7 */
    assert_true(fabs(queries->score(&s.job, answers) - sqrt(150.0 / 49)) < 1e-12);
    answers[4] = 3; /* a class that comes back later does not count */
    assert_true(fabs(queries->score(&s.job, answers) - sqrt(150.0 / 49)) < 1e-12);
    subject_close(&s);
}

/* Each corruption starts from the unchanged input, whatever was queried before. */
static void teco_leaves_the_input(void **state) {
    uint8_t image[SIDE * SIDE], kept[SIDE * SIDE], first[SIDE * SIDE], out[SIDE * SIDE];
    float scratch[DETECT_SCRATCH * SIDE * SIDE];
    subject s;
    (void)state;
    fill_noise();
    memcpy(image, noise, sizeof image);
    memcpy(kept, image, sizeof image);
    subject_open(&s, &defend_teco, linear, noise, SUBJECT_CLEAN);
    const detect_queries *queries = s.job.detector->queries;
    queries->make(&s.job, image, 9, 31, first, scratch);
    for (size_t q = 1; q < queries->count; q++)
        queries->make(&s.job, image, 9, q, out, scratch);
    queries->make(&s.job, image, 9, 31, out, scratch);
    assert_memory_equal(image, kept, sizeof image);
    assert_memory_equal(first, out, sizeof out);
    subject_close(&s);
}

static void corrupt(const char *name, size_t severity, const uint8_t *image, td_shape shape,
                    uint8_t *out) {
    float scratch[DETECT_SCRATCH * SIDE * SIDE * 3];
    td_random random = td_random_for(1, TD_FOR_TEST, 1, 0);
    for (size_t i = 0; i < CORRUPTIONS; i++)
        if (strcmp(corruptions[i].name, name) == 0) {
            corruption_apply(&corruptions[i], severity, image, shape, &random, out, scratch);
            return;
        }
    fail_msg("no %s", name);
}

static void corruptions_by_hand(void **state) {
    const td_shape pair = {1, 2, 1}, colour = {1, 1, 3}, square = {2, 2, 1};
    const uint8_t two[] = {0, 200}, red[] = {200, 100, 0}, four[] = {10, 20, 30, 40};
    const uint8_t even[SIDE * SIDE] = {0};
    uint8_t out[SIDE * SIDE];
    (void)state;
    corrupt("contrast", 0, two, pair, out); /* mean 100, factor .4 */
    assert_memory_equal(out, ((uint8_t[]){60, 140}), 2);
    corrupt("brightness", 1, two, pair, out); /* + 51 */
    assert_memory_equal(out, ((uint8_t[]){51, 251}), 2);
    corrupt("brightness", 3, red, colour,
            out); /* the largest, 200, becomes 255 at most: × 1.275, 127.5 to even */
    assert_memory_equal(out, ((uint8_t[]){255, 128, 0}), 3);
    corrupt("pixelate", 1, four, square, out); /* one cell of four pixels */
    assert_memory_equal(out, ((uint8_t[]){25, 25, 25, 25}), 4);
    corrupt("gaussian-blur", 4, even, (td_shape){SIDE, SIDE, 1}, out);
    assert_memory_equal(out, even, sizeof even);
}

/* Every severity of those whose result is known. */
static void all_severities(void **state) {
    const double added[] = {0.1, 0.2, 0.3, 0.4, 0.5}, factors[] = {0.4, 0.3, 0.2, 0.1, 0.05};
    const size_t cells[] = {5, 4, 3, 2, 2}; /* of nine pixels, by .6, .5, .4, .3 and .25 */
    const uint8_t two[] = {0, 200};
    uint8_t image[PLACES], out[PLACES];
    (void)state;
    for (size_t i = 0; i < PLACES; i++)
        image[i] = (uint8_t)(20 * (i % SIDE));
    for (size_t severity = 0; severity < CORRUPTION_SEVERITIES; severity++) {
        corrupt("brightness", severity, (uint8_t[]){0, 100}, (td_shape){1, 2, 1}, out);
        assert_int_equal(out[0], lrint(255 * added[severity]));
        assert_int_equal(out[1], lrint(100 + 255 * added[severity]));
        corrupt("contrast", severity, two, (td_shape){1, 2, 1}, out);
        assert_int_equal(out[0], lrint(100 - 100 * factors[severity]));
        assert_int_equal(out[1], lrint(100 + 100 * factors[severity]));
        corrupt("pixelate", severity, image, (td_shape){SIDE, SIDE, 1}, out);
        size_t found = 1;
        for (size_t x = 1; x < SIDE; x++)
            found += out[x] != out[x - 1];
        assert_int_equal(found, cells[severity]);
    }
}

/* Each severity changes more than the one before it. */
static void severities_grow(void **state) {
    const td_shape shape = {SIDE, SIDE, 1};
    uint8_t out[PLACES];
    (void)state;
    fill_noise();
    for (size_t i = 0; i < CORRUPTIONS; i++) {
        double before = 0;
        for (size_t severity = 0; severity < CORRUPTION_SEVERITIES; severity++) {
            double change = 0;
            corrupt(corruptions[i].name, severity, noise, shape, out);
            for (size_t k = 0; k < PLACES; k++)
                change += abs(out[k] - noise[k]);
            if (strcmp(corruptions[i].name, "pixelate") == 0)
                change += severity; /* cells of about one size */
            if (change < before * 0.95)
                fail_msg("%s: severity %zu changes %g, the one before %g", corruptions[i].name,
                         severity + 1, change, before);
            before = change;
        }
    }
}

/* --- TED --- */

static const char deep[] = IMAGE("9") "x = scale(input) by=1/255\n"
                                      "conv = conv(x) out=4 kernel=3\n"
                                      "relu = relu(conv)\n"
                                      "flat = flatten(relu)\n"
                                      "fc1 = dense(flat) out=6\n"
                                      "relu1 = relu(fc1)\n"
                                      "fc2 = dense(relu1) out=3\n";

/* From images that are bright at the top to images that are bright at the bottom, so that classes
 * are adjacent. */
static void fill_parts(void) {
    fill_noise();
    for (size_t i = 0; i < sizeof noise; i++) {
        const size_t below = 200 * (i / PLACES * 7 % SUBJECT_CLEAN) / SUBJECT_CLEAN;
        noise[i] = (uint8_t)(noise[i] / 6 + (i % PLACES < PLACES / 2 ? 200 - below : below));
    }
}

/* conv.bias is 0, so that the layers up to fc1 are multiplied by `by`, and divided again. */
static void open_deep(subject *s, float by) {
    fill_parts();
    subject_open(s, &defend_ted, deep, noise, SUBJECT_CLEAN);
    const td_net *net = &s->job.model.net;
    td_net_init(net, 1, s->job.model.weights);
    memset(subject_weights(s, "conv.bias"), 0, 4 * sizeof(float));
    for (size_t i = 0; i < net->param_count; i++)
        for (size_t k = 0; k < net->params[i].count; k++) {
            float *w = s->job.model.weights + net->params[i].offset + k;
            *w *= strcmp(net->params[i].name, "conv.weight") == 0  ? by
                  : strcmp(net->params[i].name, "fc1.weight") == 0 ? 1 / by
                                                                   : 1;
        }
}

/* The clean images used for comparison: those that no longer calibrate. */
static size_t list_pool(const subject *s, uint32_t *pool) {
    size_t count = 0;
    for (uint32_t i = 0; i < SUBJECT_CLEAN; i++) {
        bool calibrates = false;
        for (size_t k = 0; k < s->job.sets[0].count; k++)
            calibrates |= s->job.sets[0].numbers[k] == i;
        if (!calibrates)
            pool[count++] = i;
    }
    return count;
}

/* The copy of a compared image is the nearest to it, of its class, at every layer: all such copies
 * have the same ranks, 0, and the same score. Others do not. */
static void ted_of_copies(void **state) {
    size_t differ = 0;
    uint32_t pool[SUBJECT_CLEAN];
    double first, score;
    subject s;
    (void)state;
    open_deep(&s, 1);
    assert_int_equal(subject_prepare(&s, NULL), TD_OK);
    const size_t count = list_pool(&s, pool);
    assert_int_equal(count, SUBJECT_CLEAN / 2);
    subject_score(&s, noise + pool[0] * PLACES, 1, 0, &first);
    for (size_t i = 1; i < count; i++) {
        subject_score(&s, noise + pool[i] * PLACES, 1, 0, &score);
        assert_true(score == first);
    }
    for (size_t i = 0; i < s.job.sets[0].count; i++) {
        subject_score(&s, noise + s.job.sets[0].numbers[i] * PLACES, 1, 0, &score);
        differ += score != first;
    }
    assert_true(differ > 0);
    subject_close(&s);
}

/* Ranks do not change when a layer is multiplied by a number. */
static void ted_of_a_scaled_layer(void **state) {
    double scores[2][20];
    subject s;
    (void)state;
    for (size_t turn = 0; turn < 2; turn++) {
        open_deep(&s, turn == 0 ? 1 : 8);
        assert_int_equal(subject_prepare(&s, NULL), TD_OK);
        subject_score(&s, noise + 7, 20, 0, scores[turn]);
        subject_close(&s);
    }
    for (size_t i = 0; i < 20; i++)
        assert_true(fabs(scores[0][i] - scores[1][i]) < 1e-6 * (1 + scores[0][i]));
}

/* Of class 1 the nearest is at 2, and one is nearer; a copy is at 0, and so are two of another
 * class, which are not nearer; of class 3 there is none. */
static void ted_ranks_by_hand(void **state) {
    const double distances[] = {3, 2, 1, 5}, copies[] = {0, 4, 0, 0};
    const int32_t classes[] = {0, 1, 0, 1}, of[] = {0, 1, 0, 1};
    (void)state;
    assert_int_equal(ted_rank(distances, classes, 4, 0), 0);
    assert_int_equal(ted_rank(distances, classes, 4, 1), 1);
    assert_int_equal(ted_rank(copies, of, 4, 1), 0);
    assert_int_equal(ted_rank(distances, classes, 4, 3), 4);
}

/* A layer twice has the same ranks twice: then nothing but their common direction varies, and the
 * score is that of one layer. */
static void ted_of_a_layer_twice(void **state) {
    static const char *const nets[] = {
        IMAGE("9") "x = scale(input) by=1/255\nflat = flatten(x)\nfc = dense(flat) out=3\n",
        IMAGE("9") "x = scale(input) by=1/255\nflat = flatten(x)\nfc = dense(flat) out=3\n"
                   "again = relu(fc)\n"};
    double scores[2][20];
    size_t differ = 0;
    subject s;
    (void)state;
    for (size_t turn = 0; turn < 2; turn++) {
        fill_parts();
        subject_open(&s, &defend_ted, nets[turn], noise, SUBJECT_CLEAN);
        /* Top or bottom decide the class, noise the distances; nothing for the ReLU to clip. */
        for (size_t i = 0; i < 3 * PLACES; i++)
            subject_weights(&s, "fc.weight")[i] = i >= 2 * PLACES ? (i % 2 ? 2 : -2)
                                                  : i / PLACES == (i % PLACES > PLACES / 2) ? 0.02F
                                                                                            : 0;
        for (size_t i = 0; i < 3; i++)
            subject_weights(&s, "fc.bias")[i] = i == 2 ? 10 : 20;
        assert_int_equal(subject_prepare(&s, NULL), TD_OK);
        subject_score(&s, noise + 7, 20, 0, scores[turn]);
        subject_close(&s);
    }
    for (size_t i = 0; i < 20; i++) {
        assert_true(fabs(scores[0][i] - scores[1][i]) < 1e-6 * (1 + scores[0][i]));
        differ += scores[0][i] != scores[0][0];
    }
    assert_true(differ > 0);
}

/* --- SentiNet --- */

static const char mapped[] = IMAGE("4") "x = scale(input) by=1/255\n"
                                        "conv = conv(x) out=2 kernel=1\n"
                                        "relu = relu(conv)\n"
                                        "flat = flatten(relu)\n"
                                        "fc = dense(flat) out=2\n";

/* Clean images are black and white in turn. Both channels of the map are the image where `image` is
 * set, else 1; logit 0 is 8 plus `by` times the sum of the map, logit 1 is 0. */
static void open_mapped(subject *s, bool image, float by) {
    static uint8_t turns[SUBJECT_CLEAN * 16];
    for (size_t i = 0; i < sizeof turns; i++)
        turns[i] = i / 16 % 2 ? 255 : 0;
    subject_open(s, &defend_sentinet, mapped, turns, SUBJECT_CLEAN);
    for (size_t i = 0; i < 2; i++) {
        subject_weights(s, "conv.weight")[i] = image;
        subject_weights(s, "conv.bias")[i] = !image;
    }
    for (size_t i = 0; i < 32; i++)
        subject_weights(s, "fc.weight")[i] = by;
    subject_weights(s, "fc.bias")[0] = 8;
}

/* Parts that lower the logit are excluded: the part of a black image is empty, and the fooled rate
 * is the share of its class. A uniform map selects the whole image: all are fooled. */
static void sentinet_empty_and_full(void **state) {
    const uint8_t black[16] = {0};
    uint32_t pool[SUBJECT_CLEAN];
    double scores[3];
    size_t blacks = 0;
    subject s;
    (void)state;
    open_mapped(&s, true, -1);
    assert_int_equal(subject_prepare(&s, NULL), TD_OK);
    const size_t count = list_pool(&s, pool);
    for (size_t i = 0; i < count; i++)
        blacks += pool[i] % 2 == 0;
    subject_score(&s, black, 1, 0, scores);
    assert_true(blacks > 0 && blacks < count);
    assert_true(fabs(scores[0] - (double)blacks / (double)count) < 1e-12);
    subject_close(&s);
    open_mapped(&s, false, 1);
    assert_int_equal(subject_prepare(&s, NULL), TD_OK);
    subject_score(&s, black, 1, 0, scores);
    assert_true(fabs(scores[0] - 1) < 1e-12);
    assert_true(fabs(scores[1] - 1 / (1 + exp(-40))) < 1e-6);
    subject_close(&s);
}

static void sentinet_fits_a_parabola(void **state) {
    const double x[] = {0.1, 0.3, 0.5, 0.6, 0.9};
    double y[5], curve[3];
    (void)state;
    for (size_t i = 0; i < 5; i++)
        y[i] = x[i] * x[i];
    sentinet_curve(x, y, 5, curve);
    assert_true(fabs(curve[0]) < 1e-5 && fabs(curve[1]) < 1e-5 && fabs(curve[2] - 1) < 1e-5);
    sentinet_curve(x, y, 2, curve);
    assert_true(curve[0] == y[1] && curve[1] == 0 && curve[2] == 0);
}

static void sentinet_refuses(void **state) {
    td_error error;
    subject s;
    (void)state;
    subject_open(&s, &defend_sentinet, subject_by_mean, subject_clean, SUBJECT_CLEAN);
    assert_int_equal(subject_prepare(&s, &error), TD_ERR_USAGE);
    support_assert_contains(error.message, "convolution");
    subject_close(&s);
}

/* --- BaDExpert --- */

static void badexpert_by_hand(void **state) {
    (void)state;
    assert_true(fabs(badexpert_score(0.5, 0.1) - 0.4) < 1e-12);     /* .2/.5; .5/.4 */
    assert_true(fabs(badexpert_score(0.9, 0.4) - 8.0 / 9) < 1e-12); /* .8/.9; .1/.1 */
    assert_true(fabs(badexpert_score(0.95, 0.4) - 0.5) < 1e-9);     /* .8/.95; .05/.1 */
    assert_true(badexpert_score(1, 0.9) == 0 && badexpert_score(0.5, 0) == 0);
    assert_true(fabs(badexpert_score(0.5, 0.5) - 2) < 1e-9); /* never by the second term */
    assert_true(isfinite(badexpert_score(0, 0.9)) && badexpert_score(0, 0) == 0);
}

/* Not increasing in x, not decreasing in y. */
static void badexpert_is_monotonous(void **state) {
    (void)state;
    for (size_t i = 0; i <= 50; i++)
        for (size_t k = 0; k < 50; k++) {
            const double a = (double)i / 50, b = (double)k / 50, c = (double)(k + 1) / 50;
            assert_true(badexpert_score(c, a) <= badexpert_score(b, a));
            assert_true(badexpert_score(a, c) >= badexpert_score(a, b));
        }
}

/* --- frequency --- */

/* A constant has nothing but its mean, times the root of the pixels; the transform keeps the energy
 * of each channel, and keeps channels apart, in their order. */
static void spectra_by_hand(void **state) {
    const td_shape shape = {4, 6, 3};
    double rows[16], columns[36], scratch[48], energy[3] = {0}, kept[3] = {0};
    uint8_t even[72], image[72];
    float out[72];
    (void)state;
    fill_noise();
    td_dct_matrix(4, rows);
    td_dct_matrix(6, columns);
    for (size_t i = 0; i < 72; i++) {
        even[i] = (uint8_t)(10 * (i % 3 + 1));
        image[i] = i % 3 == 1 ? 0 : noise[i];
        energy[i % 3] += (double)image[i] * image[i];
    }
    spectrum_of(even, shape, rows, columns, out, scratch);
    for (size_t i = 0; i < 72; i++)
        assert_true(fabs((double)out[i] - (i < 3 ? 10 * (double)(i + 1) * sqrt(24) : 0)) < 1e-3);
    spectrum_of(image, shape, rows, columns, out, scratch);
    for (size_t i = 0; i < 72; i++)
        kept[i % 3] += (double)out[i] * (double)out[i];
    for (size_t c = 0; c < 3; c++)
        assert_true(fabs(kept[c] - energy[c]) <= 1e-4 * energy[c]);
}

/* Blocks have 2 to 7 pixels a side and change nothing else; a shadow darkens; a mixture is 0.7 of
 * one and 0.3 of the other. */
static void made_up_triggers(void **state) {
    const td_shape shape = {SIDE, SIDE, 1};
    uint8_t grey[PLACES], white[PLACES], out[PLACES];
    (void)state;
    memset(grey, 100, sizeof grey);
    memset(white, 255, sizeof white);
    for (uint32_t turn = 0; turn < 50; turn++) {
        size_t changed[SPECTRUM_TRIGGERS] = {0};
        for (size_t kind = 0; kind < SPECTRUM_TRIGGERS; kind++) {
            td_random random = td_random_for(1, TD_FOR_TEST, 9, turn);
            spectrum_trigger(kind, grey, white, shape, &random, out);
            for (size_t i = 0; i < PLACES; i++) {
                changed[kind] += out[i] != 100;
                assert_true(kind != 0 || out[i] == 100 || out[i] == 255);
                assert_true(kind != 3 || out[i] == 100 || out[i] == 50);
                assert_true(kind != 4 || out[i] == 146); /* 100 + .3·155 = 146.5, to even */
            }
        }
        const size_t side = (size_t)lrint(sqrt((double)changed[0]));
        assert_true(side * side == changed[0] && side >= 2 && side <= 7);
        assert_true(changed[1] <= 49 && changed[2] > PLACES / 2 && changed[3] >= 4);
    }
}

/* --- all --- */

/* With batch norms, and a class that changes if they are scaled. */
static const char whole[] = IMAGE("9") "x = scale(input) by=1/255\n"
                                       "conv = conv(x) out=4 kernel=3\n"
                                       "bn = batch-norm(conv)\n"
                                       "relu = relu(bn)\n"
                                       "flat = flatten(relu)\n"
                                       "fc1 = dense(flat) out=6\n"
                                       "bn1 = batch-norm(fc1)\n"
                                       "relu1 = relu(bn1)\n"
                                       "fc2 = dense(relu1) out=3\n";

/* An image's score does not depend on others beside it, and no detector changes the model. */
static void images_are_alone(void **state) {
    static const struct {
        const tool_method *method;
        const char *set[3][2];
    } all[] = {
        {&defend_ted, {{NULL}}},
        {&defend_teco, {{NULL}}},
        {&defend_scale_up, {{NULL}}},
        {&defend_cognitive_distillation, {{"steps", "5"}}},
        {&defend_sentinet, {{"carriers", "10"}}},
        {&defend_ibd_psc, {{"first", "1"}, {"models", "2"}}},
        {&defend_badexpert, {{"fpr", "0.05"}, {"epochs", "1"}, {"expert-epochs", "1"}}},
    };
    (void)state;
    for (size_t m = 0; m < sizeof all / sizeof *all; m++) {
        double together[4 * SUBJECT_IMAGES], alone[4];
        float before[2048];
        subject s;
        fill_parts();
        subject_open(&s, all[m].method, whole, noise, SUBJECT_CLEAN);
        const size_t bytes = s.job.model.net.weight_count * sizeof *before;
        assert_true(bytes <= sizeof before);
        td_net_init(&s.job.model.net, 1, s.job.model.weights);
        memcpy(before, s.job.model.weights, bytes);
        for (size_t i = 0; i < 3 && all[m].set[i][0]; i++)
            subject_set(&s, all[m].set[i][0], all[m].set[i][1]);
        assert_int_equal(subject_prepare(&s, NULL), TD_OK);
        subject_score(&s, noise + 3 * PLACES, 5, 3, together);
        for (size_t i = 0; i < 5; i++) {
            subject_score(&s, noise + (3 + i) * PLACES, 1, 3 + (uint32_t)i, alone);
            if (!(fabs(together[i] - alone[0]) <= 1e-4 * (1 + fabs(alone[0]))))
                fail_msg("%s: image %zu scores %g among others, %g alone", all[m].method->name, i,
                         together[i], alone[0]);
        }
        assert_memory_equal(s.job.model.weights, before, bytes);
        subject_close(&s);
    }
}

/* Too few clean images for the rate. */
static void too_few_images(void **state) {
    const tool_method *const methods[] = {&defend_scale_up, &defend_teco, &defend_ibd_psc,
                                          &defend_cognitive_distillation, &defend_ted};
    td_error error;
    (void)state;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        subject s;
        subject_open(&s, methods[i], subject_by_mean, subject_clean, 19);
        assert_int_equal(subject_prepare(&s, &error), TD_ERR_USAGE);
        support_assert_contains(error.message, "expected at least 20 clean images");
        subject_close(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distillation_finds_what_is_read),
        cmocka_unit_test(distillation_of_one_image),
        cmocka_unit_test(distillation_smooths),
        cmocka_unit_test(teco_by_hand),
        cmocka_unit_test(teco_leaves_the_input),
        cmocka_unit_test(corruptions_by_hand),
        cmocka_unit_test(all_severities),
        cmocka_unit_test(severities_grow),
        cmocka_unit_test(ted_of_copies),
        cmocka_unit_test(ted_of_a_scaled_layer),
        cmocka_unit_test(ted_ranks_by_hand),
        cmocka_unit_test(ted_of_a_layer_twice),
        cmocka_unit_test(sentinet_empty_and_full),
        cmocka_unit_test(sentinet_fits_a_parabola),
        cmocka_unit_test(sentinet_refuses),
        cmocka_unit_test(badexpert_by_hand),
        cmocka_unit_test(badexpert_is_monotonous),
        cmocka_unit_test(spectra_by_hand),
        cmocka_unit_test(made_up_triggers),
        cmocka_unit_test(images_are_alone),
        cmocka_unit_test(too_few_images),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
