/* trapdoor-data info: what is in data sets. */
#include "command.h"

#include "common/record.h"
#include "data/dataset.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES = 256, MOST_CHANNELS = 3 };

typedef struct request {
    tool_common common;
    char **data; /* [count] */
    size_t count;
} request;

/* Of one set. Pixel values are 0–255. */
typedef struct summary {
    double mean[MOST_CHANNELS], deviation[MOST_CHANNELS];
    json_int_t *class_counts; /* [classes] */
} summary;

static error_t parse(int key, char *text, struct argp_state *state) {
    request *r = state->input;
    (void)text;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &r->common;
        return 0;
    case ARGP_KEY_ARGS:
        r->data = state->argv + state->next;
        r->count = (size_t)(state->argc - state->next);
        return 0;
    case ARGP_KEY_NO_ARGS:
        tool_misuse(state, "expected DATA, found nothing");
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Mean and standard deviation over the whole set, from exact counts of each value: the order of the
 * sum does not matter. */
static void measure_pixels(summary *s, const td_images *images) {
    uint64_t counts[MOST_CHANNELS][VALUES] = {{0}};
    size_t channels = images->channels, pixels = images->count * images->height * images->width;
    for (size_t i = 0; i < pixels; i++)
        for (size_t c = 0; c < channels; c++)
            counts[c][images->pixels[i * channels + c]]++;
    for (size_t c = 0; c < channels; c++) {
        double sum = 0, squares = 0, total = (double)pixels;
        for (size_t v = 0; v < VALUES; v++)
            sum += (double)counts[c][v] * (double)v;
        s->mean[c] = sum / total;
        for (size_t v = 0; v < VALUES; v++)
            squares += (double)counts[c][v] * ((double)v - s->mean[c]) * ((double)v - s->mean[c]);
        s->deviation[c] = sqrt(squares / total);
    }
}

static td_status summarise(summary *s, td_dataset *set, td_error *error) {
    *s = (summary){0};
    TD_TRY(TD_ARENA_NEW(&set->arena, set->images.classes, &s->class_counts, "class counts", error));
    for (size_t i = 0; i < set->images.count; i++)
        s->class_counts[set->images.labels[i]]++;
    measure_pixels(s, &set->images);
    return TD_OK;
}

static json_t *reals(const double *values, size_t count) {
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_real(values[i]));
    return array;
}

static json_t *summary_json(const td_dataset *set, const summary *s) {
    const td_images *images = &set->images;
    json_t *counts = json_array(), *names = set->class_names ? json_array() : NULL;
    for (size_t i = 0; i < images->classes; i++)
        json_array_append_new(counts, json_integer(s->class_counts[i]));
    for (size_t i = 0; names && i < images->classes; i++)
        json_array_append_new(names, tool_json_text(set->class_names[i]));
    return json_pack(
        "{s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o*, s:o, s:o, s:o}", "data",
        tool_json_text(set->name), "split", set->split, "first", (json_int_t)set->first, "images",
        (json_int_t)images->count, "height", (json_int_t)images->height, "width",
        (json_int_t)images->width, "channels", (json_int_t)images->channels, "classes",
        (json_int_t)images->classes, "class_names", names, "class_counts", counts, "mean",
        reals(s->mean, images->channels), "deviation", reals(s->deviation, images->channels));
}

static void print_files(const td_dataset *set, const json_t *inputs) {
    for (size_t i = 0; i < set->file_count; i++) {
        size_t place;
        json_t *input;
        json_array_foreach(inputs, place, input) {
            const char *path = json_string_value(json_object_get(input, "path"));
            if (path && strcmp(path, set->files[i]) == 0)
                printf("  sha256  %s  %s\n", json_string_value(json_object_get(input, "sha256")),
                       path);
        }
    }
}

