/* Triggers: what marks an image for a backdoored model. A trigger is a family (square, pixel,
 * image,
 * ...) with its keys, written FAMILY[:key=value,...]; it is applied to raw pixels in float, then
 * clipped to 0–255 and rounded to the nearest whole value, halves up, as a camera would. Adding a
 * family is one file and one row in the table in trigger.c.
 *
 *   square, triangle, rhombus   size (7), at (top-left), value (255)
 *   pixel                       at (top-left), value (255)
 *   image                       file (a PNG, its alpha respected; must be given), at (top-left)
 *
 * at: top-left, top-right, bottom-left, bottom-right, center (rounded towards the top left) or X+Y,
 * the column and the row of the patch's top-left pixel. value: V, or R/G/B, in 0–255; V on RGB
 * images means all three. The triangle is isosceles with its apex at the top, the rhombus the ball
 * |dx| + |dy|; both fill their size × size box. */
#ifndef TD_TRIGGER_TRIGGER_H
#define TD_TRIGGER_TRIGGER_H

#include "base/arena.h"
#include "base/error.h"
#include "data/images.h"

typedef struct td_trigger td_trigger;

/* Parses TRIGGER; TD_ERR_USAGE names the key that is wrong and what is allowed. A file it names is
 * read here. On success the caller owns *out. */
td_status td_trigger_parse(td_trigger **out, const char *text, td_error *error) TD_MUST_USE;

void td_trigger_free(td_trigger *trigger);

/* The canonical text: every key with its value, in the family's order. Owned by the trigger. */
const char *td_trigger_text(const td_trigger *trigger);

/* The file that the trigger was read from, or NULL. Owned by the trigger. */
const char *td_trigger_file(const td_trigger *trigger);

/* TD_ERR_USAGE if the trigger does not lie wholly inside images of this size, or has colours and
 * the images are grey. To be called before td_trigger_apply. */
td_status td_trigger_check(const td_trigger *trigger, size_t height, size_t width, size_t channels,
                           td_error *error) TD_MUST_USE;

/* Stamps one image [height, width, channels] in place. `canvas` is scratch memory for as many
 * floats, one per thread. */
void td_trigger_apply(const td_trigger *trigger, size_t height, size_t width, size_t channels,
                      uint8_t *pixels, float *canvas);

/* Stamped copies of all images, allocated in `arena`; the labels are shared with `images`. Checks
 * first, as td_trigger_check does; TD_ERR_MEMORY. */
td_status td_trigger_stamp(const td_trigger *trigger, const td_images *images, td_arena *arena,
                           td_images *out, td_error *error) TD_MUST_USE;

#endif
