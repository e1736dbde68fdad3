/* SPDX-License-Identifier: MIT */
/* Expectations for trapdoor-report --expect; their paths are evaluated on a small record. */
#include "fuzz.h"
#include "report/results/expect.h"
#include "report/results/find.h"
#include "report/results/verdict.h"
#include <math.h>

static const char record[] =
    "{\"images\": 10, \"flagged\": [], \"models\": [{\"file\": \"a\", \"accuracy\": 0.5, "
    "\"triggers\": [{\"target\": 3, \"asr\": null}, {\"target\": 4, \"asr\": 1}]}]}";

static const char *text_of(const json_t *row, const char *key, const char *other) {
    const char *text = json_string_value(json_object_get(row, key));
    return text ? text : other;
}

static void ask(const json_t *root, const json_t *row) {
    td_error error = {""};
    take how;
    json_t *values = NULL;
    double number;
    verdict_figure figure;
    char seed[EXPECT_TEXT];
    const char *paper = json_string_value(json_object_get(row, "paper"));
    FUZZ_ASSERT(take_parse(&how, text_of(row, "take", "only"), &error) == TD_OK);
    FUZZ_ASSERT(!paper || verdict_figure_parse(&figure, paper));
    expect_matches(text_of(row, "records", ""), "mnist/25/1/eval.json", seed);
    if (fuzz_succeeded(find_values(root, text_of(row, "value", ""), &values, &error), &error) &&
        fuzz_succeeded(take_number(&how, values, &number, &error), &error))
        FUZZ_ASSERT(isfinite(number));
    json_decref(values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    td_error error = {""};
    json_t *root = json_loads(record, 0, NULL), *expectations;
    const json_t *table, *row;
    size_t i, k;
    FUZZ_ASSERT(root);
    if (fuzz_succeeded(expect_read(fuzz_file(data, size), &expectations, &error), &error)) {
        json_array_foreach(json_object_get(expectations, "tables"), i, table) {
            json_array_foreach(json_object_get(table, "rows"), k, row) ask(root, row);
        }
        json_decref(expectations);
    }
    json_decref(root);
    return 0;
}
