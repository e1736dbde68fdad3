/* The configuration as JSON: for the record and for checkpoints. */
#include "evade/evade.h"
#include "frame/identity.h"

#include <math.h>
#include <string.h>

/* Numbers as the user would write them. */
static json_t *settings_json(const evade_options *o) {
    json_t *settings = json_object();
    for (size_t i = 0; i < EVADE_SETTINGS; i++)
        if (i == EVADE_NORM && !isnan(o->settings[i]))
            json_object_set_new(settings, "norm",
                                json_string(evade_norm_names[(size_t)o->settings[i]]));
        else if (!isnan(o->settings[i]))
            json_object_set_new(settings, evade_setting_rows[i].name,
                                evade_setting_rows[i].whole
                                    ? json_integer((json_int_t)o->settings[i])
                                    : json_real(o->settings[i]));
    return settings;
}

json_t *evade_options_json(const evade_options *o) {
    char target[24];
    json_t *options = json_pack(
        "{ss so so* so ss so ss}", "method", o->method->name, "model", tool_json_text(o->model),
        "net", o->net ? tool_json_text(o->net) : NULL, "data", tool_json_text(o->data), "target",
        evade_target_text(o->target_kind, o->target, target), "settings", settings_json(o), "keep",
        evade_keep_names[o->keep]);
    if (options && o->count != SIZE_MAX)
        json_object_set_new(options, "count", json_integer((json_int_t)o->count));
    return options;
}

/* The settings one by one, so that a difference names the one. */
static int add_options(json_t *identity, const json_t *options) {
    int failed = json_object_update(identity, (json_t *)options);
    failed |= json_object_update(identity, json_object_get(options, "settings"));
    json_object_del(identity, "settings");
    json_object_del(identity, "keep"); /* chooses among the images, after the attack */
    return failed;
}

td_status evade_identity(const evade_job *job, json_t **out, td_error *error) {
    const td_images *images = &job->data.images;
    const td_model *model = &job->model;
    td_arena arena = {0};
    char *net;
    TD_TRY(td_net_text(&model->net, &arena, &net, error));
    json_t *identity = json_object(), *root = job->record.root;
    static const char *const keys[] = {"version", "blas_core", "seed"};
    int failed = 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        failed |= json_object_set(identity, keys[i], json_object_get(root, keys[i]));
    failed |= add_options(identity, json_object_get(root, "options"));
    failed |= json_object_set_new(identity, "net", tool_digest(net, strlen(net)));
    failed |= json_object_set_new(
        identity, "model",
        tool_digest(model->weights, model->net.weight_count * sizeof *model->weights));
    failed |= json_object_set_new(identity, "data", tool_images_digest(images));
    failed |=
        json_object_set_new(identity, "data_classes", json_integer((json_int_t)images->classes));
    /* Random draws go by the place in the whole split. */
    failed |=
        json_object_set_new(identity, "data_first", json_integer((json_int_t)job->data.first));
    td_arena_free(&arena);
    if (failed) {
        json_decref(identity);
        return td_fail_memory(error, "the checkpoint's metadata");
    }
    *out = identity;
    return TD_OK;
}
