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
     .help = "Take these classes alone, by name or index (a name wins; #3 is always the index), as "
             "3,5,dog; they become labels 0, 1, 2 ..."},
    {"class-names", TD_KEY_TEXT, AT(class_names), .value = "LIST|FILE",
     .help = "Call the classes so, in the order of their labels: names with commas between, or a "
             "file with one a line"},
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

typedef struct import_row {
    import_result made;
    tool_list class_names, class_counts;
} import_row;

#undef AT
#define AT(field) offsetof(import_row, field)

static const tool_column columns[] = {
    {"images", NULL, TOOL_COUNT, AT(made.images.count)},
    {"height", NULL, TOOL_COUNT, AT(made.images.height)},
    {"width", NULL, TOOL_COUNT, AT(made.images.width)},
    {"channels", NULL, TOOL_COUNT, AT(made.images.channels)},
    {"classes", NULL, TOOL_COUNT, AT(made.images.classes)},
    {"class_names", NULL, TOOL_LIST, AT(class_names)},
    {"class_counts", NULL, TOOL_LIST, AT(class_counts)},
    {"resized", NULL, TOOL_COUNT, AT(made.resized)},
    {"made_gray", NULL, TOOL_COUNT, AT(made.made_grey)},
    {"made_rgb", NULL, TOOL_COUNT, AT(made.made_rgb)},
    {"without_alpha", NULL, TOOL_COUNT, AT(made.without_alpha)},
    {0},
};

static const tool_table_kind table = {
    .columns = columns, .row = sizeof(import_row), .single = true};

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
    import_row row = {.made = *made, .class_names = {.texts = s->class_names, .count = s->classes}};
    for (size_t i = 0; i < s->classes; i++) {
        least = s->class_counts[i] < least ? s->class_counts[i] : least;
        most = s->class_counts[i] > most ? s->class_counts[i] : most;
    }
    TD_TRY(tool_list_counts(&row.class_counts, s->class_counts, s->classes, 0, &run->arena, error));
    TD_TRY(tool_run_rows(run, &table, NULL, &row, 1, error));
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
    import_source source;
    import_selection selection;
    import_result made;
    TD_TRY(import_source_open(&source, run, error));
    td_status status = import_select(&selection, run, &source, error);
    if (status == TD_OK)
        status = import_write(&made, run, &source, &selection, error);
    if (status == TD_OK)
        status = report(run, &selection, &made, error);
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
