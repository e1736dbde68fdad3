/* The contact sheet of trapdoor-data show. */
#ifndef TOOLS_DATA_SHOW_H
#define TOOLS_DATA_SHOW_H

#include "data/dataset.h"
#include "data/png.h"

enum { SHOW_MOST_SETS = 2 };

/* Draws one set's images, or those of two sets at the same places side by side with their amplified
 * difference. `places` count from the sets' first images; two sets have images of one shape. The
 * caller frees the bitmap. */
td_status show_draw(td_bitmap *bitmap, const td_dataset *sets, size_t set_count,
                    const size_t *places, size_t count, td_error *error) TD_MUST_USE;

#endif
