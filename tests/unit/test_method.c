/* SPDX-License-Identifier: MIT */
/* A method as a table: its settings, its tables, and a run. */
#include "support.h"

#include "base/json.h"
#include "frame/predict.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- a method --- */

typedef struct inputs {
    const char *model;
    td_many sets;
} inputs;

typedef struct own {
    size_t steps;
    double rate, minutes;
    int how;
    bool patch, quiet_end;
    const char *to;
    size_t size[2];
} own;

static const char *const ways[] = {"unlearn", "prune", NULL};

static const td_key input_keys[] = {
    {"model", TD_KEY_TEXT, offsetof(inputs, model), .required = true, .value = "MODEL"},
    {"set", TD_KEY_TEXT, offsetof(inputs, sets), .many = true, .field = "sets"},
    {0},
};

static const td_key own_keys[] = {
    {"steps", TD_KEY_COUNT, offsetof(own, steps), .least = 1, .most = 9, .standard = "3"},
    {"rate", TD_KEY_REAL, offsetof(own, rate), .most = 1, .above = true, .standard = "0.5"},
    {"minutes", TD_KEY_REAL, offsetof(own, minutes), .most = INFINITY, .above = true,
     .standard = "inf", .unrecorded = true},
    {"patch", TD_KEY_FLAG, .offset = offsetof(own, patch)},
    {0},
};

static const td_key patch_keys[] = {
    {"how", TD_KEY_WORD, offsetof(own, how), .words = ways, .standard = "unlearn"},
    {"patched-to", TD_KEY_TEXT, offsetof(own, to), .needs = "how=prune", .required = true},
    {0},
};

static const td_key size_keys[] = {
    {"size", TD_KEY_PAIR, offsetof(own, size), .least = 1, .most = 64, .field = "the-size"},
    {0},
};

static const tool_keys input_groups[] = {{.keys = input_keys}, {0}},
                       own_groups[] = {{.keys = own_keys, .object = "own"},
                                       {.keys = patch_keys, .object = "own", .needs = "patch"},
                                       {.keys = size_keys, .object = "own"},
                                       {0}};

static const tool_chart charts[] = {{"Size of each class", TOOL_CHART_BARS, "class", {"size"}},
                                    {0}};

typedef struct class_row {
    const char *class;
    double size, index;
    td_rate asr;
    bool flagged;
    signed char lifted; /* -1: not known */
    size_t first, second, lacking;
    tool_list labels, sizes, pairs, names;
} class_row;

#define AT(field) offsetof(class_row, field)

static const tool_column columns[] = {
    {"class", "class", TOOL_TEXT, AT(class)},
    {"size", "size", TOOL_REAL, AT(size), .unit = "pixels", .digits = 2, .null = true},
    {"index", "index", TOOL_REAL, AT(index)},
    {"asr", "ASR", TOOL_RATE, AT(asr)},
    {"flagged", "", TOOL_FLAG, AT(flagged), .flag = "FLAGGED"},
    {"lifted", NULL, TOOL_FLAG, AT(lifted)},
    {"hits", "first", TOOL_COUNT, AT(first), .list = true},
    {"hits", "second", TOOL_COUNT, AT(second), .list = true},
    {"lacking", "lacking", TOOL_COUNT, AT(lacking)},
    {"labels", "labels", TOOL_LIST, AT(labels)},
    {"sizes", NULL, TOOL_LIST, AT(sizes), .digits = 2},
    {"pairs", NULL, TOOL_LIST, AT(pairs)},
    {"names", "names", TOOL_LIST, AT(names)},
    {0},
};

#undef AT

static const tool_column facts[] = {{"auroc", "AUROC", .kind = TOOL_ESTIMATE}, {0}};

static const tool_table_kind classes = {.name = "classes",
                                        .title = "Classes",
                                        .columns = columns,
                                        .row = sizeof(class_row),
                                        .charts = charts},
                             numbers = {.title = "",
                                        .columns = facts,
                                        .row = sizeof(tool_estimate),
                                        .single = true},
                             within = {
                                 .columns = facts, .row = sizeof(tool_estimate), .single = true};

