/* SPDX-License-Identifier: MIT */
/* Filters alone: which images of a class are suspects, given their coordinates; and of all classes,
 * given a net. */
#include "base/random.h"
#include "defend/filter/filter.h"
#include "defend/method.h"
#include "support.h"
#include <math.h>
#include <string.h>

enum { IMAGES = 20 };

typedef struct settings {
    tool_settings values;
    const filter *filter;
} settings;

static settings set_up(const tool_method *method, const char *key, const char *value) {
    settings s = {.filter = method->math};
    assert_int_equal(tool_settings_open(&s.values, "trapdoor-defend", method, NULL), TD_OK);
    assert_int_equal(tool_settings_set(&s.values, key, value, NULL), TD_OK);
    return s;
}

static filter_findings judge(const settings *s, const filter_group *group) {
    static bool suspects[IMAGES];
    static double scores[IMAGES];
    filter_findings found = {.suspects = suspects, .scores = scores};
    memset(suspects, 0, sizeof suspects);
    memset(scores, 0, sizeof scores);
    assert_int_equal(s->filter->judge(s->values.own, group, &found, NULL), TD_OK);
    return found;
}

/* 1.5 * 0.1 of 20 are 3: the one far below, and of three alike the first two. */
static void spectral_takes_the_highest_scores(void **state) {
    const double positions[IMAGES] = {0, 1, -1, 0.5, 2, -9, 0, 0, 2, -2, 1}, variance = 6;
    settings s = set_up(&defend_spectral, "epsilon", "0.1");
    (void)state;
    assert_true(s.filter->ranks);
    assert_int_equal(s.filter->dimensions(s.values.own), 1);
    assert_int_equal(s.filter->least_images(s.values.own, 1), 7);
    const filter_findings found = judge(&s, &(filter_group){.count = IMAGES,
                                                            .dimensions = 1,
                                                            .positions = positions,
                                                            .variances = &variance,
                                                            .variance = 8});
    for (size_t i = 0; i < IMAGES; i++)
        assert_int_equal(found.suspects[i], i == 4 || i == 5 || i == 8);
    assert_true(found.scores[5] == 81 && !found.flagged);
    assert_true(found.figures[0] == 0.75 && found.figures[1] == 0 && found.figures[2] == 4);
    tool_settings_close(&s.values);
}

/* Four of twenty, two apart: 0.2 of the class. */
static void clustering_flags_a_small_cluster(void **state) {
    double positions[IMAGES][2] = {{0}};
    const double variances[] = {1, 0};
    const filter_group group = {.seed = 1,
                                .number = 3,
                                .count = IMAGES,
                                .dimensions = 2,
                                .positions = positions[0],
                                .variances = variances,
                                .variance = 1};
    (void)state;
    for (size_t i = 0; i < IMAGES; i++)
        positions[i][0] = (i % 5 == 2 ? 2 : 0) + 0.01 * (double)i;
    settings s = set_up(&defend_activation_clustering, "size", "0.21");
    assert_int_equal(s.filter->least_images(s.values.own, 2), 3);
    filter_findings found = judge(&s, &group);
    assert_true(found.flagged && found.figures[0] == 0.2 && found.figures[1] > 0.8);
    for (size_t i = 0; i < IMAGES; i++)
        assert_int_equal(found.suspects[i], i % 5 == 2);
    tool_settings_close(&s.values);
    s = set_up(&defend_activation_clustering, "size", "0.2");
    found = judge(&s, &group);
    assert_false(found.flagged);
    for (size_t i = 0; i < IMAGES; i++)
        assert_false(found.suspects[i]);
    tool_settings_close(&s.values);
}

/* Three of twenty lie apart in the second of two directions: 1.5 * 0.1 of twenty. */
static void spectre_takes_outliers(void **state) {
    double positions[IMAGES][2];
    const double variances[] = {4, 2}, none[] = {0, 0};
    settings s = set_up(&defend_spectre, "epsilon", "0.1");
    (void)state;
    assert_int_equal(s.filter->least_images(s.values.own, 2), 8);
    for (size_t i = 0; i < IMAGES; i++) {
        positions[i][0] = (i % 4 < 2 ? 2 : -2) + 0.01 * (double)i;
        positions[i][1] = i % 7 == 3 ? 9 : i % 2 ? 1 : -1;
    }
    const filter_group group = {.count = IMAGES,
                                .dimensions = 2,
                                .positions = positions[0],
                                .variances = variances,
                                .variance = 6};
    filter_findings found = judge(&s, &group);
    for (size_t i = 0; i < IMAGES; i++)
        assert_int_equal(found.suspects[i], i % 7 == 3);
    assert_true(found.figures[0] > 5 && found.figures[2] == 2);
    /* Images that are all alike. */
    memset(positions, 0, sizeof positions);
    filter_group alike = group;
    alike.variances = none;
    found = judge(&s, &alike);
    assert_true(found.figures[0] == 0 && found.figures[3] == 0);
    tool_settings_close(&s.values);
}

