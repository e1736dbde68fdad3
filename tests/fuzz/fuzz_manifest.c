/* SPDX-License-Identifier: MIT */
/* The manifest from which trapdoor-eval takes triggers and targets. A set, `empty`, is beside it.
 */
#include "eval/eval.h"
#include "fuzz.h"
#include "trigger/trigger.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    td_error error = {""};
    static const char *const names[] = {"cat", "dog", "owl"};
    char path[512];
    tool_run run = {.classes = {"data", names, 3}};
    eval_job job = {.run = &run, .data = {.images = {.classes = 3}}};
    eval_pair *pairs;
    size_t count = 0;
    snprintf(path, sizeof path, "%s/manifest.json", fuzz_folder());
    FUZZ_ASSERT(fuzz_folder_write("empty", NULL, 0));
    FUZZ_ASSERT(fuzz_folder_write("manifest.json", data, size));
    if (fuzz_succeeded(eval_manifest_read(&job, path, &pairs, &count, &error), &error)) {
        FUZZ_ASSERT(count > 0);
        for (size_t i = 0; i < count; i++) {
            td_trigger *trigger;
            if (fuzz_succeeded(td_trigger_parse(&trigger, pairs[i].trigger, &error), &error))
                td_trigger_free(trigger);
            FUZZ_ASSERT(!pairs[i].output || !strchr(pairs[i].output, '.'));
            const tool_target *target = &pairs[i].target;
            FUZZ_ASSERT(!target->rule             ? target->class < 3
                        : eval_has_target(target) ? target->map.count == 3
                                                  : target->map.count == 0);
            for (size_t k = 0; k < target->map.count; k++)
                FUZZ_ASSERT(td_target_of(target->of, (int32_t)k) >= 0 &&
                            td_target_of(target->of, (int32_t)k) < 3);
        }
    }
    td_arena_free(&run.arena);
    return 0;
}
