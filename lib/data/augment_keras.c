/* SPDX-License-Identifier: MIT */
/* Augmentation composed as in Keras's ImageDataGenerator. A point of the result, relative to the
 * centre, x to the right and y down, is read from the input at R·T·S·Z of it:
 *
 *   R  rotation by θ, uniform in ±rotate          T  moved by tx = ±shift·height, ty = ±shift·width
 *   S  shear, [[1, −sin s], [0, cos s]]           Z  x·zx and y·zy, each 1 ± zoom by its own draw
 *
 * As in Keras, tx moves columns but is a share of the height; most images are square. */
#include "data/augment.h"

enum { ROTATE, SHIFT, SHEAR, ZOOM, FLIP, BLACK, KINDS };

static const td_augment_kind kinds[KINDS] = {
    [ROTATE] = {"rotate", 0, 180, false, 8, NULL}, [SHIFT] = {"shift", 0, 0.9, false, 0.08, NULL},
    [SHEAR] = {"shear", 0, 89, false, 0.3, NULL},  [ZOOM] = {"zoom", 0, 0.9, false, 0.08, NULL},
    [FLIP] = {"flip", 0, 0, false, 1, NULL},       [BLACK] = {"black", 0, 0, false, 1, NULL},
};

/* Uniform in [−most, most). */
static double draw(td_random *random, double most) {
    return most * (2 * (double)td_random_unit(random) - 1);
}

static td_affine draw_map(const double *amounts, td_random *random, const td_images *images) {
    td_affine map = td_affine_identity();
    if (amounts[ROTATE] != 0)
        map = td_affine_rotate(draw(random, amounts[ROTATE]));
    if (amounts[SHIFT] != 0) {
        const double tx = draw(random, amounts[SHIFT]) * (double)images->height;
        const double ty = draw(random, amounts[SHIFT]) * (double)images->width;
        map = td_affine_then(map, td_affine_translate(-tx, -ty)); /* points, not the picture */
    }
    if (amounts[SHEAR] != 0)
        map = td_affine_then(map, td_affine_shear(draw(random, amounts[SHEAR])));
    if (amounts[ZOOM] != 0) {
        const double zx = 1 + draw(random, amounts[ZOOM]);
        map = td_affine_then(map, td_affine_stretch(zx, 1 + draw(random, amounts[ZOOM])));
    }
    if (amounts[FLIP] != 0 && td_random_below(random, 2))
        map = td_affine_then(map, td_affine_mirror());
    return map;
}

static void paint(const td_augment *augment, td_random *random, const td_images *images,
                  size_t index, float *out) {
    const td_affine map = draw_map(augment->amounts, random, images);
    (augment->amounts[BLACK] != 0 ? td_affine_sample : td_affine_sample_nearest)(
        map, td_image(images, index), images->height, images->width, images->channels, out);
}

const td_augment_scheme td_augment_keras = {"keras", kinds, KINDS, paint};
