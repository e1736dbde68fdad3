#include "base/size.h"
#include "data/difference.h"
#include "data/sheet.h"
#include "measure/similarity.h"
#include "show.h"
#include <stdio.h>
#include <string.h>

enum {
    COLUMNS = 10, /* on a sheet of one set */
    GROUPS = 3,   /* next to each other on a sheet of two sets */
    GROUP = 3,    /* image, image', difference */
    CAPTION = 64, /* bytes; longer ones would not fit under an image */
    BRIGHTEST = 255,
};

/* The sheet being made: cells in reading order. */
typedef struct page {
    td_arena arena; /* owns cells, captions, headings and differences */
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
    TD_TRY(TD_ARENA_NEW(&p->arena, room, &p->cells, "a contact sheet", error));
    TD_TRY(TD_ARENA_NEW(&p->arena, room, &p->captions, "captions", error));
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

/* The difference of each pair, all to one scale, into differences[count, image], and the largest of
 * each. Returns the factor that they are multiplied by. */
static int draw_differences(uint8_t *differences, int *largest, const td_dataset *sets,
                            const size_t *places, size_t count) {
    const td_images *a = &sets[0].images, *b = &sets[1].images;
    const size_t size = td_image_size(a);
    int most = 1;
    for (size_t i = 0; i < count; i++) {
        largest[i] = td_linf(td_image(a, places[i]), td_image(b, places[i]), size);
        most = largest[i] > most ? largest[i] : most;
    }
    for (size_t i = 0; i < count; i++)
        td_difference_draw(td_image(a, places[i]), td_image(b, places[i]), size,
                           TD_DIFFERENCE_TIMES, most, differences + i * size);
    return BRIGHTEST / most;
}

/* DATA without the folders of a path, which would fill a heading. */
static const char *short_name(const td_dataset *set) {
    const char *slash = strrchr(set->name, '/');
    return slash && slash[1] ? slash + 1 : set->name;
}

static td_status add_headings(page *p, const td_dataset *sets, int factor, td_error *error) {
    const char **headings;
    char *text;
    enum { TEXT = 32 };
    TD_TRY(TD_ARENA_NEW(&p->arena, p->sheet.columns, &headings, "headings", error));
    TD_TRY(TD_ARENA_NEW(&p->arena, TEXT, &text, "headings", error));
    snprintf(text, TEXT, "difference x%d", factor);
    for (size_t i = 0; i < p->sheet.columns; i++)
        headings[i] = i % GROUP < SHOW_MOST_SETS ? short_name(&sets[i % GROUP]) : text;
    p->sheet.headings = headings;
    return TD_OK;
}

static td_status fill_one(page *p, const td_dataset *set, const size_t *places, size_t count,
                          td_error *error) {
    TD_TRY(page_start(p, &set->images, count, td_size_min(count, COLUMNS), error));
    for (size_t i = 0; i < count; i++)
        add_image(p, set, places[i]);
    return TD_OK;
}

static td_status fill_two(page *p, const td_dataset *sets, const size_t *places, size_t count,
                          td_error *error) {
    uint8_t *differences;
    int *largest;
    size_t size = td_image_size(&sets[0].images);
    TD_TRY(
        page_start(p, &sets[0].images, GROUP * count, GROUP * td_size_min(count, GROUPS), error));
    TD_TRY(td_arena_alloc(&p->arena, count, size, (void **)&differences, "differences", error));
    TD_TRY(TD_ARENA_NEW(&p->arena, count, &largest, "differences", error));
    const int factor = draw_differences(differences, largest, sets, places, count);
    for (size_t i = 0; i < count; i++) {
        add_image(p, &sets[0], places[i]);
        add_image(p, &sets[1], places[i]);
        char *caption = p->captions[p->used];
        snprintf(caption, CAPTION, "up to %d", largest[i]);
        p->cells[p->used++] = (td_sheet_cell){differences + i * size, caption};
    }
    return add_headings(p, sets, factor, error);
}

td_status show_draw(td_bitmap *bitmap, const td_dataset *sets, size_t set_count,
                    const size_t *places, size_t count, td_error *error) {
    page p = {0};
    td_status status = set_count == 1 ? fill_one(&p, sets, places, count, error)
                                      : fill_two(&p, sets, places, count, error);
    if (status == TD_OK)
        status = td_sheet_draw(bitmap, &p.sheet, error);
    td_arena_free(&p.arena);
    return status;
}