/* --- of all classes --- */

enum { MOST_CLASSES = 10, EACH = 60, CLEAN = 20, PIXELS = 9 };

/* A filter's job without the tool: EACH images of each class, sorted by class, and CLEAN clean
 * ones. */
typedef struct work {
    tool_settings values;
    tool_run run;
    filter_job job;
    filter_class classes[MOST_CLASSES];
    uint8_t pixels[MOST_CLASSES * EACH * PIXELS], clean[MOST_CLASSES * CLEAN * PIXELS];
    int32_t labels[MOST_CLASSES * EACH], clean_labels[MOST_CLASSES * CLEAN];
    uint32_t order[MOST_CLASSES * EACH];
    bool suspect[MOST_CLASSES * EACH];
} work;

static float *param(work *w, const char *name) {
    const td_net *net = &w->job.model.net;
    for (size_t p = 0; p < net->param_count; p++)
        if (strcmp(net->params[p].name, name) == 0)
            return w->job.model.weights + net->params[p].offset;
    fail_msg("the net has no %s", name);
    return NULL;
}

/* Pixels of mean 100 and deviation 10, the mean of each class moved. */
static void fill(uint8_t *pixels, int32_t *labels, size_t classes, size_t each, size_t number) {
    for (size_t i = 0; i < classes * each; i++) {
        td_random own = td_random_for(1, TD_FOR_TEST, (uint32_t)number, (uint32_t)i);
        td_random shared = td_random_for(1, TD_FOR_TEST, 0, (uint32_t)(i / each));
        labels[i] = (int32_t)(i / each);
        for (size_t k = 0; k < PIXELS; k++)
            pixels[i * PIXELS + k] =
                (uint8_t)(100 + 10 * td_random_normal(&own) + 12 * td_random_normal(&shared));
    }
}

static void open_work(work *w, const tool_method *method, const char *net, size_t classes) {
    filter_job *job = &w->job;
    memset(w, 0, sizeof *w);
    assert_int_equal(tool_settings_open(&w->values, "trapdoor-defend", method, NULL), TD_OK);
    w->run = (tool_run){.settings = &w->values,
                        .method = method,
                        .common = &w->values.common,
                        .family = w->values.family,
                        .own = w->values.own,
                        .deadline = INFINITY,
                        .as_part = true};
    assert_int_equal(td_net_parse(&job->model.net, net, NULL, NULL), TD_OK);
    assert_int_equal(TD_ARENA_NEW(&w->run.arena, job->model.net.weight_count, &job->model.weights,
                                  "weights", NULL),
                     TD_OK);
    td_net_init(&job->model.net, 1, job->model.weights);
    fill(w->pixels, w->labels, classes, EACH, 1);
    fill(w->clean, w->clean_labels, classes, CLEAN, 2);
    const td_shape shape = td_net_input(&job->model.net);
    job->data.images = (td_images){classes * EACH,    shape.height, shape.width, shape.channels,
                                   (uint32_t)classes, w->pixels,    w->labels};
    job->clean.images = (td_images){classes * CLEAN,   shape.height, shape.width,    shape.channels,
                                    (uint32_t)classes, w->clean,     w->clean_labels};
    job->data.name = job->clean.name = "set";
    for (size_t i = 0; i < classes * EACH; i++)
        w->order[i] = (uint32_t)i;
    job->run = &w->run;
    job->settings = w->values.family;
    job->filter = method->math;
    job->order = job->clean_order = w->order;
    job->clean_count = classes * CLEAN;
    job->largest = EACH;
    job->suspect = w->suspect;
    job->classes = w->classes;
    for (size_t c = 0; c < classes; c++) {
        w->classes[c] = (filter_class){.number = c,
                                       .begin = c * EACH,
                                       .count = EACH,
                                       .clean_begin = c * CLEAN,
                                       .clean_count = CLEAN};
        for (size_t i = 0; i < FILTER_FIGURES; i++)
            w->classes[c].figures[i] = NAN;
    }
}

static void close_work(work *w) {
    td_net_free(&w->job.model.net);
    td_arena_free(&w->run.arena);
    tool_settings_close(&w->values);
}

/* The number of classes that are flagged; their indices are figures[1]. */
static size_t find(work *w, size_t classes) {
    size_t flagged = 0;
    assert_int_equal(w->job.filter->find(&w->job, NULL), TD_OK);
    assert_int_equal(filter_compare(&w->job, NULL), TD_OK);
    for (size_t c = 0; c < classes; c++)
        flagged += w->classes[c].figures[1] >= w->job.filter->least_index(w->values.own);
    return flagged;
}

static const char pixels_alone[] = "input = image() height=3 width=3 channels=1\n"
                                   "flat = flatten(input)\nfc = dense(flat) out=10\n";

/* Ten Gaussian classes: none stands out. With a tenth of one six deviations away it does, its
 * suspects are these, and the order of the images does not matter. */
