/* SPDX-License-Identifier: MIT */
/* A manifest is the ground truth of the sets it was written with: sets beside it must have its
 * checksums. */
#include "eval/eval.h"

#include "base/json.h"
#include "base/sha256.h"
#include "data/path.h"
#include "data/text.h"
#include "frame/classes.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN = 16 }; /* digits of a checksum in a message */

static td_status check_set(const char *manifest, const json_t *output, td_error *error) {
    const char *name = json_string_value(json_object_get(output, "file"));
    const char *wanted = json_string_value(json_object_get(output, "sha256"));
    if (!name || !wanted)
        return TD_OK;
    if (!td_text_is_plain(name) || strchr(name, '/'))
        return td_fail(error, TD_ERR_FORMAT, "file: expected the name of a file, found \"%.40s\"",
                       td_text_is_plain(name) ? name : "control characters");
    char path[TD_PATH_SIZE];
    const char *slash = strrchr(manifest, '/');
    int folder = slash ? (int)(slash - manifest) + 1 : 0;
    int length = snprintf(path, sizeof path, "%.*s%s", folder, manifest, name);
    if (length >= (int)sizeof path || !td_path_exists(path))
        return TD_OK;
    td_digest found;
    TD_TRY(td_sha256_file(path, &found, error));
    if (strcmp(found.hex, wanted) == 0)
        return TD_OK;
    return td_fail(error, TD_ERR_FORMAT,
                   "expected %s beside it with SHA-256 %.*s..., found %.*s...: another set", name,
                   SHOWN, td_text_is_plain(wanted) ? wanted : "?", SHOWN, found.hex);
}

static td_status check_sets(const json_t *root, const char *manifest, td_error *error) {
    size_t i;
    json_t *output;
    json_array_foreach(json_object_get(root, "outputs"), i, output) {
        td_status status = check_set(manifest, output, error);
        if (status != TD_OK)
            return td_fail_within(error, status, "outputs[%zu]", i);
    }
    return TD_OK;
}

static bool uses(const json_t *output, size_t number) {
    size_t i;
    json_t *index;
    json_array_foreach(json_object_get(output, "trigger_indices"), i, index) {
        if (json_is_integer(index) && (size_t)json_integer_value(index) == number)
            return true;
    }
    return false;
}

/* The file of the output, if only one of several was poisoned with this trigger; else NULL. */
static const char *find_output(const json_t *root, size_t number) {
    const json_t *outputs = json_object_get(root, "outputs"), *output;
    const char *file = NULL;
    size_t i, users = 0;
    json_array_foreach(outputs, i, output) {
        if (!uses(output, number))
            continue;
        users++;
        file = json_string_value(json_object_get(output, "file"));
    }
    return users == 1 && json_array_size(outputs) > 1 ? file : NULL;
}

static td_status copy(td_arena *arena, const char *text, size_t length, const char **out,
                      td_error *error) {
    char *own;
    TD_TRY(td_arena_text(arena, text, length, &own, error));
    *out = own;
    return TD_OK;
}

/* --- targets: classes of the poisoned set --- */

/* The name of that set's class in the manifest, or NULL. */
static const char *name_of(const json_t *root, size_t class) {
    const json_t *source = json_object_get(root, "source");
    return json_string_value(json_array_get(json_object_get(source, "class_names"), class));
}

/* The run's class with this name or, if one side has no names, this index. */
static td_status find_class(const tool_run *run, const char *name, size_t class, size_t *out,
                            td_error *error) {
    char index[32];
    snprintf(index, sizeof index, "#%zu", class);
    return tool_run_class(run, "target", name && run->classes.names ? name : index, out, error);
}

static td_status read_class(const tool_run *run, const json_t *root, const json_t *entry,
                            eval_pair *pair, td_error *error) {
    const json_int_t number = json_integer_value(json_object_get(entry, "target"));
    const char *own = json_string_value(json_object_get(entry, "target_name"));
    size_t class;
    if (number < 0 || number >= TD_MOST_CLASSES)
        return td_fail(error, TD_ERR_FORMAT, "target: expected a class from 0 to %d, found %lld",
                       TD_MOST_CLASSES - 1, (long long)number);
    const char *name = own ? own : name_of(root, (size_t)number);
    TD_TRY(find_class(run, name, (size_t)number, &class, error));
    pair->target = tool_target_class(class);
    return TD_OK;
}

