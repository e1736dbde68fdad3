/* Triggers and targets from the manifest that trapdoor-poison wrote beside its sets. */
#include "base/json.h"
#include "eval/eval.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool uses(const json_t *output, size_t number) {
    size_t i;
    json_t *index;
    json_array_foreach(json_object_get(output, "trigger_indices"), i,
                       index) if (json_is_integer(index) &&
                                  (size_t)json_integer_value(index) == number) return true;
    return false;
}

/* The name of the only one of several outputs that was poisoned with this trigger, without its
 * ending, or NULL. The caller frees it. */
static char *find_output(const json_t *root, size_t number) {
    const json_t *outputs = json_object_get(root, "outputs"), *output;
    const char *file = NULL;
    size_t i, users = 0;
    json_array_foreach(outputs, i, output) if (uses(output, number)) {
        users++;
        file = json_string_value(json_object_get(output, "file"));
    }
    if (users != 1 || !file || json_array_size(outputs) < 2)
        return NULL;
    return strndup(file, strcspn(file, "."));
}

static td_status read_pair(eval_job *job, const json_t *root, const json_t *pair, size_t number,
                           td_error *error) {
    const json_t *trigger = json_object_get(pair, "trigger");
    const json_t *target = json_object_get(pair, "target");
    if (!json_is_string(trigger))
        return td_fail(error, TD_ERR_FORMAT, "triggers[%zu]: expected a trigger's text", number);
    if (!json_is_integer(target) || json_integer_value(target) < 0)
        return td_fail(error, TD_ERR_FORMAT,
                       "triggers[%zu]: expected one class as target; give --trigger and --target",
                       number);
    char *output = find_output(root, number);
    td_status status = eval_add_backdoor(job, json_string_value(trigger),
                                         (size_t)json_integer_value(target), output, error);
    free(output);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "triggers[%zu]", number);
}

static td_status read_pairs(eval_job *job, const json_t *root, td_error *error) {
    json_t *pairs = json_object_get(root, "triggers"), *pair;
    if (!json_is_array(pairs) || json_array_size(pairs) == 0)
        return td_fail(error, TD_ERR_FORMAT, "expected a list of triggers under \"triggers\"");
    size_t i;
    json_array_foreach(pairs, i, pair) TD_TRY(read_pair(job, root, pair, i, error));
    return TD_OK;
}

td_status eval_manifest(eval_job *job, const char *path, td_error *error) {
    json_t *root;
    TD_TRY(td_json_read(path, &root, error));
    td_status status = eval_check_sets(root, path, error);
    if (status == TD_OK)
        status = read_pairs(job, root, error);
    json_decref(root);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", path);
}
