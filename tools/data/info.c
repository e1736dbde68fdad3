/* trapdoor-data info: what is in data sets. */
#include "command.h"
#include "duplicates.h"

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

/* Of one set. Pixel values are 0–255. */
typedef struct summary {
    double mean[MOST_CHANNELS], deviation[MOST_CHANNELS];
    json_int_t *class_counts; /* [classes] */
    duplicates copies;
} summary;

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

/* --- tables --- */

enum { DATA, SPLIT, FIRST, IMAGES, SHAPE, CLASSES, MEAN, DEVIATION, OF_ONE, COPIES };

static const tool_column set_columns[] = {
    [DATA] = {"data", "data", TOOL_TEXT},
    [SPLIT] = {"split", "split", TOOL_TEXT},
    [FIRST] = {"first", "from index", TOOL_COUNT},
    [IMAGES] = {"images", "images", TOOL_COUNT},
    [SHAPE] = {"shape", "height x width x channels", TOOL_TEXT},
    [CLASSES] = {"classes", "classes", TOOL_COUNT},
    [MEAN] = {"mean", "mean", TOOL_TEXT},
    [DEVIATION] = {"deviation", "deviation", TOOL_TEXT},
    [OF_ONE] = {"of_one", "the same of 0 to 1", TOOL_TEXT},
    [COPIES] = {"copies", "equal to an earlier image", TOOL_TEXT},
    {0},
};

static const tool_table_kind set_table = {
    .name = "overview", .title = "Data sets", .columns = set_columns};

enum { NUMBER, COUNT, NAME };

static const tool_column class_columns[] = {
    [NUMBER] = {"class", "class", TOOL_COUNT},
    [COUNT] = {"images", "images", TOOL_COUNT},
    [NAME] = {"name", "name", TOOL_TEXT},
    {0},
};

static const tool_chart class_charts[] = {
    {"Images of each class", TOOL_CHART_BARS, "class", {"images"}}, {0}};

enum { FILE_NAME, FILES, DIGEST };

static const tool_column file_columns[] = {
    [FILE_NAME] = {"path", "file", TOOL_TEXT},
    [FILES] = {"files", "files", TOOL_COUNT},
    [DIGEST] = {"sha256", "SHA-256", TOOL_TEXT},
    {0},
};

static const tool_table_kind file_table = {
    .name = "files", .title = "Files read", .columns = file_columns};

enum { FIRST_SET, SECOND_SET, SHARED };

static const tool_column shared_columns[] = {
    [FIRST_SET] = {"first", "in", TOOL_TEXT},
    [SECOND_SET] = {"second", "images of", TOOL_TEXT},
    [SHARED] = {"copies", "equal images", TOOL_TEXT},
    {0},
};

static const tool_table_kind shared_table = {
    .name = "shared_overview", .title = "Images that two sets share", .columns = shared_columns};

/* The values of all channels, with blanks between. */
static const char *list_values(const double *values, size_t count, double scale, int digits,
                               char *out, size_t size) {
    size_t used = 0;
    for (size_t c = 0; c < count && used < size; c++)
        used += (size_t)snprintf(out + used, size - used, "%s%.*f", c ? " " : "", digits,
                                 values[c] / scale);
    return out;
}

/* "12 (10 distinct, 1 with different labels): 3 = 7, ..." */
static const char *describe_duplicates(const duplicates *found, char *out, size_t size) {
    if (found->images == 0)
        return "none";
    size_t used =
        (size_t)snprintf(out, size, "%zu (%zu distinct, %zu with different labels):", found->images,
                         found->distinct, found->labels);
    for (size_t i = 0; i < found->pair_count && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s %zu = %zu", i ? "," : "",
                                 found->pairs[i][0], found->pairs[i][1]);
    if (found->images > found->pair_count && used < size)
        snprintf(out + used, size - used, ", ...");
    return out;
}

static td_status add_set(tool_run *run, tool_table *table, const td_dataset *set, const summary *s,
                         td_error *error) {
    const td_images *images = &set->images;
    char text[256], of_one[256];
    tool_cell *row;
    TD_TRY(tool_run_row(run, table, &row, error));
    TD_TRY(tool_run_cell(run, &row[DATA], set->name, error));
    if (*set->split)
        TD_TRY(tool_run_cell(run, &row[SPLIT], set->split, error));
    if (set->first > 0)
        tool_cell_count(&row[FIRST], set->first);
    tool_cell_count(&row[IMAGES], images->count);
    snprintf(text, sizeof text, "%zux%zux%zu", images->height, images->width, images->channels);
    TD_TRY(tool_run_cell(run, &row[SHAPE], text, error));
    tool_cell_count(&row[CLASSES], images->classes);
    list_values(s->mean, images->channels, 1, 2, text, sizeof text);
    TD_TRY(tool_run_cell(run, &row[MEAN], text, error));
    list_values(s->deviation, images->channels, 1, 2, text, sizeof text);
    TD_TRY(tool_run_cell(run, &row[DEVIATION], text, error));
    list_values(s->mean, images->channels, VALUES - 1, 4, text, sizeof text / 2);
    snprintf(of_one, sizeof of_one, "%.100s, %.100s", text,
             list_values(s->deviation, images->channels, VALUES - 1, 4, text + sizeof text / 2,
                         sizeof text / 2));
    TD_TRY(tool_run_cell(run, &row[OF_ONE], of_one, error));
    return tool_run_cell(run, &row[COPIES], describe_duplicates(&s->copies, text, sizeof text),
                         error);
}

