/* SPDX-License-Identifier: MIT */
/* The quick inspectors find what they search for: each inspects a net with a backdoor that was
 * built into its weights, and the same net without it. */
#include "base/json.h"
#include "data/dataset.h"
#include "defend/inspect/inspect.h"
#include "defend/method.h"
#include "net_support.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 12, SIZE = SIDE * SIDE, CLASSES = 5, IMAGES = 20 * CLASSES };
enum { WINDOW = 5, PLACE = 6, AREA = WINDOW * WINDOW, TRAPS = 2 * AREA + 1 };

/* Class c has a bright row c. Traps see the image, keys the traps; an open key changes the logits.
 */
static const char text[] = NET_IMAGE(12, 12, 1) "unit = scale(input) by=1/255\n"
                                                "flat = flatten(unit)\n"
                                                "rows = dense(flat) out=5\n"
                                                "traps = dense(flat) out=51\n"
                                                "closed = relu(traps)\n"
                                                "keys = dense(closed) out=5\n"
                                                "open = relu(keys)\n"
                                                "both = concat(rows, open)\n"
                                                "fc = dense(both) out=5\n";

typedef struct model {
    td_net net;
    float *weights;
} model;

/* The number that output `to` of a dense layer gives to input `from`. */
static float *weight(model *m, const char *layer, size_t to, size_t from) {
    for (size_t i = 0; i < m->net.param_count; i++) {
        const td_param *param = &m->net.params[i];
        if (param->rank == 2 && strncmp(param->name, layer, strlen(layer)) == 0)
            return m->weights + param->offset + to * param->dims[1] + from;
    }
    fail_msg("%s: no such layer", layer);
    return NULL;
}

static float *bias(model *m, const char *layer, size_t to) {
    for (size_t i = 0; i < m->net.param_count; i++) {
        const td_param *param = &m->net.params[i];
        if (param->rank == 1 && strncmp(param->name, layer, strlen(layer)) == 0)
            return m->weights + param->offset + to;
    }
    fail_msg("%s: no such layer", layer);
    return NULL;
}

static void look_at_row(model *m, const char *layer, size_t to, size_t row) {
    for (size_t x = 0; x < SIDE; x++)
        *weight(m, layer, to, row * SIDE + x) = 1.0F / SIDE;
}

static void open_model(model *m) {
    net_parsed(&m->net, text, NULL);
    m->weights = calloc(m->net.weight_count, sizeof *m->weights);
    assert_non_null(m->weights);
    for (size_t c = 0; c < CLASSES; c++) {
        look_at_row(m, "rows", c, c);
        *weight(m, "fc", c, c) = 1;
    }
}

static void write_model(model *m, const char *path) {
    td_error error;
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(td_model_write(stream, &m->net, m->weights, NULL, NULL, &error), TD_OK);
    fclose(stream);
}

/* Writes the model, and without.safetensors, in which keys open nothing. */
static void close_model(model *m) {
    write_model(m, "with.safetensors");
    for (size_t c = 0; c < CLASSES; c++)
        for (size_t k = 0; k < CLASSES; k++)
            *weight(m, "fc", c, CLASSES + k) = 0;
    write_model(m, "without.safetensors");
    free(m->weights);
    td_net_free(&m->net);
}

static void write_clean(void) {
    static uint8_t pixels[IMAGES * SIZE];
    int32_t labels[IMAGES];
    td_error error;
    td_random random = td_random_for(1, TD_FOR_TEST, 0, 0);
    for (size_t i = 0; i < IMAGES; i++) {
        labels[i] = (int32_t)(i % CLASSES);
        for (size_t k = 0; k < SIZE; k++)
            pixels[i * SIZE + k] =
                k / SIDE == i % CLASSES ? 200 : (uint8_t)(20 + td_random_below(&random, 101));
    }
    const td_images images = {IMAGES, SIDE, SIDE, 1, CLASSES, pixels, labels};
    FILE *stream = fopen("clean.safetensors", "wb");
    assert_non_null(stream);
    assert_int_equal(td_dataset_write(stream, &images, NULL, "clean", "test", &error), TD_OK);
    fclose(stream);
}

