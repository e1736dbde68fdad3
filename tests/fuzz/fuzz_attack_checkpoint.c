/* SPDX-License-Identifier: MIT */
/* Checkpoints of trapdoor-evade, read to resume an attack. */
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
    const evade_settings settings = {.resume = true};
    const attack math = {.at_once = AT_ONCE};
    snprintf(path, sizeof path, "%s", fuzz_file(data, size));
    /* The identity in the corpus's checkpoints. */
    evade_job job = {
        .settings = &settings,
        .attack = &math,
        .data.images = {.count = TASKS, .height = 2, .width = 3, .channels = 1},
        .tasks = tasks,
        .task_count = TASKS,
        .attacked = ATTACKED,
        .pixels = pixels,
        .checkpoint = {"trapdoor.attack", "attack", path, json_pack("{s:i}", "seed", 1)}};
    if (fuzz_succeeded(evade_checkpoint_open(&job, &error), &error)) {
        FUZZ_ASSERT(job.finished == 2 || job.finished == 4 || job.finished == ATTACKED);
        FUZZ_ASSERT(job.kept == job.finished);
        for (size_t i = 0; i < SIZE; i++)
            FUZZ_ASSERT(pixels[SIZE + i] == 0); /* not attacked */
    } else {
        FUZZ_ASSERT(job.finished == 0 && job.kept == 0);
    }
    json_decref(job.checkpoint.identity);
    return 0;
}
