#include "frame/identity.h"
#include "defend/inspect/cleanse.h"
#include <string.h>

/* All that decides about the bytes of a trigger, and which are searched for. */
static json_t *identity_of(const cleanse_job *job, const char *net) {
    const cleanse_settings *s = &job->options->settings;
    const json_t *root = job->record.root;
    json_t *identity = json_pack(
        "{sO sO sO so so so sI sI sf sI}", "version", json_object_get(root, "version"), "blas_core",
        json_object_get(root, "blas_core"), "seed", json_object_get(root, "seed"), "net",
        tool_digest(net, strlen(net)), "weights",
        tool_digest(job->model.weights, job->model.net.weight_count * sizeof *job->model.weights),
        "clean", tool_images_digest(&job->images), "steps", (json_int_t)s->steps, "batch",
        (json_int_t)s->batch, "attack_rate", s->attack_rate, "patience", (json_int_t)s->patience);
    json_t *classes = json_array();
    for (size_t i = 0; i < job->count; i++)
        json_array_append_new(classes, json_integer((json_int_t)job->classes[i].number));
    if (json_object_set_new(identity, "classes", classes) == 0)
        return identity;
    json_decref(identity);
    return NULL;
}

td_status cleanse_identity(const cleanse_job *job, json_t **out, td_error *error) {
    td_arena arena = {0};
    char *net;
    td_status status = td_net_text(&job->model.net, &arena, &net, error);
    if (status == TD_OK && !(*out = identity_of(job, net)))
        status = td_fail_memory(error, "the triggers' metadata");
    td_arena_free(&arena);
    return status;
}
