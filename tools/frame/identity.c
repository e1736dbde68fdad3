/* SPDX-License-Identifier: MIT */
#include "frame/identity.h"

#include "base/sha256.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How to make this run compute as the other did; "" if that is impossible. */
static void say_remedy(const char *key, const json_t *found, char *out, size_t size) {
    const char *value = json_string_value(found);
    const char *variable = strcmp(key, "kernel") == 0      ? "TRAPDOOR_KERNEL"
                           : strcmp(key, "blas_core") == 0 ? "OPENBLAS_CORETYPE"
                                                           : NULL;
    *out = '\0';
    if (variable && value)
        snprintf(out, size, "the last bits would differ; set %s=%.64s, or ", variable, value);
}

td_status tool_identity_start(const tool_record *record, const td_net *net, td_json *json,
                              json_t **out, td_error *error) {
    static const char *const names[] = {"version", "kernel", "blas_core", "seed"};
    td_arena arena = {0};
    char *text;
    *json = record->json; /* fails if the record lacks a field */
    *out = td_json_object(json);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        td_json_set(json, *out, names[i], json_incref(json_object_get(record->root, names[i])));
    td_json_update(json, *out, json_object_get(record->root, "options"));
    td_status status = td_net_text(net, &arena, &text, error);
    if (status == TD_OK)
        td_json_set(json, *out, "net", tool_digest(json, text, strlen(text)));
    td_arena_free(&arena);
    return status;
}

static td_status fail_difference(const char *what, const char *way, const char *key,
                                 const json_t *config, const json_t *found, td_error *error) {
    const size_t flags = JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(10);
    td_json json = {0};
    char *left = config ? td_json_print(&json, config, flags) : NULL;
    char *right = found ? td_json_print(&json, found, flags) : NULL;
    char remedy[160];
    say_remedy(key, found, remedy, sizeof remedy);
    td_status status = td_json_end(&json, NULL, "a message", error);
    if (status == TD_OK)
        status = td_fail(error, TD_ERR_USAGE,
                         "not of this %s: \"%.64s\": expected %.200s, found %.200s; %s%s", what,
                         key, left ? left : "none", right ? right : "none", remedy, way);
    free(left);
    free(right);
    return status;
}

td_status tool_identity_compare(const json_t *config, json_t *found, const char *what,
                                const char *way, td_error *error) {
    const char *key;
    const json_t *value;
    json_object_foreach((json_t *)config, key, value) {
        if (!json_equal(value, json_object_get(found, key)))
            return fail_difference(what, way, key, value, json_object_get(found, key), error);
    }
    json_object_foreach(found, key, value) {
        if (!json_object_get(config, key))
            return fail_difference(what, way, key, NULL, value, error);
    }
    return TD_OK;
}

td_status tool_identity_check(const json_t *config, json_t *found, const char *what,
                              td_error *error) {
    return tool_identity_compare(config, found, what, "--force without --resume starts over",
                                 error);
}

json_t *tool_digest(td_json *json, const void *data, size_t size) {
    return td_json_text(json, td_sha256(data, size).hex);
}

td_digest tool_images_sha256(const td_images *images) {
    char both[2 * sizeof(td_digest)];
    int length = snprintf(both, sizeof both, "%s%s",
                          td_sha256(images->pixels, images->count * td_image_size(images)).hex,
                          td_sha256(images->labels, images->count * sizeof *images->labels).hex);
    return td_sha256(both, (size_t)length);
}

json_t *tool_images_digest(td_json *json, const td_images *images) {
    return images->count > 0 ? td_json_text(json, tool_images_sha256(images).hex) : json_null();
}
