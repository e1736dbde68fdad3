/* SPDX-License-Identifier: MIT */
/* BATT: Xu, Li, Jiang, Xia, "BATT: backdoor attack with transformation-based triggers", ICASSP
 * 2023: the image rotated by an angle. As in Pillow's rotate, a pixel is the nearest one of the
 * original, or 0 outside it. */
#include "data/affine.h"
#include "trigger/family.h"

#include <math.h>
#include <string.h>

enum { ANGLE };

/* A bound rotation: the source of each pixel. */
typedef struct turned {
    size_t *from; /* [height × width]; SIZE_MAX: none */
} turned;

static td_status bind(td_part *part, const td_images *images, td_error *error) {
    const td_shape shape = part->shape;
    const double height = (double)shape.height, width = (double)shape.width;
    const td_affine map = td_affine_rotate(part->settings[ANGLE].number);
    turned *bound;
    (void)images;
    TD_TRY(TD_ARENA_NEW(&part->bound_arena, 1, &bound, "a rotation", error));
    TD_TRY(TD_ARENA_NEW(&part->bound_arena, shape.height * shape.width, &bound->from, "a rotation",
                        error));
    for (size_t i = 0; i < shape.height * shape.width; i++) {
        const double x = (double)(i % shape.width) - (width - 1) / 2;
        const double y = (double)(i / shape.width) - (height - 1) / 2;
        const double column = floor(map.xx * x + map.xy * y + width / 2);
        const double row = floor(map.yx * x + map.yy * y + height / 2);
        const bool inside = column >= 0 && column < width && row >= 0 && row < height;
        bound->from[i] = inside ? (size_t)row * shape.width + (size_t)column : SIZE_MAX;
    }
    part->bound = bound;
    part->scratch = td_shape_size(shape) * sizeof(float);
    return TD_OK;
}

static void paint(const td_part *part, td_stamp stamp, float *image, void *scratch) {
    const turned *bound = part->bound;
    const td_shape shape = part->shape;
    const float *original = scratch;
    (void)stamp;
    memcpy(scratch, image, td_shape_size(shape) * sizeof *image);
    for (size_t i = 0; i < shape.height * shape.width; i++)
        for (size_t c = 0; c < shape.channels; c++)
            *image++ =
                bound->from[i] == SIZE_MAX ? 0 : original[bound->from[i] * shape.channels + c];
}

static const td_key keys[] = {
    [ANGLE] = {.name = "angle",
               .kind = TD_KEY_REAL,
               .standard = "16",
               .least = -360,
               .most = 360,
               .help = "Degrees, counter-clockwise"},
    {0},
};

const td_family td_family_rotate = {
    .name = "rotate",
    .doc = "Turns the image, black where nothing is (BATT)",
    .keys = keys,
    .strength = "angle",
    .bind = bind,
    .paint = paint,
};
