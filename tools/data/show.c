/* trapdoor-data show: a picture of some images of a set, or of two sets side by side. */
#include "show.h"
#include "classes.h"
#include "command.h"

#include "base/file.h"
#include "base/random.h"
#include "base/size.h"
#include "frame/record.h"
#include <stdlib.h>
#include <string.h>

enum { KEY_COUNT = TOOL_OPTION_BASE, KEY_IMAGES, KEY_CLASS };
enum { DEFAULT_COUNT = 40, MOST_IMAGES = 10000 };

typedef struct request {
    tool_common common;
    char *data[SHOW_MOST_SETS];
    size_t set_count;
    size_t count;                 /* images to choose at random; 0 where not asked for */
    const char *class;            /* --class, or NULL */
    size_t *chosen, chosen_count; /* --images, as indices of the split */
} request;

static const struct argp_option options[] = {
    {"count", KEY_COUNT, "N", 0, "Show N images chosen at random by the seed (40)", 0},
    {"class", KEY_CLASS, "K", 0, "Choose among the images of class K: a name or an index", 0},
    {"images", KEY_IMAGES, "I,J,...", 0, "Show the images with these indices in the split", 0},
    {0},
};

static void parse_images(request *r, char *text, struct argp_state *state) {
    char *rest, *word = strtok_r(text, ",", &rest);
    r->chosen_count = 0;
    r->chosen = realloc(r->chosen, MOST_IMAGES * sizeof *r->chosen);
    if (!r->chosen)
        tool_misuse(state, "--images: out of memory");
    for (; word; word = strtok_r(NULL, ",", &rest)) {
        if (r->chosen_count == MOST_IMAGES)
            tool_misuse(state, "--images: expected at most %d indices", MOST_IMAGES);
        r->chosen[r->chosen_count++] = tool_count("--images", word, 0, SIZE_MAX, state);
    }
    if (r->chosen_count == 0)
        tool_misuse(state, "--images: expected indices I,J,..., found none");
}

static void check(const request *r, const struct argp_state *state) {
    if (r->set_count == 0)
        tool_misuse(state, "expected DATA, found nothing");
    if (!r->common.output)
        tool_misuse(state, "-o: expected a PNG file to write, found nothing");
    if (r->count && r->chosen_count)
        tool_misuse(state, "expected --count or --images, found both");
    if (r->class && r->chosen_count)
        tool_misuse(state, "expected --class or --images, found both");
}

static error_t parse(int key, char *text, struct argp_state *state) {
    request *r = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &r->common;
        return 0;
    case KEY_COUNT:
        r->count = tool_count("--count", text, 1, MOST_IMAGES, state);
        return 0;
    case KEY_CLASS:
        r->class = text;
        return 0;
    case KEY_IMAGES:
        parse_images(r, text, state);
        return 0;
    case ARGP_KEY_ARG:
        if (r->set_count == SHOW_MOST_SETS)
            tool_misuse(state, "expected DATA and at most a second one, found also \"%s\"", text);
        r->data[r->set_count++] = text;
        return 0;
    case ARGP_KEY_END:
        check(r, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int ascending(const void *left, const void *right) {
    size_t a = *(const size_t *)left, b = *(const size_t *)right;
    return (a > b) - (a < b);
}

/* The places of the first `total` images that --class leaves, in order; at least one. */
static td_status list_candidates(uint32_t *candidates, size_t *count, const request *r,
                                 const td_dataset *set, size_t total, td_error *error) {
    const td_images *images = &set->images;
    size_t class = 0;
    *count = 0;
    if (r->class) {
        const data_classes classes = {set->name, set->class_names, images->classes};
        TD_TRY(data_class_find(&class, &classes, "--class", r->class, strlen(r->class), error));
    }
    for (size_t i = 0; i < total; i++)
        if (!r->class || (size_t)images->labels[i] == class)
            candidates[(*count)++] = (uint32_t)i;
    if (*count > 0)
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE, "--class: expected a class that %s has images of, found %s",
                   set->name, r->class);
}

/* Draws places[0, count) of the candidates at random, in ascending order. */
static td_status draw_places(size_t *places, size_t count, const uint32_t *candidates,
                             size_t candidate_count, uint64_t seed, td_error *error) {
    uint32_t *order = calloc(candidate_count, sizeof *order);
    if (!order)
        return td_fail_memory(error, "a random choice");
    td_random random = td_random_for(seed, TD_FOR_SAMPLE, 0, 0);
    td_random_permutation(&random, order, (uint32_t)candidate_count);
    for (size_t i = 0; i < count; i++)
        places[i] = candidates[order[i]];
    free(order);
    qsort(places, count, sizeof *places, ascending);
    return TD_OK;
}

static td_status pick_at_random(size_t **places, size_t *count, const request *r,
                                const td_dataset *set, size_t total, td_arena *arena,
                                td_error *error) {
    uint32_t *candidates;
    size_t candidate_count;
    TD_TRY(TD_ARENA_NEW(arena, total, &candidates, "a choice of images", error));
    TD_TRY(list_candidates(candidates, &candidate_count, r, set, total, error));
    *count = td_size_min(r->count ? r->count : DEFAULT_COUNT, candidate_count);
    TD_TRY(TD_ARENA_NEW(arena, *count, places, "a choice of images", error));
    return draw_places(*places, *count, candidates, candidate_count, r->common.seed, error);
}

static td_status pick_chosen(size_t **places, size_t *count, const request *r,
                             const td_dataset *set, size_t total, td_arena *arena,
                             td_error *error) {
    *count = r->chosen_count;
    TD_TRY(TD_ARENA_NEW(arena, *count, places, "a choice of images", error));
    for (size_t i = 0; i < *count; i++) {
        if (r->chosen[i] < set->first || r->chosen[i] - set->first >= total)
            return td_fail(error, TD_ERR_USAGE,
                           "--images: expected indices from %zu to %zu for %s, found %zu",
                           set->first, set->first + total - 1, set->name, r->chosen[i]);
        (*places)[i] = r->chosen[i] - set->first;
    }
    return TD_OK;
}

static td_status draw_picked(td_bitmap *bitmap, const request *r, const td_dataset *sets,
                             td_error *error) {
    size_t total = sets[0].images.count, count, *places;
    if (r->set_count > 1)
        total = td_size_min(total, sets[1].images.count);
    total = td_size_min(total, UINT32_MAX);
    td_arena arena = {0};
    td_status status = (r->chosen_count ? pick_chosen : pick_at_random)(&places, &count, r, sets,
                                                                        total, &arena, error);
    if (status == TD_OK)
        status = show_draw(bitmap, sets, r->set_count, places, count, error);
    td_arena_free(&arena);
    return status;
}

static td_status check_shapes(const td_dataset *sets, td_error *error) {
    const td_images *a = &sets[0].images, *b = &sets[1].images;
    if (a->height == b->height && a->width == b->width && a->channels == b->channels)
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "%s: expected images of %zux%zux%zu, as %s has, found %zux%zux%zu", sets[1].name,
                   a->height, a->width, a->channels, sets[0].name, b->height, b->width,
                   b->channels);
}

