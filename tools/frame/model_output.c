/* SPDX-License-Identifier: MIT */
#include "frame/model_output.h"

#include "model/model.h"
#include <stdlib.h>

/* The head of the record, without the paths of its files. */
static void add_head(td_json *json, json_t *text, const json_t *root) {
    static const char *const keys[] = {"tool", "version", "kernel", "blas_core", "seed"};
    static const char *const places[] = {"data", "validate", "test", "from"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        td_json_set(json, text, keys[i], json_incref(json_object_get(root, keys[i])));
    json_t *options =
        td_json_set(json, text, "options", td_json_copy(json, json_object_get(root, "options")));
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        json_object_del(options, places[i]);
}

static void add_digests(td_json *json, json_t *text, const json_t *inputs) {
    json_t *digests = td_json_set(json, text, "inputs_sha256", td_json_array(json)), *input;
    size_t i;
    json_array_foreach(inputs, i, input) {
        td_json_append(json, digests, json_incref(json_object_get(input, "sha256")));
    }
}

td_status tool_model_training(const tool_record *record, char **out, td_error *error) {
    td_json json = record->json; /* fails if the record lacks a field */
    json_t *text = td_json_object(&json);
    add_head(&json, text, record->root);
    add_digests(&json, text, json_object_get(record->root, "inputs"));
    *out = td_json_print(&json, text, JSON_COMPACT | JSON_REAL_PRECISION(10));
    json_decref(text);
    td_status status = td_json_end(&json, NULL, "the model's metadata", error);
    if (status != TD_OK) {
        free(*out);
        *out = NULL;
    }
    return status;
}

td_status tool_run_model(tool_run *run, const char *path, const td_net *net, const float *weights,
                         const char *const *class_names, const char *training, td_error *error) {
    FILE *stream;
    TD_TRY(tool_outputs_add_path(&run->outputs, path, &stream, error));
    TD_TRY(td_name_stream(error, td_model_write(stream, net, weights, class_names, training, error),
                          stream, path));
    return tool_outputs_finish(&run->outputs, &run->record, error);
}
