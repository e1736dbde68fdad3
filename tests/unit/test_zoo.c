/* SPDX-License-Identifier: MIT */
/* The nets of the zoo as a whole: their sizes, and that training does not depend on the number of
 * threads. tests/golden compares them with PyTorch. */
#include "nn/train.h"

#include "base/parallel.h"
#include "net_support.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES = 16, BATCH = 8, MOST_THREADS = 4, CLASSES = 10 };

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITIZED true
#else
#define SANITIZED false
#endif

static const struct row {
    const char *net;
    size_t side, channels, learning; /* parameters that learn: those of PyTorch's twin */
    enum { QUICK, SLOW, LONG } time; /* SLOW: too slow if is_checked; LONG: to be trained here */
} rows[] = {
    {"cnn", 28, 1, 312202, QUICK},
    {"cnn-bn", 28, 1, 1676458, QUICK},
    {"lenet5", 32, 3, 62006, QUICK},
    {"vgg16", 32, 3, 15253578, SLOW},
    {"vgg16-plain", 32, 3, 15245130, LONG},
    {"vgg16-bn-large", 32, 3, 134309962, LONG},
    {"vgg16-plain-large", 32, 3, 134301514, LONG},
    {"vgg19", 32, 3, 20565834, LONG},
    {"vgg19-plain", 32, 3, 20554826, LONG},
    {"vgg19-bn-large", 32, 3, 139622218, LONG},
    {"vgg19-plain-large", 32, 3, 139611210, LONG},
    {"resnet18", 16, 3, 11173962, SLOW},
    {"resnet18-large", 32, 3, 11181642, LONG},
    {"resnet34", 32, 3, 21289802, SLOW},
    {"resnet34-small", 16, 3, 21282122, SLOW},
    {"resnet50", 32, 3, 23528522, LONG},
    {"resnet50-small", 16, 3, 23520842, LONG},
    {"preact-resnet18", 16, 3, 11171146, SLOW},
    {"wide-resnet-28-10", 16, 3, 36479194, LONG},
    {"densenet121", 32, 3, 6964106, LONG},
    {"mobilenet-v2", 32, 3, 2236682, SLOW},
    {"squeezenet", 32, 3, 727626, LONG},
    {"squeezenet-1.0", 32, 3, 740554, LONG},
};
enum { ROWS = sizeof rows / sizeof *rows };

/* Whether sanitizers, or valgrind, which preloads its own library, make it many times slower. */
static bool is_checked(void) {
    const char *preloaded = getenv("LD_PRELOAD");
    return SANITIZED || (preloaded && strstr(preloaded, "vgpreload"));
}

static void parse_row(const struct row *row, td_net *net) {
    net_parsed(net, td_zoo_text(row->net),
               &(td_net_variables){row->side, row->side, row->channels, CLASSES});
}

static void the_zoo_is_all_here(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS; i++)
        assert_string_equal(td_zoo_names[i], rows[i].net);
    assert_null(td_zoo_names[ROWS]);
}

static void as_many_parameters_as_the_twins_have(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        td_net net;
        size_t learning = 0;
        parse_row(&rows[i], &net);
        for (size_t p = 0; p < net.param_count; p++)
            learning += td_param_learns(&net.params[p]) ? net.params[p].count : 0;
        assert_int_equal(learning, rows[i].learning);
        td_net_free(&net);
    }
}

/* Whether it accepts images of 28×28, MNIST's size: not if it halves five times. */
static bool fits_mnist(const char *name) {
    return strncmp(name, "vgg", 3) != 0 && strcmp(name, "densenet121") != 0 &&
           strcmp(name, "squeezenet-1.0") != 0;
}

static void sizes_that_fit_and_not(void **state) {
    static const td_net_variables mnist = {28, 28, 1, 10}, wide = {40, 64, 3, 43};
    td_error error;
    (void)state;
    for (size_t i = 0; td_zoo_names[i]; i++) {
        td_net net;
        const char *text = td_zoo_text(td_zoo_names[i]);
        net_parsed(&net, text, &wide);
        assert_int_equal(td_net_classes(&net), 43);
        td_net_free(&net);
        if (fits_mnist(td_zoo_names[i])) {
            net_parsed(&net, text, &mnist);
            td_net_free(&net);
            continue;
        }
        assert_int_equal(td_net_parse(&net, text, &mnist, &error), TD_ERR_FORMAT);
        support_assert_contains(error.message, "node \"features.");
        support_assert_contains(error.message, "does not fit");
    }
}