static td_status make_bitmap(td_bitmap *bitmap, const request *r, tool_record *record,
                             td_error *error) {
    td_dataset sets[SHOW_MOST_SETS] = {0};
    td_status status = TD_OK;
    for (size_t i = 0; i < r->set_count && status == TD_OK; i++) {
        status = td_dataset_open(&sets[i], r->data[i], "train", r->common.data_dir, error);
        if (status == TD_OK)
            status = tool_record_dataset(record, &sets[i], error);
    }
    if (status == TD_OK && r->set_count > 1)
        status = check_shapes(sets, error);
    if (status == TD_OK)
        status = draw_picked(bitmap, r, sets, error);
    for (size_t i = 0; i < r->set_count; i++)
        td_dataset_close(&sets[i]);
    return status;
}

static td_status write_bitmap(const td_bitmap *bitmap, const request *r, tool_record *record,
                              td_error *error) {
    const char *path = r->common.output;
    if (strcmp(path, "-") == 0)
        return td_png_write(stdout, bitmap, error);
    td_output output;
    TD_TRY(td_output_open(&output, path, r->common.force, error));
    td_status status = td_png_write(output.stream, bitmap, error);
    if (status == TD_OK && tool_interrupted())
        status = td_fail(error, TD_ERR_INTERRUPTED, "interrupted");
    if (status == TD_OK)
        status = td_output_commit(&output, error);
    else
        td_output_discard(&output);
    const char *slash = strrchr(path, '/');
    if (status == TD_OK)
        status = tool_record_output(record, slash ? slash + 1 : path, path, error);
    return status;
}

/* What was asked, for the record. */
static json_t *request_json(const request *r) {
    json_t *data = json_array(), *images = r->chosen_count ? json_array() : NULL;
    for (size_t i = 0; i < r->set_count; i++)
        json_array_append_new(data, tool_json_text(r->data[i]));
    for (size_t i = 0; i < r->chosen_count; i++)
        json_array_append_new(images, json_integer((json_int_t)r->chosen[i]));
    json_int_t count = (json_int_t)(r->count ? r->count : DEFAULT_COUNT);
    return json_pack("{s:s, s:o, s:o*, s:o*, s:o*}", "command", "show", "data", data, "class",
                     r->class ? tool_json_text(r->class) : NULL, "images", images, "count",
                     images ? NULL : json_integer(count));
}

static td_status run_request(const request *r, td_error *error) {
    const tool_common *common = &r->common;
    if (strcmp(common->output, "-") != 0)
        TD_TRY(td_output_check(common->output, common->force, error));
    TD_TRY(tool_record_check(common, error));
    tool_record record;
    td_bitmap bitmap = {0};
    TD_TRY(tool_record_start(&record, "trapdoor-data", common, request_json(r), error));
    td_status status = make_bitmap(&bitmap, r, &record, error);
    if (status == TD_OK)
        status = write_bitmap(&bitmap, r, &record, error);
    if (status == TD_OK)
        status = tool_record_write(&record, common, error);
    td_bitmap_free(&bitmap);
    tool_record_free(&record);
    return status;
}

static int run(int argc, char **argv) {
    static const struct argp argp = {
        options,
        parse,
        "show DATA [DATA2] -o F.png",
        "Draw a contact sheet of images with their index and class.\v"
        "DATA is NAME[:SPLIT[:A-B]] or PATH[:SPLIT[:A-B]]; SPLIT is train (the default) or test, "
        "A-B a half-open range of indices. With DATA2, images at the same place of both sets stand "
        "side by side with their difference, amplified by one factor for the whole sheet. -o - "
        "writes the PNG to standard output.\n\n"
        "Examples:\n  trapdoor-data show fashion-mnist -o sheet.png\n"
        "  trapdoor-data show gtsrb:test --class stop -o stop.png\n"
        "  trapdoor-data show cifar10 poisoned.safetensors --images 5,9 -o pairs.png\n",
        tool_common_children,
        NULL,
        NULL};
    request r = {0};
    tool_parse(&argp, argc, argv, &r, &r.common);
    td_error error;
    td_status status = run_request(&r, &error);
    free(r.chosen);
    return tool_exit(status, &error);
}

const command command_show = {"show", "show DATA [DATA2]",
                              "a picture of images, or of two sets side by side", run};
