/* Writing: the outputs, a picture and the manifest; and what was done, as tables. */
#include "poison.h"

#include "base/json.h"
#include <string.h>

static const char *const other_files[] = {"preview.png", "manifest.json"};

enum { OTHER_FILES = sizeof other_files / sizeof *other_files };

/* The name of file `number` of those written: the outputs, then the others. */
static td_status file_name(const poison_request *request, size_t number, td_arena *arena,
                           char **out, td_error *error) {
    size_t outputs = poison_output_count(request);
    if (number < outputs)
        return poison_output_name(request, number, ".safetensors", arena, out, error);
    const char *name = other_files[number - outputs];
    return td_arena_text(arena, name, strlen(name), out, error);
}

td_status poison_write_check(const poison_request *request, const tool_outputs *outputs,
                             td_error *error) {
    td_arena arena = {0};
    td_status status = TD_OK;
    for (size_t i = 0; i < poison_output_count(request) + OTHER_FILES && status == TD_OK; i++) {
        char *name;
        status = file_name(request, i, &arena, &name, error);
        if (status == TD_OK)
            status = tool_outputs_check_name(outputs, name, error);
    }
    td_arena_free(&arena);
    return status;
}

static td_status open_file(poison_plan *plan, size_t number, FILE **stream, td_error *error) {
    char *name;
    if (tool_interrupted())
        return td_fail(error, TD_ERR_INTERRUPTED, "interrupted");
    TD_TRY(file_name(plan->request, number, &plan->arena, &name, error));
    return tool_outputs_add(&plan->run->outputs, name, stream, error);
}

static td_status finish_file(poison_plan *plan, td_error *error) {
    return tool_outputs_finish(&plan->run->outputs, &plan->run->record, error);
}

static td_status write_outputs(poison_plan *plan, td_error *error) {
    size_t total = 0, done = 0;
    for (size_t i = 0; i < plan->output_count; i++)
        total += plan->outputs[i].count;
    tool_run_begin(plan->run, "writing", "images", total);
    for (size_t i = 0; i < plan->output_count; i++) {
        FILE *stream;
        TD_TRY(open_file(plan, i, &stream, error));
        TD_TRY(poison_render_output(plan, &plan->outputs[i], stream, done, error));
        TD_TRY(finish_file(plan, error));
        done += plan->outputs[i].count;
    }
    return TD_OK;
}

static td_status write_preview(poison_plan *plan, td_error *error) {
    FILE *stream;
    td_bitmap bitmap = {0};
    TD_TRY(open_file(plan, plan->output_count, &stream, error));
    TD_TRY(poison_preview(plan, &bitmap, error));
    td_status status = td_png_write(stream, &bitmap, error);
    td_bitmap_free(&bitmap);
    TD_TRY(status);
    return finish_file(plan, error);
}

static td_status write_manifest(poison_plan *plan, const json_t *manifest, td_error *error) {
    FILE *stream;
    TD_TRY(open_file(plan, plan->output_count + 1, &stream, error));
    TD_TRY(td_json_write(stream, manifest, error));
    return finish_file(plan, error);
}

/* --- what was done, as tables --- */

enum { TRIGGER, TARGET, DRAWN, IMAGES, OF_SET, OF_CLASS, PSNR, SSIM };

static const tool_column backdoor_columns[] = {
    [TRIGGER] = {"trigger", "trigger", TOOL_TEXT},
    [TARGET] = {"target", "target", TOOL_TEXT},
    [DRAWN] = {"target_drawn", "", TOOL_FLAG, .flag = "drawn"},
    [IMAGES] = {"count", "images", TOOL_COUNT},
    [OF_SET] = {"ratio_of_set", "ratio of the set", TOOL_REAL},
    [OF_CLASS] = {"ratio_of_class", "of the target class", TOOL_REAL},
    [PSNR] = {"psnr", "mean PSNR", TOOL_REAL, .unit = "dB"},
    [SSIM] = {"ssim", "mean SSIM", TOOL_REAL},
    {0},
};