static td_status fill(tool_run *run, td_error *error) {
    const tool_estimate auroc = {0.75, {0.5, 1}};
    char name[] = "cat";
    double labels[] = {3, 7};
    static const double sizes[] = {0.5, INFINITY}, pairs[] = {1, 2, 3, 4};
    const char *const names[] = {name, "b"};
    const class_row rows[] = {{.class = name,
                               .size = 2.5,
                               .index = INFINITY,
                               .asr = {3, 4, 0.75, {0.5, 0.875}},
                               .flagged = true,
                               .lifted = false,
                               .first = 1,
                               .second = 2,
                               .lacking = TOOL_NO_COUNT,
                               .labels = {labels, 2},
                               .sizes = {sizes, 2},
                               .pairs = {.values = pairs, .count = 4, .row = 2},
                               .names = {.texts = names, .count = 2}},
                              {.class = "dögs",
                               .size = NAN,
                               .index = NAN,
                               .lifted = -1,
                               .first = TOOL_NO_COUNT,
                               .second = TOOL_NO_COUNT,
                               .lacking = TOOL_NO_COUNT}};
    TD_TRY(tool_run_rows(run, &numbers, NULL, &auroc, 1, error));
    TD_TRY(tool_run_rows(run, &within, "/of/it", &auroc, 1, error));
    TD_TRY(tool_run_rows(run, &classes, NULL, rows, 2, error));
    memset(name, 'x', sizeof name - 1); /* a table has its own copies */
    labels[0] = 4;
    return tool_run_summary(run, error, "%d of %d classes", 1, 2);
}

static bool fails;

static td_status work(tool_run *run, td_error *error) {
    FILE *stream;
    TD_TRY(tool_outputs_add(&run->outputs, "one.txt", &stream, error));
    fputs("one", stream);
    TD_TRY(tool_outputs_finish(&run->outputs, &run->record, error));
    TD_TRY(tool_outputs_add(&run->outputs, "two.txt", &stream, error));
    fputs("two", stream);
    TD_TRY(fill(run, error));
    TD_TRY(tool_outputs_supersede(&run->outputs, "checkpoint", error));
    tool_run_leaves(run, "checkpoint", "--resume continues");
    if (fails)
        return td_fail(error, TD_ERR_NUMERIC, "no luck");
    return tool_outputs_finish(&run->outputs, &run->record, error);
}

static const tool_family family = {.name = "test",
                                   .groups = input_groups,
                                   .size = sizeof(inputs),
                                   .run = work,
                                   .output = TOOL_OUTPUT_FOLDER,
                                   .needs_output = true,
                                   .output_what = "where to write"};

static const tool_method method = {
    .name = "try", .family = &family, .groups = own_groups, .size = sizeof(own)};

/* --- settings --- */

static void open_settings(tool_settings *settings) {
    assert_int_equal(tool_settings_open(settings, "trapdoor-test", &method, NULL), TD_OK);
}

static void set(tool_settings *settings, const char *name, const char *value) {
    td_error error = {0};
    td_status status = tool_settings_set(settings, name, value, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(status, TD_OK);
}

static void refuse(tool_settings *settings, const char *name, const char *value,
                   const char *message) {
    td_error error;
    assert_int_equal(tool_settings_set(settings, name, value, &error), TD_ERR_USAGE);
    assert_string_equal(error.message, message);
}

static void check(tool_settings *settings, const char *message) {
    td_error error = {0};
    td_status status = tool_settings_check(settings, &error);
    assert_string_equal(error.message, message);
    assert_int_equal(status, *message ? TD_ERR_USAGE : TD_OK);
}

static void test_values(void **state) {
    (void)state;
    tool_settings s;
    open_settings(&s);
    const own *o = s.own;
    const inputs *in = s.family;
    assert_int_equal(o->steps, 3);
    assert_true(o->rate == 0.5 && isinf(o->minutes));
    assert_null(in->model);
    set(&s, "model", "m");
    for (int i = 0; i < 5; i++)
        set(&s, "set", (const char *[]){"a", "b", "c", "d", "e"}[i]);
    set(&s, "steps", "9");
    set(&s, "size", "4x6");
    assert_int_equal(in->sets.count, 5);
    assert_string_equal(in->sets.texts[4], "e");
    assert_string_equal(in->model, "m");
    assert_int_equal(o->steps, 9);
    assert_int_equal(o->size[0], 4);
    assert_int_equal(o->size[1], 6);
    assert_true(tool_settings_given(&s, "steps"));
    assert_false(tool_settings_given(&s, "rate"));
    tool_settings_close(&s);
    tool_settings_close(&s);
}

static void test_refused_values(void **state) {
    (void)state;
    tool_settings s;
    open_settings(&s);
    refuse(&s, "steps", "0", "--steps: expected a whole number from 1 to 9, found \"0\"");
    refuse(&s, "steps", "1.5", "--steps: expected a whole number from 1 to 9, found \"1.5\"");
    refuse(&s, "rate", "0", "--rate: expected a number in (0, 1], found \"0\"");
    refuse(&s, "rate", "nan", "--rate: expected a number in (0, 1], found \"nan\"");
    refuse(&s, "how", "filter", "--how: expected one of unlearn, prune, found \"filter\"");
    refuse(&s, "clean", "x", "try has no option --clean");
    set(&s, "steps", "2");
    refuse(&s, "steps", "3",
           "--steps: expected it once, a whole number from 1 to 9, found it again with \"3\"");
    tool_settings_close(&s);
}

static void test_what_goes_with_what(void **state) {
    (void)state;
    tool_settings s;
    open_settings(&s);
    check(&s, "expected --model, found none");
    set(&s, "model", "m");
    check(&s, "-o is missing: where to write");
    s.common.output = "out";
    check(&s, "");
    set(&s, "how", "prune");
    check(&s, "--how: expected --patch with it, found none");
    set(&s, "patch", "");
    check(&s, "--how prune: expected --patched-to with it, found none");
    set(&s, "patched-to", "file");
    check(&s, "");
    tool_settings_close(&s);
    open_settings(&s);
    s.common.output = "out";
    set(&s, "model", "m");
    set(&s, "patch", "");
    set(&s, "patched-to", "file");
    check(&s, "--patched-to: expected --how prune with it, found none");
    tool_settings_close(&s);
}

static void assert_json(const json_t *value, const char *text) {
    char *found = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(10));
    assert_string_equal(found, text);
    free(found);
}

