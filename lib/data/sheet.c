/* SPDX-License-Identifier: MIT */
#include "data/sheet.h"

#include "base/size.h"
#include "data/lettering.h"
#include <stdlib.h>
#include <string.h>

enum {
    IMAGE_WIDTH = 100, /* approximate width of an enlarged image */
    MARGIN = 6,        /* around a cell on each side */
    TEXT_GAP = 4,      /* between an image and its text */
    RGB = 3,
    PAPER = 255,
};

/* The layout, in pixels of the bitmap. */
typedef struct layout {
    size_t factor;                  /* enlargement of images */
    size_t image_width;             /* enlarged */
    size_t cell_width, cell_height; /* with margins and caption */
    size_t heading_height;          /* of the line above the cells; 0 without headings */
} layout;

static td_status plan(layout *l, size_t *width, size_t *height, const td_sheet *sheet,
                      td_error *error) {
    enum { TEXT_HEIGHT = TEXT_GAP + TD_LETTERING_HEIGHT };
    if (sheet->rows < 1 || sheet->columns < 1 || sheet->width < 1 || sheet->height < 1 ||
        (sheet->channels != 1 && sheet->channels != 3))
        return td_fail(error, TD_ERR_USAGE,
                       "contact sheet: expected images with 1 or 3 channels, found %zux%zu images "
                       "of %zux%zux%zu",
                       sheet->rows, sheet->columns, sheet->height, sheet->width, sheet->channels);
    l->factor = td_size_max(1, (IMAGE_WIDTH + sheet->width / 2) / sheet->width);
    l->heading_height = sheet->headings ? 2 * MARGIN + TD_LETTERING_HEIGHT : 0;
    size_t image_height, space = 2 * MARGIN + TEXT_HEIGHT;
    bool fits = td_size_mul(sheet->width, l->factor, &l->image_width) &&
                td_size_mul(sheet->height, l->factor, &image_height) &&
                td_size_add(l->image_width, 2 * MARGIN, &l->cell_width) &&
                td_size_add(image_height, space, &l->cell_height) &&
                td_size_mul(l->cell_width, sheet->columns, width) &&
                td_size_mul(l->cell_height, sheet->rows, height) &&
                td_size_add(*height, l->heading_height, height);
    if (!fits || *width > TD_BITMAP_SIDE || *height > TD_BITMAP_SIDE)
        return td_fail(error, TD_ERR_USAGE,
                       "contact sheet: expected a picture of at most %d pixels a side, found %zu "
                       "rows and %zu columns of images of %zux%zu pixels",
                       TD_BITMAP_SIDE, sheet->rows, sheet->columns, sheet->height, sheet->width);
    return TD_OK;
}

static void draw_image(td_bitmap *bitmap, const td_sheet *sheet, const layout *l, size_t x,
                       size_t y, const uint8_t *pixels) {
    for (size_t i = 0; i < sheet->height * l->factor; i++)
        for (size_t j = 0; j < l->image_width; j++) {
            const uint8_t *from =
                pixels + (i / l->factor * sheet->width + j / l->factor) * sheet->channels;
            uint8_t *to = bitmap->pixels + ((y + i) * bitmap->width + x + j) * RGB;
            for (size_t c = 0; c < RGB; c++)
                to[c] = from[sheet->channels == 1 ? 0 : c];
        }
}

static void draw_cell(td_bitmap *bitmap, const td_sheet *sheet, const layout *l, size_t row,
                      size_t column) {
    const td_sheet_cell *cell = &sheet->cells[row * sheet->columns + column];
    size_t x = column * l->cell_width + MARGIN;
    size_t y = l->heading_height + row * l->cell_height + MARGIN;
    if (cell->pixels)
        draw_image(bitmap, sheet, l, x, y, cell->pixels);
    if (cell->caption)
        td_lettering_draw(bitmap, x, y + sheet->height * l->factor + TEXT_GAP, l->image_width,
                          TD_LETTERING_INK, cell->caption);
}

td_status td_sheet_draw(td_bitmap *bitmap, const td_sheet *sheet, td_error *error) {
    *bitmap = (td_bitmap){0};
    layout l = {0};
    size_t width = 0, height = 0;
    TD_TRY(plan(&l, &width, &height, sheet, error));
    uint8_t *pixels = malloc(width * height * RGB);
    if (!pixels)
        return td_fail_memory(error, "a contact sheet");
    memset(pixels, PAPER, width * height * RGB);
    *bitmap = (td_bitmap){width, height, RGB, pixels};
    for (size_t column = 0; sheet->headings && column < sheet->columns; column++)
        td_lettering_draw(bitmap, column * l.cell_width + MARGIN, MARGIN, l.image_width,
                          TD_LETTERING_INK, sheet->headings[column]);
    for (size_t row = 0; row < sheet->rows; row++)
        for (size_t column = 0; column < sheet->columns; column++)
            draw_cell(bitmap, sheet, &l, row, column);
    return TD_OK;
}