/* The target of the poisoned set's class: from a list with one per class or, if that is NULL, the
 * next. */
static td_status target_of(const json_t *list, size_t class, size_t classes, size_t *out,
                           td_error *error) {
    const json_t *target = json_array_get(list, class);
    const json_int_t number = json_integer_value(target);
    *out = list ? (size_t)number : (class + 1) % classes;
    return !list || (json_is_integer(target) && number >= 0 && (size_t)number < classes)
               ? TD_OK
               : td_fail(error, TD_ERR_FORMAT, "target: [%zu]: expected a class from 0 to %zu",
                         class, classes - 1);
}

/* A class missing from this data does not matter; a target's class must exist. */
static td_status map_class(eval_job *job, const json_t *root, const json_t *list, size_t class,
                           size_t classes, int32_t *map, td_error *error) {
    const char *name = name_of(root, class);
    size_t target, from, to;
    TD_TRY(target_of(list, class, classes, &target, error));
    if (find_class(job->run, name, class, &from, NULL) != TD_OK)
        return TD_OK;
    TD_TRY(find_class(job->run, name_of(root, target), target, &to, error));
    map[from] = (int32_t)to;
    return TD_OK;
}

static td_status read_map(eval_job *job, const json_t *root, const json_t *list, eval_pair *pair,
                          td_error *error) {
    const json_t *source = json_object_get(root, "source");
    const json_int_t said = json_integer_value(json_object_get(source, "classes"));
    const size_t around = job->data.images.classes, classes = list       ? json_array_size(list)
                                                              : said > 0 ? (size_t)said
                                                                         : around;
    int32_t *map;
    if (classes < 2 || classes > TD_MOST_CLASSES)
        return td_fail(error, TD_ERR_FORMAT, "target: expected 2 to %d classes, found %zu",
                       TD_MOST_CLASSES, classes);
    TD_TRY(TD_ARENA_NEW(&job->run->arena, job->run->classes.count, &map, "targets", error));
    for (size_t i = 0; i < job->run->classes.count; i++)
        map[i] = (int32_t)i;
    for (size_t i = 0; i < classes; i++)
        TD_TRY(map_class(job, root, list, i, classes, map, error));
    return tool_run_target_map(job->run, list ? "by class" : "next", map, around, &pair->target,
                               error);
}

static td_status read_target(eval_job *job, const json_t *root, const json_t *entry,
                             eval_pair *pair, td_error *error) {
    const json_t *target = json_object_get(entry, "target");
    const char *word = json_string_value(target);
    if (json_is_integer(target))
        return read_class(job->run, root, entry, pair, error);
    if (json_is_array(target) || (word && strcmp(word, "next") == 0))
        return read_map(job, root, word ? NULL : target, pair, error);
    if (word && strcmp(word, "any") == 0) {
        pair->target = tool_target_none();
        return tool_run_text(job->run, &pair->target.rule, error, "%s", word);
    }
    if (word && strcmp(word, "random") == 0)
        return td_fail(error, TD_ERR_USAGE,
                       "target: expected a class, one for each class, or \"next\", found "
                       "\"random\": each image has another, which no model can learn");
    return td_fail(error, TD_ERR_FORMAT,
                   "target: expected a class, one for each class, or \"next\", found %s",
                   target ? "another value" : "none");
}

/* --- all --- */

static td_status read_pair(eval_job *job, const json_t *root, const json_t *entry, size_t number,
                           eval_pair *pair, td_error *error) {
    td_arena *arena = &job->run->arena;
    const char *trigger = json_string_value(json_object_get(entry, "trigger")),
               *output = find_output(root, number);
    if (!trigger) /* nothing was stamped in training */
        trigger = json_string_value(json_object_get(entry, "test_trigger"));
    if (!trigger)
        return td_fail(error, TD_ERR_FORMAT, "expected a trigger's text");
    TD_TRY(read_target(job, root, entry, pair, error));
    if (output)
        TD_TRY(copy(arena, output, strcspn(output, "."), &pair->output, error));
    return copy(arena, trigger, strlen(trigger), &pair->trigger, error);
}

/* The classes of a list in the run's numbering, skipping those missing from its data. NULL: all, or
 * not known. */
