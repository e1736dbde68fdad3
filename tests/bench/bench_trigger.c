/* SPDX-License-Identifier: MIT */
/* Seconds that stamping a whole data set takes, and of all processors together, for triggers of
 * each family that needs no file. Argument: DATA (fashion-mnist). */
#include "base/parallel.h"
#include "data/dataset.h"
#include "trigger/trigger.h"
#include <stdio.h>
#include <time.h>

static const char *const triggers[] = {
    "square:size=7",
    "rhombus:size=9,soft=3,alpha=0.5",
    "ramp:delta=30",
    "sine:delta=20,freq=6",
    "blend:pattern=noise",
    "grid-blend:pattern=noise",
    "warp",
    "warp:jitter=1",
    "quantise",
    "quantise:dither=1",
    "quantise:other=1",
    "dct:positions=14+14/27+27,channels=luma",
    "dct:positions=14+14/27+27,channels=luma,rounding=truncate",
    "smooth",
    "rotate",
    "square:size=3+sine:delta=20",
    "square:size=3|sine:delta=20",
    "reflection:class=0,type=focus",
    "reflection:class=0,type=blur",
    "reflection:class=0,type=ghost",
    "reflection:class=0,type=ghost,tries=1",
};

static double now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static td_status measure(const td_images *images, const char *text, td_error *error) {
    td_trigger *trigger;
    td_arena arena = {0};
    td_images stamped;
    TD_TRY(td_trigger_parse(&trigger, text, error));
    double began = now(CLOCK_MONOTONIC), used = now(CLOCK_PROCESS_CPUTIME_ID);
    td_status status = td_trigger_bind(trigger, images, 0, error);
    if (status == TD_OK)
        status = td_trigger_stamp(trigger, images, (td_stamp){1, 0}, &arena, &stamped, error);
    double seconds = now(CLOCK_MONOTONIC) - began;
    used = now(CLOCK_PROCESS_CPUTIME_ID) - used;
    if (status == TD_OK)
        printf("%-58s %8.3f s  %8.3f s of processors\n", text, seconds, used);
    td_arena_free(&arena);
    td_trigger_free(trigger);
    return status;
}

int main(int argc, char **argv) {
    td_dataset set;
    td_error error;
    td_set_threads(0);
    td_status status =
        td_dataset_open(&set, argc > 1 ? argv[1] : "fashion-mnist", "train", NULL, &error);
    if (status == TD_OK)
        printf("%zu images of %zux%zux%zu, %zu threads\n", set.images.count, set.images.width,
               set.images.height, set.images.channels, td_threads());
    for (size_t i = 0; status == TD_OK && i < sizeof triggers / sizeof *triggers; i++)
        status = measure(&set.images, triggers[i], &error);
    td_dataset_close(&set);
    if (status != TD_OK)
        fprintf(stderr, "bench_trigger: %s\n", error.message);
    return status != TD_OK;
}
