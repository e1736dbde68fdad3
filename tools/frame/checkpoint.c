/* SPDX-License-Identifier: MIT */
#include "frame/checkpoint.h"

#include "base/json.h"
#include "base/output.h"
#include "data/path.h"
#include "frame/identity.h"
#include <stdlib.h>
#include <string.h>

td_status tool_checkpoint_name(tool_checkpoint *c, tool_run *run, bool resume, td_error *error) {
    const char *output = run->common->output;
    if (td_path_exists(output) && !td_path_is_file(output))
        return TD_OK;
    TD_TRY(tool_run_text(run, &c->path, error, "%s.checkpoint", output));
    c->record = &run->record;
    TD_TRY(tool_outputs_check_own(&run->outputs, c->path, error));
    if (resume || run->common->force || !td_path_exists(c->path))
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "%s: %s %s did not end here; --resume continues it, --force starts over",
                   c->path, strchr("aeiou", *c->work) ? "an" : "a", c->work);
}

static td_status write_file(const tool_checkpoint *c, const td_metadata *metadata,
                            size_t metadata_count, const td_tensor *tensors, size_t tensor_count,
                            td_error *error) {
    td_output file;
    TD_TRY(tool_record_check_inputs(c->record, error));
    TD_TRY(td_output_open(&file, c->path, true, error));
    td_status status =
        td_safetensors_write(file.stream, tensors, tensor_count, metadata, metadata_count, error);
    if (status == TD_OK)
        return td_output_commit(&file, error);
    td_output_discard(&file);
    return td_fail_within(error, status, "%s", c->path);
}

td_status tool_checkpoint_write(const tool_checkpoint *c, td_json *json, json_t *head,
                                const td_metadata *more, const td_tensor *tensors,
                                size_t tensor_count, td_error *error) {
    td_json_set(json, head, c->work, json_incref(c->identity));
    char *text = td_json_print(json, head, TOOL_CHECKPOINT_JSON);
    const td_metadata metadata[] = {{c->key, text}, more ? *more : (td_metadata){0}};
    td_status status = td_json_end(json, NULL, "the checkpoint's metadata", error);
    if (status == TD_OK)
        status = write_file(c, metadata, more ? 2 : 1, tensors, tensor_count, error);
    free(text);
    json_decref(head);
    return status;
}

bool tool_checkpoint_due(double age, double step) {
    const double most = 30;
    return age + step > most;
}

static td_status read_head(const tool_checkpoint *c, const td_safetensors *file, json_t **head,
                           td_error *error) {
    const char *text = td_safetensors_metadata(file, c->key);
    if (!text)
        return td_fail(error, TD_ERR_FORMAT, "metadata: expected \"%s\", found none: no checkpoint",
                       c->key);
    td_status status = td_json_parse(text, strlen(text), head, error);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "metadata \"%s\"", c->key);
}

td_status tool_checkpoint_read(const tool_checkpoint *c, tool_checkpoint_fn take, void *context,
                               td_error *error) {
    td_safetensors file;
    json_t *head = NULL;
    if (!td_path_exists(c->path))
        return TD_OK;
    TD_TRY(td_safetensors_open(&file, c->path, error));
    td_status status = read_head(c, &file, &head, error);
    if (status == TD_OK)
        status = tool_identity_check(c->identity, json_object_get(head, c->work), c->work, error);
    if (status == TD_OK)
        status = take(context, head, &file, error);
    json_decref(head);
    td_safetensors_close(&file);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", c->path);
}
