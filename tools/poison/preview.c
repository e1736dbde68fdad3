/* SPDX-License-Identifier: MIT */
/* The preview: samples of poisoned images, each clean, poisoned, and the difference. */
#include "poison.h"

#include "base/size.h"
#include "data/difference.h"
#include "data/png.h"
#include "data/sheet.h"
#include "measure/similarity.h"
#include <stdio.h>

enum { COLUMNS = 3, FEWEST_ROWS = 8, MOST_ROWS = 12, LARGEST_HEIGHT = 12000, CAPTION = 40 };

/* Poisoned images, and covers. */
static size_t marked(const poison_output *output) {
    return output->poisoned + output->covers;
}

static size_t count_rows(const poison_plan *plan) {
    size_t samples = 0, height = plan->source.images.height;
    for (size_t i = 0; i < plan->output_count; i++)
        samples += marked(&plan->outputs[i]);
    size_t rows = td_size_max(FEWEST_ROWS, td_size_min(plan->output_count, MOST_ROWS));
    rows = td_size_min(td_size_min(rows, samples), LARGEST_HEIGHT / height);
    return td_size_max(rows, 1);
}

/* The `place`-th marked image of an output. */
static const poison_item *find_item(const poison_output *output, size_t place) {
    for (size_t i = 0; i < output->count; i++)
        if (output->items[i].backdoor >= 0 && place-- == 0)
            return &output->items[i];
    return NULL;
}

/* Rows cycle through the outputs; within one, samples are evenly spaced, so that every backdoor is
 * shown. */
static const poison_item *sample(const poison_plan *plan, size_t row, size_t rows) {
    const poison_output *output = &plan->outputs[row % plan->output_count];
    size_t turns = (rows + plan->output_count - 1) / plan->output_count;
    return find_item(output, row / plan->output_count * marked(output) / turns);
}

static void draw_row(const poison_plan *plan, const poison_output *output, const poison_item *item,
                     uint8_t *pixels, void *scratch, char (*captions)[CAPTION]) {
    const td_images *images = &plan->source.images;
    size_t size = td_image_size(images), number = plan->source.first + item->source;
    poison_item clean = *item;
    clean.backdoor = -1;
    clean.pixels = NULL;
    poison_render(plan, &clean, pixels, scratch);
    poison_render(plan, item, pixels + size, scratch);
    int largest = td_linf(pixels, pixels + size, size);
    td_difference_draw(pixels, pixels + size, size, TD_DIFFERENCE_STRETCHED, largest,
                       pixels + 2 * size);
    if (plan->output_count > 1)
        snprintf(captions[0], CAPTION, "%s %zu", output->name, number);
    else
        snprintf(captions[0], CAPTION, "image %zu", number);
    snprintf(captions[1], CAPTION, "%d -> %d", images->labels[item->source], item->label);
    snprintf(captions[2], CAPTION, "at most %d", largest);
}

td_status poison_preview(poison_plan *plan, FILE *stream, td_error *error) {
    static const char *const headings[COLUMNS] = {"clean", "poisoned", "difference, scaled"};
    static const char what[] = "the preview";
    const td_images *images = &plan->source.images;
    size_t rows = count_rows(plan), size = td_image_size(images);
    td_arena *arena = &plan->arena;
    uint8_t *pixels;
    void *scratch;
    td_sheet_cell *cells;
    char(*captions)[CAPTION];
    TD_TRY(td_arena_alloc(arena, rows * COLUMNS, size, (void **)&pixels, what, error));
    TD_TRY(td_arena_alloc(arena, poison_scratch(plan), 1, &scratch, what, error));
    TD_TRY(TD_ARENA_NEW(arena, rows * COLUMNS, &cells, what, error));
    TD_TRY(TD_ARENA_NEW(arena, rows * COLUMNS, &captions, what, error));
    for (size_t row = 0; row < rows; row++)
        draw_row(plan, &plan->outputs[row % plan->output_count], sample(plan, row, rows),
                 pixels + row * COLUMNS * size, scratch, captions + row * COLUMNS);
    for (size_t i = 0; i < rows * COLUMNS; i++)
        cells[i] = (td_sheet_cell){pixels + i * size, captions[i]};
    td_sheet sheet = {rows,  COLUMNS, images->height, images->width, images->channels,
                      cells, headings};
    td_bitmap bitmap;
    TD_TRY(td_sheet_draw(&bitmap, &sheet, error));
    td_status status = td_png_write(stream, &bitmap, error);
    td_bitmap_free(&bitmap);
    return status;
}
