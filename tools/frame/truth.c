/* SPDX-License-Identifier: MIT */
#include "frame/truth.h"

#include "base/json.h"
#include "measure/flags.h"
#include "measure/rates.h"
#include <string.h>

enum { SHOWN = 16 }; /* digits of a checksum in a message */

/* The manifest's output with the set's checksum. */
static td_status find_output(const tool_record *record, const td_dataset *data, const json_t *root,
                             const json_t **out, td_error *error) {
    size_t i;
    json_t *output;
    if (data->file_count != 1)
        return td_fail(error, TD_ERR_USAGE,
                       "expected the set that it was written with as --data, one file, found %s",
                       data->name);
    const td_digest *found = tool_record_digest(record, data->files[0]);
    json_array_foreach(json_object_get(root, "outputs"), i, output) {
        const char *sum = json_string_value(json_object_get(output, "sha256"));
        if (sum && strcmp(sum, found->hex) == 0) {
            *out = output;
            return TD_OK;
        }
    }
    return td_fail(error, TD_ERR_USAGE,
                   "expected an output with SHA-256 %.*s..., that of %s, found none: it is of "
                   "another set",
                   SHOWN, found->hex, data->name);
}

static td_status read_output(const json_t *output, const td_dataset *data, bool *poisoned,
                             td_error *error) {
    const json_t *indices = json_object_get(output, "poisoned_indices");
    const json_t *count = json_object_get(output, "count");
    size_t i;
    json_t *entry;
    json_int_t last = -1;
    if (!json_is_array(indices))
        return td_fail(error, TD_ERR_FORMAT, "expected a list under \"poisoned_indices\"");
    json_array_foreach(indices, i, entry) {
        const json_int_t index = json_is_integer(entry) ? json_integer_value(entry) : -1;
        const size_t at = (size_t)index - data->first;
        if (index <= last)
            return td_fail(error, TD_ERR_FORMAT,
                           "poisoned_indices[%zu]: expected an index above %lld, found %s", i,
                           (long long)last, json_is_integer(entry) ? "a lower one" : "none");
        last = index;
        if ((size_t)index >= data->first && at < data->images.count)
            poisoned[at] = true;
    }
    if (!json_is_integer(count) || last >= json_integer_value(count))
        return td_fail(error, TD_ERR_FORMAT,
                       "poisoned_indices: expected indices below the \"count\" of the output");
    return TD_OK;
}

td_status tool_read_truth(tool_run *run, const td_dataset *data, const char *path, bool *poisoned,
                          td_error *error) {
    const json_t *output = NULL;
    json_t *root;
    TD_TRY(tool_record_input(&run->record, path, error));
    TD_TRY(td_json_read(path, &root, error));
    td_status status = find_output(&run->record, data, root, &output, error);
    if (status == TD_OK)
        status = read_output(output, data, poisoned, error);
    json_decref(root);
    return status == TD_OK ? tool_record_was_read(&run->record, path, error)
                           : td_fail_within(error, status, "%s", path);
}

typedef struct truth {
    size_t poisoned;
    td_rate precision, recall, false_positives;
    td_f1 f1;
} truth;

static const tool_column columns[] = {
    {"poisoned", "poisoned", TOOL_COUNT, offsetof(truth, poisoned)},
    {"precision", "precision", TOOL_RATE, offsetof(truth, precision)},
    {"recall", "recall", TOOL_RATE, offsetof(truth, recall)},
    {"false_positive_rate", "false positives", TOOL_RATE, offsetof(truth, false_positives)},
    {"prior", "poisoned share", TOOL_REAL, offsetof(truth, f1.prior), .digits = 4},
    {"f1", "F1", TOOL_REAL, offsetof(truth, f1.f1), .digits = 4},
    {"weighted_f1", "F1, misses ×9", TOOL_REAL, offsetof(truth, f1.weighted), .digits = 4},
    {0},
};

static const tool_table_kind table = {.name = "truth",
                                      .title = "Against the manifest",
                                      .columns = columns,
                                      .row = sizeof(truth),
                                      .single = true};

td_status tool_add_truth(tool_run *run, const bool *suspect, const bool *poisoned, size_t images,
                         td_error *error) {
    size_t suspects = 0, all = 0, hits = 0;
    for (size_t i = 0; i < images; i++) {
        suspects += suspect[i];
        all += poisoned[i];
        hits += suspect[i] && poisoned[i];
    }
    const truth row = {all, td_rate_of(hits, suspects), td_rate_of(hits, all),
                       td_rate_of(suspects - hits, images - all),
                       td_f1_of(td_flags_of(hits, suspects, all, images))};
    return tool_run_rows(run, &table, NULL, &row, 1, error);
}
