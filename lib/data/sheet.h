/* SPDX-License-Identifier: MIT */
/* Contact sheets: rows of enlarged images with captions and column headings. Texts are UTF-8;
 * non-ASCII characters are drawn as "?". */
#ifndef TD_DATA_SHEET_H
#define TD_DATA_SHEET_H

#include "base/error.h"
#include "data/images.h"
#include "data/png.h"

typedef struct td_sheet_cell {
    const uint8_t *pixels; /* [height, width, channels], or NULL for an empty cell */
    const char *caption;   /* under the image, or NULL */
} td_sheet_cell;

typedef struct td_sheet {
    size_t rows, columns;
    size_t height, width, channels; /* of every image on the sheet */
    const td_sheet_cell *cells;     /* [rows, columns] */
    const char *const *headings;    /* [columns], over them, or NULL */
} td_sheet;

/* Draws the sheet on white as an RGB bitmap. Images are enlarged by a whole factor to about 100
 * pixels wide; texts are shortened to an image's width. TD_ERR_USAGE for a sheet of more than 16384
 * pixels per side. The caller frees the bitmap. */
td_status td_sheet_draw(td_bitmap *bitmap, const td_sheet *sheet, td_error *error) TD_MUST_USE;

#endif
