/* The picture of --picture: a row for each of some attacked images, the successes first. */
#include "base/size.h"
#include "data/difference.h"
#include "data/sheet.h"
#include "evade/evade.h"
#include "measure/similarity.h"
#include <stdio.h>

enum { ROWS = 10, COLUMNS = 3, CAPTION = 64 };

typedef struct page {
    size_t tasks[ROWS], rows;
    td_sheet_cell cells[ROWS * COLUMNS];
    char captions[ROWS * COLUMNS][CAPTION];
    uint8_t *differences; /* [ROWS, image] */
} page;

/* Successes evenly apart; where there are none, the first images. */
static void choose(page *p, const evade_result *r) {
    size_t successes = 0, seen = 0;
    for (size_t i = 0; i < r->plan->count; i++)
        successes += r->reached[i];
    const bool all = successes == 0;
    const size_t from = all ? r->plan->count : successes, rows = td_size_min(ROWS, from);
    for (size_t i = 0; i < r->plan->count && p->rows < rows; i++)
        if ((all || r->reached[i]) && seen++ == p->rows * from / rows)
            p->tasks[p->rows++] = i;
}

static void name_class(const evade_result *r, int32_t label, char *text) {
    if (r->data->class_names && (size_t)label < r->data->images.classes)
        snprintf(text, CAPTION, "%s", r->data->class_names[label]);
    else
        snprintf(text, CAPTION, "class %d", (int)label);
}

static void fill_row(page *p, const evade_result *r, size_t row) {
    const size_t size = td_image_size(&r->data->images), number = p->tasks[row];
    const uint8_t *pixels[COLUMNS] = {td_image(&r->data->images, r->plan->tasks[number].image),
                                      r->pixels + number * size, p->differences + row * size};
    char(*captions)[CAPTION] = p->captions + row * COLUMNS;
    int found = td_linf(pixels[0], pixels[1], size), largest = found > 1 ? found : 1;
    td_difference_draw(pixels[0], pixels[1], size, TD_DIFFERENCE_SIGNED, largest,
                       p->differences + row * size);
    name_class(r, r->labels[number], captions[0]);
    name_class(r, r->predicted[number], captions[1]);
    snprintf(captions[2], CAPTION, "up to %d", largest);
    for (size_t i = 0; i < COLUMNS; i++)
        p->cells[row * COLUMNS + i] = (td_sheet_cell){pixels[i], captions[i]};
}

static td_status draw(const evade_result *r, td_bitmap *bitmap, td_arena *arena, td_error *error) {
    static const char *const headings[COLUMNS] = {"clean", "the model says", "difference"};
    const td_images *images = &r->data->images;
    page *p;
    TD_TRY(TD_ARENA_NEW(arena, 1, &p, "samples", error));
    TD_TRY(td_arena_alloc(arena, ROWS, td_image_size(images), (void **)&p->differences, "samples",
                          error));
    choose(p, r);
    for (size_t row = 0; row < p->rows; row++)
        fill_row(p, r, row);
    td_sheet sheet = {p->rows,          COLUMNS,  images->height, images->width,
                      images->channels, p->cells, headings};
    return td_sheet_draw(bitmap, &sheet, error);
}

td_status evade_draw(const evade_result *r, td_bitmap *bitmap, td_error *error) {
    td_arena arena = {0};
    td_status status = draw(r, bitmap, &arena, error);
    td_arena_free(&arena);
    return status;
}
