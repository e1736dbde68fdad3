/* Checkpoints of trapdoor-evade: read to go on with an attack. */
#include "evade/evade.h"
#include "fuzz.h"
#include <string.h>

enum { TASKS = 6, ATTACKED = 5, AT_ONCE = 2, SIZE = 2 * 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    td_error error = {""};
    char path[64];
    uint8_t pixels[TASKS * SIZE] = {0};
    evade_task tasks[TASKS] = {{0}};
    for (size_t i = 0; i < TASKS; i++)
        tasks[i].attacked = i != 1;
    const td_images images = {.count = TASKS, .height = 2, .width = 3, .channels = 1};
    const evade_plan plan = {.tasks = tasks, .count = TASKS, .attacked = ATTACKED};
    evade_work work = {.pixels = pixels};
    snprintf(path, sizeof path, "%s", fuzz_file(data, size));
    /* The identity is the one that the checkpoints of the corpus are made with. */
    evade_checkpoint checkpoint = {
        .file = {"trapdoor.attack", "attack", path, json_pack("{s:i}", "seed", 1)},
        .at_once = AT_ONCE,
        .images = &images,
        .plan = &plan};
    if (fuzz_succeeded(evade_checkpoint_open(&checkpoint, true, &work, &error), &error)) {
        FUZZ_ASSERT(work.finished == 2 || work.finished == 4 || work.finished == ATTACKED);
        FUZZ_ASSERT(checkpoint.kept == work.finished);
        for (size_t i = 0; i < SIZE; i++)
            FUZZ_ASSERT(pixels[SIZE + i] == 0); /* not attacked */
    } else {
        FUZZ_ASSERT(work.finished == 0 && checkpoint.kept == 0);
    }
    json_decref(checkpoint.file.identity);
    return 0;
}
