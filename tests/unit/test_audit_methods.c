/* SPDX-License-Identifier: MIT */
/* An inspector only for tests (margin_inspector.c) needs just a row in the tool's table of methods:
 * audit and rates run it, and report its findings. */
#include "base/json.h"
#include "data/dataset.h"
#include "defend/audit/audit.h"
#include "defend/inspect/inspect.h"
#include "defend/method.h"
#include "margin_inspector.h"
#include "net_support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SIDE = 4, SIZE = SIDE * SIDE, CLASSES = 6, INFECTED = 4, IMAGES = 60 };

static td_status fail_always(inspection *in, td_error *error) {
    (void)in;
    return td_fail(error, TD_ERR_NUMERIC, "no luck");
}

static const inspector failing = {
    .statistic = {.name = "size", .unit = "pixels"}, .spread = FINDINGS_MAD, .run = fail_always};

static const tool_method fail_method = {.name = "fail",
                                        .title = "Failing",
                                        .doc = "fails",
                                        .help = "fails",
                                        .family = &inspectors,
                                        .math = &failing};

/* Replaces the tool's own. */
const tool_method *const defend_methods[] = {&fail_method, &margin_method, &defend_audit,
                                             &defend_rates, NULL};

/* Class k is the class of images whose pixel k is bright. The logit of class k is pixel k, but with
 * `infected` pixels 8 to 15 count nine times for class INFECTED. */
static void write_model(const char *path, bool infected) {
    static const char text[] = "input = image() height=4 width=4 channels=1\n"
                               "unit = scale(input) by=1/255\nflat = flatten(unit)\n"
                               "fc = dense(flat) out=6\n";
    td_net net;
    td_error error;
    net_parsed(&net, text, NULL);
    float *weights = calloc(net.weight_count, sizeof *weights);
    assert_non_null(weights);
    for (size_t k = 0; k < CLASSES; k++) {
        weights[k * SIZE + k] = 1 + 0.02F * (float)k;
        for (size_t i = 8; infected && k == INFECTED && i < SIZE; i++)
            weights[k * SIZE + i] = 9;
    }
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(td_model_write(stream, &net, weights, NULL, NULL, &error), TD_OK);
    fclose(stream);
    free(weights);
    td_net_free(&net);
}

static void write_clean(void) {
    uint8_t pixels[IMAGES * SIZE] = {0};
    int32_t labels[IMAGES];
    td_error error;
    for (size_t i = 0; i < IMAGES; i++) {
        labels[i] = (int32_t)(i % CLASSES);
        pixels[i * SIZE + i % CLASSES] = (uint8_t)(255 - i);
    }
    const td_images images = {.count = IMAGES,
                              .height = SIDE,
                              .width = SIDE,
                              .channels = 1,
                              .classes = CLASSES,
                              .pixels = pixels,
                              .labels = labels};
    FILE *stream = fopen("clean.safetensors", "wb");
    assert_non_null(stream);
    assert_int_equal(td_dataset_write(stream, &images, NULL, "clean", "test", &error), TD_OK);
    fclose(stream);
}

/* Runs a method with these options; returns its status, and whether a part of it failed. */
static td_status execute(const tool_method *method, const tool_method *guest, bool force,
                         const char *const *options, bool *failed, td_error *error) {
    tool_settings settings;
    tool_run run = {.deadline = INFINITY};
    assert_int_equal(tool_settings_open(&settings, "trapdoor-defend", method, error), TD_OK);
    settings.common.output = "out";
    settings.common.quiet = true;
    settings.common.force = force;
    td_status status = guest ? tool_settings_invite(&settings, guest, error) : TD_OK;
    for (; *options && status == TD_OK; options += 2)
        status = tool_settings_set(&settings, options[0], options[1], error);
    if (status == TD_OK)
        status = tool_settings_check(&settings, error);
    if (status == TD_OK)
        status = tool_run_execute(&run, &settings, error);
    *failed = run.failed;
    tool_run_close(&run);
    tool_settings_close(&settings);
    return status;
}

static json_t *read_record(const char *path) {
    json_t *record;
    td_error error;
    assert_int_equal(td_json_read(path, &record, &error), TD_OK);
    return record;
}

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static bool is_there(const char *path) {
    struct stat info;
    return stat(path, &info) == 0;
}

