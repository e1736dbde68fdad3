/* SPDX-License-Identifier: MIT */
/* trapdoor-data import: converts pictures to a data set in one file. */
#include "import.h"
#include "command.h"

#include "data/bitmap.h"
#include <math.h>
#include <string.h>

#define AT(field) offsetof(import_request, field)

static const td_key keys[] = {
    {"data", TD_KEY_TEXT, AT(data), .argument = true, .required = true, .value = "DATA"},
    {"size", TD_KEY_PAIR, AT(width), .least = 1, .most = TD_BITMAP_SIDE, .value = "WxH",
     .help = "Resize pictures to W by H pixels (without it all must have one size)"},
    {"filter", TD_KEY_WORD, AT(filter), .words = td_filter_names, .standard = "bilinear",
     .needs = "size", .value = "FILTER",
     .help = "Resize by nearest, box, bilinear, bicubic or lanczos; all but nearest use every "
             "pixel of a picture that shrinks"},
    {"classes", TD_KEY_TEXT, AT(classes), .value = "LIST",
     .help = "Take only these classes, by name or index (a name wins; #3 is always the index), "
             "such as 3,5,dog; they become labels 0, 1, 2 ..."},
    {"class-names", TD_KEY_TEXT, AT(class_names), .value = "LIST|FILE",
     .help = "Name the classes, in the order of their labels: NAME,NAME,... or a file with one "
             "name a line"},
    {"per-class", TD_KEY_COUNT, AT(per_class), .least = 1, .most = INFINITY, .value = "N",
     .help = "Take the first N images of each class"},
    {"gray", TD_KEY_FLAG, AT(grey), .alias = "grey",
     .help = "Convert colours to grey (Rec. 601 "
             "luma)"},
    {"roi", TD_KEY_FLAG, AT(regions), .help = "Crop pictures to their region of interest (GTSRB)"},
    {"ground", TD_KEY_COLOUR, AT(ground), .standard = "white", .value = "COLOUR",
     .help = "Lay transparent pictures on black, white, V or R/G/B"},
    {"no-orientation", TD_KEY_FLAG, AT(as_stored), .help = "Ignore the orientation in EXIF"},
    {"transpose", TD_KEY_FLAG, AT(transpose),
     .help = "Swap rows and columns (EMNIST stores its images so)"},
    {"skip-broken", TD_KEY_FLAG, AT(skip_broken),
     .help = "Leave out pictures that cannot be read, and list them"},
    {"shuffle", TD_KEY_FLAG, AT(shuffle), .help = "Shuffle the images, by the seed"},
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
    size_t broken;
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
    {"without_alpha", NULL, TOOL_COUNT, AT(made.remarks.pictures[TD_FACT_ALPHA])},
    {"transparent", NULL, TOOL_COUNT, AT(made.remarks.pictures[TD_FACT_TRANSPARENT])},
    {"lost_on_ground", NULL, TOOL_COUNT, AT(made.remarks.pictures[TD_FACT_LOST])},
    {"turned", NULL, TOOL_COUNT, AT(made.remarks.pictures[TD_FACT_TURNED])},
    {"left_as_stored", NULL, TOOL_COUNT, AT(made.remarks.pictures[TD_FACT_LEFT])},
    {"from_cmyk", NULL, TOOL_COUNT, AT(made.remarks.pictures[TD_FACT_CMYK])},
    {"broken", NULL, TOOL_COUNT, AT(broken)},
    {0},
};

static const tool_table_kind table = {
    .columns = columns, .row = sizeof(import_row), .single = true};

typedef struct broken_row {
    const char *file, *reason;
} broken_row;

static const tool_column broken_columns[] = {
    {"file", "file", TOOL_TEXT, offsetof(broken_row, file)},
    {"reason", "reason", TOOL_TEXT, offsetof(broken_row, reason)},
    {0},
};

static const tool_table_kind broken_table = {
    .name = "left_out", .title = "Left out", .columns = broken_columns, .row = sizeof(broken_row)};

