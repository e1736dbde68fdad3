#include "frame/identity.h"

#include "base/sha256.h"
#include <stdio.h>
#include <stdlib.h>

static td_status fail_difference(const char *what, const char *way, const char *key,
                                 const json_t *config, const json_t *found, td_error *error) {
    const size_t flags = JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(10);
    char *left = config ? json_dumps(config, flags) : NULL;
    char *right = found ? json_dumps(found, flags) : NULL;
    td_fail(error, TD_ERR_USAGE, "not of this %s: \"%.64s\": expected %.200s, found %.200s; %s",
            what, key, left ? left : "none", right ? right : "none", way);
    free(left);
    free(right);
    return TD_ERR_USAGE;
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
    return tool_identity_compare(config, found, what, "--force without --resume starts anew",
                                 error);
}

json_t *tool_digest(const void *data, size_t size) {
    return json_string(td_sha256(data, size).hex);
}

json_t *tool_images_digest(const td_images *images) {
    if (images->count == 0)
        return json_null();
    char both[2 * sizeof(td_digest)];
    int length = snprintf(both, sizeof both, "%s%s",
                          td_sha256(images->pixels, images->count * td_image_size(images)).hex,
                          td_sha256(images->labels, images->count * sizeof *images->labels).hex);
    return tool_digest(both, (size_t)length);
}