/* Two steps on synthetic images. */
static void train(const td_net *net, float *weights, const td_images *images, size_t threads) {
    const td_train_options options = {.optimizer = td_optimizer_find("sgd"),
                                      .step = {.lr = 0.01, .momentum = 0.9},
                                      .schedule = td_schedule_find("constant"),
                                      .epochs = 1,
                                      .batch = BATCH,
                                      .seed = 1};
    td_error error;
    td_set_threads(threads);
    td_net_init(net, 1, weights);
    if (td_train(net, weights, images, &options, &error) != TD_OK)
        fail_msg("%s", error.message);
}

static td_images made_images(const struct row *row, td_arena *arena) {
    td_images images = {IMAGES, row->side, row->side, row->channels, CLASSES, NULL, NULL};
    size_t values = IMAGES * td_image_size(&images);
    td_random random = td_random_for(1, TD_FOR_TEST, 0, 0);
    uint8_t *pixels;
    int32_t *labels;
    assert_int_equal(TD_ARENA_NEW(arena, values, &pixels, "images", NULL), TD_OK);
    assert_int_equal(TD_ARENA_NEW(arena, IMAGES, &labels, "labels", NULL), TD_OK);
    for (size_t i = 0; i < values; i++)
        pixels[i] = (uint8_t)td_random_below(&random, 256);
    for (size_t i = 0; i < IMAGES; i++)
        labels[i] = (int32_t)(i % CLASSES);
    images.pixels = pixels;
    images.labels = labels;
    return images;
}

static void the_same_bytes_at_any_thread_count(void **state) {
    const struct row *row = *state;
    td_arena arena = {0};
    td_net net;
    float *first, *other;
    parse_row(row, &net);
    td_images images = made_images(row, &arena);
    assert_int_equal(TD_ARENA_NEW(&arena, net.weight_count, &first, "weights", NULL), TD_OK);
    assert_int_equal(TD_ARENA_NEW(&arena, net.weight_count, &other, "weights", NULL), TD_OK);
    train(&net, first, &images, 1);
    for (size_t i = 0; i < net.weight_count; i++)
        assert_true(isfinite(first[i]));
    for (size_t threads = 2; threads <= MOST_THREADS; threads++) {
        train(&net, other, &images, threads);
        if (memcmp(first, other, net.weight_count * sizeof *first) != 0)
            fail_msg("%s: %zu threads give other weights than 1", row->net, threads);
    }
    td_net_init(&net, 1, other);
    for (size_t p = 0; p < net.param_count; p++) {
        const td_param *param = &net.params[p];
        if (memcmp(first + param->offset, other + param->offset, param->count * sizeof *first) == 0)
            fail_msg("%s: training leaves %s as it was", row->net, param->name);
    }
    td_net_free(&net);
    td_arena_free(&arena);
}

int main(void) {
    struct CMUnitTest tests[3 + ROWS] = {
        cmocka_unit_test(the_zoo_is_all_here),
        cmocka_unit_test(as_many_parameters_as_the_twins_have),
        cmocka_unit_test(sizes_that_fit_and_not),
    };
    char names[ROWS][64];
    size_t count = 3;
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].time == LONG)
            continue;
        if (is_checked() && rows[i].time == SLOW) {
            printf("# %s is left out here: too slow with sanitizers or valgrind\n", rows[i].net);
            continue;
        }
        snprintf(names[i], sizeof names[i], "%.15s trains to the same bytes at 1 to %d threads",
                 rows[i].net, MOST_THREADS);
        tests[count++] = (struct CMUnitTest){names[i], the_same_bytes_at_any_thread_count, NULL,
                                             NULL, (void *)&rows[i]};
    }
    return _cmocka_run_group_tests("tests", tests, count, NULL, NULL);
}
