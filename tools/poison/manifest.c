/* The manifest: the ground truth of a poisoned set, which is nowhere else. */
#include "poison.h"

#include "frame/trigger.h"
#include <math.h>
#include <stdio.h>

const char *poison_target_text(const poison_target *target, char text[16]) {
    if (target->kind == POISON_TO_CLASS)
        snprintf(text, 16, "%d", target->label);
    else
        snprintf(text, 16, "%s", target->kind == POISON_TO_NEXT ? "next" : "random");
    return text;
}

static json_t *target_json(const poison_target *target) {
    char text[16];
    if (target->kind == 0)
        return json_null();
    if (target->kind == POISON_TO_CLASS)
        return json_integer(target->label);
    return json_string(poison_target_text(target, text));
}

static json_t *number_json(double value) {
    return isnan(value) ? json_null() : json_real(value);
}

/* The classes that --source names, in order; null for all. */
static json_t *source_classes_json(const poison_plan *plan) {
    if (!plan->source_classes)
        return json_null();
    json_t *classes = json_array();
    for (size_t i = 0; i < plan->source.images.classes; i++)
        if (plan->source_classes[i])
            json_array_append_new(classes, json_integer((json_int_t)i));
    return classes;
}

td_status poison_record_options(const poison_plan *plan, td_error *error) {
    json_t *options = json_object_get(plan->run->record.root, "options");
    json_t *triggers = json_array(), *targets = json_array();
    bool good = json_object_set_new(options, "triggers", triggers) == 0 &&
                json_object_set_new(options, "targets", targets) == 0;
    for (size_t i = 0; i < plan->settings->triggers.count && good; i++)
        good = json_array_append_new(triggers,
                                     tool_json_text(td_trigger_text(plan->triggers[i]))) == 0;
    for (size_t i = 0; i < plan->target_count && good; i++)
        good = json_array_append_new(targets, target_json(&plan->targets[i])) == 0;
    if (good && plan->source_classes)
        good = json_object_set_new(options, "source_classes", source_classes_json(plan)) == 0;
    return good ? TD_OK : td_fail_memory(error, "the record");
}

/* The record's inputs [begin, end). */
static json_t *files_json(const poison_plan *plan, size_t begin, size_t end) {
    const json_t *inputs = json_object_get(plan->run->record.root, "inputs");
    json_t *files = json_array();
    for (size_t i = begin; i < end; i++)
        json_array_append(files, json_array_get(inputs, i));
    return files;
}

static json_t *source_json(const poison_plan *plan, json_t *files) {
    const td_dataset *source = &plan->source;
    return json_pack("{so ss sI sI sI so}", "data", tool_json_text(source->name), "split",
                     source->split, "first", (json_int_t)source->first, "count",
                     (json_int_t)source->images.count, "classes",
                     (json_int_t)source->images.classes, "files", files);
}

/* An image that the trigger leaves as it was has an infinite PSNR, which JSON cannot hold and a
 * mean would not survive: psnr is the mean of the others, null where there are none. */
static json_t *similarity_json(const poison_similarity *similarity) {
    if (similarity->images == 0)
        return json_null();
    return json_pack("{so sf sf si sI}", "psnr", number_json(similarity->psnr), "ssim",
                     similarity->ssim, "ssim_min", similarity->ssim_least, "linf", similarity->linf,
                     "unchanged", (json_int_t)similarity->unchanged);
}

/* What "auto" was found by; null for a trigger that was given in full. */
static json_t *search_json(const poison_plan *plan, const td_trigger *trigger) {
    for (size_t i = 0; i < plan->settings->triggers.count; i++) {
        const poison_search *search = &plan->searches[i];
        if (plan->triggers[i] != trigger || !(search->at || search->value))
            continue;
        return json_pack(
            "{so sI sI sf}", "config", tool_json_text(plan->settings->triggers.texts[i]), "images",
            (json_int_t)plan->source.images.count, "images_near", (json_int_t)search->images_near,
            "mean_squared_distance", search->mean_squared);
    }
    return json_null();
}

