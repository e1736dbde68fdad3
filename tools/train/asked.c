/* What was asked, as JSON: for the record, for the model file and for checkpoints. */
#include "frame/identity.h"
#include "train/job.h"
#include <string.h>

json_t *train_options_json(const train_options *o) {
    const td_train_options *t = &o->training;
    char augment[TD_AUGMENT_TEXT];
    td_augment_text(&o->augment, augment);
    json_t *freeze = json_array();
    for (size_t i = 0; i < o->freeze_count; i++)
        json_array_append_new(freeze, tool_json_text(o->freeze[i]));
    json_t *watched = o->watched_count > 0 ? json_array() : NULL;
    for (size_t i = 0; i < o->watched_count; i++)
        json_array_append_new(watched,
                              json_pack("{s:o, s:I}", "trigger", tool_json_text(o->watched[i]),
                                        "target", (json_int_t)o->targets[i]));
    return json_pack(
        "{s:o, s:s*, s:o*, s:o*, s:o, s:I, s:I, s:s, s:f, s:f, s:f, s:f, s:f, s:s, s:I, "
        "s:s*, s:f, s:o*}",
        "data", tool_json_text(o->data), "net", o->net, "validate",
        o->validate ? tool_json_text(o->validate) : NULL, "from",
        o->from ? tool_json_text(o->from) : NULL, "freeze", freeze, "epochs", (json_int_t)t->epochs,
        "batch", (json_int_t)t->batch, "optimizer", t->optimizer->name, "lr", t->step.lr,
        "momentum", t->step.momentum, "beta1", t->step.beta1, "beta2", t->step.beta2,
        "weight_decay", t->step.weight_decay, "schedule", t->schedule->name, "warmup",
        (json_int_t)t->warmup, "augment", t->augment ? augment : NULL, "label_smoothing",
        t->label_smoothing, "watched", watched);
}

td_status train_identity(const train_job *job, json_t **out, td_error *error) {
    td_arena arena = {0};
    char *net;
    TD_TRY(td_net_text(job->net, &arena, &net, error));
    json_t *identity = json_object(), *root = job->record.root;
    static const char *const keys[] = {"version", "blas_core", "seed"};
    int failed = 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        failed |= json_object_set(identity, keys[i], json_object_get(root, keys[i]));
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
