#include "frame/model_output.h"

#include "nn/model.h"

/* The head of the record, without where its files lay. */
static bool add_head(json_t *text, const json_t *root) {
    static const char *const keys[] = {"tool", "version", "kernel", "blas_core", "seed", "options"};
    static const char *const places[] = {"data", "validate", "test", "from"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (json_object_set_new(text, keys[i], json_deep_copy(json_object_get(root, keys[i]))) != 0)
            return false;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        json_object_del(json_object_get(text, "options"), places[i]);
    return true;
}

static bool add_digests(json_t *text, const json_t *inputs) {
    json_t *digests = json_array(), *input;
    size_t i;
    if (json_object_set_new(text, "inputs_sha256", digests) != 0)
        return false;
    json_array_foreach(inputs, i, input) {
        if (json_array_append(digests, json_object_get(input, "sha256")) != 0)
            return false;
    }
    return true;
}

td_status tool_model_training(const tool_record *record, char **out, td_error *error) {
    json_t *text = json_object();
    *out = NULL;
    if (add_head(text, record->root) && add_digests(text, json_object_get(record->root, "inputs")))
        *out = json_dumps(text, JSON_COMPACT | JSON_REAL_PRECISION(10));
    json_decref(text);
    return *out ? TD_OK : td_fail_memory(error, "the model's metadata");
}

td_status tool_run_model(tool_run *run, const char *path, const td_net *net, const float *weights,
                         const char *training, td_error *error) {
    FILE *stream;
    TD_TRY(tool_outputs_add_path(&run->outputs, path, &stream, error));
    td_status status = td_model_write(stream, net, weights, training, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", path);
    return tool_outputs_finish(&run->outputs, &run->record, error);
}
