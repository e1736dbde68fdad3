/* The manifest that trapdoor-eval takes triggers and targets from. A set, `empty`, stands beside
 * it. */
#include "eval/eval.h"
#include "fuzz.h"
#include "trigger/trigger.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    td_error error = {""};
    char path[512];
    td_arena arena = {0};
    eval_pair *pairs;
    size_t count = 0;
    snprintf(path, sizeof path, "%s/manifest.json", fuzz_folder());
    FUZZ_ASSERT(fuzz_folder_write("empty", NULL, 0));
    FUZZ_ASSERT(fuzz_folder_write("manifest.json", data, size));
    if (fuzz_succeeded(eval_manifest_read(path, &arena, &pairs, &count, &error), &error)) {
        FUZZ_ASSERT(count > 0);
        for (size_t i = 0; i < count; i++) {
            td_trigger *trigger;
            if (fuzz_succeeded(td_trigger_parse(&trigger, pairs[i].trigger, &error), &error))
                td_trigger_free(trigger);
            FUZZ_ASSERT(!pairs[i].output || !strchr(pairs[i].output, '.'));
        }
    }
    td_arena_free(&arena);
    return 0;
}
