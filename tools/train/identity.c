/* All that decides about the bytes of a training's result: its options, less what only names where
 * data lies, and digests. */
#include "frame/identity.h"
#include "train/train.h"

td_status train_identity(const train_job *job, json_t **out, td_error *error) {
    TD_TRY(tool_identity_start(&job->run->record, job->net, out, error));
    json_object_del(*out, "from"); /* its digest is that of the first weights */
    json_t *digests =
        json_pack("{so so so}", "data", tool_images_digest(&job->data.images), "validate",
                  tool_images_digest(&job->validation.images), "first_weights",
                  tool_digest(job->weights, job->net->weight_count * sizeof *job->weights));
    return json_object_update_new(*out, digests) == 0
               ? TD_OK
               : td_fail_memory(error, "the checkpoint's metadata");
}
