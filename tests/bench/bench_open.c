/* SPDX-License-Identifier: MIT */
/* The time to open a data set, in milliseconds: the median of several openings. Arguments: DATA as
 * for the tools; default: a safetensors set of 60,000 synthetic images of 28×28. */
#include "data/dataset.h"
#include "frame/clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { RUNS = 21, COUNT = 60000, SIDE = 28, CLASSES = 10 };

static int by_value(const void *left, const void *right) {
    const double *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

static td_status measure(const char *data, td_error *error) {
    double times[RUNS];
    size_t count = 0;
    for (size_t run = 0; run < RUNS; run++) {
        td_dataset set;
        double before = tool_monotonic_seconds();
        TD_TRY(td_dataset_open(&set, data, "train", NULL, error));
        times[run] = 1e3 * (tool_monotonic_seconds() - before);
        count = set.images.count;
        td_dataset_close(&set);
    }
    qsort(times, RUNS, sizeof *times, by_value);
    printf("%s: %zu images, opened in %.2f ms (%.2f to %.2f)\n", data, count, times[RUNS / 2],
           times[0], times[RUNS - 1]);
    return TD_OK;
}

static td_status write_set(FILE *stream, td_error *error) {
    td_arena arena = {0};
    uint8_t *pixels;
    int32_t *labels;
    td_status status =
        td_arena_alloc(&arena, COUNT, SIDE * SIDE, (void **)&pixels, "images", error);
    if (status == TD_OK)
        status = TD_ARENA_NEW(&arena, COUNT, &labels, "labels", error);
    if (status == TD_OK) {
        for (int32_t i = 0; i < COUNT; i++)
            labels[i] = i % CLASSES;
        const td_images images = {COUNT, SIDE, SIDE, 1, CLASSES, pixels, labels};
        status = td_dataset_write(stream, &images, NULL, "made", "train", error);
    }
    td_arena_free(&arena);
    return status;
}

static td_status measure_made(td_error *error) {
    char path[] = "/tmp/trapdoor-bench-XXXXXX";
    int fd = mkstemp(path);
    FILE *stream = fd < 0 ? NULL : fdopen(fd, "wb");
    if (!stream)
        return td_fail(error, TD_ERR_IO, "%s: cannot be made", path);
    td_status status = write_set(stream, error);
    if (fclose(stream) != 0 && status == TD_OK)
        status = td_fail(error, TD_ERR_IO, "%s: cannot be written", path);
    if (status == TD_OK)
        status = measure(path, error);
    unlink(path);
    return status;
}

int main(int argc, char **argv) {
    td_error error;
    td_status status = argc == 1 ? measure_made(&error) : TD_OK;
    for (int i = 1; i < argc && status == TD_OK; i++)
        status = measure(argv[i], &error);
    if (status != TD_OK)
        fprintf(stderr, "%s\n", error.message);
    return status == TD_OK ? 0 : 1;
}
