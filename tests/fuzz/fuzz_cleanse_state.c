/* The triggers that trapdoor-defend cleanse has found: read to go on with a search. */
#include "defend/inspect/cleanse.h"
#include "fuzz.h"
#include <string.h>

enum { CLASSES = 3, HEIGHT = 2, WIDTH = 3, PLACES = HEIGHT * WIDTH, IMAGES = 40, STEPS = 100 };

/* In place of cleanse_identity.c's: what the files of the corpus are made with. */
td_status cleanse_identity(const cleanse_job *job, json_t **out, td_error *error) {
    (void)job;
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
    inspect_class classes[CLASSES] = {{0}};
    cleanse_found found[CLASSES] = {{0}};
    bool searched[CLASSES] = {false};
    for (size_t i = 0; i < CLASSES; i++) {
        classes[i].number = 2 * i;
        found[i].mask = masks[i];
        found[i].pattern = patterns[i];
    }
    const cleanse_options options = {
        .repair.common.output = fuzz_folder(), .settings.steps = STEPS, .resume = true};
    FUZZ_ASSERT(fuzz_folder_write(cleanse_state_name, data, size));
    cleanse_job job = {
        .options = &options,
        .images = {.count = IMAGES, .height = HEIGHT, .width = WIDTH, .channels = 1},
        .count = CLASSES,
        .classes = classes,
        .found = found,
        .searched = searched,
    };
    if (fuzz_succeeded(cleanse_state_load(&job, &error), &error)) {
        size_t done = 0;
        for (size_t i = 0; i < CLASSES; i++) {
            done += searched[i];
            FUZZ_ASSERT(found[i].steps <= STEPS && found[i].asr.trials <= IMAGES);
            FUZZ_ASSERT(is_in(masks[i], PLACES, 1) && is_in(patterns[i], PLACES, 255));
        }
        FUZZ_ASSERT(done == job.done);
    }
    json_decref(job.identity);
    return 0;
}
