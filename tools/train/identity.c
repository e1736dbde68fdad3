/* All that decides about the bytes of a training's result: its options, less what only names where
 * data lies, and digests. */
#include "frame/identity.h"
#include "train/train.h"
#include <string.h>

td_status train_identity(const train_job *job, json_t **out, td_error *error) {
    static const char *const names[] = {"version", "kernel", "blas_core", "seed"};
    const json_t *root = job->run->record.root;
    td_arena arena = {0};
    char *net;
    TD_TRY(td_net_text(job->net, &arena, &net, error));
    json_t *identity = json_object();
    int failed = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        failed |= json_object_set(identity, names[i], json_object_get(root, names[i]));
    failed |= json_object_update(identity, json_object_get(root, "options"));
    json_object_del(identity, "from"); /* its digest is that of the first weights */
    failed |= json_object_set_new(identity, "net", tool_digest(net, strlen(net)));
    failed |= json_object_set_new(identity, "data", tool_images_digest(&job->data.images));
    failed |=
        json_object_set_new(identity, "validate", tool_images_digest(&job->validation.images));
    failed |=
        json_object_set_new(identity, "first_weights",
                            tool_digest(job->weights, job->net->weight_count * sizeof(float)));
    td_arena_free(&arena);
    if (failed) {
        json_decref(identity);
        return td_fail_memory(error, "the checkpoint's metadata");
    }
    *out = identity;
    return TD_OK;
}