static json_t *options_of(const tool_settings *s) {
    td_error error;
    json_t *options;
    assert_int_equal(tool_settings_json(s, &options, &error), TD_OK);
    return options;
}

static void test_options_of_the_record(void **state) {
    (void)state;
    tool_settings s;
    open_settings(&s);
    set(&s, "model", "m");
    set(&s, "minutes", "5");
    json_t *options = options_of(&s);
    assert_json(options, "{\"method\":\"try\",\"model\":\"m\",\"sets\":[],"
                         "\"own\":{\"steps\":3,\"rate\":0.5,\"patch\":false}}");
    json_decref(options);
    set(&s, "patch", "");
    set(&s, "set", "d");
    set(&s, "size", "7");
    options = options_of(&s);
    assert_json(options, "{\"method\":\"try\",\"model\":\"m\",\"sets\":[\"d\"],"
                         "\"own\":{\"steps\":3,\"rate\":0.5,\"patch\":true,\"how\":\"unlearn\","
                         "\"the-size\":[7,7]}}");
    json_decref(options);
    tool_settings_close(&s);
}

/* --- keys side by side --- */

typedef struct pairs {
    td_many triggers, targets, strengths;
} pairs;

static const td_key pair_keys[] = {
    {"trigger", TD_KEY_TEXT, offsetof(pairs, triggers), .many = true, .optional = true},
    {"target", TD_KEY_COUNT, offsetof(pairs, targets), .most = 9, .many = true},
    {0},
};

static const td_key strength_keys[] = {
    {"strength", TD_KEY_REAL, offsetof(pairs, strengths), .least = -INFINITY, .most = INFINITY,
     .many = true, .optional = true},
    {0},
};

static const tool_keys pair_groups[] = {
    {.keys = pair_keys, .object = "watched", .rows = true}, {.keys = strength_keys}, {0}};

static const tool_family pair_family = {
    .name = "pairs", .groups = pair_groups, .size = sizeof(pairs)};

static const tool_method pair_method = {.family = &pair_family};

static void test_keys_side_by_side(void **state) {
    (void)state;
    tool_settings s;
    assert_int_equal(tool_settings_open(&s, "trapdoor-test", &pair_method, NULL), TD_OK);
    json_t *options = options_of(&s);
    assert_json(options, "{}");
    json_decref(options);
    set(&s, "trigger", "a");
    check(&s, "--trigger and --target come in pairs: found 1 and 0");
    set(&s, "target", "1,2");
    check(&s, "--trigger and --target come in pairs: found 1 and 2");
    set(&s, "trigger", "b,c"); /* a text is one, whatever is in it */
    check(&s, "");
    set(&s, "strength", "1,-2.5");
    set(&s, "strength", "3");
    options = options_of(&s);
    assert_json(json_object_get(options, "watched"),
                "[{\"trigger\":\"a\",\"target\":1},{\"trigger\":\"b,c\",\"target\":2}]");
    assert_json(json_object_get(options, "strength"), "[1.0,-2.5,3.0]");
    json_decref(options);
    refuse(&s, "strength", "4,x", "--strength: expected a number, found \"x\"");
    refuse(&s, "target", "3,", "--target: expected a whole number from 0 to 9, found \"\"");
    tool_settings_close(&s);
}