/* "; 1 resized (nearest), 2 made RGB": the changes to stored pictures. */
static void describe_changes(const import_request *request, const import_result *made,
                             size_t broken, char *out, size_t size) {
    const uint8_t *rgb = request->ground.rgb;
    char ground[32];
    snprintf(ground, sizeof ground, request->ground.grey ? "%d" : "%d/%d/%d", rgb[0], rgb[1],
             rgb[2]);
    const size_t *pictures = made->remarks.pictures;
    const struct {
        size_t count;
        const char *what, *how;
    } changes[] = {{made->resized, "resized", td_filter_names[request->filter]},
                   {made->made_grey, "made grey", NULL},
                   {made->made_rgb, "made RGB", NULL},
                   {pictures[TD_FACT_TURNED], "turned upright", "EXIF"},
                   {pictures[TD_FACT_LEFT], "not turned", "EXIF"},
                   {pictures[TD_FACT_TRANSPARENT], "laid on a ground", ground},
                   {pictures[TD_FACT_CMYK], "from CMYK", NULL},
                   {broken, "left out", "broken"}};
    size_t used = 0;
    *out = '\0';
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        if (changes[i].count > 0 && used < size)
            used +=
                (size_t)snprintf(out + used, size - used, "%s%zu %s%s%s%s", used ? ", " : "; ",
                                 changes[i].count, changes[i].what, changes[i].how ? " (" : "",
                                 changes[i].how ? changes[i].how : "", changes[i].how ? ")" : "");
}

static td_status list_broken(tool_run *run, const import_source *source, td_error *error) {
    tool_table *list;
    if (!source->broken)
        return TD_OK;
    TD_TRY(tool_run_open(run, &broken_table, NULL, &list, error));
    for (size_t i = 0; i < source->count; i++) {
        if (!source->broken[i])
            continue;
        /* The reason begins with the file. */
        const char *file = source->listing.images[i].path, *reason = source->broken[i];
        const size_t length = strlen(file);
        if (strncmp(reason, file, length) == 0 && strncmp(reason + length, ": ", 2) == 0)
            reason += length + 2;
        const broken_row row = {file, reason};
        TD_TRY(tool_run_fill(run, list, &row, error));
    }
    return TD_OK;
}

static td_status report(tool_run *run, const import_source *source, const import_selection *s,
                        const import_result *made, td_error *error) {
    size_t least = SIZE_MAX, most = 0;
    char changes[512], range[64];
    import_row row = {.made = *made,
                      .broken = source->broken_count,
                      .class_names = {.texts = s->class_names, .count = s->classes}};
    for (size_t i = 0; i < s->classes; i++) {
        least = s->class_counts[i] < least ? s->class_counts[i] : least;
        most = s->class_counts[i] > most ? s->class_counts[i] : most;
    }
    TD_TRY(tool_list_counts(&row.class_counts, s->class_counts, s->classes, 0, &run->arena, error));
    TD_TRY(tool_run_rows(run, &table, NULL, &row, 1, error));
    TD_TRY(list_broken(run, source, error));
    tool_run_warn(run, ((const import_request *)run->own)->data, &made->remarks);
    describe_changes(run->own, made, source->broken_count, changes, sizeof changes);
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
    td_status status = ((const import_request *)run->own)->skip_broken
                           ? import_source_find_broken(&source, run, error)
                           : TD_OK;
    if (status == TD_OK)
        status = import_select(&selection, run, &source, error);
    if (status == TD_OK)
        status = import_write(&made, run, &source, &selection, error);
    if (status == TD_OK)
        status = report(run, &source, &selection, &made, error);
    import_source_close(&source);
    return status;
}

static const tool_family family = {
    .name = "import",
    .word = "command",
    .prints = data_prints,
    .usage = "DATA -o SET.safetensors",
    .run = import_pictures,
    .output = TOOL_OUTPUT_FILE,
    .needs_output = true,
    .output_what = "the file to write",
};

static const char help[] =
    "Make a data set in one file from pictures, or from a part of another set."
    "\v"
    "DATA is NAME[:SPLIT[:A-B]] or PATH[:SPLIT[:A-B]]; SPLIT is train (the default) or test, A-B "
    "a half-open range of indices. A PATH may be a folder of class folders with pictures, "
    "pictures with an index of their labels, MNIST's, CIFAR's, STL-10's or GTSRB's files, NumPy's "
    "arrays or a safetensors set: --help-data lists them. If any picture has colour, all become "
    "RGB. Pictures are turned upright as their EXIF says, and transparent ones are laid on a "
    "ground. Pictures are read a block at a time, so a set may be larger than memory.\n"
    "\n"
    "Examples:\n"
    "  trapdoor-data import photos --size 64x64 -o photos.safetensors\n"
    "  trapdoor-data import gtsrb:test --roi --size 32x32 -o signs.safetensors\n"
    "  trapdoor-data import cifar10 --classes cat,dog -o pets.safetensors\n";

const tool_method data_import = {
    .name = "import",
    .title = "Import",
    .doc = "makes one data set file of pictures",
    .help = help,
    .family = &family,
    .groups = groups,
    .size = sizeof(import_request),
    .check = check,
};
