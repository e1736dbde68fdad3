/* Triggers and targets from the manifest that trapdoor-poison wrote beside its sets. */
#include "base/json.h"
#include "eval/eval.h"

static td_status read_pair(eval_job *job, json_t *pair, size_t number, td_error *error) {
    const json_t *trigger = json_object_get(pair, "trigger");
    const json_t *target = json_object_get(pair, "target");
    if (!json_is_string(trigger))
        return td_fail(error, TD_ERR_FORMAT, "triggers[%zu]: expected a trigger's text", number);
    if (!json_is_integer(target) || json_integer_value(target) < 0)
        return td_fail(error, TD_ERR_FORMAT,
                       "triggers[%zu]: expected one class as target; give --trigger and --target",
                       number);
    td_status status = eval_add_backdoor(job, json_string_value(trigger),
                                         (size_t)json_integer_value(target), error);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "triggers[%zu]", number);
}

static td_status read_pairs(eval_job *job, const json_t *root, td_error *error) {
    json_t *pairs = json_object_get(root, "triggers"), *pair;
    if (!json_is_array(pairs) || json_array_size(pairs) == 0)
        return td_fail(error, TD_ERR_FORMAT, "expected a list of triggers under \"triggers\"");
    size_t i;
    json_array_foreach(pairs, i, pair) TD_TRY(read_pair(job, pair, i, error));
    return TD_OK;
}

td_status eval_manifest(eval_job *job, const char *path, td_error *error) {
    json_t *root;
    TD_TRY(td_json_read(path, &root, error));
    td_status status = read_pairs(job, root, error);
    json_decref(root);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", path);
}