static void print_summary(const td_dataset *set, const summary *s) {
    const td_images *images = &set->images;
    printf("%s\n", set->name);
    printf("  images  %zu of %zux%zux%zu (height, width, channels)", images->count, images->height,
           images->width, images->channels);
    if (*set->split)
        printf(", split %s", set->split);
    if (set->first > 0)
        printf(", from index %zu", set->first);
    printf("\n  pixels  mean");
    for (size_t c = 0; c < images->channels; c++)
        printf(" %.2f", s->mean[c]);
    printf(", deviation");
    for (size_t c = 0; c < images->channels; c++)
        printf(" %.2f", s->deviation[c]);
    printf(" (0 to 255; of 1:");
    for (size_t c = 0; c < images->channels; c++)
        printf(" %.4f", s->mean[c] / (VALUES - 1));
    printf(",");
    for (size_t c = 0; c < images->channels; c++)
        printf(" %.4f", s->deviation[c] / (VALUES - 1));
    printf(")\n  classes %zu\n", images->classes);
    for (size_t i = 0; i < images->classes; i++)
        printf("  %7zu  %8lld  %s\n", i, (long long)s->class_counts[i],
               set->class_names ? set->class_names[i] : "");
}

static td_status describe_set(const request *r, const char *data, tool_record *record, json_t *sets,
                              td_error *error) {
    td_dataset set;
    summary s;
    TD_TRY(td_dataset_open(&set, data, "train", r->common.data_dir, error));
    td_status status = tool_record_dataset(record, &set, error);
    if (status == TD_OK)
        status = summarise(&s, &set, error);
    if (status == TD_OK && json_array_append_new(sets, summary_json(&set, &s)) != 0)
        status = td_fail_memory(error, "the record");
    bool stdout_is_json = r->common.json && strcmp(r->common.json, "-") == 0;
    if (status == TD_OK && !stdout_is_json) {
        print_summary(&set, &s);
        print_files(&set, json_object_get(record->root, "inputs"));
    }
    td_dataset_close(&set);
    return status;
}

static td_status describe_all(const request *r, tool_record *record, td_error *error) {
    json_t *sets = json_array();
    if (json_object_set_new(record->root, "sets", sets) != 0)
        return td_fail_memory(error, "the record");
    for (size_t i = 0; i < r->count; i++) {
        if (tool_interrupted())
            return td_fail(error, TD_ERR_INTERRUPTED, "interrupted");
        TD_TRY(describe_set(r, r->data[i], record, sets, error));
    }
    return tool_record_write(record, &r->common, error);
}

static td_status run_request(const request *r, td_error *error) {
    if (r->common.output)
        return td_fail(error, TD_ERR_USAGE,
                       "-o: info writes no file; --json FILE writes what it found");
    TD_TRY(tool_record_check(&r->common, error));
    json_t *data = json_array();
    for (size_t i = 0; i < r->count; i++)
        json_array_append_new(data, tool_json_text(r->data[i]));
    tool_record record;
    TD_TRY(tool_record_start(&record, "trapdoor-data", &r->common,
                             json_pack("{s:s, s:o}", "command", "info", "data", data), error));
    td_status status = describe_all(r, &record, error);
    tool_record_free(&record);
    return status;
}

static int run(int argc, char **argv) {
    static const struct argp argp = {
        NULL,
        parse,
        "info DATA...",
        "Print the shape, class counts, pixel statistics and file checksums of data sets.\v"
        "DATA is NAME[:SPLIT[:A-B]] or PATH[:SPLIT[:A-B]]; SPLIT is train (the default) or test, "
        "A-B a half-open range of indices. Mean and standard deviation are those of each channel "
        "over all pixels.\n\n"
        "Example:\n  trapdoor-data info fashion-mnist:test\n",
        tool_common_children,
        NULL,
        NULL};
    request r = {0};
    tool_parse(&argp, argc, argv, &r, &r.common);
    td_error error;
    td_status status = run_request(&r, &error);
    return tool_exit(status, &error);
}

const command command_info = {"info", "info DATA...", "shape, class counts, statistics, checksums",
                              run};
