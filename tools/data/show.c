/* SPDX-License-Identifier: MIT */
/* trapdoor-data show: a picture of some images of a set, or of two sets side by side. */
#include "command.h"

#include "base/random.h"
#include "base/size.h"
#include "data/sheet.h"
#include "frame/picture.h"
#include "measure/similarity.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SETS = 2, MOST_IMAGES = 10000 };

typedef struct show_settings {
    td_many data;
    size_t count;      /* number of random images */
    const char *class; /* --class, or NULL */
    td_many images;    /* indices of the split; none: random */
} show_settings;

#define AT(field) offsetof(show_settings, field)

static const td_key keys[] = {
    {"data", TD_KEY_TEXT, AT(data), .argument = true, .many = true, .required = true,
     .value = "DATA"},
    {"count", TD_KEY_COUNT, AT(count), .least = 1, .most = MOST_IMAGES, .standard = "40",
     .value = "N", .help = "Show N images chosen at random by the seed"},
    {"class", TD_KEY_TEXT, AT(class), .value = "K",
     .help = "Choose among the images of class K: a name or an index"},
    {"images", TD_KEY_COUNT, AT(images), .most = INFINITY, .many = true, .optional = true,
     .value = "I,J,...", .help = "Show the images with these indices in the split"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

static td_status check(const tool_settings *settings, void *own, td_error *error) {
    const show_settings *s = own;
    if (s->data.count > MOST_SETS)
        return td_fail(error, TD_ERR_USAGE,
                       "expected DATA and at most a second one, found also \"%s\"",
                       s->data.texts[MOST_SETS]);
    if (s->images.count > 0 && tool_settings_given(settings, "count"))
        return td_fail(error, TD_ERR_USAGE, "expected --count or --images, found both");
    if (s->images.count > 0 && s->class)
        return td_fail(error, TD_ERR_USAGE, "expected --class or --images, found both");
    if (s->images.count > MOST_IMAGES)
        return td_fail(error, TD_ERR_USAGE, "--images: expected at most %d indices", MOST_IMAGES);
    return TD_OK;
}

/* --- which images --- */

/* Indices of images, relative to the sets' first; in the run's arena. */
typedef struct choice {
    size_t *places, count;
} choice;

static td_status take_given(tool_run *run, const td_dataset *set, size_t total, choice *out,
                            td_error *error) {
    const td_many *images = &((const show_settings *)run->own)->images;
    out->count = images->count;
    TD_TRY(TD_ARENA_NEW(&run->arena, out->count, &out->places, "a choice of images", error));
    for (size_t i = 0; i < out->count; i++) {
        const size_t index = images->counts[i];
        if (index < set->first || index - set->first >= total)
            return td_fail(error, TD_ERR_USAGE,
                           "--images: expected indices from %zu to %zu for %s, found %zu",
                           set->first, set->first + total - 1, set->name, index);
        out->places[i] = index - set->first;
    }
    return TD_OK;
}

static int ascending(const void *left, const void *right) {
    size_t a = *(const size_t *)left, b = *(const size_t *)right;
    return (a > b) - (a < b);
}

/* Draws among the first `total` images that --class allows, in ascending order. */
static td_status take_at_random(tool_run *run, const td_dataset *set, size_t total, choice *out,
                                td_error *error) {
    const show_settings *s = run->own;
    const td_images *images = &set->images;
    td_random random = td_random_for(run->common->seed, TD_FOR_SAMPLE, 0, 0);
    uint32_t *candidates, *order;
    size_t class = 0, found = 0;
    if (s->class) {
        const td_classes classes = td_dataset_classes(set);
        TD_TRY(td_class_find(&class, &classes, "--class", s->class, strlen(s->class), error));
    }
    TD_TRY(TD_ARENA_NEW(&run->arena, total, &candidates, "a choice of images", error));
    TD_TRY(TD_ARENA_NEW(&run->arena, total, &order, "a choice of images", error));
    for (size_t i = 0; i < total; i++)
        if (!s->class || (size_t)images->labels[i] == class)
            candidates[found++] = (uint32_t)i;
    if (found == 0)
        return td_fail(error, TD_ERR_USAGE,
                       "--class: expected a class that %s has images of, found %s", set->name,
                       s->class);
    td_random_permutation(&random, order, (uint32_t)found);
    out->count = td_size_min(s->count, found);
    TD_TRY(TD_ARENA_NEW(&run->arena, out->count, &out->places, "a choice of images", error));
    for (size_t i = 0; i < out->count; i++)
        out->places[i] = candidates[order[i]];
    qsort(out->places, out->count, sizeof *out->places, ascending);
    return TD_OK;
}

/* --- the sheet --- */

enum {
    COLUMNS = 10, /* on a sheet of one set */
    GROUPS = 3,   /* next to each other on a sheet of two sets */
    GROUP = 3,    /* image, image', difference */
    CAPTION = 64, /* bytes; longer ones would not fit under an image */
    BRIGHTEST = 255,
};

/* The sheet under construction: cells in reading order. */
typedef struct page {
    td_arena *arena; /* the run's */
    td_sheet sheet;
    td_sheet_cell *cells;
    char (*captions)[CAPTION];
    size_t used;
} page;

static td_status page_start(page *p, const td_images *images, size_t cells, size_t columns,
                            td_error *error) {
    p->sheet = (td_sheet){.rows = (cells + columns - 1) / columns,
                          .columns = columns,
                          .height = images->height,
                          .width = images->width,
                          .channels = images->channels};
    size_t room = p->sheet.rows * columns;
    TD_TRY(TD_ARENA_NEW(p->arena, room, &p->cells, "a contact sheet", error));
    TD_TRY(TD_ARENA_NEW(p->arena, room, &p->captions, "captions", error));
    p->sheet.cells = p->cells;
    return TD_OK;
}

/* The next cell: an image of a set, with its index in the split and its class. */
static void add_image(page *p, const td_dataset *set, size_t place) {
    int32_t label = set->images.labels[place];
    char *caption = p->captions[p->used];
    if (set->class_names)
        snprintf(caption, CAPTION, "%zu %s", set->first + place, set->class_names[label]);
    else
        snprintf(caption, CAPTION, "%zu label %d", set->first + place, (int)label);
    p->cells[p->used++] = (td_sheet_cell){td_image(&set->images, place), caption};
}

/* Draws the difference of each pair to one scale, into differences[count, image], and sets the
 * largest of each. Returns the factor applied. */
static int draw_differences(uint8_t *differences, int *largest, const td_dataset *sets,
                            const choice *c) {
    const td_images *a = &sets[0].images, *b = &sets[1].images;
    const size_t size = td_image_size(a);
    int most = 1;
    for (size_t i = 0; i < c->count; i++) {
        largest[i] = td_linf(td_image(a, c->places[i]), td_image(b, c->places[i]), size);
        most = largest[i] > most ? largest[i] : most;
    }
    for (size_t i = 0; i < c->count; i++)
        td_difference_draw(td_image(a, c->places[i]), td_image(b, c->places[i]), size,
                           TD_DIFFERENCE_TIMES, most, differences + i * size);
    return BRIGHTEST / most;
}

/* DATA without the folders of a path, which would be too long for a heading. */
static const char *short_name(const td_dataset *set) {
    const char *slash = strrchr(set->name, '/');
    return slash && slash[1] ? slash + 1 : set->name;
}

static td_status add_headings(page *p, const td_dataset *sets, int factor, td_error *error) {
    const char **headings;
    char *text;
    enum { TEXT = 32 };
    TD_TRY(TD_ARENA_NEW(p->arena, p->sheet.columns, &headings, "headings", error));
    TD_TRY(TD_ARENA_NEW(p->arena, TEXT, &text, "headings", error));
    snprintf(text, TEXT, "difference x%d", factor);
    for (size_t i = 0; i < p->sheet.columns; i++)
        headings[i] = i % GROUP < MOST_SETS ? short_name(&sets[i % GROUP]) : text;
    p->sheet.headings = headings;
    return TD_OK;
}

static td_status fill_one(page *p, const td_dataset *set, const choice *c, td_error *error) {
    TD_TRY(page_start(p, &set->images, c->count, td_size_min(c->count, COLUMNS), error));
    for (size_t i = 0; i < c->count; i++)
        add_image(p, set, c->places[i]);
    return TD_OK;
}

static td_status fill_two(page *p, const td_dataset *sets, const choice *c, td_error *error) {
    uint8_t *differences;
    int *largest;
    size_t size = td_image_size(&sets[0].images);
    TD_TRY(page_start(p, &sets[0].images, GROUP * c->count, GROUP * td_size_min(c->count, GROUPS),
                      error));
    TD_TRY(td_arena_alloc(p->arena, c->count, size, (void **)&differences, "differences", error));
    TD_TRY(TD_ARENA_NEW(p->arena, c->count, &largest, "differences", error));
    const int factor = draw_differences(differences, largest, sets, c);
    for (size_t i = 0; i < c->count; i++) {
        add_image(p, &sets[0], c->places[i]);
        add_image(p, &sets[1], c->places[i]);
        char *caption = p->captions[p->used];
        snprintf(caption, CAPTION, "up to %d", largest[i]);
        p->cells[p->used++] = (td_sheet_cell){differences + i * size, caption};
    }
    return add_headings(p, sets, factor, error);
}

/* --- the run --- */

static td_status check_shapes(const td_dataset *sets, td_error *error) {
    const td_images *a = &sets[0].images, *b = &sets[1].images;
    if (a->height == b->height && a->width == b->width && a->channels == b->channels)
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "%s: expected images of %zux%zux%zu, as %s has, found %zux%zux%zu", sets[1].name,
                   a->height, a->width, a->channels, sets[0].name, b->height, b->width,
                   b->channels);
}

static td_status draw(tool_run *run, td_dataset sets[MOST_SETS], td_bitmap *bitmap,
                      td_error *error) {
    const show_settings *s = run->own;
    const bool given = s->images.count > 0;
    page p = {.arena = &run->arena};
    size_t total = UINT32_MAX;
    choice c;
    for (size_t i = 0; i < s->data.count; i++) {
        TD_TRY(tool_run_dataset(run, s->data.texts[i], "train", &sets[i], error));
        total = td_size_min(total, sets[i].images.count);
    }
    if (s->data.count > 1)
        TD_TRY(check_shapes(sets, error));
    TD_TRY((given ? take_given : take_at_random)(run, sets, total, &c, error));
    TD_TRY((s->data.count > 1 ? fill_two : fill_one)(&p, sets, &c, error));
    TD_TRY(td_sheet_draw(bitmap, &p.sheet, error));
    if (given) /* options of a random choice have no effect */
        json_object_del(json_object_get(run->record.root, "options"), "count");
    return TD_OK;
}

static td_status show(tool_run *run, td_error *error) {
    td_dataset sets[MOST_SETS] = {0};
    td_bitmap bitmap = {0};
    td_status status = draw(run, sets, &bitmap, error);
    for (size_t i = 0; i < MOST_SETS; i++)
        td_dataset_close(&sets[i]);
    if (status == TD_OK && !tool_interrupted())
        return tool_run_picture(run, run->common->output, false, &bitmap, error);
    td_bitmap_free(&bitmap);
    return status == TD_OK ? td_fail(error, TD_ERR_INTERRUPTED, "interrupted") : status;
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
    "Draw a contact sheet of images with their index and class."
    "\v"
    "DATA is NAME[:SPLIT[:A-B]] or PATH[:SPLIT[:A-B]]; SPLIT is train (the default) or test, A-B "
    "a half-open range of indices. With DATA2, images at the same place of both sets stand side "
    "by side with their difference, amplified by one factor for the whole sheet. -o - writes the "
    "PNG to standard output.\n"
    "\n"
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