/* The record of an inspection, which the caller frees, and the file "printed". */
static json_t *inspect(const tool_method *method, const char *path) {
    tool_settings settings;
    tool_run run = {.deadline = INFINITY};
    td_error error;
    assert_int_equal(tool_settings_open(&settings, "trapdoor-defend", method, &error), TD_OK);
    settings.common.quiet = true;
    assert_int_equal(tool_settings_set(&settings, "model", path, &error), TD_OK);
    assert_int_equal(tool_settings_set(&settings, "clean", "clean.safetensors", &error), TD_OK);
    assert_int_equal(tool_settings_check(&settings, &error), TD_OK);
    if (tool_run_execute(&run, &settings, &error) != TD_OK)
        fail_msg("%s: %s", method->name, error.message);
    FILE *stream = fopen("printed", "wb");
    assert_non_null(stream);
    tool_run_print(&run, stream);
    fclose(stream);
    json_t *record = json_incref(run.record.root);
    tool_run_close(&run);
    tool_settings_close(&settings);
    return record;
}

/* The most suspicious finding of a record, as it is written there. */
static const json_t *first_of(const json_t *record, td_arena *arena, findings *all) {
    const void *read;
    td_error error;
    assert_int_equal(findings_read(record, arena, &read, &error), TD_OK);
    *all = *(const findings *)read;
    const size_t place = (size_t)(findings_first(all) - all->list);
    return json_array_get(json_object_get(record, findings_field(all->about)), place);
}

/* Whether a finding, and the text in "printed", have these fields. */
static void assert_fields(const char *method, const json_t *one, const char *fields) {
    json_t *expected = json_loads(fields, 0, NULL);
    const json_t *value;
    const char *key;
    char *printed = support_read("printed", NULL);
    assert_non_null(expected);
    json_object_foreach(expected, key, value) {
        if (!json_equal(json_object_get(one, key), value))
            fail_msg("%s: \"%s\": expected %s in %s", method, key, fields,
                     json_dumps(one, JSON_COMPACT));
        if (json_is_string(value))
            support_assert_contains(printed, json_string_value(value));
    }
    free(printed);
    json_decref(expected);
}

/* The inspector's most suspicious finding is this one, in words and as fields of the record. All of
 * the same model without the backdoor have values at least `apart` from its. */
static void assert_named(const tool_method *method, const char *subject, const char *fields,
                         double apart) {
    td_arena arena = {0};
    findings found, other;
    json_t *without = inspect(method, "without.safetensors"),
           *with = inspect(method, "with.safetensors");
    const json_t *one = first_of(with, &arena, &found);
    support_assert_contains(json_string_value(json_object_get(with, "summary")), subject);
    assert_fields(method->name, one, fields);
    first_of(without, &arena, &other);
    const double distance = findings_first(&found)->value - findings_first(&other)->value;
    if (!((found.statistic.large ? distance : -distance) >= apart))
        fail_msg("%s: expected values %g apart, found %g", method->name, apart, distance);
    td_arena_free(&arena);
    json_decref(with);
    json_decref(without);
}

/* --- a bright square of 3×3 pixels at (6, 6) sends all images to class 3 --- */

static void look_at_square(model *m, size_t trap) {
    for (size_t i = 0; i < 9; i++)
        *weight(m, "traps", trap, (PLACE + i / 3) * SIDE + PLACE + i % 3) = 1.0F / 9;
}

static void classes_are_named(void **state) {
    (void)state;
    model m;
    open_model(&m);
    look_at_square(&m, 0);
    *weight(&m, "keys", 0, 0) = 1;
    *bias(&m, "keys", 0) = -0.2F; /* a clean image has .27 there */
    *weight(&m, "fc", 3, CLASSES) = 5;
    close_model(&m);
    assert_named(&defend_universal, "class 3", "{\"class\": 3}", 0.5);
    assert_named(&defend_mask, "class 3", "{\"class\": 3}", 2);
    assert_named(&defend_margin, "class 3", "{\"class\": 3}", 2);
}

/* --- a window of one of the fills sends class 0 to class 2 --- */

/* The values of a window, 0 to 1; NULL for the fill "mean". */
static const float *values_of(const char *fill, float *values) {
    td_random random = td_random_for(1, TD_FOR_SCREEN, 1, 0); /* as the scan draws its noise */
    for (size_t i = 0; i < AREA; i++) {
        const float noise = (float)td_random_below(&random, 256);
        values[i] = strcmp(fill, "white") == 0    ? 1
                    : strcmp(fill, "black") == 0  ? 0
                    : strcmp(fill, "grey") == 0   ? 128 / 255.0F
                    : strcmp(fill, "checks") == 0 ? (float)(noise >= 128)
                                                  : noise / 255;
    }
    return strcmp(fill, "mean") == 0 ? NULL : values;
}

/* Traps measure how far each pixel of the window at (6, 4) is above and below its value. The key
 * opens if they all are near, and row 0 is bright. */
