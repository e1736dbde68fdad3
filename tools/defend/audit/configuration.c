/* SPDX-License-Identifier: MIT */
#include "defend/audit/configuration.h"

#include "base/json.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

void configuration_write(tool_run *run, const configuration *c) {
    tool_run_set(run, "configuration", "{sf sf ss sb}", "offset", c->by_joint.offset, "slope",
                 c->by_joint.slope, "controls_sha256", c->controls.hex, "known_recipe",
                 (int)c->known);
}

static td_status take(const json_t *record, configuration *out, td_error *error) {
    const json_t *from = json_object_get(record, "configuration"),
                 *offset = json_object_get(from, "offset"), *slope = json_object_get(from, "slope"),
                 *known = json_object_get(from, "known_recipe");
    const char *controls = json_string_value(json_object_get(from, "controls_sha256"));
    if (!json_is_number(offset) || !json_is_number(slope) || !json_is_boolean(known) || !controls ||
        strlen(controls) >= sizeof out->controls.hex || !isfinite(json_number_value(offset)) ||
        !isfinite(json_number_value(slope)))
        return td_fail(error, TD_ERR_FORMAT,
                       "expected a record of trapdoor-defend configure, with \"configuration\"");
    out->by_joint = (td_logistic){json_number_value(offset), json_number_value(slope)};
    out->known = json_is_true(known);
    snprintf(out->controls.hex, sizeof out->controls.hex, "%s", controls);
    return TD_OK;
}

td_status configuration_read(tool_run *run, const char *path, const char *controls, bool known,
                             configuration *out, td_error *error) {
    json_t *record;
    td_digest digest;
    TD_TRY(tool_record_input(&run->record, path, error));
    TD_TRY(td_json_read(path, &record, error));
    td_status status = take(record, out, error);
    json_decref(record);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", path);
    TD_TRY(td_sha256_file(controls, &digest, error));
    if (strcmp(digest.hex, out->controls.hex) != 0)
        return td_fail(
            error, TD_ERR_USAGE,
            "%s: expected one that was made with the controls of %s, found one of others", path,
            controls);
    if (known != out->known)
        return td_fail(error, TD_ERR_USAGE, "%s: expected one that was made with%s --known-recipe",
                       path, known ? "" : "out");
    return TD_OK;
}
