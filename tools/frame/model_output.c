#include "frame/model_output.h"

#include "data/path.h"
#include "frame/output.h"
#include "nn/model.h"

td_status tool_model_check(const tool_common *common, td_error *error) {
    td_output trial;
    TD_TRY(tool_record_check(common, error));
    TD_TRY(td_output_check(common->output, common->force, error));
    if (td_path_exists(common->output) && !td_path_is_file(common->output))
        return TD_OK; /* opening a pipe now would end it for its reader */
    TD_TRY(td_output_open(&trial, common->output, common->force, error));
    td_output_discard(&trial);
    return TD_OK;
}

td_status tool_model_training(const tool_record *record, char **out, td_error *error) {
    json_t *text = json_object();
    static const char *const keys[] = {"tool", "version", "blas_core", "seed", "options"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        json_object_set_new(text, keys[i], json_deep_copy(json_object_get(record->root, keys[i])));
    json_t *options = json_object_get(text, "options"), *digests = json_array(), *input;
    static const char *const places[] = {"data", "validate", "test", "from"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        json_object_del(options, places[i]);
    size_t i;
    json_array_foreach(json_object_get(record->root, "inputs"), i, input) {
        json_array_append(digests, json_object_get(input, "sha256"));
    }
    json_object_set_new(text, "inputs_sha256", digests);
    *out = json_dumps(text, JSON_COMPACT | JSON_REAL_PRECISION(10));
    json_decref(text);
    return *out ? TD_OK : td_fail_memory(error, "the model's metadata");
}

static td_status write_both(td_output *output, const td_net *net, const float *weights,
                            const char *training, const tool_common *common, tool_record *record,
                            td_error *error) {
    td_status status = td_model_write(output->stream, net, weights, training, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", common->output);
    TD_TRY(td_output_finish(output, error));
    TD_TRY(tool_output_record(output, record, error));
    TD_TRY(tool_record_write(record, common, error));
    return td_output_publish(output, error);
}

td_status tool_model_write(const td_net *net, const float *weights, const char *training,
                           const tool_common *common, tool_record *record, td_error *error) {
    td_output output;
    TD_TRY(td_output_open(&output, common->output, common->force, error));
    td_status status = write_both(&output, net, weights, training, common, record, error);
    td_output_discard(&output);
    return status;
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
