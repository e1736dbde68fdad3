/* trapdoor-data import: pictures become a data set in one file. */
#include "import.h"
#include "command.h"

#include "base/file.h"
#include "data/bitmap.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_SIZE = TOOL_OPTION_BASE,
    KEY_FILTER,
    KEY_CLASSES,
    KEY_PER_CLASS,
    KEY_GRAY,
    KEY_ROI,
    KEY_SHUFFLE
};

static const struct argp_option options[] = {
    {"size", KEY_SIZE, "WxH", 0,
     "Resize pictures to W by H pixels; without it all must have one size", 0},
    {"filter", KEY_FILTER, "FILTER", 0,
     "Resize by nearest, box, bilinear, bicubic or lanczos (bilinear); where a picture shrinks all "
     "but nearest count every pixel",
     0},
    {"classes", KEY_CLASSES, "LIST", 0,
     "Take these classes alone, by name or index (a name wins), as 3,5,dog; they become labels 0, "
     "1, 2 ...",
     0},
    {"per-class", KEY_PER_CLASS, "N", 0, "Take the first N images of each class", 0},
    {"gray", KEY_GRAY, NULL, 0, "Make colours grey (Rec. 601 luma)", 0},
    {"grey", KEY_GRAY, NULL, OPTION_ALIAS | OPTION_HIDDEN, NULL, 0},
    {"roi", KEY_ROI, NULL, 0, "Cut pictures to their region of interest (GTSRB)", 0},
    {"shuffle", KEY_SHUFFLE, NULL, 0, "Put what was taken in random order, by the seed", 0},
    {0},
};

static void parse_size(import_request *r, char *text, struct argp_state *state) {
    char *by = strchr(text, 'x');
    if (!by)
        tool_misuse(state, "--size: expected WxH, such as 32x32, found \"%s\"", text);
    *by = '\0';
    r->width = tool_count("--size: W", text, 1, TD_BITMAP_SIDE, state);
    r->height = tool_count("--size: H", by + 1, 1, TD_BITMAP_SIDE, state);
}

static void check(const import_request *r, const struct argp_state *state) {
    if (!r->data)
        tool_misuse(state, "expected DATA, found nothing");
    if (!r->common.output)
        tool_misuse(state, "-o: expected a file to write, found nothing");
    if (strcmp(r->common.output, "-") == 0)
        tool_misuse(state, "-o: expected a file to write, found \"-\", standard output");
    if (r->filter_given && !r->width)
        tool_misuse(state, "--filter: expected --size WxH with it, found none");
}

static error_t parse(int key, char *text, struct argp_state *state) {
    import_request *r = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &r->common;
        r->filter = TD_BILINEAR;
        return 0;
    case KEY_SIZE:
        parse_size(r, text, state);
        return 0;
    case KEY_FILTER:
        r->filter = (td_filter)tool_choice("--filter", text, td_filter_names, state);
        r->filter_given = true;
        return 0;
    case KEY_CLASSES:
        r->classes = text;
        return 0;
    case KEY_PER_CLASS:
        r->per_class = tool_count("--per-class", text, 1, SIZE_MAX, state);
        return 0;
    case KEY_GRAY:
        r->grey = true;
        return 0;
    case KEY_ROI:
        r->regions = true;
        return 0;
    case KEY_SHUFFLE:
        r->shuffle = true;
        return 0;
    case ARGP_KEY_ARG:
        if (r->data)
            tool_misuse(state, "expected one DATA, found also \"%s\"", text);
        r->data = text;
        return 0;
    case ARGP_KEY_END:
        check(r, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* What was asked, for the record. */
static json_t *request_json(const import_request *r) {
    json_t *size = r->width ? json_pack("[II]", (json_int_t)r->width, (json_int_t)r->height) : NULL;
    json_t *filter = r->width ? json_string(td_filter_names[r->filter]) : NULL;
    json_t *classes = r->classes ? tool_json_text(r->classes) : NULL;
    json_t *per_class = r->per_class ? json_integer((json_int_t)r->per_class) : NULL;
    return json_pack("{s:s, s:o, s:o*, s:o*, s:o*, s:o*, s:b, s:b, s:b}", "command", "import",
                     "data", tool_json_text(r->data), "size", size, "filter", filter, "classes",
                     classes, "per_class", per_class, "gray", (int)r->grey, "roi", (int)r->regions,
                     "shuffle", (int)r->shuffle);
}

static td_status report_json(json_t *root, const import_selection *s, const import_result *made) {
    json_t *counts = json_array(), *names = s->class_names ? json_array() : NULL;
    for (size_t i = 0; i < s->classes; i++)
        json_array_append_new(counts, json_integer((json_int_t)s->class_counts[i]));
    for (size_t i = 0; names && i < s->classes; i++)
        json_array_append_new(names, tool_json_text(s->class_names[i]));
    const td_images *images = &made->images;
    json_t *fields =
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:o*, s:o, s:I, s:I, s:I, s:I}", "images",
                  (json_int_t)images->count, "height", (json_int_t)images->height, "width",
                  (json_int_t)images->width, "channels", (json_int_t)images->channels, "classes",
                  (json_int_t)s->classes, "class_names", names, "class_counts", counts, "resized",
                  (json_int_t)made->resized, "made_gray", (json_int_t)made->made_grey, "made_rgb",
                  (json_int_t)made->made_rgb, "without_alpha", (json_int_t)made->without_alpha);
    int failed = json_object_update(root, fields);
    json_decref(fields);
    return failed ? TD_ERR_MEMORY : TD_OK;
}

