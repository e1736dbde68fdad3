/* Pictures of counts, for people to look at. */
#ifndef TOOLS_EVAL_HEAT_MAP_H
#define TOOLS_EVAL_HEAT_MAP_H

#include "base/error.h"
#include "data/bitmap.h"

/* Draws counts[classes, classes]: a row a true class, a column a predicted class, each cell
 * coloured by its share of the row, which it also says in percent where there is room. `names`
 * [classes] may be NULL. The caller frees the bitmap. */
td_status heat_map_draw(td_bitmap *bitmap, const char *title, const size_t *counts, size_t classes,
                        const char *const *names, td_error *error) TD_MUST_USE;

/* Draws a bar for each of counts[bars], with its number under it and its count above. */
td_status histogram_draw(td_bitmap *bitmap, const char *title, const size_t *counts, size_t bars,
                         td_error *error) TD_MUST_USE;

#endif
