/* The manifest that trapdoor-eval takes triggers and targets from. A set, `empty`, stands beside
 * it. */
#include "eval/eval.h"
#include "fuzz.h"

enum { CLASSES = 10 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    td_error error = {""};
    char path[512];
    const eval_options options = {0};
    eval_job job = {.options = &options, .data = {.images = {.classes = CLASSES}}};
    snprintf(path, sizeof path, "%s/manifest.json", fuzz_folder());
    FUZZ_ASSERT(fuzz_folder_write("empty", NULL, 0));
    FUZZ_ASSERT(fuzz_folder_write("manifest.json", data, size));
    if (fuzz_succeeded(eval_manifest(&job, path, &error), &error))
        FUZZ_ASSERT(job.backdoor_count > 0);
    for (size_t i = 0; i < job.backdoor_count; i++) {
        FUZZ_ASSERT(job.backdoors[i].target < CLASSES);
        td_trigger_free(job.backdoors[i].trigger);
    }
    td_arena_free(&job.arena);
    return 0;
}
