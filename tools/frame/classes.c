/* SPDX-License-Identifier: MIT */
#include "frame/classes.h"

#include <string.h>

/* --- ownership --- */

static td_status copy_text(tool_run *run, const char *text, const char **out, td_error *error) {
    char *copy;
    TD_TRY(td_arena_text(&run->arena, text, strlen(text), &copy, error));
    *out = copy;
    return TD_OK;
}

/* Copies the names, because the source may not live as long as the run; classes without a name are
 * called by index. */
static td_status copy_names(tool_run *run, const char *const *names, size_t named, size_t count,
                            td_error *error) {
    const char **copies;
    TD_TRY(TD_ARENA_NEW(&run->arena, count, &copies, "class names", error));
    for (size_t i = 0; i < count; i++)
        TD_TRY(i < named ? copy_text(run, names[i], &copies[i], error)
                         : tool_run_text(run, &copies[i], error, "%zu", i));
    run->classes.names = copies;
    return TD_OK;
}

static td_status set_classes(tool_run *run, const td_classes *from, td_error *error) {
    TD_TRY(copy_text(run, from->of, &run->classes.of, error));
    run->classes.count = from->count;
    run->classes.names = NULL;
    return from->names ? copy_names(run, from->names, from->count, from->count, error) : TD_OK;
}

/* --- matching sets --- */

/* Adds to `classes_matched`; returns whether the entry existed: a set may be opened twice. */
static bool record_match(tool_run *run, const td_dataset *set, const char *how) {
    static const char field[] = "classes_matched";
    td_json *json = &run->record.json;
    json_t *root = run->record.root, *list = json_object_get(root, field);
    const json_t *old;
    size_t i;
    json_t *entry =
        td_json_pack(json, "{ss ss ss}", "data", set->name, "with", run->classes.of, "by", how);
    if (!list)
        list = td_json_set(json, root, field, td_json_array(json));
    json_array_foreach(list, i, old) {
        if (json_equal(old, entry)) {
            json_decref(entry);
            return true;
        }
    }
    td_json_append(json, list, entry);
    return false;
}

/* Notes different names, if one side's are numbers, so that the user checks them. */
static void note_numbers(tool_run *run, const td_dataset *set) {
    if (!record_match(run, set, "index"))
        tool_run_note(run,
                      "note: %s: its classes are taken in their order for those of %s: %s for %s",
                      set->name, run->classes.of, set->class_names[0], run->classes.names[0]);
}

static void note_map(tool_run *run, const td_dataset *set, size_t lacking) {
    char lacks[64] = "";
    if (lacking > 0)
        snprintf(lacks, sizeof lacks, "; it has %zu of the %zu", run->classes.count - lacking,
                 run->classes.count);
    if (!record_match(run, set, "name"))
        tool_run_note(run, "note: %s: its classes are matched by name with those of %s%s",
                      set->name, run->classes.of, lacks);
}

td_status tool_run_match(tool_run *run, td_dataset *set, td_error *error) {
    const td_classes own = td_dataset_classes(set);
    td_class_order order;
    size_t lacking;
    if (run->classes.count == 0)
        return set_classes(run, &own, error);
    TD_TRY(td_dataset_match(set, &run->classes, &order, &lacking, error));
    if (order == TD_CLASSES_MAPPED)
        note_map(run, set, lacking);
    if (order == TD_CLASSES_INDEX && run->classes.names && own.names)
        note_numbers(run, set);
    if (!run->classes.names && own.names && own.count <= run->classes.count)
        return copy_names(run, own.names, own.count, run->classes.count, error);
    return TD_OK;
}

/* --- models --- */

static td_classes classes_of(const td_model *model, const char *path) {
    return (td_classes){path, model->class_names, td_net_classes(&model->net)};
}

td_status tool_run_model_classes(tool_run *run, const td_model *model, const char *path,
                                 td_error *error) {
    const td_classes classes = classes_of(model, path);
    return set_classes(run, &classes, error);
}

td_status tool_run_same_classes(const tool_run *run, const td_model *model, const char *path,
                                td_error *error) {
    const td_classes own = classes_of(model, path), *run_own = &run->classes;
    char ours[TD_CLASS_LIST_SIZE], theirs[TD_CLASS_LIST_SIZE];
    bool same = own.count == run_own->count;
    if (!own.names || !run_own->names)
        return TD_OK;
    for (size_t i = 0; same && i < own.count; i++)
        same = strcmp(own.names[i], run_own->names[i]) == 0;
    return same ? TD_OK
                : td_fail(error, TD_ERR_USAGE,
                          "%s: expected the classes of %s, %s, found %s; measure it by itself",
                          path, run_own->of, td_classes_print(run_own, ours),
                          td_classes_print(&own, theirs));
}

/* --- resolving the user's names --- */

td_status tool_run_class(const tool_run *run, const char *option, const char *text, size_t *out,
                         td_error *error) {
    return td_class_find(out, &run->classes, option, text, strlen(text), error);
}

td_status tool_run_class_list(tool_run *run, const char *option, const char *list, size_t **out,
                              size_t *count, td_error *error) {
    const size_t classes = run->classes.count;
    bool *taken;
    TD_TRY(TD_ARENA_NEW(&run->arena, classes, out, "classes", error));
    TD_TRY(TD_ARENA_NEW(&run->arena, classes, &taken, "classes", error));
    *count = 0;
    for (size_t i = 0; !list && i < classes; i++)
        (*out)[(*count)++] = i;
    for (const char *at = list; at; at = *at ? at + 1 : NULL) {
        size_t class;
        TD_TRY(td_class_take(&class, &run->classes, option, &at, ",", error));
        if (taken[class])
            return td_fail(error, TD_ERR_USAGE, "%s: expected each class once, found %zu twice",
                           option, class);
        taken[class] = true;
        (*out)[(*count)++] = class;
    }
    return TD_OK;
}

const char *tool_run_class_name(const tool_run *run, size_t class) {
    return td_class_name(&run->classes, class);
}

const char *tool_run_class_text(const tool_run *run, size_t class, char out[TOOL_CLASS_SIZE]) {
    const char *name = tool_run_class_name(run, class);
    if (name)
        snprintf(out, TOOL_CLASS_SIZE, "%zu \"%.64s\"", class, name);
    else
        snprintf(out, TOOL_CLASS_SIZE, "%zu", class);
    return out;
}