static void scan_recovers_what_is_moved(void **state) {
    enum { CLASSES = 10, CLASS = 7, MOVED = EACH / 10, BY = 60 };
    static work w;
    double index = 0;
    (void)state;
    open_work(&w, &defend_scan_filter, pixels_alone, CLASSES);
    assert_int_equal(find(&w, CLASSES), 0);
    close_work(&w);
    for (size_t turn = 0; turn < 2; turn++) {
        open_work(&w, &defend_scan_filter, pixels_alone, CLASSES);
        for (size_t i = CLASS * EACH; i < CLASS * EACH + MOVED; i++)
            w.pixels[i * PIXELS + 4] = (uint8_t)(w.pixels[i * PIXELS + 4] + BY);
        for (size_t i = 0; i < EACH && turn == 1; i++)
            w.order[CLASS * EACH + i] = (uint32_t)(CLASS * EACH + (7 * i + 3) % EACH);
        assert_int_equal(find(&w, CLASSES), 1);
        assert_true(w.classes[CLASS].figures[1] > exp(2));
        assert_true(turn == 0 || fabs(w.classes[CLASS].figures[1] - index) < 1e-6 * index);
        index = w.classes[CLASS].figures[1];
        for (size_t i = 0; i < EACH; i++)
            assert_int_equal(w.suspect[CLASS * EACH + i], i < MOVED);
        close_work(&w);
    }
}

/* What is unusually small is not suspicious; indices by hand: the median is 3, the MAD 1. */
static void an_index_has_one_side(void **state) {
    const double values[] = {-100, 2, 3, 4, 103, NAN};
    static work w;
    (void)state;
    open_work(&w, &defend_scan_filter, pixels_alone, 6);
    for (size_t c = 0; c < 6; c++)
        w.classes[c].figures[0] = values[c];
    assert_int_equal(filter_compare(&w.job, NULL), TD_OK);
    for (size_t c = 0; c < 5; c++)
        assert_true(fabs(w.classes[c].figures[1] - (values[c] - 3) / 1.4826) < 1e-3);
    assert_true(isnan(w.classes[5].figures[1]));
    close_work(&w);
}

/* The gradient at a convolution is that of its bias, or follows from that of the batch norm behind
 * it by the norm's scale: with a bias of 0 both are of one function. */
static void agpd_reads_through_a_norm(void **state) {
    enum { CLASSES = 3, CHANNELS = 4 };
    static const char *const nets[] = {
        "input = image() height=3 width=3 channels=1\nx = scale(input) by=1/255\n"
        "c = conv(x) out=4 kernel=2 bias=0\nb = batch-norm(c)\nr = relu(b)\n"
        "flat = flatten(r)\nfc = dense(flat) out=3\n",
        "input = image() height=3 width=3 channels=1\nx = scale(input) by=1/255\n"
        "c = conv(x) out=4 kernel=2\nb = batch-norm(c)\nr = relu(b)\n"
        "flat = flatten(r)\nfc = dense(flat) out=3\n"};
    static work w[2];
    (void)state;
    for (size_t turn = 0; turn < 2; turn++) {
        open_work(&w[turn], &defend_agpd, nets[turn], CLASSES);
        if (turn == 1) {
            memcpy(param(&w[1], "c.weight"), param(&w[0], "c.weight"), 16 * sizeof(float));
            memcpy(param(&w[1], "fc.weight"), param(&w[0], "fc.weight"), 48 * sizeof(float));
            memset(param(&w[1], "c.bias"), 0, CHANNELS * sizeof(float));
        }
        for (size_t k = 0; k < CHANNELS; k++) {
            param(&w[turn], "b.weight")[k] = (float)k + 0.25F;
            param(&w[turn], "b.running_var")[k] = k % 2 ? 0.01F : 4;
        }
        find(&w[turn], CLASSES);
    }
    for (size_t c = 0; c < CLASSES; c++) {
        assert_true(w[0].classes[c].figures[0] > 0.01);
        assert_true(fabs(w[0].classes[c].figures[0] - w[1].classes[c].figures[0]) < 1e-5);
    }
    close_work(&w[0]);
    close_work(&w[1]);
}

/* The entries of Gram matrices grow as the square of the channels. */
static void beatrix_refuses_many_channels(void **state) {
    static work w;
    td_error error;
    (void)state;
    open_work(&w, &defend_beatrix,
              "input = image() height=3 width=3 channels=1\nc = conv(input) out=513 kernel=3\n"
              "flat = flatten(c)\nfc = dense(flat) out=2\n",
              2);
    assert_int_equal(w.job.filter->find(&w.job, &error), TD_ERR_USAGE);
    support_assert_contains(error.message, "at most 512");
    close_work(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spectral_takes_the_highest_scores),
        cmocka_unit_test(clustering_flags_a_small_cluster),
        cmocka_unit_test(spectre_takes_outliers),
        cmocka_unit_test(scan_recovers_what_is_moved),
        cmocka_unit_test(an_index_has_one_side),
        cmocka_unit_test(agpd_reads_through_a_norm),
        cmocka_unit_test(beatrix_refuses_many_channels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
