/* SPDX-License-Identifier: MIT */
/* Converts pictures of triggers to the images' shape. */
#include "data/fit.h"
#include "trigger/family.h"

static bool is_colour(const td_bitmap *bitmap) {
    return bitmap->channels >= 3;
}

bool td_part_fits(const td_bitmap *bitmap, td_shape shape) {
    return bitmap->height == shape.height && bitmap->width == shape.width &&
           is_colour(bitmap) == (shape.channels == 3);
}

td_status td_part_note_fit(td_part *part, const char *file, const td_bitmap *bitmap,
                           td_error *error) {
    td_shape shape = part->shape;
    if (td_part_fits(bitmap, shape))
        return TD_OK;
    return td_part_set_note(part, error,
                            "%s: %zux%zu in %s is made to fit the images, %zux%zu in %s", file,
                            bitmap->width, bitmap->height, is_colour(bitmap) ? "colour" : "grey",
                            shape.width, shape.height, shape.channels == 3 ? "colour" : "grey");
}

td_status td_part_fit(const td_bitmap *bitmap, td_shape shape, uint8_t *out, td_error *error) {
    td_fit fit = {shape.height, shape.width, shape.channels, TD_BILINEAR};
    return td_fit_picture(bitmap, (td_box){0}, &fit, out, error);
}