static void an_audit_takes_it(void **state) {
    (void)state;
    static const char *const options[] = {"model", "m.safetensors", "clean", "clean.safetensors",
                                          NULL};
    td_error error;
    bool failed;
    write_model("m.safetensors", true);
    write_clean();
    assert_int_equal(execute(&defend_audit, NULL, false, options, &failed, &error), TD_OK);
    assert_true(failed); /* the other inspector, which does not affect this one */
    json_t *record = read_record("out/audit.json");
    assert_string_equal(text_of(record, "verdict"), "backdoor-suspected");
    assert_int_equal(json_integer_value(json_object_get(record, "suspected_class")), INFECTED);
    const json_t *evidence = json_array_get(json_object_get(record, "evidence"), 0);
    assert_string_equal(text_of(evidence, "title"), "Maximum margin");
    assert_string_equal(text_of(evidence, "weight"), "sign");
    support_assert_contains(text_of(evidence, "finding"),
                            "class 4 stands out by its margin, 73.08; the other classes have 1.1 "
                            "or less (index ");
    const json_t *states = json_object_get(record, "steps");
    assert_string_equal(text_of(json_array_get(states, 0), "state"), "failed");
    support_assert_contains(text_of(json_array_get(states, 0), "reason"), "m.safetensors: no luck");
    assert_string_equal(text_of(json_array_get(states, 1), "state"), "done");
    json_decref(record);
    char *text = support_read("out/audit.txt", NULL);
    support_assert_contains(text, "  ! Maximum margin: class 4 stands out by its margin");
    support_assert_contains(text, "Verdict: backdoor-suspected\n");
    free(text);
}

/* Redoing a step deletes the verdict, which describes the previous one. */
static void a_new_step_ends_the_old_verdict(void **state) {
    (void)state;
    static const char *const options[] = {"model",   "m.safetensors", "clean", "clean.safetensors",
                                          "minutes", "1e-9",          NULL};
    td_error error;
    bool failed;
    json_t *digests = json_object();
    write_model("m.safetensors", true);
    write_clean();
    assert_int_equal(execute(&defend_audit, NULL, false, options, &failed, &error), TD_OK);
    json_t *record = read_record("out/audit.json");
    assert_string_equal(text_of(record, "verdict"), "inconclusive");
    const json_t *states = json_object_get(record, "steps");
    assert_string_equal(text_of(json_array_get(states, 1), "state"), "out of time");
    json_decref(record);
    assert_true(is_there("out/audit.txt"));
    static const char *const own[] = {"audit.json", "audit.txt", NULL};
    tool_settings settings;
    assert_int_equal(tool_settings_open(&settings, "trapdoor-defend", &defend_audit, &error),
                     TD_OK);
    settings.common.output = "out";
    tool_run whole = {.settings = &settings, .common = &settings.common};
    const steps all = {&whole, digests, own};
    step s;
    assert_int_equal(step_open(&s, &all, &margin_method, NULL, "ascent", &error), TD_OK);
    assert_int_equal(tool_settings_set(&s.settings, "model", "m.safetensors", &error), TD_OK);
    assert_int_equal(step_look(&s, &all, &error), TD_OK);
    assert_false(s.done);
    assert_int_equal(step_run(&s, &all, INFINITY, NULL, NULL, &error), TD_OK);
    assert_true(s.done && ((const findings *)s.outcome)->flagged == 1);
    assert_false(is_there("out/audit.json") || is_there("out/audit.txt"));
    step_close(&s);
    td_arena_free(&whole.arena);
    tool_settings_close(&settings);
    json_decref(digests);
}

static void rates_take_it(void **state) {
    (void)state;
    static const char *const options[] = {"models", "models", "steps", "20", NULL};
    static const char *const others[] = {"models", "models", "steps", "21", NULL};
    static const char *const withheld[] = {"model", "m.safetensors", NULL};
    td_error error;
    bool failed;
    support_make_folder("models/clean");
    support_make_folder("models/backdoored");
    write_model("models/clean/a.safetensors", false);
    write_model("models/backdoored/b.safetensors", true);
    support_write_text("models/backdoored/b.manifest.json", "{\"triggers\": [{\"target\": 4}]}");
    assert_int_equal(execute(&defend_rates, &margin_method, false, options, &failed, &error),
                     TD_OK);
    assert_false(failed);
    json_t *record = read_record("out/rates.json");
    assert_string_equal(text_of(record, "inspector"), "ascent");
    const json_t *asked = json_object_get(record, "options");
    assert_int_equal(json_integer_value(json_object_get(asked, "steps")), 20);
    const json_t *hits = json_object_get(record, "infected_first_count");
    assert_int_equal(json_integer_value(json_array_get(hits, 0)), 1);
    const json_t *model = json_array_get(json_object_get(record, "rated_models"), 1);
    assert_string_equal(text_of(model, "name"), "backdoored/b");
    assert_string_equal(text_of(model, "outcome"), "found");
    assert_true(json_number_value(json_object_get(model, "first_value")) > 70);
    json_decref(record);
    assert_int_equal(execute(&defend_rates, &margin_method, false, others, &failed, &error),
                     TD_ERR_USAGE);
    support_assert_contains(error.message, "\"steps\": expected 21, found 20; --force starts over");
    assert_int_equal(execute(&defend_rates, &margin_method, false, withheld, &failed, &error),
                     TD_ERR_USAGE);
    support_assert_contains(error.message, "rates has no option --model");
    assert_int_equal(execute(&defend_rates, &fail_method, true,
                             (const char *const[]){"models", "models", NULL}, &failed, &error),
                     TD_ERR_IO);
    support_assert_contains(error.message,
                            "expected models that can be inspected, found none of 2");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(an_audit_takes_it),
        IN_FOLDER(a_new_step_ends_the_old_verdict),
        IN_FOLDER(rates_take_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
