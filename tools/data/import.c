/* trapdoor-data import: pictures become a data set in one file. */
#include "import.h"
#include "command.h"

#include "data/bitmap.h"
#include <math.h>
#include <string.h>

#define AT(field) offsetof(import_request, field)

static const td_key keys[] = {
    {"data", TD_KEY_TEXT, AT(data), .argument = true, .required = true, .value = "DATA"},
    {"size", TD_KEY_PAIR, AT(width), .least = 1, .most = TD_BITMAP_SIDE, .value = "WxH",
     .help = "Resize pictures to W by H pixels; without it all must have one size"},
    {"filter", TD_KEY_WORD, AT(filter), .words = td_filter_names, .standard = "bilinear",
     .needs = "size", .value = "FILTER",
     .help = "Resize by nearest, box, bilinear, bicubic or lanczos; where a picture shrinks all "
             "but nearest count every pixel"},
    {"classes", TD_KEY_TEXT, AT(classes), .value = "LIST",
     .help = "Take these classes alone, by name or index (a name wins), as 3,5,dog; they become "
             "labels 0, 1, 2 ..."},
    {"per-class", TD_KEY_COUNT, AT(per_class), .least = 1, .most = INFINITY, .value = "N",
     .help = "Take the first N images of each class"},
    {"gray", TD_KEY_FLAG, AT(grey), .alias = "grey", .help = "Make colours grey (Rec. 601 luma)"},
    {"roi", TD_KEY_FLAG, AT(regions), .help = "Cut pictures to their region of interest (GTSRB)"},
    {"shuffle", TD_KEY_FLAG, AT(shuffle),
     .help = "Put what was taken in random order, by the seed"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

static td_status check(const tool_settings *settings, void *own, td_error *error) {
    (void)own;
    if (strcmp(settings->common.output, "-") == 0)
        return td_fail(error, TD_ERR_USAGE,
                       "-o: expected a file to write, found \"-\", standard output");
    return TD_OK;
}

enum { IMAGES, HEIGHT, WIDTH, CHANNELS, CLASSES, RESIZED, GREYED, COLOURED, ALPHA };

static const tool_column columns[] = {
    [IMAGES] = {"images", NULL, TOOL_COUNT},       [HEIGHT] = {"height", NULL, TOOL_COUNT},
    [WIDTH] = {"width", NULL, TOOL_COUNT},         [CHANNELS] = {"channels", NULL, TOOL_COUNT},
    [CLASSES] = {"classes", NULL, TOOL_COUNT},     [RESIZED] = {"resized", NULL, TOOL_COUNT},
    [GREYED] = {"made_gray", NULL, TOOL_COUNT},    [COLOURED] = {"made_rgb", NULL, TOOL_COUNT},
    [ALPHA] = {"without_alpha", NULL, TOOL_COUNT}, {0},
};

static const tool_table_kind table_kind = {.columns = columns, .single = true};

static td_status add_table(tool_run *run, const import_selection *s, const import_result *made,
                           td_error *error) {
    const size_t values[] = {
        [IMAGES] = made->images.count, [HEIGHT] = made->images.height,
        [WIDTH] = made->images.width,  [CHANNELS] = made->images.channels,
        [CLASSES] = s->classes,        [RESIZED] = made->resized,
        [GREYED] = made->made_grey,    [COLOURED] = made->made_rgb,
        [ALPHA] = made->without_alpha,
    };
    tool_table *table;
    tool_cell *row;
    TD_TRY(tool_run_table(run, &table_kind, &table, error));
    TD_TRY(tool_run_row(run, table, &row, error));
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        tool_cell_count(&row[i], values[i]);
    return TD_OK;
}

static td_status add_classes(tool_run *run, const import_selection *s, td_error *error) {
    json_t *counts = json_array(), *names = json_array();
    bool good = true;
    for (size_t i = 0; i < s->classes && good; i++)
        good = json_array_append_new(counts, json_integer((json_int_t)s->class_counts[i])) == 0 &&
               (!s->class_names ||
                json_array_append_new(names, tool_json_text(s->class_names[i])) == 0);
    td_status status = tool_run_set(run, "class_counts", counts, error);
    if (status == TD_OK && s->class_names)
        return tool_run_set(run, "class_names", names, error);
    json_decref(names);
    return good ? status : td_fail_memory(error, "the record");
}

/* "; 1 resized (nearest), 2 made RGB": what was not as it was stored. */
static void describe_changes(td_filter filter, const import_result *made, char *out, size_t size) {
    const struct {
        size_t count;
        const char *what, *how;
    } changes[] = {{made->resized, "resized", td_filter_names[filter]},
                   {made->made_grey, "made grey", NULL},
                   {made->made_rgb, "made RGB", NULL},
                   {made->without_alpha, "without their alpha", NULL}};
    size_t used = 0;
    *out = '\0';
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        if (changes[i].count > 0 && used < size)
            used +=
                (size_t)snprintf(out + used, size - used, "%s%zu %s%s%s%s", used ? ", " : "; ",
                                 changes[i].count, changes[i].what, changes[i].how ? " (" : "",
                                 changes[i].how ? changes[i].how : "", changes[i].how ? ")" : "");
}

static td_status report(tool_run *run, const import_selection *s, const import_result *made,
                        td_error *error) {
    size_t least = SIZE_MAX, most = 0;
    char changes[256], range[64];
    for (size_t i = 0; i < s->classes; i++) {
        least = s->class_counts[i] < least ? s->class_counts[i] : least;
        most = s->class_counts[i] > most ? s->class_counts[i] : most;
    }
    TD_TRY(add_classes(run, s, error));
    TD_TRY(add_table(run, s, made, error));
    describe_changes((td_filter)((const import_request *)run->own)->filter, made, changes,
                     sizeof changes);
    if (least < most)
        snprintf(range, sizeof range, "%zu to %zu", least, most);
    else
        snprintf(range, sizeof range, "%zu", most);
    return tool_run_summary(
        run, error, "%zu images of %zux%zux%zu (height, width, channels), %zu classes of %s%s",
        s->count, made->images.height, made->images.width, made->images.channels, s->classes, range,
        changes);
}

static td_status import_pictures(tool_run *run, td_error *error) {
    import_request r = *(const import_request *)run->own;
    import_source source;
    import_selection selection = {0};
    import_result made;
    r.run = run;
    TD_TRY(import_source_open(&source, &r, error));
    td_status status = import_select(&selection, &source, &r, error);
    if (status == TD_OK)
        status = import_write(&made, &r, &source, &selection, error);
    if (status == TD_OK)
        status = report(run, &selection, &made, error);
    import_selection_free(&selection);
    import_source_close(&source);
    return status;
}

static const tool_family family = {
    .name = "import",
    .word = "command",
    .usage = "DATA -o SET.safetensors",
    .run = import_pictures,
    .output = TOOL_OUTPUT_FILE,
    .needs_output = true,
    .output_what = "the file to write",
};

static const char help[] =
    "Makes a data set in one file of pictures, or of a part of another set.\v"
    "DATA is NAME[:SPLIT[:A-B]] or PATH[:SPLIT[:A-B]]; SPLIT is train (the default) or test, A-B a "
    "half-open range of indices. A PATH may be a folder of class folders with PNG, JPEG or PPM "
    "pictures, alone or in folders train and test, GTSRB's layout, CIFAR-10's binary batches, IDX "
    "files, .npy arrays or a safetensors set. If any picture has colour, all become RGB; alpha is "
    "left out. Pictures are read a block at a time, so that a set may be larger than memory.\n\n"
    "Examples:\n"
    "  trapdoor-data import photos --size 64x64 -o photos.safetensors\n"
    "  trapdoor-data import gtsrb:test --roi --size 32x32 -o signs.safetensors\n"
    "  trapdoor-data import cifar10 --classes cat,dog -o pets.safetensors\n";

const tool_method data_import = {
    .name = "import",
    .title = "Import",
    .doc = "a data set in one file of pictures",
    .help = help,
    .family = &family,
    .groups = groups,
    .size = sizeof(import_request),
    .check = check,
};
