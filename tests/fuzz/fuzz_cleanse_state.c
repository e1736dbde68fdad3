/* SPDX-License-Identifier: MIT */
/* The triggers found by trapdoor-defend cleanse, read to resume a search. */
#include "defend/inspect/cleanse.h"
#include "fuzz.h"
#include <string.h>

enum { CLASSES = 3, HEIGHT = 2, WIDTH = 3, PLACES = HEIGHT * WIDTH, IMAGES = 40, STEPS = 100 };

/* Replaces cleanse.c's: the identity in the corpus's files. */
td_status cleanse_identity(const inspection *in, json_t **out, td_error *error) {
    (void)in;
    *out = json_pack("{s:i}", "seed", 1);
    return *out ? TD_OK : td_fail_memory(error, "the identity");
}

double cleanse_mask_size(const float *mask, size_t places) {
    double sum = 0;
    for (size_t i = 0; i < places; i++)
        sum += (double)mask[i];
    return sum;
}

static bool is_in(const float *values, size_t count, float most) {
    for (size_t i = 0; i < count; i++)
        if (!(values[i] >= 0 && values[i] <= most))
            return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    td_error error = {""};
    float masks[CLASSES][PLACES] = {{0}}, patterns[CLASSES][PLACES] = {{0}};
    cleanse_found found[CLASSES] = {{0}};
    size_t classes[CLASSES];
    for (size_t i = 0; i < CLASSES; i++) {
        classes[i] = 2 * i;
        found[i].mask = masks[i];
        found[i].pattern = patterns[i];
    }
    const inspect_settings settings = {.folder = fuzz_folder()};
    const cleanse_options options = {.search.steps = STEPS, .resume = true};
    const tool_common common = {.seed = 1};
    FUZZ_ASSERT(fuzz_folder_write(cleanse_state_name, data, size));
    tool_run run = {.common = &common, .own = &options};
    cleanse state = {.options = &options, .found = found};
    inspection in = {
        .run = &run,
        .settings = &settings,
        .images = {.count = IMAGES, .height = HEIGHT, .width = WIDTH, .channels = 1},
        .classes = classes,
        .class_count = CLASSES,
        .state = &state,
    };
    if (fuzz_succeeded(cleanse_state_load(&in, &error), &error)) {
        for (size_t i = 0; i < state.done; i++) {
            FUZZ_ASSERT(found[i].steps <= STEPS && found[i].asr.trials <= IMAGES);
            FUZZ_ASSERT(is_in(masks[i], PLACES, 1) && is_in(patterns[i], PLACES, 255));
        }
        FUZZ_ASSERT(state.done <= CLASSES);
    }
    json_decref(state.identity);
    return 0;
}
