#include "poison.h"

#include <stdio.h>
#include <string.h>

/* Results go to stdout, unless the record does. */
static void print_result(const poison_plan *plan) {
    const poison_request *request = plan->request;
    if (request->common.json && strcmp(request->common.json, "-") == 0)
        return;
    for (size_t i = 0; i < plan->backdoor_count; i++) {
        const poison_backdoor *backdoor = &plan->backdoors[i];
        char target[16];
        printf("%s: %zu of %zu images",
               backdoor->trigger ? td_trigger_text(backdoor->trigger) : "no trigger",
               backdoor->count, backdoor->set_size);
        if (backdoor->target.kind != 0)
            printf(", target %s%s", poison_target_text(&backdoor->target, target),
                   backdoor->drawn ? " (drawn)" : "");
        printf(", ratio of the set %.4g", (double)backdoor->count / (double)backdoor->set_size);
        if (backdoor->class_size > 0)
            printf(", of the target class %.4g",
                   (double)backdoor->count / (double)backdoor->class_size);
        putchar('\n');
    }
    for (size_t i = 0; i < plan->output_count; i++)
        printf("%s.safetensors: %zu images, %zu poisoned\n", plan->outputs[i].name,
               plan->outputs[i].count, plan->outputs[i].poisoned);
    printf("manifest.json, preview.png\n");
}

static td_status make_and_write(poison_plan *plan, tool_files *files, td_error *error) {
    const tool_common *common = &plan->request->common;
    tool_record record = {0};
    TD_TRY(tool_record_check(common, error));
    TD_TRY(td_dataset_open(plan->source, plan->request->data, "train", common->data_dir, error));
    TD_TRY(poison_plan_make(plan, error));
    TD_TRY(tool_record_start(&record, "trapdoor-poison", common, poison_options_json(plan), error));
    td_status status = poison_write(plan, &record, files, error);
    tool_record_free(&record);
    return status;
}

static td_status run(const poison_request *request, td_error *error) {
    td_dataset source = {0};
    poison_plan plan = {.request = request, .source = &source};
    tool_files files = {0};
    td_status status = poison_triggers(&plan, error);
    if (status == TD_OK)
        status = poison_write_check(request, error);
    if (status == TD_OK)
        status = tool_files_open(&files, request->common.output, request->common.force,
                                 poison_file_count(request), error);
    if (status == TD_OK)
        status = make_and_write(&plan, &files, error);
    if (status == TD_OK)
        print_result(&plan);
    tool_files_close(&files);
    poison_plan_free(&plan);
    td_dataset_close(&source);
    return status;
}

int main(int argc, char **argv) {
    poison_request request = {0};
    td_error error;
    poison_parse(&request, argc, argv);
    return tool_exit(run(&request, &error), &error);
}
