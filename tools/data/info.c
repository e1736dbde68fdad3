/* trapdoor-data info: what is in data sets. */
#include "command.h"
#include "duplicates.h"

#include "frame/record.h"
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
    bool silent; /* standard output is for the record */
} request;

/* Of one set. Pixel values are 0–255. */
typedef struct summary {
    double mean[MOST_CHANNELS], deviation[MOST_CHANNELS];
    json_int_t *class_counts; /* [classes] */
    duplicates copies;
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

static td_status summarise(summary *s, td_dataset *set, const hashed_set *hashed, td_error *error) {
    *s = (summary){.copies = duplicates_within(hashed)};
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

/* What is known of equal images, as the fields of a new object. */
static json_t *duplicates_json(const duplicates *found) {
    json_t *pairs = json_array();
    for (size_t i = 0; i < found->pair_count; i++)
        json_array_append_new(pairs, json_pack("[I, I]", (json_int_t)found->pairs[i][0],
                                               (json_int_t)found->pairs[i][1]));
    return json_pack("{s:I, s:I, s:I, s:o}", "images", (json_int_t)found->images, "distinct",
                     (json_int_t)found->distinct, "labels_differ", (json_int_t)found->labels,
                     "first_pairs", pairs);
}

static json_t *summary_json(const td_dataset *set, const summary *s) {
    const td_images *images = &set->images;
    json_t *counts = json_array(), *names = set->class_names ? json_array() : NULL;
    for (size_t i = 0; i < images->classes; i++)
        json_array_append_new(counts, json_integer(s->class_counts[i]));
    for (size_t i = 0; names && i < images->classes; i++)
        json_array_append_new(names, tool_json_text(set->class_names[i]));
    return json_pack(
        "{s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o*, s:o, s:o, s:o, s:o}", "data",
        tool_json_text(set->name), "split", set->split, "first", (json_int_t)set->first, "images",
        (json_int_t)images->count, "height", (json_int_t)images->height, "width",
        (json_int_t)images->width, "channels", (json_int_t)images->channels, "classes",
        (json_int_t)images->classes, "class_names", names, "class_counts", counts, "mean",
        reals(s->mean, images->channels), "deviation", reals(s->deviation, images->channels),
        "duplicates", duplicates_json(&s->copies));
}

static void print_files(const td_dataset *set, const json_t *inputs) {
    if (set->folder)
        printf("  sha256  %s  %s (%zu files)\n", set->folder_digest.hex, set->folder,
               set->folder_files);
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

/* The rest of a line: "12 (10 distinct, 1 with different labels): 3 = 7, ..." */
static void print_duplicates(const duplicates *found) {
    if (found->images == 0) {
        printf("none\n");
        return;
    }
    printf("%zu (%zu distinct, %zu with different labels):", found->images, found->distinct,
           found->labels);
    for (size_t i = 0; i < found->pair_count; i++)
        printf("%s %zu = %zu", i ? "," : "", found->pairs[i][0], found->pairs[i][1]);
    printf("%s\n", found->images > found->pair_count ? ", ..." : "");
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

static td_status describe_open_set(const request *r, td_dataset *set, const hashed_set *hashed,
                                   tool_record *record, json_t *sets, td_error *error) {
    summary s;
    TD_TRY(tool_record_dataset(record, set, error));
    TD_TRY(summarise(&s, set, hashed, error));
    if (json_array_append_new(sets, summary_json(set, &s)) != 0)
        return td_fail_memory(error, "the record");
    if (!r->silent) {
        print_summary(set, &s);
        printf("  images that equal an earlier one: ");
        print_duplicates(&s.copies);
        print_files(set, json_object_get(record->root, "inputs"));
    }
    return TD_OK;
}

static td_status describe_set(const request *r, const char *data, hashed_set *hashed,
                              tool_record *record, json_t *sets, td_error *error) {
    td_dataset set;
    TD_TRY(td_dataset_open(&set, data, "train", r->common.data_dir, error));
    td_status status = hashed_set_make(hashed, &set, data, error);
    if (status == TD_OK)
        status = describe_open_set(r, &set, hashed, record, sets, error);
    td_dataset_close(&set);
    return status;
}

/* What each two sets have in common. */
static td_status compare_sets(const request *r, const hashed_set *hashed, json_t *shared,
                              td_error *error) {
    for (size_t i = 0; i < r->count; i++)
        for (size_t j = i + 1; j < r->count; j++) {
            duplicates found = duplicates_between(&hashed[i], &hashed[j]);
            json_t *entry = duplicates_json(&found);
            json_t *data =
                json_pack("[o, o]", tool_json_text(hashed[i].name), tool_json_text(hashed[j].name));
            if (json_object_set_new(entry, "data", data) != 0 ||
                json_array_append_new(shared, entry) != 0)
                return td_fail_memory(error, "the record");
            if (!r->silent) {
                printf("images of %s in %s: ", hashed[j].name, hashed[i].name);
                print_duplicates(&found);
            }
        }
    return TD_OK;
}

static td_status describe_sets(const request *r, hashed_set *hashed, tool_record *record,
                               td_error *error) {
    json_t *sets = json_array(), *shared = json_array();
    if (json_object_set_new(record->root, "sets", sets) != 0 ||
        json_object_set_new(record->root, "shared", shared) != 0)
        return td_fail_memory(error, "the record");
    for (size_t i = 0; i < r->count; i++) {
        if (tool_interrupted())
            return td_fail(error, TD_ERR_INTERRUPTED, "interrupted");
        TD_TRY(describe_set(r, r->data[i], &hashed[i], record, sets, error));
    }
    TD_TRY(compare_sets(r, hashed, shared, error));
    return tool_record_write(record, &r->common, error);
}

static td_status describe_all(const request *r, tool_record *record, td_error *error) {
    hashed_set *hashed = calloc(r->count, sizeof *hashed);
    if (!hashed)
        return td_fail_memory(error, "checksums");
    td_status status = describe_sets(r, hashed, record, error);
    for (size_t i = 0; i < r->count; i++)
        hashed_set_free(&hashed[i]);
    free(hashed);
    return status;
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
        "Print the shape, class counts, pixel statistics, file checksums and duplicates of data "
        "sets.\v"
        "DATA is NAME[:SPLIT[:A-B]] or PATH[:SPLIT[:A-B]]; SPLIT is train (the default) or test, "
        "A-B a half-open range of indices. Mean and standard deviation are those of each channel "
        "over all pixels. Images with the same pixels are counted within each set and, of several, "
        "in each two; of the pairs the first few are listed, by their indices in the split.\n\n"
        "Examples:\n  trapdoor-data info fashion-mnist:test\n"
        "  trapdoor-data info cifar10:train cifar10:test\n",
        tool_common_children,
        NULL,
        NULL};
    request r = {0};
    tool_parse(&argp, argc, argv, &r, &r.common);
    r.silent = r.common.json && strcmp(r.common.json, "-") == 0;
    td_error error;
    td_status status = run_request(&r, &error);
    return tool_exit(status, &error);
}

const command command_info = {"info", "info DATA...",
                              "shape, class counts, statistics, checksums, duplicates", run};
