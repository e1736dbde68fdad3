/* SPDX-License-Identifier: MIT */
/* trapdoor-data info: the contents of data sets. */
#include "command.h"
#include "duplicates.h"

#include "base/size.h"
#include "data/dataset.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES = 256, MOST_CHANNELS = 3 };

typedef struct info_settings {
    td_many data;
} info_settings;

static const td_key keys[] = {
    {"data", TD_KEY_TEXT, offsetof(info_settings, data), .argument = true, .many = true,
     .required = true, .value = "DATA"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

/* --- tables --- */

typedef struct set_row {
    const char *data, *split;
    size_t first, images, height, width, channels, classes;
    tool_list class_names, class_counts;
    tool_list mean, deviation;               /* of each channel, of values 0-255 */
    tool_list mean_of_one, deviation_of_one; /* of values 0-1 */
    size_t least, most;                      /* of all values */
    size_t without_images;                   /* classes */
    td_remarks remarks;
    const char *copies; /* copies_row's */
} set_row;

#define AT(field) offsetof(set_row, field)

static const tool_column set_columns[] = {
    {"data", "data", TOOL_TEXT, AT(data)},
    {"split", "split", TOOL_TEXT, AT(split)},
    {"first", "from index", TOOL_COUNT, AT(first)},
    {"images", "images", TOOL_COUNT, AT(images)},
    {"height", "height", TOOL_COUNT, AT(height)},
    {"width", "width", TOOL_COUNT, AT(width)},
    {"channels", "channels", TOOL_COUNT, AT(channels)},
    {"classes", "classes", TOOL_COUNT, AT(classes)},
    {"class_names", NULL, TOOL_LIST, AT(class_names)},
    {"class_counts", NULL, TOOL_LIST, AT(class_counts)},
    {"classes_without_images", NULL, TOOL_COUNT, AT(without_images)},
    {"least", "least value", TOOL_COUNT, AT(least)},
    {"most", "most", TOOL_COUNT, AT(most)},
    {"mean", "mean", TOOL_LIST, AT(mean), .digits = 2},
    {"deviation", "deviation", TOOL_LIST, AT(deviation), .digits = 2},
    {"mean_of_one", "mean of 0 to 1", TOOL_LIST, AT(mean_of_one), .digits = 4},
    {"deviation_of_one", "deviation of 0 to 1", TOOL_LIST, AT(deviation_of_one), .digits = 4},
    {"copies", "equal to an earlier image", TOOL_TEXT, AT(copies)},
    {"turned", NULL, TOOL_COUNT, AT(remarks.pictures[TD_FACT_TURNED])},
    {"without_alpha", NULL, TOOL_COUNT, AT(remarks.pictures[TD_FACT_ALPHA])},
    {"transparent", NULL, TOOL_COUNT, AT(remarks.pictures[TD_FACT_TRANSPARENT])},
    {"lost_on_ground", NULL, TOOL_COUNT, AT(remarks.pictures[TD_FACT_LOST])},
    {"from_cmyk", NULL, TOOL_COUNT, AT(remarks.pictures[TD_FACT_CMYK])},
    {0},
};

#undef AT

static const tool_table_kind set_table = {
    .name = "sets", .title = "Data sets", .columns = set_columns, .row = sizeof(set_row)};

/* Equal images, within a set or in two. */
typedef struct copies_row {
    const char *first, *second; /* DATA */
    const char *copies;         /* the rest of the row as text, for people */
    duplicates found;
    tool_list pairs;
} copies_row;

#define AT(field) offsetof(copies_row, field)

enum { OF_TWO = 3 }; /* columns for two sets, which a single set lacks */

static const tool_column copies_columns[] = {
    {"data", "in", TOOL_TEXT, AT(first), .list = true},
    {"data", "images of", TOOL_TEXT, AT(second), .list = true},
    {"copies", "equal images", TOOL_TEXT, AT(copies)},
    {"images", NULL, TOOL_COUNT, AT(found.images)},
    {"distinct", NULL, TOOL_COUNT, AT(found.distinct)},
    {"labels_differ", NULL, TOOL_COUNT, AT(found.labels)},
    {"first_pairs", NULL, TOOL_LIST, AT(pairs)},
    {0},
};

#undef AT

static const tool_table_kind own_copies_table = {.name = "duplicates",
                                                 .columns = copies_columns + OF_TWO,
                                                 .row = sizeof(copies_row),
                                                 .single = true},
                             shared_table = {.name = "shared",
                                             .title = "Images that two sets share",
                                             .columns = copies_columns,
                                             .row = sizeof(copies_row)};

typedef struct class_row {
    size_t class, images;
    const char *name;
} class_row;

static const tool_column class_columns[] = {
    {"class", "class", TOOL_COUNT, offsetof(class_row, class)},
    {"images", "images", TOOL_COUNT, offsetof(class_row, images)},
    {"name", "name", TOOL_TEXT, offsetof(class_row, name)},
    {0},
};

static const tool_chart class_charts[] = {
    {"Images of each class", TOOL_CHART_BARS, "class", {"images"}}, {0}};

typedef struct file_row {
    const char *path, *digest;
    size_t files;
} file_row;

static const tool_column file_columns[] = {
    {"path", "file", TOOL_TEXT, offsetof(file_row, path)},
    {"files", "files", TOOL_COUNT, offsetof(file_row, files)},
    {"sha256", "SHA-256", TOOL_TEXT, offsetof(file_row, digest)},
    {0},
};

static const tool_table_kind file_table = {
    .name = "files", .title = "Files read", .columns = file_columns, .row = sizeof(file_row)};

/* --- one set --- */

typedef struct info {
    tool_run *run;
    const td_many *data;
    tool_table *sets;
    hashed_set *hashed; /* [data->count] */
} info;

/* Mean and standard deviation over the whole set, from exact counts of each value, so that the
 * order of summation does not matter. */
static void measure_pixels(const td_images *images, double *mean, double *deviation, size_t *least,
                           size_t *most) {
    uint64_t counts[MOST_CHANNELS][VALUES] = {{0}};
    size_t channels = images->channels, pixels = images->count * images->height * images->width;
    for (size_t i = 0; i < pixels; i++)
        for (size_t c = 0; c < channels; c++)
            counts[c][images->pixels[i * channels + c]]++;
    *least = VALUES - 1;
    *most = 0;
    for (size_t c = 0; c < channels; c++) {
        for (size_t v = 0; v < VALUES; v++)
            if (counts[c][v] > 0) {
                *least = td_size_min(*least, v);
                *most = td_size_max(*most, v);
            }
        double sum = 0, squares = 0, total = (double)pixels;
        for (size_t v = 0; v < VALUES; v++)
            sum += (double)counts[c][v] * (double)v;
        mean[c] = sum / total;
        for (size_t v = 0; v < VALUES; v++)
            squares += (double)counts[c][v] * ((double)v - mean[c]) * ((double)v - mean[c]);
        deviation[c] = sqrt(squares / total);
    }
}

/* Fills the row's text `copies`: "12 (10 distinct, 1 with different labels): 3 = 7, ...". */
static td_status describe_copies(copies_row *row, char *copies, size_t size, td_arena *arena,
                                 td_error *error) {
    const duplicates *found = &row->found;
    size_t used =
        (size_t)(found->images == 0
                     ? snprintf(copies, size, "none")
                     : snprintf(copies, size, "%zu (%zu distinct, %zu with different labels):",
                                found->images, found->distinct, found->labels));
    for (size_t i = 0; i < found->pair_count && used < size; i++)
        used += (size_t)snprintf(copies + used, size - used, "%s %zu = %zu", i ? "," : "",
                                 found->pairs[i][0], found->pairs[i][1]);
    if (found->images > found->pair_count && used < size)
        snprintf(copies + used, size - used, ", ...");
    row->copies = copies;
    return tool_list_counts(&row->pairs, found->pairs[0], 2 * found->pair_count, 2, arena, error);
}

static td_status add_set(info *f, const td_dataset *set, const double *class_counts,
                         const char *copies, td_error *error) {
    const td_images *images = &set->images;
    const size_t channels = images->channels;
    double mean[MOST_CHANNELS], deviation[MOST_CHANNELS];
    double mean_of_one[MOST_CHANNELS], deviation_of_one[MOST_CHANNELS];
    size_t least, most, without_images = 0;
    measure_pixels(images, mean, deviation, &least, &most);
    for (size_t c = 0; c < images->classes; c++)
        without_images += class_counts[c] < 1;
    for (size_t c = 0; c < channels; c++) {
        mean_of_one[c] = mean[c] / (VALUES - 1);
        deviation_of_one[c] = deviation[c] / (VALUES - 1);
    }
    const set_row row = {
        .data = set->name,
        .split = set->split,
        .first = set->first,
        .images = images->count,
        .height = images->height,
        .width = images->width,
        .channels = channels,
        .classes = images->classes,
        .class_names = {.texts = set->class_names, .count = images->classes},
        .class_counts = {.values = class_counts, .count = images->classes},
        .without_images = without_images,
        .least = least,
        .most = most,
        .remarks = set->remarks,
        .mean = {.values = mean, .count = channels},
        .deviation = {.values = deviation, .count = channels},
        .mean_of_one = {.values = mean_of_one, .count = channels},
        .deviation_of_one = {.values = deviation_of_one, .count = channels},
        .copies = copies,
    };
    return tool_run_fill(f->run, f->sets, &row, error);
}

/* The classes of a set, in its entry of the record. */
static td_status add_classes(info *f, const char *path, const td_dataset *set,
                             const double *class_counts, td_error *error) {
    tool_run *run = f->run;
    const size_t classes = set->images.classes;
    tool_table_kind *kind;
    class_row *rows;
    TD_TRY(TD_ARENA_NEW(&run->arena, 1, &kind, "a table", error));
    TD_TRY(TD_ARENA_NEW(&run->arena, classes, &rows, "a table", error));
    *kind = (tool_table_kind){.name = "class_table",
                              .columns = class_columns,
                              .row = sizeof *rows,
                              .charts = class_charts};
    TD_TRY(tool_run_text(run, &kind->title, error, "Classes of %s", set->name));
    for (size_t i = 0; i < classes; i++)
        rows[i] =
            (class_row){i, (size_t)class_counts[i], set->class_names ? set->class_names[i] : NULL};
    return tool_run_rows(run, kind, path, rows, classes, error);
}

static td_status describe_open_set(info *f, size_t number, td_dataset *set, td_error *error) {
    tool_run *run = f->run;
    copies_row copies = {.found = duplicates_within(&f->hashed[number])};
    const char *path;
    char text[256];
    double *counts;
    TD_TRY(tool_run_text(run, &path, error, "/sets/%zu", number));
    TD_TRY(TD_ARENA_NEW(&set->arena, set->images.classes, &counts, "class counts", error));
    for (size_t i = 0; i < set->images.count; i++)
        counts[set->images.labels[i]]++;
    TD_TRY(describe_copies(&copies, text, sizeof text, &set->arena, error));
    TD_TRY(add_set(f, set, counts, text, error));
    TD_TRY(tool_run_rows(run, &own_copies_table, path, &copies, 1, error));
    return add_classes(f, path, set, counts, error);
}

static td_status describe_set(info *f, size_t number, td_error *error) {
    const char *data = f->data->texts[number];
    td_dataset set;
    TD_TRY(td_dataset_open(&set, data, "train", f->run->common->data_dir, error));
    tool_run_remarks(f->run, data, &set.remarks);
    td_status status = tool_record_dataset(&f->run->record, &set, error);
    if (status == TD_OK)
        status = hashed_set_make(&f->hashed[number], &set, data, error);
    if (status == TD_OK)
        status = describe_open_set(f, number, &set, error);
    td_dataset_close(&set);
    return status;
}

/* --- all sets --- */

/* Compares each pair of sets. */
static td_status compare_sets(info *f, td_error *error) {
    tool_table *table;
    char text[256];
    TD_TRY(tool_run_open(f->run, &shared_table, NULL, &table, error));
    for (size_t i = 0; i < f->data->count; i++)
        for (size_t j = i + 1; j < f->data->count; j++) {
            const hashed_set *first = &f->hashed[i], *second = &f->hashed[j];
            copies_row row = {
                .first = first->name,
                .second = second->name,
                .found = duplicates_between(first, second),
            };
            TD_TRY(describe_copies(&row, text, sizeof text, &f->run->arena, error));
            TD_TRY(tool_run_fill(f->run, table, &row, error));
        }
    return TD_OK;
}

static td_status add_files(tool_run *run, td_error *error) {
    const json_t *inputs = json_object_get(run->record.root, "inputs"), *input;
    tool_table *table;
    size_t i;
    TD_TRY(tool_run_open(run, &file_table, NULL, &table, error));
    json_array_foreach(inputs, i, input) {
        const json_t *files = json_object_get(input, "files");
        const file_row row = {json_string_value(json_object_get(input, "path")),
                              json_string_value(json_object_get(input, "sha256")),
                              files ? (size_t)json_integer_value(files) : TOOL_NO_COUNT};
        TD_TRY(tool_run_fill(run, table, &row, error));
    }
    return TD_OK;
}

static td_status describe_sets(info *f, td_error *error) {
    TD_TRY(tool_run_open(f->run, &set_table, NULL, &f->sets, error));
    for (size_t i = 0; i < f->data->count; i++) {
        if (tool_interrupted())
            return td_fail(error, TD_ERR_INTERRUPTED, "interrupted");
        TD_TRY(describe_set(f, i, error));
    }
    TD_TRY(compare_sets(f, error));
    return add_files(f->run, error);
}

static td_status inform(tool_run *run, td_error *error) {
    info f = {.run = run, .data = &((const info_settings *)run->own)->data};
    TD_TRY(TD_ARENA_NEW(&run->arena, f.data->count, &f.hashed, "checksums", error));
    td_status status = describe_sets(&f, error);
    for (size_t i = 0; i < f.data->count; i++)
        hashed_set_free(&f.hashed[i]);
    return status;
}

static const tool_family family = {
    .name = "info",
    .word = "command",
    .prints = data_prints,
    .usage = "DATA...",
    .run = inform,
};

static const char help[] =
    "Print the shape, class counts, pixel statistics, file checksums and duplicates of data sets."
    "\v"
    "DATA is NAME[:SPLIT[:A-B]] or PATH[:SPLIT[:A-B]]; SPLIT is train (the default) or test, A-B "
    "a half-open range of indices. Mean and standard deviation are those of each channel over all "
    "pixels. Images with the same pixels are counted within each set and, of several, between "
    "each two; the first few pairs are listed, by their indices in the split.\n"
    "\n"
    "Examples:\n"
    "  trapdoor-data info fashion-mnist:test\n"
    "  trapdoor-data info cifar10:train cifar10:test\n";

const tool_method data_info = {
    .name = "info",
    .title = "Info",
    .doc = "shape, class counts, statistics, checksums, duplicates",
    .help = help,
    .family = &family,
    .groups = groups,
    .size = sizeof(info_settings),
};
