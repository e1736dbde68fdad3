/* trapdoor-data show: a picture of some images of a set, or of two sets side by side. */
#include "show.h"
#include "classes.h"
#include "command.h"

#include "base/random.h"
#include "base/size.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_IMAGES = 10000 };

typedef struct show_settings {
    td_many data;
    size_t count;       /* images to choose at random */
    const char *class;  /* --class, or NULL */
    const char *images; /* --images, or NULL */
} show_settings;

/* What is shown. */
typedef struct request {
    const show_settings *settings;
    const tool_common *common;
    size_t *chosen, chosen_count; /* --images, as indices of the split */
} request;

#define AT(field) offsetof(show_settings, field)

static const td_key keys[] = {
    {"data", TD_KEY_TEXT, AT(data), .argument = true, .many = true, .required = true,
     .value = "DATA"},
    {"count", TD_KEY_COUNT, AT(count), .least = 1, .most = MOST_IMAGES, .standard = "40",
     .value = "N", .help = "Show N images chosen at random by the seed"},
    {"class", TD_KEY_TEXT, AT(class), .value = "K",
     .help = "Choose among the images of class K: a name or an index"},
    {"images", TD_KEY_TEXT, AT(images), .value = "I,J,...",
     .help = "Show the images with these indices in the split"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

static td_status check(const tool_settings *settings, void *own, td_error *error) {
    const show_settings *s = own;
    if (s->data.count > SHOW_MOST_SETS)
        return td_fail(error, TD_ERR_USAGE,
                       "expected DATA and at most a second one, found also \"%s\"",
                       s->data.texts[SHOW_MOST_SETS]);
    if (s->images && tool_settings_given(settings, "count"))
        return td_fail(error, TD_ERR_USAGE, "expected --count or --images, found both");
    if (s->images && s->class)
        return td_fail(error, TD_ERR_USAGE, "expected --class or --images, found both");
    return TD_OK;
}

/* The indices of --images: into the request, and as numbers into the record. */
static td_status read_images(request *r, tool_run *run, td_error *error) {
    static const td_key index = {.name = "images", .kind = TD_KEY_COUNT, .most = INFINITY};
    json_t *options = json_object_get(run->record.root, "options"), *list = json_array();
    char word[32];
    if (json_object_set_new(options, "images", list) != 0)
        return td_fail_memory(error, "the record");
    json_object_del(options, "count");
    TD_TRY(TD_ARENA_NEW(&run->arena, MOST_IMAGES, &r->chosen, "a choice of images", error));
    for (const char *at = r->settings->images; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : 0) {
        td_setting setting;
        snprintf(word, sizeof word, "%.*s", (int)strcspn(at, ","), at);
        if (r->chosen_count == MOST_IMAGES)
            return td_fail(error, TD_ERR_USAGE, "--images: expected at most %d indices",
                           MOST_IMAGES);
        if (!td_key_read(&index, word, &setting))
            return td_fail(error, TD_ERR_USAGE,
                           "--images: expected a whole number of at least 0, found \"%s\"", word);
        r->chosen[r->chosen_count++] = setting.count;
        if (json_array_append_new(list, json_integer((json_int_t)setting.count)) != 0)
            return td_fail_memory(error, "the record");
    }
    return TD_OK;
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
    if (r->settings->class) {
        const data_classes classes = {set->name, set->class_names, images->classes};
        TD_TRY(data_class_find(&class, &classes, "--class", r->settings->class,
                               strlen(r->settings->class), error));
    }
    for (size_t i = 0; i < total; i++)
        if (!r->settings->class || (size_t)images->labels[i] == class)
            candidates[(*count)++] = (uint32_t)i;
    if (*count > 0)
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE, "--class: expected a class that %s has images of, found %s",
                   set->name, r->settings->class);
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
    *count = td_size_min(r->settings->count, candidate_count);
    TD_TRY(TD_ARENA_NEW(arena, *count, places, "a choice of images", error));
    return draw_places(*places, *count, candidates, candidate_count, r->common->seed, error);
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
    if (r->settings->data.count > 1)
        total = td_size_min(total, sets[1].images.count);
    total = td_size_min(total, UINT32_MAX);
    td_arena arena = {0};
    td_status status = (r->chosen_count ? pick_chosen : pick_at_random)(&places, &count, r, sets,
                                                                        total, &arena, error);
    if (status == TD_OK)
        status = show_draw(bitmap, sets, r->settings->data.count, places, count, error);
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
    for (size_t i = 0; i < r->settings->data.count && status == TD_OK; i++) {
        status = td_dataset_open(&sets[i], r->settings->data.texts[i], "train", r->common->data_dir,
                                 error);
        if (status == TD_OK)
            status = tool_record_dataset(record, &sets[i], error);
    }
    if (status == TD_OK && r->settings->data.count > 1)
        status = check_shapes(sets, error);
    if (status == TD_OK)
        status = draw_picked(bitmap, r, sets, error);
    for (size_t i = 0; i < r->settings->data.count; i++)
        td_dataset_close(&sets[i]);
    return status;
}

static td_status write_bitmap(const td_bitmap *bitmap, tool_run *run, td_error *error) {
    FILE *stream;
    TD_TRY(tool_outputs_add_path(&run->outputs, run->common->output, &stream, error));
    TD_TRY(td_png_write(stream, bitmap, error));
    if (tool_interrupted())
        return td_fail(error, TD_ERR_INTERRUPTED, "interrupted");
    return tool_outputs_finish(&run->outputs, &run->record, error);
}

static td_status show(tool_run *run, td_error *error) {
    request r = {.settings = run->own, .common = run->common};
    td_bitmap bitmap = {0};
    if (r.settings->images)
        TD_TRY(read_images(&r, run, error));
    td_status status = make_bitmap(&bitmap, &r, &run->record, error);
    if (status == TD_OK)
        status = write_bitmap(&bitmap, run, error);
    td_bitmap_free(&bitmap);
    return status;
}

static const tool_family family = {
    .name = "show",
    .word = "command",
    .usage = "DATA [DATA2] -o F.png",
    .run = show,
    .output = TOOL_OUTPUT_FILE,
    .needs_output = true,
    .output_what = "the PNG file to write",
};

static const char help[] =
    "Draws a contact sheet of images with their index and class.\v"
    "DATA is NAME[:SPLIT[:A-B]] or PATH[:SPLIT[:A-B]]; SPLIT is train (the default) or test, A-B a "
    "half-open range of indices. With DATA2, images at the same place of both sets stand side by "
    "side with their difference, amplified by one factor for the whole sheet. -o - writes the PNG "
    "to standard output.\n\n"
    "Examples:\n"
    "  trapdoor-data show fashion-mnist -o sheet.png\n"
    "  trapdoor-data show gtsrb:test --class stop -o stop.png\n"
    "  trapdoor-data show cifar10 poisoned.safetensors --images 5,9 -o pairs.png\n";

const tool_method data_show = {
    .name = "show",
    .title = "Show",
    .doc = "a picture of images, or of two sets side by side",
    .help = help,
    .family = &family,
    .groups = groups,
    .size = sizeof(show_settings),
    .check = check,
};