/* The classes of set `number`, in its entry of the record. */
static td_status add_classes(tool_run *run, json_t *entry, size_t number, const td_dataset *set,
                             const summary *s, td_error *error) {
    tool_table_kind *kind;
    tool_table *table;
    tool_cell *row;
    TD_TRY(TD_ARENA_NEW(&run->arena, 1, &kind, "a table", error));
    *kind =
        (tool_table_kind){.name = "class_table", .columns = class_columns, .charts = class_charts};
    TD_TRY(tool_run_text(run, &kind->title, error, "Classes of %s", set->name));
    TD_TRY(tool_run_table(run, kind, &table, error));
    table->into = entry;
    TD_TRY(tool_run_text(run, &table->path, error, "/sets/%zu", number));
    for (size_t i = 0; i < set->images.classes; i++) {
        TD_TRY(tool_run_row(run, table, &row, error));
        tool_cell_count(&row[NUMBER], i);
        tool_cell_count(&row[COUNT], (size_t)s->class_counts[i]);
        if (set->class_names)
            TD_TRY(tool_run_cell(run, &row[NAME], set->class_names[i], error));
    }
    return TD_OK;
}

/* --- the run --- */

typedef struct info {
    tool_run *run;
    const td_many *data;
    json_t *sets, *shared; /* arrays of the record */
    tool_table *overview;
    hashed_set *hashed; /* [data->count] */
} info;

static td_status describe_open_set(info *f, size_t number, td_dataset *set, td_error *error) {
    summary s;
    TD_TRY(tool_record_dataset(&f->run->record, set, error));
    TD_TRY(summarise(&s, set, &f->hashed[number], error));
    json_t *entry = summary_json(set, &s);
    if (json_array_append_new(f->sets, entry) != 0)
        return td_fail_memory(error, "the record");
    TD_TRY(add_set(f->run, f->overview, set, &s, error));
    return add_classes(f->run, entry, number, set, &s, error);
}

static td_status describe_set(info *f, size_t number, td_error *error) {
    const char *data = f->data->texts[number];
    td_dataset set;
    TD_TRY(td_dataset_open(&set, data, "train", f->run->common->data_dir, error));
    td_status status = hashed_set_make(&f->hashed[number], &set, data, error);
    if (status == TD_OK)
        status = describe_open_set(f, number, &set, error);
    td_dataset_close(&set);
    return status;
}

/* What each two sets have in common. */
static td_status compare_sets(info *f, td_error *error) {
    tool_table *table;
    tool_cell *row;
    char text[256];
    TD_TRY(tool_run_table(f->run, &shared_table, &table, error));
    for (size_t i = 0; i < f->data->count; i++)
        for (size_t j = i + 1; j < f->data->count; j++) {
            const hashed_set *first = &f->hashed[i], *second = &f->hashed[j];
            duplicates found = duplicates_between(first, second);
            json_t *entry = duplicates_json(&found);
            json_t *data =
                json_pack("[o, o]", tool_json_text(first->name), tool_json_text(second->name));
            if (json_object_set_new(entry, "data", data) != 0 ||
                json_array_append_new(f->shared, entry) != 0)
                return td_fail_memory(error, "the record");
            TD_TRY(tool_run_row(f->run, table, &row, error));
            TD_TRY(tool_run_cell(f->run, &row[FIRST_SET], first->name, error));
            TD_TRY(tool_run_cell(f->run, &row[SECOND_SET], second->name, error));
            TD_TRY(tool_run_cell(f->run, &row[SHARED],
                                 describe_duplicates(&found, text, sizeof text), error));
        }
    return TD_OK;
}

static td_status add_files(tool_run *run, td_error *error) {
    const json_t *inputs = json_object_get(run->record.root, "inputs"), *input;
    tool_table *table;
    tool_cell *row;
    size_t i;
    TD_TRY(tool_run_table(run, &file_table, &table, error));
    json_array_foreach(inputs, i, input) {
        const json_t *files = json_object_get(input, "files");
        TD_TRY(tool_run_row(run, table, &row, error));
        TD_TRY(tool_run_cell(run, &row[FILE_NAME],
                             json_string_value(json_object_get(input, "path")), error));
        if (files)
            tool_cell_count(&row[FILES], (size_t)json_integer_value(files));
        TD_TRY(tool_run_cell(run, &row[DIGEST], json_string_value(json_object_get(input, "sha256")),
                             error));
    }
    return TD_OK;
}

static td_status describe_sets(info *f, td_error *error) {
    TD_TRY(tool_run_set(f->run, "sets", f->sets = json_array(), error));
    TD_TRY(tool_run_set(f->run, "shared", f->shared = json_array(), error));
    TD_TRY(tool_run_table(f->run, &set_table, &f->overview, error));
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
    .usage = "DATA...",
    .run = inform,
};

static const char help[] =
    "Prints the shape, class counts, pixel statistics, file checksums and duplicates of data sets."
    "\v"
    "DATA is NAME[:SPLIT[:A-B]] or PATH[:SPLIT[:A-B]]; SPLIT is train (the default) or test, A-B a "
    "half-open range of indices. Mean and standard deviation are those of each channel over all "
    "pixels. Images with the same pixels are counted within each set and, of several, in each two; "
    "of the pairs the first few are listed, by their indices in the split.\n\n"
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
