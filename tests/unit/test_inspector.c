/* SPDX-License-Identifier: MIT */
/* The inspectors' interface: an inspector only for tests (margin_inspector.c) needs just a row in a
 * table of methods to run, be recorded, and be read back. */
#include "base/json.h"
#include "defend/inspect/inspect.h"
#include "defend/method.h"
#include "frame/command.h"
#include "margin_inspector.h"
#include "net_support.h"
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIDE = 4, SIZE = SIDE * SIDE, CLASSES = 6, INFECTED = 4, MOST_METHODS = 64 };

static const char net_text[] = "input = image() height=4 width=4 channels=1\n"
                               "unit = scale(input) by=1/255\nflat = flatten(unit)\n"
                               "fc = dense(flat) out=6\n";

/* The logit of class k is pixel k, but for class INFECTED, where pixels 8 to 15 count nine times:
 * margins of 1 (pixel k alone), about, and of 72. */
static void write_model(void) {
    td_net net;
    td_error error;
    net_parsed(&net, net_text, NULL);
    float *weights = calloc(net.weight_count, sizeof *weights);
    assert_non_null(weights);
    for (size_t k = 0; k < CLASSES; k++) {
        weights[k * SIZE + k] = 1 + 0.02F * (float)k;
        for (size_t i = 8; k == INFECTED && i < SIZE; i++)
            weights[k * SIZE + i] = 9;
    }
    FILE *stream = fopen("m.safetensors", "wb");
    assert_non_null(stream);
    assert_int_equal(td_model_write(stream, &net, weights, NULL, NULL, &error), TD_OK);
    fclose(stream);
    free(weights);
    td_net_free(&net);
}

/* The tool's methods plus one row. */
static const tool_method *const *methods(void) {
    static const tool_method *table[MOST_METHODS];
    size_t count = 0;
    for (; defend_methods[count]; count++)
        table[count] = defend_methods[count];
    assert_true(count + 1 < MOST_METHODS);
    table[count] = &margin_method;
    return table;
}

/* The exit status of the tool; it prints to the file "printed". */
static int run_tool(int argc, const char *const *arguments) {
    const tool_program program = {"trapdoor-defend", "METHOD", "Methods", "Tests.", methods()};
    char *argv[16], words[16][32];
    fflush(stdout);
    const int kept = dup(STDOUT_FILENO), file = open("printed", O_CREAT | O_WRONLY, 0666);
    assert_true(kept >= 0 && file >= 0 && dup2(file, STDOUT_FILENO) >= 0);
    for (int i = 0; i < argc; i++) {
        snprintf(words[i], sizeof words[i], "%s", arguments[i]);
        argv[i] = words[i];
    }
    argv[argc] = NULL;
    const int status = tool_main(&program, argc, argv);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    close(file);
    return status;
}

static void a_row_is_a_method(void **state) {
    (void)state;
    static const char *const arguments[] = {"trapdoor-defend", "ascent", "--model", "m.safetensors",
                                            "--exit-code",     "--json", "r.json",  "-q"};
    json_t *record;
    const void *read;
    td_arena arena = {0};
    td_error error;
    write_model();
    assert_int_equal(run_tool(8, arguments), TOOL_EXIT_FLAGGED);
    char *printed = support_read("printed", NULL);
    support_assert_contains(printed, "m.safetensors: 1 of 6 classes flagged: index above 2, on the "
                                     "large side\nClasses\n");
    support_assert_contains(printed, "class  margin");
    support_assert_contains(printed, "FLAGGED");
    free(printed);

    assert_int_equal(td_json_read("r.json", &record, &error), TD_OK);
    assert_string_equal(json_string_value(json_object_get(record, "method")), "ascent");
    const json_t *tables = json_object_get(record, "tables"), *first = json_array_get(tables, 0);
    assert_string_equal(json_string_value(json_object_get(first, "rows")), "/classes");
    assert_int_equal(findings_read(record, &arena, &read, &error), TD_OK);
    const findings f = *(const findings *)read;
    assert_string_equal(f.statistic.name, "margin");
    assert_true(f.statistic.large && f.about == FINDING_CLASS && !f.rated && f.judged);
    assert_true(f.count == CLASSES && f.flagged == 1 && f.unsearched == 0);
    const finding *most = findings_first(&f);
    assert_true(most->class == INFECTED && most->flagged && most->index > 2);
    assert_ptr_equal(findings_largest_index(&f), most);
    assert_true(fabs(most->value - 73.08) < 1e-3 && fabs(f.list[0].value - 1) < 1e-3);
    td_arena_free(&arena);
    json_decref(record);
}

static td_status execute(tool_settings *settings, tool_run *run, const char *key, const char *value,
                         td_error *error) {
    TD_TRY(tool_settings_open(settings, "trapdoor-defend", &margin_method, error));
    TD_TRY(tool_settings_set(settings, "model", "m.safetensors", error));
    if (key)
        TD_TRY(tool_settings_set(settings, key, value, error));
    TD_TRY(tool_settings_check(settings, error));
    return tool_run_execute(run, settings, error);
}

/* As a part of another run, with no time left. */
static void time_may_be_up(void **state) {
    (void)state;
    tool_settings settings;
    tool_run run = {.as_part = true};
    const void *read;
    td_arena arena = {0};
    td_error error;
    write_model();
    assert_int_equal(execute(&settings, &run, NULL, NULL, &error), TD_OK);
    assert_int_equal(findings_read(run.record.root, &arena, &read, &error), TD_OK);
    const findings f = *(const findings *)read;
    assert_true(f.count == 0 && f.unsearched == CLASSES && !f.judged && !run.flagged);
    td_arena_free(&arena);
    tool_run_close(&run);
    tool_settings_close(&settings);
}

static void what_has_no_meaning_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *key, *value, *message;
    } rows[] = {
        {"clean", "x", "--clean has no meaning here: the model alone is inspected"},
        {"triggers", "x", "--triggers has no meaning here: none are recovered"},
        {"trigger", "x", "--trigger and --target come in pairs: found 1 and 0"},
        {"minutes", "0", "--minutes: expected a number above 0, found \"0\""},
        {"patience", "1", "ascent has no option --patience"},
    };
    write_model();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tool_settings settings;
        tool_run run = {.deadline = INFINITY};
        td_error error;
        assert_int_equal(execute(&settings, &run, rows[i].key, rows[i].value, &error),
                         TD_ERR_USAGE);
        assert_string_equal(error.message, rows[i].message);
        tool_run_close(&run);
        tool_settings_close(&settings);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_row_is_a_method),
        IN_FOLDER(time_may_be_up),
        IN_FOLDER(what_has_no_meaning_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