static void print_changes(const import_request *r, const import_result *made) {
    if (made->resized)
        printf("  resized to %zux%zu: %zu (%s)\n", made->images.width, made->images.height,
               made->resized, td_filter_names[r->filter]);
    if (made->made_grey)
        printf("  made grey: %zu\n", made->made_grey);
    if (made->made_rgb)
        printf("  made RGB: %zu\n", made->made_rgb);
    if (made->without_alpha)
        printf("  alpha left out: %zu\n", made->without_alpha);
}

static void print_result(const import_request *r, const import_selection *s,
                         const import_result *made) {
    size_t least = SIZE_MAX, most = 0;
    for (size_t i = 0; i < s->classes; i++) {
        if (s->class_counts[i] < least)
            least = s->class_counts[i];
        if (s->class_counts[i] > most)
            most = s->class_counts[i];
    }
    printf("%s: %zu images of %zux%zux%zu (height, width, channels), %zu classes of ",
           r->common.output, s->count, made->images.height, made->images.width,
           made->images.channels, s->classes);
    if (least == most)
        printf("%zu\n", most);
    else
        printf("%zu to %zu\n", least, most);
    print_changes(r, made);
}

static td_status import_data(const import_request *r, tool_record *record, td_error *error) {
    import_source source;
    import_selection selection = {0};
    import_result made;
    TD_TRY(import_source_open(&source, r, error));
    td_status status = import_select(&selection, &source, r, error);
    if (status == TD_OK)
        status = import_write(&made, r, &source, &selection, record, error);
    if (status == TD_OK && report_json(record->root, &selection, &made) != TD_OK)
        status = td_fail_memory(error, "the record");
    if (status == TD_OK)
        status = tool_record_write(record, &r->common, error);
    if (status == TD_OK && !(r->common.json && strcmp(r->common.json, "-") == 0))
        print_result(r, &selection, &made);
    import_selection_free(&selection);
    import_source_close(&source);
    return status;
}

static td_status run_request(const import_request *r, td_error *error) {
    TD_TRY(td_output_check(r->common.output, r->common.force, error));
    TD_TRY(tool_record_check(&r->common, error));
    tool_record record;
    TD_TRY(tool_record_start(&record, "trapdoor-data", &r->common, request_json(r), error));
    td_status status = import_data(r, &record, error);
    tool_record_free(&record);
    return status;
}

static int run(int argc, char **argv) {
    static const struct argp argp = {
        options,
        parse,
        "import DATA -o SET.safetensors",
        "Make a data set in one file of pictures, or of a part of another set.\v"
        "DATA is NAME[:SPLIT[:A-B]] or PATH[:SPLIT[:A-B]]; SPLIT is train (the default) or test, "
        "A-B a half-open range of indices. A PATH may be a folder of class folders with PNG, JPEG "
        "or PPM pictures, alone or in folders train and test, GTSRB's layout, CIFAR-10's binary "
        "batches, IDX files, .npy arrays or a safetensors set. If any picture has colour, all "
        "become RGB; alpha is left out. Pictures are read a block at a time, so that a set may be "
        "larger than memory.\n\n"
        "Examples:\n"
        "  trapdoor-data import photos --size 64x64 -o photos.safetensors\n"
        "  trapdoor-data import gtsrb:test --roi --size 32x32 -o signs.safetensors\n"
        "  trapdoor-data import cifar10 --classes cat,dog -o pets.safetensors\n",
        tool_common_children,
        NULL,
        NULL};
    import_request r = {0};
    tool_parse(&argp, argc, argv, &r, &r.common);
    td_error error;
    td_status status = run_request(&r, &error);
    return tool_exit(status, &error);
}

const command command_import = {"import", "import DATA", "a data set in one file of pictures", run};
