/* SPDX-License-Identifier: MIT */
/* The manifest: the ground truth of a poisoned set, which is stored only here. */
#include "poison.h"

#include "frame/trigger.h"
#include <stdio.h>
#include <string.h>

/* A map is the target of each class, or "next". */
static json_t *target_json(td_json *json, const poison_plan *plan, const poison_target *target) {
    char text[16];
    if (target->kind == 0)
        return json_null();
    if (target->kind == POISON_TO_CLASS)
        return td_json_integer(json, target->label);
    if (target->kind == POISON_TO_MAP && strcmp(target->text, "next") != 0) {
        json_t *map = td_json_array(json);
        for (size_t i = 0; i < plan->source.images.classes; i++)
            td_json_append(json, map, td_json_integer(json, target->map[i]));
        return map;
    }
    return td_json_text(json, poison_target_text(target, text));
}

/* The chosen classes, in order; null for all. */
static json_t *classes_json(td_json *json, const poison_plan *plan, const bool *chosen) {
    if (!chosen)
        return json_null();
    json_t *classes = td_json_array(json);
    for (size_t i = 0; i < plan->source.images.classes; i++)
        if (chosen[i])
            td_json_append(json, classes, td_json_count(json, i));
    return classes;
}

void poison_record_options(const poison_plan *plan) {
    td_json *json = &plan->run->record.json;
    json_t *options = json_object_get(plan->run->record.root, "options");
    json_t *triggers = td_json_set(json, options, "triggers", td_json_array(json));
    json_t *targets = td_json_set(json, options, "targets", td_json_array(json));
    for (size_t i = 0; i < plan->settings->triggers.count; i++)
        td_json_append(json, triggers, td_json_text(json, td_trigger_text(plan->triggers[i])));
    for (size_t i = 0; i < plan->target_count; i++)
        td_json_append(json, targets, target_json(json, plan, &plan->targets[i]));
    if (plan->source_classes)
        td_json_set(json, options, "source_classes",
                    classes_json(json, plan, plan->source_classes));
    if (plan->cover_classes)
        td_json_set(json, options, "cover_classes", classes_json(json, plan, plan->cover_classes));
}

/* The record's inputs [begin, end). */
static json_t *files_json(td_json *json, const poison_plan *plan, size_t begin, size_t end) {
    const json_t *inputs = json_object_get(plan->run->record.root, "inputs");
    json_t *files = td_json_array(json);
    for (size_t i = begin; i < end; i++)
        td_json_append(json, files, json_incref(json_array_get(inputs, i)));
    return files;
}

/* NULL if they are unknown. */
static json_t *class_names_json(td_json *json, const td_dataset *source) {
    json_t *names = source->class_names ? td_json_array(json) : NULL;
    for (size_t i = 0; source->class_names && i < source->images.classes; i++)
        td_json_append(json, names, td_json_text(json, source->class_names[i]));
    return names;
}

static json_t *source_json(td_json *json, const poison_plan *plan) {
    const td_dataset *source = &plan->source;
    return td_json_pack(json, "{ss ss sz sz sz so* so}", "data", source->name, "split",
                        source->split, "first", source->first, "count", source->images.count,
                        "classes", source->images.classes, "class_names",
                        class_names_json(json, source), "files",
                        files_json(json, plan, 0, plan->source_files));
}

/* An image that the trigger does not change has an infinite PSNR, which JSON cannot store and which
 * would dominate a mean: psnr is the mean of the others, null if there are none. */
static json_t *similarity_json(td_json *json, const poison_similarity *similarity) {
    if (similarity->images == 0)
        return json_null();
    return td_json_pack(json, "{sf sf sf si sz}", "psnr", similarity->psnr, "ssim",
                        similarity->ssim, "ssim_min", similarity->ssim_least, "linf",
                        similarity->linf, "unchanged", similarity->unchanged);
}

/* How "auto" was resolved; null for a trigger given in full. */
static json_t *search_json(td_json *json, const poison_plan *plan, const td_trigger *trigger) {
    for (size_t i = 0; i < plan->settings->triggers.count; i++) {
        const poison_search *search = &plan->searches[i];
        if (plan->triggers[i] != trigger || !(search->at || search->value))
            continue;
        return td_json_pack(json, "{ss sz sz sf}", "config", plan->settings->triggers.texts[i],
                            "images", plan->source.images.count, "images_near", search->images_near,
                            "mean_squared_distance", search->mean_squared);
    }
    return json_null();
}

static json_t *backdoor_json(td_json *json, const poison_plan *plan,
                             const poison_backdoor *backdoor) {
    json_t *trigger =
        backdoor->trigger_text ? td_json_text(json, backdoor->trigger_text) : json_null();
    json_t *class_size = backdoor->target.kind == POISON_TO_CLASS
                             ? td_json_count(json, backdoor->class_size)
                             : json_null();
    return td_json_pack(json, "{ss so ss* so ss* sb sz sz so sf sf so so}", "role",
                        poison_role_names[backdoor->role], "trigger", trigger, "test_trigger",
                        backdoor->test_text, "target", target_json(json, plan, &backdoor->target),
                        "target_name", backdoor->target_name, "target_drawn", backdoor->drawn > 0,
                        "count", backdoor->count, "set_size", backdoor->set_size, "class_size",
                        class_size, "ratio_of_set", backdoor->of_set, "ratio_of_class",
                        backdoor->of_class, "similarity",
                        similarity_json(json, &backdoor->similarity), "search",
                        search_json(json, plan, backdoor->trigger));
}

