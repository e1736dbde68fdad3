/* SPDX-License-Identifier: MIT */
/* Writes the outputs, a picture and the manifest, and reports them as tables. */
#include "poison.h"

#include "base/json.h"
#include "data/npy.h"
#include "data/path.h"
#include <math.h>

static const char preview_name[] = "preview.png", manifest_name[] = "manifest.json";

td_status poison_write_check(const poison_plan *plan, td_error *error) {
    tool_outputs *outputs = &plan->run->outputs;
    for (size_t i = 0; i < plan->output_count; i++)
        TD_TRY(tool_outputs_check_name(outputs, plan->outputs[i].file, error));
    if (plan->rule->array)
        TD_TRY(tool_outputs_check_name(outputs, plan->rule->array, error));
    TD_TRY(tool_outputs_check_name(outputs, preview_name, error));
    return tool_outputs_check_name(outputs, manifest_name, error);
}

static td_status open_file(poison_plan *plan, const char *name, FILE **stream, td_error *error) {
    if (tool_interrupted())
        return td_fail(error, TD_ERR_INTERRUPTED, "interrupted");
    return tool_outputs_add(&plan->run->outputs, name, stream, error);
}

static td_status finish_file(poison_plan *plan, td_error *error) {
    return tool_outputs_finish(&plan->run->outputs, &plan->run->record, error);
}

/* Converts sums to means. */
static void finish_means(poison_similarity *similarity) {
    const size_t changed = similarity->images - similarity->unchanged;
    similarity->psnr = changed > 0 ? similarity->psnr / (double)changed : NAN;
    similarity->ssim = similarity->images > 0 ? similarity->ssim / (double)similarity->images : NAN;
}

/* The status of writing FOLDER/NAME. */
static td_status named(const poison_plan *plan, td_status status, FILE *stream, const char *name,
                       td_error *error) {
    char path[TD_PATH_SIZE];
    return td_name_stream(error, status, stream,
                          td_path_join(path, plan->run->common->output, name) ? path : name);
}

static td_status write_outputs(poison_plan *plan, td_error *error) {
    size_t total = 0, done = 0;
    for (size_t i = 0; i < plan->output_count; i++)
        total += plan->outputs[i].count;
    tool_run_begin(plan->run, "writing", "images", total);
    for (size_t i = 0; i < plan->output_count; i++) {
        const char *file = plan->outputs[i].file;
        FILE *stream;
        TD_TRY(open_file(plan, file, &stream, error));
        TD_TRY(named(plan, poison_render_output(plan, &plan->outputs[i], stream, done, error),
                     stream, file, error));
        TD_TRY(finish_file(plan, error));
        done += plan->outputs[i].count;
    }
    for (size_t i = 0; i < plan->backdoor_count; i++)
        finish_means(&plan->backdoors[i].similarity);
    return TD_OK;
}

static td_status write_array(poison_plan *plan, td_error *error) {
    const char *name = plan->rule->array;
    const td_images *images = &plan->source.images;
    const size_t dims[] = {images->height, images->width, images->channels};
    FILE *stream;
    if (!name)
        return TD_OK;
    TD_TRY(open_file(plan, name, &stream, error));
    TD_TRY(named(plan, td_npy_write(stream, TD_NPY_FLOAT, plan->array, dims, 3, error), stream,
                 name, error));
    return finish_file(plan, error);
}

static td_status write_preview(poison_plan *plan, td_error *error) {
    FILE *stream;
    TD_TRY(open_file(plan, preview_name, &stream, error));
    TD_TRY(named(plan, poison_preview(plan, stream, error), stream, preview_name, error));
    return finish_file(plan, error);
}

static td_status write_manifest(poison_plan *plan, const json_t *manifest, td_error *error) {
    FILE *stream;
    TD_TRY(open_file(plan, manifest_name, &stream, error));
    TD_TRY(named(plan, td_json_write(stream, manifest, error), stream, manifest_name, error));
    return finish_file(plan, error);
}

/* --- tables --- */

#define AT(field) offsetof(poison_backdoor, field)

static const tool_table_kind backdoor_table = {
    .name = "backdoors",
    .title = "Backdoors",
    .row = sizeof(poison_backdoor),
    .columns =
        (const tool_column[]){
            {"role", "role", TOOL_TEXT, AT(role_name)},
            {"trigger", "trigger", TOOL_TEXT, AT(trigger_text)},
            {"target", "target", TOOL_TEXT, AT(target_text)},
            {"target_name", "its name", TOOL_TEXT, AT(target_name)},
            {"target_drawn", "", TOOL_FLAG, AT(drawn), .flag = "drawn"},
            {"count", "images", TOOL_COUNT, AT(count)},
            {"ratio_of_set", "ratio of the set", TOOL_REAL, AT(of_set)},
            {"ratio_of_class", "of the target class", TOOL_REAL, AT(of_class)},
            {"psnr", "mean PSNR", TOOL_REAL, AT(similarity.psnr), "dB"},
            {"ssim", "mean SSIM", TOOL_REAL, AT(similarity.ssim)},
            {0},
        },
};

static const tool_table_kind set_table = {
    .name = "sets",
    .title = "Sets written",
    .row = sizeof(poison_output),
    .columns =
        (const tool_column[]){
            {"name", "set", TOOL_TEXT, offsetof(poison_output, name)},
            {"count", "images", TOOL_COUNT, offsetof(poison_output, count)},
            {"poisoned", "poisoned", TOOL_COUNT, offsetof(poison_output, poisoned)},
            {0},
        },
};

static td_status summarise(poison_plan *plan, td_error *error) {
    size_t images = 0, poisoned = 0;
    for (size_t i = 0; i < plan->output_count; i++) {
        images += plan->outputs[i].count;
        poisoned += plan->outputs[i].poisoned;
    }
    return tool_run_summary(plan->run, error, "%s: %zu of %zu images poisoned, in %zu set%s",
                            plan->run->method->name, poisoned, images, plan->output_count,
                            plan->output_count == 1 ? "" : "s");
}

/* The record's part of the result; the rest of the ground truth is in the manifest. */
static td_status write_rest(poison_plan *plan, json_t *manifest, td_error *error) {
    TD_TRY(write_preview(plan, error));
    TD_TRY(write_manifest(plan, manifest, error));
    tool_run_set(plan->run, "triggers", "O", json_object_get(manifest, "triggers"));
    TD_TRY(summarise(plan, error));
    TD_TRY(tool_run_rows(plan->run, &backdoor_table, NULL, plan->backdoors, plan->backdoor_count,
                         error));
    return tool_run_rows(plan->run, &set_table, NULL, plan->outputs, plan->output_count, error);
}

td_status poison_write(poison_plan *plan, td_error *error) {
    json_t *manifest;
    TD_TRY(write_outputs(plan, error));
    TD_TRY(write_array(plan, error));
    TD_TRY(poison_manifest(plan, &manifest, error));
    td_status status = write_rest(plan, manifest, error);
    json_decref(manifest);
    return status;
}