/* --- a method that runs another --- */

static const td_key host_keys[] = {{"folder", TD_KEY_TEXT, .required = true}, {0}};
static const tool_keys host_groups[] = {{.keys = host_keys}, {0}};
static const char *const withheld[] = {"model", "set", NULL};
static const tool_family hosts = {.name = "hosts"};
static const tool_method host = {.name = "host",
                                 .family = &hosts,
                                 .groups = host_groups,
                                 .size = sizeof(const char *),
                                 .guests = "test",
                                 .withheld = withheld};

static void test_keys_of_a_guest(void **state) {
    (void)state;
    tool_settings s, part;
    size_t count = 0;
    assert_int_equal(tool_settings_open(&s, "trapdoor-test", &host, NULL), TD_OK);
    check(&s, "test: expected the name of one (see --help), found none");
    refuse(&s, "steps", "2", "host has no option --steps");
    assert_int_equal(tool_settings_invite(&s, &method, NULL), TD_OK);
    while (tool_settings_key(&s, count, NULL))
        count++;
    assert_int_equal(count, 8); /* all but the two that are withheld */
    assert_string_equal(tool_settings_key(&s, 1, NULL)->name, "steps");
    assert_null(tool_settings_find(&s, "model"));
    assert_non_null(tool_settings_find(&s, "folder"));
    refuse(&s, "model", "m", "host has no option --model");
    refuse(&s, "steps", "0", "--steps: expected a whole number from 1 to 9, found \"0\"");
    set(&s, "steps", "2");
    assert_true(tool_settings_given(&s, "steps"));
    check(&s, "expected --folder, found none");
    set(&s, "folder", "f");
    check(&s, ""); /* the model, which the guest wants, is for the host to give */
    set(&s, "how", "prune");
    check(&s, "--how: expected --patch with it, found none");
    json_t *options = options_of(&s);
    assert_json(options, "{\"method\":\"host\",\"test\":\"try\",\"folder\":\"f\","
                         "\"own\":{\"steps\":2,\"rate\":0.5,\"patch\":false}}");
    json_decref(options);
    open_settings(&part);
    tool_settings_copy(&part, s.guest);
    assert_int_equal(((const own *)part.own)->steps, 2);
    assert_true(tool_settings_given(&part, "steps") && !tool_settings_given(&part, "rate"));
    tool_settings_close(&part);
    tool_settings_close(&s);
}

/* --- runs --- */

static td_status execute(tool_run *run, tool_settings *s, const char *json, td_error *error) {
    open_settings(s);
    set(s, "model", "m");
    s->common.output = "out";
    s->common.json = json;
    *run = (tool_run){.deadline = INFINITY};
    return tool_run_execute(run, s, error);
}

static void test_files_and_record_appear_together(void **state) {
    (void)state;
    tool_settings s;
    tool_run run;
    td_error error;
    fails = true;
    support_write_text("checkpoint", "half");
    assert_int_equal(execute(&run, &s, "out/record.json", &error), TD_ERR_NUMERIC);
    assert_string_equal(error.message, "no luck; --resume continues");
    assert_int_equal(access("checkpoint", F_OK), 0);
    tool_run_close(&run);
    tool_settings_close(&s);
    assert_int_not_equal(access("out", F_OK), 0);
    fails = false;
    assert_int_equal(execute(&run, &s, "/dev/full", &error), TD_ERR_IO);
    assert_string_equal(error.message, "/dev/full: No space left on device; --resume continues");
    assert_int_equal(access("checkpoint", F_OK), 0);
    tool_run_close(&run);
    tool_settings_close(&s);
    assert_int_not_equal(access("out", F_OK), 0);
    assert_int_equal(execute(&run, &s, "out/record.json", &error), TD_OK);
    support_assert_file("out/one.txt", "one");
    support_assert_file("out/two.txt", "two");
    assert_int_not_equal(access("checkpoint", F_OK), 0);
    json_t *record;
    assert_int_equal(td_json_read("out/record.json", &record, NULL), TD_OK);
    assert_int_equal(json_array_size(json_object_get(record, "outputs")), 2);
    json_decref(record);
    tool_run_close(&run);
    tool_settings_close(&s);
    /* A conflicting file is detected, and nothing changes. */
    unlink("out/one.txt");
    assert_int_equal(execute(&run, &s, NULL, &error), TD_ERR_USAGE);
    assert_string_equal(error.message, "out/two.txt: exists already; --force replaces it");
    tool_run_close(&run);
    tool_settings_close(&s);
    assert_int_not_equal(access("out/one.txt", F_OK), 0);
    support_assert_file("out/two.txt", "two");
}