static td_status read_classes(eval_job *job, const json_t *root, const char *name, const bool **out,
                              td_error *error) {
    const json_t *list = json_object_get(root, name), *number;
    bool *chosen;
    size_t i, class;
    *out = NULL;
    if (!json_is_array(list))
        return TD_OK;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, job->run->classes.count, &chosen, "classes", error));
    json_array_foreach(list, i, number) {
        const json_int_t value = json_integer_value(number);
        if (!json_is_integer(number) || value < 0 || value >= TD_MOST_CLASSES)
            return td_fail(error, TD_ERR_FORMAT, "%s[%zu]: expected a class from 0 to %d", name, i,
                           TD_MOST_CLASSES - 1);
        if (find_class(job->run, name_of(root, (size_t)value), (size_t)value, &class, NULL) ==
            TD_OK)
            chosen[class] = true;
    }
    *out = chosen;
    return TD_OK;
}

/* "cover" or "negative": images that keep their labels. NULL: poison. */
static const char *kept_role(const json_t *entry) {
    static const char *const roles[] = {"cover", "negative"};
    const char *role = json_string_value(json_object_get(entry, "role"));
    for (size_t i = 0; role && i < sizeof roles / sizeof *roles; i++)
        if (strcmp(role, roles[i]) == 0)
            return roles[i];
    return NULL;
}

/* A row for each part of A|B, which its images got one of. */
static td_status add_parts(eval_job *job, eval_pair pair, eval_pair *pairs, size_t *count,
                           td_error *error) {
    td_trigger *trigger;
    const char *text;
    if (!strchr(pair.trigger, '|'))
        return TD_OK;
    TD_TRY(td_trigger_parse(&trigger, pair.trigger, error));
    td_status status = TD_OK;
    pair.role = "part";
    for (size_t i = 0; status == TD_OK && (text = td_trigger_choice(trigger, i)); i++) {
        pairs[*count] = pair;
        status = copy(&job->run->arena, text, strlen(text), &pairs[(*count)++].trigger, error);
    }
    td_trigger_free(trigger);
    return status;
}

/* An entry is one pair, or two if the test trigger differs. Images that keep their labels usually
 * have their backdoor's trigger; if theirs differs, it is measured too. */
static td_status add_entry(eval_job *job, const json_t *root, size_t number, eval_pair *pairs,
                           size_t *count, td_error *error) {
    const json_t *entry = json_array_get(json_object_get(root, "triggers"), number);
    const char *test = json_string_value(json_object_get(entry, "test_trigger"));
    eval_pair pair = {0};
    TD_TRY(read_pair(job, root, entry, number, &pair, error));
    TD_TRY(read_classes(job, root, "source_classes", &pair.sources, error));
    TD_TRY(read_classes(job, root, "cover_classes", &pair.covers, error));
    pair.role = kept_role(entry);
    for (size_t i = 0; pair.role && i < *count; i++)
        if (strcmp(pairs[i].trigger, pair.trigger) == 0)
            return TD_OK;
    if (test && strcmp(test, pair.trigger) != 0) {
        pairs[*count] = pair;
        pairs[*count].role = "test";
        TD_TRY(copy(&job->run->arena, test, strlen(test), &pairs[(*count)++].trigger, error));
        pair.role = "training";
    }
    pairs[(*count)++] = pair;
    return kept_role(entry) ? TD_OK : add_parts(job, pair, pairs, count, error);
}

static td_status read_pairs(eval_job *job, const json_t *root, eval_pair **pairs, size_t *count,
                            td_error *error) {
    const json_t *entries = json_object_get(root, "triggers");
    const size_t entry_count = json_array_size(entries);
    *count = 0;
    if (entry_count == 0)
        return td_fail(error, TD_ERR_FORMAT, "expected a list of triggers under \"triggers\"");
    TD_TRY(TD_ARENA_NEW(&job->run->arena, (2 + TD_TRIGGER_PARTS) * entry_count, pairs, "triggers",
                        error));
    for (size_t i = 0; i < entry_count; i++) {
        td_status status = add_entry(job, root, i, *pairs, count, error);
        if (status != TD_OK)
            return td_fail_within(error, status, "triggers[%zu]", i);
    }
    return TD_OK;
}

td_status eval_manifest_read(eval_job *job, const char *path, eval_pair **pairs, size_t *count,
                             td_error *error) {
    json_t *root;
    TD_TRY(td_json_read(path, &root, error));
    td_status status = check_sets(root, path, error);
    if (status == TD_OK)
        status = read_pairs(job, root, pairs, count, error);
    json_decref(root);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", path);
}
