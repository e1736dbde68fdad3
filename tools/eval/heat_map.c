/* SPDX-License-Identifier: MIT */
#include "eval/eval.h"

#include "base/size.h"
#include "data/lettering.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RGB = 3,
    PAPER = 255,
    MARGIN = 8,
    LINE = TD_LETTERING_HEIGHT + 6,
    CELL = 32,                                /* of a heat map, at most */
    LEAST_WRITTEN = 4 * TD_LETTERING_ADVANCE, /* smallest cell that has room for its percents */
    NAMES = 96,                               /* width of the classes' names */
    BAR = 40,                                 /* width of a bar with its gap */
    HEIGHT = 160,                             /* of the highest bar */
    LIGHT = 235,                              /* ink on dark cells */
};

static td_status open_page(td_bitmap *bitmap, size_t width, size_t height, const char *title,
                           td_error *error) {
    *bitmap = (td_bitmap){0};
    if (width > TD_BITMAP_SIDE || height > TD_BITMAP_SIDE)
        return td_fail(error, TD_ERR_USAGE,
                       "picture: expected at most %d pixels a side, found %zux%zu", TD_BITMAP_SIDE,
                       width, height);
    uint8_t *pixels = malloc(width * height * RGB);
    if (!pixels)
        return td_fail_memory(error, "a picture");
    memset(pixels, PAPER, width * height * RGB);
    *bitmap = (td_bitmap){width, height, RGB, pixels};
    td_lettering_draw(bitmap, MARGIN, MARGIN, width - 2 * MARGIN, TD_LETTERING_INK, title);
    return TD_OK;
}

static void fill(td_bitmap *bitmap, size_t x, size_t y, size_t width, size_t height,
                 const uint8_t colour[RGB]) {
    for (size_t i = 0; i < height; i++)
        for (size_t j = 0; j < width; j++)
            memcpy(bitmap->pixels + ((y + i) * bitmap->width + x + j) * RGB, colour, RGB);
}

/* From white through blue to nearly black. */
static void colour_of(double share, uint8_t colour[RGB]) {
    static const double ends[3][RGB] = {{250, 250, 250}, {70, 130, 190}, {10, 30, 70}};
    size_t part = share > 0.5;
    double along = 2 * share - (double)part;
    for (size_t c = 0; c < RGB; c++)
        colour[c] = (uint8_t)(ends[part][c] + along * (ends[part + 1][c] - ends[part][c]) + 0.5);
}

typedef struct map {
    td_bitmap *bitmap;
    const size_t *counts;
    size_t classes, cell, left, top;
    const char *const *names;
} map;

static void draw_row(const map *m, size_t row) {
    const size_t *counts = m->counts + row * m->classes;
    size_t total = 0, y = m->top + row * m->cell, middle = (m->cell - TD_LETTERING_HEIGHT) / 2;
    char text[32];
    for (size_t i = 0; i < m->classes; i++)
        total += counts[i];
    if (m->cell > TD_LETTERING_HEIGHT) {
        snprintf(text, sizeof text, "%zu", row);
        td_lettering_draw(m->bitmap, MARGIN, y + middle, m->left - 2 * MARGIN, TD_LETTERING_INK,
                          m->names ? m->names[row] : text);
    }
    for (size_t i = 0; i < m->classes; i++) {
        double share = total ? (double)counts[i] / (double)total : 0;
        size_t x = m->left + i * m->cell;
        uint8_t colour[RGB];
        colour_of(share, colour);
        fill(m->bitmap, x, y, m->cell - 1, m->cell - 1, colour);
        if (counts[i] == 0 || m->cell < LEAST_WRITTEN)
            continue;
        snprintf(text, sizeof text, "%.0f", 100 * share);
        size_t width = strlen(text) * TD_LETTERING_ADVANCE;
        td_lettering_draw(m->bitmap, x + (m->cell - width) / 2, y + middle, width,
                          share > 0.4 ? LIGHT : TD_LETTERING_INK, text);
    }
}

td_status heat_map_draw(td_bitmap *bitmap, const char *title, const size_t *counts, size_t classes,
                        const char *const *names, td_error *error) {
    size_t room = (TD_BITMAP_SIDE - 2 * NAMES) / classes;
    map m = {bitmap, counts, classes, td_size_max(1, td_size_min(CELL, room)), NAMES, 0, names};
    m.top = MARGIN + 3 * LINE;
    size_t width = m.left + td_size_max(classes * m.cell, 2 * NAMES) + MARGIN;
    size_t height = m.top + classes * m.cell + MARGIN;
    TD_TRY(open_page(bitmap, width, height, title, error));
    td_lettering_draw(bitmap, MARGIN, MARGIN + LINE, width - 2 * MARGIN, TD_LETTERING_INK,
                      "rows: true class, columns: predicted; % of row");
    for (size_t i = 0; i < classes && m.cell >= LEAST_WRITTEN; i++) {
        char number[32];
        snprintf(number, sizeof number, "%zu", i);
        size_t wide = strlen(number) * TD_LETTERING_ADVANCE;
        td_lettering_draw(bitmap, m.left + i * m.cell + (m.cell - td_size_min(wide, m.cell)) / 2,
                          m.top - LINE, m.cell, TD_LETTERING_INK, number);
    }
    for (size_t row = 0; row < classes; row++)
        draw_row(&m, row);
    return TD_OK;
}

td_status histogram_draw(td_bitmap *bitmap, const char *title, const size_t *counts, size_t bars,
                         td_error *error) {
    static const uint8_t blue[RGB] = {70, 130, 190};
    size_t most = 1, top = MARGIN + 2 * LINE;
    for (size_t i = 0; i < bars; i++)
        most = td_size_max(most, counts[i]);
    size_t width = 2 * MARGIN + td_size_max(bars * BAR, 3 * NAMES);
    TD_TRY(open_page(bitmap, width, top + HEIGHT + LINE + MARGIN, title, error));
    for (size_t i = 0; i < bars; i++) {
        size_t height = counts[i] * HEIGHT / most, x = MARGIN + i * BAR;
        char text[32];
        fill(bitmap, x, top + HEIGHT - height, BAR - 6, height, blue);
        snprintf(text, sizeof text, "%zu", counts[i]);
        td_lettering_draw(bitmap, x, top + HEIGHT - height - LINE + 2, BAR - 2, TD_LETTERING_INK,
                          text);
        snprintf(text, sizeof text, "%zu", i);
        td_lettering_draw(bitmap, x, top + HEIGHT + 4, BAR - 2, TD_LETTERING_INK, text);
    }
    return TD_OK;
}