/* Cover images have their true labels; null if the rule has none. */
static json_t *covers_json(td_json *json, const poison_plan *plan, const poison_output *output) {
    if (!plan->rule->covers)
        return NULL;
    json_t *indices = td_json_array(json), *sources = td_json_array(json);
    json_t *triggers = td_json_array(json);
    for (size_t i = 0; i < output->count; i++) {
        const poison_item *item = &output->items[i];
        if (item->backdoor < 0 || plan->backdoors[item->backdoor].role != POISON_ROLE_COVER)
            continue;
        td_json_append(json, indices, td_json_count(json, i));
        td_json_append(json, sources, td_json_count(json, plan->source.first + item->source));
        td_json_append(json, triggers, td_json_integer(json, item->backdoor));
    }
    return td_json_pack(json, "{sz so so so}", "count", output->covers, "indices", indices,
                        "source_indices", sources, "trigger_indices", triggers);
}

static json_t *output_json(td_json *json, const poison_plan *plan, const poison_output *output,
                           json_t *digest) {
    const td_dataset *source = &plan->source;
    json_t *indices = td_json_array(json), *sources = td_json_array(json);
    json_t *triggers = td_json_array(json), *truth = td_json_array(json);
    json_t *labels = td_json_array(json);
    for (size_t i = 0; i < output->count; i++) {
        const poison_item *item = &output->items[i];
        if (item->backdoor < 0 || plan->backdoors[item->backdoor].role == POISON_ROLE_COVER)
            continue;
        td_json_append(json, indices, td_json_count(json, i));
        td_json_append(json, sources, td_json_count(json, source->first + item->source));
        td_json_append(json, triggers, td_json_integer(json, item->backdoor));
        td_json_append(json, truth, td_json_integer(json, source->images.labels[item->source]));
        td_json_append(json, labels, td_json_integer(json, item->label));
    }
    return td_json_pack(json, "{ss s[zz] sz sz sf so so so so so so* sO}", "file", output->file,
                        "slice", source->first + output->begin, source->first + output->end,
                        "count", output->count, "poisoned", output->poisoned, "poisoned_share",
                        (double)output->poisoned / (double)output->count, "poisoned_indices",
                        indices, "source_indices", sources, "trigger_indices", triggers,
                        "true_labels", truth, "labels", labels, "covers",
                        covers_json(json, plan, output), "sha256", digest);
}

/* The selection of poisoned images, as text. */
static json_t *selection(td_json *json, const poison_plan *plan) {
    static const char *const pools[] = {[POISON_FROM_OTHERS] =
                                            "the images whose true label is not the target",
                                        [POISON_FROM_ALL] = "all images",
                                        [POISON_FROM_TARGET] = "the images of the target class"};
    if (!plan->rule->takes_ratio)
        return td_json_text(json, "all images");
    if (plan->rule->selection)
        return td_json_text(json, plan->rule->selection);
    return td_json_format(json, "drawn without repetition from %s%s%s", pools[plan->rule->pool],
                          plan->source_classes && plan->rule->pool != POISON_FROM_TARGET
                              ? ", of the source classes"
                              : "",
                          plan->mode == POISON_REPLACE ? ", that no other backdoor has taken" : "");
}

static json_t *ratio_json(td_json *json, const poison_plan *plan) {
    return plan->rule->takes_ratio ? td_json_pack(json, "{sf ss}", "config", plan->settings->ratio,
                                                  "of", poison_base_names[plan->settings->ratio_of])
                                   : json_null();
}

td_status poison_manifest(const poison_plan *plan, json_t **out, td_error *error) {
    const json_t *root = plan->run->record.root;
    td_json json = plan->run->record.json; /* fails if the record lacks a field */
    const size_t files = json_array_size(json_object_get(root, "inputs"));
    json_t *backdoors = td_json_array(&json), *outputs = td_json_array(&json);
    for (size_t i = 0; i < plan->backdoor_count; i++)
        td_json_append(&json, backdoors, backdoor_json(&json, plan, &plan->backdoors[i]));
    for (size_t i = 0; i < plan->output_count; i++) {
        json_t *written = json_array_get(json_object_get(root, "outputs"), i);
        td_json_append(
            &json, outputs,
            output_json(&json, plan, &plan->outputs[i], json_object_get(written, "sha256")));
    }
    json_t *settings = json_object_get(json_object_get(root, "options"), "settings");
    *out = td_json_pack(
        &json, "{ss ss ss sI ss so so so* so sO* so so* so so so}", "rule", plan->run->method->name,
        "access", "data", "version", TD_VERSION, "seed", (json_int_t)plan->run->common->seed,
        "mode", poison_mode_names[plan->mode], "ratio", ratio_json(&json, plan), "source_classes",
        classes_json(&json, plan, plan->source_classes), "cover_classes",
        plan->rule->covers ? classes_json(&json, plan, plan->cover_classes) : NULL, "selection",
        selection(&json, plan), "settings", settings, "source", source_json(&json, plan),
        "model_files",
        plan->settings->model ? files_json(&json, plan, plan->source_files, plan->model_files)
                              : NULL,
        "trigger_files", files_json(&json, plan, plan->model_files, files), "triggers", backdoors,
        "outputs", outputs);
    return td_json_end(&json, out, "the manifest", error);
}