static void test_tables_in_the_record(void **state) {
    (void)state;
    tool_settings s;
    tool_run run;
    td_error error;
    assert_int_equal(execute(&run, &s, NULL, &error), TD_OK);
    const json_t *root = run.record.root;
    assert_json(json_object_get(root, "classes"),
                "[{\"class\":\"cat\",\"size\":2.5,\"index\":null,\"asr\":0.75,"
                "\"asr_interval\":[0.5,0.875],\"asr_count\":[3,4],\"flagged\":true,"
                "\"lifted\":false,\"hits\":[1,2],\"labels\":[3,7],\"sizes\":[0.5,null],"
                "\"pairs\":[[1,2],[3,4]],\"names\":[\"cat\",\"b\"]},"
                "{\"class\":\"d\xc3\xb6gs\",\"size\":null,\"flagged\":false,"
                "\"hits\":[null,null]}]");
    assert_true(json_real_value(json_object_get(root, "auroc")) == 0.75);
    assert_json(json_object_get(root, "auroc_interval"), "[0.5,1.0]");
    assert_json(json_object_get(root, "of"), "{\"it\":{\"auroc\":0.75,"
                                             "\"auroc_interval\":[0.5,1.0]}}");
    assert_string_equal(json_string_value(json_object_get(root, "summary")), "1 of 2 classes");
    const json_t *described = json_array_get(json_object_get(root, "tables"), 1);
    assert_string_equal(json_string_value(json_object_get(described, "rows")), "/classes");
    assert_int_equal(json_array_size(json_object_get(described, "columns")), 9);
    assert_json(json_object_get(described, "charts"),
                "[{\"title\":\"Size of each class\",\"kind\":\"bars\",\"x\":\"class\","
                "\"y\":[\"size\"]}]");
    tool_run_close(&run);
    tool_settings_close(&s);
}

static void test_tables_as_text(void **state) {
    (void)state;
    tool_settings s;
    tool_run run;
    td_error error;
    char *text;
    size_t size;
    assert_int_equal(execute(&run, &s, NULL, &error), TD_OK);
    FILE *stream = open_memstream(&text, &size);
    tool_run_print(&run, stream);
    fclose(stream);
    assert_string_equal(text, "1 of 2 classes\n"
                              "  AUROC: 0.7500 [0.5000, 1.0000]\n"
                              "Classes\n"
                              "  class  size, pixels  index                ASR, %           first  "
                              "second  labels  names\n"
                              "  cat            2.50    inf  75.00 [50.00, 87.50]  FLAGGED      1  "
                              "     2  3, 7    cat, b\n"
                              "  d\xc3\xb6gs\n");
    free(text);
    tool_run_close(&run);
    tool_settings_close(&s);
}

static void test_a_deadline_stops(void **state) {
    (void)state;
    tool_settings s;
    tool_run run = {.deadline = 0};
    td_error error;
    open_settings(&s);
    run.common = &s.common;
    tool_run_begin(&run, "working", "steps", 10);
    assert_int_equal(tool_run_go_on(&run, 4, NULL, &error), TD_ERR_INTERRUPTED);
    assert_string_equal(error.message, "the time is up after 4 of 10 steps");
    tool_pass pass = tool_run_pass(&run, "predicting", 10);
    const td_predict_watch watch = tool_pass_watch(&pass);
    assert_false(watch.batch_done(watch.context, 4));
    run.deadline = INFINITY;
    assert_true(watch.batch_done(watch.context, 8));
    tool_pass_end(&pass);
    run.deadline = INFINITY;
    assert_int_equal(tool_run_go_on(&run, 5, NULL, &error), TD_OK);
    tool_settings_close(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_refused_values),
        cmocka_unit_test(test_what_goes_with_what),
        cmocka_unit_test(test_options_of_the_record),
        cmocka_unit_test(test_keys_of_a_guest),
        IN_FOLDER(test_files_and_record_appear_together),
        IN_FOLDER(test_tables_in_the_record),
        IN_FOLDER(test_tables_as_text),
        cmocka_unit_test(test_keys_side_by_side),
        cmocka_unit_test(test_a_deadline_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