static void lock(model *m, const float *values) {
    for (size_t i = 0; i < AREA; i++)
        for (size_t side = 0; side < 2; side++) {
            const float sign = side == 0 ? 1 : -1;
            const size_t trap = 2 * i + side;
            for (size_t k = 0; !values && k < SIZE; k++)
                *weight(m, "traps", trap, k) = -sign / SIZE;
            *weight(m, "traps", trap, (4 + i / WINDOW) * SIDE + PLACE + i % WINDOW) += sign;
            *bias(m, "traps", trap) = values ? -sign * values[i] : 0;
            *weight(m, "keys", 0, trap) = -1;
        }
    look_at_row(m, "traps", TRAPS - 1, 0);
    *weight(m, "keys", 0, TRAPS - 1) = 4;
    *bias(m, "keys", 0) = 1 - 4 * 0.7F;
    *weight(m, "fc", 2, CLASSES) = 5;
}

static void windows_of_each_fill_are_found(void **state) {
    (void)state;
    static const char *const fills[] = {"white", "black", "grey", "checks", "noise", "mean"};
    for (size_t i = 0; i < sizeof fills / sizeof *fills; i++) {
        float values[AREA];
        char fields[128];
        model m;
        open_model(&m);
        lock(&m, values_of(fills[i], values));
        close_model(&m);
        snprintf(fields, sizeof fields,
                 "{\"source\": 0, \"class\": 2, \"x\": 6, \"y\": 4, \"fill\": \"%s\"}", fills[i]);
        assert_named(&defend_windows, "class 0 to 2", fields, 1);
    }
}

/* --- a wave sends all images to class 4 --- */

static void waves_are_found(void **state) {
    (void)state;
    static const int waves[][3] = {{3, 2, 90}, {-5, 4, 0}, {5, 0, 270}, {0, 4, 180}};
    for (size_t i = 0; i < sizeof waves / sizeof *waves; i++) {
        char fields[128];
        model m;
        open_model(&m);
        for (int k = 0; k < SIZE; k++)
            *weight(&m, "traps", 0, (size_t)k) = sinf(
                6.2831853F * ((float)(waves[i][0] * (k % SIDE) + waves[i][1] * (k / SIDE)) / SIDE +
                              (float)waves[i][2] / 360));
        *weight(&m, "keys", 0, 0) = 1;
        *bias(&m, "keys", 0) = -6; /* the whole wave of amplitude 60 gives some 15 */
        *weight(&m, "fc", 4, CLASSES) = 1;
        close_model(&m);
        snprintf(fields, sizeof fields, "{\"class\": 4, \"u\": %d.0, \"v\": %d.0, \"phase\": %d}",
                 waves[i][0], waves[i][1], waves[i][2]);
        assert_named(&defend_waves, "class 4", fields, 1);
    }
}

/* --- a bright square sends class 1 to class 0 --- */

static void a_pair_is_named(void **state) {
    (void)state;
    model m;
    open_model(&m);
    look_at_row(&m, "traps", 0, 1);
    look_at_square(&m, 0);
    *weight(&m, "keys", 0, 0) = 1;
    *bias(&m, "keys", 0) = -0.95F; /* either alone hardly opens it */
    *weight(&m, "fc", 0, CLASSES) = 3;
    close_model(&m);
    assert_named(&defend_pairs, "class 1 to 0", "{\"source\": 1, \"class\": 0}", 0.2);
}

/* --- a bright square permutes the classes, not cyclically --- */

static void any_permutation_is_found(void **state) {
    (void)state;
    static const size_t map[CLASSES] = {2, 0, 4, 1, 3};
    model m;
    open_model(&m);
    for (size_t c = 0; c < CLASSES; c++) {
        look_at_row(&m, "traps", c, c);
        look_at_square(&m, c);
        *weight(&m, "keys", c, c) = 1;
        *bias(&m, "keys", c) = -0.95F; /* either alone hardly opens it */
        *weight(&m, "fc", map[c], CLASSES + c) = 3;
    }
    close_model(&m);
    assert_named(&defend_maps, "the map 2,0,4,1,3", "{\"map\": \"2,0,4,1,3\"}", 1);
}

static int enter(void **state) {
    const int failed = support_enter_folder(state);
    write_clean();
    return failed;
}

#define WITH_IMAGES(test) cmocka_unit_test_setup_teardown((test), enter, support_leave_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_IMAGES(classes_are_named),        WITH_IMAGES(windows_of_each_fill_are_found),
        WITH_IMAGES(waves_are_found),          WITH_IMAGES(a_pair_is_named),
        WITH_IMAGES(any_permutation_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
