/* SPDX-License-Identifier: MIT */
/* Everything that determines the bytes of a training's result: its options, except paths, and
 * digests. */
#include "frame/identity.h"
#include "train/train.h"

td_status train_identity(const train_job *job, json_t **out, td_error *error) {
    const size_t bytes = job->net->weight_count * sizeof *job->weights;
    td_json json;
    TD_TRY(tool_identity_start(&job->run->record, job->net, &json, out, error));
    json_object_del(*out, "from"); /* covered by the digest of the initial weights */
    td_json_set(&json, *out, "data", tool_images_digest(&json, &job->data.images));
    td_json_set(&json, *out, "validate", tool_images_digest(&json, &job->validation.images));
    td_json_set(&json, *out, "first_weights", tool_digest(&json, job->weights, bytes));
    return td_json_end(&json, out, "the checkpoint's metadata", error);
}