static const tool_table_kind backdoor_table = {
    .name = "backdoors", .title = "Backdoors", .columns = backdoor_columns};

static td_status add_backdoors(poison_plan *plan, td_error *error) {
    tool_table *table;
    tool_cell *row;
    char target[16];
    TD_TRY(tool_run_table(plan->run, &backdoor_table, &table, error));
    for (size_t i = 0; i < plan->backdoor_count; i++) {
        const poison_backdoor *b = &plan->backdoors[i];
        const poison_similarity *similarity = &b->similarity;
        TD_TRY(tool_run_row(plan->run, table, &row, error));
        if (b->trigger)
            TD_TRY(tool_run_cell(plan->run, &row[TRIGGER], td_trigger_text(b->trigger), error));
        if (b->target.kind != 0)
            TD_TRY(tool_run_cell(plan->run, &row[TARGET], poison_target_text(&b->target, target),
                                 error));
        if (b->drawn)
            tool_cell_flag(&row[DRAWN], true);
        tool_cell_count(&row[IMAGES], b->count);
        tool_cell_real(&row[OF_SET], (double)b->count / (double)b->set_size);
        if (b->class_size > 0)
            tool_cell_real(&row[OF_CLASS], (double)b->count / (double)b->class_size);
        if (similarity->images > similarity->unchanged)
            tool_cell_real(&row[PSNR],
                           similarity->psnr / (double)(similarity->images - similarity->unchanged));
        if (similarity->images > 0)
            tool_cell_real(&row[SSIM], similarity->ssim / (double)similarity->images);
    }
    return TD_OK;
}

enum { SET, COUNT, POISONED };

static const tool_column set_columns[] = {
    [SET] = {"name", "set", TOOL_TEXT},
    [COUNT] = {"count", "images", TOOL_COUNT},
    [POISONED] = {"poisoned", "poisoned", TOOL_COUNT},
    {0},
};

static const tool_table_kind set_table = {
    .name = "sets", .title = "Sets written", .columns = set_columns};

static td_status add_sets(poison_plan *plan, td_error *error) {
    tool_table *table;
    tool_cell *row;
    TD_TRY(tool_run_table(plan->run, &set_table, &table, error));
    for (size_t i = 0; i < plan->output_count; i++) {
        const poison_output *output = &plan->outputs[i];
        TD_TRY(tool_run_row(plan->run, table, &row, error));
        TD_TRY(tool_run_cell(plan->run, &row[SET], output->name, error));
        tool_cell_count(&row[COUNT], output->count);
        tool_cell_count(&row[POISONED], output->poisoned);
    }
    return TD_OK;
}

static td_status summarise(poison_plan *plan, td_error *error) {
    size_t images = 0, poisoned = 0;
    for (size_t i = 0; i < plan->output_count; i++) {
        images += plan->outputs[i].count;
        poisoned += plan->outputs[i].poisoned;
    }
    return tool_run_summary(plan->run, error, "%s: %zu of %zu images poisoned, in %zu set%s",
                            plan->request->name, poisoned, images, plan->output_count,
                            plan->output_count == 1 ? "" : "s");
}

/* What the record says of the result; the rest of the truth is in the manifest. */
static td_status write_rest(poison_plan *plan, json_t *manifest, td_error *error) {
    TD_TRY(write_preview(plan, error));
    TD_TRY(write_manifest(plan, manifest, error));
    TD_TRY(tool_run_set(plan->run, "triggers", json_incref(json_object_get(manifest, "triggers")),
                        error));
    TD_TRY(summarise(plan, error));
    TD_TRY(add_backdoors(plan, error));
    return add_sets(plan, error);
}

td_status poison_write(poison_plan *plan, td_error *error) {
    json_t *manifest;
    TD_TRY(write_outputs(plan, error));
    TD_TRY(poison_manifest(plan, &plan->run->record, &manifest, error));
    td_status status = write_rest(plan, manifest, error);
    json_decref(manifest);
    return status;
}