static json_t *backdoor_json(const poison_plan *plan, const poison_backdoor *backdoor) {
    json_t *trigger = backdoor->trigger ? tool_json_text(backdoor->trigger_text) : json_null();
    json_t *class_size = backdoor->target.kind == POISON_TO_CLASS
                             ? json_integer((json_int_t)backdoor->class_size)
                             : json_null();
    return json_pack("{so so sb sI sI so so so so so}", "trigger", trigger, "target",
                     target_json(&backdoor->target), "target_drawn", backdoor->drawn > 0, "count",
                     (json_int_t)backdoor->count, "set_size", (json_int_t)backdoor->set_size,
                     "class_size", class_size, "ratio_of_set", number_json(backdoor->of_set),
                     "ratio_of_class", number_json(backdoor->of_class), "similarity",
                     similarity_json(&backdoor->similarity), "search",
                     search_json(plan, backdoor->trigger));
}

static json_t *output_json(const poison_plan *plan, const poison_output *output, json_t *digest) {
    const td_dataset *source = &plan->source;
    json_t *indices = json_array(), *sources = json_array(), *triggers = json_array();
    json_t *truth = json_array(), *labels = json_array();
    for (size_t i = 0; i < output->count; i++) {
        const poison_item *item = &output->items[i];
        if (item->backdoor < 0)
            continue;
        json_array_append_new(indices, json_integer((json_int_t)i));
        json_array_append_new(sources, json_integer((json_int_t)(source->first + item->source)));
        json_array_append_new(triggers, json_integer(item->backdoor));
        json_array_append_new(truth, json_integer(source->images.labels[item->source]));
        json_array_append_new(labels, json_integer(item->label));
    }
    return json_pack("{ss s[II] sI sI sf so so so so so sO}", "file", output->file, "slice",
                     (json_int_t)(source->first + output->begin),
                     (json_int_t)(source->first + output->end), "count", (json_int_t)output->count,
                     "poisoned", (json_int_t)output->poisoned, "poisoned_share",
                     (double)output->poisoned / (double)output->count, "poisoned_indices", indices,
                     "source_indices", sources, "trigger_indices", triggers, "true_labels", truth,
                     "labels", labels, "sha256", digest);
}

/* Which images are poisoned, in words. */
static json_t *selection(const poison_plan *plan) {
    static const char *const pools[] = {[POISON_FROM_OTHERS] =
                                            "the images whose true label is not the target",
                                        [POISON_FROM_ALL] = "all images",
                                        [POISON_FROM_TARGET] = "the images of the target class"};
    if (!plan->rule->takes_ratio)
        return json_string("all images");
    return json_sprintf("drawn without repetition from %s%s%s", pools[plan->rule->pool],
                        plan->source_classes ? ", of the source classes" : "",
                        plan->mode == POISON_REPLACE ? ", that no other backdoor has taken" : "");
}

static json_t *ratio_json(const poison_plan *plan) {
    return plan->rule->takes_ratio ? json_pack("{sf ss}", "config", plan->settings->ratio, "of",
                                               poison_base_names[plan->settings->ratio_of])
                                   : json_null();
}

td_status poison_manifest(const poison_plan *plan, json_t **out, td_error *error) {
    const json_t *root = plan->run->record.root;
    for (size_t i = 0; i < plan->settings->triggers.count; i++)
        TD_TRY(tool_trigger_record(plan->triggers[i], &plan->run->record, error));
    const size_t files = json_array_size(json_object_get(root, "inputs"));
    json_t *backdoors = json_array(), *outputs = json_array();
    for (size_t i = 0; i < plan->backdoor_count; i++)
        json_array_append_new(backdoors, backdoor_json(plan, &plan->backdoors[i]));
    for (size_t i = 0; i < plan->output_count; i++) {
        json_t *written = json_array_get(json_object_get(root, "outputs"), i);
        json_array_append_new(
            outputs, output_json(plan, &plan->outputs[i], json_object_get(written, "sha256")));
    }
    *out = json_pack("{ss ss sI ss so so so so so so so}", "rule", plan->run->method->name,
                     "version", TD_VERSION, "seed", (json_int_t)plan->run->common->seed, "mode",
                     poison_mode_names[plan->mode], "ratio", ratio_json(plan), "source_classes",
                     source_classes_json(plan), "selection", selection(plan), "source",
                     source_json(plan, files_json(plan, 0, plan->source_files)), "trigger_files",
                     files_json(plan, plan->source_files, files), "triggers", backdoors, "outputs",
                     outputs);
    return *out ? TD_OK : td_fail_memory(error, "the manifest");
}
