/* SPDX-License-Identifier: MIT */
#include "base/random.h"
#include "import.h"

#include "frame/classes.h"
#include <string.h>

enum { NOT_TAKEN = -1 };

/* The selected classes, and their new labels. */
typedef struct mapping {
    int32_t *new_label; /* [source classes], or NOT_TAKEN */
    size_t *old_label;  /* [selection classes] */
} mapping;

/* The class at the beginning of *list; advances past it. */
static td_status add_class(import_selection *s, mapping *map, const td_classes *classes,
                           const char **list, td_error *error) {
    const char *word = *list;
    size_t class;
    TD_TRY(td_class_take(&class, classes, "--classes", list, ",", error));
    if (map->new_label[class] != NOT_TAKEN)
        return td_fail(error, TD_ERR_USAGE,
                       "--classes: expected each class once, found class %zu twice, as \"%.*s\" "
                       "the second time",
                       class, (int)(*list - word), word);
    map->new_label[class] = (int32_t)s->classes;
    map->old_label[s->classes++] = class;
    return TD_OK;
}

/* --classes, or all of them. */
static td_status map_classes(import_selection *s, mapping *map, const import_source *source,
                             tool_run *run, td_error *error) {
    const import_request *request = run->own;
    TD_TRY(TD_ARENA_NEW(&run->arena, source->classes, &map->new_label, "classes", error));
    TD_TRY(TD_ARENA_NEW(&run->arena, source->classes, &map->old_label, "classes", error));
    for (size_t i = 0; i < source->classes; i++) {
        map->new_label[i] = request->classes ? NOT_TAKEN : (int32_t)i;
        map->old_label[i] = i;
    }
    s->classes = request->classes ? 0 : source->classes;
    const td_classes classes = {request->data, source->class_names, source->classes};
    for (const char *list = request->classes; list; list = *list ? list + 1 : NULL)
        TD_TRY(add_class(s, map, &classes, &list, error));
    return TD_OK;
}

/* The names from --class-names, or those of the source; unnamed classes that get new numbers are
 * named by their old ones. */
static td_status name_classes(import_selection *s, const mapping *map, const import_source *source,
                              tool_run *run, td_error *error) {
    const import_request *request = run->own;
    if (request->class_names)
        return tool_run_class_names(run, request->class_names, s->classes, &s->class_names, error);
    if (!source->class_names && !request->classes)
        return TD_OK;
    TD_TRY(TD_ARENA_NEW(&run->arena, s->classes, &s->class_names, "class names", error));
    for (size_t i = 0; i < s->classes; i++) {
        if (source->class_names)
            s->class_names[i] = source->class_names[map->old_label[i]];
        else
            TD_TRY(tool_run_text(run, &s->class_names[i], error, "%zu", map->old_label[i]));
    }
    return TD_OK;
}

static td_status take_images(import_selection *s, const mapping *map, const import_source *source,
                             tool_run *run, td_error *error) {
    const import_request *request = run->own;
    TD_TRY(TD_ARENA_NEW(&run->arena, source->count, &s->order, "the selection", error));
    TD_TRY(TD_ARENA_NEW(&run->arena, s->classes, &s->class_counts, "class counts", error));
    for (size_t i = 0; i < source->count; i++) {
        int32_t label = map->new_label[import_source_label(source, i)];
        if (source->broken && source->broken[i])
            continue;
        if (label == NOT_TAKEN ||
            (request->per_class && s->class_counts[label] == request->per_class))
            continue;
        s->class_counts[label]++;
        s->order[s->count++] = i;
    }
    bool chosen = request->classes || request->per_class;
    for (size_t i = 0; chosen && i < s->classes; i++)
        if (s->class_counts[i] == 0)
            return td_fail(error, TD_ERR_USAGE,
                           "%s: expected images of class %zu%s%s%s, found none", request->data,
                           map->old_label[i], s->class_names ? " (" : "",
                           s->class_names ? s->class_names[i] : "", s->class_names ? ")" : "");
    return TD_OK;
}

static td_status shuffle(import_selection *s, tool_run *run, td_error *error) {
    if (s->count > UINT32_MAX)
        return td_fail(error, TD_ERR_USAGE, "--shuffle: expected at most %u images, found %zu",
                       UINT32_MAX, s->count);
    uint32_t *places;
    size_t *order;
    TD_TRY(TD_ARENA_NEW(&run->arena, s->count, &places, "a random order", error));
    TD_TRY(TD_ARENA_NEW(&run->arena, s->count, &order, "a random order", error));
    td_random random = td_random_for(run->common->seed, TD_FOR_SHUFFLE, 0, 0);
    td_random_permutation(&random, places, (uint32_t)s->count);
    for (size_t i = 0; i < s->count; i++)
        order[i] = s->order[places[i]];
    s->order = order;
    return TD_OK;
}

td_status import_select(import_selection *s, tool_run *run, const import_source *source,
                        td_error *error) {
    mapping map;
    *s = (import_selection){0};
    TD_TRY(map_classes(s, &map, source, run, error));
    TD_TRY(name_classes(s, &map, source, run, error));
    TD_TRY(take_images(s, &map, source, run, error));
    if (((const import_request *)run->own)->shuffle)
        TD_TRY(shuffle(s, run, error));
    TD_TRY(TD_ARENA_NEW(&run->arena, s->count, &s->labels, "labels", error));
    for (size_t i = 0; i < s->count; i++)
        s->labels[i] = map.new_label[import_source_label(source, s->order[i])];
    return TD_OK;
}
